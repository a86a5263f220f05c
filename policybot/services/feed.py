"""The feed: what the gate has to know, a page at a time, and from then on what changes.

What is given is what this process knows in memory, never older than the clock beside it; so whoever
takes every page, and then whatever changed since that clock, misses nothing. Nothing of a caller is
kept: any process can give the next page, for where one ends is said in the page.

Everything is given in an order that is the same in every process and costs nobody a sorting: IDs are
strewn over bins by their hash. It comes from memory and not from the database, so that the modules of
a homeserver that begins anew ask the database for nothing, and read what policybot itself goes by.

In a dry run no room is governed, and the gate refuses nothing.
"""

import asyncio
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from policybot import __version__
from policybot.domain.publishing import STRANGER, Account
from policybot.domain.view import Curb, House, Room
from policybot.matching.ruleset import RuleSet
from policybot.services.findings import Findings
from policybot.services.messages import ENTERED, Messages
from policybot.services.setting import Setting
from policybot.store import modules, standing
from policybot.store.database import Database, Tx
from policybot.store.newcomers import Newcomer

PAGE = 4_000
"""Entries of a page, and a bin more at the most."""
_BINS = 4_096
_STEP = 2_000
"""IDs that are strewn without a pause."""
_SLICE = 1_000
"""Changes that are told at once."""
_TOO_MANY = 20_000
"""Changes after which everything is told anew."""
_FRESH = 500
"""Changes after which bins are made anew for those who begin."""
_KEEP_BINS = timedelta(minutes=2)
MOST_WAITING = 200
_AWAY = timedelta(minutes=5)
"""After which it is not taken for sure that the records are those that the modules know."""
_ANEW = "anew"
"""The change that means: everything counts differently now."""


class Crowded(Exception):  # noqa: N818 - an answer
    """Too many are waiting already."""


@dataclass(frozen=True, slots=True)
class Heading:
    """What counts for everybody."""

    house: House
    bound: int
    stopped: frozenset[str]
    rules: str
    """The fingerprint of the rules."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of everything, or what changed."""

    clock: int
    whole: bool = False
    more: str | None = None
    rooms: Mapping[str, Room | None] = field(default_factory=dict)
    accounts: Mapping[str, Account | None] = field(default_factory=dict)
    curbs: Mapping[str, tuple[Curb, ...]] = field(default_factory=dict)
    newcomers: Sequence[tuple[str, str, Newcomer | None]] = ()


@dataclass(slots=True)
class _Bins:
    """The IDs of everything that was known after so many changes."""

    clock: int
    used_at: datetime
    rooms: list[list[str]] = field(default_factory=lambda: [[] for _ in range(_BINS)])
    people: list[list[str]] = field(default_factory=lambda: [[] for _ in range(_BINS)])
    newcomers: list[list[tuple[str, str]]] = field(default_factory=lambda: [[] for _ in range(_BINS)])


class Feed:
    """The service that gives the view away."""

    def __init__(self, setting: Setting, messages: Messages, found: Findings) -> None:
        """Give what these services know."""
        self._setting = setting
        self._messages = messages
        self._findings = found
        self._governs = not setting.config.dry_run
        # Nobody can make IDs that all fall into one bin.
        secret = setting.config.identity.index_key.get_secret_value().encode()
        self._key = hashlib.sha256(b"feed\0" + secret).digest()
        self._bins: _Bins | None = None
        self._binning = asyncio.Lock()
        self._reading = asyncio.Lock()
        self._stale = True
        self._awake = asyncio.Event()
        self._said = self.heading
        self._waiting = 0
        self._closed = False

    @property
    def heading(self) -> Heading:
        """What counts for everybody now."""
        view = self._findings.view
        return Heading(view.house, view.bound(), view.stopped, self._findings.rules.version)

    @property
    def rules(self) -> RuleSet:
        """The rules that are in force."""
        return self._findings.rules

    # Hearing of changes --------------------------------------------------------------------------

    def hear(self) -> None:
        """Hear that something was changed; whoever waits looks what."""
        self._stale = True
        self.wake()

    def wake(self) -> None:
        """Let everybody look who waits."""
        self._awake.set()
        self._awake = asyncio.Event()

    def close(self) -> None:
        """Let nobody wait any more: the service ends."""
        self._closed = True
        self.wake()

    async def begin(self, tx: Tx) -> None:
        """Tell everything anew if what the modules know may be of another meaning, or of other records.

        After the meaning has changed, each process that begins within a day tells it: one that was still
        running may have given what it meant before. Records of a time when the modules have not asked
        for long may be an older copy that was put in the place of the ones that they know.
        """
        config = self._setting.config
        kinds = [kind.model_dump(mode="json") for kind in config.filing.categories]
        meaning = json.dumps([__version__, config.dry_run, kinds], sort_keys=True)
        number = int.from_bytes(hashlib.sha256(meaning.encode()).digest()[:7])
        now = self._setting.now()
        other = await standing.means(tx, number) or await standing.has_changed(tx, _ANEW)
        if other or not await modules.asked_since(tx, now - _AWAY):
            await standing.leap(tx, now)
            await standing.changed(tx, _ANEW, now)

    async def refresh(self, database: Database) -> None:
        """Learn what other processes have changed, and let those look who wait for it."""
        before = self._messages.clock
        async with self._reading:
            await self._catch_up(database)
        if self._messages.clock != before or self.heading != self._said:
            self._said = self.heading
            self.wake()
        bins = self._bins
        if bins is not None and self._setting.now() - bins.used_at > _KEEP_BINS:
            self._bins = None

    async def _catch_up(self, database: Database) -> None:
        self._stale = False
        try:
            await self._messages.refresh(database)
        except BaseException:
            self._stale = True
            raise

    async def _know(self, database: Database, clock: int) -> None:
        """See to it that what is in memory is not older than the last change, nor than a clock."""
        if self._stale or clock > self._messages.clock:
            async with self._reading:
                if self._stale or clock > self._messages.clock:
                    await self._catch_up(database)

    # What changed --------------------------------------------------------------------------------

    async def changes(self, database: Database, clock: int, wait: float) -> Part:
        """Give what changed since a clock, as soon as something has; an empty part after `wait` seconds.

        Whoever has missed too much gets the first part of everything instead.

        Raises:
            Crowded: too many are waiting.
            DatabaseAway: it cannot be asked.
        """
        if self._waiting >= MOST_WAITING:
            raise Crowded
        loop, before = asyncio.get_running_loop(), self.heading
        end = loop.time() + wait
        self._waiting += 1
        try:
            while True:
                awake = self._awake  # before the look, so that nothing comes between
                await self._know(database, clock)
                if clock != self._messages.clock:
                    return await self._since(database, clock)
                left = end - loop.time()
                if left <= 0 or self._closed or self.heading != before:
                    return Part(clock)
                try:
                    async with asyncio.timeout(left):
                        await awake.wait()
                except TimeoutError:
                    return Part(clock)
        finally:
            self._waiting -= 1

    async def _since(self, database: Database, clock: int) -> Part:
        known = self._messages.clock
        if not 0 < known - clock <= _TOO_MANY:
            return await self._part_at(known, None)
        async with database.transaction(reading=True) as tx:
            noted = await standing.changes(tx, clock, _SLICE)
        subjects = {subject for number, subject in noted.items() if number <= known}
        forgotten = not noted or max(noted) != clock + len(noted)
        if forgotten or _ANEW in subjects:
            # From now: from an earlier clock, it would be the same again.
            return await self._part_at(known, None)
        return self._part_of(min(max(noted), known), subjects)

    def _part_of(self, clock: int, subjects: set[str]) -> Part:
        """Give what there is of these now."""
        rooms: dict[str, Room | None] = {}
        accounts: dict[str, Account | None] = {}
        curbs: dict[str, tuple[Curb, ...]] = {}
        newcomers: list[tuple[str, str, Newcomer | None]] = []
        for subject in subjects:
            noun, _, which = subject.partition(" ")
            if noun == ENTERED:
                room_id, _, user_id = which.partition(" ")
                newcomers.append((room_id, user_id, self._messages.newcomers.get(room_id, user_id)))
            elif which.startswith("!"):
                rooms[which] = self._room(which)
            elif which.startswith("@"):
                account = self._messages.account(which)
                accounts[which] = None if account == STRANGER else account
                curbs[which] = self._messages.curbed(which)
        return Part(clock, rooms=rooms, accounts=accounts, curbs=curbs, newcomers=newcomers)

    def _room(self, room_id: str) -> Room | None:
        return self._messages.room(room_id) if self._governs else None

    # Everything ----------------------------------------------------------------------------------

    async def everything(self, database: Database, cursor: str | None = None) -> Part:
        """Give the first part of everything, or the one at a cursor.

        Raises:
            ValueError: that is no cursor.
            DatabaseAway: it cannot be asked.
        """
        clock, first = (0, None) if cursor is None else _read(cursor)
        await self._know(database, clock)
        known = self._messages.clock
        if first is None or clock > known:  # the records may have been set back since
            return await self._part_at(known - _FRESH, None)
        return await self._part_at(clock, first)

    async def _part_at(self, least: int, first: int | None) -> Part:
        """Give the part that begins with a bin, of what is known after `least` changes or more."""
        bins = await self._strewn(least)
        clock = bins.clock if first is None else least
        rooms: dict[str, Room | None] = {}
        accounts: dict[str, Account | None] = {}
        curbs: dict[str, tuple[Curb, ...]] = {}
        newcomers: list[tuple[str, str, Newcomer | None]] = []
        last = first or 0
        while last < _BINS and len(rooms) + len(accounts) + len(curbs) + len(newcomers) < PAGE:
            for room_id in bins.rooms[last]:
                if (room := self._room(room_id)) is not None:
                    rooms[room_id] = room
            for user_id in bins.people[last]:
                if (account := self._messages.account(user_id)) != STRANGER:
                    accounts[user_id] = account
                if curbed := self._messages.curbed(user_id):
                    curbs[user_id] = curbed
            for room_id, user_id in bins.newcomers[last]:
                if (newcomer := self._messages.newcomers.get(room_id, user_id)) is not None:
                    newcomers.append((room_id, user_id, newcomer))
            last += 1
        more = f"{clock}.{last}" if last < _BINS else None
        return Part(
            clock,
            whole=True,
            more=more,
            rooms=rooms,
            accounts=accounts,
            curbs=curbs,
            newcomers=newcomers,
        )

    async def _strewn(self, least: int) -> _Bins:
        """Strew the IDs over bins, unless there are such of what was known after so many changes."""
        async with self._binning:
            bins, now, known = self._bins, self._setting.now(), self._messages.clock
            if bins is None or not least <= bins.clock <= known:
                # What is copied now, in one step, is strewn in many.
                bins = _Bins(known, now)
                rooms, people = self._messages.rooms(), self._messages.people()
                newcomers = self._messages.newcomers.everybody()
                for step in range(0, max(len(rooms), len(people), len(newcomers)), _STEP):
                    here = slice(step, step + _STEP)
                    for room_id in rooms[here]:
                        bins.rooms[self._bin(room_id)].append(room_id)
                    for user_id in people[here]:
                        bins.people[self._bin(user_id)].append(user_id)
                    for pair in newcomers[here]:
                        bins.newcomers[self._bin(" ".join(pair))].append(pair)
                    await asyncio.sleep(0)
                self._bins = bins
            bins.used_at = now
            return bins

    def _bin(self, text: str) -> int:
        digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=2, key=self._key)
        return int.from_bytes(digest.digest()) % _BINS


def _read(cursor: str) -> tuple[int, int]:
    """Read where a part begins: how far it holds, and its first bin."""
    clock, dot, first = cursor.partition(".")
    if not (dot and _is_number(clock) and _is_number(first) and int(first) < _BINS):
        message = "no cursor"
        raise ValueError(message)
    return int(clock), int(first)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 18  # noqa: PLR2004 - fits into 63 bits
