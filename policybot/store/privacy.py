"""Legal holds, persons who asked to be forgotten, and links to an export."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from policybot.store.database import Row, Tx, from_ms, to_ms


@dataclass(frozen=True, slots=True)
class Hold:
    """A legal hold: until when nothing of somebody's may be erased, and why."""

    id: int
    user_id: str
    person_id: str | None
    reason: str
    placed_at: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Erasure:
    """A person who asked to be forgotten, and waits."""

    person_id: str
    accounts: tuple[str, ...]
    requested_at: datetime
    asked: bool
    """Whether it is their wish; else their time was over."""


async def add_hold(  # noqa: PLR0913 - the columns
    tx: Tx, *, user_id: str, person_id: str | None, reason: str, now: datetime, until: datetime
) -> None:
    """Place a hold."""
    await tx.execute(
        "INSERT INTO holds (user_id, person_id, reason, placed_at, until) VALUES ($1, $2, $3, $4, $5)",
        user_id,
        person_id,
        reason,
        to_ms(now),
        to_ms(until),
    )


async def holds_on(tx: Tx, user_id: str | None, person_id: str | None) -> list[Hold]:
    """List the holds on an account or its person that have not ended."""
    rows = await tx.fetch(
        "SELECT * FROM holds WHERE ended_at IS NULL AND (user_id = $1 OR person_id = $2) ORDER BY until",
        user_id,
        person_id,
    )
    return [_hold(row) for row in rows]


async def is_held(tx: Tx, user_id: str) -> bool:
    """Say whether a hold lies on an account or on anybody to whom it was linked."""
    row = await tx.first("SELECT 1 FROM held_accounts WHERE user_id = $1", user_id)
    return row is not None


async def holds_due(tx: Tx, now: datetime) -> list[Hold]:
    """List the holds whose time is over."""
    rows = await tx.fetch("SELECT * FROM holds WHERE ended_at IS NULL AND until <= $1", to_ms(now))
    return [_hold(row) for row in rows]


async def end_hold(tx: Tx, hold_id: int, why: str, now: datetime) -> None:
    """End a hold."""
    await tx.execute(
        "UPDATE holds SET ended_at = $1, end_reason = $2 WHERE id = $3 AND ended_at IS NULL",
        to_ms(now),
        why,
        hold_id,
    )


def _hold(row: Row) -> Hold:
    return Hold(
        id=row["id"],
        user_id=row["user_id"],
        person_id=row["person_id"],
        reason=row["reason"],
        placed_at=from_ms(row["placed_at"]),
        until=from_ms(row["until"]),
    )


async def add_erasure(tx: Tx, person_id: str, accounts: Sequence[str], now: datetime) -> None:
    """Remember that a person asked to be forgotten; asking twice changes nothing."""
    await tx.execute(
        "INSERT INTO erasures (person_id, accounts, requested_at) VALUES ($1, $2, $3)"
        " ON CONFLICT (person_id) DO UPDATE SET asked = 1",
        person_id,
        json.dumps(list(accounts)),
        to_ms(now),
    )


async def add_idle(tx: Tx, person_ids: Sequence[str], now: datetime) -> None:
    """Remember that persons are to be forgotten because their time is over."""
    await tx.many(
        "INSERT INTO erasures (person_id, accounts, requested_at, asked) VALUES ($1, '[]', $2, 0)"
        " ON CONFLICT (person_id) DO NOTHING",
        [(person_id, to_ms(now)) for person_id in person_ids],
    )


async def erasure(tx: Tx, person_id: str) -> Erasure | None:
    """Read somebody's wish to be forgotten, while it waits."""
    row = await tx.first("SELECT * FROM erasures WHERE person_id = $1 AND done_at IS NULL", person_id)
    return None if row is None else _erasure(row)


async def erasures_waiting(tx: Tx) -> list[Erasure]:
    """List the persons who wait to be forgotten, the longest first."""
    rows = await tx.fetch("SELECT * FROM erasures WHERE done_at IS NULL ORDER BY requested_at")
    return [_erasure(row) for row in rows]


async def drop_erasure(tx: Tx, person_id: str) -> None:
    """Forget a wish that was taken back."""
    await tx.execute("DELETE FROM erasures WHERE person_id = $1 AND done_at IS NULL", person_id)


async def erasure_done(tx: Tx, person_id: str, now: datetime) -> None:
    """Note that somebody is forgotten, and which accounts were theirs no more."""
    await tx.execute(
        "UPDATE erasures SET done_at = $1, accounts = '[]' WHERE person_id = $2", to_ms(now), person_id
    )


def _erasure(row: Row) -> Erasure:
    return Erasure(
        person_id=row["person_id"],
        accounts=tuple(json.loads(row["accounts"])),
        requested_at=from_ms(row["requested_at"]),
        asked=bool(row["asked"]),
    )


async def add_export(tx: Tx, token_hash: str, user_id: str, until: datetime) -> None:
    """Remember a link to an export."""
    await tx.execute(
        "INSERT INTO exports (token_hash, user_id, expires_at) VALUES ($1, $2, $3)",
        token_hash,
        user_id,
        to_ms(until),
    )


async def export_of(tx: Tx, token_hash: str, now: datetime) -> str | None:
    """Name whose export a link gives, without using it."""
    found = await tx.value(
        "SELECT user_id AS value FROM exports WHERE token_hash = $1 AND used_at IS NULL"
        " AND expires_at > $2",
        token_hash,
        to_ms(now),
    )
    return None if found is None else str(found)


async def use_export(tx: Tx, token_hash: str, now: datetime) -> str | None:
    """Use a link to an export up; None if it is used or its time is over."""
    found = await tx.value(
        "UPDATE exports SET used_at = $2 WHERE token_hash = $1 AND used_at IS NULL"
        " AND expires_at > $2 RETURNING user_id AS value",
        token_hash,
        to_ms(now),
    )
    return None if found is None else str(found)


async def drop_exports(tx: Tx, user_id: str) -> None:
    """Let somebody's links to an export open nothing."""
    await tx.execute("DELETE FROM exports WHERE user_id = $1", user_id)
