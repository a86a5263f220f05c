"""Who may publish where: what counts of an account, what rooms ask, whose right to post is taken."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from policybot.domain.publishing import STRANGER, Account, Obstacle
from policybot.domain.qualification import Right
from policybot.store.database import Row, Tx, from_ms, next_number, to_ms

CLOCK = "standing"
"""The counter that says how often anything of this changed."""
_MEANING = "standing_meaning"

_ACCOUNT = (
    "SELECT l.user_id, (SELECT COUNT(*) FROM verifications v WHERE v.person_id = l.person_id"
    " AND v.ended_at IS NULL) AS verified, (SELECT MAX(g.number) FROM acceptances a JOIN agreements g"
    " ON g.hash = a.agreement_hash WHERE a.user_id = l.user_id AND a.person_id = l.person_id) AS signed"
    ", (SELECT p.language FROM languages p WHERE p.user_id = l.user_id) AS language"
    " FROM links l WHERE l.ended_at IS NULL{one}"
    " UNION ALL SELECT p.user_id, 0, NULL, p.language FROM languages p WHERE NOT EXISTS"
    " (SELECT 1 FROM links l WHERE l.user_id = p.user_id AND l.ended_at IS NULL){other}"
)
_EVERYBODY = _ACCOUNT.format(one="", other="")
_ONE = _ACCOUNT.format(one=" AND l.user_id = $1", other=" AND p.user_id = $1")
_QUALIFIED = (
    "SELECT f.room_id, q.kind, q.rights FROM qualifications q JOIN filings f ON f.id = q.filing_id"
    " WHERE q.state = 'granted' AND q.valid_until > $1"
)
_ROOM = (
    "SELECT r.room_id, f.categories, f.state FROM rooms r JOIN filings f ON f.room_id = r.room_id"
    " WHERE r.kind = 'governed' AND f.state IN ('approved', 'renewal_due', 'suspended', 'expired')"
)


class How(StrEnum):
    """What was done about somebody who may not publish."""

    TAKEN = "taken"
    """Their right to post was taken."""
    TOLD = "told"
    """Rank forbids that: people were told instead."""
    DRY = "dry"
    """Nothing, in a dry run."""


@dataclass(frozen=True, slots=True)
class Restriction:
    """One right to post that is taken until its holder verifies or signs."""

    user_id: str
    room_id: str
    reason: Obstacle
    how: How
    since: datetime


@dataclass(frozen=True, slots=True)
class Place:
    """What is on record of a governed room."""

    categories: tuple[str, ...]
    suspended: bool = False
    qualified: tuple[str, ...] = ()
    """The subjects on which it may publish today."""


async def account(tx: Tx, user_id: str) -> Account:
    """Read what counts of an account."""
    row = await tx.first(_ONE, user_id)
    return STRANGER if row is None else _account(row)


async def accounts(tx: Tx) -> dict[str, Account]:
    """Read what counts of every account that is linked, or whose owner has chosen a language."""
    return {row["user_id"]: _account(row) for row in await tx.fetch(_EVERYBODY)}


async def place(tx: Tx, room_id: str, now: datetime) -> Place | None:
    """Read what is on record of a governed room; None if it is none."""
    row = await tx.first(f"{_ROOM} AND r.room_id = $1", room_id)
    if row is None:
        return None
    return _place(row, await tx.fetch(f"{_QUALIFIED} AND f.room_id = $2", to_ms(now), room_id))


async def places(tx: Tx, now: datetime) -> dict[str, Place]:
    """Read what is on record of every governed room."""
    granted: dict[str, list[Row]] = {}
    for row in await tx.fetch(_QUALIFIED, to_ms(now)):
        granted.setdefault(row["room_id"], []).append(row)
    rows = await tx.fetch(_ROOM)
    return {row["room_id"]: _place(row, granted.get(row["room_id"], ())) for row in rows}


# Restrictions --------------------------------------------------------------------------------------


async def add(tx: Tx, restriction: Restriction) -> None:
    """Remember that a right was taken."""
    await tx.execute(
        "INSERT INTO standing_restrictions (user_id, room_id, reason, how, since)"
        " VALUES ($1, $2, $3, $4, $5)",
        restriction.user_id,
        restriction.room_id,
        restriction.reason.value,
        restriction.how.value,
        to_ms(restriction.since),
    )


async def save(tx: Tx, restriction: Restriction) -> None:
    """Remember since when a right is taken."""
    await tx.execute(
        "UPDATE standing_restrictions SET since = $1 WHERE user_id = $2 AND room_id = $3",
        to_ms(restriction.since),
        restriction.user_id,
        restriction.room_id,
    )


async def remove(tx: Tx, restriction: Restriction) -> None:
    """Forget it once the right is given back."""
    await tx.execute(
        "DELETE FROM standing_restrictions WHERE user_id = $1 AND room_id = $2",
        restriction.user_id,
        restriction.room_id,
    )


async def move(tx: Tx, former: str, room_id: str) -> None:
    """Let what is taken in a room be taken in the one that replaces it."""
    await tx.execute("UPDATE standing_restrictions SET room_id = $1 WHERE room_id = $2", room_id, former)


async def of_account(tx: Tx, user_id: str) -> list[Restriction]:
    """List what is taken from an account."""
    rows = await tx.fetch(
        "SELECT * FROM standing_restrictions WHERE user_id = $1 ORDER BY room_id", user_id
    )
    return [_restriction(row) for row in rows]


async def in_room(tx: Tx, room_id: str) -> list[Restriction]:
    """List what is taken in a room."""
    rows = await tx.fetch(
        "SELECT * FROM standing_restrictions WHERE room_id = $1 ORDER BY user_id", room_id
    )
    return [_restriction(row) for row in rows]


async def rooms_beside(tx: Tx, room_id: str) -> list[str]:
    """List the rooms in which something is taken from those from whom it is in a room."""
    rows = await tx.fetch(
        "SELECT DISTINCT o.room_id FROM standing_restrictions r"
        " JOIN standing_restrictions o ON o.user_id = r.user_id WHERE r.room_id = $1",
        room_id,
    )
    return [row["room_id"] for row in rows]


async def restrictions(tx: Tx) -> list[Restriction]:
    """List everything that is taken."""
    rows = await tx.fetch("SELECT * FROM standing_restrictions")
    return [_restriction(row) for row in rows]


async def forget_dry(tx: Tx) -> None:
    """Forget what was only recorded in a dry run, now that it is none."""
    await tx.execute("DELETE FROM standing_restrictions WHERE how = 'dry'")


# Changes, for the memory of every process ----------------------------------------------------------


async def changed(tx: Tx, subject: str, now: datetime) -> int:
    """Note that something has to be read again; others who note something wait for our commit."""
    number = await next_number(tx, CLOCK)
    await tx.execute(
        "INSERT INTO standing_changes (number, subject, at) VALUES ($1, $2, $3)",
        number,
        subject,
        to_ms(now),
    )
    tx.noted = True
    return number


async def means(tx: Tx, meaning: int) -> bool:
    """Keep what the configuration makes of the records, as a number; say whether it was another."""
    row = await tx.first(
        "INSERT INTO counters (name, value) VALUES ($1, $2) ON CONFLICT (name)"
        " DO UPDATE SET value = excluded.value WHERE counters.value <> excluded.value RETURNING value",
        _MEANING,
        meaning,
    )
    return row is not None


async def clock(tx: Tx) -> int:
    """Say how often anything changed."""
    return int(await tx.value("SELECT value FROM counters WHERE name = $1", CLOCK) or 0)


async def changes(tx: Tx, after: int, limit: int = 2**31) -> dict[int, str]:
    """List what changed since, by its number; the oldest if there is more than the limit."""
    rows = await tx.fetch(
        "SELECT number, subject FROM standing_changes WHERE number > $1 ORDER BY number LIMIT $2",
        after,
        limit,
    )
    return {int(row["number"]): row["subject"] for row in rows}


async def leap(tx: Tx, now: datetime) -> None:
    """Let the clock go on from the time of day, beyond what was ever counted, in lost records too."""
    await tx.execute(
        "INSERT INTO counters (name, value) VALUES ($1, $2) ON CONFLICT (name)"
        " DO UPDATE SET value = excluded.value WHERE counters.value < excluded.value",
        CLOCK,
        to_ms(now),
    )


async def has_changed(tx: Tx, subject: str) -> bool:
    """Say whether something was noted, and is not forgotten yet."""
    found = await tx.first("SELECT 1 AS found FROM standing_changes WHERE subject = $1", subject)
    return found is not None


async def forget_before(tx: Tx, at: datetime) -> None:
    """Forget changes that every process has seen; one that has not reads everything anew."""
    await tx.execute("DELETE FROM standing_changes WHERE at < $1", to_ms(at))


def _place(row: Row, granted: Sequence[Row]) -> Place:
    may = {one["kind"] for one in granted if Right.PUBLISH in json.loads(one["rights"])}
    categories = tuple(json.loads(row["categories"]))
    return Place(categories, row["state"] == "suspended", tuple(sorted(may)))


def _account(row: Row) -> Account:
    # The gate's sentences are written in languages, not in their regional forms (de-ch).
    language = (row["language"] or "").partition("-")[0]
    return Account(bool(row["verified"]), int(row["signed"] or 0), language)


def _restriction(row: Row) -> Restriction:
    return Restriction(
        user_id=row["user_id"],
        room_id=row["room_id"],
        reason=Obstacle(row["reason"]),
        how=How(row["how"]),
        since=from_ms(row["since"]),
    )
