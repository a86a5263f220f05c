"""Reports made with the client's own button, fetched from the homeserver, which does not send them.

Each is taken in a transaction of its own, in which it is remembered as taken; how far a list is read is
saved after that. So what a crash interrupts is read again, and nothing is taken twice.
"""

import logging
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from policybot.domain import press as rules
from policybot.domain.press import Cursor, Kind, Press
from policybot.ports import Impossible, Later, ReportButton
from policybot.services.intake import came_by_proxy
from policybot.services.reports import Reports
from policybot.services.setting import Setting
from policybot.store import outbox
from policybot.store import presses as store
from policybot.store.database import Database, DatabaseAway
from policybot.store.presses import Place

log = logging.getLogger(__name__)

_LEASE_LIFE: Final = timedelta(seconds=15)
"""How long reports wait when the process that reads them has died."""
_ALONE_LIFE: Final = timedelta(hours=1)
"""The same where there is no other process, so that nothing is written while nothing happens."""
_LOOK_ANYWAY: Final = timedelta(seconds=15)
"""After which a list is read even if nothing of the next number is there: numbers have gaps."""
_TOLD_AFTER: Final = 20
"""Refusals in a row before people are called: at the first start the bot is no administrator yet."""
_TRIES: Final = 2
_NOUN = "button"


class Presses:
    """The service that takes in what was reported with the client's button."""

    def __init__(self, setting: Setting, taken: Reports) -> None:
        """Hand reports on to those who work on cases."""
        self._setting = setting
        self._reports = taken
        self._owner = uuid.uuid4().hex
        self._leased_until: datetime | None = None
        self._newest: dict[Kind, tuple[int, datetime]] = {}
        self._here_since = setting.now()

    async def step(self, database: Database, button: ReportButton) -> bool:
        """Read the next page of each list; say whether there is more to do at once.

        Raises:
            Later: the homeserver is away.
            Impossible: it shows no list, and people know of it.
        """
        if not await self._mine(database):
            return False
        more, refused = False, []
        for kind in Kind:
            try:
                more |= await self._read(database, button, kind)
            except Impossible as error:
                if await self._refused(database, kind, str(error)):
                    refused.append(error)
        if len(refused) == len(Kind):
            raise refused[0]
        return more

    async def _mine(self, database: Database) -> bool:
        """Say whether it is for this process to read the lists."""
        now = self._setting.now()
        life = _LEASE_LIFE if database.shared else _ALONE_LIFE
        if self._leased_until is not None and self._leased_until - now >= life / 2:
            return True
        owner = self._owner if database.shared else "the only one"
        async with database.transaction() as tx:
            self._leased_until = await store.lease(tx, owner, now, life)
        return self._leased_until is not None

    async def leave(self, database: Database) -> None:
        """Let another process read the lists at once."""
        if self._leased_until is not None and database.shared:
            self._leased_until = None
            async with database.transaction() as tx:
                await outbox.release(tx, self._owner)

    async def _read(self, database: Database, button: ReportButton, kind: Kind) -> bool:
        async with database.transaction(reading=True) as tx:
            place = await store.place(tx, kind)
        if place.cursor is None:
            return await self._begin(database, button, place)
        if not await self._is_due(button, kind):
            return False
        cursor, reach = place.cursor, rules.PAGE
        page = await button.page(kind, cursor.start, rules.PAGE)
        while not rules.fits(cursor, page.rows):
            cursor, reach = rules.behind(cursor, reach), 2 * reach
            page = await button.page(kind, cursor.start, rules.PAGE)
        further = rules.advanced(cursor, page.rows, more=page.more)
        async with database.transaction(reading=True) as tx:
            fresh = await store.unseen(tx, kind, rules.fresh(cursor, page.rows))
        await self._take_all(database, place, fresh)
        await self._save(database, replace(place, problem="", refusals=0), further)
        if page.rows and not page.more:
            self._newest[kind] = (max(press.id for press in page.rows), self._setting.now())
        return page.more

    async def _is_due(self, button: ReportButton, kind: Kind) -> bool:
        """Say whether there is something to read, as far as the next number tells; at times in any case.

        A whole list is sorted by the homeserver for each page, which takes long where it is long.
        """
        number, looked_at = self._newest.pop(kind, (0, None))
        if looked_at is None or self._setting.now() - looked_at >= _LOOK_ANYWAY:
            return True
        if await button.is_there(kind, number + 1):
            return True
        self._newest[kind] = (number, looked_at)
        return False

    async def _begin(self, database: Database, button: ReportButton, place: Place) -> bool:
        """Begin behind what was reported before policybot started: others have seen to that.

        What came since is taken, however long the homeserver refused or was away.
        """
        page = await button.page(place.kind, 0, rules.PAGE, newest_first=True)
        begun = rules.begun(page.rows, page.total, self._here_since)
        await self._save(database, replace(place, problem="", refusals=0), begun)
        return any(press.at >= begun.mark for press in page.rows)

    async def _save(self, database: Database, place: Place, cursor: Cursor) -> None:
        """Save how far a list is read, unless that is known."""
        async with database.transaction(reading=True) as tx:
            known = await store.place(tx, place.kind)
        if known == replace(place, cursor=cursor):
            return
        async with database.transaction() as tx:
            if await store.save_place(tx, replace(place, cursor=cursor)):
                await store.forget_before(tx, place.kind, cursor.mark)

    async def _take_all(self, database: Database, place: Place, fresh: Sequence[Press]) -> None:
        """Take presses in, oldest first; one that cannot be taken is told, and the others go on."""
        for press in fresh:
            for again in range(1, _TRIES + 1):
                try:
                    await self._take(database, place, press)
                    break
                except (DatabaseAway, Later):
                    raise
                except Exception:
                    log.exception("Report %s of the list of %s cannot be taken", press.id, press.kind)
                    if again == _TRIES:
                        await self._park(database, place, press)

    async def _take(self, database: Database, place: Place, press: Press) -> None:
        async with database.transaction() as tx:
            if not (await store.hold(tx, place) and await store.saw(tx, press)):
                return
            if not await came_by_proxy(tx, press):
                await self._reports.pressed(tx, press)

    async def _park(self, database: Database, place: Place, press: Press) -> None:
        async with database.transaction() as tx:
            if await store.hold(tx, place) and await store.saw(tx, press):
                self._setting.tell_staff(
                    tx,
                    "A report made with a client's button could not be taken in. It is number "
                    f"{press.id} in the homeserver's list of reported {press.kind}, where an "
                    "administrator can read it. The log says why.",
                    cause=_NOUN,
                )

    async def _refused(self, database: Database, kind: Kind, why: str) -> bool:
        """Count a refusal, and tell once of many in a row; say whether it was told."""
        async with database.transaction() as tx:
            place = await store.place(tx, kind)
            if place.refusals >= _TOLD_AFTER:
                return True
            log.warning("Reports made with the client's button cannot be read: %s", why)
            counted = replace(place, problem=why, refusals=place.refusals + 1)
            if not await store.save_place(tx, counted) or counted.refusals < _TOLD_AFTER:
                return False
            others = [await store.place(tx, other) for other in Kind if other is not kind]
            if all(other.refusals < _TOLD_AFTER for other in others):
                self._setting.tell_staff(
                    tx,
                    f"I cannot read what people report with their client's button: {why}.\n"
                    "I keep trying, and say this once. `!policy report` works meanwhile.",
                    cause=_NOUN,
                )
        return True
