"""An objection to a decision: until when, how urgent, decided by whom, and how it can end.

submitted ⇄ (waits for the person's answer; its clock stands still) → upheld | modified | overturned
    └→ withdrawn
Time calls people and decides nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from policybot.domain.errors import Incomplete, NotPermitted, OutOfOrder
from policybot.domain.ladder import Scope
from policybot.domain.measure import Kind
from policybot.domain.name import one_line


class State(StrEnum):
    """Where an appeal stands."""

    SUBMITTED = "submitted"
    UPHELD = "upheld"
    """The decision stands."""
    MODIFIED = "modified"
    """A milder decision took its place."""
    OVERTURNED = "overturned"
    """The decision is void from the beginning."""
    WITHDRAWN = "withdrawn"
    """Its author took it back; the decision stands."""


class Verdict(StrEnum):
    """How a reviewer ends an appeal."""

    UPHOLD = "uphold"
    MODIFY = "modify"
    OVERTURN = "overturn"


MOVES: dict[tuple[State, Verdict], State] = {
    (State.SUBMITTED, Verdict.UPHOLD): State.UPHELD,
    (State.SUBMITTED, Verdict.MODIFY): State.MODIFIED,
    (State.SUBMITTED, Verdict.OVERTURN): State.OVERTURNED,
}

MIN_TEXT = 5
"""Characters below which an appeal or its reasons say nothing."""
MOST_TEXT = 5_000
"""Characters of an appeal: as many as somebody reads who is to do it justice."""
MOST_WORDS = 10
"""How often somebody can add to an appeal, beside answers to questions."""
MOST_JOINED = 50
"""How many other accounts of a server can join its appeal, each once."""
LATE_WINDOW = timedelta(days=14)
"""For how long an appeal is taken in that a reviewer has let in after its time."""
PLEA = "+urgent"
"""What an appeal begins with whose author says that it is urgent."""


class Urgent(StrEnum):
    """Why an appeal goes before others."""

    ACCOUNT = "account"
    ROOM = "room"
    ENDS = "ends"
    AGREED = "agreed"
    """Its author says why, and a reviewer agrees."""


URGENT: Mapping[Urgent, str] = {
    Urgent.ACCOUNT: "the account cannot be used",
    Urgent.ROOM: "the room is suspended or closed",
    Urgent.ENDS: "the measure would end before the appeal is decided",
    Urgent.AGREED: "a reviewer agrees that it is urgent",
}


class Said(StrEnum):
    """What somebody writes to an appeal."""

    QUESTION = "question"
    """Of a reviewer; the appeal waits for its author."""
    ANSWER = "answer"
    ADDITION = "addition"
    """New evidence, unasked."""
    JOINED = "joined"
    """Of another account of the same server, where a whole server is shut out."""


@dataclass(frozen=True, slots=True)
class Word:
    """Something that was written to an appeal after it came in."""

    kind: Said
    author: str
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Appeal:
    """One person's objection to one decision."""

    id: int
    case_id: int
    decision_id: int
    appellant: str
    text: str
    state: State
    submitted_at: datetime
    due_at: datetime
    """When it should be answered; time in which its author was asked is not counted."""
    urgent: Urgent | None = None
    pleads: bool = False
    """Whether its author says that it is urgent."""
    outside: bool = False
    """Whether nobody inside can decide it, so that reviewers outside may."""
    insisted: str = ""
    """Why the measure does not rest while it is decided, where two people said so; else empty."""
    asked_at: datetime | None = None
    """Since when it waits for its author."""
    holder: str | None = None
    lease_until: datetime | None = None
    reviewer: str | None = None
    reasons: str = ""
    decided_at: datetime | None = None
    version: int = 1

    @property
    def number(self) -> str:
        """What it is called: by its case."""
        return f"C-{self.case_id}"

    def held_by(self, now: datetime) -> str | None:
        """Name the reviewer whose claim holds now."""
        return self.holder if self.holder and self.lease_until and now < self.lease_until else None

    def overdue(self, now: datetime) -> bool:
        """Say whether it should have been answered."""
        return self.state is State.SUBMITTED and self.asked_at is None and self.due_at <= now


def said(text: str, missing: str) -> str:
    """Read what somebody writes.

    Raises:
        Incomplete: it says nothing, or too much.
    """
    lines = [one_line(line, MOST_TEXT + 1) for line in text.splitlines()]
    kept = "\n".join(lines).strip()
    if len(kept) < MIN_TEXT:
        raise Incomplete(missing)
    if len(kept) > MOST_TEXT:
        message = f"Please say it in at most {MOST_TEXT:,} characters."
        raise Incomplete(message)
    return kept


def admissible(text: str, *, until: datetime, now: datetime, contact: str = "") -> tuple[str, bool]:
    """Check that an appeal can be taken in; return its text, and whether its author says it is urgent.

    Raises:
        Incomplete: it says nothing, or too much.
        OutOfOrder: the time for it is over.
    """
    pleads = text.lstrip().lower().startswith(PLEA)
    text = text.lstrip()[len(PLEA) :] if pleads else text
    kept = said(text, "Please say in a sentence why the decision is wrong.")
    if now > until:
        how = f" Tell {contact}: it can" if contact else " It can"
        message = (
            f"The time to appeal ended on {until:%-d %B %Y}. Did something keep you from it that was "
            f"not your fault?{how} still be let in."
        )
        raise OutOfOrder(message)
    return kept, pleads


def urgency(
    scope: Scope, kind: Kind, ends_at: datetime | None, *, rests: bool, answer_by: datetime
) -> Urgent | None:
    """Say why an appeal goes before others; None if it does not. A measure that rests can wait."""
    if rests:
        return None
    if kind in (Kind.SUSPEND, Kind.CLOSE):
        if scope is Scope.ACCOUNT:
            return Urgent.ACCOUNT
        if scope is Scope.ROOM:
            return Urgent.ROOM
    return Urgent.ENDS if ends_at is not None and ends_at <= answer_by else None


def _check_waits(appeal: Appeal) -> None:
    if appeal.state is State.WITHDRAWN:
        message = "This appeal was taken back by whoever made it."
        raise OutOfOrder(message)
    if appeal.state is not State.SUBMITTED:
        message = f"This appeal has been decided already: {appeal.state.value}."
        raise OutOfOrder(message)


def claimed(appeal: Appeal, by: str, now: datetime, lease: timedelta) -> Appeal:
    """Take an appeal for a while, as each act on it does.

    Raises:
        NotPermitted: somebody else has it.
        OutOfOrder: it does not wait any more.
    """
    _check_waits(appeal)
    if (holder := appeal.held_by(now)) not in (None, by):
        message = f"The appeal on {appeal.number} is with {holder} until {appeal.lease_until:%H:%M} UTC."
        raise NotPermitted(message)
    return replace(appeal, holder=by, lease_until=now + lease)


def released(appeal: Appeal, by: str, now: datetime) -> Appeal:
    """Give an appeal back.

    Raises:
        NotPermitted: it is not theirs to give.
    """
    if appeal.held_by(now) != by:
        message = f"The appeal on {appeal.number} is not with you."
        raise NotPermitted(message)
    return replace(appeal, holder=None, lease_until=None)


def asked(appeal: Appeal, now: datetime) -> Appeal:
    """Let an appeal wait for its author; its clock stands still.

    Raises:
        OutOfOrder: it does not wait any more, or waits for them already.
    """
    _check_waits(appeal)
    if appeal.asked_at is not None:
        message = f"The appeal on {appeal.number} waits for an answer already."
        raise OutOfOrder(message)
    return replace(appeal, asked_at=now)


def answered(appeal: Appeal, now: datetime) -> Appeal:
    """Let the clock go on, with the time that was left.

    Raises:
        OutOfOrder: it does not wait any more.
    """
    _check_waits(appeal)
    if appeal.asked_at is None:
        return appeal
    return replace(appeal, due_at=appeal.due_at + (now - appeal.asked_at), asked_at=None)


def hastened(appeal: Appeal, due_at: datetime) -> Appeal:
    """Put an appeal before others, because a reviewer agrees with its author.

    Raises:
        OutOfOrder: it does not wait any more, or is urgent already.
    """
    _check_waits(appeal)
    if appeal.urgent is not None:
        message = f"The appeal on {appeal.number} is urgent already: {URGENT[appeal.urgent]}."
        raise OutOfOrder(message)
    return replace(appeal, urgent=Urgent.AGREED, due_at=min(appeal.due_at, due_at))


def insisted(appeal: Appeal, reason: str, urgent: Urgent | None, due_at: datetime) -> Appeal:
    """Let the measure bind while an appeal is decided; then that is decided the sooner.

    Args:
        appeal: as it waits.
        reason: why it cannot rest; the person reads it.
        urgent: why it goes before others now.
        due_at: when it should be answered, if it does.

    Raises:
        OutOfOrder: it does not wait any more.
    """
    _check_waits(appeal)
    if urgent is None or appeal.urgent is not None:
        return replace(appeal, insisted=reason)
    return replace(appeal, insisted=reason, urgent=urgent, due_at=min(appeal.due_at, due_at))


def withdrawn(appeal: Appeal, now: datetime) -> Appeal:
    """Take an appeal back.

    Raises:
        OutOfOrder: it does not wait any more.
    """
    _check_waits(appeal)
    return replace(appeal, state=State.WITHDRAWN, decided_at=now, holder=None, lease_until=None)


def decided(appeal: Appeal, verdict: Verdict, reasons: str) -> tuple[State, str]:
    """Say how an appeal ends, and with which reasons as they are kept.

    Raises:
        Incomplete: no reasons were given.
        OutOfOrder: it was decided before.
    """
    kept = said(reasons, "Please give the reasons in a sentence: the person will read them.")
    after = MOVES.get((appeal.state, verdict))
    if after is None:
        _check_waits(appeal)
    assert after is not None
    return after, kept
