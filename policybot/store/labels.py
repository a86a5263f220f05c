"""Labels of filed rooms: in which event each stands, and whether it has to be mended."""

from datetime import datetime

from policybot.domain.label import DAY, MOST, PAUSE, Care
from policybot.store.database import Row, Tx, optional_ms, optional_time, to_ms


async def get(tx: Tx, room_id: str) -> Care:
    """Read what is known of a room's label."""
    row = await tx.first("SELECT * FROM labels WHERE room_id = $1", room_id)
    return Care(room_id) if row is None else _care(row)


async def save(tx: Tx, care: Care) -> None:
    """Remember what is known of a room's label."""
    await tx.execute(
        "INSERT INTO labels (room_id, event_id, wrong, healed, since, last)"
        " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (room_id) DO UPDATE SET"
        " event_id = $2, wrong = $3, healed = $4, since = $5, last = $6",
        care.room_id,
        care.event_id,
        int(care.wrong),
        care.healed,
        optional_ms(care.since),
        optional_ms(care.last),
    )


async def is_label(tx: Tx, room_id: str, event_id: str) -> bool:
    """Say whether an event is the label of a room, as far as is known."""
    row = await tx.first(
        "SELECT room_id FROM labels WHERE room_id = $1 AND event_id = $2", room_id, event_id
    )
    return row is not None


async def wrong(tx: Tx, now: datetime, limit: int) -> list[Care]:
    """List the labels that are still to be set right and need not wait, the longest first."""
    rows = await tx.fetch(
        "SELECT * FROM labels WHERE wrong = 1 AND (last IS NULL OR last <= $1)"
        " AND (healed < $2 OR since <= $3) ORDER BY last LIMIT $4",
        to_ms(now - PAUSE),
        MOST,
        to_ms(now - DAY),
        limit,
    )
    return [_care(row) for row in rows]


def _care(row: Row) -> Care:
    return Care(
        room_id=row["room_id"],
        event_id=row["event_id"],
        wrong=bool(row["wrong"]),
        healed=row["healed"],
        since=optional_time(row["since"]),
        last=optional_time(row["last"]),
    )
