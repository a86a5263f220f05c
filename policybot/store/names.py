"""Front names of linked accounts, and which of them were found to look the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from policybot.domain.identity import Front
from policybot.store.database import Row, Tx, from_ms, optional_time, to_ms


@dataclass(frozen=True, slots=True)
class Name:
    """One name under which an account is seen."""

    user_id: str
    front: Front
    text: str
    """The display name; empty for a real name, which is in the vault alone."""
    look: str
    """The keyed hash of what the name looks like; empty if it looks like nothing."""
    since: datetime


async def save(tx: Tx, name: Name) -> None:
    """Save a name, in place of the one that the account had; the same one keeps its day."""
    await tx.execute(
        "INSERT INTO front_names (user_id, front, name, look, since) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (user_id, front) DO UPDATE SET name = $3, look = $4, since = CASE"
        " WHEN front_names.name = $3 AND front_names.look = $4 THEN front_names.since ELSE $5 END",
        name.user_id,
        name.front.value,
        name.text,
        name.look,
        to_ms(name.since),
    )


async def of(tx: Tx, user_id: str) -> Mapping[Front, Name]:
    """Read the names of an account."""
    rows = await tx.fetch("SELECT * FROM front_names WHERE user_id = $1", user_id)
    return {name.front: name for name in map(_name, rows)}


async def of_accounts(tx: Tx, user_ids: Sequence[str]) -> Mapping[str, Mapping[Front, Name]]:
    """Read the names of some accounts at once."""
    if not user_ids:
        return {}
    marks = ", ".join(f"${n}" for n in range(1, len(user_ids) + 1))
    rows = await tx.fetch(f"SELECT * FROM front_names WHERE user_id IN ({marks})", *user_ids)  # noqa: S608 - numbers alone
    found: dict[str, dict[Front, Name]] = {}
    for name in map(_name, rows):
        found.setdefault(name.user_id, {})[name.front] = name
    return found


async def owners(tx: Tx, looks: Sequence[str]) -> Mapping[str, set[str]]:
    """Name persons whose names look like each of these; two of one look, for that is enough."""
    if not looks:
        return {}
    marks = ", ".join(f"${n}" for n in range(1, len(looks) + 1))
    rows = await tx.fetch(
        "SELECT n.look, MIN(l.person_id) AS first, MAX(l.person_id) AS last FROM front_names n"  # noqa: S608 - numbers alone
        " JOIN links l ON l.user_id = n.user_id AND l.ended_at IS NULL"
        f" WHERE n.look IN ({marks}) AND n.look <> '' GROUP BY n.look",
        *looks,
    )
    return {row["look"]: {row["first"], row["last"]} for row in rows}


async def forget(tx: Tx, user_id: str, front: Front) -> None:
    """Forget one name of an account."""
    await tx.execute("DELETE FROM front_names WHERE user_id = $1 AND front = $2", user_id, front.value)


async def alike(tx: Tx, look: str, person_id: str, limit: int) -> list[Name]:
    """List the names of other persons that look the same, the oldest first."""
    rows = await tx.fetch(
        "SELECT n.* FROM front_names n JOIN links l ON l.user_id = n.user_id AND l.ended_at IS NULL"
        " WHERE n.look = $1 AND n.look <> '' AND l.person_id <> $2 ORDER BY n.since LIMIT $3",
        look,
        person_id,
        limit,
    )
    return [_name(row) for row in rows]


async def seen(tx: Tx, room_id: str, user_id: str) -> tuple[bool, str]:
    """Say whether a linked account is seen in a governed room, and under which name we know it."""
    row = await tx.first(
        "SELECT n.name FROM links l JOIN rooms r ON r.room_id = $1 AND r.kind = 'governed'"
        " LEFT JOIN front_names n ON n.user_id = l.user_id AND n.front = 'pseudonym'"
        " WHERE l.user_id = $2 AND l.ended_at IS NULL",
        room_id,
        user_id,
    )
    return row is not None, (row["name"] or "") if row is not None else ""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two accounts whose names look the same."""

    late: str
    """Whose name came too close to the other's."""
    early: str
    at: datetime


async def pair(tx: Tx, late: str, early: str, now: datetime) -> None:
    """Note that an account's name looks like another's, unless that is known of the two already."""
    first, second = sorted((late, early))
    await tx.execute(
        "INSERT INTO lookalikes (first, second, late, at) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT DO NOTHING",
        first,
        second,
        late,
        to_ms(now),
    )


async def part(tx: Tx, user_id: str, now: datetime) -> None:
    """Note of the pairs of an account which of them look the same no longer."""
    await tx.execute(
        "UPDATE lookalikes SET ended_at = $1 WHERE ended_at IS NULL AND (first = $2 OR second = $2)"
        " AND NOT EXISTS (SELECT 1 FROM front_names a JOIN front_names b ON b.look = a.look"
        " WHERE a.user_id = lookalikes.first AND b.user_id = lookalikes.second AND a.look <> ''"
        " AND NOT (a.front = 'real' AND b.front = 'real'))",
        to_ms(now),
        user_id,
    )


async def untold(tx: Tx, since: datetime, most: int, limit: int) -> list[Pair]:
    """List pairs that nobody was told of, oldest first, where `most` were not told since a time."""
    rows = await tx.fetch(
        "SELECT * FROM lookalikes p WHERE told_at IS NULL AND ended_at IS NULL"
        " AND (SELECT COUNT(*) FROM lookalikes t WHERE t.late = p.late AND t.told_at > $1) < $2"
        " ORDER BY at LIMIT $3",
        to_ms(since),
        most,
        limit,
    )
    return [
        Pair(
            late=row["late"],
            early=row["second"] if row["late"] == row["first"] else row["first"],
            at=from_ms(row["at"]),
        )
        for row in rows
    ]


async def told(tx: Tx, found: Pair, now: datetime) -> bool:
    """Note that a pair is being told of; False if it was told, or has parted, meanwhile."""
    first, second = sorted((found.late, found.early))
    row = await tx.first(
        "UPDATE lookalikes SET told_at = $1 WHERE first = $2 AND second = $3 AND ended_at IS NULL"
        " AND told_at IS NULL RETURNING at",
        to_ms(now),
        first,
        second,
    )
    return row is not None


async def told_since(tx: Tx, user_id: str, since: datetime) -> int:
    """Count of how many pairs was told in which somebody came too close."""
    return int(
        await tx.value(
            "SELECT COUNT(*) AS value FROM lookalikes WHERE late = $1 AND told_at > $2",
            user_id,
            to_ms(since),
        )
    )


async def since(tx: Tx, early: str, late: str) -> datetime | None:
    """Say since when an account has the name that another one's looks like."""
    found = await tx.value(
        "SELECT MIN(a.since) AS value FROM front_names a JOIN front_names b ON b.look = a.look"
        " WHERE a.user_id = $1 AND b.user_id = $2 AND a.look <> ''",
        early,
        late,
    )
    return optional_time(found)


def _name(row: Row) -> Name:
    return Name(
        user_id=row["user_id"],
        front=Front(row["front"]),
        text=row["name"],
        look=row["look"],
        since=from_ms(row["since"]),
    )
