"""Times to put something right: one for each case, the last that was given."""

import json
from datetime import datetime

from policybot.domain.cure import REMINDED, Cure, State
from policybot.store.database import Row, Stale, Tx, from_ms, span_ms, to_ms


async def add(tx: Tx, cure: Cure) -> None:
    """Save a new time; an earlier one of the same case has ended."""
    await tx.execute(
        "INSERT INTO cures (case_id, asked_by, text, asked_at, until, state, rules)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (case_id) DO UPDATE SET asked_by = $2,"
        " text = $3, asked_at = $4, until = $5, state = $6, answer = '', reminded = 0, rules = $7,"
        " version = cures.version + 1",
        cure.case_id,
        cure.asked_by,
        cure.text,
        to_ms(cure.asked_at),
        to_ms(cure.until),
        cure.state.value,
        json.dumps(sorted(cure.rules)),
    )


async def save(tx: Tx, cure: Cure) -> None:
    """Save what a time has become.

    Raises:
        Stale: somebody else ended it meanwhile.
    """
    row = await tx.first(
        "UPDATE cures SET state = $1, answer = $2, reminded = $3, version = version + 1"
        " WHERE case_id = $4 AND version = $5 RETURNING case_id",
        cure.state.value,
        cure.answer,
        int(cure.reminded),
        cure.case_id,
        cure.version,
    )
    if row is None:
        raise Stale(cure.number)


async def of_case(tx: Tx, case_id: int) -> Cure | None:
    """Read the last time that was given in a case."""
    row = await tx.first("SELECT * FROM cures WHERE case_id = $1", case_id)
    return None if row is None else _cure(row)


async def named(tx: Tx, case_id: int) -> frozenset[str]:
    """Read which rules are named in an undecided case."""
    rows = await tx.fetch("SELECT rule_id FROM case_rules WHERE case_id = $1", case_id)
    return frozenset(row["rule_id"] for row in rows)


async def cured(tx: Tx, room_id: str, since: datetime) -> list[Cure]:
    """List what the owner of a room said to have put right since a time, the newest first."""
    rows = await tx.fetch(
        "SELECT c.* FROM cures c JOIN cases k ON k.id = c.case_id WHERE k.kind = 'room'"
        " AND k.room_id = $1 AND c.state = 'said' AND c.asked_at > $2 ORDER BY c.asked_at DESC",
        room_id,
        to_ms(since),
    )
    return [_cure(row) for row in rows]


async def had(tx: Tx, case_id: int, room_id: str, since: datetime) -> bool:
    """Say whether time was given in a case, or used for one of its rules in that room since then."""
    rules, before = await named(tx, case_id), await cured(tx, room_id, since)
    return await of_case(tx, case_id) is not None or any(rules & one.rules for one in before)


async def over(tx: Tx, now: datetime, limit: int) -> list[Cure]:
    """List times that run and are over, the oldest first."""
    rows = await tx.fetch(
        "SELECT * FROM cures WHERE state = 'running' AND until <= $1 ORDER BY until LIMIT $2",
        to_ms(now),
        limit,
    )
    return [_cure(row) for row in rows]


async def ending(tx: Tx, now: datetime, limit: int) -> list[Cure]:
    """List times that end soon, and of which the owner was not reminded."""
    rows = await tx.fetch(
        "SELECT * FROM cures WHERE state = 'running' AND reminded = 0 AND until <= $1"
        " AND until - asked_at > $2 ORDER BY until LIMIT $3",
        to_ms(now + REMINDED),
        span_ms(REMINDED),
        limit,
    )
    return [_cure(row) for row in rows]


def _cure(row: Row) -> Cure:
    return Cure(
        case_id=row["case_id"],
        asked_by=row["asked_by"],
        text=row["text"],
        asked_at=from_ms(row["asked_at"]),
        until=from_ms(row["until"]),
        state=State(row["state"]),
        answer=row["answer"],
        reminded=bool(row["reminded"]),
        rules=frozenset(json.loads(row["rules"])),
        version=row["version"],
    )
