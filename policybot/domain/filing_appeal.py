"""An objection to what was decided about a filing or a qualification: refused, or taken back."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from policybot.domain.appeal import MOVES, State, Verdict, said
from policybot.domain.errors import NotFound, OutOfOrder
from policybot.domain.filing import Filing
from policybot.domain.filing import State as Stands
from policybot.domain.qualification import Qualification
from policybot.domain.qualification import State as Held


class About(StrEnum):
    """What somebody objects to; each can be objected to once."""

    REJECTED = "rejected"
    REVOKED = "revoked"


AGAINST = {About.REJECTED: "the refusal", About.REVOKED: "the revocation"}
_FILING = {
    About.REJECTED: "It is with other reviewers again, as you filed it; I tell you what they decide.",
    About.REVOKED: "The approval holds again, and your room is being shown as before.",
}
_QUALIFICATION = {
    About.REJECTED: "It is with other reviewers again, as you asked; I tell you what they decide.",
    About.REVOKED: "The qualification holds again, and the label of your room shows it.",
}
_DECIDED: Mapping[Stands | Held, About] = {
    Stands.REJECTED: About.REJECTED,
    Stands.REVOKED: About.REVOKED,
    Held.REJECTED: About.REJECTED,
    Held.REVOKED: About.REVOKED,
}


@dataclass(frozen=True, slots=True)
class Matter:
    """What is objected to: what was decided about a filing, or about one of its qualifications."""

    filing: Filing
    qualification: Qualification | None = None

    @property
    def number(self) -> str:
        """What it is called."""
        return self.qualification.number if self.qualification else self.filing.number

    @property
    def in_words(self) -> str:
        """Where it stands, as one says it."""
        return self.qualification.in_words if self.qualification else self.filing.in_words

    @property
    def reason(self) -> str:
        """Why it was decided so."""
        return self.qualification.reason if self.qualification else self.filing.reason

    @property
    def about(self) -> About:
        """Say what can be objected to.

        Raises:
            NotFound: nothing was decided against it.
        """
        about = _DECIDED.get(self.qualification.state if self.qualification else self.filing.state)
        if about is None:
            message = f"{self.number} is {self.in_words}: there is nothing to appeal against."
            raise NotFound(message)
        return about


@dataclass(frozen=True, slots=True)
class FilingAppeal:
    """An applicant's objection to one decision about their filing, or a qualification of it."""

    id: int
    filing_id: int
    about: About
    appellant: str
    text: str
    state: State
    submitted_at: datetime
    due_at: datetime
    """When it should be answered."""
    qualification_id: int | None = None
    """Which qualification it is about; None if it is about the filing itself."""
    rests: bool = False
    """Whether the revocation rests while it is decided."""
    insisted: str = ""
    """Why it does not rest, where two people said so; else empty."""
    reviewer: str | None = None
    reasons: str = ""
    decided_at: datetime | None = None
    version: int = 1


def decided(appeal: FilingAppeal, verdict: Verdict, reasons: str) -> tuple[State, str]:
    """Say how an objection ends, and with which reasons as they are kept.

    Raises:
        Incomplete: no reasons were given.
        OutOfOrder: it was decided before, or something milder is wanted.
    """
    kept = said(reasons, "Please give the reasons in a sentence: the person will read them.")
    if verdict is Verdict.MODIFY:
        message = "It is refused or not: uphold, or overturn."
        raise OutOfOrder(message)
    if appeal.state is not State.SUBMITTED:
        message = f"This appeal has been decided already: {appeal.state.value}."
        raise OutOfOrder(message)
    return MOVES[appeal.state, verdict], kept


def answer(appeal: FilingAppeal, number: str, outside: str | None) -> str:
    """Tell an applicant how their objection was decided."""
    body = f"\nYou can still turn to {outside}." if outside else ""
    then = _FILING if appeal.qualification_id is None else _QUALIFICATION
    how = (
        f"succeeded. {then[appeal.about]}"
        if appeal.state is State.OVERTURNED
        else f"was decided by another person: {AGAINST[appeal.about]} stands."
    )
    return f"Your appeal about {number} {how}\nReasons: {appeal.reasons}{body}"


def in_words(appeal: FilingAppeal) -> str:
    """Say to an applicant where their objection stands."""
    made = f"You appealed against {AGAINST[appeal.about]} on {appeal.submitted_at:%-d %B %Y}"
    if appeal.state is State.SUBMITTED:
        binds = f" Meanwhile it does not rest, because: {appeal.insisted}" if appeal.insisted else ""
        return f"{made}; it should be answered by {appeal.due_at:%-d %B %Y}.{binds}"
    ended = "you were right" if appeal.state is State.OVERTURNED else "it stands"
    return f"{made}, and that was decided: {ended}. Reasons: {appeal.reasons}"
