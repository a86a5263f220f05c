"""Backtests on record, and what they are made of: all that was decided, as the ladder looks at it."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

from policybot.domain.backtest import Past, Result
from policybot.domain.decision import State
from policybot.domain.ladder import Scope, Severity
from policybot.domain.measure import Kind, Measure
from policybot.domain.mechanism import MACHINE
from policybot.store.database import Row, Tx, from_ms, optional_time, to_ms

_PAGE = 2000
_COUNTED = "d.nature = 'decision' AND d.state NOT IN ('pending', 'denied', 'expired')"


@dataclass(frozen=True, slots=True)
class Backtest:
    """What came of trying a version on what was decided."""

    id: int
    policy: str
    base: str
    """The version that was in force at that time."""
    since: datetime
    at: datetime
    asked_by: str
    result: Result

    @property
    def number(self) -> str:
        """What it is called."""
        return f"B-{self.id}"


async def add(tx: Tx, test: Backtest) -> None:
    """Save a backtest."""
    await tx.execute(
        "INSERT INTO backtests (id, policy_hash, base_hash, since, at, asked_by, result)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        test.id,
        test.policy,
        test.base,
        to_ms(test.since),
        to_ms(test.at),
        test.asked_by,
        json.dumps(test.result.data()),
    )


async def newest(tx: Tx, policy: str) -> Backtest | None:
    """Read the last backtest of a version."""
    row = await tx.first(
        "SELECT * FROM backtests WHERE policy_hash = $1 ORDER BY id DESC LIMIT 1", policy
    )
    return None if row is None else _backtest(row)


async def get(tx: Tx, test_id: int) -> Backtest | None:
    """Read a backtest."""
    row = await tx.first("SELECT * FROM backtests WHERE id = $1", test_id)
    return None if row is None else _backtest(row)


def _backtest(row: Row) -> Backtest:
    return Backtest(
        id=row["id"],
        policy=row["policy_hash"],
        base=row["base_hash"],
        since=from_ms(row["since"]),
        at=from_ms(row["at"]),
        asked_by=row["asked_by"],
        result=Result.read(json.loads(row["result"])),
    )


async def count(tx: Tx, since: datetime) -> int:
    """Count what `pasts` gives for acts from a time on."""
    sql = f"SELECT COUNT(*) AS value FROM decisions d WHERE d.occurred_at >= $1 AND {_COUNTED}"  # noqa: S608 - a constant
    return int(await tx.value(sql, to_ms(since)))


async def pasts(tx: Tx, since: datetime) -> AsyncIterator[list[Past]]:
    """Read what was decided about acts from a time on, in the order in which it was, by the page."""
    people = {
        row["user_id"]: row["person_id"]
        for row in await tx.fetch(
            "SELECT user_id, person_id FROM links"
            " WHERE user_id IN (SELECT user_id FROM decisions) ORDER BY id"
        )
    }
    last = 0
    while True:
        rows = await tx.fetch(
            "SELECT d.id, d.case_id, d.state, d.policy_hash, d.scope, d.scope_key, d.severity,"  # noqa: S608 - a constant
            " d.measure, d.factors, d.occurred_at, d.decided_at, d.told_at, d.read_at, d.decider,"
            " d.supersedes, a.submitted_at AS appealed_at, a.decided_at AS answered_at FROM decisions d"
            " LEFT JOIN appeals a ON a.decision_id = d.id AND a.state <> 'withdrawn'"
            f" WHERE d.id > $1 AND d.occurred_at >= $2 AND {_COUNTED} ORDER BY d.id LIMIT $3",
            last,
            to_ms(since),
            _PAGE,
        )
        yield [_past(row, people) for row in rows]
        if len(rows) < _PAGE:
            return
        last = rows[-1]["id"]


def _past(row: Row, people: dict[str, str]) -> Past:
    scope, state = Scope(row["scope"]), State(row["state"])
    room, _, who = str(row["scope_key"]).rpartition(" ")
    if scope is Scope.ROOM:
        owner = key = who
    else:
        owner = people.get(who, who)
        key = f"{room} {owner}" if scope is Scope.MEMBER else owner
    machine = row["decider"] == MACHINE
    measure = Measure.parse(row["measure"])
    return Past(
        id=row["id"],
        case=f"C-{row['case_id']}",
        scope=scope,
        key=key,
        owner=owner,
        severity=Severity(row["severity"]),
        factors=frozenset(json.loads(row["factors"])),
        policy=row["policy_hash"],
        occurred_at=from_ms(row["occurred_at"]),
        decided_at=from_ms(row["decided_at"]),
        told_at=optional_time(row["told_at"]),
        read_at=optional_time(row["read_at"]),
        appealed_at=optional_time(row["appealed_at"]),
        answered_at=optional_time(row["answered_at"]),
        void=state is State.OVERTURNED,
        counts=not machine and measure.kind not in (Kind.NONE, Kind.ADVISE),
        replayed=not machine and row["supersedes"] is None and state is not State.OVERTURNED,
        supersedes=row["supersedes"],
        room=room,
    )
