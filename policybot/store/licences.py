"""Reminders of the operator's licences that were sent."""

from datetime import datetime

from policybot.store.database import Tx, to_ms


async def first_time(tx: Tx, licence: str, days: int, now: datetime) -> bool:
    """Note a reminder; False if it was sent before."""
    row = await tx.first(
        "INSERT INTO licence_reminders (licence, days, at) VALUES ($1, $2, $3)"
        " ON CONFLICT (licence, days) DO NOTHING RETURNING at",
        licence,
        days,
        to_ms(now),
    )
    return row is not None


async def sent(tx: Tx, licence: str, days: int) -> bool:
    """Say whether a reminder was sent."""
    row = await tx.first(
        "SELECT at FROM licence_reminders WHERE licence = $1 AND days = $2", licence, days
    )
    return row is not None
