"""Policy lists of others: read, kept as they were last seen, and what they name here becomes a report.

A list never does anything to anybody. What it names in a governed room is put before people, once, with
its reason marked as not ours; where a list names too much within a day, the rest waits.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from policybot.domain import policy_list as rules
from policybot.domain import server as servers
from policybot.domain.case import UNDECIDED, Subject, SubjectKind
from policybot.domain.errors import Incomplete
from policybot.domain.ladder import Scope
from policybot.domain.list_rule import EnterList, LeaveList
from policybot.domain.policy_list import KINDS, STABLE, Kind, Rule
from policybot.domain.report import UNSORTED, Report, Via
from policybot.ports import Impossible, Later, ListReader, Present
from policybot.services.cases import Cases
from policybot.services.messages import Messages
from policybot.services.reports import Reports
from policybot.services.setting import Setting
from policybot.store import audit, cases, rooms
from policybot.store import policy_lists as store
from policybot.store.database import Database, Tx
from policybot.store.policy_lists import Named, Watched
from policybot.store.rooms import Kind as RoomKind

log = logging.getLogger(__name__)

NOUN = "list"
ACTOR = "system:lists"
_ROOMS = 5
"""Governed rooms of one tick; each costs two requests."""
_REST = timedelta(minutes=10)
"""A room is compared no more often, however often lists change."""
_AFTER_FAILURE = timedelta(minutes=10)
_ASK_AGAIN = timedelta(days=1)
"""When a list is entered again that did not let us in."""
_PAGE = 1_000
"""Rules that are written at once."""
_TRIES = 2_000
"""Globs tried before others have their turn."""
_DAY = 86_400

Hit = tuple[str, Named]
"""Who is named, and by which rule."""


class PolicyLists:
    """The service that watches lists of others."""

    def __init__(self, setting: Setting, casework: Cases, reported: Reports, standing: Messages) -> None:
        """Hand what lists name to those who work on cases; `standing` knows the governed rooms."""
        self._setting = setting
        self._cases = casework
        self._reports = reported
        self._standing = standing
        self._lists: dict[str, str] = {}
        """The names of the lists that the bot is in, by their rooms."""
        self._begun = False

    @property
    def _own(self) -> str:
        return self._setting.config.homeserver.server_name

    @property
    def _today(self) -> int:
        return int(self._setting.now().timestamp()) // _DAY

    # By the clock ---------------------------------------------------------------------------------

    async def some(self, database: Database, reader: ListReader) -> None:
        """Read a list that is due, and compare some rooms with what the lists say."""
        section, now = self._setting.config.policy_lists, self._setting.now()
        async with database.transaction() as tx:
            for gone in await store.keep(tx, {one.name: one.room for one in section.watch}, now):
                await self._leave(tx, gone)
            await store.look_anew(tx, self._today)
            if not self._begun:  # what changed while nobody heard it, the lists as a whole say
                await store.look_at_all(tx, now)
            due = await store.take_due(tx, now, now + _AFTER_FAILURE)
            if due is not None and due.room_id is None:
                await self._enter(tx, due)
            self._lists = {one.room_id: one.name for one in await store.every(tx) if one.room_id}
        self._begun = True
        try:
            if due is not None and due.room_id is not None:
                await self._read(database, reader, due, due.room_id)
            async with database.transaction(reading=True) as tx:
                waiting = await store.due_rooms(tx, now - _REST, _ROOMS)
            for room_id in waiting:
                await self._compare(database, reader, room_id)
        except Later as error:
            log.info("Policy lists are looked at later: %s", error)

    async def _enter(self, tx: Tx, watched: Watched) -> None:
        now = self._setting.now()
        if watched.asked_at is not None and watched.asked_at > now - _ASK_AGAIN:
            return
        await store.asked(tx, watched.name, now)
        self._setting.queue(tx, [EnterList(watched.room, watched.name)], cause=f"{NOUN} {watched.name}")

    async def _leave(self, tx: Tx, gone: Watched) -> None:
        """Leave the room of a list that is watched no more, unless it is anything else to us."""
        room_id, lists = gone.room_id, self._setting.config.policy_lists.rooms
        if room_id is None or {room_id, gone.room} & {*lists, self._setting.log_room}:
            return
        room = await rooms.get(tx, room_id)
        if room is not None and room.kind is not RoomKind.OTHER:
            return
        self._setting.queue(tx, [LeaveList(room_id, gone.name)], cause=f"{NOUN} {gone.name}")
        now = self._setting.now()
        audit.append(tx, at=now, actor=ACTOR, tag="list:leave", object=room_id, list=gone.name)
        self._tell(tx, gone.name, "it is watched no more. I forget what it said, and leave its room.")

    async def left(self, tx: Tx, room_id: str) -> None:
        """Note that the bot has left a room; should another list be read there, it is entered anew."""
        await store.left(tx, room_id, self._setting.now())

    async def invited(self, tx: Tx) -> None:
        """Try at once to enter the lists that let nobody in before: the bot was invited somewhere."""
        await store.try_again(tx, self._setting.now())

    async def entered(self, tx: Tx, name: str, room_id: str) -> None:
        """Note that the bot is in the room of a list, with however few: nobody's chat with us."""
        room = await rooms.get(tx, room_id)
        if room is not None and room.kind in (RoomKind.DIRECT, RoomKind.OTHER):
            await rooms.forget(tx, room_id)
        await store.entered(tx, name, room_id, self._setting.now())

    async def _read(self, database: Database, reader: ListReader, watched: Watched, room: str) -> None:
        """Read a list as a whole; what cannot be read stands as it was."""
        name = watched.name
        try:
            events = await reader.rules(room)
        except (Later, Impossible) as error:
            async with database.transaction() as tx:
                await store.away(tx, name, str(error), self._setting.now())
            if isinstance(error, Later):
                raise
            return
        if events is None:
            async with database.transaction() as tx:
                await self._gone(tx, name, "I am not in the room any more")
            return
        found, left_out = await asyncio.to_thread(rules.read_all, events, self._own)
        async with database.transaction(reading=True) as tx:
            known = await store.rules(tx, name)
        wanted = {(rule.kind, rule.key): rule for rule in found}
        gone = [rule for place, rule in known.items() if place not in wanted]
        new = [rule for place, rule in wanted.items() if known.get(place) != rule]
        before = [known[place] for place in wanted if place in known]
        moved = [rule for rule in before if wanted[rule.kind, rule.key].entity != rule.entity]
        for start in range(0, max(len(gone), len(new)), _PAGE):
            async with database.transaction() as tx:
                await store.remove(tx, name, gone[start : start + _PAGE])
                await store.put(tx, name, new[start : start + _PAGE], self._setting.now())
        async with database.transaction() as tx:
            now = self._setting.now()
            still = {rule.entity for rule in found}
            for entity in dict.fromkeys(r.entity for r in (*gone, *moved) if r.entity not in still):
                await self._withdrawn(tx, name, entity)
            await store.was_read(tx, name, left_out, now, now + self._setting.config.policy_lists.every)
            if left_out and left_out != watched.left_out:
                self._tell(
                    tx, name, f"it is longer than I keep: {left_out:,} of its rules are left out."
                )
            self._tell_ignored(tx, name, new)

    def _tell_ignored(self, tx: Tx, name: str, new: Iterable[Rule]) -> None:
        """Say of rules that name everybody that nothing is made of them."""
        broad = [rule for rule in new if rule.ignored]
        if broad:
            first = broad[0]
            more = f" So do I with {len(broad) - 1} more." if len(broad) > 1 else ""
            self._tell(
                tx,
                name,
                f"its rule {rules.quoted(first)} is no use: {first.ignored}. I ignore it.{more}",
            )

    def _tell(self, tx: Tx, name: str, what: str) -> None:
        self._setting.tell_staff(tx, f"The list «{name}» of others: {what}", cause=f"{NOUN} {name}")

    async def _gone(self, tx: Tx, name: str, why: str) -> None:
        """Say once that a list cannot be read; what it said last stands."""
        if await store.away(tx, name, why, self._setting.now(), gone=True):
            self._tell(
                tx,
                name,
                f"{why}. What it said last stands until then. I try to enter again once a day.",
            )

    # As it happens --------------------------------------------------------------------------------

    async def hear(self, database: Database, event: Mapping[str, Any]) -> None:
        """Hear of a rule that changed, and of somebody who enters a governed room; fast for all else."""
        room_id, kind = event.get("room_id"), event.get("type")
        if not self._setting.config.policy_lists.watch or not isinstance(room_id, str):
            return
        if (name := self._lists.get(room_id)) is not None:
            await self._heard(database, name, event)
        elif kind == "m.room.member" and self._standing.room(room_id) is not None:
            content, who = event.get("content"), event.get("state_key")
            joins = isinstance(content, dict) and content.get("membership") == "join"
            if joins and isinstance(who, str) and who.isprintable():
                await self._compared(database, room_id, Present((who,), ()), whole=False)

    async def _heard(self, database: Database, name: str, event: Mapping[str, Any]) -> None:
        kind, now = event.get("type"), self._setting.now()
        if kind == "m.room.member" and event.get("state_key") == self._setting.config.bot_user_id:
            content, by_us = event.get("content"), event.get("sender") == event["state_key"]
            out = isinstance(content, dict) and content.get("membership") in ("leave", "ban")
            if out and not by_us:
                async with database.transaction() as tx:
                    self._lists.pop(str(event["room_id"]), None)
                    await self._gone(tx, name, f"I was removed from it by {event.get('sender')}")
        elif isinstance(kind, str) and kind in KINDS and kind.startswith(STABLE):
            async with database.transaction() as tx:
                await self._changed(tx, name, event)
        elif kind == "m.room.redaction" or (isinstance(kind, str) and kind in KINDS):
            # Which rule that was, the list as a whole says.
            async with database.transaction() as tx:
                await store.look_at(tx, name, now)

    async def _changed(self, tx: Tx, name: str, event: Mapping[str, Any]) -> None:
        """Take in one rule that is new, changed or taken back."""
        key = event.get("state_key")
        if not isinstance(key, str) or not key.isprintable():
            return
        before = await store.rule(tx, name, KINDS[event["type"]], key)
        after = rules.read(event, self._own)
        if before == after:
            return
        if after is not None:
            counts = await store.counts(tx, name)
            if sum(counts.of_kind.values()) >= rules.MOST or after.costly:
                await store.look_at(tx, name, self._setting.now())  # what is kept, the whole decides
                return
            await store.put(tx, name, [after], self._setting.now())
            self._tell_ignored(tx, name, [after])
        elif before is not None:
            await store.remove(tx, name, [before])
        if before is not None and (after is None or after.entity != before.entity):
            await self._withdrawn(tx, name, before.entity)

    async def _withdrawn(self, tx: Tx, name: str, entity: str) -> None:
        """Note in undecided cases that a list opened that it has taken back what it said."""
        for case_id in await store.withdrawn(tx, name, entity, self._setting.now()):
            case = await cases.get(tx, case_id)
            if case is not None and case.state in UNDECIDED:
                text = f"The list «{name}» has taken back what it said in this case."
                await self._cases.note(tx, ACTOR, case, text)

    # Comparing ------------------------------------------------------------------------------------

    async def _compare(self, database: Database, reader: ListReader, room_id: str) -> None:
        try:
            present = await reader.present(room_id)
        except Impossible as error:
            log.warning("%s cannot be compared with the lists: %s", room_id, error)
            present = None
        await self._compared(database, room_id, present or Present((), ()), whole=True)

    async def _compared(
        self, database: Database, room_id: str, present: Present, *, whole: bool
    ) -> None:
        """Find what lists name in a room: who is there, their servers, the room itself."""
        bot = self._setting.config.bot_user_id
        people = [who for who in present.members if who != bot]
        servers = sorted({rules.server_of(who) for who in people})
        called = [room_id, *present.aliases] if whole else []
        hits: list[Hit] = []
        for kind, entities in ((Kind.USER, people), (Kind.SERVER, servers), (Kind.ROOM, called)):
            async with database.transaction(reading=True) as tx:
                found, globs = await self._asked(tx, kind, entities)
            hits += found + await _tried(globs, entities)
        hits = [(room_id if n.rule.kind is Kind.ROOM else who, n) for who, n in hits]
        async with database.transaction(reading=True) as tx:
            new = [
                (who, named)
                for who, named in hits
                if not await store.is_met(tx, named.list_name, named.rule.entity, who)
            ]
        for who, named in new:
            async with database.transaction() as tx:
                await self._met(tx, who, named)
        if whole:
            async with database.transaction() as tx:
                await store.looked(tx, room_id, self._setting.now())

    @staticmethod
    async def _asked(tx: Tx, kind: Kind, entities: Sequence[str]) -> tuple[list[Hit], Sequence[Named]]:
        """Find which rules name some entities outright, and the globs that may name some of them."""
        if not entities:
            return [], []
        servers = set() if kind is Kind.SERVER else {one.partition(":")[2] for one in entities}
        return await store.naming(tx, kind, entities), await store.globs(tx, kind, servers)

    async def _met(self, tx: Tx, who: str, named: Named) -> None:
        """Put before people, once, that a list names somebody who is here."""
        name, rule, now = named.list_name, named.rule, self._setting.now()
        most = self._setting.config.policy_lists.most_a_day
        if not await store.meet(tx, name, rule.entity, who, now):
            return
        if not await store.count_one(tx, name, self._today, most):
            await store.unmeet(tx, name, rule.entity, who)
            await self._hold_back(tx, name)
            return
        audit.append(tx, at=now, actor=ACTOR, tag="list:meet", object=who, list=name, rule=rule.entity)
        said = rules.said(rule, who)
        subject = self._subject(rule, who)
        if subject is None:
            self._tell(
                tx,
                name,
                f"{said}\nAccounts of that server are in governed rooms. The ladder has no measures on "
                "servers (scopes.server), so I opened no case.",
            )
            return
        made = Report(0, f"{NOUN}:{name}", subject, UNSORTED, said, 0, now, Via.LIST)
        report, _ = await self._reports.receive(tx, made)
        await store.in_case(tx, name, rule.entity, who, report.case_id)

    def _subject(self, rule: Rule, who: str) -> Subject | None:
        """Say what a case is about; None for a server about which nothing could be decided."""
        match rule.kind:
            case Kind.USER:
                return Subject(SubjectKind.USER, user_id=who)
            case Kind.ROOM:
                return Subject(SubjectKind.ROOM, room_id=who)
            case Kind.SERVER:
                server = servers.read(who)
                known = Scope.SERVER in self._setting.ladder.scopes
                return Subject(SubjectKind.SERVER, server=server) if server and known else None

    async def _hold_back(self, tx: Tx, name: str) -> None:
        """Count what waits until tomorrow; people are told of the first alone."""
        if await store.hold_back(tx, name, self._today) == 1:
            self._tell(
                tx,
                name,
                "it has opened as many cases today as it may (policy_lists.most_a_day). What it names "
                "besides waits until tomorrow; how much that is: !policy lists",
            )

    # For people -----------------------------------------------------------------------------------

    async def listed(self, tx: Tx, entity: str) -> list[Named]:
        """Find which lists name an account, a room or a server, and why.

        Raises:
            Incomplete: it is none.
        """
        kinds = {"@": Kind.USER, "!": Kind.ROOM, "#": Kind.ROOM}
        kind = kinds.get(entity[:1], Kind.SERVER)
        if not entity.isprintable() or " " in entity or len(entity) > rules.LONGEST:
            message = "That is no account, no room and no server."
            raise Incomplete(message)
        server = entity if kind is Kind.SERVER else rules.server_of(entity)
        asked = {kind: entity, Kind.SERVER: server}
        found: list[Hit] = []
        for of, one in asked.items():
            outright, globs = await self._asked(tx, of, [one])
            found += outright + await _tried(globs, [one])
        return [named for _, named in found]


async def _tried(globs: Sequence[Named], entities: Sequence[str]) -> list[Hit]:
    """Try globs on entities, and let others have their turn meanwhile."""
    found: list[Hit] = []
    tried = 0
    for named in globs:
        pattern, tail = named.rule.entity, named.rule.tail
        part = rules.literal(pattern)
        for one in entities:
            if part not in one or (tail and not one.endswith(tail)):
                continue
            tried += 1
            if tried % _TRIES == 0:
                await asyncio.sleep(0)
            if rules.glob(pattern, one):
                found.append((one, named))
    return found
