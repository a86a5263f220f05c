"""Reports on one subject gathered into a case, worked by one moderator at a time.

open → claimed → pending_approval → decided → closed
        │  ↑         └ denied, expired ┘│
        └ lease ends → open             └ appeal → reopened by a new decision
open, claimed → merged: all that is in it is worked in another case
                                         complaint of a reporter → open
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from policybot.domain.errors import NotPermitted, OutOfOrder


class State(StrEnum):
    """Where a case stands."""

    OPEN = "open"
    CLAIMED = "claimed"
    PENDING_APPROVAL = "pending_approval"
    DECIDED = "decided"
    CLOSED = "closed"
    MERGED = "merged"


class Step(StrEnum):
    """What can be done to a case."""

    CLAIM = "claim"
    RELEASE = "release"
    PROPOSE = "propose"
    DENY = "deny"
    DECIDE = "decide"
    CLOSE = "close"
    MERGE = "merge"
    REOPEN = "reopen"


UNDECIDED = frozenset({State.OPEN, State.CLAIMED, State.PENDING_APPROVAL})
"""States in which nothing is decided yet."""

MOVES: dict[tuple[State, Step], State] = {
    (State.OPEN, Step.CLAIM): State.CLAIMED,
    (State.CLAIMED, Step.CLAIM): State.CLAIMED,
    (State.CLAIMED, Step.RELEASE): State.OPEN,
    (State.CLAIMED, Step.PROPOSE): State.PENDING_APPROVAL,
    (State.CLAIMED, Step.DECIDE): State.DECIDED,
    (State.PENDING_APPROVAL, Step.DENY): State.CLAIMED,
    (State.PENDING_APPROVAL, Step.DECIDE): State.DECIDED,
    (State.DECIDED, Step.CLOSE): State.CLOSED,
    (State.OPEN, Step.MERGE): State.MERGED,
    (State.CLAIMED, Step.MERGE): State.MERGED,
    (State.CLOSED, Step.REOPEN): State.OPEN,
}

_IN_WORDS = {
    State.OPEN: "open",
    State.CLAIMED: "being looked at",
    State.PENDING_APPROVAL: "waiting for a second person to confirm what was proposed",
    State.DECIDED: "decided",
    State.CLOSED: "closed",
    State.MERGED: "merged into another case",
}

LEASE = timedelta(minutes=30)
"""How long a claim usually holds without its holder doing anything."""


class SubjectKind(StrEnum):
    """What a report or a case can be about."""

    EVENT = "event"
    ROOM = "room"
    USER = "user"
    SERVER = "server"


@dataclass(frozen=True, slots=True)
class Subject:
    """What a report or a case is about, in Matrix's own names."""

    kind: SubjectKind
    room_id: str | None = None
    event_id: str | None = None
    user_id: str | None = None
    """The account; for an event its sender, known once the homeserver was asked."""
    server: str | None = None

    @property
    def key(self) -> str:
        """One string for one subject, so that several reports on it meet in one case."""
        match self.kind:
            case SubjectKind.EVENT:
                return f"event {self.room_id} {self.event_id}"
            case SubjectKind.ROOM:
                return f"room {self.room_id}"
            case SubjectKind.USER:
                return f"user {self.user_id}"
            case SubjectKind.SERVER:
                return f"server {self.server}"

    @property
    def in_words(self) -> str:
        """The subject, as a moderator reads it."""
        match self.kind:
            case SubjectKind.EVENT:
                return f"a message of {self.user_id or 'somebody'} in {self.room_id}"
            case SubjectKind.ROOM:
                return f"the room {self.room_id}"
            case SubjectKind.USER:
                return f"the account {self.user_id}"
            case SubjectKind.SERVER:
                return f"the server {self.server}"


@dataclass(frozen=True, slots=True)
class Case:
    """What is decided together: one subject, its reports, and who works on it."""

    id: int
    subject: Subject
    state: State
    opened_at: datetime
    occurred_at: datetime
    """When the reported act happened; until the homeserver was asked, when it was reported."""
    assignee: str | None = None
    lease_until: datetime | None = None
    due_at: datetime | None = None
    """When somebody should have looked at it."""
    rank: datetime | None = None
    """What the queue is ordered by; see `priority`."""
    rules: tuple[str, ...] = ()
    """The rules that reports and findings name."""
    merged_into: int | None = None
    version: int = 1

    @property
    def number(self) -> str:
        """What the case is called."""
        return f"C-{self.id}"

    @property
    def in_words(self) -> str:
        """Where it stands, as one says it."""
        return _IN_WORDS[self.state]

    def held_by(self, now: datetime) -> str | None:
        """Name the moderator whose claim holds now."""
        if self.assignee and self.lease_until and now < self.lease_until:
            return self.assignee
        return None


def moved(case: Case, step: Step) -> Case:
    """Take a step.

    Raises:
        OutOfOrder: the present state does not allow it.
    """
    after = MOVES.get((case.state, step))
    if after is None:
        message = f"{case.number} is {case.in_words}: it is not the time to {step} it."
        raise OutOfOrder(message)
    return replace(case, state=after)


def claimed(case: Case, by: str, now: datetime, lease: timedelta = LEASE) -> Case:
    """Take a case, or renew one's own claim.

    Raises:
        NotPermitted: somebody else's claim still holds.
        OutOfOrder: the case is past working on.
    """
    if (case.state, Step.CLAIM) not in MOVES:
        already = "" if case.state in UNDECIDED else " already"
        message = f"{case.number} is {case.in_words}{already}: !policy show {case.number}"
        raise OutOfOrder(message)
    holder = case.held_by(now)
    if holder is not None and holder != by:
        message = f"{case.number} is with {holder} until {case.lease_until:%H:%M} UTC."
        raise NotPermitted(message)
    return replace(moved(case, Step.CLAIM), assignee=by, lease_until=now + lease)


def released(case: Case, by: str, now: datetime) -> Case:
    """Give a claimed case back.

    Raises:
        NotPermitted: it is with somebody else.
        OutOfOrder: nobody works on it.
    """
    holder = case.held_by(now)
    if holder is not None and holder != by:
        message = f"{case.number} is with {holder}."
        raise NotPermitted(message)
    return replace(moved(case, Step.RELEASE), assignee=None, lease_until=None)


def impartial(case: Case, by: str, involved: frozenset[str]) -> None:
    """Check that somebody may work on a case.

    Raises:
        NotPermitted: they are a party to it.
    """
    if by in involved:
        message = f"You are a party to {case.number}, so somebody else decides it."
        raise NotPermitted(message)


def anew(case: Case, by: str, judged: frozenset[str]) -> None:
    """Check that a case that is looked at anew is judged by somebody else than before.

    Raises:
        NotPermitted: they found no breach in it, and an objection to that was right.
    """
    if by in judged:
        message = (
            f"You found no breach in {case.number}, and the objection to that was right, so somebody "
            "else decides it."
        )
        raise NotPermitted(message)


def beating(case: Case, by: str, now: datetime, lease: timedelta) -> datetime | None:
    """Say until when a claim is to hold because its holder is at work; None if that is long enough."""
    if case.held_by(now) != by or case.lease_until is None or case.lease_until - now >= lease / 2:
        return None
    return now + lease


def together(source: Iterable[Subject], target: Subject) -> bool:
    """Say whether subjects can be decided together with that of a case.

    What one account did can be, and what was written in a room with the case about the room: nobody is
    decided about, nor has a message removed, in the case of somebody else.
    """
    if target.kind is SubjectKind.ROOM:
        return all(subject.room_id == target.room_id for subject in source)
    if target.user_id is None:
        return False
    return all(s.kind is not SubjectKind.ROOM and s.user_id == target.user_id for s in source)


def merged(case: Case, into: Case, by: str, now: datetime) -> Case:
    """Let a case be worked in another one from now on.

    Raises:
        NotPermitted: somebody else works on one of them.
        OutOfOrder: one of them is past working on, or waits for a second person.
    """
    for one in (case, into):
        holder = one.held_by(now)
        if holder is not None and holder != by:
            message = f"{one.number} is with {holder}."
            raise NotPermitted(message)
        moved(one, Step.MERGE)
    return replace(moved(case, Step.MERGE), assignee=None, lease_until=None, merged_into=into.id)
