"""Effects that wait to be performed: rows in shards, each shard leased by one worker at a time."""

import json
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from policybot.domain.effects import Effect, JoinRoom, dump, lane, load
from policybot.store.database import Row, Tx, from_ms, to_ms

SHARDS = 16


@dataclass(frozen=True, slots=True)
class Queued:
    """One waiting effect."""

    id: int
    shard: int
    lane: str
    effect: Effect
    cause: str
    attempts: int
    not_before: datetime
    queued_at: datetime

    @property
    def key(self) -> str:
        """The Matrix transaction ID: the same effect is never sent under two of them."""
        return f"policybot-{self.id}"


@dataclass(frozen=True, slots=True)
class Lease:
    """One worker's right to perform a shard's effects; the fence outdates all leases before it."""

    shard: int
    owner: str
    fence: int
    until: datetime


def put(tx: Tx, effects: Sequence[Effect], *, cause: str, now: datetime) -> None:
    """Queue effects, in this order; they are written when the transaction ends."""
    for effect in effects:
        kind, data = dump(effect)
        where = lane(effect)
        shard = zlib.crc32(where.encode()) % SHARDS
        at = to_ms(now)
        tx.defer(_insert, (shard, where, kind, json.dumps(data), cause, at, at))


def queued(tx: Tx) -> list[Effect]:
    """List the effects that were queued in this transaction so far."""
    return [load(str(row[2]), json.loads(str(row[3]))) for row in tx.left(_insert)]


async def _insert(tx: Tx, rows: Sequence[tuple[object, ...]]) -> None:
    await tx.many(
        "INSERT INTO outbox (shard, lane, kind, data, cause, state, not_before, queued_at)"
        " VALUES ($1, $2, $3, $4, $5, 'waiting', $6, $7)",
        rows,
    )


async def lease(
    tx: Tx, shards: Collection[int], owner: str, now: datetime, life: timedelta
) -> dict[int, Lease]:
    """Take or renew the leases of some shards; without those that another worker holds.

    Of each that may be had the row is locked, in their order, as `release` does: so workers wait for
    each other, if at all, in one direction.
    """
    rows = await tx.fetch(
        "SELECT shard FROM shards WHERE owner <> $1 AND until >= $2", owner, to_ms(now)
    )
    free = set(shards) - {row["shard"] for row in rows}
    taken = [await _lease(tx, shard, owner, now, life) for shard in sorted(free)]
    return {one.shard: one for one in taken if one is not None}


async def _lease(tx: Tx, shard: int, owner: str, now: datetime, life: timedelta) -> Lease | None:
    row = await tx.first(
        "INSERT INTO shards (shard, owner, fence, until) VALUES ($1, $2, 1, $3)"
        " ON CONFLICT (shard) DO UPDATE SET owner = $2, until = $3,"
        " fence = shards.fence + CASE WHEN shards.owner = $2 THEN 0 ELSE 1 END"
        " WHERE shards.owner = $2 OR shards.until < $4 RETURNING fence",
        shard,
        owner,
        to_ms(now + life),
        to_ms(now),
    )
    return None if row is None else Lease(shard, owner, int(row["fence"]), now + life)


async def release(tx: Tx, owner: str) -> None:
    """Give up all leases of a worker that stops, so that the next one need not wait."""
    for row in await tx.fetch("SELECT shard FROM shards WHERE owner = $1 ORDER BY shard", owner):
        await tx.execute(
            "UPDATE shards SET until = 0 WHERE shard = $1 AND owner = $2", row["shard"], owner
        )


async def waiting(tx: Tx, after: int, limit: int) -> list[Queued]:
    """Read a page of the waiting effects, oldest first, beginning behind the row `after`."""
    rows = await tx.fetch(
        "SELECT * FROM outbox WHERE state = 'waiting' AND id > $1 ORDER BY id LIMIT $2",
        after,
        limit,
    )
    return [_queued(row) for row in rows]


async def entering(tx: Tx, user_id: str) -> bool:
    """Say whether an invitation of somebody's is about to be followed, for the first time."""
    rows = await tx.fetch(
        "SELECT * FROM outbox WHERE state = 'waiting' AND kind = 'JoinRoom' AND attempts = 0"
    )
    effects = (_queued(row).effect for row in rows)
    return any(isinstance(effect, JoinRoom) and effect.inviter == user_id for effect in effects)


async def finish(  # noqa: PLR0913 - the columns
    tx: Tx, queued: Queued, fence: int, *, state: str, now: datetime, error: str = ""
) -> bool:
    """Mark an effect `done`, `dry`, `dead` or `dropped`; False if lease or reason are gone.

    A one-time link is not kept, whether it arrived or not: its holder can ask for another.
    """
    row = await tx.first(
        "UPDATE outbox SET state = $1, done_at = $2, error = $3, attempts = attempts + 1,"
        " data = CASE WHEN cause LIKE 'link %' THEN '{}' ELSE data END"
        " WHERE id = $4 AND state = 'waiting'"
        " AND EXISTS (SELECT 1 FROM shards WHERE shard = $5 AND fence = $6) RETURNING id",
        state,
        to_ms(now),
        error or None,
        queued.id,
        queued.shard,
        fence,
    )
    return row is not None


async def postpone(tx: Tx, queued: Queued, fence: int, until: datetime, error: str) -> None:
    """Keep an effect for later, with what went wrong."""
    await tx.execute(
        "UPDATE outbox SET attempts = attempts + 1, not_before = $1, error = $2"
        " WHERE id = $3 AND state = 'waiting'"
        " AND EXISTS (SELECT 1 FROM shards WHERE shard = $4 AND fence = $5)",
        to_ms(until),
        error,
        queued.id,
        queued.shard,
        fence,
    )


async def unfinished(tx: Tx, cause: str) -> int:
    """Count what a cause still waits for, dead effects included."""
    return int(
        await tx.value(
            "SELECT count(*) AS value FROM outbox WHERE cause = $1 AND state IN ('waiting', 'dead')",
            cause,
        )
    )


async def waits_since(tx: Tx, cause: str) -> datetime | None:
    """Say since when something of a cause waits; None if nothing does."""
    sql = "SELECT min(queued_at) AS value FROM outbox WHERE cause = $1 AND state = 'waiting'"
    found = await tx.value(sql, cause)
    return None if found is None else from_ms(int(found))


async def tally(tx: Tx, cause: str) -> dict[str, int]:
    """Count the effects of a cause by their state."""
    rows = await tx.fetch(
        "SELECT state, COUNT(*) AS n FROM outbox WHERE cause = $1 GROUP BY state", cause
    )
    return {row["state"]: int(row["n"]) for row in rows}


async def unsettled(tx: Tx, cause: str, since: datetime) -> bool:
    """Say whether something of a cause is still to be done, or was done since some time."""
    row = await tx.first(
        "SELECT id FROM outbox WHERE cause = $1 AND (state IN ('waiting', 'dead') OR done_at >= $2)"
        " LIMIT 1",
        cause,
        to_ms(since),
    )
    return row is not None


async def queued_since(tx: Tx, cause: str, since: datetime) -> int:
    """Count what was queued for a cause after some time, whatever became of it."""
    return int(
        await tx.value(
            "SELECT count(*) AS value FROM outbox WHERE cause = $1 AND queued_at > $2",
            cause,
            to_ms(since),
        )
    )


async def is_waiting(tx: Tx, queued_id: int) -> bool:
    """Say whether an effect still waits."""
    row = await tx.first("SELECT id FROM outbox WHERE id = $1 AND state = 'waiting'", queued_id)
    return row is not None


async def never_queued(tx: Tx, cause: str) -> bool:
    """Say whether nothing was ever queued for a cause."""
    return await tx.first("SELECT id FROM outbox WHERE cause = $1 LIMIT 1", cause) is None


async def addressed(tx: Tx, causes: Sequence[str]) -> list[str]:
    """List whom messages with some causes were sent to, or wait to be, whatever was in them."""
    places = ", ".join(f"${n}" for n in range(1, len(causes) + 1))
    rows = await tx.fetch(
        "SELECT DISTINCT lane FROM outbox WHERE kind = 'Notify' AND state IN ('done', 'waiting')"  # noqa: S608 - numbers alone
        f" AND cause IN ({places}) ORDER BY lane",
        *causes,
    )
    return [row["lane"] for row in rows]


async def done_in(tx: Tx, cause: str, kind: str) -> list[str]:
    """List the lanes in which effects of a kind were carried out for a cause."""
    rows = await tx.fetch(
        "SELECT DISTINCT lane FROM outbox WHERE kind = $1 AND state = 'done' AND cause = $2"
        " ORDER BY lane",
        kind,
        cause,
    )
    return [row["lane"] for row in rows]


async def any_done(tx: Tx, cause: str) -> bool:
    """Say whether anything was carried out for a cause."""
    row = await tx.first(
        "SELECT 1 AS value FROM outbox WHERE state = 'done' AND cause = $1 LIMIT 1", cause
    )
    return row is not None


async def last(tx: Tx) -> int:
    """Give the number of the newest effect; 0 if there never was one."""
    return int(await tx.value("SELECT max(id) AS value FROM outbox") or 0)


async def is_quiet(tx: Tx, lane: str, since: int) -> bool:
    """Say whether nothing waits in a lane, and nothing was queued there after the effect `since`."""
    row = await tx.first(
        "SELECT id FROM outbox WHERE state = 'waiting' AND lane = $1"
        " UNION ALL SELECT id FROM outbox WHERE id > $2 AND lane = $1 LIMIT 1",
        lane,
        since,
    )
    return row is None


async def dead(tx: Tx, lane: str) -> list[Effect]:
    """List what could not be carried out in a lane, and of which people were told."""
    rows = await tx.fetch(
        "SELECT * FROM outbox WHERE state = 'dead' AND lane = $1 AND data <> '{}'", lane
    )
    return [_queued(row).effect for row in rows]


async def drop(tx: Tx, cause: str) -> None:
    """Forget what a cause still waits for: the reason for it is gone."""
    await tx.execute(
        "UPDATE outbox SET state = 'dropped',"
        " data = CASE WHEN cause LIKE 'link %' THEN '{}' ELSE data END"
        " WHERE cause = $1 AND state IN ('waiting', 'dead')",
        cause,
    )


async def settle(tx: Tx, queued: Queued) -> None:
    """Let a dead effect rest: what was to follow from its death has been queued."""
    await tx.execute("UPDATE outbox SET state = 'dropped' WHERE id = $1 AND state = 'dead'", queued.id)


async def revive(tx: Tx, queued_id: int, now: datetime) -> bool:
    """Let a dead effect be tried once more; False if there is none of that number, or nothing of it."""
    row = await tx.first(
        "UPDATE outbox SET state = 'waiting', attempts = 1, not_before = $1, queued_at = $1"
        " WHERE id = $2 AND state = 'dead' AND data <> '{}' RETURNING id",
        to_ms(now),
        queued_id,
    )
    return row is not None


async def counts(tx: Tx) -> dict[str, int]:
    """Count waiting and dead effects."""
    rows = await tx.fetch(
        "SELECT state, count(*) AS n FROM outbox WHERE state IN ('waiting', 'dead') GROUP BY state"
    )
    return {"waiting": 0, "dead": 0} | {row["state"]: int(row["n"]) for row in rows}


async def remember(tx: Tx, target: str, before: dict[str, Any], now: datetime) -> None:
    """Keep what was there before a standing effect; the first memory counts."""
    await tx.execute(
        "INSERT INTO observed (target, before, at) VALUES ($1, $2, $3) ON CONFLICT (target) DO NOTHING",
        target,
        json.dumps(before),
        to_ms(now),
    )


async def remembered(tx: Tx, target: str) -> dict[str, Any] | None:
    """Read what was there before; None if nothing stands."""
    value = await tx.value("SELECT before AS value FROM observed WHERE target = $1", target)
    return None if value is None else dict(json.loads(value))


async def forget(tx: Tx, target: str) -> None:
    """Drop the memory once the former state is restored."""
    await tx.execute("DELETE FROM observed WHERE target = $1", target)


def _queued(row: Row) -> Queued:
    return Queued(
        id=row["id"],
        shard=row["shard"],
        lane=row["lane"],
        effect=load(row["kind"], json.loads(row["data"])),
        cause=row["cause"],
        attempts=row["attempts"],
        not_before=from_ms(row["not_before"]),
        queued_at=from_ms(row["queued_at"]),
    )
