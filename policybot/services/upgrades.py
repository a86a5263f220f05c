"""Upgrades: when the owner of a filed room replaces it by another one, the filing goes on there.

The homeserver is asked whether it can (FollowUpgrade). What follows is recorded at once, in the
transaction that records the answer: the filing is of the new room, the measures that bind reach into it,
and what the old room showed is withdrawn there and shown here. A measure stays in the old room too until
it ends, for otherwise a suspension would be over as soon as somebody replaces the room.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from policybot.domain import drift as drift_rules
from policybot.domain import taking, upgrade
from policybot.domain.drift import Difference, Kind
from policybot.domain.effects import Effect, ReleaseMember, RestrictMember, Say, dump, load, target
from policybot.domain.filing import IN_FORCE, Filing
from policybot.domain.room_measure import DenyServer, ShowBanner
from policybot.domain.sanction import BINDING
from policybot.domain.showing import RemoveAlias, ShowTopicLine, Unpublish, WithdrawLabel
from policybot.domain.upgrade import FollowUpgrade, Successor
from policybot.services import labels
from policybot.services.deviations import Deviations
from policybot.services.messages import CAUSE as STANDING
from policybot.services.register import Register
from policybot.services.setting import Setting
from policybot.services.taking import levels_of
from policybot.store import audit, drift, filings, moves, outbox, rooms, sanctions, standing
from policybot.store.database import Tx
from policybot.store.outbox import Queued
from policybot.store.rooms import Kind as RoomKind
from policybot.store.rooms import Room
from policybot.store.standing import How

_CAUSE = "upgrade"
_FORMER = "upgraded"
_INSTEAD = (Unpublish, WithdrawLabel)
"""Effects of a measure of which the inverse must not reach the old room: it would be shown again."""


class Upgrades:
    """The service that follows rooms."""

    def __init__(self, setting: Setting, listed: Register, deviations: Deviations) -> None:
        """Tell the register which room it is now; where it cannot be followed, that is a deviation."""
        self._setting = setting
        self._register = listed
        self._deviations = deviations

    async def follow(self, tx: Tx, filing: Filing, effect: FollowUpgrade) -> None:
        """Try to follow a room, unless that is being tried already."""
        cause = f"{_CAUSE} {filing.id}"
        lately = self._setting.now() - upgrade.A_DAY
        if await outbox.unfinished(tx, cause) or (
            # Whoever closes a room can name one room of others after the other.
            await outbox.queued_since(tx, cause, lately) >= upgrade.TRIES_A_DAY
        ):
            return
        taken = await _taken(tx, effect)
        if taken is not None:
            await self._refused(tx, filing, effect, taken)
            return
        known = await rooms.get(tx, effect.successor) is not None
        self._setting.queue(tx, [replace(effect, known=known)], cause=cause)

    async def went_on(self, tx: Tx, queued: Queued, result: Mapping[str, Any]) -> None:
        """Let a filing go on in the new room, and show it there once the alias is free."""
        match queued.effect:
            case FollowUpgrade() as effect if "levels" in result:
                await self._followed(tx, effect, result)
            case RemoveAlias() if queued.cause.startswith(f"{_FORMER} "):
                filing = await filings.by_id(tx, int(queued.cause.partition(" ")[2]))
                if filing is not None and filing.state in IN_FORCE:
                    shown = labels.ornaments(self._setting.config, filing)
                    self._setting.queue(tx, shown, cause=f"filing {filing.id}")

    async def failed(self, tx: Tx, queued: Queued, error: str) -> bool:
        """Leave everything as it is where a room cannot be followed; False if it is none of ours."""
        if not isinstance(queued.effect, FollowUpgrade):
            return False
        filing = await filings.of_room(tx, queued.effect.room_id)
        if filing is not None:
            await self._refused(tx, filing, queued.effect, error)
        return True

    async def _refused(self, tx: Tx, filing: Filing, effect: FollowUpgrade, why: str) -> None:
        number, successor = filing.number, effect.successor
        found = Difference(
            Kind.REPLACED,
            f"The room was replaced by {successor}, and I could not follow: {why}.",
            f"Talk to {filing.applicant}. I try again by myself, at once with: !policy drift {number}\n"
            f"If the room is over: !policy revoke {number} REASON",
            owner=f"Your room {number} was replaced by {successor}, and I could not follow: {why}. "
            "The approval, the label and the place in the directory stay with the old room until that "
            "is mended; then I follow by myself.",
        )
        known = (await drift.of_room(tx, filing.room_id)).get(Kind.REPLACED)
        await self._deviations.met(tx, filing, known, found, mend=False)

    async def _followed(self, tx: Tx, effect: FollowUpgrade, result: Mapping[str, Any]) -> None:
        filing = await filings.of_room(tx, effect.room_id)
        if filing is None or filing.record_number is None:
            return
        taken = await _taken(tx, effect)
        if taken is not None:
            await self._refused(tx, filing, effect, taken)
            return
        now, bot = self._setting.now(), self._setting.config.bot_user_id
        seen = successor_of(result)
        reach = upgrade.reach(filing.control, seen.levels, bot)
        moved = replace(filing, room_id=effect.successor, control=reach)
        await filings.save(tx, moved)
        await rooms.save(tx, Room(moved.room_id, RoomKind.GOVERNED, seen.levels), now)
        former = await rooms.get(tx, filing.room_id)
        if former is not None:
            await rooms.save(tx, replace(former, kind=RoomKind.OTHER), now)
        await self._move_measures(tx, filing.room_id, moved.room_id, seen)
        await moves.made(tx, filing.room_id, moved.room_id)
        await self._move_rights(tx, filing.room_id, moved.room_id, seen)
        await self._keep_topic(tx, filing.room_id, moved.room_id, seen)
        shown = labels.public(moved) if moved.state in IN_FORCE else [Unpublish(moved.room_id)]
        self._setting.queue(tx, shown, cause=f"filing {moved.id}")
        self._setting.queue(tx, labels.hidden(filing), cause=f"{_FORMER} {moved.id}")
        await drift.forget_room(tx, filing.room_id)
        await drift.look_soon(tx, moved.room_id, now)
        audit.append(
            tx,
            at=now,
            actor="system:outbox",
            tag="filing:upgrade",
            object=moved.number,
            room=moved.room_id,
            former=filing.room_id,
        )
        self._register.moved(tx, moved, "upgrade")
        await self._setting.room_changed(tx, filing.room_id)
        await self._setting.room_changed(tx, moved.room_id)
        await self._setting.room_called(tx, moved.room_id, result)
        self._tell(tx, filing, moved)

    def _tell(self, tx: Tx, former: Filing, moved: Filing) -> None:
        cause = f"{_FORMER} {moved.id}"
        weaker = "" if moved.control is former.control else taking.for_reviewer(moved.control)
        less = f" My rank reaches less far in it now: {weaker}." if weaker else ""
        self._setting.tell_staff(
            tx,
            f"{moved.number}: the room was replaced by its owner, and the filing goes on in "
            f"{moved.room_id} (before: {former.room_id}). Measures that bind there reach both "
            f"rooms.{less}",
            cause=cause,
        )
        self._setting.tell(
            tx,
            moved.applicant,
            f"Your room {moved.number} goes on in the new room, https://matrix.to/#/{moved.room_id}: "
            "its approval, its label and its place in the directory have moved there.",
            cause=cause,
        )

    # What moves along ----------------------------------------------------------------------------

    async def _move_measures(self, tx: Tx, old: str, new: str, seen: Successor) -> None:
        """Let the measures that reach into the old room reach into the new one."""
        # Who leads a room is changed for good, and given back if an appeal overturns it.
        lasting = await sanctions.lasting(tx, old)
        for sanction in [*await sanctions.reaching(tx, old), *lasting]:
            there = [e for e in sanction.restraints if getattr(e, "room_id", "") == old]
            if not there and sanction.room_id != old:
                continue
            here = [_in_room(e, new) for e in there]
            kept = [e for e in sanction.restraints if e not in there or not isinstance(e, _INSTEAD)]
            room_id = new if sanction.room_id == old else sanction.room_id
            await sanctions.move(tx, replace(sanction, room_id=room_id, restraints=(*here, *kept)))
            self._setting.curbs_changed(tx, sanction.user_id or "")
            for was, is_ in zip(there, here, strict=True):
                await self._carry_memory(tx, was, is_, seen)
            if sanction.state in BINDING:
                self._setting.queue(tx, here, cause=f"decision {sanction.decision_id}")

    async def _carry_memory(self, tx: Tx, was: Effect, is_: Effect, seen: Successor) -> None:
        """Remember for a copy what was there before the measure, if it was copied with the measure."""
        if isinstance(was, (*_INSTEAD, ShowBanner, Say)):  # a message is in one room alone
            return
        bot = self._setting.config.bot_user_id
        stands = isinstance(is_, DenyServer) or drift_rules.holds(
            is_, seen.levels, seen.join_rule, seen.banned, bot
        )
        if not stands:
            return
        before = await outbox.remembered(tx, target(was))
        if before is not None:
            await outbox.remember(tx, target(is_), before, self._setting.now())

    async def _move_rights(self, tx: Tx, old: str, new: str, seen: Successor) -> None:
        """Let those who may not write yet be kept from it in the new room, and no more in the old."""
        for taken in await standing.in_room(tx, old):
            if taken.how is not How.TAKEN:
                continue
            was, is_ = RestrictMember(old, taken.user_id), RestrictMember(new, taken.user_id)
            await self._carry_memory(tx, was, is_, seen)
            self._setting.queue(tx, [is_], cause=f"{STANDING} {taken.user_id} {new}")
            others = await sanctions.binding_on(tx, taken.user_id, None)
            if not any(was in s.restraints for s in others if s.state in BINDING):
                self._setting.queue(
                    tx, [ReleaseMember(old, taken.user_id)], cause=f"former {taken.user_id}"
                )
        await standing.move(tx, old, new)

    async def _keep_topic(self, tx: Tx, old: str, new: str, seen: Successor) -> None:
        """Know our line again in a topic that was copied with it."""
        before = await outbox.remembered(tx, target(ShowTopicLine(old, "")))
        if before is not None and str(before["line"]) in seen.topic.split("\n"):
            await outbox.remember(tx, target(ShowTopicLine(new, "")), before, self._setting.now())


def successor_of(result: Mapping[str, Any]) -> Successor:
    """Read the new room out of what the effect brought to light."""
    return Successor(
        levels_of(result),
        encrypted=False,
        join_rule=str(result.get("join_rule", "")),
        banned=frozenset(result.get("banned", ())),
        topic=str(result.get("topic", "")),
    )


def _in_room(effect: Effect, room_id: str) -> Effect:
    """Give the effect that does the same in another room."""
    kind, values = dump(effect)
    return load(kind, values | {"room_id": room_id})


async def _taken(tx: Tx, effect: FollowUpgrade) -> str | None:
    """Say what the new room is to us already, if that forbids to follow."""
    filed = await filings.of_room(tx, effect.successor)
    if filed is not None:
        return f"the new room is filed already, as {filed.number}"
    room = await rooms.get(tx, effect.successor)
    if room is not None and room.kind is not RoomKind.OTHER:
        return "the new room is one that I use for something else"
    return None
