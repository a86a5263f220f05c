"""A room whose owner no longer answers for it: why, and what was done about it so far.

noted ─┬─ its deputy is asked ──→ asked ─ declined, silent, gone ─┐
       └─ it has none ────────────────────────────────────────────┴→ open   (it needs an owner)

A room that cannot be handed over for a while, because it is suspended, waits: its deputy could not
accept, so it is noted alone again, and they are asked anew.

It is over once somebody takes the room over, or its owner answers for it again. While it is noted alone,
the owner does: nothing is asked of anybody else.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

PAUSE = timedelta(days=1)
"""How long it lasts at least: who comes and goes all the time has people told once a day."""


class Why(StrEnum):
    """Why an owner no longer answers for a room, the gravest last."""

    UNVERIFIED = "unverified"
    UNLINKED = "unlinked"
    LEFT = "left"
    """They left the room; an account that is closed leaves all its rooms."""

    @property
    def in_words(self) -> str:
        """Why, as reviewers read it of the owner."""
        return _IN_WORDS[self]


class Stage(StrEnum):
    """How far it has come."""

    NOTED = "noted"
    ASKED = "asked"
    OPEN = "open"


_IN_WORDS = {
    Why.UNVERIFIED: "their verification has ended",
    Why.UNLINKED: "their account is linked to no verified person any more",
    Why.LEFT: "they have left the room, or their account is closed",
}
_RANK = tuple(Why)


@dataclass(frozen=True, slots=True)
class Vacancy:
    """One of them; a room has at most one."""

    filing_id: int
    why: Why
    since: datetime
    stage: Stage = Stage.NOTED
    away: bool = False
    """Whether the owner is out of the room since they left it."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What counts when it is looked at."""

    answers: bool
    """The owner is verified today, and not away."""
    deputy: bool
    """Somebody has agreed to be the room's deputy."""
    asked: bool
    """Somebody is asked to take the room over."""
    movable: bool
    """The room can be handed over now; a suspended one stays with whoever has it."""


def found(before: Vacancy | None, filing_id: int, why: Why, now: datetime) -> Vacancy:
    """Note a reason; of several the gravest counts, and the time is that of the first."""
    away = why is Why.LEFT or (before is not None and before.away)
    if before is None:
        return Vacancy(filing_id, why, now, away=away)
    graver = max(before.why, why, key=_RANK.index)
    return replace(before, why=graver if before.stage is Stage.NOTED else before.why, away=away)


def returned(vacancy: Vacancy) -> Vacancy:
    """Note that the owner is in the room again."""
    return replace(vacancy, away=False)


def due(vacancy: Vacancy, grace: timedelta) -> datetime:
    """Say when somebody else is looked for: a verification can be renewed within a time."""
    return vacancy.since + (grace if vacancy.why is Why.UNVERIFIED else timedelta(0))


def went_on(vacancy: Vacancy, facts: Facts, *, now: datetime, grace: timedelta) -> Vacancy | None:
    """Say how it stands now; None if it is over."""
    if facts.answers:
        return None if now - vacancy.since >= PAUSE else vacancy
    if vacancy.stage is Stage.NOTED and now >= due(vacancy, grace):
        if facts.asked or not facts.movable:
            return vacancy
        return replace(vacancy, stage=Stage.ASKED if facts.deputy else Stage.OPEN)
    if vacancy.stage is Stage.ASKED and not facts.asked:
        waits = facts.deputy and not facts.movable
        return replace(vacancy, stage=Stage.NOTED if waits else Stage.OPEN)
    return vacancy
