"""The roster: import a list of persons, see what changes, check a code, let people go who left."""

import secrets
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

from policybot.domain.errors import NotFound
from policybot.domain.identity import Claim, Record, Source
from policybot.domain.private import Private
from policybot.services.members import ROSTER_REALM, Members
from policybot.services.setting import Setting
from policybot.store import audit, members, roster
from policybot.store.database import Database, Tx

PERSON = "person"
"""The field that tells one person of the list from another."""
_BATCH = 1000
_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"

Item = TypeVar("Item")

Progress = Callable[[int], None]
"""Hears how many entries were done since it was last told."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One person of a list that is being imported."""

    data: Mapping[str, str] = field(repr=False)
    """`person`, and the claims by their names."""
    code: str = field(default="", repr=False)


@dataclass(slots=True)
class Plan:
    """What an import would change."""

    new: list[Entry] = field(default_factory=list)
    changed: list[tuple[str, Entry]] = field(default_factory=list)
    back: list[str] = field(default_factory=list)
    """Entries that had left and are on the list again."""
    gone: list[str] = field(default_factory=list)
    """Entries that are no longer on the list."""
    same: int = 0

    @property
    def size(self) -> int:
        """How many entries would be touched."""
        return len(self.new) + len(self.changed) + len(self.back) + len(self.gone)


class Roster:
    """The service for the roster."""

    def __init__(self, setting: Setting, people: Members) -> None:
        """Keep entries with the members' service."""
        self._setting = setting
        self._members = people

    async def plan(self, database: Database, entries: Sequence[Entry], progress: Progress) -> Plan:
        """Compare a list with what is known; nothing is written."""
        wanted = {entry.data[PERSON]: entry for entry in entries}
        plan = Plan()
        after = ""
        async with database.transaction(reading=True) as tx:
            left = await roster.all_left(tx)
            while page := await self._members.all_enrolled(tx, after, _BATCH):
                for entry_id, known in page:
                    data = {name: value.reveal() for name, value in known.items()}
                    entry = wanted.pop(data[PERSON], None)
                    if entry is None:
                        if entry_id not in left:
                            plan.gone.append(entry_id)
                        continue
                    if entry_id in left:
                        plan.back.append(entry_id)
                    if dict(entry.data) != data:
                        plan.changed.append((entry_id, entry))
                    elif entry_id not in left:
                        plan.same += 1
                progress(len(page))
                after = page[-1][0]
        plan.new = list(wanted.values())
        return plan

    async def carry_out(
        self, database: Database, plan: Plan, progress: Progress
    ) -> list[tuple[str, str]]:
        """Write what a plan says, some entries at a time.

        Stopped in the middle, it can be done again with a new plan. Returns the new persons with the
        codes that were made for them, those with a code in the list left out.
        """
        made: list[tuple[str, str]] = []
        for part in _parts(plan.new):
            async with database.transaction() as tx:
                made += await self._add(tx, part)
                self._remember(tx, "roster:add", len(part))
            progress(len(part))
        for changes in _parts(plan.changed):
            async with database.transaction() as tx:
                for entry_id, entry in changes:
                    await self._members.correct(tx, entry_id, entry.data)
                self._remember(tx, "roster:correct", len(changes))
            progress(len(changes))
        for back in _parts(plan.back):
            async with database.transaction() as tx:
                await roster.leave(tx, back, None)
                self._remember(tx, "roster:return", len(back))
            progress(len(back))
        for gone in _parts(plan.gone):
            async with database.transaction() as tx:
                await self._let_go(tx, gone)
                self._remember(tx, "roster:leave", len(gone))
            progress(len(gone))
        return made

    async def _add(self, tx: Tx, entries: Sequence[Entry]) -> list[tuple[str, str]]:
        ids = [f"R-{uuid.uuid4().hex}" for _ in entries]
        codes = [entry.code or new_code() for entry in entries]
        await self._members.enrol(tx, [(i, e.data) for i, e in zip(ids, entries, strict=True)])
        await roster.add(tx, [(i, self._hash(c)) for i, c in zip(ids, codes, strict=True)])
        return [
            (entry.data[PERSON], code)
            for entry, code in zip(entries, codes, strict=True)
            if not entry.code
        ]

    async def _let_go(self, tx: Tx, entry_ids: Sequence[str]) -> None:
        """Note who left, and tell them how long their verification is still good."""
        now, way = self._setting.now(), self._setting.config.identity.roster
        until = now + (way.grace if way else timedelta(0))
        await roster.leave(tx, entry_ids, now)
        for person_id in await roster.persons(tx, entry_ids):
            for link in await members.links_of(tx, person_id):
                self._setting.tell(
                    tx,
                    link.user_id,
                    f"You are no longer on the list of {self._setting.config.operator.name}. Your "
                    f"verification by it ends on {until:%-d %B %Y}. If this is a mistake, ask "
                    f"{self._setting.config.operator.contact}; another way may be open to you: "
                    "!policy verify",
                    cause=f"verification {link.user_id}",
                )

    async def strike_off(self, tx: Tx) -> int:
        """Forget those whose grace is over; return how many there were."""
        way = self._setting.config.identity.roster
        if way is None:
            return 0
        gone = await roster.gone_since(tx, self._setting.now() - way.grace, _BATCH)
        for entry_id, person_id in gone:
            await self._members.strike_off(tx, entry_id, person_id)
        return len(gone)

    async def lists(self, tx: Tx, person_id: str) -> bool:
        """Say whether a person is on the list, or left it within the grace."""
        way = self._setting.config.identity.roster
        grace = way.grace if way else timedelta(0)
        return await roster.lists(tx, person_id, self._setting.now() - grace)

    async def check(self, tx: Tx, code: str) -> Record | None:
        """Find the person whose unused code this is."""
        entry_id = await roster.by_code(tx, self._hash(code))
        data = await self._members.enrolled(tx, entry_id) if entry_id else None
        way = self._setting.config.identity.roster
        if entry_id is None or data is None or way is None:
            return None
        return Record(
            source=Source.ROSTER,
            realm=ROSTER_REALM,
            reference=data[PERSON],
            claims={Claim(name): value for name, value in data.items() if name != PERSON},
            assurance=way.assurance,
            process="code from the roster",
            verified_at=self._setting.now(),
            ticket=entry_id,
        )

    async def renew_code(self, database: Database, person: Private) -> str:
        """Make somebody on the list another code, in place of what they have.

        Raises:
            NotFound: nobody of that reference is on the list.
        """
        after = ""
        async with database.transaction() as tx:
            while page := await self._members.all_enrolled(tx, after, _BATCH):
                for entry_id, known in page:
                    if known[PERSON] == person:
                        code = new_code()
                        await roster.new_code(tx, entry_id, self._hash(code))
                        self._remember(tx, "roster:code", 1)
                        return code
                after = page[-1][0]
        message = "Nobody of that reference is on the roster."
        raise NotFound(message)

    def _hash(self, code: str) -> str:
        return self._setting.keyed("roster", code.strip())

    def _remember(self, tx: Tx, tag: str, number: int) -> None:
        audit.append(
            tx,
            at=self._setting.now(),
            actor="system:cli",
            tag=tag,
            object="roster",
            entries=number,
        )


def new_code() -> str:
    """Make a code of 60 bits that is easy to type: `K7QM-2XWA-9HBT`."""
    drawn = [secrets.choice(_ALPHABET) for _ in range(12)]
    return "-".join("".join(drawn[at : at + 4]) for at in (0, 4, 8))


def _parts(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    for at in range(0, len(items), _BATCH):
        yield items[at : at + _BATCH]
