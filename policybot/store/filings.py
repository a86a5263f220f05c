"""Filings: applications of rooms, and the record numbers they were given."""

import json
from datetime import datetime

from policybot.domain.filing import Filing, State
from policybot.domain.rank import Control
from policybot.store.database import (
    Row,
    Stale,
    Tx,
    from_ms,
    optional_ms,
    optional_time,
    to_ms,
)


async def add(tx: Tx, filing: Filing) -> bool:
    """Save a new filing; False if the same room has an unfinished one."""
    row = await tx.first(
        "INSERT INTO filings (id, room_id, control, applicant, purpose, categories, state, submitted_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING RETURNING id",
        filing.id,
        filing.room_id,
        filing.control.value,
        filing.applicant,
        filing.purpose,
        json.dumps(filing.categories),
        filing.state.value,
        to_ms(filing.submitted_at),
    )
    return row is not None


async def save(tx: Tx, filing: Filing) -> None:
    """Save what a filing has become.

    Raises:
        Stale: somebody else moved it meanwhile.
    """
    row = await tx.first(
        "UPDATE filings SET record_number = $1, state = $2, reviewer = $3, reason = $4,"
        " valid_until = $5, room_id = $6, control = $7, version = version + 1"
        " WHERE id = $8 AND version = $9 RETURNING id",
        filing.record_number,
        filing.state.value,
        filing.reviewer,
        filing.reason,
        optional_ms(filing.valid_until),
        filing.room_id,
        filing.control.value,
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


async def running_out(tx: Tx, before: datetime) -> list[Filing]:
    """List approved filings whose time ends before a day."""
    rows = await tx.fetch(
        "SELECT * FROM filings WHERE state = 'approved' AND valid_until < $1", to_ms(before)
    )
    return [_filing(row) for row in rows]


def _filing(row: Row) -> Filing:
    return Filing(
        id=row["id"],
        room_id=row["room_id"],
        control=Control(row["control"]),
        applicant=row["applicant"],
        purpose=row["purpose"],
        categories=tuple(json.loads(row["categories"])),
        state=State(row["state"]),
        submitted_at=from_ms(row["submitted_at"]),
        record_number=row["record_number"],
        reviewer=row["reviewer"],
        reason=row["reason"],
        valid_until=optional_time(row["valid_until"]),
        version=row["version"],
    )
