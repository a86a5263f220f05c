"""Openings of documents: one-time links, each for one reviewer and one purpose, by their hash."""

from dataclasses import dataclass
from datetime import datetime

from policybot.store.database import Tx, to_ms


@dataclass(frozen=True, slots=True)
class Opening:
    """What a link is good for."""

    document_id: int
    reviewer: str
    purpose: str
    """`open`, `decide`, or the number of a picture."""


async def add(tx: Tx, token_hash: str, opening: Opening, expires_at: datetime) -> None:
    """Remember a link."""
    await tx.execute(
        "INSERT INTO openings (token_hash, document_id, reviewer, purpose, expires_at)"
        " VALUES ($1, $2, $3, $4, $5)",
        token_hash,
        opening.document_id,
        opening.reviewer,
        opening.purpose,
        to_ms(expires_at),
    )


async def get(tx: Tx, token_hash: str, now: datetime) -> Opening | None:
    """Read what a link is good for, without using it up."""
    row = await tx.first(
        "SELECT * FROM openings WHERE token_hash = $1 AND expires_at > $2", token_hash, to_ms(now)
    )
    return None if row is None else Opening(row["document_id"], row["reviewer"], row["purpose"])


async def take(tx: Tx, token_hash: str, now: datetime) -> Opening | None:
    """Use a link up; of two who try at the same time one gets it."""
    row = await tx.first(
        "DELETE FROM openings WHERE token_hash = $1 AND expires_at > $2 RETURNING *",
        token_hash,
        to_ms(now),
    )
    return None if row is None else Opening(row["document_id"], row["reviewer"], row["purpose"])


async def drop(tx: Tx, document_id: int, reviewer: str) -> None:
    """Forget a reviewer's links to a document: a new one takes their place."""
    await tx.execute(
        "DELETE FROM openings WHERE document_id = $1 AND reviewer = $2", document_id, reviewer
    )


async def forget_before(tx: Tx, now: datetime) -> None:
    """Forget links whose time is over."""
    await tx.execute("DELETE FROM openings WHERE expires_at <= $1", to_ms(now))
