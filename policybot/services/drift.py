"""Drift: filed rooms are looked at from time to time, and whenever something about them changed.

An event that may mean something only lets its room be looked at soon. What is compared is always the
room as it is then, so nothing depends on the order in which events arrive.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from policybot.domain import drift as rules
from policybot.domain import label as label_rules
from policybot.domain.deviation import DAY, MOST, Deviation
from policybot.domain.drift import Difference, Kind, Seen, Wanted
from policybot.domain.effects import Effect, target
from policybot.domain.filing import Filing
from policybot.domain.room_measure import ShowBanner
from policybot.domain.sanction import State
from policybot.domain.showing import PinNotice, ShowTopicLine
from policybot.domain.upgrade import FollowUpgrade
from policybot.ports import Impossible, Later, RoomLook
from policybot.services import labels as label_service
from policybot.services.deviations import Deviations, cause
from policybot.services.setting import Setting
from policybot.services.upgrades import Upgrades
from policybot.store import drift, filings, labels, outbox, sanctions
from policybot.store.database import Database, Tx

log = logging.getLogger(__name__)

_AT_ONCE = 5
"""Rooms of one tick; each costs a dozen reading requests."""
_SOON = timedelta(minutes=1)
"""When a room is looked at again in which something is under way."""
_AFTER_FAILURE = timedelta(minutes=10)
"""When a room is looked at again that could not be read, or of which we were stopped."""
_LISTED = 50


@dataclass(frozen=True, slots=True)
class _Plan:
    """One room that is about to be looked at."""

    filing: Filing
    wanted: Wanted
    stamp: datetime
    newest: int
    """The newest effect of the outbox before the look."""


class Drift:
    """The service that compares rooms with their filings."""

    def __init__(self, setting: Setting, deviations: Deviations, upgrades: Upgrades) -> None:
        """Keep what is found with the deviations; rooms that were replaced are followed."""
        self._setting = setting
        self._deviations = deviations
        self._upgrades = upgrades

    async def soon(self, tx: Tx, room_id: str) -> None:
        """Let a room be looked at soon, if it is filed."""
        await drift.look_soon(tx, room_id, self._setting.now())

    async def is_news(self, tx: Tx, room_id: str) -> bool:
        """Say whether a change means anything: a room that is looked at next need not be told again."""
        return await drift.can_be_sooner(tx, room_id, self._setting.now())

    async def some(self, database: Database, look: RoomLook) -> int:
        """Look at some rooms that are due; return how many there were."""
        now = self._setting.now()
        stamp = now + _AFTER_FAILURE
        async with database.transaction() as tx:
            await drift.forget_before(tx, now - DAY)
            due = await drift.take_due(tx, now, stamp, _AT_ONCE)
            plans = [plan for filing in due if (plan := await self._plan(tx, filing, stamp)) is not None]
        for plan in plans:
            try:
                seen = await look.look(plan.wanted.look)
            except Later as error:
                log.info("Rooms are looked at later: %s", error)
                break
            except Impossible as error:
                log.warning("%s cannot be looked at: %s", plan.filing.place, error)
                continue
            async with database.transaction() as tx:
                await self._note(tx, plan, seen)
        return len(due)

    async def _plan(self, tx: Tx, filing: Filing, stamp: datetime) -> _Plan | None:
        """Say how a room should be; None while effects for it wait, for then nobody can say."""
        newest = await outbox.last(tx)
        if not await outbox.is_quiet(tx, filing.room_id, newest):
            await drift.look_again(tx, filing.id, stamp, self._setting.now() + _SOON)
            return None
        return _Plan(filing, await self._wanted(tx, filing), stamp, newest)

    async def _wanted(self, tx: Tx, filing: Filing) -> Wanted:
        config, room_id = self._setting.config, filing.room_id
        restraints: dict[Effect, None] = {}
        for sanction in await sanctions.reaching(tx, room_id):
            if sanction.state is State.ACTIVE:
                here = (e for e in sanction.restraints if getattr(e, "room_id", "") == room_id)
                restraints |= dict.fromkeys(here)
        line = await outbox.remembered(tx, target(ShowTopicLine(room_id, "")))
        pinned = await outbox.remembered(tx, target(PinNotice(room_id, "")))
        words = config.filing.shown.notice
        notice = None
        if pinned is not None and words is not None:
            notice = (str(pinned["event_id"]), label_service.filled(config, filing, words))
        banner = await outbox.remembered(tx, target(ShowBanner(room_id, "")))
        return Wanted(
            filing=filing,
            bot=config.bot_user_id,
            alias=label_rules.alias(filing.number, config.homeserver.server_name),
            label=await label_service.content(tx, config, room_id),
            label_waits=(await labels.get(tx, room_id)).wrong,
            restraints=tuple(restraints),
            line=None if line is None or config.filing.shown.topic_line is None else str(line["line"]),
            notice=notice,
            banner=str(banner["event_id"]) if banner else None,
        )

    async def _note(self, tx: Tx, plan: _Plan, seen: Seen | None) -> None:
        """Keep what a look has shown, unless something about the room was changed by us meanwhile."""
        now, room_id = self._setting.now(), plan.filing.room_id
        filing = await filings.by_id(tx, plan.filing.id)
        quiet = await outbox.is_quiet(tx, room_id, plan.newest)
        if filing is None or filing.version != plan.filing.version or not quiet:
            await drift.look_again(tx, plan.filing.id, plan.stamp, now + _SOON)
            return
        known = await drift.of_room(tx, room_id)
        found = {difference.kind: difference for difference in rules.differences(plan.wanted, seen)}
        mended = False
        for difference in found.values():
            mended |= await self._differs(tx, filing, known.get(difference.kind), difference)
        for kind, deviation in known.items():
            if kind not in found and deviation.ended_at is None and not _hides(found, kind):
                await self._deviations.over(tx, filing, deviation)
        every = self._setting.config.filing.drift.every
        await drift.look_again(tx, filing.id, plan.stamp, now + (_SOON if mended else every))

    async def _differs(self, tx: Tx, filing: Filing, known: Deviation | None, found: Difference) -> bool:
        """Set right or tell what differs; True if it is being set right."""
        config = self._setting.config
        match found.repair:
            case (FollowUpgrade() as follow,) if not config.dry_run:
                await self._upgrades.follow(tx, filing, follow)
                return False
        dead = await outbox.dead(tx, filing.room_id)
        mend = (
            found.kind in config.filing.drift.repair
            and bool(found.repair)
            and not config.dry_run
            # Of what the homeserver has refused people know already.
            and not any(effect in dead for effect in found.repair)
        )
        if await self._deviations.met(tx, filing, known, found, mend=mend):
            self._setting.queue(tx, found.repair, cause=cause(filing))
            return True
        return False

    # For people -----------------------------------------------------------------------------------

    async def listed(self, tx: Tx) -> list[str]:
        """List what differs now, as people read it, the longest first."""
        lines = []
        for deviation in await drift.standing(tx, _LISTED):
            filing = await filings.of_room(tx, deviation.room_id)
            if filing is not None:
                lines.append(f"{filing.number} ({deviation.room_id}), {_in_words(deviation)}")
        more = await drift.count(tx) - _LISTED
        return [*lines, f"… and {more} more."] if more > 0 else lines

    async def of_room(self, tx: Tx, room_id: str) -> list[str]:
        """List what differs in a room."""
        found = (await drift.of_room(tx, room_id)).values() if room_id else ()
        return [_in_words(deviation) for deviation in found if deviation.ended_at is None]


def _in_words(deviation: Deviation) -> str:
    doing = " It is being set right." if deviation.mending and deviation.count <= MOST else ""
    return f"since {deviation.since:%-d %B %Y %H:%M} UTC: {deviation.words}{doing}"


def _hides(found: dict[Kind, Difference], kind: Kind) -> bool:
    """Say whether nothing is known of a kind, because the room as a whole cannot be compared."""
    return Kind.ABSENT in found or (Kind.REPLACED in found and kind is not Kind.ABSENT)
