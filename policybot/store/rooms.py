"""Rooms that the bot knows: direct rooms, the review room, governed rooms with their levels."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from policybot.domain.rank import Levels
from policybot.store.database import Row, Tx, to_ms


class Kind(StrEnum):
    """What a room is to the bot."""

    DIRECT = "direct"
    REVIEW = "review"
    GOVERNED = "governed"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Room:
    """One room and the power in it, as last seen."""

    room_id: str
    kind: Kind
    levels: Levels
    user_id: str | None = None

    def alone_with(self, user_id: str) -> bool:
        """Say whether this is somebody's own chat with the bot; another's, they only sit in."""
        return self.kind is Kind.DIRECT and self.user_id == user_id


async def save(tx: Tx, room: Room, now: datetime) -> None:
    """Remember a room, or what it has become."""
    await tx.execute(
        "INSERT INTO rooms (room_id, kind, user_id, version, creators, levels, predecessor, at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (room_id) DO UPDATE SET"
        " kind = $2, user_id = $3, version = $4, creators = $5, levels = $6, predecessor = $7, at = $8",
        *_values(room, now),
    )


async def meet(tx: Tx, room: Room, now: datetime) -> None:
    """Remember a room that was entered, unless it is more to us already."""
    await tx.execute(
        "INSERT INTO rooms (room_id, kind, user_id, version, creators, levels, predecessor, at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (room_id) DO UPDATE SET"
        " kind = $2, user_id = $3, version = $4, creators = $5, levels = $6, predecessor = $7, at = $8"
        " WHERE rooms.kind IN ('direct', 'other')",
        *_values(room, now),
    )


async def save_levels(tx: Tx, room_id: str, content: Mapping[str, Any]) -> None:
    """Remember the power levels that a known room has now; what it is to us stays as it is."""
    await tx.execute(
        "UPDATE rooms SET levels = $1 WHERE room_id = $2", json.dumps(dict(content)), room_id
    )


async def get(tx: Tx, room_id: str) -> Room | None:
    """Read a room; None if the bot does not know it."""
    row = await tx.first("SELECT * FROM rooms WHERE room_id = $1", room_id)
    return None if row is None else _room(row)


async def some(tx: Tx, room_ids: Collection[str]) -> dict[str, Room]:
    """Read those of some rooms that the bot knows."""
    if not room_ids:
        return {}
    marks = ", ".join(f"${n}" for n in range(1, len(room_ids) + 1))
    rows = await tx.fetch(f"SELECT * FROM rooms WHERE room_id IN ({marks})", *room_ids)  # noqa: S608 - numbers alone
    return {row["room_id"]: _room(row) for row in rows}


async def hold(tx: Tx, room_ids: Iterable[str]) -> None:
    """Let others who hold one of these rooms wait until this transaction has ended."""
    for room_id in sorted(set(room_ids)):
        await tx.execute("UPDATE rooms SET at = at WHERE room_id = $1", room_id)


async def direct(tx: Tx, user_id: str) -> str | None:
    """Find the newest direct room with somebody."""
    found = await tx.value(
        "SELECT room_id AS value FROM rooms WHERE kind = 'direct' AND user_id = $1"
        " ORDER BY at DESC LIMIT 1",
        user_id,
    )
    return None if found is None else str(found)


async def ids_of_kind(tx: Tx, kind: Kind) -> list[str]:
    """List the IDs of the rooms of one kind."""
    rows = await tx.fetch("SELECT room_id FROM rooms WHERE kind = $1", kind.value)
    return [row["room_id"] for row in rows]


async def of_kind(tx: Tx, kind: Kind) -> list[Room]:
    """List the rooms of one kind, as they are known."""
    rows = await tx.fetch("SELECT * FROM rooms WHERE kind = $1 ORDER BY room_id", kind.value)
    return [_room(row) for row in rows]


async def forget(tx: Tx, room_id: str) -> None:
    """Forget a room that the bot has left."""
    await tx.execute("DELETE FROM rooms WHERE room_id = $1", room_id)


async def enter_review(tx: Tx, user_id: str) -> None:
    """Remember that somebody is in the review room."""
    await tx.execute(
        "INSERT INTO review_members (user_id) VALUES ($1) ON CONFLICT (user_id) DO NOTHING",
        user_id,
    )


async def leave_review(tx: Tx, user_id: str) -> None:
    """Remember that somebody is no longer in the review room."""
    await tx.execute("DELETE FROM review_members WHERE user_id = $1", user_id)


async def in_review(tx: Tx, user_id: str) -> bool:
    """Say whether somebody is in the review room."""
    row = await tx.first("SELECT user_id FROM review_members WHERE user_id = $1", user_id)
    return row is not None


async def reset_review(tx: Tx, user_ids: set[str]) -> None:
    """Replace the members of the review room by what the homeserver says."""
    await tx.execute("DELETE FROM review_members")
    await tx.many("INSERT INTO review_members (user_id) VALUES ($1)", [(u,) for u in user_ids])


def _values(room: Room, now: datetime) -> tuple[object, ...]:
    return (
        room.room_id,
        room.kind.value,
        room.user_id,
        room.levels.version,
        json.dumps(room.levels.creators),
        json.dumps(dict(room.levels.content)),
        room.levels.predecessor,
        to_ms(now),
    )


def _room(row: Row) -> Room:
    return Room(
        room_id=row["room_id"],
        kind=Kind(row["kind"]),
        user_id=row["user_id"],
        levels=Levels(
            row["version"],
            tuple(json.loads(row["creators"])),
            json.loads(row["levels"]),
            row["predecessor"],
        ),
    )
