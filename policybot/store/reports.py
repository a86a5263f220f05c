"""Reports: who complains of what, in which case, and how it ended."""

from collections.abc import Collection
from datetime import datetime

from policybot.domain.case import Subject
from policybot.domain.priority import Voice
from policybot.domain.report import Outcome, Report, ReportState, Via
from policybot.store.cases import subject_of
from policybot.store.database import Row, Tx, from_ms, optional_time, to_ms

_REPORTS = (
    "SELECT r.*, s.kind, s.room_id, s.event_id, s.user_id FROM reports r"
    " JOIN cases c ON c.id = r.case_id"
    # What a report was about is forgotten before its case is.
    " JOIN case_subjects s ON s.case_id = c.id"
    " AND s.subject_key = COALESCE(NULLIF(r.subject_key, ''), c.subject_key)"
)


async def add(tx: Tx, report: Report) -> None:
    """Save a report."""
    await tx.execute(
        "INSERT INTO reports (id, reporter, subject_key, category, text, case_id, state,"
        " received_at, via, flagger) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        report.id,
        report.reporter,
        report.subject.key,
        report.category,
        report.text,
        report.case_id,
        report.state.value,
        to_ms(report.received_at),
        report.via.value,
        report.flagger,
    )


async def get(tx: Tx, report_id: int) -> Report | None:
    """Read a report."""
    row = await tx.first(
        f"{_REPORTS} WHERE r.id = $1",
        report_id,
    )
    return None if row is None else _report(row)


async def of_case(tx: Tx, case_id: int) -> list[Report]:
    """List the reports in a case."""
    rows = await tx.fetch(
        f"{_REPORTS} WHERE r.case_id = $1 ORDER BY r.id",
        case_id,
    )
    return [_report(row) for row in rows]


async def by(tx: Tx, case_id: int, reporter: str, subject: Subject) -> Report | None:
    """Read what somebody reported of one of the subjects of a case."""
    row = await tx.first(
        f"{_REPORTS} WHERE r.case_id = $1 AND r.reporter = $2 AND r.subject_key = $3"
        " ORDER BY r.id LIMIT 1",
        case_id,
        reporter,
        subject.key,
    )
    return None if row is None else _report(row)


async def count(tx: Tx, case_id: int) -> int:
    """Count the reports in a case."""
    return int(await tx.value("SELECT COUNT(*) AS value FROM reports WHERE case_id = $1", case_id))


async def flagged(tx: Tx, case_ids: Collection[int]) -> frozenset[int]:
    """Say in which of some cases a trusted flagger has reported something."""
    if not case_ids:
        return frozenset()
    places = ", ".join(f"${n}" for n in range(1, len(case_ids) + 1))
    rows = await tx.fetch(
        f"SELECT DISTINCT case_id FROM reports WHERE case_id IN ({places})"  # noqa: S608 - numbers alone
        " AND flagger IS NOT NULL",
        *case_ids,
    )
    return frozenset(row["case_id"] for row in rows)


async def voices(tx: Tx, case_id: int) -> list[Voice]:
    """List the reports in a case as far as they count for its priority."""
    rows = await tx.fetch(
        "SELECT r.reporter, r.category, r.received_at, r.flagger, s.room_id FROM reports r"
        " LEFT JOIN case_subjects s ON s.case_id = r.case_id AND s.subject_key = r.subject_key"
        " WHERE r.case_id = $1 ORDER BY r.id",
        case_id,
    )
    return [
        Voice(
            row["reporter"],
            row["category"],
            row["room_id"],
            from_ms(row["received_at"]),
            trusted=row["flagger"] is not None,
        )
        for row in rows
    ]


async def resolve(tx: Tx, case_id: int, outcome: Outcome, now: datetime, by: str | None = None) -> None:
    """Note how the reports in a case ended, when, and for one without a breach by whose judgement."""
    await tx.execute(
        "UPDATE reports SET state = 'resolved', outcome = $1, resolved_at = $2, resolved_by = $3"
        " WHERE case_id = $4",
        outcome.value,
        to_ms(now),
        by,
        case_id,
    )


async def reopen(tx: Tx, report_ids: Collection[int], *, by_others: bool) -> None:
    """Note that reports wait for an answer again; it may be that whoever gave the last does not."""
    await tx.many(
        "UPDATE reports SET state = 'attached', outcome = NULL, resolved_at = NULL,"
        " resolved_by = CASE WHEN $1 = 1 THEN resolved_by END WHERE id = $2",
        [(int(by_others), report_id) for report_id in report_ids],
    )


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
        resolved_at=optional_time(row["resolved_at"]),
        resolved_by=row["resolved_by"],
        flagger=row["flagger"],
    )
