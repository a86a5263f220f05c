"""Removals: the messages that a decision removed, the reported ones and those found with them."""

from collections.abc import Sequence
from dataclasses import dataclass

from policybot.store.database import Tx


@dataclass(frozen=True, slots=True)
class Removed:
    """One message that is removed by a decision."""

    event_id: str
    room_id: str
    sender: str


async def add(tx: Tx, decision_id: int, removed: Sequence[Removed]) -> None:
    """Remember messages that a decision removes."""
    await tx.many(
        "INSERT INTO removals (decision_id, event_id, room_id, sender) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (decision_id, event_id) DO NOTHING",
        [(decision_id, one.event_id, one.room_id, one.sender) for one in removed],
    )


async def of_decision(tx: Tx, decision_id: int) -> list[Removed]:
    """List the messages that a decision removed."""
    rows = await tx.fetch(
        "SELECT * FROM removals WHERE decision_id = $1 ORDER BY room_id, event_id", decision_id
    )
    return [Removed(row["event_id"], row["room_id"], row["sender"]) for row in rows]
