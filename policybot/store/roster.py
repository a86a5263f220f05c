"""The roster's entries by their IDs in the vault: codes not yet used, who used one, who has left."""

from collections.abc import Sequence
from datetime import datetime

from policybot.store.database import Tx, to_ms


async def add(tx: Tx, entries: Sequence[tuple[str, str]]) -> None:
    """Save new entries: ID and hash of the code."""
    await tx.many("INSERT INTO roster (id, code_hash) VALUES ($1, $2)", entries)


async def by_code(tx: Tx, code_hash: str) -> str | None:
    """Find the entry whose unused code this is, unless its person has left."""
    found = await tx.value(
        "SELECT id AS value FROM roster WHERE code_hash = $1 AND left_at IS NULL", code_hash
    )
    return None if found is None else str(found)


async def use_up(tx: Tx, entry_id: str, person_id: str) -> bool:
    """Note who used an entry's code; False if somebody did before."""
    row = await tx.first(
        "UPDATE roster SET code_hash = NULL, person_id = $1 WHERE id = $2 AND code_hash IS NOT NULL"
        " AND left_at IS NULL RETURNING id",
        person_id,
        entry_id,
    )
    return row is not None


async def new_code(tx: Tx, entry_id: str, code_hash: str) -> None:
    """Give an entry another code, in place of what it had."""
    await tx.execute("UPDATE roster SET code_hash = $1 WHERE id = $2", code_hash, entry_id)


async def all_left(tx: Tx) -> frozenset[str]:
    """List the entries that newer lists no longer had."""
    rows = await tx.fetch("SELECT id FROM roster WHERE left_at IS NOT NULL")
    return frozenset(row["id"] for row in rows)


async def lock(tx: Tx, entry_id: str) -> bool:
    """Let others who change an entry wait until this transaction has ended; False if it is gone."""
    row = await tx.first("UPDATE roster SET id = id WHERE id = $1 RETURNING id", entry_id)
    return row is not None


async def persons(tx: Tx, entry_ids: Sequence[str]) -> list[str]:
    """List the persons who used the codes of these entries."""
    found = []
    for entry_id in entry_ids:
        person = await tx.value("SELECT person_id AS value FROM roster WHERE id = $1", entry_id)
        if person is not None:
            found.append(str(person))
    return found


async def leave(tx: Tx, entry_ids: Sequence[str], now: datetime | None) -> None:
    """Note when entries left the list; None if they are back."""
    at = None if now is None else to_ms(now)
    await tx.many("UPDATE roster SET left_at = $1 WHERE id = $2", [(at, one) for one in entry_ids])


async def gone_since(tx: Tx, before: datetime, limit: int) -> list[tuple[str, str | None]]:
    """List entries that left before a time, but for those under a hold: ID, and who used the code."""
    rows = await tx.fetch(
        "SELECT id, person_id FROM roster WHERE left_at <= $1 AND (person_id IS NULL OR person_id NOT IN"
        " (SELECT person_id FROM holds WHERE ended_at IS NULL AND person_id IS NOT NULL))"
        " ORDER BY left_at LIMIT $2",
        to_ms(before),
        limit,
    )
    return [(row["id"], row["person_id"]) for row in rows]


async def lists(tx: Tx, person_id: str, since: datetime) -> bool:
    """Say whether a person has an entry that did not leave the list before a time."""
    row = await tx.first(
        "SELECT id FROM roster WHERE person_id = $1 AND (left_at IS NULL OR left_at > $2) LIMIT 1",
        person_id,
        to_ms(since),
    )
    return row is not None


async def of_person(tx: Tx, person_id: str) -> list[str]:
    """List the entries whose code a person used."""
    rows = await tx.fetch("SELECT id FROM roster WHERE person_id = $1", person_id)
    return [row["id"] for row in rows]


async def remove(tx: Tx, entry_id: str) -> None:
    """Delete an entry."""
    await tx.execute("DELETE FROM roster WHERE id = $1", entry_id)
