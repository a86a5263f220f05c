"""Cases: what is decided together, and who works on it."""

from policybot.domain.case import Case, State, Subject, SubjectKind
from policybot.store.database import (
    Row,
    Stale,
    Tx,
    from_ms,
    optional_ms,
    optional_time,
    to_ms,
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


async def subjects(tx: Tx, case: Case) -> list[Subject]:
    """List all that is decided together in a case: what it is about first."""
    del tx
    return [case.subject]


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


async def opening(tx: Tx) -> None:
    """Let others who would open a case wait until this transaction has ended, so that they find ours."""
    await tx.execute(
        "INSERT INTO counters (name, value) VALUES ('case', 0)"
        " ON CONFLICT (name) DO UPDATE SET value = counters.value"
    )


async def about_event(tx: Tx, event_id: str) -> list[Case]:
    """List the undecided cases about an event."""
    rows = await tx.fetch(
        "SELECT * FROM cases WHERE event_id = $1 AND state IN ('open', 'claimed', 'pending_approval')",
        event_id,
    )
    return [_case(row) for row in rows]


def subject_of(row: Row) -> Subject:
    """Read the subject of a case from its row."""
    return Subject(SubjectKind(row["kind"]), row["room_id"], row["event_id"], row["user_id"])


def _case(row: Row) -> Case:
    return Case(
        id=row["id"],
        subject=subject_of(row),
        state=State(row["state"]),
        opened_at=from_ms(row["opened_at"]),
        occurred_at=from_ms(row["occurred_at"]),
        assignee=row["assignee"],
        lease_until=optional_time(row["lease_until"]),
        version=row["version"],
    )
