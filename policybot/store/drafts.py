"""Drafts of filings: what was typed and not handed in, and the links to their forms, by their hash."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from policybot.store.database import Row, Tx, from_ms, to_ms


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody has typed into the form of a filing."""

    filing_id: int
    user_id: str
    typed: Mapping[str, str]
    changed_at: datetime
    earlier: int | None = None
    """The ended filing that this one follows."""


@dataclass(frozen=True, slots=True)
class Link:
    """A link to the form of a filing."""

    filing_id: int
    user_id: str
    made_at: datetime


async def save(tx: Tx, draft: Draft) -> None:
    """Save what was typed, in place of what was there."""
    await tx.execute(
        "INSERT INTO filing_drafts (filing_id, user_id, typed, changed_at, earlier)"
        " VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (filing_id) DO UPDATE SET typed = $3, changed_at = $4",
        draft.filing_id,
        draft.user_id,
        json.dumps(dict(draft.typed)),
        to_ms(draft.changed_at),
        draft.earlier,
    )


async def get(tx: Tx, filing_id: int) -> Draft | None:
    """Read what was typed for a filing."""
    row = await tx.first("SELECT * FROM filing_drafts WHERE filing_id = $1", filing_id)
    return None if row is None else _draft(row)


async def drop(tx: Tx, filing_id: int) -> None:
    """Forget what was typed for a filing: it was handed in."""
    await tx.execute("DELETE FROM filing_drafts WHERE filing_id = $1", filing_id)


async def unchanged(tx: Tx, before: datetime, limit: int) -> list[Draft]:
    """List what nobody has changed since before a time, unless it is under a hold."""
    rows = await tx.fetch(
        "SELECT * FROM filing_drafts WHERE changed_at <= $1"
        " AND user_id NOT IN (SELECT user_id FROM held_accounts) LIMIT $2",
        to_ms(before),
        limit,
    )
    return [_draft(row) for row in rows]


async def of_account(tx: Tx, user_id: str) -> list[Draft]:
    """List what was typed from an account."""
    rows = await tx.fetch("SELECT * FROM filing_drafts WHERE user_id = $1", user_id)
    return [_draft(row) for row in rows]


async def forget_filing(tx: Tx, filing_id: int) -> None:
    """Forget a filing that was never handed in, with all that belongs to it but its files."""
    for table in ("filing_drafts", "filing_links", "filing_states"):
        await tx.execute(f"DELETE FROM {table} WHERE filing_id = $1", filing_id)  # noqa: S608 - our names
    await tx.execute("DELETE FROM filings WHERE id = $1 AND state = 'draft'", filing_id)


# Links ---------------------------------------------------------------------------------------------


async def add_link(tx: Tx, token_hash: str, link: Link, expires_at: datetime) -> None:
    """Remember a link; earlier ones to the same form are void."""
    await tx.execute("DELETE FROM filing_links WHERE filing_id = $1", link.filing_id)
    await tx.execute(
        "INSERT INTO filing_links (token_hash, filing_id, user_id, made_at, expires_at)"
        " VALUES ($1, $2, $3, $4, $5)",
        token_hash,
        link.filing_id,
        link.user_id,
        to_ms(link.made_at),
        to_ms(expires_at),
    )


async def link(tx: Tx, token_hash: str, now: datetime) -> Link | None:
    """Read a link that still works."""
    row = await tx.first(
        "SELECT * FROM filing_links WHERE token_hash = $1 AND expires_at > $2", token_hash, to_ms(now)
    )
    return None if row is None else Link(row["filing_id"], row["user_id"], from_ms(row["made_at"]))


async def prolong(tx: Tx, token_hash: str, until: datetime) -> None:
    """Let a link work longer."""
    await tx.execute(
        "UPDATE filing_links SET expires_at = $1 WHERE token_hash = $2 AND expires_at < $1",
        to_ms(until),
        token_hash,
    )


async def drop_links(tx: Tx, user_id: str) -> None:
    """Let an account's links open nothing."""
    await tx.execute("DELETE FROM filing_links WHERE user_id = $1", user_id)


async def forget_links(tx: Tx, now: datetime) -> None:
    """Forget links whose time is over."""
    await tx.execute("DELETE FROM filing_links WHERE expires_at <= $1", to_ms(now))


def _draft(row: Row) -> Draft:
    return Draft(
        filing_id=row["filing_id"],
        user_id=row["user_id"],
        typed=json.loads(row["typed"]),
        changed_at=from_ms(row["changed_at"]),
        earlier=row["earlier"],
    )
