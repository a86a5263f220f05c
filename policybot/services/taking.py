"""Taking a room in once its filing is approved: one step on the homeserver after the other.

Each step queues the next in the transaction that records it, so whatever breaks, it goes on where it
stopped. A step that is refused takes back what was done before it: the filing is with the reviewers
again, and the old room is as it was.
"""

import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from policybot.domain import filing as rules
from policybot.domain import taking
from policybot.domain.effects import Effect, TakeSeat, target
from policybot.domain.filing import Filing, Step
from policybot.domain.rank import Control, Levels
from policybot.domain.showing import Unpublish
from policybot.domain.taking import (
    CarryOver,
    InviteMembers,
    MakeRoom,
    MoveAliases,
    ReturnAliases,
    Tombstone,
    UnmakeRoom,
)
from policybot.services import cards, labels
from policybot.services.register import Register
from policybot.services.setting import Setting
from policybot.store import audit, filings, moves, outbox, rooms
from policybot.store.database import Tx
from policybot.store.outbox import Queued
from policybot.store.rooms import Kind, Room

CAUSE = "taking"
_UNDOING = "untaking"
_APPROVAL = "approval"


def begin(setting: Setting, tx: Tx, filing: Filing) -> None:
    """Queue the first step for a filing that has just been approved."""
    if filing.control is Control.SHARED:
        _show(setting, tx, filing, TakeSeat(filing.room_id))
        return
    made = MakeRoom(
        room_id=filing.room_id,
        alias=f"_policybot_{secrets.token_hex(12)}",
        owner=filing.applicant,
        name="" if filing.room_id else filing.about.name or taking.called(filing.purpose),
        topic="" if filing.room_id else filing.about.topic or taking.about(filing.purpose),
    )
    setting.queue(tx, [made], cause=f"{CAUSE} {filing.id}")


def _show(setting: Setting, tx: Tx, filing: Filing, *first: Effect) -> None:
    """Show a room that is taken in; once the last of it is done, its owner is told."""
    setting.queue(tx, [*first, *labels.public(filing)], cause=f"{_APPROVAL} {filing.id}")
    # Apart: that a topic cannot be changed must not keep the owner from hearing of the approval.
    setting.queue(tx, labels.ornaments(setting.config, filing), cause=f"filing {filing.id}")


class Taking:
    """The service that goes from step to step."""

    def __init__(self, setting: Setting, listed: Register) -> None:
        """Queue what follows in the outbox, and tell the register which room it is now."""
        self._setting = setting
        self._register = listed

    async def went_on(self, tx: Tx, queued: Queued, result: Mapping[str, Any]) -> None:
        """Queue the next step after one that was carried out."""
        effect = queued.effect
        if isinstance(effect, InviteMembers):
            if result.get("next"):
                after = replace(effect, after=str(result["next"]))
                self._setting.queue(tx, [after], cause=queued.cause)
            return
        filing = await _filing(tx, queued)
        if filing is None or not isinstance(effect, MakeRoom | CarryOver | MoveAliases | Tombstone):
            return
        if filing.state not in rules.IN_FORCE and not isinstance(effect, Tombstone):
            # Revoked or suspended in the middle: nobody was sent over yet.
            self._take_back(tx, filing, effect)
            return
        match effect:
            case MakeRoom(room_id, alias) if "room_id" in result:
                made = str(result["room_id"])
                if not room_id:
                    await self._moved(tx, filing, result)
                else:
                    self._queue(tx, filing, CarryOver(room_id, alias, made))
            case CarryOver(room_id, alias, successor):
                self._queue(tx, filing, MoveAliases(room_id, alias, successor))
            case MoveAliases(room_id, alias, successor):
                text = "This room goes on in another one: please follow the link."
                self._queue(tx, filing, Tombstone(room_id, alias, successor, text))
            case Tombstone(room_id) if "room_id" in result:
                await outbox.forget(tx, target(MoveAliases(room_id, "", "")))
                await self._moved(tx, filing, result)

    def _queue(self, tx: Tx, filing: Filing, effect: Effect) -> None:
        self._setting.queue(tx, [effect], cause=f"{CAUSE} {filing.id}")

    async def _moved(self, tx: Tx, filing: Filing, result: Mapping[str, Any]) -> None:
        """Make the new room the filed one, in the transaction of the step that made it so."""
        former, now = filing.room_id, self._setting.now()
        filing = replace(filing, room_id=str(result["room_id"]))
        await filings.save(tx, filing)
        await rooms.save(tx, Room(filing.room_id, Kind.GOVERNED, levels_of(result)), now)
        if former:
            await moves.made(tx, former, filing.room_id)
            # Not of the approval: what ends in two lanes at once has no last one.
            self._setting.queue(tx, [Unpublish(former)], cause=f"former {filing.id}")
            invite = InviteMembers(filing.room_id, former)
            self._setting.queue(tx, [invite], cause=f"invitations {filing.id}")
        if filing.state in rules.IN_FORCE:
            _show(self._setting, tx, filing)
        cards.show(self._setting, tx, filing)  # it named no room, or the old one
        self._remember(tx, "filing:take", filing, room=filing.room_id, former=former)
        await self._setting.room_changed(tx, filing.room_id)
        await self._register.taken_in(tx, filing)
        await self._setting.room_called(tx, filing.room_id, result)

    async def seated(self, tx: Tx, room_id: str, result: Mapping[str, Any]) -> None:
        """Note that a room is taken in as it is."""
        filing = await filings.of_room(tx, room_id)
        if filing is not None:
            await self._register.taken_in(tx, filing)
            await self._setting.room_called(tx, room_id, result)

    # When a step is refused ----------------------------------------------------------------------

    async def failed(self, tx: Tx, queued: Queued, error: str) -> bool:
        """Take back what was done before a step that cannot be done; False if it is none of ours."""
        effect = queued.effect
        if not isinstance(effect, MakeRoom | CarryOver | MoveAliases | Tombstone):
            return False
        filing = await _filing(tx, queued)
        if filing is None:
            return False
        self._take_back(tx, filing, effect)
        if (filing.state, Step.RETURN) in rules.MOVES:
            filing = rules.moved(filing, Step.RETURN)
            await filings.save(tx, filing)
            cards.show(self._setting, tx, filing)
            self._tell(tx, filing, taking.in_words(effect), error)
        self._remember(tx, "filing:return", filing, step=type(effect).__name__)
        return True

    def _take_back(
        self, tx: Tx, filing: Filing, effect: MakeRoom | CarryOver | MoveAliases | Tombstone
    ) -> None:
        back: list[Effect] = [UnmakeRoom(effect.room_id, effect.alias)]
        if isinstance(effect, MoveAliases | Tombstone):
            back.insert(0, ReturnAliases(effect.room_id, effect.alias, effect.successor))
        self._setting.queue(tx, back, cause=f"{_UNDOING} {filing.id}")

    def _tell(self, tx: Tx, filing: Filing, step: str, error: str) -> None:
        as_before = " The old room is as it was." if filing.room_id else ""
        cause = f"filing {filing.id}"
        self._setting.tell_staff(
            tx,
            f"{filing.number} is with you again: I could not {step}.\nReason: {error}\n"
            f"I take back what I had begun.{as_before}\nNext, once it is mended: "
            f"!policy approve F-{filing.id} · !policy ask F-{filing.id} QUESTION",
            cause=cause,
        )
        other = (
            f"\nYou can also keep your room as it is: !policy adopt F-{filing.id} cancel"
            if filing.control is Control.ADOPTED
            else ""
        )
        self._setting.tell(
            tx,
            filing.applicant,
            f"Your filing {filing.number} is approved, but the homeserver did not let me take the "
            f"room in: I could not {step}.\nReason: {error}\nNothing is lost.{as_before} The reviewers "
            f"know, and try again once it is mended.{other}",
            cause=cause,
        )

    def _remember(self, tx: Tx, tag: str, filing: Filing, **payload: str) -> None:
        audit.append(
            tx,
            at=self._setting.now(),
            actor="system:outbox",
            tag=tag,
            object=filing.number,
            **payload,
        )
        self._register.moved(tx, filing, tag.partition(":")[2])


async def _filing(tx: Tx, queued: Queued) -> Filing | None:
    noun, _, number = queued.cause.partition(" ")
    return await filings.get(tx, f"F-{number}") if noun == CAUSE else None


def levels_of(result: Mapping[str, Any]) -> Levels:
    """Read the power in a room out of what an effect brought to light."""
    return Levels(
        str(result.get("version", "")),
        tuple(result.get("creators", ())),
        dict(result.get("levels", {})),
        str(result.get("predecessor", "")),
    )
