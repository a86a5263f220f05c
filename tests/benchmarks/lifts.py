"""How late measures end: one by one as the clock strikes, and many at once after a day without service.

    python -m tests.benchmarks.lifts [MEASURES]

On a real Synapse on loopback, with the service as it runs, its clock striking every 15 seconds: the
seconds from when a restriction should end until its account can write again. Then, with the service's
own outbox and SQLite and a homeserver that answers at once: how long it takes to end what fell due in 24
hours in which nothing ran.
"""

import asyncio
import random
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from policybot.config import load
from policybot.demo.stage import Stage, stage
from policybot.demo.story import Cast, found
from policybot.domain.effects import RestrictMember
from policybot.store import decisions, sanctions
from policybot.store.database import Database, to_ms
from tests.acceptance.test_publishing import verified_and_signed
from tests.flows.test_holds import REASON
from tests.world import world

_TIMES = 8
_LEVELS = "m.room.power_levels"


async def late(made: Stage, cast: Cast, database: Database, room: str) -> float:
    """Hold somebody, let the hold be over at some moment; return how late they can write again."""
    tom, anna = made.people["tom"], made.people["anna"]
    await made.people["mira"].say(made.review_room, f"!policy hold {tom.user_id} R1 {REASON}")
    await anna.wait_for_state(room, _LEVELS, lambda c: c["users"].get(tom.user_id, 0) < 0)
    await cast.hears("mira", made.review_room, "is being put on hold")
    await asyncio.sleep(random.uniform(2, 17))  # noqa: S311 - anywhere between two strokes of the clock
    async with database.transaction() as tx:
        now = to_ms(datetime.now(UTC))
        await tx.execute("UPDATE sanctions SET ends_at = $1 WHERE state = 'active'", now)
    begun = time.perf_counter()
    await anna.wait_for_state(room, _LEVELS, lambda c: c["users"].get(tom.user_id, 0) >= 0, patience=90)
    seconds = time.perf_counter() - begun
    async with database.transaction() as tx:  # so that it is no chain
        long_ago = to_ms(datetime.now(UTC) - timedelta(days=9))
        await tx.execute("UPDATE sanctions SET ends_at = $1", long_ago)
    return seconds


async def on_the_real_one() -> None:
    """Measure and print how late single measures end."""
    with tempfile.TemporaryDirectory() as folder:
        async with stage(Path(folder)) as made:
            cast = Cast(made, lambda *_: None)
            await verified_and_signed(cast, "anna")
            answer = await cast.asks("anna", "!policy file new general Neighbours talk", "is in")
            number = found(r"F-\d+", answer)
            await cast.asks_in_review("ravi", f"!policy approve {number}", "is approved as")
            told = await cast.hears("anna", cast.rooms["anna"], "I have made it and invited you")
            room = found(r"![^\s?]+", told)
            await made.people["anna"].join(room)
            database = await Database.open(load(made.config).database_url, upgrade=False)
            times = [await late(made, cast, database, room) for _ in range(_TIMES)]
            await database.close()
    print(f"late: {median(times):.1f} s, at worst {max(times):.1f} s of {_TIMES}", flush=True)


async def after_a_day(number: int) -> None:
    """Measure and print how long it takes to end what fell due while nothing ran."""
    with tempfile.TemporaryDirectory() as folder:
        async with world(Path(folder)) as made:
            await made.governed_room()
            case = await made.reported()
            await made.review("mira", f"!policy hold {case} R1 {REASON}")
            async with made.database.transaction() as tx:
                first = await sanctions.of_decision(tx, 1)
                assert first is not None
                decision = await decisions.get(tx, 1)
                assert decision is not None
                statement = await decisions.statement(tx, 1)
                for n in range(2, number + 1):
                    who = f"@u{n}:example.org"
                    await decisions.add(tx, replace(decision, id=n, user_id=who), statement)
                    effects = (RestrictMember(made.room, who),)
                    copy = replace(first, decision_id=n, user_id=who, restraints=effects)
                    await sanctions.add(tx, copy)
                await tx.execute(
                    "UPDATE sanctions SET state = 'active', starts_at = $1", to_ms(made.clock())
                )
            made.clock.pass_time(hours=72 + 24)
            begun = time.perf_counter()
            await made.app.tick()
            ended = time.perf_counter() - begun
            await made.work()
            done = time.perf_counter() - begun
    print(f"{number} ended after a day in {ended:.1f} s, all told in {done:.1f} s", flush=True)


async def main() -> None:
    """Measure and print."""
    await after_a_day(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
    await on_the_real_one()


if __name__ == "__main__":
    asyncio.run(main())
