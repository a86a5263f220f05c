"""Watches: the suspended accounts that are looked at from time to time."""

from collections.abc import Iterable
from datetime import datetime

from policybot.domain.watch import Watch
from policybot.store.database import Tx, optional_ms, optional_time, to_ms


async def begin(tx: Tx, user_ids: Iterable[str], at: datetime) -> None:
    """Let accounts be looked at from some time on, unless they are already."""
    await tx.many(
        "INSERT INTO watches (user_id, look_at) VALUES ($1, $2) ON CONFLICT (user_id) DO NOTHING",
        [(user_id, to_ms(at)) for user_id in user_ids],
    )


async def take_due(tx: Tx, now: datetime, stamp: datetime, limit: int) -> list[Watch]:
    """Take the accounts that are due; each is nobody else's until the stamp."""
    rows = await tx.fetch(
        "UPDATE watches SET look_at = $1 WHERE user_id IN (SELECT user_id FROM watches"
        " WHERE look_at <= $2 ORDER BY look_at LIMIT $3) AND look_at <= $2 RETURNING *",
        to_ms(stamp),
        to_ms(now),
        limit,
    )
    return [
        Watch(row["user_id"], row["count"], optional_time(row["counted_since"]), bool(row["free"]))
        for row in rows
    ]


async def save(tx: Tx, watch: Watch, at: datetime) -> None:
    """Save what was found, and when to look again."""
    await tx.execute(
        "UPDATE watches SET count = $1, counted_since = $2, free = $3, look_at = $4 WHERE user_id = $5",
        watch.count,
        optional_ms(watch.counted_since),
        int(watch.free),
        to_ms(at),
        watch.user_id,
    )


async def end(tx: Tx, user_id: str) -> None:
    """Look at an account no more."""
    await tx.execute("DELETE FROM watches WHERE user_id = $1", user_id)
