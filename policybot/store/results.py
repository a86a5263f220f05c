"""Results that a verification service owes: by the hash of the reference, until their time is over."""

from dataclasses import dataclass
from datetime import datetime

from policybot.store.database import Row, Tx, from_ms, to_ms
from policybot.store.members import Span

MOST_POSTED = 20
"""Results that are taken for one reference; more is no person who tries again."""


@dataclass(frozen=True, slots=True)
class Awaited:
    """A result that is awaited for an attempt, by the browser that left for it."""

    reference_hash: str
    token_hash: str
    way: str
    browser_hash: str
    vault_id: str
    wait_until: datetime
    brought_hash: str | None = None


async def add(tx: Tx, awaited: Awaited) -> None:
    """Remember that a result is awaited."""
    await tx.execute(
        "INSERT INTO results (reference_hash, token_hash, way, browser_hash, vault_id, wait_until)"
        " VALUES ($1, $2, $3, $4, $5, $6)",
        awaited.reference_hash,
        awaited.token_hash,
        awaited.way,
        awaited.browser_hash,
        awaited.vault_id,
        to_ms(awaited.wait_until),
    )


async def come_back(
    tx: Tx, reference_hash: str, browser_hash: str, brought_hash: str, now: datetime
) -> Awaited | None:
    """Note which result a browser brings; None if it is not the browser that left.

    Until the transaction ends, what is posted for this reference waits.
    """
    row = await tx.first(
        "UPDATE results SET brought_hash = $1 WHERE reference_hash = $2 AND browser_hash = $3"
        " AND wait_until > $4 RETURNING *",
        brought_hash,
        reference_hash,
        browser_hash,
        to_ms(now),
    )
    return None if row is None else _awaited(row)


async def count_posted(tx: Tx, reference_hash: str, now: datetime) -> Awaited | None:
    """Count a result that was posted; None if none is awaited, or too many were posted.

    Until the transaction ends, the browser that comes back waits.
    """
    row = await tx.first(
        "UPDATE results SET posted = posted + 1 WHERE reference_hash = $1 AND wait_until > $2"
        " AND posted < $3 RETURNING *",
        reference_hash,
        to_ms(now),
        MOST_POSTED,
    )
    return None if row is None else _awaited(row)


async def over(tx: Tx, now: datetime, limit: int) -> list[Awaited]:
    """List what is no longer awaited, and under no hold: its time is over, or its attempt is used."""
    rows = await tx.fetch(
        "SELECT * FROM results WHERE (wait_until <= $1 OR token_hash IN"
        " (SELECT token_hash FROM attempts WHERE used_at IS NOT NULL)) AND token_hash NOT IN (SELECT"
        " token_hash FROM attempts WHERE user_id IN (SELECT user_id FROM held_accounts)) LIMIT $2",
        to_ms(now),
        limit,
    )
    return [_awaited(row) for row in rows]


async def of_account(tx: Tx, user_id: str, span: Span) -> list[Awaited]:
    """List what is awaited for an account's tries in a time."""
    rows = await tx.fetch(
        "SELECT r.* FROM results r JOIN attempts a ON a.token_hash = r.token_hash"
        " WHERE a.user_id = $1 AND a.expires_at >= $2 AND a.expires_at < $3",
        user_id,
        *span.ms,
    )
    return [_awaited(row) for row in rows]


async def remove(tx: Tx, reference_hash: str) -> None:
    """Await a result no longer."""
    await tx.execute("DELETE FROM results WHERE reference_hash = $1", reference_hash)


def _awaited(row: Row) -> Awaited:
    return Awaited(
        reference_hash=row["reference_hash"],
        token_hash=row["token_hash"],
        way=row["way"],
        browser_hash=row["browser_hash"],
        vault_id=row["vault_id"],
        wait_until=from_ms(row["wait_until"]),
        brought_hash=row["brought_hash"],
    )
