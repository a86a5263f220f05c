"""A room's application to become a governed room: its states, who may move it, and its number.

draft → submitted → in_review ⇄ needs_info → approved → renewal_due → approved
                        │                       ├→ suspended → approved
                        │                       ├→ expired → approved
                        ├→ rejected             ├→ revoked
    draft … needs_info ─┴→ withdrawn            └→ in_review   (the room could not be taken in)
After an appeal: rejected → submitted, revoked → approved.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from policybot.domain import validity
from policybot.domain.application import MIN_PURPOSE, NOTHING_SAID, About
from policybot.domain.errors import Incomplete, OutOfOrder
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
    EXPIRED = "expired"
    """Its time is over and nobody has renewed it: nothing is shown until somebody does."""
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
    EXPIRE = "expire"
    REOPEN = "reopen"
    """An appeal against the refusal was right: it is reviewed anew."""
    RESTORE = "restore"
    """An appeal against the revocation was right: the approval holds again."""


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
    (State.APPROVED, Step.EXPIRE): State.EXPIRED,
    (State.RENEWAL_DUE, Step.RENEW): State.APPROVED,
    (State.RENEWAL_DUE, Step.EXPIRE): State.EXPIRED,
    (State.RENEWAL_DUE, Step.SUSPEND): State.SUSPENDED,
    (State.RENEWAL_DUE, Step.REVOKE): State.REVOKED,
    (State.SUSPENDED, Step.REINSTATE): State.APPROVED,
    (State.SUSPENDED, Step.REVOKE): State.REVOKED,
    (State.EXPIRED, Step.RENEW): State.APPROVED,
    (State.EXPIRED, Step.SUSPEND): State.SUSPENDED,
    (State.EXPIRED, Step.REVOKE): State.REVOKED,
    (State.EXPIRED, Step.WITHDRAW): State.WITHDRAWN,
    (State.REJECTED, Step.REOPEN): State.SUBMITTED,
    (State.REVOKED, Step.RESTORE): State.APPROVED,
}

IN_FORCE = frozenset({State.APPROVED, State.RENEWAL_DUE})
"""States in which the room is governed and shown to the public."""

ENDED = frozenset({State.REVOKED, State.REJECTED, State.WITHDRAWN})
"""States that nothing but an appeal leaves; the room can be filed anew."""

WAITING = frozenset({State.DRAFT, State.SUBMITTED, State.IN_REVIEW, State.NEEDS_INFO})
"""States in which nothing is decided yet."""
NOT_COUNTED = ENDED | {State.DRAFT}
"""States in which a filing takes nobody's place: drafts hold no room."""
HANDED_OVER = IN_FORCE | {State.EXPIRED}
"""States in which somebody else can take a room over; a suspended one keeps whoever answers for it."""

SYSTEM = "system:clock"
"""Who asks a deputy to take a room over."""
TRANSFER_LIFE = timedelta(days=7)
"""How long somebody has to accept a room that is handed over to them."""
TRANSFER_PAUSE = timedelta(hours=1)
"""How long the owner waits before asking somebody else: each time costs a stranger a message."""

_IN_WORDS = {
    State.DRAFT: "a draft",
    State.SUBMITTED: "waiting for a reviewer",
    State.IN_REVIEW: "being reviewed",
    State.NEEDS_INFO: "waiting for the applicant's answer",
    State.APPROVED: "approved",
    State.RENEWAL_DUE: "approved, renewal due",
    State.SUSPENDED: "suspended",
    State.EXPIRED: "expired, until it is renewed",
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
    reminded: int | None = None
    """The last reminder that was sent, as days before the end."""
    version: int = 1
    control: Control = Control.SHARED
    """How the room is to be taken in."""
    about: About = NOTHING_SAID
    deputy: str | None = None
    """The account that is asked to answer for the room where its owner no longer does."""

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
    filing = replace(moved(filing, Step.APPROVE), record_number=record_number)
    return _valid(filing, now, valid_for)


def renewed(filing: Filing, *, now: datetime, valid_for: timedelta) -> Filing:
    """Prolong an approval, or bring back one whose time is over."""
    return _valid(moved(filing, Step.RENEW), now, valid_for)


def _valid(filing: Filing, now: datetime, valid_for: timedelta) -> Filing:
    return replace(filing, valid_until=now + valid_for, reminded=validity.begun(valid_for))


def reminded(filing: Filing, days: int) -> Filing:
    """Note a reminder."""
    due = filing if filing.state is State.RENEWAL_DUE else moved(filing, Step.REMIND)
    return replace(due, reminded=days)


def handed_over(filing: Filing, to: str) -> Filing:
    """Give a room to somebody else to answer for.

    Raises:
        OutOfOrder: it is not the time for it.
    """
    if filing.state not in HANDED_OVER:
        message = f"{filing.number} is {filing.in_words}: it cannot be handed over now."
        raise OutOfOrder(message)
    if not filing.room_id:
        message = f"The room of {filing.number} is being made. Please try again in a minute."
        raise OutOfOrder(message)
    return replace(filing, applicant=to, deputy=None if filing.deputy == to else filing.deputy)
