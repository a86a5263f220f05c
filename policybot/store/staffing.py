"""How much the operator's people have to do: counts alone."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from policybot.store.database import Tx, optional_time, span_ms, to_ms


@dataclass(frozen=True, slots=True)
class Counts:
    """What came in and what was done since a day."""

    reports: int
    decided: int
    """Cases that were decided for the first time."""
    in_time: int
    """Those of them that were open for no longer than the operator's limit."""
    open: int
    oldest: datetime | None
    """Since when the oldest open case is open."""


async def count(tx: Tx, since: datetime, limit: timedelta) -> Counts:
    """Count what came in and what was done since a day, and what is open now."""
    reports = await tx.value(
        "SELECT COUNT(*) AS value FROM reports WHERE received_at >= $1", to_ms(since)
    )
    decided = await tx.first(
        "SELECT COUNT(*) AS number,"
        " COALESCE(SUM(CASE WHEN d.decided_at - c.opened_at <= $2 THEN 1 ELSE 0 END), 0) AS in_time"
        " FROM decisions d JOIN cases c ON c.id = d.case_id"
        " WHERE d.decided_at >= $1 AND d.supersedes IS NULL"
        " AND d.state NOT IN ('pending', 'denied', 'expired')",
        to_ms(since),
        span_ms(limit),
    )
    waiting = await tx.first(
        "SELECT COUNT(*) AS number, MIN(opened_at) AS oldest FROM cases"
        " WHERE state IN ('open', 'claimed', 'pending_approval')"
    )
    assert decided is not None
    assert waiting is not None
    return Counts(
        reports=int(reports),
        decided=int(decided["number"]),
        in_time=int(decided["in_time"]),
        open=int(waiting["number"]),
        oldest=optional_time(waiting["oldest"]),
    )
