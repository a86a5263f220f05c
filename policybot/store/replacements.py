"""Owners who are to be replaced, as long as that is under way."""

from datetime import datetime

from policybot.domain.replacement import Replacement
from policybot.store.database import Row, Tx, optional_ms, optional_time, to_ms


async def save(tx: Tx, wanted: Replacement) -> None:
    """Save who is to answer for a room, or that they were asked."""
    await tx.execute(
        "INSERT INTO replacements (decision_id, filing_id, former, successor, level, asked_at)"
        " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (decision_id) DO UPDATE SET asked_at = $6",
        wanted.decision_id,
        wanted.filing_id,
        wanted.former,
        wanted.successor,
        wanted.level,
        optional_ms(wanted.asked_at),
    )


async def get(tx: Tx, decision_id: int) -> Replacement | None:
    """Read what is wanted by a decision."""
    row = await tx.first("SELECT * FROM replacements WHERE decision_id = $1", decision_id)
    return None if row is None else _replacement(row)


async def asked(tx: Tx, filing_id: int, successor: str) -> Replacement | None:
    """Read for a room what somebody is asked to take over, the newest first."""
    row = await tx.first(
        "SELECT * FROM replacements WHERE filing_id = $1 AND successor = $2 AND asked_at IS NOT NULL"
        " ORDER BY decision_id DESC LIMIT 1",
        filing_id,
        successor,
    )
    return None if row is None else _replacement(row)


async def asked_before(tx: Tx, day: datetime, limit: int) -> list[Replacement]:
    """List what somebody was asked before a day, the oldest first."""
    rows = await tx.fetch(
        "SELECT * FROM replacements WHERE asked_at <= $1 ORDER BY asked_at LIMIT $2", to_ms(day), limit
    )
    return [_replacement(row) for row in rows]


async def end(tx: Tx, decision_id: int) -> bool:
    """Forget what was wanted; False if it has ended meanwhile."""
    row = await tx.first(
        "DELETE FROM replacements WHERE decision_id = $1 RETURNING decision_id", decision_id
    )
    return row is not None


def _replacement(row: Row) -> Replacement:
    return Replacement(
        decision_id=row["decision_id"],
        filing_id=row["filing_id"],
        former=row["former"],
        successor=row["successor"],
        level=row["level"],
        asked_at=optional_time(row["asked_at"]),
    )
