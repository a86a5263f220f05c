"""Sanctions: which measure binds whom, from when until when."""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta

from policybot.domain.effects import dump, load
from policybot.domain.ladder import Scope
from policybot.domain.measure import Measure
from policybot.domain.sanction import Sanction, State, curb
from policybot.domain.view import Curb
from policybot.store.database import (
    Row,
    Stale,
    Tx,
    optional_ms,
    optional_time,
    span_ms,
    to_ms,
)

# SQLite uses an index of a part of the rows only where a query names that part in the same words.
_CURBS = (
    "SELECT s.*, d.case_id, s.user_id AS bound FROM sanctions s"
    " JOIN decisions d ON d.id = s.decision_id"
    " WHERE s.user_id IS NOT NULL AND s.state IN ('planned', 'active', 'stayed')"
    " AND s.state <> 'stayed'{one}"
    " UNION ALL SELECT s.*, d.case_id, a.user_id AS bound FROM sanction_accounts a"
    " JOIN sanctions s ON s.decision_id = a.decision_id JOIN decisions d ON d.id = s.decision_id"
    " WHERE s.state IN ('planned', 'active'){other}"
)
_ALL_CURBS = _CURBS.format(one="", other="") + " ORDER BY decision_id"
_CURBS_ON = (
    _CURBS.format(one=" AND s.user_id = $1", other=" AND a.user_id = $1") + " ORDER BY decision_id"
)


async def add(tx: Tx, sanction: Sanction) -> None:
    """Save a new sanction."""
    await tx.execute(
        "INSERT INTO sanctions (decision_id, scope, measure, state, user_id, room_id, served,"
        " restraints, ends_at, interim, dry, person_id)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        sanction.decision_id,
        sanction.scope.value,
        str(sanction.measure),
        sanction.state.value,
        sanction.user_id,
        sanction.room_id,
        span_ms(sanction.served),
        _dumped(sanction),
        optional_ms(sanction.ends_at),
        int(sanction.interim),
        int(sanction.dry),
        sanction.person_id,
    )


async def reach(tx: Tx, decision_id: int, user_ids: Iterable[str]) -> None:
    """Remember that a sanction reaches further accounts."""
    await tx.many(
        "INSERT INTO sanction_accounts (decision_id, user_id) VALUES ($1, $2)"
        " ON CONFLICT (decision_id, user_id) DO NOTHING",
        [(decision_id, user_id) for user_id in user_ids],
    )


async def accounts(tx: Tx, decision_id: int) -> list[str]:
    """List the further accounts that a sanction reaches."""
    rows = await tx.fetch(
        "SELECT user_id FROM sanction_accounts WHERE decision_id = $1 ORDER BY user_id", decision_id
    )
    return [row["user_id"] for row in rows]


def _dumped(sanction: Sanction) -> str:
    return json.dumps([dump(effect) for effect in sanction.restraints])


async def save(
    tx: Tx, sanction: Sanction, *, lifted_by: str | None = None, reason: str | None = None
) -> None:
    """Save what a sanction has become.

    Raises:
        Stale: somebody else moved it meanwhile.
    """
    row = await tx.first(
        "UPDATE sanctions SET state = $1, starts_at = $2, ends_at = $3, served = $4,"
        " lifted_by = COALESCE($5, lifted_by), lift_reason = COALESCE($6, lift_reason),"
        " restraints = $7, dry = $8, version = version + 1 WHERE decision_id = $9 AND version = $10"
        " RETURNING version",
        sanction.state.value,
        optional_ms(sanction.starts_at),
        optional_ms(sanction.ends_at),
        span_ms(sanction.served),
        lifted_by,
        reason,
        _dumped(sanction),
        int(sanction.dry),
        sanction.decision_id,
        sanction.version,
    )
    if row is None:
        raise Stale(str(sanction.decision_id))


async def of_decision(tx: Tx, decision_id: int) -> Sanction | None:
    """Read the sanction that a decision imposed."""
    row = await tx.first("SELECT * FROM sanctions WHERE decision_id = $1", decision_id)
    return None if row is None else _sanction(row)


async def of_cases(tx: Tx, case_ids: Iterable[int]) -> list[Sanction]:
    """List the sanctions that the decisions in several cases imposed."""
    return [one for case_id in case_ids for one in await of_case(tx, case_id)]


async def of_case(tx: Tx, case_id: int) -> list[Sanction]:
    """List the sanctions that the decisions in a case imposed, oldest first."""
    rows = await tx.fetch(
        "SELECT s.* FROM sanctions s JOIN decisions d ON d.id = s.decision_id WHERE d.case_id = $1"
        " ORDER BY s.decision_id",
        case_id,
    )
    return [_sanction(row) for row in rows]


async def binding_on(tx: Tx, user_id: str | None, room_id: str | None) -> list[Sanction]:
    """List the planned, active and stayed sanctions on an account, or on a room."""
    rows = await tx.fetch(
        "SELECT * FROM sanctions WHERE user_id = $1 AND state IN ('planned', 'active', 'stayed')"
        " UNION SELECT s.* FROM sanction_accounts a JOIN sanctions s ON s.decision_id = a.decision_id"
        " WHERE a.user_id = $1 AND s.state IN ('planned', 'active', 'stayed')"
        " UNION SELECT * FROM sanctions WHERE room_id = $2 AND user_id IS NULL"
        " AND state IN ('planned', 'active', 'stayed') ORDER BY 1",
        user_id,
        room_id,
    )
    return [_sanction(row) for row in rows]


async def curbs(tx: Tx) -> dict[str, tuple[Curb, ...]]:
    """Read what keeps accounts from writing, or out of rooms, by their user IDs."""
    found: dict[str, tuple[Curb, ...]] = {}
    for row in await tx.fetch(_ALL_CURBS):
        if (read := _curb(row)) is not None:
            found[row["bound"]] = (*found.get(row["bound"], ()), read)
    return found


async def curbs_on(tx: Tx, user_id: str) -> tuple[Curb, ...]:
    """Read what keeps one account from writing, or out of rooms."""
    rows = await tx.fetch(_CURBS_ON, user_id)
    return tuple(read for row in rows if (read := _curb(row)) is not None)


async def everywhere(tx: Tx) -> list[Sanction]:
    """List what binds accounts and servers in every governed room, by effects in each."""
    rows = await tx.fetch(
        "SELECT * FROM sanctions WHERE scope IN ('account', 'server')"
        " AND state IN ('planned', 'active') AND dry = 0"
        " AND (restraints LIKE '%Member%' OR restraints LIKE '%DenyServer%') ORDER BY decision_id"
    )
    return [_sanction(row) for row in rows]


async def on_servers(tx: Tx) -> list[Sanction]:
    """List the planned, active and stayed sanctions on servers."""
    rows = await tx.fetch(
        "SELECT * FROM sanctions WHERE scope = 'server' AND state IN ('planned', 'active', 'stayed')"
        " ORDER BY decision_id"
    )
    return [_sanction(row) for row in rows]


async def reaching_person(tx: Tx, person_id: str) -> list[Sanction]:
    """List what binds all accounts of a person."""
    rows = await tx.fetch(
        "SELECT * FROM sanctions WHERE person_id = $1 AND state IN ('planned', 'active', 'stayed')"
        " ORDER BY decision_id",
        person_id,
    )
    return [_sanction(row) for row in rows]


async def reaching(tx: Tx, room_id: str) -> list[Sanction]:
    """List the planned, active and stayed sanctions that have effects in a room."""
    inside = json.dumps(room_id)[1:-1]
    rows = await tx.fetch(
        "SELECT * FROM sanctions WHERE room_id = $1 AND state IN ('planned', 'active', 'stayed')"
        " UNION SELECT * FROM sanctions WHERE room_id IS NULL AND restraints LIKE $2"
        " AND state IN ('planned', 'active', 'stayed') ORDER BY 1",
        room_id,
        f'%"{inside}"%',
    )
    return [_sanction(row) for row in rows]


async def lasting(tx: Tx, room_id: str) -> list[Sanction]:
    """List the sanctions that changed for good who leads a room, and can still be overturned."""
    rows = await tx.fetch(
        "SELECT * FROM sanctions WHERE room_id = $1 AND state = 'ended' AND scope = 'room'"
        " AND restraints LIKE '%[\"GiveLevel\"%' ORDER BY decision_id",
        room_id,
    )
    return [_sanction(row) for row in rows]


async def move(tx: Tx, sanction: Sanction) -> None:
    """Save in which room a sanction binds now, and with which effects.

    Raises:
        Stale: somebody else moved it meanwhile.
    """
    row = await tx.first(
        "UPDATE sanctions SET room_id = $1, restraints = $2, version = version + 1"
        " WHERE decision_id = $3 AND version = $4 RETURNING version",
        sanction.room_id,
        json.dumps([dump(effect) for effect in sanction.restraints]),
        sanction.decision_id,
        sanction.version,
    )
    if row is None:
        raise Stale(str(sanction.decision_id))


async def due(tx: Tx, now: datetime, limit: int = 100) -> list[Sanction]:
    """List active sanctions whose time is over, and holds that the homeserver has not even carried."""
    rows = await tx.fetch(
        "SELECT * FROM sanctions WHERE (state = 'active' OR interim = 1)"
        " AND state IN ('active', 'planned') AND ends_at <= $1 ORDER BY ends_at LIMIT $2",
        to_ms(now),
        limit,
    )
    return [_sanction(row) for row in rows]


async def held_until(tx: Tx, room_id: str) -> datetime | None:
    """Say until when a room was put on hold the last time, whether that hold lasted so long or not."""
    value = await tx.value(
        "SELECT MAX(ends_at) AS value FROM sanctions WHERE room_id = $1 AND user_id IS NULL"
        " AND interim = 1",
        room_id,
    )
    return optional_time(value)


async def account_held_until(tx: Tx, user_id: str, room_id: str | None) -> datetime | None:
    """Say the same of an account: in one room or everywhere, or, without a room, anywhere at all."""
    value = await tx.value(
        "SELECT MAX(ends_at) AS value FROM sanctions WHERE interim = 1 AND user_id = $1"
        " AND ($2 = '' OR room_id = $2 OR scope = 'account')",
        user_id,
        room_id or "",
    )
    return optional_time(value)


def _curb(row: Row) -> Curb | None:
    return curb(_sanction(row), f"C-{row['case_id']}")


def _sanction(row: Row) -> Sanction:
    return Sanction(
        decision_id=row["decision_id"],
        scope=Scope(row["scope"]),
        measure=Measure.parse(row["measure"]),
        state=State(row["state"]),
        user_id=row["user_id"],
        room_id=row["room_id"],
        starts_at=optional_time(row["starts_at"]),
        ends_at=optional_time(row["ends_at"]),
        served=timedelta(milliseconds=row["served"]),
        restraints=tuple(load(kind, data) for kind, data in json.loads(row["restraints"])),
        interim=bool(row["interim"]),
        dry=bool(row["dry"]),
        person_id=row["person_id"],
        version=row["version"],
    )
