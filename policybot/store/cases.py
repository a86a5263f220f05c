"""Cases, the reports in them, and the evidence that was kept."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from policybot.domain.case import Case, Outcome, Report, ReportState, State, Subject, SubjectKind, Via
from policybot.domain.effects import KeepEvidence
from policybot.store.audit import canonical
from policybot.store.database import (
    Row,
    Stale,
    Tx,
    from_ms,
    optional_ms,
    optional_time,
    to_ms,
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """A copy of an event as the homeserver had it; the fingerprint is of its content."""

    event_id: str
    room_id: str
    sender: str
    sent_at: datetime
    content: dict[str, Any]
    captured_at: datetime
    redacted: bool = False
    """Whether it was removed from its room before this copy was taken."""
    edit_id: str | None = None
    """The newest edit of it at that time."""

    @property
    def encrypted(self) -> bool:
        """Whether nobody but the members of its room can read it."""
        return "ciphertext" in self.content

    @property
    def sha256(self) -> str:
        """The fingerprint of what was said."""
        return hashlib.sha256(canonical(self.content).encode()).hexdigest()

    @property
    def body(self) -> str:
        """The text of the message, or the name or topic of a room; empty where there is none."""
        texts = (self.content.get(key) for key in ("body", "name", "topic"))
        return next((text for text in texts if isinstance(text, str) and text), "")


def storable(content: Mapping[str, Any]) -> dict[str, Any]:
    """Give the content of an event as it can be kept: halves of characters are replaced."""
    text = json.dumps(content, ensure_ascii=False)
    whole: dict[str, Any] = json.loads(text.encode("utf-8", "replace"))
    return whole


def evidence_of(keep: KeepEvidence, result: Mapping[str, Any], now: datetime) -> Evidence:
    """Read what the homeserver said of an event as evidence."""
    return Evidence(
        event_id=keep.event_id,
        room_id=keep.room_id,
        sender=str(result["sender"]),
        sent_at=from_ms(int(result["origin_server_ts"])),
        content=storable(result["content"]),
        captured_at=now,
        redacted=bool(result.get("redacted")),
        edit_id=result.get("edit_id"),
    )


async def add(tx: Tx, case: Case) -> None:
    """Save a new case. A second open one on the same subject violates a unique index."""
    await tx.execute(
        "INSERT INTO cases (id, kind, subject_key, room_id, event_id, user_id, state, opened_at,"
        " occurred_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        case.id,
        case.subject.kind.value,
        case.subject.key,
        case.subject.room_id,
        case.subject.event_id,
        case.subject.user_id,
        case.state.value,
        to_ms(case.opened_at),
        to_ms(case.occurred_at),
    )


async def save(tx: Tx, case: Case) -> None:
    """Save what a case has become.

    Raises:
        Stale: somebody else moved it meanwhile.
    """
    row = await tx.first(
        "UPDATE cases SET state = $1, assignee = $2, lease_until = $3, user_id = $4,"
        " occurred_at = $5, version = version + 1 WHERE id = $6 AND version = $7 RETURNING id",
        case.state.value,
        case.assignee,
        optional_ms(case.lease_until),
        case.subject.user_id,
        to_ms(case.occurred_at),
        case.id,
        case.version,
    )
    if row is None:
        raise Stale(case.number)


async def get(tx: Tx, case_id: int) -> Case | None:
    """Read a case."""
    row = await tx.first("SELECT * FROM cases WHERE id = $1", case_id)
    return None if row is None else _case(row)


async def open_on(tx: Tx, subject: Subject) -> Case | None:
    """Read the case on a subject that is not decided yet."""
    row = await tx.first(
        "SELECT * FROM cases WHERE subject_key = $1"
        " AND state IN ('open', 'claimed', 'pending_approval')",
        subject.key,
    )
    return None if row is None else _case(row)


async def undecided(tx: Tx, limit: int = 50) -> list[Case]:
    """List the cases that wait for somebody, oldest first."""
    rows = await tx.fetch(
        "SELECT * FROM cases WHERE state IN ('open', 'claimed', 'pending_approval')"
        " ORDER BY opened_at LIMIT $1",
        limit,
    )
    return [_case(row) for row in rows]


async def undecided_about(tx: Tx, user_id: str) -> list[Case]:
    """List the undecided cases about an account."""
    rows = await tx.fetch(
        "SELECT * FROM cases WHERE user_id = $1 AND state IN ('open', 'claimed', 'pending_approval')"
        " ORDER BY id",
        user_id,
    )
    return [_case(row) for row in rows]


async def lock(tx: Tx, case_id: int) -> None:
    """Let others who count something in the same case wait until this transaction has ended."""
    await tx.execute("UPDATE cases SET version = version WHERE id = $1", case_id)


async def about_event(tx: Tx, event_id: str) -> list[Case]:
    """List the undecided cases about an event."""
    rows = await tx.fetch(
        "SELECT * FROM cases WHERE event_id = $1 AND state IN ('open', 'claimed', 'pending_approval')",
        event_id,
    )
    return [_case(row) for row in rows]


async def add_report(tx: Tx, report: Report) -> None:
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


async def report(tx: Tx, report_id: int) -> Report | None:
    """Read a report."""
    row = await tx.first(
        "SELECT r.*, c.kind, c.room_id, c.event_id, c.user_id FROM reports r"
        " JOIN cases c ON c.id = r.case_id WHERE r.id = $1",
        report_id,
    )
    return None if row is None else _report(row)


async def reports(tx: Tx, case_id: int) -> list[Report]:
    """List the reports in a case."""
    rows = await tx.fetch(
        "SELECT r.*, c.kind, c.room_id, c.event_id, c.user_id FROM reports r"
        " JOIN cases c ON c.id = r.case_id WHERE r.case_id = $1 ORDER BY r.id",
        case_id,
    )
    return [_report(row) for row in rows]


async def report_of(tx: Tx, case_id: int, reporter: str) -> Report | None:
    """Read what somebody reported in a case."""
    row = await tx.first(
        "SELECT r.*, c.kind, c.room_id, c.event_id, c.user_id FROM reports r"
        " JOIN cases c ON c.id = r.case_id WHERE r.case_id = $1 AND r.reporter = $2",
        case_id,
        reporter,
    )
    return None if row is None else _report(row)


async def count_reports(tx: Tx, case_id: int) -> int:
    """Count the reports in a case."""
    return int(await tx.value("SELECT COUNT(*) AS value FROM reports WHERE case_id = $1", case_id))


async def resolve_reports(tx: Tx, case_id: int, outcome: Outcome) -> None:
    """Note how the reports in a case ended."""
    await tx.execute(
        "UPDATE reports SET state = 'resolved', outcome = $1 WHERE case_id = $2",
        outcome.value,
        case_id,
    )


async def keep(tx: Tx, evidence: Evidence) -> None:
    """Keep a copy of an event; the first copy counts."""
    await tx.execute(
        "INSERT INTO evidence (event_id, room_id, sender, sent_at, content, sha256, captured_at,"
        " redacted, edit_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
        " ON CONFLICT (event_id) DO NOTHING",
        evidence.event_id,
        evidence.room_id,
        evidence.sender,
        to_ms(evidence.sent_at),
        canonical(evidence.content),
        evidence.sha256,
        to_ms(evidence.captured_at),
        int(evidence.redacted),
        evidence.edit_id,
    )


async def evidence(tx: Tx, event_id: str) -> Evidence | None:
    """Read the kept copy of an event."""
    row = await tx.first("SELECT * FROM evidence WHERE event_id = $1", event_id)
    if row is None:
        return None
    return Evidence(
        event_id=row["event_id"],
        room_id=row["room_id"],
        sender=row["sender"],
        sent_at=from_ms(row["sent_at"]),
        content=json.loads(row["content"]),
        captured_at=from_ms(row["captured_at"]),
        redacted=bool(row["redacted"]),
        edit_id=row["edit_id"],
    )


def _subject(row: Row) -> Subject:
    return Subject(SubjectKind(row["kind"]), row["room_id"], row["event_id"], row["user_id"])


def _case(row: Row) -> Case:
    return Case(
        id=row["id"],
        subject=_subject(row),
        state=State(row["state"]),
        opened_at=from_ms(row["opened_at"]),
        occurred_at=from_ms(row["occurred_at"]),
        assignee=row["assignee"],
        lease_until=optional_time(row["lease_until"]),
        version=row["version"],
    )


def _report(row: Row) -> Report:
    return Report(
        id=row["id"],
        reporter=row["reporter"],
        subject=_subject(row),
        category=row["category"],
        text=row["text"],
        case_id=row["case_id"],
        state=ReportState(row["state"]),
        outcome=None if row["outcome"] is None else Outcome(row["outcome"]),
        received_at=from_ms(row["received_at"]),
        via=Via(row["via"]),
    )
