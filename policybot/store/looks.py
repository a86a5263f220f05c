"""Who looked behind a pseudonym, and whether its owner was told."""

import json
from datetime import datetime

from policybot.domain.reveal import Kind, Look
from policybot.store.database import Row, Tx, from_ms, optional_ms, optional_time, to_ms


async def add(tx: Tx, look: Look) -> None:
    """Save a look."""
    await tx.execute(
        "INSERT INTO looks (person_id, kind, viewer, role, case_no, what, reason, at, due_at,"
        " accounts, told_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        look.person_id,
        look.kind.value,
        look.viewer,
        look.role,
        look.case,
        look.what,
        look.reason,
        to_ms(look.at),
        to_ms(look.due_at),
        json.dumps(look.accounts),
        optional_ms(look.told_at),
    )


async def due(tx: Tx, now: datetime, limit: int) -> list[Look]:
    """List the looks of which the person is to be told now, if they have an account."""
    rows = await tx.fetch(
        "SELECT * FROM looks WHERE told_at IS NULL AND due_at <= $1 AND (accounts <> '[]' OR EXISTS"
        " (SELECT 1 FROM links l WHERE l.person_id = looks.person_id AND l.ended_at IS NULL))"
        " ORDER BY due_at LIMIT $2",
        to_ms(now),
        limit,
    )
    return [_look(row) for row in rows]


async def told(tx: Tx, look_id: int, now: datetime) -> bool:
    """Note that the person is being told; False if another process was faster.

    Which accounts were theirs need not be known any more.
    """
    row = await tx.first(
        "UPDATE looks SET told_at = $1, accounts = '[]' WHERE id = $2 AND told_at IS NULL RETURNING id",
        to_ms(now),
        look_id,
    )
    return row is not None


async def known_to(tx: Tx, person_id: str, now: datetime) -> list[Look]:
    """List the looks at a person of which they may know, newest first."""
    rows = await tx.fetch(
        "SELECT * FROM looks WHERE person_id = $1 AND due_at <= $2 ORDER BY at DESC, id DESC",
        person_id,
        to_ms(now),
    )
    return [_look(row) for row in rows]


async def questions_since(tx: Tx, viewer: str, since: datetime) -> int:
    """Count the questions that somebody asked; one about two persons counts twice."""
    return int(
        await tx.value(
            "SELECT COUNT(*) AS value FROM looks WHERE viewer = $1 AND at > $2"
            " AND kind IN ('same', 'matches')",
            viewer,
            to_ms(since),
        )
    )


async def matches_in(tx: Tx, case: str) -> int:
    """Count how often a name was tried in a case."""
    return int(
        await tx.value(
            "SELECT COUNT(*) AS value FROM looks WHERE case_no = $1 AND kind = 'matches'", case
        )
    )


def _look(row: Row) -> Look:
    return Look(
        id=row["id"],
        person_id=row["person_id"],
        kind=Kind(row["kind"]),
        viewer=row["viewer"],
        role=row["role"],
        case=row["case_no"],
        what=row["what"],
        reason=row["reason"],
        at=from_ms(row["at"]),
        due_at=from_ms(row["due_at"]),
        accounts=tuple(json.loads(row["accounts"])),
        told_at=optional_time(row["told_at"]),
    )
