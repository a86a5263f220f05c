"""Places: rooms in which something happened, as they are today; read once and handed on."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from policybot.domain.filing import Filing
from policybot.services.setting import Setting
from policybot.store import deputies, filings, moves, rooms
from policybot.store.database import Tx
from policybot.store.rooms import Room


@dataclass(frozen=True, slots=True)
class Place:
    """Where what follows from something that happened in a room belongs today."""

    room_id: str
    """The room in which its filing has gone on; the room itself if it has not moved."""
    filing: Filing | None
    room: Room | None
    """That room as the bot knows it."""
    answering: frozenset[str]
    """Who filed it or moderates where it happened: they do not judge that."""


async def each(tx: Tx, setting: Setting, room_ids: AbstractSet[str]) -> dict[str, Place]:
    """Look some rooms up, all at once: a page of the queue asks for twenty."""
    now_in = await moves.now_each(tx, room_ids)
    filed = await filings.held(tx, set(now_in.values()))
    agreed = await deputies.agreed(tx, list(filed.values()))
    known = await rooms.some(tx, room_ids | set(now_in.values()))
    found = {}
    for room_id, place in now_in.items():
        filing, room = filed.get(place), known.get(room_id)
        people = {filing.applicant} if filing else set()
        if filing is not None and filing.deputy and filing.id in agreed:
            people.add(filing.deputy)  # it would be theirs next
        if room is not None:
            people |= room.levels.moderators()
        answering = frozenset(people - {setting.config.bot_user_id})
        found[room_id] = Place(place, filing, known.get(place), answering)
    return found


async def of(tx: Tx, setting: Setting, room_id: str | None) -> Place | None:
    """Look a room up; None if nothing happened in one."""
    return (await each(tx, setting, {room_id}))[room_id] if room_id else None
