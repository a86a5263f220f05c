"""Reports: who complains of what, in which case, and how it ended."""

from policybot.domain.report import Outcome, Report, ReportState, Via
from policybot.store.cases import subject_of
from policybot.store.database import Row, Tx, from_ms, to_ms


async def add(tx: Tx, report: Report) -> None:
    """Save a report."""
    await tx.execute(
        "INSERT INTO reports (id, reporter, subject_key, category, text, case_id, state,"
        " received_at, via) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        report.id,
        report.reporter,
        report.subject.key,
        report.category,
        report.text,
        report.case_id,
        report.state.value,
        to_ms(report.received_at),
        report.via.value,
    )


async def get(tx: Tx, report_id: int) -> Report | None:
    """Read a report."""
    row = await tx.first(
        "SELECT r.*, c.kind, c.room_id, c.event_id, c.user_id FROM reports r"
        " JOIN cases c ON c.id = r.case_id WHERE r.id = $1",
        report_id,
    )
    return None if row is None else _report(row)


async def of_case(tx: Tx, case_id: int) -> list[Report]:
    """List the reports in a case."""
    rows = await tx.fetch(
        "SELECT r.*, c.kind, c.room_id, c.event_id, c.user_id FROM reports r"
        " JOIN cases c ON c.id = r.case_id WHERE r.case_id = $1 ORDER BY r.id",
        case_id,
    )
    return [_report(row) for row in rows]


async def by(tx: Tx, case_id: int, reporter: str) -> Report | None:
    """Read what somebody reported in a case."""
    row = await tx.first(
        "SELECT r.*, c.kind, c.room_id, c.event_id, c.user_id FROM reports r"
        " JOIN cases c ON c.id = r.case_id WHERE r.case_id = $1 AND r.reporter = $2",
        case_id,
        reporter,
    )
    return None if row is None else _report(row)


async def count(tx: Tx, case_id: int) -> int:
    """Count the reports in a case."""
    return int(await tx.value("SELECT COUNT(*) AS value FROM reports WHERE case_id = $1", case_id))


async def resolve(tx: Tx, case_id: int, outcome: Outcome) -> None:
    """Note how the reports in a case ended."""
    await tx.execute(
        "UPDATE reports SET state = 'resolved', outcome = $1 WHERE case_id = $2",
        outcome.value,
        case_id,
    )


async def reopen(tx: Tx, case_id: int) -> None:
    """Let the reports in a case wait for an outcome again."""
    await tx.execute("UPDATE reports SET state = 'attached', outcome = NULL WHERE case_id = $1", case_id)


def _report(row: Row) -> Report:
    return Report(
        id=row["id"],
        reporter=row["reporter"],
        subject=subject_of(row),
        category=row["category"],
        text=row["text"],
        case_id=row["case_id"],
        state=ReportState(row["state"]),
        outcome=None if row["outcome"] is None else Outcome(row["outcome"]),
        received_at=from_ms(row["received_at"]),
        via=Via(row["via"]),
    )
