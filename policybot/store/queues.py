"""The queue of cases: those that wait for somebody, in their order, a page at a time."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from policybot.domain.case import Case
from policybot.store.cases import case_of
from policybot.store.database import Tx, from_ms, to_ms

_UNDECIDED = "state IN ('open', 'claimed', 'pending_approval')"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which of the cases are asked for; all of it holds at once."""

    rule: str = ""
    room_id: str = ""
    assignee: str = ""
    overdue_at: datetime | None = None
    """Those that are overdue at that time."""
    after: Case | None = None
    """Those that stand behind it in the queue."""


async def page(
    tx: Tx, wanted: Wanted, limit: int, *, parties: Collection[str] = (), rooms: Collection[str] = ()
) -> list[Case]:
    """List cases that wait for somebody, the most urgent first.

    Left out are those about one of `parties` or reported by one of them, and those about one of `rooms`.
    """
    values: list[object] = []

    def put(value: object) -> str:
        values.append(value)
        return f"${len(values)}"

    def among(column: str, found: Collection[str]) -> str:
        return f"{column} IN ({', '.join(put(one) for one in sorted(found))})"

    where, source, order = [_UNDECIDED], "cases", ("cases.rank", "cases.id")
    if wanted.rule:  # in this order, for what a rule is named in may be hardly anything, or nearly all
        source, order = "case_rules x CROSS JOIN cases", ("x.rank", "x.case_id")
        where += ["cases.id = x.case_id", f"x.rule_id = {put(wanted.rule)}"]
    if wanted.room_id:
        where.append(f"room_id = {put(wanted.room_id)}")
    if wanted.assignee:
        where.append(f"assignee = {put(wanted.assignee)}")
    if wanted.overdue_at is not None:
        where.append(f"due_at <= {put(to_ms(wanted.overdue_at))}")
    if wanted.after is not None:
        place = put(to_ms(wanted.after.rank or wanted.after.opened_at))
        where.append(f"({', '.join(order)}) > ({place}, {put(wanted.after.id)})")
    if rooms:
        where.append(f"(room_id IS NULL OR NOT {among('room_id', rooms)})")
    if parties:
        where.append(f"(user_id IS NULL OR NOT {among('user_id', parties)})")
        theirs = f"SELECT 1 FROM reports r WHERE r.case_id = cases.id AND {among('r.reporter', parties)}"  # noqa: S608 - numbers alone
        where.append(f"NOT EXISTS ({theirs})")
    # SQLite sorts everything where it cannot read in the statement how little is asked for.
    rows = await tx.fetch(
        f"SELECT cases.* FROM {source} WHERE {' AND '.join(where)}"  # noqa: S608 - numbers alone
        f" ORDER BY {', '.join(order)} LIMIT {limit:d}",
        *values,
    )
    return [case_of(row) for row in rows]


async def overdue(tx: Tx, now: datetime, limit: int) -> list[Case]:
    """List the cases that are overdue and for which nobody was called yet, the oldest first."""
    rows = await tx.fetch(
        f"SELECT * FROM cases WHERE called_at IS NULL AND {_UNDECIDED} AND due_at <= $1"  # noqa: S608 - our own text
        " ORDER BY due_at LIMIT $2",
        to_ms(now),
        limit,
    )
    return [case_of(row) for row in rows]


async def called(tx: Tx, case_ids: Collection[int], now: datetime) -> None:
    """Note that people were called for cases that are overdue."""
    await tx.many(
        "UPDATE cases SET called_at = $1 WHERE id = $2", [(to_ms(now), one) for one in case_ids]
    )


async def unanswered(tx: Tx, now: datetime) -> tuple[int, datetime | None]:
    """Count the undecided cases that are overdue; and since when the longest is."""
    row = await tx.first(
        f"SELECT COUNT(*) AS number, MIN(due_at) AS since FROM cases WHERE {_UNDECIDED}"  # noqa: S608 - our own text
        " AND due_at <= $1",
        to_ms(now),
    )
    assert row is not None
    return int(row["number"]), None if row["since"] is None else from_ms(row["since"])
