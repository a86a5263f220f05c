"""A document that somebody showed to be verified: its states, and who may look at it and decide.

waiting → approved
   ├────→ refused
   └────→ expired      nobody decided in time: nothing is ever approved by that
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from policybot.domain import number
from policybot.domain.errors import NotPermitted, OutOfOrder
from policybot.domain.identity import Assurance


class State(StrEnum):
    """Where a document stands."""

    WAITING = "waiting"
    APPROVED = "approved"
    REFUSED = "refused"
    EXPIRED = "expired"


class Step(StrEnum):
    """What can be done to a document."""

    APPROVE = "approve"
    REFUSE = "refuse"
    EXPIRE = "expire"


MOVES: dict[tuple[State, Step], State] = {
    (State.WAITING, Step.APPROVE): State.APPROVED,
    (State.WAITING, Step.REFUSE): State.REFUSED,
    (State.WAITING, Step.EXPIRE): State.EXPIRED,
}

UPLOADS_AN_HOUR = 6
"""How often an account may send the form in an hour, mistakes in it among them."""


@dataclass(frozen=True, slots=True)
class Document:
    """One document, without what stands in it: that is in the vault."""

    id: int
    user_id: str
    """Whose account it is. Reviewers see the name in the document, and so never this."""
    kind: str
    country: str
    assurance: Assurance
    state: State
    submitted_at: datetime
    candidate: str | None
    """Under which ID the vault keeps what was shown; None once it is forgotten."""
    blind: str | None
    """The person in the blind index, until the decision."""
    likeness: str | None = None
    """Who it may be beside that, until the decision."""
    person_id: str | None = None
    """Whom it was found to be, once approved."""
    seen_by: tuple[str, ...] = ()
    """The reviewers who have opened it."""
    reviewer: str | None = None
    decided_at: datetime | None = None
    version: int = 1

    @property
    def number(self) -> str:
        """What it is called."""
        return number.document(self.id)

    @property
    def realm(self) -> str:
        """Where its number tells one person from another."""
        return realm(self.kind, self.country)


def realm(kind: str, country: str) -> str:
    """Name the realm of a kind of document: numbers are unique within one kind of one country."""
    return f"{kind}|{country}"


def moved(document: Document, step: Step) -> Document:
    """Take a step.

    Raises:
        OutOfOrder: it is decided already.
    """
    after = MOVES.get((document.state, step))
    if after is None:
        message = f"{document.number} is {document.state} already: there is nothing more to decide."
        raise OutOfOrder(message)
    return replace(document, state=after)


def reviewable_by(document: Document, reviewer: str, *, same_person: bool) -> None:
    """Check that somebody may look at a document and decide on it.

    Raises:
        NotPermitted: it is their own, or that of another account of theirs.
    """
    if same_person or reviewer == document.user_id:
        message = f"{document.number} is your own document: somebody else reviews it."
        raise NotPermitted(message)


def approvable_by(document: Document, reviewer: str) -> None:
    """Check that a reviewer knows what they approve.

    Raises:
        OutOfOrder: they have not looked at it.
    """
    if reviewer not in document.seen_by:
        message = (
            f"Please look at {document.number} before you approve it: write !policy show "
            f"{document.number} to me alone, and I send you a link."
        )
        raise OutOfOrder(message)
