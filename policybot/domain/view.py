"""What the gate knows of people, rooms and the homeserver when it is asked: all of it in memory.

policybot has such a view of its own records; the module in the homeserver has a copy of it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from math import inf
from typing import Protocol

from policybot.domain.publishing import Account
from policybot.domain.refusal import Code, Words

NONE = timedelta(0)


@dataclass(frozen=True, slots=True)
class Slow:
    """How slowly people write in a room; no time means as fast as they like."""

    every: timedelta = NONE
    new_every: timedelta = NONE
    """For those who entered less than `new_for` ago."""
    new_for: timedelta = NONE


FAST = Slow()


def slowest(slows: Iterable[Slow]) -> Slow:
    """Join what several kinds of room ask: the longest time that any of them does."""
    found = list(slows)
    every = max((slow.every for slow in found), default=NONE)
    asked = ((slow.new_every, slow.new_for) for slow in found if slow.new_every)
    joined = Slow(every, *max(asked, default=(NONE, NONE)))
    return FAST if joined == FAST else joined


@dataclass(frozen=True, slots=True)
class Room:
    """What counts of a governed room."""

    categories: tuple[str, ...]
    named: bool = False
    """Whether only verified persons publish there who have signed."""
    limited: bool = False
    """Whether it is suspended."""
    guarded: bool = False
    """Whether only those enter who may publish there."""
    slow: Slow = FAST
    qualified: tuple[str, ...] = ()
    """The subjects on which it may publish."""


@dataclass(frozen=True, slots=True)
class Curb:
    """A measure that keeps somebody from writing, or out."""

    number: str
    """Of the decision."""
    room_id: str = ""
    """Where; empty for every governed room."""
    excluded: bool = False
    """Whether they may not be in the room either."""
    until: datetime | None = None
    """None where it has no end, or its clock does not run yet."""


class Creation(StrEnum):
    """Who makes rooms that everybody can enter."""

    EVERYBODY = "everybody"
    VERIFIED = "verified"
    FILED = "filed"
    """Nobody but the bot, after a filing."""


@dataclass(frozen=True, slots=True)
class Upload:
    """Files that nobody may upload: of one of these kinds, or larger."""

    kinds: tuple[str, ...] = ()
    larger_than: int | None = None
    """Bytes."""


@dataclass(frozen=True, slots=True)
class Pages:
    """Where people are sent."""

    agreement: str
    rules: str
    contact: str
    register: str = ""


@dataclass(frozen=True, slots=True)
class House:
    """What counts for the whole homeserver."""

    bot: str
    """The bot's user ID; what it does is never refused."""
    pages: Pages
    words: Words = field(default_factory=Words)
    creation: Creation = Creation.EVERYBODY
    listed: bool = False
    """Whether nobody but the bot changes the list of public rooms."""
    prefix: str = ""
    """What record numbers begin with."""
    upload: Upload | None = None

    def say(self, code: Code, language: str, **blanks: str) -> str:
        """Fill a sentence in; whom people write to, and where they turn, is known here."""
        known = {"bot": self.bot, "contact": self.pages.contact}
        return self.words.say(code, language, **known | blanks)


class View(Protocol):
    """What is known, from memory."""

    @property
    def house(self) -> House:
        """What counts for the whole homeserver."""

    @property
    def stopped(self) -> frozenset[str]:
        """The rules that refuse nothing at the moment, because they refused too much."""

    def room(self, room_id: str) -> Room | None:
        """Describe a governed room; None for any other."""

    def account(self, user_id: str) -> Account:
        """Say what counts of an account."""

    def bound(self) -> int:
        """Say which version of the agreement binds; 0 for none."""

    def curb(self, room_id: str, user_id: str, now: datetime) -> Curb | None:
        """Find what keeps somebody from writing in a room, or out of it, at a time: the gravest."""

    def made(self, user_id: str) -> datetime | None:
        """Say when an account was made, if that is known."""

    def entered(self, room_id: str, user_id: str) -> datetime | None:
        """Say when somebody was seen to enter a room."""

    def is_first(self, room_id: str, user_id: str) -> bool:
        """Say whether somebody was seen to enter and has not posted since."""

    def posted(self, room_id: str, user_id: str, within: timedelta, now: datetime) -> int:
        """Count somebody's posts in a room within a time before `now`, the judged one included."""

    def last_post(self, room_id: str, user_id: str) -> datetime | None:
        """Say when somebody last posted in a room, if that counts there."""


def gravest(curbs: Iterable[Curb], room_id: str, now: datetime) -> Curb | None:
    """Choose the curb that counts in a room: an exclusion before a restriction, then the longest.

    One whose time is over counts no more, whether anybody has ended it or not.
    """
    here = [c for c in curbs if c.room_id in ("", room_id) and (c.until is None or now < c.until)]
    return max(here, key=lambda c: (c.excluded, c.until.timestamp() if c.until else inf), default=None)
