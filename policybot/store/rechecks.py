"""Rechecks: later decisions that people look at again because an earlier one is void."""

from datetime import datetime

from policybot.domain.ladder import History
from policybot.domain.measure import Measure
from policybot.domain.recheck import Recheck
from policybot.store.database import Row, Tx, from_ms, to_ms

_READ = (
    "SELECT r.*, d.case_id, v.case_id AS void_case_id FROM rechecks r"
    " JOIN decisions d ON d.id = r.decision_id JOIN decisions v ON v.id = r.void_id"
)


async def add(tx: Tx, recheck: Recheck) -> None:
    """Save that a later decision is to be looked at; of the same void one only the first time."""
    await tx.execute(
        "INSERT INTO rechecks (decision_id, void_id, history_was, history_now, proposed, lifted,"
        " found_at) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (decision_id, void_id) DO NOTHING",
        recheck.decision_id,
        recheck.void_id,
        recheck.was.value,
        recheck.now.value,
        str(recheck.cell),
        int(recheck.lifted),
        to_ms(recheck.found_at),
    )


async def of_case(tx: Tx, case_id: int, *, waiting: bool = False) -> list[Recheck]:
    """List what became of the decisions in a case, oldest first; of those that are `waiting` alone."""
    alone = " AND r.closed_at IS NULL" if waiting else ""
    rows = await tx.fetch(f"{_READ} WHERE d.case_id = $1{alone} ORDER BY r.found_at, r.void_id", case_id)
    return [_recheck(row) for row in rows]


async def waiting(tx: Tx, limit: int) -> list[Recheck]:
    """List those that nobody has closed, oldest first."""
    rows = await tx.fetch(
        f"{_READ} WHERE r.closed_at IS NULL ORDER BY r.found_at, r.decision_id LIMIT $1", limit
    )
    return [_recheck(row) for row in rows]


async def close(tx: Tx, decision_id: int, by: str, reason: str, now: datetime) -> int:
    """Close all that wait about one decision; return how many there were."""
    rows = await tx.fetch(
        "UPDATE rechecks SET closed_at = $1, closed_by = $2, reason = $3"
        " WHERE decision_id = $4 AND closed_at IS NULL RETURNING void_id",
        to_ms(now),
        by,
        reason,
        decision_id,
    )
    return len(rows)


def _recheck(row: Row) -> Recheck:
    return Recheck(
        decision_id=row["decision_id"],
        case_id=row["case_id"],
        void_id=row["void_id"],
        void_case_id=row["void_case_id"],
        was=History(row["history_was"]),
        now=History(row["history_now"]),
        cell=Measure.parse(row["proposed"]),
        lifted=bool(row["lifted"]),
        found_at=from_ms(row["found_at"]),
    )
