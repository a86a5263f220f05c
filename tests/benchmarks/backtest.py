"""A backtest of 10,000 decisions, from the question to its result on record, on both databases.

python -m tests.benchmarks.backtest
"""

import asyncio
import json
import random
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from policybot.services.backtests import SINCE
from policybot.store.database import Database, to_ms
from tests.laddering import STRICTER, bring, ladder
from tests.postgres import fresh_database, postgres
from tests.world import START, World, user, world

DECISIONS = 10_000
PEOPLE = 1_500
ROOMS = 50
_SEVERITIES = ("S0", "S1", "S1", "S1", "S2", "S2", "S3", "S4")


async def fill(database: Database, digest: str, number: int = DECISIONS) -> None:
    """Put decisions about members and accounts straight into the table, over ninety days."""
    dice = random.Random(5)  # noqa: S311 - the same history each time
    cases, decisions = [], []
    for n in range(1, number + 1):
        at = START - timedelta(days=89) * (1 - n / number)
        who, room = f"@member{dice.randrange(PEOPLE)}:example.org", f"!room{dice.randrange(ROOMS)}:x"
        scope = dice.choice(("member", "member", "account"))
        key = f"{room} {who}" if scope == "member" else who
        event, ms = f"$event{n}", to_ms(at)
        cases.append((n, "event", room, event, who, f"event {room} {event}", "closed", ms, ms, ms, 0))
        row = (n, n, "final", digest, "R1", scope, key, dice.choice(_SEVERITIES), "H0", "warn", 0)
        texts = ("Advertised a shop", "[]", "{}")
        decisions.append((*row, *texts, ms, ms + 3_600_000, user("mira"), who, room, ms + 3_700_000))
    async with database.transaction() as tx:
        await tx.many(
            "INSERT INTO cases (id, kind, room_id, event_id, user_id, subject_key, state, occurred_at,"
            " opened_at, due_at, rank) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            cases,
        )
        await tx.many(
            "INSERT INTO decisions (id, case_id, state, policy_hash, rule_id, scope, scope_key,"
            " severity, history, measure, remove, facts, explanation, statement, occurred_at,"
            " decided_at, decider, user_id, room_id, told_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8,"
            " $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)",
            decisions,
        )


async def measure(made: World) -> tuple[float, float, str]:
    """Have a changed ladder tested; return the seconds of it, those on the loop, and what was found."""
    await fill(made.database, made.app.setting.policy.hash)
    await bring(made, ladder("2", STRICTER))
    await made.review("mira", "!policy ladder 2 test")
    begun, busy = time.perf_counter(), time.thread_time()
    await made.app.services.backtests.some(made.database)
    wall, busy = time.perf_counter() - begun, time.thread_time() - busy
    await made.work()
    return wall, busy, made.in_review()[-1]


async def main() -> None:
    """Measure and print."""
    for name in ("SQLite", "PostgreSQL"):
        with tempfile.TemporaryDirectory() as folder, postgres() as socket:
            url = "" if name == "SQLite" else await fresh_database(socket, "backtest")
            async with world(Path(folder), url) as made:
                wall, busy, said = await measure(made)
        span = f"{SINCE.days} days"
        print(
            f"{name}: {DECISIONS:,} decisions of {span} in {wall:.1f} s, the loop busy for {busy:.1f} s"
        )
        print(json.dumps(said.splitlines()[1], ensure_ascii=False))


if __name__ == "__main__":
    asyncio.run(main())
