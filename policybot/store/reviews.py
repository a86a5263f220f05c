"""Reviews of filings: leases, questions and answers, ticks, and the links to a reviewer's page."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from policybot.domain.filing import Filing
from policybot.domain.review import Deadline, Review, Said, Tick, Word
from policybot.store import filings
from policybot.store.database import Row, Tx, from_ms, optional_ms, optional_time, span_ms, to_ms


async def lock(tx: Tx, filing_id: int) -> None:
    """Let others who act on a filing wait until this transaction has ended."""
    await tx.execute("UPDATE filings SET version = version WHERE id = $1", filing_id)


async def get(tx: Tx, filing_id: int) -> Review:
    """Read how far the review of a filing has come; one that nobody has touched is at its beginning."""
    row = await tx.first("SELECT * FROM reviews WHERE filing_id = $1", filing_id)
    return Review(filing_id) if row is None else _review(row)


async def of(tx: Tx, filing_ids: Sequence[int]) -> dict[int, Review]:
    """Read some reviews at once."""
    if not filing_ids:
        return {}
    marks = ", ".join(f"${n}" for n in range(1, len(filing_ids) + 1))
    rows = await tx.fetch(f"SELECT * FROM reviews WHERE filing_id IN ({marks})", *filing_ids)  # noqa: S608 - numbers alone
    known = {row["filing_id"]: _review(row) for row in rows}
    return {id_: known.get(id_, Review(id_)) for id_ in filing_ids}


async def save(tx: Tx, review: Review) -> None:
    """Save how far a review has come."""
    await tx.execute(
        "INSERT INTO reviews (filing_id, lease_until, asked_at, waited, told, told_at)"
        " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (filing_id) DO UPDATE SET"
        " lease_until = $2, asked_at = $3, waited = $4, told = $5, told_at = $6",
        review.filing_id,
        optional_ms(review.lease_until),
        optional_ms(review.asked_at),
        span_ms(review.waited),
        json.dumps(sorted(review.told)),
        optional_ms(review.told_at),
    )


async def run_out(tx: Tx, now: datetime, limit: int) -> list[Filing]:
    """List the filings whose reviewer's time is over."""
    rows = await tx.fetch(
        "SELECT f.id FROM filings f LEFT JOIN reviews r ON r.filing_id = f.id"
        " WHERE f.state IN ('in_review', 'needs_info') AND f.reviewer IS NOT NULL"
        " AND (r.lease_until IS NULL OR r.lease_until <= $1) ORDER BY f.id LIMIT $2",
        to_ms(now),
        limit,
    )
    return list((await filings.by_ids(tx, [row["id"] for row in rows])).values())


async def late(
    tx: Tx, spans: Mapping[Deadline, timedelta], now: datetime, limit: int
) -> list[tuple[Filing, Review]]:
    """List the filings for which a deadline has passed, the oldest first."""
    rows = await tx.fetch(
        "SELECT f.id FROM filings f LEFT JOIN reviews r ON r.filing_id = f.id"
        " WHERE (f.state = 'submitted' AND f.submitted_at <= $1)"
        " OR (f.state IN ('submitted', 'in_review') AND f.submitted_at + COALESCE(r.waited, 0) <= $2)"
        " OR (f.state = 'needs_info' AND r.asked_at <= $3) ORDER BY f.submitted_at, f.id LIMIT $4",
        to_ms(now - spans[Deadline.CLAIM]),
        to_ms(now - spans[Deadline.DECIDE]),
        to_ms(now - spans[Deadline.ANSWER]),
        limit,
    )
    ids = [row["id"] for row in rows]
    known, found = await filings.by_ids(tx, ids), await of(tx, ids)
    return [(known[id_], found[id_]) for id_ in ids]


# What is said and checked ------------------------------------------------------------------------


async def add_word(tx: Tx, filing_id: int, word: Word) -> None:
    """Keep a question or an answer."""
    await tx.execute(
        "INSERT INTO review_words (filing_id, kind, author, text, at) VALUES ($1, $2, $3, $4, $5)",
        filing_id,
        word.kind.value,
        word.author,
        word.text,
        to_ms(word.at),
    )


async def words(tx: Tx, filing_id: int) -> list[Word]:
    """List the questions and answers about a filing, oldest first."""
    rows = await tx.fetch("SELECT * FROM review_words WHERE filing_id = $1 ORDER BY id", filing_id)
    return [Word(Said(r["kind"]), r["author"], r["text"], from_ms(r["at"])) for r in rows]


async def tick(tx: Tx, filing_id: int, made: Tick) -> None:
    """Keep that somebody has checked a point."""
    await tx.execute(
        "INSERT INTO review_ticks (filing_id, point, by_user, at, binding) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (filing_id, point) DO UPDATE SET by_user = $3, at = $4, binding = $5",
        filing_id,
        made.point,
        made.by,
        to_ms(made.at),
        made.binding,
    )


async def untick(tx: Tx, filing_id: int, point: str) -> None:
    """Forget that a point was checked."""
    await tx.execute("DELETE FROM review_ticks WHERE filing_id = $1 AND point = $2", filing_id, point)


async def ticks(tx: Tx, filing_id: int) -> list[Tick]:
    """List which points were checked, whatever the application said then."""
    rows = await tx.fetch("SELECT * FROM review_ticks WHERE filing_id = $1", filing_id)
    return [Tick(r["point"], r["by_user"], from_ms(r["at"]), r["binding"]) for r in rows]


async def forget(tx: Tx, filing_ids: Sequence[int]) -> None:
    """Forget the reviews of filings whose time is over."""
    for table in ("reviews", "review_words", "review_ticks", "desks"):
        await tx.many(f"DELETE FROM {table} WHERE filing_id = $1", [(id_,) for id_ in filing_ids])  # noqa: S608 - our names


# Links to the page -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Desk:
    """What a link is good for."""

    filing_id: int
    reviewer: str
    purpose: str
    """`open`, once; or `work`, for as long as it lasts."""


async def add_desk(tx: Tx, token_hash: str, desk: Desk, expires_at: datetime) -> None:
    """Remember a link; those that its reviewer had before for the same are void."""
    await tx.execute(
        "DELETE FROM desks WHERE filing_id = $1 AND reviewer = $2 AND purpose = $3",
        desk.filing_id,
        desk.reviewer,
        desk.purpose,
    )
    await tx.execute(
        "INSERT INTO desks (token_hash, filing_id, reviewer, purpose, expires_at)"
        " VALUES ($1, $2, $3, $4, $5)",
        token_hash,
        desk.filing_id,
        desk.reviewer,
        desk.purpose,
        to_ms(expires_at),
    )


async def desk(tx: Tx, token_hash: str, purpose: str, now: datetime) -> Desk | None:
    """Read what a link is good for, without using it up."""
    row = await tx.first(
        "SELECT * FROM desks WHERE token_hash = $1 AND purpose = $2 AND expires_at > $3",
        token_hash,
        purpose,
        to_ms(now),
    )
    return None if row is None else Desk(row["filing_id"], row["reviewer"], row["purpose"])


async def take_desk(tx: Tx, token_hash: str) -> bool:
    """Use a link up; of two who try at the same time one gets it."""
    row = await tx.first("DELETE FROM desks WHERE token_hash = $1 RETURNING filing_id", token_hash)
    return row is not None


async def prolong_desk(tx: Tx, token_hash: str, until: datetime) -> None:
    """Let a link last for longer."""
    await tx.execute("UPDATE desks SET expires_at = $1 WHERE token_hash = $2", to_ms(until), token_hash)


async def forget_desks(tx: Tx, now: datetime) -> None:
    """Forget the links whose time is over."""
    await tx.execute("DELETE FROM desks WHERE expires_at <= $1", to_ms(now))


def _review(row: Row) -> Review:
    return Review(
        filing_id=row["filing_id"],
        lease_until=optional_time(row["lease_until"]),
        asked_at=optional_time(row["asked_at"]),
        waited=timedelta(milliseconds=row["waited"]),
        told=frozenset(map(Deadline, json.loads(row["told"]))),
        told_at=optional_time(row["told_at"]),
    )
