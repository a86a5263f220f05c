"""An objection to what reviewers decided about a filing: refused, or its approval taken back."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from policybot.domain.appeal import MOVES, State, Verdict, said
from policybot.domain.errors import NotFound, OutOfOrder
from policybot.domain.filing import Filing
from policybot.domain.filing import State as Stands


class About(StrEnum):
    """What somebody objects to; each can be objected to once."""

    REJECTED = "rejected"
    REVOKED = "revoked"


AGAINST = {About.REJECTED: "the refusal", About.REVOKED: "the revocation"}
_OVERTURNED = {
    About.REJECTED: "It is with other reviewers again, as you filed it; I tell you what they decide.",
    About.REVOKED: "The approval holds again, and your room is being shown as before.",
}


@dataclass(frozen=True, slots=True)
class FilingAppeal:
    """An applicant's objection to one decision about their filing."""

    id: int
    filing_id: int
    about: About
    appellant: str
    text: str
    state: State
    submitted_at: datetime
    due_at: datetime
    """When it should be answered."""
    rests: bool = False
    """Whether the revocation rests while it is decided."""
    reviewer: str | None = None
    reasons: str = ""
    decided_at: datetime | None = None
    version: int = 1


def about(filing: Filing) -> About:
    """Say what can be objected to about a filing.

    Raises:
        NotFound: nothing was decided against it.
    """
    match filing.state:
        case Stands.REJECTED:
            return About.REJECTED
        case Stands.REVOKED:
            return About.REVOKED
        case _:
            message = f"{filing.number} is {filing.in_words}: there is nothing to appeal against."
            raise NotFound(message)


def decided(appeal: FilingAppeal, verdict: Verdict, reasons: str) -> tuple[State, str]:
    """Say how an objection ends, and with which reasons as they are kept.

    Raises:
        Incomplete: no reasons were given.
        OutOfOrder: a filing knows nothing milder.
    """
    kept = said(reasons, "Please give the reasons in a sentence: the person will read them.")
    if verdict is Verdict.MODIFY:
        message = "A filing is refused or not: uphold, or overturn."
        raise OutOfOrder(message)
    return MOVES[appeal.state, verdict], kept


def answer(appeal: FilingAppeal, number: str, outside: str | None) -> str:
    """Tell an applicant how their objection was decided."""
    body = f"\nYou can still turn to {outside}." if outside else ""
    how = (
        f"succeeded. {_OVERTURNED[appeal.about]}"
        if appeal.state is State.OVERTURNED
        else f"was decided by another person: {AGAINST[appeal.about]} stands."
    )
    return f"Your appeal about {number} {how}\nReasons: {appeal.reasons}{body}"


def in_words(appeal: FilingAppeal) -> str:
    """Say to an applicant where their objection stands."""
    made = f"You appealed against {AGAINST[appeal.about]} on {appeal.submitted_at:%-d %B %Y}"
    if appeal.state is State.SUBMITTED:
        return f"{made}; it should be answered by {appeal.due_at:%-d %B %Y}."
    ended = "you were right" if appeal.state is State.OVERTURNED else "it stands"
    return f"{made}, and that was decided: {ended}. Reasons: {appeal.reasons}"
