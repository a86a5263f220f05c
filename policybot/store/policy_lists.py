"""Policy lists of others: what stands in them, how old that is, and whom they named here."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from policybot.domain.policy_list import Kind, Rule, hashed
from policybot.store.database import Row, Tx, from_ms, optional_time, to_ms

_AT_ONCE = 400
"""Entities of one question."""


@dataclass(frozen=True, slots=True)
class Watched:
    """One list as it is known."""

    name: str
    room: str
    room_id: str | None
    asked_at: datetime | None
    read_at: datetime | None
    away_since: datetime | None
    problem: str
    left_out: int
    opened: int
    held_back: int


@dataclass(frozen=True, slots=True)
class Named:
    """That a list names an entity by a rule."""

    list_name: str
    rule: Rule
    since: datetime


@dataclass(frozen=True, slots=True)
class Counts:
    """How many rules of a list are known."""

    of_kind: Mapping[Kind, int]
    hashed: int
    ignored: int


async def keep(tx: Tx, wanted: Mapping[str, str], now: datetime) -> list[Watched]:
    """Watch lists by their names and rooms; forget those that are watched no more, and return them."""
    known = await every(tx)
    gone = [one for one in known if one.room != wanted.get(one.name)]
    if not gone and len(known) == len(wanted):
        return []
    for one in gone:
        await tx.execute("DELETE FROM policy_list_rules WHERE list_name = $1", one.name)
        await tx.execute("DELETE FROM policy_list_hits WHERE list_name = $1", one.name)
        await tx.execute("DELETE FROM policy_lists WHERE name = $1", one.name)
    await tx.many(
        "INSERT INTO policy_lists (name, room, look_at, problem, left_out, day, opened, held_on,"
        " held_back) VALUES ($1, $2, $3, '', 0, 0, 0, 0, 0) ON CONFLICT (name) DO NOTHING",
        [(name, wanted[name], to_ms(now)) for name in sorted(wanted)],
    )
    return gone


async def every(tx: Tx) -> list[Watched]:
    """List the lists by their names."""
    return [_watched(row) for row in await tx.fetch("SELECT * FROM policy_lists ORDER BY name")]


async def get(tx: Tx, name: str) -> Watched | None:
    """Read a list."""
    row = await tx.first("SELECT * FROM policy_lists WHERE name = $1", name)
    return None if row is None else _watched(row)


async def take_due(tx: Tx, now: datetime, stamp: datetime) -> Watched | None:
    """Take the list that has waited longest; it is nobody else's until the stamp."""
    row = await tx.first(
        "UPDATE policy_lists SET look_at = $1 WHERE name = (SELECT name FROM policy_lists"
        " WHERE look_at <= $2 ORDER BY look_at LIMIT 1) AND look_at <= $2 RETURNING *",
        to_ms(stamp),
        to_ms(now),
    )
    return None if row is None else _watched(row)


async def look_at(tx: Tx, name: str, at: datetime) -> None:
    """Let a list be read at some time, if it is not read sooner."""
    await tx.execute(
        "UPDATE policy_lists SET look_at = $1 WHERE name = $2 AND look_at > $1", to_ms(at), name
    )


async def look_at_all(tx: Tx, at: datetime) -> None:
    """Let all lists be read at some time, if they are not read sooner."""
    await tx.execute("UPDATE policy_lists SET look_at = $1 WHERE look_at > $1", to_ms(at))


async def asked(tx: Tx, name: str, now: datetime) -> None:
    """Note that the bot tries to enter a list."""
    await tx.execute("UPDATE policy_lists SET asked_at = $1 WHERE name = $2", to_ms(now), name)


async def try_again(tx: Tx, now: datetime) -> None:
    """Let the lists that the bot is not in be entered as if nobody had tried."""
    await tx.execute(
        "UPDATE policy_lists SET asked_at = NULL, look_at = $1 WHERE room_id IS NULL", to_ms(now)
    )


async def entered(tx: Tx, name: str, room_id: str, now: datetime) -> None:
    """Note that the bot is in the room of a list; it is read next."""
    await tx.execute(
        "UPDATE policy_lists SET room_id = $1, look_at = $2 WHERE name = $3", room_id, to_ms(now), name
    )


async def left(tx: Tx, room_id: str, now: datetime) -> None:
    """Note that the bot has left a room; a list that is watched there after all is entered anew."""
    await tx.execute(
        "UPDATE policy_lists SET room_id = NULL, asked_at = NULL, look_at = $1 WHERE room_id = $2",
        to_ms(now),
        room_id,
    )


async def away(tx: Tx, name: str, problem: str, now: datetime, *, gone: bool = False) -> bool:
    """Note that a list cannot be read; True if that is new. It is `gone` if the bot is not in it."""
    row = await tx.first(
        "UPDATE policy_lists SET problem = $1, away_since = $2,"
        " room_id = CASE WHEN $3 = 1 THEN NULL ELSE room_id END"
        " WHERE name = $4 AND (away_since IS NULL OR ($3 = 1 AND room_id IS NOT NULL)) RETURNING name",
        problem,
        to_ms(now),
        int(gone),
        name,
    )
    return row is not None


async def was_read(tx: Tx, name: str, left_out: int, now: datetime, next_at: datetime) -> None:
    """Note that a list was read as a whole."""
    await tx.execute(
        "UPDATE policy_lists SET read_at = $1, look_at = $2, left_out = $3, away_since = NULL,"
        " problem = '' WHERE name = $4",
        to_ms(now),
        to_ms(next_at),
        left_out,
        name,
    )


# Rules -------------------------------------------------------------------------------------------


async def rules(tx: Tx, name: str) -> dict[tuple[Kind, str], Rule]:
    """Read all rules of a list by what they name and their keys."""
    rows = await tx.fetch("SELECT * FROM policy_list_rules WHERE list_name = $1", name)
    return {(rule.kind, rule.key): rule for rule in map(_rule, rows)}


async def rule(tx: Tx, name: str, kind: Kind, key: str) -> Rule | None:
    """Read one rule."""
    row = await tx.first(
        "SELECT * FROM policy_list_rules WHERE list_name = $1 AND kind = $2 AND state_key = $3",
        name,
        kind.value,
        key,
    )
    return None if row is None else _rule(row)


async def put(tx: Tx, name: str, made: Iterable[Rule], now: datetime) -> None:
    """Save rules, or what they have become."""
    await tx.many(
        "INSERT INTO policy_list_rules (list_name, kind, state_key, entity, wild, tail, reason,"
        " takedown, ignored, since) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
        " ON CONFLICT (list_name, kind, state_key) DO UPDATE SET entity = $4, wild = $5, tail = $6,"
        " reason = $7, takedown = $8, ignored = $9,"
        " since = CASE WHEN policy_list_rules.entity = $4 THEN policy_list_rules.since ELSE $10 END",
        [
            (
                *(name, one.kind.value, one.key, one.entity, int(one.wild), one.tail, one.reason),
                *(int(one.takedown), one.ignored, to_ms(now)),
            )
            for one in made
        ],
    )


async def remove(tx: Tx, name: str, gone: Iterable[Rule]) -> None:
    """Forget rules that stand there no more."""
    await tx.many(
        "DELETE FROM policy_list_rules WHERE list_name = $1 AND kind = $2 AND state_key = $3",
        [(name, one.kind.value, one.key) for one in gone],
    )


async def naming(tx: Tx, kind: Kind, entities: Sequence[str]) -> list[tuple[str, Named]]:
    """Find the rules that name entities outright or by their hash; each with the entity."""
    found = []
    for start in range(0, len(entities), _AT_ONCE):
        known = {key: one for one in entities[start : start + _AT_ONCE] for key in (one, hashed(one))}
        marks = ", ".join(f"${n}" for n in range(2, len(known) + 2))
        rows = await tx.fetch(
            "SELECT * FROM policy_list_rules WHERE kind = $1 AND wild = 0 AND ignored = ''"  # noqa: S608 - numbers alone
            f" AND entity IN ({marks}) ORDER BY list_name, state_key",
            kind.value,
            *known,
        )
        found += [(known[row["entity"]], _named(row)) for row in rows]
    return found


async def globs(tx: Tx, kind: Kind, servers: Iterable[str]) -> list[Named]:
    """List the globs that may name something of some servers."""
    tails = sorted({"", *servers})
    found = []
    for start in range(0, len(tails), _AT_ONCE):
        some = tails[start : start + _AT_ONCE]
        marks = ", ".join(f"${n}" for n in range(2, len(some) + 2))
        rows = await tx.fetch(
            "SELECT * FROM policy_list_rules WHERE kind = $1 AND wild = 1 AND ignored = ''"  # noqa: S608 - as above
            f" AND tail IN ({marks}) ORDER BY list_name, state_key",
            kind.value,
            *some,
        )
        found += [_named(row) for row in rows]
    return found


async def counts(tx: Tx, name: str) -> Counts:
    """Count the rules of a list."""
    rows = await tx.fetch(
        "SELECT kind, COUNT(*) AS number, SUM(CASE WHEN entity LIKE 'sha256:%' THEN 1 ELSE 0 END)"
        " AS hashes, SUM(CASE WHEN ignored <> '' THEN 1 ELSE 0 END) AS ignored"
        " FROM policy_list_rules WHERE list_name = $1 GROUP BY kind",
        name,
    )
    return Counts(
        {Kind(row["kind"]): int(row["number"]) for row in rows},
        sum(int(row["hashes"]) for row in rows),
        sum(int(row["ignored"]) for row in rows),
    )


# Whom they named ---------------------------------------------------------------------------------


async def due_rooms(tx: Tx, before: datetime, limit: int) -> list[str]:
    """List governed rooms that were not compared since a rule came, nor lately."""
    rows = await tx.fetch(
        "SELECT r.room_id FROM rooms r LEFT JOIN policy_list_looks l ON l.room_id = r.room_id"
        " WHERE r.kind = 'governed' AND EXISTS (SELECT 1 FROM policy_list_rules)"
        " AND (l.at IS NULL OR (l.at < $1 AND l.at <= (SELECT MAX(since) FROM policy_list_rules)))"
        " ORDER BY COALESCE(l.at, 0), r.room_id LIMIT $2",
        to_ms(before),
        limit,
    )
    return [row["room_id"] for row in rows]


async def looked(tx: Tx, room_id: str, now: datetime) -> None:
    """Note that a room is compared."""
    await tx.execute(
        "INSERT INTO policy_list_looks (room_id, at) VALUES ($1, $2)"
        " ON CONFLICT (room_id) DO UPDATE SET at = $2",
        room_id,
        to_ms(now),
    )


async def look_anew(tx: Tx, day: int) -> bool:
    """Let all rooms be compared again because a list was held back on an earlier day; say whether."""
    row = await tx.first(
        "UPDATE policy_lists SET held_back = 0 WHERE held_back > 0 AND held_on < $1 RETURNING name", day
    )
    if row is not None:
        await tx.execute("DELETE FROM policy_list_looks")
    return row is not None


async def meet(tx: Tx, name: str, entity: str, subject: str, now: datetime) -> bool:
    """Note that a list names somebody who is here; False if that is known."""
    row = await tx.first(
        "INSERT INTO policy_list_hits (list_name, entity, subject, at) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (list_name, entity, subject) DO NOTHING RETURNING subject",
        name,
        entity,
        subject,
        to_ms(now),
    )
    return row is not None


async def is_met(tx: Tx, name: str, entity: str, subject: str) -> bool:
    """Say whether it is known that a list names somebody who is here."""
    row = await tx.first(
        "SELECT 1 FROM policy_list_hits WHERE list_name = $1 AND entity = $2 AND subject = $3",
        name,
        entity,
        subject,
    )
    return row is not None


async def unmeet(tx: Tx, name: str, entity: str, subject: str) -> None:
    """Forget it again: it is to be met another day."""
    await tx.execute(
        "DELETE FROM policy_list_hits WHERE list_name = $1 AND entity = $2 AND subject = $3",
        name,
        entity,
        subject,
    )


async def count_one(tx: Tx, name: str, day: int, most: int) -> bool:
    """Count a case that a list opens on a day; False if it has opened as many as it may."""
    row = await tx.first(
        "UPDATE policy_lists SET opened = CASE WHEN day = $1 THEN opened + 1 ELSE 1 END, day = $1"
        " WHERE name = $2 AND (day <> $1 OR opened < $3) RETURNING name",
        day,
        name,
        most,
    )
    return row is not None


async def hold_back(tx: Tx, name: str, day: int) -> int:
    """Count what a list names beyond that on a day; return the count."""
    return int(
        await tx.value(
            "UPDATE policy_lists SET held_back = CASE WHEN held_on = $1 THEN held_back + 1 ELSE 1 END,"
            " held_on = $1 WHERE name = $2 RETURNING held_back AS value",
            day,
            name,
        )
    )


async def in_case(tx: Tx, name: str, entity: str, subject: str, case_id: int) -> None:
    """Note in which case a hit is."""
    await tx.execute(
        "UPDATE policy_list_hits SET case_id = $1 WHERE list_name = $2 AND entity = $3 AND subject = $4",
        case_id,
        name,
        entity,
        subject,
    )


async def withdrawn(tx: Tx, name: str, entity: str, now: datetime) -> list[int]:
    """Note that a list names somebody no more; return the cases that it opened, once."""
    rows = await tx.fetch(
        "UPDATE policy_list_hits SET withdrawn_at = $1"
        " WHERE list_name = $2 AND entity = $3 AND withdrawn_at IS NULL RETURNING case_id",
        to_ms(now),
        name,
        entity,
    )
    return sorted(row["case_id"] for row in rows if row["case_id"] is not None)


async def published(tx: Tx) -> int:
    """Count the decisions of ours that stand in our public list now."""
    return int(
        await tx.value(
            "SELECT COUNT(*) AS value FROM decisions d JOIN sanctions s ON s.decision_id = d.id"
            " WHERE d.publish = 1 AND s.state IN ('planned', 'active')"
        )
    )


def _watched(row: Row) -> Watched:
    return Watched(
        row["name"],
        row["room"],
        row["room_id"],
        optional_time(row["asked_at"]),
        optional_time(row["read_at"]),
        optional_time(row["away_since"]),
        row["problem"],
        row["left_out"],
        row["opened"],
        row["held_back"],
    )


def _rule(row: Row) -> Rule:
    return Rule(
        Kind(row["kind"]),
        row["state_key"],
        row["entity"],
        row["reason"],
        bool(row["takedown"]),
        row["ignored"],
    )


def _named(row: Row) -> Named:
    return Named(row["list_name"], _rule(row), from_ms(row["since"]))
