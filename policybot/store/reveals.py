"""Requests to reveal a name: who asked, who agreed, and the link that opens it once."""

from datetime import datetime

from policybot.domain.reveal import Reason, Reveal, State
from policybot.store.database import Row, Stale, Tx, from_ms, to_ms


async def add(tx: Tx, reveal: Reveal) -> None:
    """Save a new request."""
    await tx.execute(
        "INSERT INTO reveals (id, case_id, person_id, user_id, requester, role, reason, note, state,"
        " requested_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        reveal.id,
        reveal.case_id,
        reveal.person_id,
        reveal.user_id,
        reveal.requester,
        reveal.role,
        reveal.reason.dump(),
        reveal.note,
        reveal.state.value,
        to_ms(reveal.requested_at),
    )


async def get(tx: Tx, reveal_id: int) -> Reveal | None:
    """Read a request."""
    row = await tx.first("SELECT * FROM reveals WHERE id = $1", reveal_id)
    return None if row is None else _reveal(row)


async def running(tx: Tx, person_id: str, case_id: int) -> Reveal | None:
    """Read the request about a person in a case that waits, or was approved and not opened."""
    row = await tx.first(
        "SELECT * FROM reveals WHERE person_id = $1 AND case_id = $2"
        " AND state IN ('requested', 'approved')",
        person_id,
        case_id,
    )
    return None if row is None else _reveal(row)


async def requested_since(tx: Tx, requester: str, since: datetime) -> int:
    """Count somebody's requests."""
    return int(
        await tx.value(
            "SELECT COUNT(*) AS value FROM reveals WHERE requester = $1 AND requested_at > $2",
            requester,
            to_ms(since),
        )
    )


async def approve(tx: Tx, reveal: Reveal, approver: str, now: datetime) -> None:
    """Note who agreed.

    Raises:
        Stale: it no longer waits.
    """
    row = await tx.first(
        "UPDATE reveals SET state = 'approved', approver = $1, approved_at = $2,"
        " version = version + 1 WHERE id = $3 AND state = 'requested' RETURNING id",
        approver,
        to_ms(now),
        reveal.id,
    )
    if row is None:
        raise Stale(reveal.number)


async def end(tx: Tx, reveal_id: int, state: State) -> None:
    """Note that a request came to nothing."""
    await tx.execute(
        "UPDATE reveals SET state = $1, token_hash = NULL, version = version + 1"
        " WHERE id = $2 AND state = 'requested'",
        state.value,
        reveal_id,
    )


async def end_all(tx: Tx, person_id: str) -> None:
    """End all requests about a person who is being forgotten."""
    await tx.execute(
        "UPDATE reveals SET state = 'lapsed', token_hash = NULL, version = version + 1"
        " WHERE person_id = $1 AND state IN ('requested', 'approved')",
        person_id,
    )


async def save_link(tx: Tx, reveal_id: int, token_hash: str, until: datetime) -> None:
    """Remember the link that opens an approved request, in place of an earlier one."""
    await tx.execute(
        "UPDATE reveals SET token_hash = $1, link_until = $2 WHERE id = $3 AND state = 'approved'",
        token_hash,
        to_ms(until),
        reveal_id,
    )


async def by_link(tx: Tx, token_hash: str, now: datetime) -> Reveal | None:
    """Read what a link would open, without using it."""
    row = await tx.first(
        "SELECT * FROM reveals WHERE token_hash = $1 AND state = 'approved' AND link_until > $2",
        token_hash,
        to_ms(now),
    )
    return None if row is None else _reveal(row)


async def open_by_link(tx: Tx, token_hash: str, now: datetime) -> Reveal | None:
    """Use a link up; None if it was used, or its time is over. Of two at once, one gets it."""
    row = await tx.first(
        "UPDATE reveals SET state = 'opened', opened_at = $2, token_hash = NULL, version = version + 1"
        " WHERE token_hash = $1 AND state = 'approved' AND link_until > $2 RETURNING *",
        token_hash,
        to_ms(now),
    )
    return None if row is None else _reveal(row)


async def is_open(tx: Tx, reveal_id: int) -> bool:
    """Say whether it is on record that a reveal is being opened, and not yet that it was."""
    row = await tx.first(
        "SELECT id FROM reveals WHERE id = $1 AND state = 'opened' AND done_at IS NULL", reveal_id
    )
    return row is not None


async def done(tx: Tx, reveal_id: int, now: datetime) -> None:
    """Note that what was opened has been shown."""
    await tx.execute(
        "UPDATE reveals SET done_at = $1 WHERE id = $2 AND done_at IS NULL", to_ms(now), reveal_id
    )


async def unfinished(tx: Tx, opened_before: datetime, now: datetime) -> list[Reveal]:
    """List reveals that were opened, and of which nothing more was heard; each once."""
    rows = await tx.fetch(
        "UPDATE reveals SET alarmed_at = $1 WHERE state = 'opened' AND done_at IS NULL"
        " AND alarmed_at IS NULL AND opened_at < $2 RETURNING *",
        to_ms(now),
        to_ms(opened_before),
    )
    return [_reveal(row) for row in rows]


async def lapse(tx: Tx, approved_before: datetime) -> list[Reveal]:
    """End approved requests that nobody opened in time."""
    rows = await tx.fetch(
        "UPDATE reveals SET state = 'lapsed', token_hash = NULL, version = version + 1"
        " WHERE state = 'approved' AND approved_at < $1 RETURNING *",
        to_ms(approved_before),
    )
    return [_reveal(row) for row in rows]


def _reveal(row: Row) -> Reveal:
    return Reveal(
        id=row["id"],
        case_id=row["case_id"],
        person_id=row["person_id"],
        user_id=row["user_id"],
        requester=row["requester"],
        role=row["role"],
        reason=Reason.load(row["reason"]),
        note=row["note"],
        state=State(row["state"]),
        requested_at=from_ms(row["requested_at"]),
        approver=row["approver"],
        version=row["version"],
    )
