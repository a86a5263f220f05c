"""The public register: what everybody may know of filings that were approved, and how they find it.

It shows nobody more than `services.names` does, and no text in it says more than it was written for: a
reason that was given to an owner stays between the two.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from policybot.domain import name as name_rules
from policybot.domain import number
from policybot.domain import register as rules
from policybot.domain.errors import NotFound
from policybot.domain.filing import IN_FORCE, Filing, Step
from policybot.domain.label import Mark
from policybot.domain.name import What
from policybot.domain.private import Private
from policybot.domain.register import PUBLIC, Standing
from policybot.services import labels
from policybot.services.names import Names, View
from policybot.services.setting import Setting
from policybot.store import filings, register
from policybot.store.database import Database, Tx
from policybot.store.register import Moved, Place

SHOWN = 20
"""Entries on one page."""
IN_FEED = 50
_LONGEST_PURPOSE = 1000
_LONGEST_WHY = 500
_LONGEST_NAME = 100
_LONGEST_ALIAS = 255
_ALIAS = re.compile(r"#[^\s:,]+:[\w.:\[\]-]+")
_BATCH = 200
_TOLD = frozenset(Step) - {Step.APPROVE}
"""Steps that are noted as they are taken."""


@dataclass(frozen=True, slots=True)
class Query:
    """What somebody looks for."""

    text: str = ""
    category: str = ""
    standing: Standing | None = None
    before: int | None = None
    """The entry where the page before ended."""

    @property
    def empty(self) -> bool:
        """Whether everything is looked for."""
        return not self.text and not self.category and self.standing is None


@dataclass(frozen=True, slots=True)
class Entry:
    """One filing, as everybody may see it."""

    filing: Filing
    place: Place
    view: View
    name: Private | None
    """The verified name, where its owner shows it."""
    purpose: str

    @property
    def standing(self) -> Standing:
        """Where it stands."""
        return PUBLIC[self.filing.state]


@dataclass(frozen=True, slots=True)
class Page:
    """One page of entries, newest first."""

    entries: Sequence[Entry]
    next: int | None
    """Where the next page begins, if there may be more."""
    meant: str = ""
    """The record number that a mistyped one was meant to be."""


@dataclass(frozen=True, slots=True)
class Change:
    """An approval, a suspension or a revocation, for those who follow the register."""

    moved: Moved
    filing: Filing
    purpose: str


class Register:
    """The service for the public register."""

    def __init__(self, setting: Setting, fronts: Names) -> None:
        """Ask the names' service who answers for a room; hear of every name that changes."""
        self._setting = setting
        self._names = fronts
        setting.name_changed = self.name_changed
        setting.room_called = self.room_called

    # What is written ------------------------------------------------------------------------------

    def moved(self, tx: Tx, filing: Filing, step: str, said: str = "") -> None:
        """Note at the end of the transaction what a filing has become; `said` is meant for everybody.

        Of an approval `taken_in` hears, once there is a room to show.
        """
        if step in _TOLD:
            tx.defer(self._write, (filing, self._setting.now(), rules.why(step, said)), early=True)

    async def bound_anew(self, tx: Tx, filing: Filing, said: str = "") -> None:
        """Note why a suspended filing is suspended now, such as by a decision in place of a hold."""
        why = rules.why(Step.SUSPEND, said)
        await register.add_state(tx, filing.id, filing.state, self._setting.now(), why, again=True)

    async def taken_in(self, tx: Tx, filing: Filing) -> None:
        """Enter a filing whose room is taken in, or let it be found by the room that it is now."""
        if await register.place_of(tx, filing.id) is not None:
            await self._index(tx, filing, self._setting.now())
        elif filing.state in IN_FORCE:
            await self._write(tx, [(filing, self._setting.now(), rules.why(Step.APPROVE))])

    async def _write(self, tx: Tx, moves: Sequence[tuple[Filing, datetime, str]]) -> None:
        for filing, at, why in moves:
            await register.add_state(tx, filing.id, filing.state, at, why)
            if filing.state in PUBLIC and filing.record_number:
                await self._index(tx, filing, at)

    async def _index(self, tx: Tx, filing: Filing, at: datetime) -> None:
        """Enter a filing, and let it be found by what is shown of it, no more."""
        (view,) = await self._names.answerable_for(tx, [filing])
        place = await register.enter(tx, filing.id, at, self._names.class_of(filing).value)
        texts = [filing.number, place.room_name, filing.purpose, filing.about.organisation]
        texts += [place.alias.partition(":")[0], filing.room_id.partition(":")[0]]
        if view.shown.what is not What.ROLE:
            # A verified name is kept in the vault alone, so nobody is found by it.
            texts += [view.text, view.account.partition(":")[0]]
        found = dict.fromkeys(word for text in texts for word in rules.words(text))
        found |= dict.fromkeys(map(rules.of_category, filing.categories))
        found[rules.of_standing(PUBLIC[filing.state])] = None
        await register.set_words(tx, place.entry, found)

    def name_changed(self, tx: Tx, user_id: str) -> None:
        """Let the rooms of an account be found by its name as it is at the end of the transaction."""
        tx.defer(self._rename, user_id, early=True)

    async def _rename(self, tx: Tx, user_ids: Sequence[str]) -> None:
        for user_id in dict.fromkeys(user_ids):
            await self._again(tx, await register.filings_of(tx, user_id))

    async def _again(self, tx: Tx, ids: Sequence[int]) -> None:
        known = await filings.by_ids(tx, ids)
        for filing in (one for one in known.values() if one.state in PUBLIC):
            await self._index(tx, filing, self._setting.now())

    async def room_called(self, tx: Tx, room_id: str, called: Mapping[str, object]) -> None:
        """Note how a room that stands in the register is called now, and let it be found by that."""
        filing = await filings.of_room(tx, room_id)
        place = await register.place_of(tx, filing.id) if filing is not None else None
        if filing is None or place is None:
            return
        name, alias = called.get("name", place.room_name), called.get("alias", place.alias)
        now = replace(place, room_name=_line(name, _LONGEST_NAME), alias=_alias(alias))
        if now != place:
            await register.call(tx, now)
            await self._index(tx, filing, self._setting.now())

    async def begin(self, database: Database) -> None:
        """At the start, choose words anew where the operator lets a category show other names."""
        async with database.transaction(reading=True) as tx:
            pairs = await register.shown(tx)
        for categories, shows in pairs:
            if self._names.class_by(filings.categories_in(categories)).value == shows:
                continue
            more = True
            while more:
                async with database.transaction() as tx:
                    ids = await register.filings_shown(tx, categories, shows, _BATCH)
                    await self._again(tx, ids)
                more = len(ids) == _BATCH

    # What is read ---------------------------------------------------------------------------------

    async def page(self, tx: Tx, query: Query, limit: int = SHOWN) -> Page:
        """Find entries, newest first."""
        terms = rules.terms(query.text, query.category, query.standing)
        if query.text and not rules.terms(query.text):
            return Page([], None)
        found = await register.find(tx, terms, query.before, limit)
        places = await register.places(tx, found.entries)
        meant = "" if places else await self._meant(tx, query.text)
        return Page(await self._entries(tx, places), found.next, meant)

    async def qualified(self, tx: Tx, entry: Entry) -> list[Mark]:
        """List what a room in force is qualified for now, as its label shows it."""
        if entry.standing is not Standing.IN_FORCE:
            return []
        return await labels.marks(tx, self._setting.config, entry.filing)

    async def entry(self, tx: Tx, text: str) -> tuple[Entry, list[Moved]]:
        """Read one entry with its history, newest first.

        Raises:
            NotFound: there is none; a mistyped number is told as such, with the one that was meant.
        """
        wanted = text.strip().upper()
        known = await filings.with_numbers(tx, [wanted]) if number.is_record(wanted) else []
        place = await register.place_of(tx, known[0].id) if known else None
        if place is not None and (entries := await self._entries(tx, [place])):
            return entries[0], [m for m in await register.states(tx, known[0].id) if m.state in PUBLIC]
        shown = name_rules.one_line(text, 40)
        meant = await self._meant(tx, wanted)
        hint = f" Did you mean {meant}?" if meant else ""
        if number.looks_like_record(wanted[:40]) and not number.is_record(wanted):
            message = f"«{shown}» is no record number: its check characters do not fit. A typo?{hint}"
            raise NotFound(message)
        message = f"Nothing is on record under «{shown}».{hint}"
        raise NotFound(message)

    async def _meant(self, tx: Tx, text: str) -> str:
        """Find the record number that somebody has mistyped, if there is one that is near."""
        near = number.near(text.strip()[:40])
        known = {f.number for f in await filings.with_numbers(tx, near) if f.state in PUBLIC}
        return next((one for one in near if one in known), "")

    async def changes(self, tx: Tx) -> list[Change]:
        """List the newest approvals, suspensions and revocations."""
        moves = await register.newest_states(tx, IN_FEED)
        known = await filings.by_ids(tx, sorted({moved.filing_id for moved in moves}))
        return [
            Change(moved, filing, _purpose(filing))
            for moved in moves
            if (filing := known.get(moved.filing_id)) is not None and filing.state in PUBLIC
        ]

    async def _entries(self, tx: Tx, places: Sequence[Place]) -> list[Entry]:
        known: Mapping[int, Filing] = await filings.by_ids(tx, [place.filing_id for place in places])
        rows = [
            (p, f) for p in places if (f := known.get(p.filing_id)) is not None and f.state in PUBLIC
        ]
        views = await self._names.answerable_for(tx, [filing for _, filing in rows])
        return [
            Entry(filing, place, view, await self._name(tx, view), _purpose(filing))
            for (place, filing), view in zip(rows, views, strict=True)
        ]

    async def _name(self, tx: Tx, view: View) -> Private | None:
        if view.shown.what is not What.REAL:
            return None
        return await self._names.real_name(tx, view.account)


def _line(text: object, longest: int) -> str:
    return name_rules.one_line(text, longest) if isinstance(text, str) else ""


def _alias(text: object) -> str:
    """Read an alias; what could be none is left out."""
    alias = _line(text, _LONGEST_ALIAS)
    return alias if alias == text and _ALIAS.fullmatch(alias) else ""


def _purpose(filing: Filing) -> str:
    return name_rules.one_line(filing.purpose, _LONGEST_PURPOSE)


def public_reason(text: str) -> str:
    """Write a reason that was meant for everybody as one line."""
    return name_rules.one_line(text, _LONGEST_WHY)
