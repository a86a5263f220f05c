"""Unfiled public rooms: the directory is looked through a page at a time, and people are told.

reading → telling → reminding → ending → done, and again after `filing.unfiled.every`. Each part is one
short transaction in which the place is kept, so that a scan goes on where it was, whatever ends it.
No room is entered, and nothing that stands in one is read: the list of the homeserver is all.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from policybot.config.unfiled import UnfiledSection
from policybot.domain import unfiled as rules
from policybot.domain.filing import Filing
from policybot.domain.name import cleaned
from policybot.domain.review import OPEN
from policybot.domain.unfiled import Action, Cursor, Room, Standing, Step
from policybot.ports import Impossible, Later, Listed, PublicRooms, RoomsPage
from policybot.services.delisting import NOUN, Delisting, cause, how_to_file, lines, number_of
from policybot.services.setting import Setting
from policybot.store import audit, filings, outbox
from policybot.store import unfiled as store
from policybot.store.database import Database, Tx
from policybot.store.unfiled import Counts, Phase, Scan

log = logging.getLogger(__name__)

_TRY_AGAIN = timedelta(hours=1)
"""After the homeserver has refused to show its list."""
_CREATORS = 20
"""Creators of one transaction, who may each have to be looked up."""
_UNHEARD_ROOMS = 500
"""Rooms of one transaction whose creator cannot be told."""


class Unfiled:
    """The service that looks for public rooms that are not filed."""

    def __init__(self, setting: Setting, delisting: Delisting) -> None:
        """Have rooms taken out of the directory by the service that can put them back."""
        self._setting = setting
        self._delisting = delisting

    @property
    def _section(self) -> UnfiledSection:
        return self._setting.config.filing.unfiled or UnfiledSection(action=Action.NOTHING)

    @property
    def looked_for(self) -> bool:
        """Whether the operator wants such rooms to be looked for."""
        return self._setting.config.filing.unfiled is not None

    async def step(self, database: Database, directory: PublicRooms) -> bool:
        """Do the next part of what is due by the clock; say whether there is more to do at once."""
        if not self.looked_for:
            return False
        try:
            return await self.advance(database, directory)
        except Later as error:
            log.warning("Public rooms cannot be looked through now: %s", error)
        except Impossible as error:
            log.warning("Public rooms cannot be looked through: %s", error)
        return False

    async def advance(self, database: Database, directory: PublicRooms, *, now: bool = False) -> bool:
        """Do the next part of a scan; say whether there is more to do at once.

        Args:
            database: each part is a transaction in it.
            directory: what is looked through.
            now: begin, whenever the last scan was, and ask again, whatever the last answer was.

        Raises:
            Later: the homeserver is away; the scan goes on from here.
            Impossible: it does not show its list; people were told if they were not before.
        """
        at = self._setting.now()
        async with database.transaction(reading=True) as tx:
            scan = await store.scan(tx)
        if scan is None or scan.phase is Phase.DONE:
            due = now or scan is None or scan.started_at + self._section.every <= at
            return await self._begin(database, directory, scan) if due else False
        if scan.not_before is not None and scan.not_before > at and not now:
            return False
        if scan.phase is Phase.READING:
            return await self._read_next(database, directory, scan)
        if scan.phase is Phase.TELLING:
            return await self._tell(database, directory, scan)
        return await (self._remind if scan.phase is Phase.REMINDING else self._end)(database, scan)

    # Reading --------------------------------------------------------------------------------------

    async def _begin(self, database: Database, directory: PublicRooms, last: Scan | None) -> bool:
        exempt = []
        for wanted in (*self._section.exempt, *self._setting.config.policy_lists.rooms):
            room_id = wanted if wanted.startswith("!") else await directory.room_of(wanted)
            if room_id is None:
                log.warning("Exempt from filing, and nobody knows it: %s", wanted)
            else:
                exempt.append(room_id)
        last = last or Scan(0, Phase.DONE, self._setting.now())
        begun = Scan(
            last.number + 1,
            Phase.READING,
            self._setting.now(),
            last.finished_at,
            exempt=tuple(exempt),
            problem=last.problem,
            version=last.version,
        )
        async with database.transaction() as tx:
            await store.save_scan(tx, begun)
        return True

    async def _refused(self, database: Database, scan: Scan, why: str) -> None:
        """Say once that the list is not shown to us, and ask again later."""
        refused = replace(scan, problem=why, not_before=self._setting.now() + _TRY_AGAIN)
        async with database.transaction() as tx:
            if await store.save_scan(tx, refused) and not scan.problem and self.looked_for:
                self._setting.tell_staff(
                    tx,
                    f"I cannot look for public rooms that are not filed: {why}.\n"
                    "I try again every hour, and say this once.",
                    cause=NOUN,
                )

    async def _read_next(self, database: Database, directory: PublicRooms, scan: Scan) -> bool:
        try:
            page = await directory.page(scan.cursor.start, rules.PAGE)
        except Impossible as error:
            await self._refused(database, scan, str(error))
            raise
        return await self._read(database, scan, page)

    async def _read(self, database: Database, scan: Scan, page: RoomsPage) -> bool:
        """Remember the unfiled rooms of a page, and go on to the next one."""
        found = {room.room_id: room for room in page.rooms}
        own = [room_id for room_id, room in found.items() if self._is_own(room, scan)]
        others = [room for room_id, room in found.items() if room_id not in own]
        cursor = rules.advanced(scan.cursor, page.ids, more=page.more)
        further = replace(scan, total=page.total, problem="", not_before=None)
        if cursor is None:
            further = _entering(further, Phase.TELLING)
        else:
            further = replace(further, cursor=cursor)
        async with database.transaction() as tx:
            if not await store.save_scan(tx, further):
                return True  # another process has read it
            made = await filings.of_rooms(tx, [room.room_id for room in others])
            known = await store.known(tx, list(found))
            kept, gone = [], [room_id for room_id in own if room_id in known]
            for room in others:
                its = made.get(room.room_id, [])
                if rules.standing([filing.state for filing in its]) is Standing.KNOWN:
                    gone += [room.room_id] if room.room_id in known else []
                else:
                    kept.append(await self._seen(tx, scan, room, its, known.get(room.room_id)))
            await store.keep(tx, kept)
            await store.forget(tx, gone)
            if cursor is None:
                await store.forget_gone(tx, scan.number)
        return True

    def _is_own(self, room: Listed, scan: Scan) -> bool:
        """Say whether a room is the operator's own, the review room, or one that we have made."""
        config = self._setting.config
        exempt = (*self._section.exempt, *config.policy_lists.rooms, *scan.exempt)
        mine = (self._setting.review_room, config.review_room, *exempt)
        return room.creator == config.bot_user_id or room.room_id in mine or room.alias in mine

    async def _seen(
        self, tx: Tx, scan: Scan, room: Listed, made: Sequence[Filing], before: Room | None
    ) -> Room:
        """Note that a room stands in the directory, and what changed since it was seen there last."""
        at = self._setting.now()
        applied = next((filing.number for filing in made if filing.state in OPEN), "")
        found = before or Room(room.room_id, "", "", 0, at, at)
        back = found.hidden_at is not None and not await outbox.unsettled(
            tx, cause(room.room_id), scan.started_at
        )
        if back or (found.applied and not applied):
            found = rules.anew(found, at)
        elif applied and not found.applied and found.heard:
            self._write(
                tx,
                found.creator,
                f"The room {found.linked} has applied ({applied}). Nothing is done about it until that "
                "is decided, whatever I wrote before.",
            )
        return replace(
            found,
            name=cleaned(room.name),
            creator=room.creator,
            members=room.members,
            seen_at=at,
            scan=scan.number,
            applied=applied,
        )

    # Telling --------------------------------------------------------------------------------------

    async def _tell(self, database: Database, directory: PublicRooms, scan: Scan) -> bool:
        """Tell the next creators of their rooms, so many people in a scan."""
        at, action = self._setting.now(), self._delisting.action
        after = scan.cursor.known[0] if scan.cursor.known else None
        async with database.transaction(reading=True) as tx:
            creators = (
                await store.creators(tx, Step.TELL, action, at, after=after, limit=_CREATORS)
                if action is not Action.NOTHING and scan.told < rules.PEOPLE_AT_A_TIME
                else []
            )
        heard = {creator for creator in creators if await self._hears(directory, creator)}
        due_at = rules.day_of_hiding(action, self._section.grace, at)
        told, last = 0, after
        async with database.transaction() as tx:
            for creator in creators:
                reached = creator in heard
                if reached and scan.told + told >= rules.PEOPLE_AT_A_TIME:
                    continue
                most = rules.ROOMS_IN_A_MESSAGE if reached else _UNHEARD_ROOMS
                rooms = await store.of_creator(tx, creator, Step.TELL, action, at, limit=most)
                now_told = [rules.told(room, due_at, at, heard=reached) for room in rooms]
                await store.keep(tx, now_told)
                self._note(tx, "unfiled:tell", now_told)
                if reached and now_told:
                    told += 1
                    self._write(tx, creator, self._first_word(now_told))
                if not reached and len(rooms) == most:
                    break  # nobody reads of these: the rest of them comes with the next step
                last = creator
            further = _after(scan, last) if creators else _entering(scan, Phase.REMINDING)
            if not await store.save_scan(tx, replace(further, told=scan.told + told)):
                raise _Overtaken
        return True

    async def _hears(self, directory: PublicRooms, creator: str) -> bool:
        return self._setting.is_local(creator) and await directory.reachable(creator)

    def _write(self, tx: Tx, creator: str, text: str) -> None:
        self._setting.tell(tx, creator, text, cause=f"{NOUN} notice {creator}")

    def _first_word(self, rooms: Sequence[Room]) -> str:
        config, due_at = self._setting.config, rooms[0].due_at
        what = (
            "No date is set, and nothing else happens by itself."
            if due_at is None
            else f"A room that is not filed by {due_at:%-d %B %Y} is taken out of the directory on that "
            "day. It stays as it is otherwise, and comes back once it is approved."
        )
        which = "Your room stands" if len(rooms) == 1 else "Your rooms stand"
        return (
            f"{which} in the public directory of {config.homeserver.server_name} without being filed:\n"
            f"{lines(rooms)}\n"
            "Public rooms are filed here: somebody answers for each, and it is known what it is for. "
            f"{what}\n{how_to_file(self._setting)}\n"
            "If it is not meant to be public, take it out of the directory in its settings. "
            f"Questions? {config.operator.contact}"
        )

    async def _remind(self, database: Database, scan: Scan) -> bool:
        """Remind the next creators of the day that comes."""
        at, action = self._setting.now(), self._delisting.action
        told, last = 0, scan.cursor.known[0] if scan.cursor.known else None
        async with database.transaction() as tx:
            creators: list[str] = []
            if action is Action.UNPUBLISH and scan.told < rules.PEOPLE_AT_A_TIME:
                creators = await store.creators(tx, Step.REMIND, action, at, after=last, limit=_CREATORS)
            for creator in creators:
                if scan.told + told >= rules.PEOPLE_AT_A_TIME:
                    break
                rooms = await store.of_creator(
                    tx, creator, Step.REMIND, action, at, limit=_UNHEARD_ROOMS
                )
                heard = [room for room in rooms if room.heard][: rules.ROOMS_IN_A_MESSAGE]
                unheard = [room for room in rooms if not room.heard]
                now_reminded = [rules.reminded(room, at) for room in (*heard, *unheard)]
                await store.keep(tx, now_reminded)
                self._note(tx, "unfiled:remind", now_reminded)
                if heard:
                    told += 1
                    self._write(tx, creator, self._reminder(now_reminded[: len(heard)]))
                elif len(rooms) == _UNHEARD_ROOMS:
                    break
                last = creator
            further = _after(scan, last) if creators else _entering(scan, Phase.ENDING)
            if not await store.save_scan(tx, replace(further, told=scan.told + told)):
                raise _Overtaken
        return True

    def _reminder(self, rooms: Sequence[Room]) -> str:
        days = "\n".join(f"· on {room.due_at:%-d %B %Y}: {room.linked}" for room in rooms)
        return (
            "A reminder: this is not filed, and is taken out of the public directory:\n"
            f"{days}\n{how_to_file(self._setting)}\n"
            f"Questions? {self._setting.config.operator.contact}"
        )

    # Ending ---------------------------------------------------------------------------------------

    async def _end(self, database: Database, scan: Scan) -> bool:
        """Take out of the directory what is due, unless it is too much at once, and sum up."""
        at = self._setting.now()
        async with database.transaction() as tx:
            due = await store.count_due(tx, at) if self._delisting.action is Action.UNPUBLISH else 0
            lately = await store.hidden_since(tx, at - rules.A_DAY)
            hidden: list[Room] = []
            if due and rules.by_itself(due, lately):
                hidden = await self._delisting.due(tx, rules.MOST_BY_ITSELF)
                await self._delisting.hide(tx, "system:clock", hidden)
            done = replace(
                scan,
                phase=Phase.DONE,
                finished_at=at,
                hidden=len(hidden),
                waiting=0 if rules.by_itself(due, lately) else due,
            )
            if not await store.save_scan(tx, done):
                raise _Overtaken
            counts = await store.counts(tx, scan.started_at)
            if self.looked_for and (counts.fresh or done.told or done.hidden or done.waiting):
                self._setting.tell_staff(tx, summary(counts, done), cause=NOUN)
        return False

    def _note(self, tx: Tx, tag: str, rooms: Sequence[Room]) -> None:
        for room in rooms:
            audit.append(
                tx,
                at=self._setting.now(),
                actor="system:clock",
                tag=tag,
                object=room.room_id,
                heard=room.heard,
                due=room.due_at.isoformat() if room.due_at else "",
            )


def _entering(scan: Scan, phase: Phase) -> Scan:
    return replace(scan, phase=phase, cursor=Cursor())


def _after(scan: Scan, creator: str | None) -> Scan:
    """Go on behind a creator; at the beginning, if nobody is done with yet."""
    return replace(scan, cursor=Cursor(0, () if creator is None else (creator,)))


class _Overtaken(Later):
    """Another process has done the same part; this one leaves nothing behind."""

    def __init__(self) -> None:
        super().__init__("another process is at it")


def summary(counts: Counts, scan: Scan) -> str:
    """Sum a scan up for the review room."""
    are = " is" if counts.unfiled == 1 else "s are"
    parts = [f"{counts.unfiled:,} public room{are} not filed; {counts.fresh:,} new."]
    if counts.applied:
        parts.append(f"{counts.applied:,} more have applied and wait for a reviewer.")
    if scan.told:
        parts.append(f"I have written to {scan.told} of those who made them.")
    if counts.unheard:
        parts.append(f"Of the new ones, {counts.unheard:,} have nobody here whom I could tell.")
    if scan.hidden:
        parts.append(f"{number_of(scan.hidden)} taken out of the directory, as announced.")
    if scan.waiting:
        parts.append(
            f"{scan.waiting:,} are due to be taken out of it, which is too many without you; to see "
            "the first of them: !policy unfiled unpublish"
        )
    parts.append("!policy unfiled lists them.")
    return " ".join(parts)
