"""Closed rooms that are proposed for deletion, or deleted."""

from datetime import datetime

from policybot.domain.deletion import Deletion, State
from policybot.store.database import Row, Tx, from_ms, to_ms


async def save(tx: Tx, deletion: Deletion) -> None:
    """Save where the deletion of a room stands."""
    await tx.execute(
        "INSERT INTO deletions (decision_id, room_id, state, at) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (decision_id) DO UPDATE SET room_id = $2, state = $3, at = $4",
        deletion.decision_id,
        deletion.room_id,
        deletion.state.value,
        to_ms(deletion.at),
    )


async def of_decision(tx: Tx, decision_id: int) -> Deletion | None:
    """Read the deletion of a room that a decision has closed."""
    row = await tx.first("SELECT * FROM deletions WHERE decision_id = $1", decision_id)
    return None if row is None else _deletion(row)


async def of_room(tx: Tx, room_id: str) -> Deletion | None:
    """Read the last deletion of a room."""
    row = await tx.first(
        "SELECT * FROM deletions WHERE room_id = $1 ORDER BY decision_id DESC LIMIT 1", room_id
    )
    return None if row is None else _deletion(row)


async def to_propose(tx: Tx, closed_before: datetime, told_before: datetime, limit: int) -> list[int]:
    """List decisions that closed a room long enough ago, without any appeal that waits, once each."""
    rows = await tx.fetch(
        "SELECT s.decision_id FROM sanctions s JOIN decisions d ON d.id = s.decision_id"
        " WHERE s.state = 'active' AND s.scope = 'room' AND s.measure = 'close' AND s.starts_at <= $1"
        " AND COALESCE(d.told_at, d.decided_at) < $2"
        " AND NOT EXISTS (SELECT 1 FROM deletions x WHERE x.decision_id = s.decision_id)"
        " AND NOT EXISTS (SELECT 1 FROM appeals a WHERE a.decision_id = d.id AND a.state = 'submitted')"
        " ORDER BY s.starts_at LIMIT $3",
        to_ms(closed_before),
        to_ms(told_before),
        limit,
    )
    return [int(row["decision_id"]) for row in rows]


def _deletion(row: Row) -> Deletion:
    return Deletion(row["decision_id"], row["room_id"], State(row["state"]), from_ms(row["at"]))
