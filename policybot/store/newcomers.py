"""Newcomers: who was seen to enter which governed room, and whether they have posted there since."""

from dataclasses import dataclass
from datetime import datetime

from policybot.store.database import Row, Tx, from_ms, to_ms


@dataclass(frozen=True, slots=True)
class Newcomer:
    """One account in one room."""

    room_id: str
    user_id: str
    entered_at: datetime
    posted: bool = False


async def add(tx: Tx, newcomer: Newcomer) -> None:
    """Remember that somebody entered; the first time counts."""
    await tx.execute(
        "INSERT INTO newcomers (room_id, user_id, entered_at) VALUES ($1, $2, $3)"
        " ON CONFLICT (room_id, user_id) DO NOTHING",
        newcomer.room_id,
        newcomer.user_id,
        to_ms(newcomer.entered_at),
    )


async def has_posted(tx: Tx, room_id: str, user_id: str) -> None:
    """Remember that somebody has posted."""
    await tx.execute(
        "UPDATE newcomers SET posted = 1 WHERE room_id = $1 AND user_id = $2", room_id, user_id
    )


async def get(tx: Tx, room_id: str, user_id: str) -> Newcomer | None:
    """Read one."""
    row = await tx.first("SELECT * FROM newcomers WHERE room_id = $1 AND user_id = $2", room_id, user_id)
    return None if row is None else _newcomer(row)


async def everybody(tx: Tx) -> list[Newcomer]:
    """Read all that are remembered."""
    return [_newcomer(row) for row in await tx.fetch("SELECT * FROM newcomers")]


def _newcomer(row: Row) -> Newcomer:
    return Newcomer(row["room_id"], row["user_id"], from_ms(row["entered_at"]), bool(row["posted"]))
