"""The queue of cases: those that wait for somebody, in their order, a page at a time."""

from collections.abc import Collection
from dataclasses import dataclass, field
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


@dataclass(slots=True)
class _Statement:
    """A statement that is put together, with its values."""

    where: list[str] = field(default_factory=lambda: [_UNDECIDED])
    values: list[object] = field(default_factory=list)
    source: str = "cases"
    order: tuple[str, str] = ("cases.rank", "cases.id")

    def put(self, value: object) -> str:
        self.values.append(value)
        return f"${len(self.values)}"

    def among(self, column: str, found: Collection[str]) -> str:
        return f"{column} IN ({', '.join(self.put(one) for one in sorted(found))})"

    def named(self, rule: str, *, few: bool) -> None:
        """Ask for a rule; where `few` are left by something else it is looked up for each of them."""
        if few:
            there = f"x.case_id = cases.id AND x.rule_id = {self.put(rule)}"
            self.where.append(f"EXISTS (SELECT 1 FROM case_rules x WHERE {there})")  # noqa: S608 - a number alone
            return
        # In this order, for what a rule is named in may be hardly anything, or nearly all.
        self.source, self.order = "case_rules x CROSS JOIN cases", ("x.rank", "x.case_id")
        self.where += ["cases.id = x.case_id", f"x.rule_id = {self.put(rule)}"]

    def leave_out(self, parties: Collection[str], rooms: Collection[str]) -> None:
        """Leave cases out that are about one of these accounts or rooms, or reported by one of them."""
        if rooms:
            self.where.append(f"(room_id IS NULL OR NOT {self.among('room_id', rooms)})")
        for table, column in (("case_subjects", "o.user_id"), ("reports", "o.reporter")):
            if parties:
                there = f"o.case_id = cases.id AND {self.among(column, parties)}"
                self.where.append(f"NOT EXISTS (SELECT 1 FROM {table} o WHERE {there})")  # noqa: S608 - our names

    def text(self, limit: int) -> str:
        """Write it; SQLite sorts everything where it cannot read in it how little is asked for."""
        return (
            f"SELECT cases.* FROM {self.source} WHERE {' AND '.join(self.where)}"  # noqa: S608 - numbers alone
            f" ORDER BY {', '.join(self.order)} LIMIT {limit:d}"
        )


async def page(
    tx: Tx, wanted: Wanted, limit: int, *, parties: Collection[str] = (), rooms: Collection[str] = ()
) -> list[Case]:
    """List cases that wait for somebody, the most urgent first.

    Left out are those about one of `parties` or reported by one of them, and those about one of `rooms`.
    """
    asked = _Statement()
    if wanted.rule:
        asked.named(wanted.rule, few=bool(wanted.room_id or wanted.assignee))
    if wanted.room_id:
        asked.where.append(f"room_id = {asked.put(wanted.room_id)}")
    if wanted.assignee:
        asked.where.append(f"assignee = {asked.put(wanted.assignee)}")
    if wanted.overdue_at is not None:
        asked.where.append(f"due_at <= {asked.put(to_ms(wanted.overdue_at))}")
    if wanted.after is not None:
        place = asked.put(to_ms(wanted.after.rank or wanted.after.opened_at))
        asked.where.append(f"({', '.join(asked.order)}) > ({place}, {asked.put(wanted.after.id)})")
    asked.leave_out(parties, rooms)
    return [case_of(row) for row in await tx.fetch(asked.text(limit), *asked.values)]


async def accounts_with(tx: Tx, user_id: str) -> frozenset[str]:
    """List an account with all that ever belonged to somebody to whom it ever belonged."""
    rows = await tx.fetch(
        "SELECT DISTINCT o.user_id FROM links l JOIN links o ON o.person_id = l.person_id"
        " WHERE l.user_id = $1",
        user_id,
    )
    return frozenset({user_id, *(row["user_id"] for row in rows)})


async def rooms_in(tx: Tx, found: Collection[Case]) -> dict[int, set[str]]:
    """Name the rooms that cases are about, with those that were merged into them."""
    rooms: dict[int, set[str]] = {case.id: set() for case in found}
    if found:
        places = ", ".join(f"${n}" for n in range(1, len(found) + 1))
        for row in await tx.fetch(
            f"SELECT case_id, room_id FROM case_subjects WHERE case_id IN ({places})"  # noqa: S608 - numbers alone
            " AND room_id IS NOT NULL",
            *rooms,
        ):
            rooms[row["case_id"]].add(row["room_id"])
    return rooms


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
        "UPDATE cases SET called_at = $1 WHERE id = $2", [(to_ms(now), one) for one in sorted(case_ids)]
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
