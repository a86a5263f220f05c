"""Links of moderators to their pages, the pages that are in use, and how much else waits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from policybot.store.database import Tx, from_ms, to_ms


@dataclass(frozen=True, slots=True)
class Console:
    """What a link or the address of a page is good for."""

    moderator: str
    purpose: str
    """`open`, once; or `work`, for as long as it lasts."""
    case_id: int | None
    """At which case it opens."""
    ends_at: datetime
    """When it ends, however much it is used."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """How much waits beside the cases."""

    filings: int
    qualifications: int
    appeals: int
    documents: int


async def add(tx: Tx, token_hash: str, console: Console, expires_at: datetime) -> None:
    """Remember a link or a page; a link voids those that its moderator had before."""
    if console.purpose == "open":
        await tx.execute(
            "DELETE FROM consoles WHERE moderator = $1 AND purpose = 'open'", console.moderator
        )
    await tx.execute(
        "INSERT INTO consoles (token_hash, moderator, purpose, case_id, expires_at, ends_at)"
        " VALUES ($1, $2, $3, $4, $5, $6)",
        token_hash,
        console.moderator,
        console.purpose,
        console.case_id,
        to_ms(expires_at),
        to_ms(console.ends_at),
    )


async def get(tx: Tx, token_hash: str, purpose: str, now: datetime) -> Console | None:
    """Read what a link is good for now, without using it up."""
    row = await tx.first(
        "SELECT * FROM consoles WHERE token_hash = $1 AND purpose = $2 AND expires_at > $3"
        " AND ends_at > $3",
        token_hash,
        purpose,
        to_ms(now),
    )
    if row is None:
        return None
    return Console(row["moderator"], row["purpose"], row["case_id"], from_ms(row["ends_at"]))


async def take(tx: Tx, token_hash: str) -> bool:
    """Use a link up; of two who try at the same time one gets it."""
    row = await tx.first("DELETE FROM consoles WHERE token_hash = $1 RETURNING moderator", token_hash)
    return row is not None


async def prolong(tx: Tx, token_hash: str, until: datetime) -> None:
    """Let a page last for longer, because it is used."""
    await tx.execute(
        "UPDATE consoles SET expires_at = $1 WHERE token_hash = $2", to_ms(until), token_hash
    )


async def close(tx: Tx, moderator: str) -> int:
    """Forget all links and pages of a moderator; return how many pages were in use."""
    rows = await tx.fetch("DELETE FROM consoles WHERE moderator = $1 RETURNING purpose", moderator)
    return sum(row["purpose"] == "work" for row in rows)


async def forget(tx: Tx, now: datetime) -> None:
    """Forget the links and pages whose time is over."""
    await tx.execute("DELETE FROM consoles WHERE expires_at <= $1 OR ends_at <= $1", to_ms(now))


async def waiting(tx: Tx) -> Waiting:
    """Count what waits beside the cases."""
    row = await tx.first(
        "SELECT (SELECT COUNT(*) FROM filings WHERE state IN ('submitted', 'in_review')) AS filings,"
        " (SELECT COUNT(*) FROM qualifications WHERE state = 'claimed') AS qualifications,"
        " (SELECT COUNT(*) FROM appeals WHERE state = 'submitted') AS appeals,"
        " (SELECT COUNT(*) FROM documents WHERE state = 'waiting') AS documents"
    )
    assert row is not None
    return Waiting(row["filings"], row["qualifications"], row["appeals"], row["documents"])


async def held(tx: Tx, moderator: str, limit: int) -> list[int]:
    """List the cases that somebody has claimed, whether the claim still holds or not, oldest first."""
    rows = await tx.fetch(
        "SELECT id FROM cases WHERE state = 'claimed' AND assignee = $1 ORDER BY opened_at, id LIMIT $2",
        moderator,
        limit,
    )
    return [row["id"] for row in rows]


async def proposed(tx: Tx, limit: int) -> list[int]:
    """List the cases in which a decision waits for its confirmation, oldest first."""
    rows = await tx.fetch(
        "SELECT id FROM cases WHERE state = 'pending_approval' ORDER BY opened_at, id LIMIT $1", limit
    )
    return [row["id"] for row in rows]


async def reports(tx: Tx, case_ids: Sequence[int]) -> dict[int, int]:
    """Count the reports in some cases; one without any is left out."""
    rows = await tx.fetch(
        f"SELECT case_id, COUNT(*) AS number FROM reports WHERE case_id IN ({_marks(case_ids)})"  # noqa: S608 - numbers alone
        " GROUP BY case_id",
        *case_ids,
    )
    return {row["case_id"]: int(row["number"]) for row in rows}


async def given_time(tx: Tx, case_ids: Sequence[int]) -> dict[int, datetime]:
    """Say of some cases until when their room's owner has time to put something right, if they have."""
    rows = await tx.fetch(
        f"SELECT case_id, until FROM cures WHERE state = 'running' AND case_id IN ({_marks(case_ids)})",  # noqa: S608 - numbers alone
        *case_ids,
    )
    return {row["case_id"]: from_ms(row["until"]) for row in rows}


def _marks(values: Sequence[int]) -> str:
    return ", ".join(f"${n}" for n in range(1, len(values) + 1)) or "NULL"
