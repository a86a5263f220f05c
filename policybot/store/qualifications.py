"""Qualifications of filed rooms, claimed and granted."""

import json
from datetime import datetime

from policybot.domain.qualification import Qualification, State
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


async def add(tx: Tx, qualification: Qualification) -> None:
    """Save a new claim.

    Raises:
        Stale: another one for the same room and kind came first.
    """
    row = await tx.first(
        "INSERT INTO qualifications (id, filing_id, kind, state, evidence, claimant, claimed_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING id",
        qualification.id,
        qualification.filing_id,
        qualification.kind,
        qualification.state.value,
        qualification.evidence,
        qualification.claimant,
        to_ms(qualification.claimed_at),
    )
    if row is None:
        raise Stale(qualification.number)


async def save(tx: Tx, qualification: Qualification) -> None:
    """Save what a qualification has become.

    Raises:
        Stale: somebody else moved it meanwhile.
    """
    row = await tx.first(
        "UPDATE qualifications SET state = $1, rights = $2, reviewer = $3, reason = $4, granted_at = $5,"
        " valid_until = $6, reminded = $7, ended_at = $8, version = version + 1"
        " WHERE id = $9 AND version = $10 RETURNING id",
        qualification.state.value,
        json.dumps(qualification.rights),
        qualification.reviewer,
        qualification.reason,
        optional_ms(qualification.granted_at),
        optional_ms(qualification.valid_until),
        qualification.reminded,
        optional_ms(qualification.ended_at),
        qualification.id,
        qualification.version,
    )
    if row is None:
        raise Stale(qualification.number)


async def get(tx: Tx, qualification_id: int) -> Qualification | None:
    """Read a qualification."""
    row = await tx.first("SELECT * FROM qualifications WHERE id = $1", qualification_id)
    return None if row is None else _qualification(row)


async def of_filing(tx: Tx, filing_id: int, state: State) -> list[Qualification]:
    """List the qualifications of a filing in one state, by their kind."""
    rows = await tx.fetch(
        "SELECT * FROM qualifications WHERE filing_id = $1 AND state = $2 ORDER BY kind",
        filing_id,
        state.value,
    )
    return [_qualification(row) for row in rows]


async def waiting(tx: Tx, limit: int) -> list[Qualification]:
    """List the claims that wait for a reviewer, of rooms that are in force, oldest first."""
    rows = await tx.fetch(
        "SELECT q.* FROM qualifications q JOIN filings f ON f.id = q.filing_id"
        " WHERE q.state = 'claimed' AND f.state IN ('approved', 'renewal_due')"
        " ORDER BY q.claimed_at LIMIT $1",
        limit,
    )
    return [_qualification(row) for row in rows]


async def claimed_since(tx: Tx, claimant: str, since: datetime) -> int:
    """Count what somebody has asked for since a moment."""
    return int(
        await tx.value(
            "SELECT COUNT(*) AS value FROM qualifications WHERE claimant = $1 AND claimed_at > $2",
            claimant,
            to_ms(since),
        )
    )


async def running_out(tx: Tx, now: datetime, limit: int) -> list[Qualification]:
    """List what is granted to rooms in force and of which a reminder is due, soonest first."""
    rows = await tx.fetch(
        f"SELECT * FROM qualifications WHERE state = 'granted' AND {DUE} AND EXISTS"  # noqa: S608 - our own text
        " (SELECT 1 FROM filings f WHERE f.id = filing_id AND f.state IN ('approved', 'renewal_due'))"
        f" ORDER BY valid_until LIMIT {LIMIT}",
        *moments(now),
        limit,
    )
    return [_qualification(row) for row in rows]


async def run_out(tx: Tx, now: datetime, limit: int) -> list[Qualification]:
    """List what is granted and whose time is over."""
    rows = await tx.fetch(
        "SELECT * FROM qualifications WHERE state = 'granted' AND valid_until <= $1"
        " ORDER BY valid_until LIMIT $2",
        to_ms(now),
        limit,
    )
    return [_qualification(row) for row in rows]


def _qualification(row: Row) -> Qualification:
    return Qualification(
        id=row["id"],
        filing_id=row["filing_id"],
        kind=row["kind"],
        state=State(row["state"]),
        evidence=row["evidence"],
        claimant=row["claimant"],
        claimed_at=from_ms(row["claimed_at"]),
        rights=tuple(json.loads(row["rights"])),
        reviewer=row["reviewer"],
        reason=row["reason"],
        granted_at=optional_time(row["granted_at"]),
        valid_until=optional_time(row["valid_until"]),
        reminded=row["reminded"],
        ended_at=optional_time(row["ended_at"]),
        version=row["version"],
    )
