"""An unfiled public room: what is to be done with it and when, and how a list is read without gaps."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import quote

from policybot.domain import filing
from policybot.domain.filing import State
from policybot.domain.name import one_line, quoted
from policybot.domain.review import OPEN

REMIND_BEFORE = timedelta(days=3)
"""How long before the day on which a room is taken out of the directory its creator is reminded."""
STALE_AFTER = timedelta(days=14)
"""After this a word that was said is so old that nothing is done on it before it is said again."""
MOST_BY_ITSELF = 20
"""Rooms that are taken out of the directory within a day without a person. Before there are more,
somebody has to look: the list may be wrong, or a rule that fits nobody."""
A_DAY = timedelta(days=1)
PEOPLE_AT_A_TIME = 50
"""Creators who are written to in one scan; the others are in the next one."""
ROOMS_IN_A_MESSAGE = 20
"""Rooms that one message to their creator names; the others are in the next one."""

PAGE = 100
"""Rooms that are asked for at a time."""
_OVERLAP = 5
"""Rooms of a page that are asked for again with the next one."""
_LONGEST_ID = 255


class Action(StrEnum):
    """What the operator wants done about such rooms."""

    NOTHING = "nothing"
    TELL = "tell"
    UNPUBLISH = "unpublish"


class Step(StrEnum):
    """What is to be done with one room now."""

    NOTHING = "nothing"
    TELL = "tell"
    REMIND = "remind"
    UNPUBLISH = "unpublish"


class Standing(StrEnum):
    """What a room in the directory is to us."""

    UNFILED = "unfiled"
    APPLIED = "applied"
    """It has applied, and nothing is decided yet."""
    KNOWN = "known"
    """It was approved once; what it may show now is seen to by its filing."""


@dataclass(frozen=True, slots=True)
class Room:
    """A room that is in the directory without being filed, or was taken out of it."""

    room_id: str
    name: str
    """As it says itself, cleaned; may be empty."""
    creator: str
    """A user ID; empty if the homeserver does not know."""
    members: int
    first_seen: datetime
    seen_at: datetime
    scan: int = 0
    """The number of the scan in which it was seen last."""
    applied: str = ""
    """The number of its filing, while that waits for a decision."""
    told_at: datetime | None = None
    heard: bool = False
    """Whether its creator could be written to; if not, only the review room was."""
    due_at: datetime | None = None
    """When it is taken out of the directory, as its creator was told."""
    reminded_at: datetime | None = None
    hidden_at: datetime | None = None
    """When we took it out."""

    @property
    def in_words(self) -> str:
        """The room as a text names it."""
        return f"{self._named}{shown(self.room_id)}"

    @property
    def linked(self) -> str:
        """The room as its creator finds it."""
        return f"{self._named}https://matrix.to/#/{quote(self.room_id, safe='!:')}"

    @property
    def _named(self) -> str:
        return f"{quoted(self.name)} " if self.name else ""


def shown(room_id: str) -> str:
    """Write the ID of a room as it stands in a text."""
    return one_line(room_id, _LONGEST_ID)


def standing(states: Sequence[State]) -> Standing:
    """Say what a room is to us by the states of all its filings; a draft is nothing yet."""
    approved_once = filing.IN_FORCE | {State.SUSPENDED, State.EXPIRED, State.REVOKED}
    if not approved_once.isdisjoint(states):
        return Standing.KNOWN
    return Standing.UNFILED if OPEN.isdisjoint(states) else Standing.APPLIED


def step(room: Room, action: Action, now: datetime) -> Step:
    """Say what is to be done with a room.

    It is taken out of the directory on the day that its creator was told, if they were reminded of
    it and that is not long ago; a scan that comes late reminds them first.
    """
    if action is Action.NOTHING or room.applied or room.hidden_at is not None:
        return Step.NOTHING
    if room.told_at is None:
        return Step.TELL
    if action is Action.TELL:
        return Step.NOTHING
    if room.due_at is None:
        return Step.TELL
    to_be_reminded = room.reminded_at is None and room.due_at - REMIND_BEFORE > room.told_at
    stale = now - (room.reminded_at or room.told_at) > STALE_AFTER
    if now >= room.due_at - REMIND_BEFORE and (to_be_reminded or stale):
        return Step.REMIND
    return Step.UNPUBLISH if now >= room.due_at else Step.NOTHING


def told(room: Room, due_at: datetime | None, now: datetime, *, heard: bool) -> Room:
    """Note that its creator was told, or cannot be, and of which day."""
    return replace(room, told_at=now, heard=heard, due_at=due_at, reminded_at=None)


def reminded(room: Room, now: datetime) -> Room:
    """Note a reminder: from then on there is always time left to file the room."""
    due = room.due_at or now
    return replace(room, reminded_at=now, due_at=max(due, now + REMIND_BEFORE))


def hidden(room: Room, now: datetime) -> Room:
    """Note that it is taken out of the directory."""
    return replace(room, hidden_at=now)


def anew(room: Room, now: datetime) -> Room:
    """Begin anew with a room: it came back into the directory, or its application was refused."""
    return replace(
        room,
        first_seen=now,
        applied="",
        told_at=None,
        heard=False,
        due_at=None,
        reminded_at=None,
        hidden_at=None,
    )


def day_of_hiding(action: Action, grace: timedelta, now: datetime) -> datetime | None:
    """Say when a room whose creator is told now is taken out of the directory; None if it is not."""
    return now + grace if action is Action.UNPUBLISH else None


def by_itself(due: int, lately: int) -> bool:
    """Say whether the rooms that are `due` may be hidden by the clock, after those of the last day."""
    return due + lately <= MOST_BY_ITSELF


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a list has been read that others change meanwhile; it is asked for by offsets.

    Its order never changes, so whoever finds a room again that was read before has missed none that
    comes after it. That is why each page begins with the last rooms of the one before; if none of
    them is there, rooms before them have gone, and we step back until one is found.
    """

    start: int = 0
    """The offset of the page that is asked for next."""
    known: tuple[str, ...] = ()
    """The last rooms that were read, by their IDs."""


def advanced(cursor: Cursor, ids: Sequence[str], *, more: bool) -> Cursor | None:
    """Go on after a page of room IDs; None if it was the last one."""
    found = not cursor.known or cursor.start == 0 or not set(cursor.known).isdisjoint(ids)
    if not found:
        return Cursor(max(0, cursor.start - PAGE + _OVERLAP), cursor.known)
    if not more or len(ids) <= _OVERLAP:
        return None
    return Cursor(cursor.start + len(ids) - _OVERLAP, tuple(ids[-_OVERLAP:]))
