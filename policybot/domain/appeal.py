"""An objection to what was decided: until when, how urgent, decided by whom, and how it can end.

submitted ⇄ (waits for the person's answer; its clock stands still) → upheld | modified | overturned
    └→ withdrawn (it can be made once more)
Time calls people and decides nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from policybot.domain import measure
from policybot.domain.errors import Incomplete, NotPermitted, OutOfOrder
from policybot.domain.ladder import Scope
from policybot.domain.name import one_line


class Kind(StrEnum):
    """What an appeal is about."""

    DECISION = "decision"
    """What was decided about a person, a room or a server."""
    FILING = "filing"
    QUALIFICATION = "qualification"
    REPORT = "report"
    """What whoever made it was answered, or what was decided about them because of it."""


class About(StrEnum):
    """What of it somebody objects to; each can be objected to once."""

    DECISION = "decision"
    SERVER = "server"
    """A decision about a whole server: one appeal is good for all accounts there."""
    REJECTED = "rejected"
    REVOKED = "revoked"
    OUTCOME = "outcome"
    """That no rule was broken, and that the report was manifestly unfounded where that was said."""
    CAUTION = "caution"
    PAUSE = "pause"


AGAINST: Mapping[About, str] = {
    About.DECISION: "the decision",
    About.SERVER: "the decision",
    About.REJECTED: "the refusal",
    About.REVOKED: "the revocation",
    About.OUTCOME: "the answer",
    About.CAUTION: "the warning",
    About.PAUSE: "the pause",
}
TAGS: Mapping[Kind, str] = {
    Kind.DECISION: "appeal",
    Kind.FILING: "filing-appeal",
    Kind.QUALIFICATION: "filing-appeal",
    Kind.REPORT: "complaint",
}
"""What the tags of acts begin with in the audit log."""
_CALLED: Mapping[Kind, str] = {
    Kind.DECISION: "appeal on",
    Kind.FILING: "appeal about",
    Kind.QUALIFICATION: "appeal about",
    Kind.REPORT: "objection about",
}


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

_OF_DECISIONS = {
    Verdict.UPHOLD: "the decision stands",
    Verdict.MODIFY: "a milder measure takes its place",
    Verdict.OVERTURN: "the decision is void from the beginning, and undone",
}
VERDICTS: Mapping[About, Mapping[Verdict, str]] = {
    About.DECISION: _OF_DECISIONS,
    About.SERVER: _OF_DECISIONS,
    About.REJECTED: {
        Verdict.UPHOLD: "the refusal stands",
        Verdict.OVERTURN: "the refusal is void, and others review it again",
    },
    About.REVOKED: {
        Verdict.UPHOLD: "the revocation stands",
        Verdict.OVERTURN: "the revocation is void, and it holds again for the time that is left",
    },
    About.OUTCOME: {
        Verdict.UPHOLD: "the answer stands",
        Verdict.MODIFY: "no rule was broken, but the report was not unfounded either",
        Verdict.OVERTURN: "the case is open again, for others to look at",
    },
    About.CAUTION: {
        Verdict.UPHOLD: "the warning stands",
        Verdict.OVERTURN: "the warning is taken back and counts for nothing",
    },
    About.PAUSE: {
        Verdict.UPHOLD: "the pause stands",
        Verdict.OVERTURN: "the pause is over, and reports are taken again",
    },
}
"""How each can end, and what that means."""

GOES_ON = "The measure, which rested, goes on from now for what is left of it."
MOST_MADE = 2
"""How often the same can be appealed: whoever took it back can make it once more."""
MIN_TEXT = 5
"""Characters below which an appeal or its reasons say nothing."""
MOST_TEXT = 5_000
"""Characters of an appeal: as many as somebody reads who is to do it justice."""
MOST_WORDS = 10
"""How often somebody can add to an appeal, beside answers to questions."""
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
    """One person's objection to something that was decided."""

    id: int
    kind: Kind
    about: About
    matter: int
    """The ID of the decision, the filing, the qualification or the report."""
    number: str
    """What it is called by people: the number of what it is about, or of the decision's case."""
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
    """Why nothing rests while it is decided, where two people said so; else empty."""
    rests: bool = False
    """Whether a revocation rests while it is decided; a measure's own record says so of itself."""
    asked_at: datetime | None = None
    """Since when it waits for its author."""
    holder: str | None = None
    lease_until: datetime | None = None
    reviewer: str | None = None
    reasons: str = ""
    decided_at: datetime | None = None
    version: int = 1

    @property
    def whom(self) -> str:
        """Whom it is to be answered."""
        return self.appellant

    @property
    def called(self) -> str:
        """Name it in a sentence: an appeal on a number, or an objection about one."""
        return f"{_CALLED[self.kind]} {self.number}"

    @property
    def against(self) -> str:
        """Name what it objects to in a sentence."""
        return AGAINST[self.about]

    def held_by(self, now: datetime) -> str | None:
        """Name the reviewer whose claim holds now."""
        return self.holder if self.holder and self.lease_until and now < self.lease_until else None

    def overdue(self, now: datetime) -> bool:
        """Say whether it should have been answered."""
        return self.state is State.SUBMITTED and self.asked_at is None and self.due_at <= now


@dataclass(frozen=True, slots=True)
class Appealable:
    """What can be appealed under a number in time, or if it is let in after that."""

    kind: Kind
    about: About
    matter: int
    number: str
    whom: str
    """Who could appeal."""
    until: datetime
    """Until when they could, or can."""


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
    kept = said(text, "Please say in a sentence what was overlooked or judged wrongly.")
    if now > until:
        how = f" Tell {contact}: it can" if contact else " It can"
        message = (
            f"The time to appeal ended on {until:%-d %B %Y}. Did something keep you from it that was "
            f"not your fault?{how} still be let in."
        )
        raise OutOfOrder(message)
    return kept, pleads


def about_of(scope: Scope) -> About:
    """Say what an appeal against a decision is about."""
    return About.SERVER if scope is Scope.SERVER else About.DECISION


def check_again(made: Sequence[Appeal]) -> str:
    """Check that something can be objected to (again): whoever took that back can do it once more.

    Returns why nothing rests meanwhile, where two people have said so before; else it is empty.

    Raises:
        OutOfOrder: it is in, was decided, or was taken back as often as can be.
    """
    if not made:
        return ""
    last = made[-1]
    if last.state is not State.WITHDRAWN:
        stands = "is in" if last.state is State.SUBMITTED else "was decided"
        message = f"Your {last.called} {stands} already; there is one for each decision."
        raise OutOfOrder(message)
    if len(made) >= MOST_MADE:
        message = f"You took your {last.called} back twice; it cannot be made a third time."
        raise OutOfOrder(message)
    return last.insisted


def can_be_made(made: Sequence[Appeal]) -> bool:
    """Say whether something can be objected to (again), in time."""
    return not made or (made[-1].state is State.WITHDRAWN and len(made) < MOST_MADE)


def urgency(
    scope: Scope, kind: measure.Kind, ends_at: datetime | None, *, binds: bool, answer_by: datetime
) -> Urgent | None:
    """Say why an appeal goes before others; None if it does not. What rests or is over can wait."""
    if not binds:
        return None
    if kind in (measure.Kind.SUSPEND, measure.Kind.CLOSE):
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
        message = f"The {appeal.called} is with {holder} until {appeal.lease_until:%H:%M} UTC."
        raise NotPermitted(message)
    return replace(appeal, holder=by, lease_until=now + lease)


def released(appeal: Appeal, by: str, now: datetime) -> Appeal:
    """Give an appeal back.

    Raises:
        NotPermitted: it is not theirs to give.
    """
    if appeal.held_by(now) != by:
        message = f"The {appeal.called} is not with you."
        raise NotPermitted(message)
    return replace(appeal, holder=None, lease_until=None)


def asked(appeal: Appeal, now: datetime) -> Appeal:
    """Let an appeal wait for its author; its clock stands still.

    Raises:
        OutOfOrder: it does not wait any more, or waits for them already.
    """
    _check_waits(appeal)
    if appeal.asked_at is not None:
        message = f"The {appeal.called} waits for an answer already."
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
        message = f"The {appeal.called} is urgent already: {URGENT[appeal.urgent]}."
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
        OutOfOrder: it does not wait any more, or is good for others as well.
    """
    _check_waits(appeal)
    if appeal.about is About.SERVER:
        message = (
            f"The {appeal.called} is good for all accounts of that server, so nobody takes it back for "
            "the others. Somebody looks at it."
        )
        raise OutOfOrder(message)
    return replace(appeal, state=State.WITHDRAWN, decided_at=now, holder=None, lease_until=None)


def decided(appeal: Appeal, verdict: Verdict, reasons: str) -> tuple[State, str]:
    """Say how an appeal ends, and with which reasons as they are kept.

    Raises:
        Incomplete: no reasons were given.
        OutOfOrder: it was decided before, or cannot end so.
    """
    if verdict not in VERDICTS[appeal.about]:
        message = f"About {appeal.against} nothing is between: uphold, or overturn."
        raise OutOfOrder(message)
    kept = said(reasons, "Please give the reasons in a sentence: the person will read them.")
    after = MOVES.get((appeal.state, verdict))
    if after is None:
        _check_waits(appeal)
    assert after is not None
    return after, kept
