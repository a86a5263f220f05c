"""The outbox worker: performs queued effects, in order within one subject, until they are done.

    waiting ─ performed ────────────→ done      (what follows is recorded in the same transaction)
       │ └── homeserver away, busy ─→ waiting   (later, with a growing pause)
       └──── it will never work ────→ dead      (the review room is told)

This is the one place where the homeserver is changed, so a dry run is one condition here.
"""

import asyncio
import logging
import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Final, Protocol, TypeVar

from policybot.domain import copy, name, notice
from policybot.domain.effect_words import in_words
from policybot.domain.effects import (
    PINNED,
    RESTORING,
    STANDING,
    ClearProfileField,
    Effect,
    JoinRoom,
    KeepContext,
    KeepEvidence,
    LearnAuthor,
    LearnMore,
    LearnName,
    Notify,
    Redact,
    Restore,
    Say,
    SetProfileField,
    ShowCard,
    target,
)
from policybot.domain.list_rule import EnterList, LeaveList
from policybot.domain.private import Private
from policybot.domain.showing import SHOWING, SetLabel
from policybot.ports import Errand, Homeserver, Impossible, Later, Result, StillShown
from policybot.services import appeal_links, cards, labels
from policybot.services.copies import Copies
from policybot.services.setting import Setting
from policybot.store import copies, filings, outbox, rooms, tries
from policybot.store.database import Database, DatabaseAway, Stale, Tx
from policybot.store.outbox import SHARDS, Lease, Queued

log = logging.getLogger(__name__)

Message = TypeVar("Message", Say, Notify)


class Aftermath(Protocol):
    """Records what follows from an effect."""

    async def before(self, tx: Tx, queued: Queued) -> None:
        """Let others wait who record what follows from effects of the same cause."""

    async def __call__(self, tx: Tx, queued: Queued, result: Result) -> None:
        """Hear of one that was carried out."""
        ...

    async def failed(self, tx: Tx, queued: Queued, error: str) -> bool:
        """Hear of one that cannot be; say whether it is seen to without calling people."""
        ...


RealName = Callable[[Tx, str], Awaitable[Private | None]]
"""Opens the verified name of an account's owner, if they show it now."""

LEASE_LIFE: Final = timedelta(seconds=15)
"""How long the effects of a process that died wait for another one."""
ALONE_LIFE: Final = timedelta(hours=1)
"""The same where there is no other one, so that nothing is written for it while nothing happens."""
LONGEST_PAUSE: Final = timedelta(seconds=30)
GIVE_UP_AFTER: Final = timedelta(days=3)
_AT_ONCE: Final = 8
_PAGE: Final = 500
_ENTERING: Final = 0.2
"""Seconds until it is looked again whether an invitation was followed."""
_READING = (EnterList, KeepEvidence, KeepContext, LearnName, LearnAuthor, LearnMore)
_HARMLESS = (Say, ShowCard, JoinRoom, LeaveList, *_READING)
"""What is done in a dry run too: answers, entering and leaving rooms, reading."""
_ONLY_SHOWN = (KeepContext, LearnName, LearnAuthor, LearnMore, SetProfileField, ClearProfileField)
"""What nobody is called for when the homeserver does not do it, unless a name stays that was hidden."""
_ANSWERS = ("$", "invitation ", "verification ", "encrypted ", "link ", "receipt ")
"""Causes of what only answers somebody: a command, an invitation, a page, a button. Such an effect is
performed in a dry run too; that it cannot be is no alarm, for anybody could ring that."""
_MAY_BE_GONE = ("agreement ", "owner ")
"""Causes of what goes to very many people, or to somebody who may be gone: that some cannot be reached
is no alarm."""
_REAL = ("look ", "privacy ", "referral ")
"""Causes of what is no rehearsal in a dry run either: a name that was shown was shown."""


class Outbox:
    """The worker of one process."""

    def __init__(  # noqa: PLR0913, PLR0917 - the parts
        self,
        setting: Setting,
        database: Database,
        homeserver: Homeserver,
        aftermath: Aftermath,
        real_name: RealName,
        kept: Copies,
        *,
        owner: str = "",
    ) -> None:
        """Perform effects on a homeserver, and hand what came of them to `aftermath`."""
        self._setting = setting
        self._database = database
        self._homeserver = homeserver
        self._aftermath = aftermath
        self._real_name = real_name
        self._copies = kept
        # Alone on a database, we take over at once from ourselves as we were before a crash; among
        # several, the lease of the dead one has to run out.
        self._owner = owner or (uuid.uuid4().hex if database.shared else "the only one")
        self._life = LEASE_LIFE if database.shared else ALONE_LIFE
        # What was queued before may have been sent by a process that died before it could note that.
        self._begun = setting.now()
        self._leases: dict[int, Lease] = {}
        self._busy: dict[str, asyncio.Task[None]] = {}
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._wake = asyncio.Event()
        setting.nudge = self._wake.set

    async def run(self) -> None:
        """Work until cancelled, then give the leases up."""
        try:
            while True:
                self._wake.clear()
                pause = await self._round()
                try:
                    await asyncio.wait_for(self._wake.wait(), pause)
                except TimeoutError:
                    continue
        finally:
            for task in self._busy.values():
                task.cancel()
            await asyncio.gather(*self._busy.values(), return_exceptions=True)
            await self._give_up_leases()

    async def _round(self) -> float:
        """Start what can be started; return the seconds after which to look again."""
        try:
            await self._renew()
            return await self._start_lanes()
        except DatabaseAway as error:
            log.warning("The outbox cannot reach the database: %s", error)
            return 1.0

    async def drain(self) -> None:
        """Work until nothing is left that could be done now."""
        while True:
            await self._renew()
            await self._start_lanes()
            if not self._busy:
                return
            await asyncio.wait(self._busy.values())

    async def _renew(self) -> None:
        now = self._setting.now()
        stale = [
            shard
            for shard in range(SHARDS)
            if shard not in self._leases or self._leases[shard].until - now < self._life / 2
        ]
        if not stale:
            return
        async with self._database.transaction() as tx:
            had = await outbox.lease(tx, stale, self._owner, now, self._life)
        for shard in stale:
            self._leases.pop(shard, None)
        self._leases |= had

    async def _give_up_leases(self) -> None:
        try:
            async with self._database.transaction() as tx:
                await outbox.release(tx, self._owner)
        except DatabaseAway as error:
            log.warning("The leases end by themselves, for the database is away: %s", error)

    async def _start_lanes(self) -> float:
        """Begin on the oldest effects of every lane that is free and due."""
        now, after, pause = self._setting.now(), 0, 5.0
        blocked: set[str] = set()
        while True:
            async with self._database.transaction(reading=True) as tx:
                page = await outbox.waiting(tx, after, _PAGE)
            lanes: defaultdict[str, list[Queued]] = defaultdict(list)
            for queued in page:
                if queued.lane in self._busy or queued.lane in blocked:
                    blocked.add(queued.lane)
                elif queued.shard in self._leases and queued.not_before <= now:
                    lanes[queued.lane].append(queued)
                else:
                    blocked.add(queued.lane)
                    if queued.shard in self._leases:
                        pause = min(pause, max(0.05, (queued.not_before - now).total_seconds()))
            for lane, waiting in lanes.items():
                self._busy[lane] = asyncio.create_task(self._work(lane, waiting))
                blocked.add(lane)
            if len(page) < _PAGE:
                return pause
            after = page[-1].id

    async def _work(self, lane: str, waiting: list[Queued]) -> None:
        """Perform the effects of one lane one after another; stop at the first that has to wait."""
        try:
            async with self._slots:
                for queued in waiting:
                    if not await self._perform(queued):
                        break
        except Stale:
            log.debug("What follows from an effect is recorded in the next round")
        except DatabaseAway as error:
            log.warning("The outbox cannot reach the database: %s", error)
        finally:
            del self._busy[lane]
            self._wake.set()

    async def _perform(self, queued: Queued) -> bool:
        """Perform one effect; False if the rest of its lane has to wait."""
        lease = self._leases.get(queued.shard)
        if lease is None or lease.until <= self._setting.now():
            return False
        try:
            return await self._attempt(queued, lease)
        except Later as error:
            return await self._postpone(queued, lease, str(error), error.retry_after)
        except Impossible as error:
            quiet = isinstance(queued.effect, _ONLY_SHOWN) and not isinstance(error, StillShown)
            return await self._bury(queued, lease, str(error), quiet=quiet)
        except DatabaseAway:
            raise
        except Exception as error:
            log.exception("Effect %s (%s) failed", queued.id, type(queued.effect).__name__)
            return await self._postpone(queued, lease, f"internal error: {type(error).__name__}")

    async def _attempt(self, queued: Queued, lease: Lease) -> bool:
        if not await self._still_wanted(queued):
            return True
        if isinstance(queued.effect, SHOWING) and await self._is_hidden(queued.effect.room_id):
            return await self._record(queued, lease, "dropped", {})
        if self._withheld(queued):
            log.info("dry run: would %s", in_words(queued.effect))
            return await self._record(queued, lease, "dry", {})
        errand = await self._prepare(queued)
        result = await self._homeserver.perform(errand)
        return await self._record(queued, lease, "done", result)

    async def _still_wanted(self, queued: Queued) -> bool:
        """Look whether the reason for an effect is still there; it may have gone since it was read."""
        async with self._database.transaction(reading=True) as tx:
            return await outbox.is_waiting(tx, queued.id)

    async def _is_hidden(self, room_id: str) -> bool:
        """Look whether a filed room is in force no more: then nothing is shown, whoever queued it."""
        async with self._database.transaction(reading=True) as tx:
            return await filings.hidden(tx, room_id)

    def _withheld(self, queued: Queued) -> bool:
        harmless = isinstance(queued.effect, _HARMLESS) or _answers(queued)
        harmless = harmless or queued.cause.startswith(_REAL)
        return self._setting.config.dry_run and not harmless

    async def _prepare(self, queued: Queued) -> Errand:  # noqa: C901 - one for each kind
        """Gather what is needed; keep what must be kept before anything is changed."""
        effect = queued.effect
        again = queued.attempts > 0 or queued.queued_at < self._begun
        errand = Errand(effect, queued.key, again)
        match effect:
            case Say():
                return replace(errand, effect=await self._with_names(effect))
            case Notify(user_id):
                async with self._database.transaction(reading=True) as tx:
                    room = await rooms.direct(tx, user_id)
                    entering = room is None and await outbox.entering(tx, user_id)
                if entering:
                    # They have just opened a chat with us: another one would only puzzle them.
                    message = f"I am entering the chat that {user_id} has opened"
                    raise Later(message, retry_after=_ENTERING)
                named = await self._with_names(effect)
                if notice.PLACE in named.text:
                    async with self._database.transaction() as tx:
                        text = await appeal_links.fill(
                            tx, self._setting, queued.cause, user_id, named.text
                        )
                    named = replace(named, text=text)
                return replace(errand, effect=named, direct_room=room)
            case ShowCard(_, subject):
                # In the review room as it is now, wherever it was when this was queued.
                effect = replace(effect, room_id=self._setting.review_room)
                async with self._database.transaction(reading=True) as tx:
                    card = await cards.to_show(tx, self._setting, effect.room_id, subject)
                return replace(errand, effect=effect, card=card)
            case SetProfileField(user_id, _, real=True):
                errand = replace(errand, name=await self._name_of(user_id))
            case Redact(room_id, event_id):
                await self._keep_first(room_id, event_id, queued.key)
            case Restore(_, event_id):
                errand = replace(errand, evidence=await self._kept(event_id, newest=True))
            case KeepContext(_, event_id):
                errand = replace(errand, evidence=await self._kept(event_id))
            case SetLabel(room_id):
                async with self._database.transaction(reading=True) as tx:
                    content = await labels.content(tx, self._setting.config, room_id)
                errand = replace(errand, label=content or None)
            case _ if isinstance(effect, STANDING):
                errand = replace(errand, before=await self._before(effect))
            case _ if isinstance(effect, (*RESTORING, *PINNED)):
                async with self._database.transaction() as tx:
                    before = await outbox.remembered(tx, target(effect))
                errand = replace(errand, before=before)
        return errand

    async def _with_names(self, message: Message) -> Message:
        """Put names and what was said into a message at the last moment: it was kept without them."""
        if copy.places(message.text):
            async with self._database.transaction(reading=True) as tx:
                message = replace(message, text=await self._copies.fill(tx, message.text))
        accounts = name.places(message.text)
        if not accounts:
            return message
        # Where people decide about somebody, they do it without the name, whatever it is.
        in_review = isinstance(message, Say) and message.room_id == self._setting.review_room
        real = {account: None if in_review else await self._name_of(account) for account in accounts}

        def written(account: str) -> str:
            found = real[account]
            return name.quoted(found.reveal()) if found else account

        return replace(message, text=name.filled(message.text, written))

    async def _name_of(self, user_id: str) -> Private | None:
        async with self._database.transaction(reading=True) as tx:
            return await self._real_name(tx, user_id)

    async def _keep_first(self, room_id: str, event_id: str, key: str) -> None:
        """Keep a copy of an event before it is removed, and of what it was edited to last."""
        async with self._database.transaction() as tx:
            known = await copies.get(tx, event_id)
        if known is not None:
            return
        keep = KeepEvidence(room_id, event_id)
        result = await self._homeserver.perform(Errand(keep, key))
        copied = copies.copy_of(keep, result, self._setting.now())
        if copied.edit_id is not None:  # first, for once there is a copy of the event, nobody asks again
            with suppress(Impossible):
                await self._keep_first(room_id, copied.edit_id, key)
        async with self._database.transaction() as tx:
            await self._copies.keep(tx, copied)

    async def _kept(self, event_id: str, *, newest: bool = False) -> Result | None:
        """Read a kept copy; of an edited event, if the `newest` is wanted, what it was edited to."""
        async with self._database.transaction(reading=True) as tx:
            kept = await self._copies.get(tx, event_id)
            edit = await self._copies.get(tx, kept.edit_id) if newest and kept else None
        if kept is None:
            return None
        content = edit.content.get("m.new_content") if edit else None
        return {
            "room_id": kept.room_id,
            "sender": kept.sender,
            "sent_at": kept.sent_at,
            "content": content if isinstance(content, dict) and content else kept.content,
        }

    async def _before(self, effect: Effect) -> Result:
        """Remember what is there now, unless an effect stands there already; safe before any change."""
        async with self._database.transaction() as tx:
            known = await outbox.remembered(tx, target(effect))
        if known is not None:
            return known
        seen = dict(await self._homeserver.observe(effect))
        async with self._database.transaction() as tx:
            await outbox.remember(tx, target(effect), seen, self._setting.now())
        return seen

    async def _record(self, queued: Queued, lease: Lease, state: str, result: Result) -> bool:
        """Mark an effect as carried out, with all that follows, in one transaction."""

        async def write(tx: Tx) -> None:
            now = self._setting.now()
            await self._aftermath.before(tx, queued)
            if not await outbox.finish(tx, queued, lease.fence, state=state, now=now):
                return
            if isinstance(queued.effect, RESTORING):
                await outbox.forget(tx, target(queued.effect))
            await self._aftermath(tx, queued, result)

        await tries.anew(self._database, write)
        return True

    async def _postpone(
        self, queued: Queued, lease: Lease, error: str, retry_after: float | None = None
    ) -> bool:
        now = self._setting.now()
        if now - queued.queued_at > GIVE_UP_AFTER:
            quiet = isinstance(queued.effect, _ONLY_SHOWN)
            return await self._bury(queued, lease, error, quiet=quiet)
        pause = min(LONGEST_PAUSE, timedelta(seconds=2 ** min(queued.attempts, 8)))
        if retry_after is not None:
            pause = max(timedelta(milliseconds=50), timedelta(seconds=retry_after))
        async with self._database.transaction() as tx:
            await outbox.postpone(tx, queued, lease.fence, now + pause, error)
        log.warning("Later: %s (%s)", in_words(queued.effect), error)
        return False

    async def _bury(self, queued: Queued, lease: Lease, error: str, *, quiet: bool) -> bool:
        """Give an effect up and call people, unless it is `quiet`; the rest of its lane goes on."""
        effect = queued.effect
        log.log(logging.INFO if quiet else logging.ERROR, "Cannot %s: %s", in_words(effect), error)

        async def write(tx: Tx) -> None:
            now, state = self._setting.now(), "dropped" if quiet else "dead"
            await self._aftermath.before(tx, queued)
            if not await outbox.finish(tx, queued, lease.fence, state=state, now=now, error=error):
                return
            if await self._aftermath.failed(tx, queued, error):
                await outbox.settle(tx, queued)
                return
            in_review = (
                isinstance(effect, (Say, ShowCard)) and effect.room_id == self._setting.review_room
            )
            if quiet or in_review or _answers(queued) or queued.cause.startswith(_MAY_BE_GONE):
                return
            self._setting.tell_staff(
                tx,
                f"I could not {in_words(effect)} ({queued.cause}).\nReason: {error}\n"
                f"Once it is mended: !policy retry {queued.id}",
                cause=f"alarm {queued.id}",
            )

        await tries.anew(self._database, write)
        return True


def _answers(queued: Queued) -> bool:
    return queued.cause.startswith(_ANSWERS)
