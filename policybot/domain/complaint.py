"""A complaint: what a reporter objects to in an answer, until when, and how another person ends it.

Article 20 of Regulation (EU) 2022/2065 gives it also to those who reported and were told that nothing
was done.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from policybot.domain.appeal import MIN_TEXT, MOVES, State, Verdict
from policybot.domain.errors import Incomplete, OutOfOrder
from policybot.domain.name import one_line
from policybot.domain.report import MOST_TEXT


class About(StrEnum):
    """What somebody objects to; each can be objected to once."""

    OUTCOME = "outcome"
    """That no rule was broken, and that the report was manifestly unfounded where that was said."""
    CAUTION = "caution"
    PAUSE = "pause"


AGAINST = {
    About.OUTCOME: "the answer",
    About.CAUTION: "the warning",
    About.PAUSE: "the pause",
}
_OVERTURNED = {
    About.CAUTION: "The warning is taken back and counts for nothing.",
    About.PAUSE: "The pause is over, and your reports are taken as before.",
}


@dataclass(frozen=True, slots=True)
class Complaint:
    """A reporter's objection to what became of one report, or of them because of it."""

    id: int
    report_id: int
    about: About
    complainant: str
    text: str
    state: State
    submitted_at: datetime
    due_at: datetime
    """When it should be answered."""
    reviewer: str | None = None
    reasons: str = ""
    decided_at: datetime | None = None
    version: int = 1

    @property
    def receipt(self) -> str:
        """The number of the report."""
        return f"R-{self.report_id}"


def admissible(text: str, *, answered_at: datetime, now: datetime, window: timedelta) -> str:
    """Check that a complaint can be taken in; return its text as it is kept.

    Raises:
        Incomplete: it says nothing.
        OutOfOrder: the time for it is over.
    """
    said = one_line(text, MOST_TEXT)
    if len(said) < MIN_TEXT:
        message = "Please say in a sentence what was overlooked or judged wrongly."
        raise Incomplete(message)
    if now > answered_at + window:
        message = f"The time to object ended on {answered_at + window:%-d %B %Y}."
        raise OutOfOrder(message)
    return said


def decided(complaint: Complaint, verdict: Verdict, reasons: str) -> tuple[State, str]:
    """Say how a complaint ends, and with which reasons as they are kept.

    Raises:
        Incomplete: no reasons were given.
        OutOfOrder: it was decided before.
    """
    said = one_line(reasons, MOST_TEXT)
    if len(said) < MIN_TEXT:
        message = "Please give the reasons in a sentence: the person will read them."
        raise Incomplete(message)
    after = MOVES.get((complaint.state, verdict))
    if after is None:
        message = f"This objection has been decided already: {complaint.state.value}."
        raise OutOfOrder(message)
    return after, said


def _outside(appeal_body: str | None) -> str:
    return f"\nYou can still turn to {appeal_body}." if appeal_body else ""


def upheld(complaint: Complaint, reasons: str, appeal_body: str | None) -> str:
    """Tell a reporter that what they objected to stands."""
    return (
        f"Your objection about {complaint.receipt} was decided by another person: "
        f"{AGAINST[complaint.about]} stands.\nReasons: {reasons}{_outside(appeal_body)}"
    )


def modified(complaint: Complaint, reasons: str, appeal_body: str | None) -> str:
    """Tell a reporter that their report had some ground, though no rule was broken."""
    return (
        f"Your objection about {complaint.receipt} succeeded in part: no rule was broken, but your "
        f"report was not manifestly unfounded, and it no longer counts as that.\nReasons: {reasons}"
        f"{_outside(appeal_body)}"
    )


def overturned(complaint: Complaint, reasons: str, appeal_body: str | None) -> str:
    """Tell a reporter that a warning or a pause is taken back."""
    return (
        f"Your objection about {complaint.receipt} succeeded. {_OVERTURNED[complaint.about]}\n"
        f"Reasons: {reasons}{_outside(appeal_body)}"
    )


def reopened(*, receipt: str, case_number: str, reasons: str, appeal_body: str | None) -> str:
    """Tell a reporter that what they complained of is looked at anew, because they objected."""
    return (
        f"Your objection about {receipt} succeeded: case {case_number} is open again and will be looked "
        f"at anew. I will tell you the outcome.\nReasons: {reasons}{_outside(appeal_body)}"
    )


def reopened_for_others(*, receipt: str, case_number: str) -> str:
    """Tell another reporter of the same that it is looked at anew."""
    return (
        f"About your report {receipt}: another reporter objected to the answer that no rule was broken, "
        f"and was right. Case {case_number} is open again and will be looked at anew. I will tell "
        f"you the outcome."
    )


def in_words(complaint: Complaint) -> str:
    """Say to whoever objected where that stands."""
    against = f"You objected to {AGAINST[complaint.about]} on {complaint.submitted_at:%-d %B %Y}"
    if complaint.state is State.SUBMITTED:
        by = f"{complaint.due_at:%-d %B %Y}"
        return f"{against}; it waits for another person, who should answer by {by}."
    ended = {
        State.UPHELD: "it stands",
        State.MODIFIED: "no rule was broken, but your report was not unfounded",
        State.OVERTURNED: "you were right",
    }
    at = f" on {complaint.decided_at:%-d %B %Y}" if complaint.decided_at else ""
    return f"{against}, and that was decided{at}: {ended[complaint.state]}. Reasons: {complaint.reasons}"
