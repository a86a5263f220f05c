"""A complaint: what a reporter objects to in an answer, until when, and how another person ends it.

Article 20 of Regulation (EU) 2022/2065 gives it also to those who reported and were told that nothing
was done.
"""

from policybot.domain.appeal import MOST_TEXT, About, Appeal
from policybot.domain.name import one_line

_OVERTURNED = {
    About.CAUTION: "The warning is taken back and counts for nothing.",
    About.PAUSE: "The pause is over, and your reports are taken as before.",
}


def _why(reasons: str, appeal_body: str | None) -> str:
    """Give the reasons as one line, and name the body outside."""
    outside = f"\nYou can still turn to {appeal_body}." if appeal_body else ""
    return f"\nReasons: {one_line(reasons, MOST_TEXT)}{outside}"


def upheld(complaint: Appeal, appeal_body: str | None) -> str:
    """Tell a reporter that what they objected to stands."""
    return (
        f"Your objection about {complaint.number} was decided by another person: "
        f"{complaint.against} stands.{_why(complaint.reasons, appeal_body)}"
    )


def modified(complaint: Appeal, appeal_body: str | None) -> str:
    """Tell a reporter that their report had some ground, though no rule was broken."""
    return (
        f"Your objection about {complaint.number} succeeded in part: no rule was broken, but your "
        "report was not manifestly unfounded, and it no longer counts as that."
        f"{_why(complaint.reasons, appeal_body)}"
    )


def overturned(complaint: Appeal, appeal_body: str | None) -> str:
    """Tell a reporter that a warning or a pause is taken back."""
    return (
        f"Your objection about {complaint.number} succeeded. {_OVERTURNED[complaint.about]}"
        f"{_why(complaint.reasons, appeal_body)}"
    )


def reopened(*, receipt: str, case_number: str, reasons: str, appeal_body: str | None) -> str:
    """Tell a reporter that what they complained of is looked at anew, because they objected."""
    return (
        f"Your objection about {receipt} succeeded: case {case_number} is open again and will be looked "
        f"at anew. I will tell you the outcome.{_why(reasons, appeal_body)}"
    )


def reopened_for_others(*, receipt: str, case_number: str) -> str:
    """Tell another reporter of the same that it is looked at anew."""
    return (
        f"About your report {receipt}: another reporter objected to the answer that no rule was broken, "
        f"and was right. Case {case_number} is open again and will be looked at anew. I will tell "
        f"you the outcome."
    )
