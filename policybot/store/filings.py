"""Filings: applications of rooms, and the record numbers they were given."""

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from policybot.domain.application import About, key
from policybot.domain.filing import IN_FORCE, Filing, State
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
from policybot.store.reminders import DUE, LIMIT, moments


async def add(tx: Tx, filing: Filing) -> bool:
    """Save a new filing; False if the same room has an unfinished one."""
    row = await tx.first(
        "INSERT INTO filings (id, room_id, control, applicant, purpose, categories, state, submitted_at,"
        " about, deputy, organisation_key) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
        " ON CONFLICT DO NOTHING RETURNING id",
        filing.id,
        filing.room_id,
        filing.control.value,
        filing.applicant,
        filing.purpose,
        json.dumps(filing.categories),
        filing.state.value,
        to_ms(filing.submitted_at),
        json.dumps(asdict(filing.about)),
        filing.deputy,
        key(filing.about.organisation),
    )
    return row is not None


async def save(tx: Tx, filing: Filing) -> None:
    """Save what a filing has become.

    Raises:
        Stale: somebody else moved it meanwhile.
    """
    row = await tx.first(
        "UPDATE filings SET record_number = $1, state = $2, reviewer = $3, reason = $4,"
        " valid_until = $5, applicant = $6, reminded = $7, deputy = $8, room_id = $9,"
        " control = $10, purpose = $11, categories = $12, submitted_at = $13, about = $14,"
        " organisation_key = $15, version = version + 1 WHERE id = $16 AND version = $17 RETURNING id",
        filing.record_number,
        filing.state.value,
        filing.reviewer,
        filing.reason,
        optional_ms(filing.valid_until),
        filing.applicant,
        filing.reminded,
        filing.deputy,
        filing.room_id,
        filing.control.value,
        filing.purpose,
        json.dumps(filing.categories),
        to_ms(filing.submitted_at),
        json.dumps(asdict(filing.about)),
        key(filing.about.organisation),
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


async def by_id(tx: Tx, filing_id: int) -> Filing | None:
    """Read a filing by its ID."""
    row = await tx.first("SELECT * FROM filings WHERE id = $1", filing_id)
    return None if row is None else _filing(row)


async def hold(tx: Tx, filing_id: int) -> Filing | None:
    """Read a filing, and let others who write to it wait until this transaction has ended."""
    row = await tx.first("UPDATE filings SET version = version WHERE id = $1 RETURNING *", filing_id)
    return None if row is None else _filing(row)


async def of_room(tx: Tx, room_id: str) -> Filing | None:
    """Read the filing of a room that is waiting or in force, if there is one; drafts hold no room."""
    row = await tx.first(
        "SELECT * FROM filings WHERE room_id = $1"
        " AND state NOT IN ('draft', 'revoked', 'rejected', 'withdrawn')",
        room_id,
    )
    return None if row is None else _filing(row)


async def last_of_room(tx: Tx, room_id: str) -> Filing | None:
    """Read the filing of a room that is approved, or was last; before any was, the one that waits."""
    row = await tx.first(
        "SELECT * FROM filings WHERE room_id = $1 AND state <> 'draft'"
        " AND (record_number IS NOT NULL OR state NOT IN ('rejected', 'withdrawn'))"
        " ORDER BY CASE WHEN record_number IS NULL THEN 2"
        " WHEN state IN ('revoked', 'withdrawn') THEN 1 ELSE 0 END, id DESC LIMIT 1",
        room_id,
    )
    return None if row is None else _filing(row)


async def held(tx: Tx, room_ids: Collection[str]) -> dict[str, Filing]:
    """Read the filings of some rooms that are waiting or in force, as `of_room` does for one."""
    if not room_ids:
        return {}
    marks = ", ".join(f"${n}" for n in range(1, len(room_ids) + 1))
    rows = await tx.fetch(
        f"SELECT * FROM filings WHERE room_id IN ({marks})"  # noqa: S608 - numbers alone
        " AND state NOT IN ('draft', 'revoked', 'rejected', 'withdrawn')",
        *room_ids,
    )
    return {row["room_id"]: _filing(row) for row in rows}


async def of_rooms(tx: Tx, room_ids: Sequence[str]) -> dict[str, list[Filing]]:
    """Read all filings of some rooms at once, whatever became of them, oldest first."""
    found: dict[str, list[Filing]] = {}
    if room_ids:
        marks = ", ".join(f"${n}" for n in range(1, len(room_ids) + 1))
        sql = f"SELECT * FROM filings WHERE room_id IN ({marks}) ORDER BY id"  # noqa: S608 - numbers alone
        for row in await tx.fetch(sql, *room_ids):
            found.setdefault(row["room_id"], []).append(_filing(row))
    return found


async def of_applicant(tx: Tx, user_id: str) -> list[Filing]:
    """List somebody's filings, newest first."""
    rows = await tx.fetch("SELECT * FROM filings WHERE applicant = $1 ORDER BY id DESC", user_id)
    return [_filing(row) for row in rows]


async def of_organisation(tx: Tx, organisation: str, but: int) -> int:
    """Count the filings in the name of an organisation, as `application.key` writes it, but for one."""
    return int(
        await tx.value(
            "SELECT COUNT(*) AS value FROM filings WHERE organisation_key = $1 AND id <> $2"
            " AND state NOT IN ('draft', 'revoked', 'rejected', 'withdrawn')",
            organisation,
            but,
        )
    )


async def wait_for_turn(tx: Tx) -> None:
    """Let filings be handed in one at a time until this transaction ends: two see each other."""
    await tx.execute(
        "INSERT INTO counters (name, value) VALUES ('handing in', 0)"
        " ON CONFLICT (name) DO UPDATE SET value = counters.value"
    )


async def waiting(tx: Tx, limit: int) -> list[Filing]:
    """List the filings that wait for somebody, oldest first."""
    rows = await tx.fetch(
        "SELECT * FROM filings WHERE state IN ('submitted', 'in_review', 'needs_info')"
        " ORDER BY submitted_at LIMIT $1",
        limit,
    )
    return [_filing(row) for row in rows]


async def running_out(tx: Tx, now: datetime, limit: int) -> list[Filing]:
    """List filings in force of which a reminder is due, soonest first."""
    rows = await tx.fetch(
        f"SELECT * FROM filings WHERE state IN ('approved', 'renewal_due') AND {DUE}"  # noqa: S608 - our own text
        f" ORDER BY valid_until LIMIT {LIMIT}",
        *moments(now),
        limit,
    )
    return [_filing(row) for row in rows]


def categories_in(stored: str) -> tuple[str, ...]:
    """Read categories as they are stored."""
    return tuple(json.loads(stored))


async def run_out(tx: Tx, now: datetime, limit: int) -> list[Filing]:
    """List filings in force whose time is over."""
    rows = await tx.fetch(
        "SELECT * FROM filings WHERE state IN ('approved', 'renewal_due') AND valid_until <= $1"
        " ORDER BY valid_until LIMIT $2",
        to_ms(now),
        limit,
    )
    return [_filing(row) for row in rows]


async def hidden(tx: Tx, room_id: str) -> bool:
    """Say whether a room was ever given a record number, and has none that is in force."""
    rows = await tx.fetch(
        "SELECT state FROM filings WHERE room_id = $1 AND record_number IS NOT NULL", room_id
    )
    return bool(rows) and not any(State(row["state"]) in IN_FORCE for row in rows)


# Handing over --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Transfer:
    """A room that somebody is asked to answer for."""

    filing_id: int
    asker: str
    to: str
    asked_at: datetime


async def ask_to_take(tx: Tx, transfer: Transfer) -> None:
    """Remember who is asked; whoever was asked before is so no more."""
    await tx.execute(
        "INSERT INTO transfers (filing_id, asker, to_user, asked_at) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (filing_id) DO UPDATE SET asker = $2, to_user = $3, asked_at = $4",
        transfer.filing_id,
        transfer.asker,
        transfer.to,
        to_ms(transfer.asked_at),
    )


async def transfer(tx: Tx, filing_id: int) -> Transfer | None:
    """Read who is asked to answer for a room."""
    row = await tx.first("SELECT * FROM transfers WHERE filing_id = $1", filing_id)
    return None if row is None else _transfer(row)


async def end_transfer(tx: Tx, filing_id: int) -> bool:
    """Forget who was asked; False if nobody was."""
    row = await tx.first("DELETE FROM transfers WHERE filing_id = $1 RETURNING filing_id", filing_id)
    return row is not None


async def unanswered(tx: Tx, before: datetime, limit: int) -> list[tuple[Transfer, Filing]]:
    """List whom somebody has asked before a day, without an answer."""
    rows = await tx.fetch(
        "SELECT * FROM transfers WHERE asked_at < $1 ORDER BY asked_at LIMIT $2", to_ms(before), limit
    )
    found = []
    for made in map(_transfer, rows):
        row = await tx.first("SELECT * FROM filings WHERE id = $1", made.filing_id)
        if row is not None:
            found.append((made, _filing(row)))
    return found


def _transfer(row: Row) -> Transfer:
    return Transfer(row["filing_id"], row["asker"], row["to_user"], from_ms(row["asked_at"]))


def _filing(row: Row) -> Filing:
    return Filing(
        id=row["id"],
        room_id=row["room_id"],
        control=Control(row["control"]),
        applicant=row["applicant"],
        purpose=row["purpose"],
        categories=categories_in(row["categories"]),
        state=State(row["state"]),
        submitted_at=from_ms(row["submitted_at"]),
        record_number=row["record_number"],
        reviewer=row["reviewer"],
        reason=row["reason"],
        valid_until=optional_time(row["valid_until"]),
        reminded=row["reminded"],
        version=row["version"],
        about=_about(json.loads(row["about"])),
        deputy=row["deputy"],
    )


def _about(stored: dict[str, Any]) -> About:
    return About(**(stored | {"languages": tuple(stored.get("languages", ()))}))
