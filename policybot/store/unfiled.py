"""Public rooms that are not filed, and how far the look at the directory has come."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from policybot.domain.unfiled import REMIND_BEFORE, STALE_AFTER, Action, Cursor, Room, Step
from policybot.store.database import Row, Tx, from_ms, optional_ms, optional_time, span_ms, to_ms

_OPEN = "hidden_at IS NULL AND applied = ''"


class Phase(StrEnum):
    """What a scan is doing."""

    READING = "reading"
    TELLING = "telling"
    REMINDING = "reminding"
    ENDING = "ending"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Scan:
    """One look at the directory, and how far it has come."""

    number: int
    phase: Phase
    started_at: datetime
    finished_at: datetime | None = None
    """When the last whole one was."""
    cursor: Cursor = field(default_factory=Cursor)
    """Where to read on; while creators are told, its `known` is the last of them."""
    exempt: tuple[str, ...] = ()
    """IDs of the operator's own rooms."""
    total: int = 0
    told: int = 0
    """People who were written to in it."""
    hidden: int = 0
    """Rooms that were taken out of the directory by it."""
    waiting: int = 0
    """Rooms that are due and for a moderator, because they are too many."""
    problem: str = ""
    """Why the list cannot be read."""
    not_before: datetime | None = None
    version: int = 0


@dataclass(frozen=True, slots=True)
class Counts:
    """Rooms that are not filed, in numbers."""

    unfiled: int
    """In the directory."""
    applied: int
    """In the directory, with an application that waits."""
    fresh: int
    """Not filed, and seen for the first time in the scan."""
    unheard: int
    """Of the fresh ones, those whose creator could not be written to."""
    hidden: int
    """Taken out of the directory, and not back."""


# The scan -------------------------------------------------------------------------------------------


async def scan(tx: Tx) -> Scan | None:
    """Read how far the scan has come; None if there never was one."""
    row = await tx.first("SELECT * FROM unfiled_scan WHERE one = 1")
    if row is None:
        return None
    return Scan(
        number=row["number"],
        phase=Phase(row["phase"]),
        started_at=from_ms(row["started_at"]),
        finished_at=optional_time(row["finished_at"]),
        cursor=Cursor(row["start"], tuple(json.loads(row["known"]))),
        exempt=tuple(json.loads(row["exempt"])),
        total=row["total"],
        told=row["told"],
        hidden=row["hidden"],
        waiting=row["waiting"],
        problem=row["problem"],
        not_before=optional_time(row["not_before"]),
        version=row["version"],
    )


async def save_scan(tx: Tx, made: Scan) -> bool:
    """Save how far it has come; False if another process has brought it on meanwhile."""
    row = await tx.first(
        "INSERT INTO unfiled_scan (one, number, phase, started_at, finished_at, start, known, exempt,"
        " total, told, hidden, waiting, problem, not_before, version)"
        " VALUES (1, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
        " ON CONFLICT (one) DO UPDATE SET number = $1, phase = $2, started_at = $3, finished_at = $4,"
        " start = $5, known = $6, exempt = $7, total = $8, told = $9, hidden = $10, waiting = $11,"
        " problem = $12, not_before = $13, version = $14 WHERE unfiled_scan.version = $14 - 1"
        " RETURNING version",
        made.number,
        made.phase.value,
        to_ms(made.started_at),
        optional_ms(made.finished_at),
        made.cursor.start,
        json.dumps(made.cursor.known),
        json.dumps(made.exempt),
        made.total,
        made.told,
        made.hidden,
        made.waiting,
        made.problem,
        optional_ms(made.not_before),
        made.version + 1,
    )
    return row is not None


# The rooms ------------------------------------------------------------------------------------------


async def keep(tx: Tx, rooms: Sequence[Room]) -> None:
    """Remember rooms, or what has become of them."""
    columns = (
        "name, creator, members, first_seen, seen_at, scan, applied, told_at, heard, due_at,"
        " reminded_at, hidden_at"
    )
    names = columns.split(", ")
    marks = ", ".join(f"${n}" for n in range(1, len(names) + 2))
    changes = ", ".join(f"{name.strip()} = ${n}" for n, name in enumerate(names, 2))
    await tx.many(
        f"INSERT INTO unfiled_rooms (room_id, {columns}) VALUES ({marks})"  # noqa: S608 - our own text
        f" ON CONFLICT (room_id) DO UPDATE SET {changes}",
        [_values(room) for room in rooms],
    )


async def get(tx: Tx, room_id: str) -> Room | None:
    """Read a room; None if it is none of these."""
    row = await tx.first("SELECT * FROM unfiled_rooms WHERE room_id = $1", room_id)
    return None if row is None else _room(row)


async def known(tx: Tx, room_ids: Sequence[str]) -> dict[str, Room]:
    """Read those of some rooms that are remembered."""
    if not room_ids:
        return {}
    marks = ", ".join(f"${n}" for n in range(1, len(room_ids) + 1))
    rows = await tx.fetch(f"SELECT * FROM unfiled_rooms WHERE room_id IN ({marks})", *room_ids)  # noqa: S608 - numbers alone
    return {row["room_id"]: _room(row) for row in rows}


async def forget(tx: Tx, room_ids: Sequence[str]) -> None:
    """Forget rooms."""
    await tx.many("DELETE FROM unfiled_rooms WHERE room_id = $1", [(id_,) for id_ in room_ids])


async def forget_gone(tx: Tx, number: int) -> None:
    """Forget the rooms that a whole scan has not seen, and those that were hidden and approved since."""
    await tx.execute("DELETE FROM unfiled_rooms WHERE hidden_at IS NULL AND scan < $1", number)
    await tx.execute(
        "DELETE FROM unfiled_rooms WHERE hidden_at IS NOT NULL AND EXISTS (SELECT 1 FROM filings f"
        " WHERE f.room_id = unfiled_rooms.room_id AND f.state IN"
        " ('approved', 'renewal_due', 'suspended', 'expired', 'revoked'))"
    )


def _ripe(step: Step, action: Action, now: datetime) -> str:
    """Write the condition for the rooms for which a step is due, as the domain says it."""
    if step is Step.REMIND:
        soon, stale = to_ms(now + REMIND_BEFORE), to_ms(now - STALE_AFTER)
        return (
            f"{_OPEN} AND due_at <= {soon} AND (COALESCE(reminded_at, told_at) < {stale}"
            f" OR (reminded_at IS NULL AND due_at - {span_ms(REMIND_BEFORE)} > told_at))"
        )
    dated = " OR due_at IS NULL" if action is Action.UNPUBLISH else ""
    return f"{_OPEN} AND (told_at IS NULL{dated})"


async def creators(  # noqa: PLR0913 - what is asked for
    tx: Tx, step: Step, action: Action, now: datetime, *, after: str | None, limit: int
) -> list[str]:
    """List those who made rooms for which a step is due, behind somebody in the order of IDs."""
    behind = "" if after is None else " AND creator > $2"
    rows = await tx.fetch(
        f"SELECT DISTINCT creator FROM unfiled_rooms WHERE {_ripe(step, action, now)}{behind}"  # noqa: S608 - our own text
        " ORDER BY creator LIMIT $1",
        limit,
        *(() if after is None else (after,)),
    )
    return [row["creator"] for row in rows]


async def of_creator(  # noqa: PLR0913 - what is asked for
    tx: Tx, creator: str, step: Step, action: Action, now: datetime, *, limit: int
) -> list[Room]:
    """List rooms of one creator for which a step is due, oldest first."""
    rows = await tx.fetch(
        f"SELECT * FROM unfiled_rooms WHERE creator = $1 AND {_ripe(step, action, now)}"  # noqa: S608 - our own text
        " ORDER BY first_seen, room_id LIMIT $2",
        creator,
        limit,
    )
    return [_room(row) for row in rows]


_DUE = (
    f"{_OPEN} AND due_at <= $1 AND COALESCE(reminded_at, told_at) >= $2"
    f" AND (reminded_at IS NOT NULL OR due_at - {span_ms(REMIND_BEFORE)} <= told_at)"
)


async def due(tx: Tx, now: datetime, limit: int) -> list[Room]:
    """List rooms whose day has come, the first to be due first."""
    rows = await tx.fetch(
        f"SELECT * FROM unfiled_rooms WHERE {_DUE} ORDER BY due_at, room_id LIMIT $3",  # noqa: S608 - our own text
        to_ms(now),
        to_ms(now - STALE_AFTER),
        limit,
    )
    return [_room(row) for row in rows]


async def count_due(tx: Tx, now: datetime) -> int:
    """Count them."""
    sql = f"SELECT COUNT(*) AS value FROM unfiled_rooms WHERE {_DUE}"  # noqa: S608 - our own text
    return int(await tx.value(sql, to_ms(now), to_ms(now - STALE_AFTER)))


async def hidden_since(tx: Tx, since: datetime) -> int:
    """Count the rooms that were taken out of the directory since some time."""
    sql = "SELECT COUNT(*) AS value FROM unfiled_rooms WHERE hidden_at > $1"
    return int(await tx.value(sql, to_ms(since)))


async def counts(tx: Tx, since: datetime) -> Counts:
    """Count all; `fresh` are those seen for the first time since the scan began."""
    row = await tx.first(
        "SELECT"  # noqa: S608 - our own text
        f" COALESCE(SUM(CASE WHEN {_OPEN} THEN 1 ELSE 0 END), 0) AS unfiled,"
        " COALESCE(SUM(CASE WHEN applied <> '' AND hidden_at IS NULL THEN 1 ELSE 0 END), 0) AS applied,"
        f" COALESCE(SUM(CASE WHEN {_OPEN} AND first_seen >= $1 THEN 1 ELSE 0 END), 0) AS fresh,"
        f" COALESCE(SUM(CASE WHEN {_OPEN} AND first_seen >= $1 AND told_at IS NOT NULL AND heard = 0"
        " THEN 1 ELSE 0 END), 0) AS unheard,"
        " COALESCE(SUM(CASE WHEN hidden_at IS NOT NULL THEN 1 ELSE 0 END), 0) AS hidden"
        " FROM unfiled_rooms",
        to_ms(since),
    )
    names = ("unfiled", "applied", "fresh", "unheard", "hidden")
    return Counts(*(int(row[name]) for name in names)) if row is not None else Counts(0, 0, 0, 0, 0)


async def listed(tx: Tx, start: int, limit: int) -> list[Room]:
    """List a page of all: those in the directory first, then those that were taken out of it."""
    rows = await tx.fetch(
        "SELECT * FROM unfiled_rooms ORDER BY CASE WHEN hidden_at IS NULL THEN 0 ELSE 1 END,"
        " first_seen, room_id LIMIT $1 OFFSET $2",
        limit,
        start,
    )
    return [_room(row) for row in rows]


def _values(room: Room) -> tuple[object, ...]:
    return (
        room.room_id,
        room.name,
        room.creator,
        room.members,
        to_ms(room.first_seen),
        to_ms(room.seen_at),
        room.scan,
        room.applied,
        optional_ms(room.told_at),
        int(room.heard),
        optional_ms(room.due_at),
        optional_ms(room.reminded_at),
        optional_ms(room.hidden_at),
    )


def _room(row: Row) -> Room:
    return Room(
        room_id=row["room_id"],
        name=row["name"],
        creator=row["creator"],
        members=row["members"],
        first_seen=from_ms(row["first_seen"]),
        seen_at=from_ms(row["seen_at"]),
        scan=row["scan"],
        applied=row["applied"],
        told_at=optional_time(row["told_at"]),
        heard=bool(row["heard"]),
        due_at=optional_time(row["due_at"]),
        reminded_at=optional_time(row["reminded_at"]),
        hidden_at=optional_time(row["hidden_at"]),
    )
