"""Filings: applications of rooms, and the record numbers they were given."""

import json
from collections.abc import Sequence
from datetime import datetime

from policybot.domain.filing import Filing, State
from policybot.store.database import (
    Row,
    Stale,
    Tx,
    from_ms,
    optional_ms,
    optional_time,
    to_ms,
)


async def add(tx: Tx, filing: Filing) -> None:
    """Save a new filing. A second unfinished one for the same room violates a unique index."""
    await tx.execute(
        "INSERT INTO filings (id, room_id, applicant, purpose, categories, state, submitted_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        filing.id,
        filing.room_id,
        filing.applicant,
        filing.purpose,
        json.dumps(filing.categories),
        filing.state.value,
        to_ms(filing.submitted_at),
    )


async def save(tx: Tx, filing: Filing) -> None:
    """Save what a filing has become.

    Raises:
        Stale: somebody else moved it meanwhile.
    """
    row = await tx.first(
        "UPDATE filings SET record_number = $1, state = $2, reviewer = $3, reason = $4,"
        " valid_until = $5, version = version + 1 WHERE id = $6 AND version = $7 RETURNING id",
        filing.record_number,
        filing.state.value,
        filing.reviewer,
        filing.reason,
        optional_ms(filing.valid_until),
        filing.id,
        filing.version,
    )
    if row is None:
        raise Stale(filing.number)


async def get(tx: Tx, number: str) -> Filing | None:
    """Read a filing by its record number, or by its file number `F-…`."""
    if number.startswith("F-") and number[2:].isascii() and number[2:].isdecimal():
        row = await tx.first("SELECT * FROM filings WHERE id = $1", int(number[2:][:18]))
    else:
        row = await tx.first("SELECT * FROM filings WHERE record_number = $1", number)
    return None if row is None else _filing(row)


async def by_ids(tx: Tx, ids: Sequence[int]) -> dict[int, Filing]:
    """Read some filings at once."""
    if not ids:
        return {}
    marks = ", ".join(f"${n}" for n in range(1, len(ids) + 1))
    rows = await tx.fetch(f"SELECT * FROM filings WHERE id IN ({marks})", *ids)  # noqa: S608 - numbers alone
    return {row["id"]: _filing(row) for row in rows}


async def with_numbers(tx: Tx, numbers: Sequence[str]) -> list[Filing]:
    """Read the filings that have these record numbers."""
    if not numbers:
        return []
    marks = ", ".join(f"${n}" for n in range(1, len(numbers) + 1))
    rows = await tx.fetch(f"SELECT * FROM filings WHERE record_number IN ({marks})", *numbers)  # noqa: S608 - numbers alone
    return [_filing(row) for row in rows]


async def of_room(tx: Tx, room_id: str) -> Filing | None:
    """Read the filing of a room that is waiting or in force, if there is one."""
    row = await tx.first(
        "SELECT * FROM filings WHERE room_id = $1 AND state NOT IN ('revoked', 'rejected', 'withdrawn')",
        room_id,
    )
    return None if row is None else _filing(row)


async def of_applicant(tx: Tx, user_id: str) -> list[Filing]:
    """List somebody's filings, newest first."""
    rows = await tx.fetch("SELECT * FROM filings WHERE applicant = $1 ORDER BY id DESC", user_id)
    return [_filing(row) for row in rows]


async def waiting(tx: Tx, limit: int) -> list[Filing]:
    """List the filings that wait for somebody, oldest first."""
    rows = await tx.fetch(
        "SELECT * FROM filings WHERE state IN ('submitted', 'in_review', 'needs_info')"
        " ORDER BY submitted_at LIMIT $1",
        limit,
    )
    return [_filing(row) for row in rows]


_ANSWERED = (
    "EXISTS (SELECT 1 FROM links l JOIN verifications v ON v.person_id = l.person_id"
    " AND v.ended_at IS NULL WHERE l.user_id = filings.applicant AND l.ended_at IS NULL)"
)


async def miss(tx: Tx, now: datetime) -> list[Filing]:
    """Note, and list, the filings of public rooms for which nobody verified answers any more.

    Each is listed once; again only after somebody answered for it in between.
    """
    await tx.execute(
        f"UPDATE filings SET missed_at = NULL WHERE missed_at IS NOT NULL AND {_ANSWERED}"  # noqa: S608 - our own text
    )
    rows = await tx.fetch(
        "UPDATE filings SET missed_at = $1 WHERE state IN ('approved', 'renewal_due', 'suspended')"  # noqa: S608 - our own text
        f" AND missed_at IS NULL AND NOT {_ANSWERED} RETURNING *",
        to_ms(now),
    )
    return [_filing(row) for row in rows]


async def running_out(tx: Tx, before: datetime) -> list[Filing]:
    """List approved filings whose time ends before a day."""
    rows = await tx.fetch(
        "SELECT * FROM filings WHERE state = 'approved' AND valid_until < $1", to_ms(before)
    )
    return [_filing(row) for row in rows]


def categories_in(stored: str) -> tuple[str, ...]:
    """Read categories as they are stored."""
    return tuple(json.loads(stored))


def _filing(row: Row) -> Filing:
    return Filing(
        id=row["id"],
        room_id=row["room_id"],
        applicant=row["applicant"],
        purpose=row["purpose"],
        categories=categories_in(row["categories"]),
        state=State(row["state"]),
        submitted_at=from_ms(row["submitted_at"]),
        record_number=row["record_number"],
        reviewer=row["reviewer"],
        reason=row["reason"],
        valid_until=optional_time(row["valid_until"]),
        version=row["version"],
    )
