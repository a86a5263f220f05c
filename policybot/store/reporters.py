"""Reporters: what became of their reports, and what people decided about unfounded ones."""

from collections.abc import Iterable
from datetime import datetime

from policybot.domain.reporter import WINDOW, Kind, Step, Tally
from policybot.store.database import Row, Tx, from_ms, optional_ms, optional_time, to_ms


async def counts(tx: Tx, accounts: Iterable[str]) -> Tally:
    """Count what became of the newest answered reports of one person, by all accounts of theirs.

    Reports about one of these accounts are left out: nobody gains by reporting themselves.
    """
    theirs = sorted(accounts)
    if not theirs:
        return Tally()
    places = ", ".join(f"${n}" for n in range(1, len(theirs) + 1))
    row = await tx.first(
        "SELECT COUNT(*) AS answered,"  # noqa: S608 - places alone
        " COALESCE(SUM(CASE WHEN n.outcome = 'actioned' THEN 1 ELSE 0 END), 0) AS agreed,"
        " COALESCE(SUM(CASE WHEN n.outcome = 'no_breach' THEN 1 ELSE 0 END), 0) AS disagreed,"
        " COALESCE(SUM(CASE WHEN s.id IS NULL THEN 0 ELSE 1 END), 0) AS unfounded"
        " FROM (SELECT r.id, r.outcome FROM reports r JOIN cases c ON c.id = r.case_id"
        f" WHERE r.reporter IN ({places}) AND r.state = 'resolved'"
        f" AND (c.user_id IS NULL OR c.user_id NOT IN ({places}))"
        f" ORDER BY r.id DESC LIMIT {WINDOW}) n LEFT JOIN reporter_steps s"
        " ON s.report_id = n.id AND s.kind = 'unfounded' AND s.ended_at IS NULL",
        *theirs,
    )
    if row is None:
        return Tally()
    return Tally(int(row["answered"]), int(row["agreed"]), int(row["disagreed"]), int(row["unfounded"]))


async def hold(tx: Tx, account: str) -> None:
    """Let others who decide about the same reporter wait until this transaction has ended."""
    await tx.execute(
        "UPDATE reports SET state = state WHERE id = (SELECT MIN(id) FROM reports WHERE reporter = $1)",
        account,
    )


async def add(tx: Tx, step: Step) -> None:
    """Save a step. A second one of its kind because of the same report violates a unique index."""
    await tx.execute(
        "INSERT INTO reporter_steps (id, kind, report_id, account, person_id, taken_by, reason, at,"
        " until) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        step.id,
        step.kind.value,
        step.report_id,
        step.account,
        step.person_id,
        step.by,
        step.reason,
        to_ms(step.at),
        optional_ms(step.until),
    )


async def of_report(tx: Tx, report_id: int) -> list[Step]:
    """List what was decided because of a report, oldest first."""
    rows = await tx.fetch("SELECT * FROM reporter_steps WHERE report_id = $1 ORDER BY id", report_id)
    return [_step(row) for row in rows]


async def of_case(tx: Tx, case_id: int) -> list[Step]:
    """List what was decided because of the reports in a case, oldest first."""
    rows = await tx.fetch(
        "SELECT s.* FROM reporter_steps s JOIN reports r ON r.id = s.report_id WHERE r.case_id = $1"
        " ORDER BY s.id",
        case_id,
    )
    return [_step(row) for row in rows]


async def of_person(tx: Tx, accounts: Iterable[str], person_id: str | None) -> list[Step]:
    """List what was decided about the reports of one person, by all accounts of theirs, oldest first.

    What was decided about whoever had an account before is not theirs.
    """
    theirs = sorted(accounts)
    places = ", ".join(f"${n}" for n in range(2, len(theirs) + 2))
    rows = await tx.fetch(
        "SELECT * FROM reporter_steps WHERE person_id = $1"  # noqa: S608 - places alone
        f" OR (account IN ({places}) AND (person_id IS NULL OR CAST($1 AS TEXT) IS NULL)) ORDER BY id",
        person_id,
        *theirs,
    )
    return [_step(row) for row in rows]


async def told(tx: Tx, step_id: int, now: datetime) -> None:
    """Note that the message about a step was delivered."""
    await tx.execute(
        "UPDATE reporter_steps SET told_at = $1 WHERE id = $2 AND told_at IS NULL", to_ms(now), step_id
    )


async def end(tx: Tx, step_id: int, reason: str, now: datetime) -> bool:
    """End a step; False if it has ended already."""
    row = await tx.first(
        "UPDATE reporter_steps SET ended_at = $1, end_reason = $2 WHERE id = $3 AND ended_at IS NULL"
        " RETURNING id",
        to_ms(now),
        reason,
        step_id,
    )
    return row is not None


async def pauses_due(tx: Tx, now: datetime, limit: int = 100) -> list[Step]:
    """List the pauses whose time is over."""
    rows = await tx.fetch(
        "SELECT * FROM reporter_steps WHERE ended_at IS NULL AND kind = 'pause' AND until <= $1"
        " ORDER BY until LIMIT $2",
        to_ms(now),
        limit,
    )
    return [_step(row) for row in rows]


def _step(row: Row) -> Step:
    return Step(
        id=row["id"],
        kind=Kind(row["kind"]),
        report_id=row["report_id"],
        account=row["account"],
        person_id=row["person_id"],
        by=row["taken_by"],
        reason=row["reason"],
        at=from_ms(row["at"]),
        until=optional_time(row["until"]),
        told_at=optional_time(row["told_at"]),
        ended_at=optional_time(row["ended_at"]),
        end_reason=row["end_reason"],
    )
