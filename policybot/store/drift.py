"""Drift: which rooms are to be looked at next, and what was found to differ."""

from datetime import datetime

from policybot.domain.deviation import Deviation
from policybot.domain.drift import Kind
from policybot.domain.filing import Filing
from policybot.store import filings
from policybot.store.database import Row, Tx, from_ms, optional_ms, optional_time, to_ms

_GOVERNED = (
    "state IN ('approved', 'renewal_due', 'suspended', 'expired') AND NOT EXISTS"
    " (SELECT 1 FROM deletions x WHERE x.room_id = filings.room_id AND x.state <> 'proposed')"
)
"""Which filings have a room that can be looked at: one that is deleted is as it should be, gone."""


async def take_due(tx: Tx, now: datetime, stamp: datetime, limit: int) -> list[Filing]:
    """Take the filings whose rooms are to be looked at, the longest due first.

    Args:
        tx: the transaction.
        now: the present.
        stamp: when they are due again if we never come back to them.
        limit: how many.
    """
    rows = await tx.fetch(
        "UPDATE filings SET look_at = $1 WHERE id IN (SELECT id FROM filings"  # noqa: S608 - our own text
        f" WHERE {_GOVERNED} AND room_id <> '' AND look_at <= $2 ORDER BY look_at LIMIT $3)"
        " AND look_at <= $2 RETURNING id",
        to_ms(stamp),
        to_ms(now),
        limit,
    )
    found = await filings.by_ids(tx, [row["id"] for row in rows])
    return [found[id_] for id_ in sorted(found)]


async def look_again(tx: Tx, filing_id: int, stamp: datetime, at: datetime) -> None:
    """Say when a room is looked at again, unless somebody has asked for it meanwhile."""
    await tx.execute(
        "UPDATE filings SET look_at = $1 WHERE id = $2 AND look_at = $3",
        to_ms(at),
        filing_id,
        to_ms(stamp),
    )


async def look_soon(tx: Tx, room_id: str, now: datetime) -> None:
    """Let a filed room be looked at as soon as those are that were due before it."""
    await tx.execute(
        f"UPDATE filings SET look_at = $1 WHERE room_id = $2 AND look_at > $1 AND {_GOVERNED}",  # noqa: S608 - our own text
        to_ms(now),
        room_id,
    )


async def can_be_sooner(tx: Tx, room_id: str, now: datetime) -> bool:
    """Say whether a room is filed and not to be looked at by now anyway."""
    row = await tx.first(
        f"SELECT 1 FROM filings WHERE room_id = $1 AND look_at > $2 AND {_GOVERNED}",  # noqa: S608 - our own text
        room_id,
        to_ms(now),
    )
    return row is not None


async def of_room(tx: Tx, room_id: str) -> dict[Kind, Deviation]:
    """Read what differs in a room, or did so within the last day."""
    rows = await tx.fetch("SELECT * FROM drift WHERE room_id = $1", room_id)
    return {deviation.kind: deviation for deviation in map(_finding, rows)}


async def standing(tx: Tx, limit: int) -> list[Deviation]:
    """List what differs now, the longest first."""
    rows = await tx.fetch(
        "SELECT * FROM drift WHERE ended_at IS NULL ORDER BY since, room_id, kind LIMIT $1", limit
    )
    return [_finding(row) for row in rows]


async def count(tx: Tx) -> int:
    """Count what differs now."""
    return int(await tx.value("SELECT count(*) AS value FROM drift WHERE ended_at IS NULL"))


async def save(tx: Tx, deviation: Deviation) -> None:
    """Remember a deviation, or what it has become."""
    await tx.execute(
        "INSERT INTO drift (room_id, kind, words, since, ended_at, mending, count, counted_since)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (room_id, kind) DO UPDATE SET"
        " words = $3, since = $4, ended_at = $5, mending = $6, count = $7, counted_since = $8",
        deviation.room_id,
        deviation.kind.value,
        deviation.words,
        to_ms(deviation.since),
        optional_ms(deviation.ended_at),
        int(deviation.mending),
        deviation.count,
        optional_ms(deviation.counted_since),
    )


async def forget_room(tx: Tx, room_id: str) -> None:
    """Forget everything about a room."""
    await tx.execute("DELETE FROM drift WHERE room_id = $1", room_id)


async def forget_before(tx: Tx, at: datetime) -> None:
    """Forget what was over before a time, and what differs in rooms that are governed no more."""
    await tx.execute("DELETE FROM drift WHERE ended_at < $1", to_ms(at))
    await tx.execute(
        "DELETE FROM drift WHERE NOT EXISTS (SELECT 1 FROM filings"  # noqa: S608 - our own text
        f" WHERE filings.room_id = drift.room_id AND {_GOVERNED})"
    )


def _finding(row: Row) -> Deviation:
    return Deviation(
        room_id=row["room_id"],
        kind=Kind(row["kind"]),
        words=row["words"],
        since=from_ms(row["since"]),
        ended_at=optional_time(row["ended_at"]),
        mending=bool(row["mending"]),
        count=row["count"],
        counted_since=optional_time(row["counted_since"]),
    )
