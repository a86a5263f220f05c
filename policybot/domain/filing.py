"""A room's application to become a governed room: its states, who may move it, and its number.

draft → submitted → in_review ⇄ needs_info → approved → renewal_due → approved
                        │                       ├→ suspended → approved
                        ├→ rejected             ├→ revoked
    draft … needs_info ─┴→ withdrawn            └→ in_review   (the room could not be taken in)
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from policybot.domain.errors import Incomplete, NotPermitted, OutOfOrder
from policybot.domain.rank import Control


class State(StrEnum):
    """Where a filing stands."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    IN_REVIEW = "in_review"
    NEEDS_INFO = "needs_info"
    APPROVED = "approved"
    RENEWAL_DUE = "renewal_due"
    SUSPENDED = "suspended"
    REVOKED = "revoked"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class Step(StrEnum):
    """What can be done to a filing."""

    SUBMIT = "submit"
    CLAIM = "claim"
    ASK = "ask"
    ANSWER = "answer"
    APPROVE = "approve"
    REJECT = "reject"
    WITHDRAW = "withdraw"
    SUSPEND = "suspend"
    REINSTATE = "reinstate"
    REVOKE = "revoke"
    REMIND = "remind"
    RENEW = "renew"
    RETURN = "return"
    """The room could not be taken in: it is for people again."""


MOVES: dict[tuple[State, Step], State] = {
    (State.DRAFT, Step.SUBMIT): State.SUBMITTED,
    (State.DRAFT, Step.WITHDRAW): State.WITHDRAWN,
    (State.SUBMITTED, Step.CLAIM): State.IN_REVIEW,
    (State.SUBMITTED, Step.WITHDRAW): State.WITHDRAWN,
    (State.IN_REVIEW, Step.CLAIM): State.IN_REVIEW,
    (State.IN_REVIEW, Step.ASK): State.NEEDS_INFO,
    (State.IN_REVIEW, Step.APPROVE): State.APPROVED,
    (State.IN_REVIEW, Step.REJECT): State.REJECTED,
    (State.IN_REVIEW, Step.WITHDRAW): State.WITHDRAWN,
    (State.NEEDS_INFO, Step.ANSWER): State.IN_REVIEW,
    (State.NEEDS_INFO, Step.REJECT): State.REJECTED,
    (State.NEEDS_INFO, Step.WITHDRAW): State.WITHDRAWN,
    (State.APPROVED, Step.REMIND): State.RENEWAL_DUE,
    (State.APPROVED, Step.SUSPEND): State.SUSPENDED,
    (State.APPROVED, Step.REVOKE): State.REVOKED,
    (State.APPROVED, Step.RETURN): State.IN_REVIEW,
    (State.RENEWAL_DUE, Step.RENEW): State.APPROVED,
    (State.RENEWAL_DUE, Step.SUSPEND): State.SUSPENDED,
    (State.RENEWAL_DUE, Step.REVOKE): State.REVOKED,
    (State.SUSPENDED, Step.REINSTATE): State.APPROVED,
    (State.SUSPENDED, Step.REVOKE): State.REVOKED,
}

IN_FORCE = frozenset({State.APPROVED, State.RENEWAL_DUE})
"""States in which the room is governed and shown to the public."""

ENDED = frozenset({State.REVOKED, State.REJECTED, State.WITHDRAWN})
"""States that nothing leaves; the room can be filed anew."""

WAITING = frozenset({State.DRAFT, State.SUBMITTED, State.IN_REVIEW, State.NEEDS_INFO})
"""States in which nothing is decided yet."""

MIN_PURPOSE = 10
"""Characters below which a purpose says nothing to a reviewer."""

_IN_WORDS = {
    State.DRAFT: "a draft",
    State.SUBMITTED: "waiting for a reviewer",
    State.IN_REVIEW: "being reviewed",
    State.NEEDS_INFO: "waiting for the applicant's answer",
    State.APPROVED: "approved",
    State.RENEWAL_DUE: "approved, renewal due",
    State.SUSPENDED: "suspended",
    State.REVOKED: "revoked",
    State.REJECTED: "rejected",
    State.WITHDRAWN: "withdrawn",
}


@dataclass(frozen=True, slots=True)
class Filing:
    """One application and what became of it."""

    id: int
    room_id: str
    """Empty until the room is made, if it is to be."""
    applicant: str
    purpose: str
    categories: tuple[str, ...]
    state: State
    submitted_at: datetime
    record_number: str | None = None
    reviewer: str | None = None
    reason: str = ""
    """The last question, answer or reason that was written."""
    valid_until: datetime | None = None
    version: int = 1
    control: Control = Control.SHARED
    """How the room is to be taken in."""

    @property
    def number(self) -> str:
        """What the filing is called: its record number, before approval its file number."""
        return self.record_number or f"F-{self.id}"

    @property
    def place(self) -> str:
        """The room, or that there is none yet."""
        return self.room_id or "to be made"

    @property
    def in_words(self) -> str:
        """The state, as one says it."""
        return _IN_WORDS[self.state]


def moved(filing: Filing, step: Step) -> Filing:
    """Take a step.

    Raises:
        OutOfOrder: the present state does not allow it.
    """
    after = MOVES.get((filing.state, step))
    if after is None:
        message = f"{filing.number} is {filing.in_words}: it is not the time to {step} it."
        raise OutOfOrder(message)
    return replace(filing, state=after)


def submitted(filing: Filing) -> Filing:
    """Hand a draft in.

    Raises:
        Incomplete: the purpose or the category is missing.
    """
    if len(filing.purpose.strip()) < MIN_PURPOSE:
        message = "Please say in a sentence what the room is for."
        raise Incomplete(message)
    if not filing.categories:
        message = "Please name a category for the room."
        raise Incomplete(message)
    return moved(filing, Step.SUBMIT)


def reviewed_by(filing: Filing, reviewer: str) -> None:
    """Check that somebody may review a filing.

    Raises:
        NotPermitted: it is their own, or somebody else's to review.
    """
    if reviewer == filing.applicant:
        message = f"{filing.number} is your own filing: somebody else reviews it."
        raise NotPermitted(message)
    if filing.reviewer not in (None, reviewer):
        message = f"{filing.number} is with {filing.reviewer}."
        raise NotPermitted(message)


def controlled(filing: Filing, control: Control) -> Filing:
    """Choose how a room is to be taken in.

    Raises:
        OutOfOrder: it is decided already, or there is no room to choose for.
    """
    if filing.state not in WAITING:
        message = f"{filing.number} is {filing.in_words}: this can be chosen before it is decided."
        raise OutOfOrder(message)
    if filing.control is Control.CREATED:
        message = f"{filing.number} is for a room that I am to make: there is nothing to take over."
        raise OutOfOrder(message)
    return replace(filing, control=control)


def owned_by(filing: Filing, user_id: str) -> bool:
    """Say whether a filing is this account's own."""
    return filing.applicant == user_id


def approved(filing: Filing, *, record_number: str, now: datetime, valid_for: timedelta) -> Filing:
    """Approve a filing under its record number, for a time."""
    return replace(moved(filing, Step.APPROVE), record_number=record_number, valid_until=now + valid_for)
