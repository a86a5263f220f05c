"""Documents that wait for reviewers or were decided, without what stands in them; and who uploads."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from policybot.domain.document import UPLOADS_AN_HOUR, Document, State
from policybot.domain.identity import Assurance
from policybot.store.database import Row, Stale, Tx, from_ms, optional_ms, optional_time, to_ms

_HOUR = timedelta(hours=1)


async def add(tx: Tx, document: Document) -> None:
    """Save a document that waits. A second one of the same account violates a unique index."""
    await tx.execute(
        "INSERT INTO documents (id, user_id, kind, country, level, state, submitted_at, candidate,"
        " blind, likeness) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        document.id,
        document.user_id,
        document.kind,
        document.country,
        document.assurance.level,
        document.state.value,
        to_ms(document.submitted_at),
        document.candidate,
        document.blind,
        document.likeness,
    )


async def save(tx: Tx, document: Document) -> None:
    """Save what a document has become.

    Raises:
        Stale: somebody else moved it meanwhile.
    """
    row = await tx.first(
        "UPDATE documents SET state = $1, candidate = $2, blind = $3, person_id = $4, reviewer = $5,"
        " decided_at = $6, likeness = $7, version = version + 1 WHERE id = $8 AND version = $9"
        " RETURNING id",
        document.state.value,
        document.candidate,
        document.blind,
        document.person_id,
        document.reviewer,
        optional_ms(document.decided_at),
        document.likeness,
        document.id,
        document.version,
    )
    if row is None:
        raise Stale(document.number)


async def save_seen(tx: Tx, document_id: int, seen_by: Sequence[str]) -> None:
    """Note who has opened a document."""
    await tx.execute(
        "UPDATE documents SET seen_by = $1 WHERE id = $2", json.dumps(list(seen_by)), document_id
    )


async def get(tx: Tx, document_id: int) -> Document | None:
    """Read a document."""
    row = await tx.first("SELECT * FROM documents WHERE id = $1", document_id)
    return None if row is None else _document(row)


async def waiting_of(tx: Tx, user_id: str) -> Document | None:
    """Read the document of an account that waits, if there is one."""
    row = await tx.first("SELECT * FROM documents WHERE user_id = $1 AND state = 'waiting'", user_id)
    return None if row is None else _document(row)


async def waiting(tx: Tx, limit: int) -> list[Document]:
    """List the documents that wait, oldest first."""
    rows = await tx.fetch(
        "SELECT * FROM documents WHERE state = 'waiting' ORDER BY submitted_at LIMIT $1", limit
    )
    return [_document(row) for row in rows]


async def overdue(tx: Tx, before: datetime, limit: int) -> list[Document]:
    """List the documents that wait since before a time, but for those under a hold."""
    rows = await tx.fetch(
        "SELECT * FROM documents WHERE state = 'waiting' AND submitted_at <= $1"
        " AND user_id NOT IN (SELECT user_id FROM held_accounts) LIMIT $2",
        to_ms(before),
        limit,
    )
    return [_document(row) for row in rows]


async def decided_before(tx: Tx, before: datetime, limit: int) -> list[Document]:
    """List what was decided before a time, is still in the vault, and under no hold."""
    rows = await tx.fetch(
        "SELECT * FROM documents WHERE candidate IS NOT NULL AND decided_at <= $1"
        " AND user_id NOT IN (SELECT user_id FROM held_accounts) LIMIT $2",
        to_ms(before),
        limit,
    )
    return [_document(row) for row in rows]


async def kept_of(tx: Tx, user_id: str) -> list[Document]:
    """List the documents of an account of which the vault still has something."""
    rows = await tx.fetch(
        "SELECT * FROM documents WHERE user_id = $1 AND candidate IS NOT NULL", user_id
    )
    return [_document(row) for row in rows]


async def uploads_full(tx: Tx, user_id: str, now: datetime) -> bool:
    """Say whether an account has uploaded as often as it may."""
    return bool(
        await tx.value(
            "SELECT number AS value FROM uploads WHERE user_id = $1 AND what = 'document'"
            " AND at > $2 AND number >= $3",
            user_id,
            to_ms(now - _HOUR),
            UPLOADS_AN_HOUR,
        )
    )


async def count_upload(
    tx: Tx, user_id: str, now: datetime, *, what: str = "document", most: int = UPLOADS_AN_HOUR
) -> bool:
    """Count an upload; False if it is one too many of what it is for.

    One statement, so that uploads at the same time cannot share a count. The count begins anew an
    hour after the last one that was let through: there are never more in any hour.
    """
    row = await tx.first(
        "INSERT INTO uploads (user_id, what, number, at) VALUES ($1, $5, 1, $2)"
        " ON CONFLICT (user_id, what) DO UPDATE SET at = $2,"
        " number = CASE WHEN uploads.at <= $3 THEN 1 ELSE uploads.number + 1 END"
        " WHERE uploads.at <= $3 OR uploads.number < $4 RETURNING number",
        user_id,
        to_ms(now),
        to_ms(now - _HOUR),
        most,
        what,
    )
    return row is not None


async def forget_uploads(tx: Tx, now: datetime) -> None:
    """Forget counts whose hour is over."""
    await tx.execute("DELETE FROM uploads WHERE at <= $1", to_ms(now - _HOUR))


def _document(row: Row) -> Document:
    return Document(
        id=row["id"],
        user_id=row["user_id"],
        kind=row["kind"],
        country=row["country"],
        assurance=Assurance.of_level(row["level"]),
        state=State(row["state"]),
        submitted_at=from_ms(row["submitted_at"]),
        candidate=row["candidate"],
        blind=row["blind"],
        likeness=row["likeness"],
        person_id=row["person_id"],
        seen_by=tuple(json.loads(row["seen_by"])),
        reviewer=row["reviewer"],
        decided_at=optional_time(row["decided_at"]),
        version=row["version"],
    )
