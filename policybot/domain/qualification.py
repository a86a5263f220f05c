"""A room's right to publish on an operator-defined subject: its states, and who may decide on it.

claimed → granted → expired     its time is over
   │         ├────→ revoked     two people
   │         └────→ renewed     a newer one of the same kind took its place
   └──→ rejected
What was rejected waits again, and what was revoked holds again, where an appeal against that succeeds.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from policybot.domain import number, validity
from policybot.domain.errors import Incomplete, NotPermitted, OutOfOrder


class Right(StrEnum):
    """What a qualified room may do in its subject. Rights are shown; only a rule may look at one."""

    PUBLISH = "publish"
    """Its own texts."""
    REPUBLISH = "republish"
    """Those of others."""
    ANSWER = "answer"
    """Questions."""


class State(StrEnum):
    """Where a qualification stands."""

    CLAIMED = "claimed"
    GRANTED = "granted"
    REJECTED = "rejected"
    REVOKED = "revoked"
    EXPIRED = "expired"
    RENEWED = "renewed"


class Step(StrEnum):
    """What can be done to a qualification."""

    GRANT = "grant"
    REJECT = "reject"
    REVOKE = "revoke"
    EXPIRE = "expire"
    RENEW = "renew"
    REOPEN = "reopen"
    """After an appeal, before other reviewers."""
    RESTORE = "restore"
    """After an appeal, or while it is decided."""


MOVES: dict[tuple[State, Step], State] = {
    (State.CLAIMED, Step.GRANT): State.GRANTED,
    (State.CLAIMED, Step.REJECT): State.REJECTED,
    (State.GRANTED, Step.REVOKE): State.REVOKED,
    (State.GRANTED, Step.EXPIRE): State.EXPIRED,
    (State.GRANTED, Step.RENEW): State.RENEWED,
    (State.REJECTED, Step.REOPEN): State.CLAIMED,
    (State.REVOKED, Step.RESTORE): State.GRANTED,
}

ENDED = frozenset({State.REJECTED, State.REVOKED, State.EXPIRED, State.RENEWED})
"""States that only an appeal leaves; the same qualification can be claimed anew."""

MIN_TEXT = 10
"""Characters below which evidence or a reason says nothing."""
MAX_TEXT = 1000

_IN_WORDS = {State.CLAIMED: "waiting for a reviewer", State.RENEWED: "replaced by a newer one"}


@dataclass(frozen=True, slots=True)
class Qualification:
    """One qualification of one filed room, claimed or granted."""

    id: int
    filing_id: int
    kind: str
    """Which of the operator's own categories it is."""
    state: State
    evidence: str
    claimant: str
    claimed_at: datetime
    rights: tuple[str, ...] = ()
    """What was granted, as the configuration had it then."""
    reviewer: str | None = None
    reason: str = ""
    granted_at: datetime | None = None
    valid_until: datetime | None = None
    reminded: int | None = None
    """The last reminder that was sent, as days before the end."""
    ended_at: datetime | None = None
    version: int = 1

    @property
    def number(self) -> str:
        """What it is called."""
        return number.qualification(self.id)

    @property
    def in_words(self) -> str:
        """The state, as one says it."""
        return _IN_WORDS.get(self.state, self.state.value)

    @property
    def binding(self) -> str:
        """The fingerprint of exactly what a second person confirms."""
        terms = [self.id, self.version, self.kind, self.state.value, self.evidence, list(self.rights)]
        return hashlib.sha256(json.dumps(terms).encode()).hexdigest()


def said(text: str, what: str) -> str:
    """Read a text as one line: what stands on a card must not look like another line of it.

    Raises:
        Incomplete: it says too little, or too much.
    """
    line = " ".join(text.split())
    if len(line) < MIN_TEXT:
        message = f"Please write {what} in a sentence."
        raise Incomplete(message)
    if len(line) > MAX_TEXT:
        message = f"Please write {what} in at most {MAX_TEXT} characters."
        raise Incomplete(message)
    return line


def moved(qualification: Qualification, step: Step) -> Qualification:
    """Take a step.

    Raises:
        OutOfOrder: the present state does not allow it.
    """
    after = MOVES.get((qualification.state, step))
    if after is None:
        message = f"{qualification.number} is {qualification.in_words}: it is not the time to {step} it."
        raise OutOfOrder(message)
    return replace(qualification, state=after)


def decidable_by(qualification: Qualification, by: str, parties: Iterable[str]) -> None:
    """Check that somebody may decide on it.

    Raises:
        NotPermitted: it is their own, or that of another account of theirs.
    """
    if by == qualification.claimant or by in parties:
        message = f"{qualification.number} is about a room of your own: somebody else decides about it."
        raise NotPermitted(message)


def granted(
    qualification: Qualification,
    *,
    by: str,
    rights: Iterable[str],
    now: datetime,
    valid_for: timedelta,
) -> Qualification:
    """Grant it, for a time."""
    return replace(
        moved(qualification, Step.GRANT),
        reviewer=by,
        rights=tuple(rights),
        granted_at=now,
        valid_until=now + valid_for,
        reminded=validity.begun(valid_for),
    )


def ended(qualification: Qualification, step: Step, now: datetime, *, reason: str = "") -> Qualification:
    """Let it end."""
    return replace(moved(qualification, step), ended_at=now, reason=reason)


def reopened(qualification: Qualification) -> Qualification:
    """Let it wait for other reviewers, as it was asked for."""
    waiting = moved(qualification, Step.REOPEN)
    return replace(waiting, reviewer=None, reason="", ended_at=None)


def restored(qualification: Qualification) -> Qualification:
    """Let it hold again, for the time that is left; why it was revoked is kept until that is settled."""
    return replace(moved(qualification, Step.RESTORE), ended_at=None)
