"""Complaints of reporters about what they were answered."""

from collections.abc import Collection
from datetime import datetime

from policybot.domain.appeal import State
from policybot.domain.complaint import About, Complaint
from policybot.store.database import Row, Stale, Tx, from_ms, optional_ms, optional_time, to_ms


async def add(tx: Tx, complaint: Complaint) -> None:
    """Save a new complaint. A second one about the same violates a unique index."""
    await tx.execute(
        "INSERT INTO complaints (id, report_id, about, complainant, text, state, submitted_at,"
        " due_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        complaint.id,
        complaint.report_id,
        complaint.about.value,
        complaint.complainant,
        complaint.text,
        complaint.state.value,
        to_ms(complaint.submitted_at),
        to_ms(complaint.due_at),
    )


async def save(tx: Tx, complaint: Complaint) -> None:
    """Save what a complaint has become.

    Raises:
        Stale: somebody else decided it meanwhile.
    """
    row = await tx.first(
        "UPDATE complaints SET state = $1, reviewer = $2, reasons = $3, decided_at = $4,"
        " version = version + 1 WHERE id = $5 AND version = $6 RETURNING id",
        complaint.state.value,
        complaint.reviewer,
        complaint.reasons,
        optional_ms(complaint.decided_at),
        complaint.id,
        complaint.version,
    )
    if row is None:
        raise Stale(complaint.receipt)


async def of_report(tx: Tx, report_id: int) -> list[Complaint]:
    """List the complaints about what became of a report, oldest first."""
    rows = await tx.fetch("SELECT * FROM complaints WHERE report_id = $1 ORDER BY id", report_id)
    return [_complaint(row) for row in rows]


async def of_case(tx: Tx, case_id: int) -> list[Complaint]:
    """List the complaints about the reports in a case, oldest first."""
    rows = await tx.fetch(
        "SELECT k.* FROM complaints k JOIN reports r ON r.id = k.report_id WHERE r.case_id = $1"
        " ORDER BY k.id",
        case_id,
    )
    return [_complaint(row) for row in rows]


async def waiting(tx: Tx, limit: int = 50) -> list[tuple[Complaint, int]]:
    """List the complaints that wait for a reviewer, oldest first, each with the ID of its case."""
    rows = await tx.fetch(
        "SELECT k.*, r.case_id FROM complaints k JOIN reports r ON r.id = k.report_id"
        " WHERE k.state = 'submitted' ORDER BY k.submitted_at LIMIT $1",
        limit,
    )
    return [(_complaint(row), row["case_id"]) for row in rows]


async def overdue(tx: Tx, now: datetime, limit: int) -> list[Complaint]:
    """List the complaints that should have been answered and for which nobody was called yet."""
    rows = await tx.fetch(
        "SELECT * FROM complaints WHERE state = 'submitted' AND called_at IS NULL AND due_at <= $1"
        " ORDER BY due_at LIMIT $2",
        to_ms(now),
        limit,
    )
    return [_complaint(row) for row in rows]


async def called(tx: Tx, complaint_ids: Collection[int], now: datetime) -> None:
    """Note that people were called for complaints that are overdue."""
    await tx.many(
        "UPDATE complaints SET called_at = $1 WHERE id = $2",
        [(to_ms(now), one) for one in complaint_ids],
    )


async def waiting_of(tx: Tx, complainant: str) -> list[Complaint]:
    """List somebody's complaints that wait for a reviewer."""
    rows = await tx.fetch(
        "SELECT * FROM complaints WHERE complainant = $1 AND state = 'submitted' ORDER BY id",
        complainant,
    )
    return [_complaint(row) for row in rows]


async def reopened_at(tx: Tx, case_id: int) -> datetime | None:
    """Say when a complaint has opened a case again the last time."""
    return optional_time(
        await tx.value(
            "SELECT MAX(k.decided_at) AS value FROM complaints k JOIN reports r ON r.id = k.report_id"
            " WHERE r.case_id = $1 AND k.about = 'outcome' AND k.state = 'overturned'",
            case_id,
        )
    )


def _complaint(row: Row) -> Complaint:
    return Complaint(
        id=row["id"],
        report_id=row["report_id"],
        about=About(row["about"]),
        complainant=row["complainant"],
        text=row["text"],
        state=State(row["state"]),
        submitted_at=from_ms(row["submitted_at"]),
        due_at=from_ms(row["due_at"]),
        reviewer=row["reviewer"],
        reasons=row["reasons"],
        decided_at=optional_time(row["decided_at"]),
        version=row["version"],
    )
