"""Appeals of applicants against what was decided about their filings and qualifications."""

from collections.abc import Collection
from datetime import datetime

from policybot.domain.appeal import State
from policybot.domain.filing_appeal import About, FilingAppeal
from policybot.store.database import Row, Stale, Tx, from_ms, optional_ms, optional_time, to_ms


async def add(tx: Tx, appeal: FilingAppeal) -> None:
    """Save a new appeal. A second one about the same violates a unique index."""
    await tx.execute(
        "INSERT INTO filing_appeals (id, filing_id, about, appellant, text, state, submitted_at, due_at,"
        " rests, qualification_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        appeal.id,
        appeal.filing_id,
        appeal.about.value,
        appeal.appellant,
        appeal.text,
        appeal.state.value,
        to_ms(appeal.submitted_at),
        to_ms(appeal.due_at),
        int(appeal.rests),
        appeal.qualification_id,
    )


async def save(tx: Tx, appeal: FilingAppeal) -> None:
    """Save what an appeal has become.

    Raises:
        Stale: somebody else decided it meanwhile.
    """
    row = await tx.first(
        "UPDATE filing_appeals SET state = $1, reviewer = $2, reasons = $3, decided_at = $4,"
        " rests = $5, insisted = $6, version = version + 1 WHERE id = $7 AND version = $8 RETURNING id",
        appeal.state.value,
        appeal.reviewer,
        appeal.reasons,
        optional_ms(appeal.decided_at),
        int(appeal.rests),
        appeal.insisted,
        appeal.id,
        appeal.version,
    )
    if row is None:
        raise Stale(str(appeal.id))


async def of_filing(tx: Tx, filing_id: int) -> list[FilingAppeal]:
    """List the appeals about a filing and its qualifications, oldest first."""
    rows = await tx.fetch("SELECT * FROM filing_appeals WHERE filing_id = $1 ORDER BY id", filing_id)
    return [_appeal(row) for row in rows]


async def waiting(tx: Tx, limit: int) -> list[FilingAppeal]:
    """List the appeals that wait for a reviewer, oldest first."""
    rows = await tx.fetch(
        "SELECT * FROM filing_appeals WHERE state = 'submitted' ORDER BY due_at, id LIMIT $1", limit
    )
    return [_appeal(row) for row in rows]


async def waiting_of(tx: Tx, appellant: str) -> list[FilingAppeal]:
    """List somebody's appeals that wait for a reviewer."""
    rows = await tx.fetch(
        "SELECT * FROM filing_appeals WHERE appellant = $1 AND state = 'submitted' ORDER BY id",
        appellant,
    )
    return [_appeal(row) for row in rows]


async def overdue(tx: Tx, now: datetime, limit: int) -> list[FilingAppeal]:
    """List the appeals that should have been answered and for which nobody was called yet."""
    rows = await tx.fetch(
        "SELECT * FROM filing_appeals WHERE state = 'submitted' AND called_at IS NULL AND due_at <= $1"
        " ORDER BY due_at LIMIT $2",
        to_ms(now),
        limit,
    )
    return [_appeal(row) for row in rows]


async def called(tx: Tx, appeal_ids: Collection[int], now: datetime) -> None:
    """Note that people were called for appeals that are overdue."""
    await tx.many(
        "UPDATE filing_appeals SET called_at = $1 WHERE id = $2",
        [(to_ms(now), one) for one in appeal_ids],
    )


async def decided_at(tx: Tx, filing_id: int, about: About) -> datetime | None:
    """Say when a filing was refused or revoked the last time."""
    return optional_time(
        await tx.value(
            "SELECT MAX(at) AS value FROM filing_states WHERE filing_id = $1 AND state = $2",
            filing_id,
            about.value,
        )
    )


async def refused_wrongly(tx: Tx, filing_id: int, qualification_id: int | None = None) -> set[str]:
    """Name who decided what was overturned: with all accounts, as it was known then.

    It is about a filing, or one of its qualifications.
    """
    rows = await tx.fetch(
        "SELECT DISTINCT p.user_id FROM filing_appeal_parties p JOIN filing_appeals a"
        " ON a.id = p.objection_id WHERE a.filing_id = $1 AND a.state = 'overturned'"
        " AND COALESCE(a.qualification_id, 0) = $2 AND p.why IN ('decider', 'approver', 'proposer')",
        filing_id,
        qualification_id or 0,
    )
    return {row["user_id"] for row in rows}


def _appeal(row: Row) -> FilingAppeal:
    return FilingAppeal(
        id=row["id"],
        filing_id=row["filing_id"],
        about=About(row["about"]),
        appellant=row["appellant"],
        text=row["text"],
        state=State(row["state"]),
        submitted_at=from_ms(row["submitted_at"]),
        due_at=from_ms(row["due_at"]),
        qualification_id=row["qualification_id"],
        rests=bool(row["rests"]),
        insisted=row["insisted"],
        reviewer=row["reviewer"],
        reasons=row["reasons"],
        decided_at=optional_time(row["decided_at"]),
        version=row["version"],
    )
