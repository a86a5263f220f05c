"""A version of the ladder: how it comes into force, step by step, by people.

    draft → shadow → candidate → scheduled → live → retired

What stands in the operator's file *brings* a version; what binds is the one that is live. It is tried
beside the one in force, tested on what was decided, approved by two people who did not propose it, and
binds once its day has come. Nothing of this happens by lapse of time but the last step, which people
have approved with its date.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from policybot.domain.errors import NotPermitted, OutOfOrder
from policybot.domain.ladder import Ladder
from policybot.domain.measure import duration_in_words

NOTICE_ABOVE = 0.05
"""The share of harsher proposals above which everybody who signed the agreement is told before."""
APPROVERS = 2
"""How many people approve a version besides the one who proposed it."""


class State(StrEnum):
    """Where a version stands."""

    DRAFT = "draft"
    SHADOW = "shadow"
    CANDIDATE = "candidate"
    SCHEDULED = "scheduled"
    LIVE = "live"
    RETIRED = "retired"
    WITHDRAWN = "withdrawn"


class Step(StrEnum):
    """What can be done with a version."""

    BRING = "bring"
    """The file has one again that was in force before."""
    SHADOW = "shadow"
    PROPOSE = "propose"
    DROP = "drop"
    """What was proposed was denied, or expired."""
    SCHEDULE = "schedule"
    BEGIN = "begin"
    RETIRE = "retire"
    WITHDRAW = "withdraw"


_MOVES = {
    (State.RETIRED, Step.BRING): State.DRAFT,
    (State.DRAFT, Step.SHADOW): State.SHADOW,
    (State.SHADOW, Step.PROPOSE): State.CANDIDATE,
    (State.CANDIDATE, Step.DROP): State.SHADOW,
    (State.CANDIDATE, Step.SCHEDULE): State.SCHEDULED,
    (State.SCHEDULED, Step.BEGIN): State.LIVE,
    (State.LIVE, Step.RETIRE): State.RETIRED,
    (State.DRAFT, Step.WITHDRAW): State.WITHDRAWN,
    (State.SHADOW, Step.WITHDRAW): State.WITHDRAWN,
    (State.CANDIDATE, Step.WITHDRAW): State.WITHDRAWN,
    (State.SCHEDULED, Step.WITHDRAW): State.WITHDRAWN,
}

TRIED = frozenset({State.SHADOW, State.CANDIDATE, State.SCHEDULED})
"""States in which what a version would propose is kept beside what is decided."""
COMING = frozenset({State.DRAFT}) | TRIED
"""States of a version that was not withdrawn and may come into force."""

_WORDS = {
    State.DRAFT: "a draft",
    State.SHADOW: "tried in shadow",
    State.CANDIDATE: "proposed",
    State.SCHEDULED: "approved",
    State.LIVE: "in force",
    State.RETIRED: "no longer in force",
    State.WITHDRAWN: "withdrawn",
}


_SINCE = {State.SCHEDULED: ", and binds from", State.LIVE: " since"}


@dataclass(frozen=True, slots=True)
class Version:
    """One version of the ladder on record."""

    hash: str
    """The fingerprint of all that is in it; decisions name it."""
    ladder: Ladder
    state: State
    brought_at: datetime
    proposer: str | None = None
    approver: str | None = None
    second: str | None = None
    """The second approver; None where a delay stands in their place, or nobody was needed."""
    cooling: timedelta | None = None
    """The delay that stood in the place of the second approver."""
    test: int | None = None
    """The backtest on which it was proposed."""
    live_from: datetime | None = None
    """When it binds, once it is approved; when it last began to, once it does."""
    announced: bool = False
    """Whether everybody who signed the agreement is told before it binds."""
    reason: str = ""
    """Why it was withdrawn."""
    revision: int = 1

    @property
    def name(self) -> str:
        """What people call it."""
        return self.ladder.version

    @property
    def short(self) -> str:
        """Enough of its fingerprint to tell it from others."""
        return self.hash[:8]

    @property
    def in_words(self) -> str:
        """Where it stands, as one says it."""
        words = _WORDS[self.state]
        if self.live_from is not None and self.state in _SINCE:
            return f"{words}{_SINCE[self.state]} {day(self.live_from)}"
        if self.state is State.WITHDRAWN and self.reason:
            return f"{words}: {self.reason}"
        return words


@dataclass(frozen=True, slots=True)
class Term:
    """A time in which a version was in force."""

    version: str
    hash: str
    since: datetime
    until: datetime | None
    """None for the one in force."""
    text_url: str


def moved(version: Version, step: Step) -> State:
    """Say in which state a step leads.

    Raises:
        OutOfOrder: it cannot be done in the present one.
    """
    state = _MOVES.get((version.state, step))
    if state is None:
        message = f"Version {version.name} is {version.in_words}.{_hint(version, step)}"
        raise OutOfOrder(message)
    return state


def _hint(version: Version, step: Step) -> str:
    if version.state is State.DRAFT and step is Step.PROPOSE:
        return f" First let it be tried beside the one in force: !policy ladder {version.name} shadow"
    if version.state is State.WITHDRAWN:
        return " It cannot come again: give the ladder a new version."
    if version.state is State.LIVE and step is Step.WITHDRAW:
        return " To leave it, bring another version by the file: that is tested and approved likewise."
    if version.state is State.RETIRED:
        return " Once the file has it again, it is a draft like any other."
    return f" What is next: !policy ladder {version.name}" if version.state in COMING else ""


def begins(
    new: Ladder, old: Ladder, now: datetime, *, harder: bool, cooling: timedelta | None
) -> datetime:
    """Say when a version that is approved now comes into force.

    Nothing that makes anything stricter binds before people could know of it; the longer notice of both
    versions is kept, so that no version shortens its own.
    """
    wait = timedelta(days=max(new.notice_days, old.notice_days)) if harder else timedelta(0)
    return max(new.effective_from, now + max(wait, cooling or timedelta(0)))


def bound(version: Version, base: str, test: int, decisions: int, harsher: int) -> str:
    """Give the fingerprint of what is approved: this version, instead of that one, on this test."""
    terms = [version.hash, base, test, decisions, harsher]
    return hashlib.sha256(json.dumps(terms).encode()).hexdigest()


def check_approver(version: Version, others: frozenset[str], by: str) -> None:
    """Check that whoever approves is another person than the one who approved before.

    Raises:
        NotPermitted: they are the same, by whatever account.
    """
    if version.approver is not None and by in others | {version.approver}:
        message = "You have approved it already. One more person has to."
        raise NotPermitted(message)


def enough(others: int, cooling: timedelta | None) -> str | None:
    """Say what is missing where so many other persons could approve; None if nothing is."""
    if others >= APPROVERS or (others and cooling is not None):
        return None
    if not others:
        return (
            "Nobody else could approve it. Give at least one more person a role in `staff` (two more, "
            "or set versions.cooling_off), and have them join the review room."
        )
    return (
        "Two people approve a version, neither of whom proposed it, and here is only one. Give another "
        "person a role in `staff`; or set versions.cooling_off, for example to P7D: that delay then "
        "takes the place of the second, and the record says so."
    )


def approved_by(version: Version) -> str:
    """Say who approved a version, and what stood in the place of a second person."""
    said = " and ".join(name for name in (version.approver, version.second) if name)
    if version.cooling is not None:
        return f"{said}, and a delay of {duration_in_words(version.cooling)} in place of a second person"
    return said


def day(at: datetime) -> str:
    """Write a moment."""
    return f"{at:%-d %B %Y, %H:%M} UTC"
