"""Cases: what is decided together, and who works on it."""

from datetime import datetime

from policybot.domain.case import UNDECIDED, Case, State, Subject, SubjectKind
from policybot.domain.priority import Priority
from policybot.store.database import (
    Row,
    Stale,
    Tx,
    from_ms,
    hold_numbers,
    optional_ms,
    optional_time,
    to_ms,
)

_UNDECIDED = "state IN ('open', 'claimed', 'pending_approval')"


async def add(tx: Tx, case: Case) -> None:
    """Save a new case.

    Raises:
        Stale: somebody else has opened one on the same subject meanwhile.
    """
    await tx.execute(
        "INSERT INTO cases (id, kind, subject_key, room_id, event_id, user_id, state, opened_at,"
        " occurred_at, due_at, rank) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        case.id,
        case.subject.kind.value,
        case.subject.key,
        case.subject.room_id,
        case.subject.event_id,
        case.subject.user_id,
        case.state.value,
        to_ms(case.opened_at),
        to_ms(case.occurred_at),
        to_ms(case.due_at or case.opened_at),
        to_ms(case.rank or case.opened_at),
    )
    row = await tx.first(
        "INSERT INTO case_subjects (case_id, subject_key, kind, room_id, event_id, user_id, undecided)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING case_id",
        case.id,
        case.subject.key,
        case.subject.kind.value,
        case.subject.room_id,
        case.subject.event_id,
        case.subject.user_id,
        int(case.state in UNDECIDED),
    )
    if row is None:
        raise Stale(case.subject.key)


async def save(tx: Tx, case: Case) -> None:
    """Save what a case has become.

    Raises:
        Stale: somebody else moved it meanwhile.
    """
    row = await tx.first(
        "UPDATE cases SET state = $1, assignee = $2, lease_until = $3, user_id = $4,"
        " opened_at = $5, occurred_at = $6, merged_into = $7, version = version + 1"
        " WHERE id = $8 AND version = $9"
        " RETURNING id",
        case.state.value,
        case.assignee,
        optional_ms(case.lease_until),
        case.subject.user_id,
        to_ms(case.opened_at),
        to_ms(case.occurred_at),
        case.merged_into,
        case.id,
        case.version,
    )
    if row is None:
        raise Stale(case.number)
    await tx.execute(
        "UPDATE case_subjects SET undecided = $1 WHERE case_id = $2 AND undecided <> $1",
        int(case.state in UNDECIDED),
        case.id,
    )
    if case.state not in UNDECIDED:
        await tx.execute("DELETE FROM case_rules WHERE case_id = $1", case.id)


async def renew(tx: Tx, case: Case, until: datetime) -> None:
    """Let a claim hold until a time, if it is still the same one; that is no change of the case."""
    await tx.execute(
        "UPDATE cases SET lease_until = $1 WHERE id = $2 AND assignee = $3 AND lease_until = $4",
        to_ms(until),
        case.id,
        case.assignee,
        optional_ms(case.lease_until),
    )


async def rank(tx: Tx, case_id: int, priority: Priority) -> None:
    """Save how urgent a case is; that is no change of the case."""
    await tx.execute(
        "UPDATE cases SET due_at = $1, rank = $2, rules = $3 WHERE id = $4",
        to_ms(priority.due_at),
        to_ms(priority.rank),
        " ".join(priority.rules),
        case_id,
    )
    await tx.execute("DELETE FROM case_rules WHERE case_id = $1", case_id)
    await tx.many(
        "INSERT INTO case_rules (case_id, rule_id, rank) VALUES ($1, $2, $3)",
        [(case_id, rule_id, to_ms(priority.rank)) for rule_id in priority.rules],
    )


async def reopen(tx: Tx, case: Case) -> None:
    """Save a case that is open again, with the time of this.

    Raises:
        Stale: somebody else moved it meanwhile.
    """
    row = await tx.first(
        "UPDATE cases SET state = $1, assignee = NULL, lease_until = NULL, opened_at = $2,"
        " called_at = NULL, version = version + 1 WHERE id = $3 AND version = $4 RETURNING id",
        case.state.value,
        to_ms(case.opened_at),
        case.id,
        case.version,
    )
    if row is None:
        raise Stale(case.number)
    await tx.execute("UPDATE case_subjects SET undecided = 1 WHERE case_id = $1", case.id)


async def get(tx: Tx, case_id: int) -> Case | None:
    """Read a case."""
    row = await tx.first("SELECT * FROM cases WHERE id = $1", case_id)
    return None if row is None else case_of(row)


async def subjects(tx: Tx, case: Case) -> list[Subject]:
    """List all that is decided together in a case: what it is about first."""
    rows = await tx.fetch("SELECT * FROM case_subjects WHERE case_id = $1 ORDER BY subject_key", case.id)
    others = [subject_of(row) for row in rows if row["subject_key"] != case.subject.key]
    return [case.subject, *others]


async def open_on(tx: Tx, subject: Subject) -> Case | None:
    """Read the undecided case that a subject is in; whoever moves it waits for this transaction.

    So what joins it is in it when it is decided, or finds that it has to be in another one.
    """
    found = await _case_with(tx, subject)
    while found is not None:
        # What is decided by now is not locked: who holds it may wait for those who open cases.
        row = await tx.first(
            f"UPDATE cases SET version = version WHERE id = $1 AND {_UNDECIDED} RETURNING *",  # noqa: S608 - our own text
            found,
        )
        again = await _case_with(tx, subject)  # while it was waited for, it may have left that case
        if again == found:
            return None if row is None else case_of(row)
        found = again
    return None


async def _case_with(tx: Tx, subject: Subject) -> int | None:
    value = await tx.value(
        "SELECT case_id AS value FROM case_subjects WHERE subject_key = $1 AND undecided = 1",
        subject.key,
    )
    return None if value is None else int(value)


async def undecided_about(tx: Tx, user_id: str) -> list[Case]:
    """List the undecided cases about an account."""
    rows = await tx.fetch(
        f"SELECT * FROM cases WHERE {_UNDECIDED} AND id IN"  # noqa: S608 - our own text
        " (SELECT case_id FROM case_subjects WHERE user_id = $1) ORDER BY id",
        user_id,
    )
    return [case_of(row) for row in rows]


async def lock(tx: Tx, *case_ids: int) -> None:
    """Let others who count something in the same cases wait until this transaction has ended."""
    for case_id in sorted(set(case_ids)):
        await tx.execute("UPDATE cases SET version = version WHERE id = $1", case_id)


async def hold_opening(tx: Tx) -> None:
    """Let others who open a case wait until this transaction has ended; then they find what it made.

    Before the lock of a case, so that no two wait for each other.
    """
    await hold_numbers(tx, "case")


async def about_event(tx: Tx, event_id: str) -> list[Case]:
    """List the undecided cases about an event."""
    rows = await tx.fetch(
        f"SELECT * FROM cases WHERE {_UNDECIDED} AND id IN"  # noqa: S608 - our own text
        " (SELECT case_id FROM case_subjects WHERE event_id = $1)",
        event_id,
    )
    return [case_of(row) for row in rows]


async def sent_by(tx: Tx, event_id: str, sender: str) -> None:
    """Note who wrote an event that cases are about."""
    await tx.execute(
        "UPDATE case_subjects SET user_id = $1 WHERE event_id = $2 AND user_id IS NULL", sender, event_id
    )


async def related(tx: Tx, case: Case, limit: int) -> list[Case]:
    """List other cases about the same account, or about the same room; the newest first."""
    about_room = case.subject.kind is SubjectKind.ROOM
    whose = "room_id = $2 AND kind = 'room'" if about_room else "user_id = $2"
    rows = await tx.fetch(
        "SELECT * FROM cases WHERE id <> $1 AND state <> 'merged'"  # noqa: S608 - our own text
        f" AND id IN (SELECT case_id FROM case_subjects WHERE {whose})"
        " ORDER BY id DESC LIMIT $3",
        case.id,
        case.subject.room_id if about_room else case.subject.user_id,
        limit,
    )
    return [case_of(row) for row in rows]


async def merge(tx: Tx, source: Case, target: Case) -> None:
    """Put everything that is in one case into another, which may be about some of it already."""
    for sql in (
        "DELETE FROM case_subjects WHERE case_id = $2 AND subject_key IN"  # noqa: ISC004 - it does not fit in a line
        " (SELECT o.subject_key FROM case_subjects o WHERE o.case_id = $1)",
        "UPDATE case_subjects SET case_id = $1, undecided = 1 WHERE case_id = $2",
        "UPDATE reports SET case_id = $1 WHERE case_id = $2",
        "UPDATE findings SET case_id = $1 WHERE case_id = $2",
        "UPDATE case_notes SET case_id = $1 WHERE case_id = $2",
        "DELETE FROM quarantines WHERE case_id = $2 AND uri IN"  # noqa: ISC004 - it does not fit in a line
        " (SELECT o.uri FROM quarantines o WHERE o.case_id = $1)",
        "UPDATE quarantines SET case_id = $1 WHERE case_id = $2",
        "UPDATE cases SET merged_into = $1 WHERE merged_into = $2",
    ):
        await tx.execute(sql, target.id, source.id)


async def split(tx: Tx, source: Case, case: Case) -> None:
    """Open a case on one of the subjects of another, with the reports and the findings on it."""
    await tx.execute(
        "DELETE FROM case_subjects WHERE case_id = $1 AND subject_key = $2", source.id, case.subject.key
    )
    await add(tx, case)
    await hand_over(tx, source, case, case.subject)


async def hand_over(tx: Tx, source: Case, target: Case, subject: Subject) -> None:
    """Put one of the subjects of a case, with the reports and the findings on it, into a case on it."""
    await tx.execute(
        "DELETE FROM case_subjects WHERE case_id = $1 AND subject_key = $2", source.id, subject.key
    )
    await tx.execute(
        "UPDATE reports SET case_id = $1 WHERE case_id = $2 AND subject_key = $3",
        target.id,
        source.id,
        subject.key,
    )
    await tx.execute(
        "UPDATE findings SET case_id = $1 WHERE case_id = $2 AND event_id = $3",
        target.id,
        source.id,
        subject.event_id,
    )


def subject_of(row: Row) -> Subject:
    """Read the subject of a case from its row; a server stands in its key alone."""
    kind = SubjectKind(row["kind"])
    server = row["subject_key"].partition(" ")[2] if kind is SubjectKind.SERVER else None
    return Subject(kind, row["room_id"], row["event_id"], row["user_id"], server)


def case_of(row: Row) -> Case:
    """Read a case from its row."""
    return Case(
        id=row["id"],
        subject=subject_of(row),
        state=State(row["state"]),
        opened_at=from_ms(row["opened_at"]),
        occurred_at=from_ms(row["occurred_at"]),
        assignee=row["assignee"],
        lease_until=optional_time(row["lease_until"]),
        due_at=from_ms(row["due_at"]),
        rank=from_ms(row["rank"]),
        rules=tuple(row["rules"].split()),
        merged_into=row["merged_into"],
        version=row["version"],
    )
