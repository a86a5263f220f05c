"""Events that were handled, and events that could not be."""

from datetime import datetime

from policybot.store.database import Tx, to_ms


async def first_time(tx: Tx, event_id: str, now: datetime) -> bool:
    """Remember an event as handled; False if it was handled before."""
    row = await tx.first(
        "INSERT INTO seen_events (event_id, at) VALUES ($1, $2)"
        " ON CONFLICT (event_id) DO NOTHING RETURNING event_id",
        event_id,
        to_ms(now),
    )
    return row is not None


async def park(  # noqa: PLR0913 - the columns
    tx: Tx, event_id: str, *, room_id: str, sender: str, kind: str, error: str, now: datetime
) -> None:
    """Keep record of an event that could not be handled, without its content."""
    await tx.execute(
        "INSERT INTO dead_events (event_id, room_id, sender, type, error, at)"
        " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (event_id) DO NOTHING",
        event_id,
        room_id,
        sender,
        kind,
        error,
        to_ms(now),
    )


async def parked(tx: Tx) -> int:
    """Count the events that could not be handled."""
    return int(await tx.value("SELECT count(*) AS value FROM dead_events"))
