"""The audit log at a million entries: how fast it is written, verified and proved, on both databases.

    python -m tests.benchmarks.audit [ENTRIES]

Entries are like those of decisions; all of them still have their payloads.
"""

import asyncio
import gc
import os
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta

import asyncpg

from policybot.domain.merkle import fold, inclusion
from policybot.store import audit, checkpoints
from policybot.store.database import Database

ENTRIES = 1_000_000
TOGETHER = 5_000
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


async def write(database: Database, number: int) -> None:
    """Fill the log."""
    for begin in range(0, number, TOGETHER):
        async with database.transaction() as tx:
            for n in range(begin, min(begin + TOGETHER, number)):
                audit.append(
                    tx,
                    at=NOW + timedelta(seconds=n),
                    actor=f"@moderator{n % 17}:example.org",
                    tag="decision:final",
                    object=f"C-{n}",
                    decision=n,
                    rule="R2",
                    severity="S3",
                    measure="restrict",
                    binding=True,
                )


async def at_rest(url: str) -> None:
    """Let PostgreSQL do now what it would do beside us for the next minutes, after so many new rows."""
    connection = await asyncpg.connect(url)
    for statement in ("VACUUM (ANALYZE) audit", "CHECKPOINT"):
        await connection.execute(statement)
    await connection.close()


async def measure(name: str, url: str, number: int) -> None:
    """Measure and print."""
    from policybot.services.log_check import Wanted, check

    database = await Database.open(url)
    begun = time.perf_counter()
    await write(database, number)
    print(
        f"{name}: {number / (time.perf_counter() - begun):,.0f} entries/s written, {TOGETHER} together"
    )
    if database.shared:
        await at_rest(url)
    # As in a process that has done nothing else, which `policybot audit verify` is.
    gc.collect()
    gc.freeze()
    processors = os.cpu_count() or 1
    for processes, payloads in ((1, False), (processors, False), (1, True), (processors, True)):
        begun = time.perf_counter()
        found = await check(database, Wanted(url, (), payloads=payloads, processes=processes))
        wall = time.perf_counter() - begun
        assert (found.fault, found.entries) == (None, number)
        full = " with what they say" if payloads else ""
        print(f"{name}: {number / wall:,.0f} entries/s verified{full}, {processes} process(es)")
    taken = []
    async with database.transaction(reading=True) as tx:
        for seq in range(1, number, number // 200):
            begun = time.perf_counter()
            await checkpoints.hashes(tx, inclusion(seq - 1, number))
            taken.append(time.perf_counter() - begun)
        begun = time.perf_counter()
        head = await audit.where_it_ends(tx)
        old = number - 1000
        known = fold(await checkpoints.edge(tx, old))
        await checkpoints.grown(tx, old, known, head)
        grown = time.perf_counter() - begun
    taken.sort()
    print(
        f"{name}: a proof {statistics.median(taken) * 1000:.1f} ms, at worst {taken[-1] * 1000:.1f} ms;"
        f" 1,000 new entries held against the checkpoint before {grown * 1000:.0f} ms"
    )
    await database.close()


async def main(number: int) -> None:
    """Measure both databases."""
    # Not imported above: the processes that help import this module again, as `__main__` of policybot.
    from tests.postgres import fresh_database, postgres

    with tempfile.TemporaryDirectory() as folder:
        await measure("SQLite", f"sqlite:///{folder}/audit.db", number)
    with postgres() as socket:
        await measure("PostgreSQL", await fresh_database(socket, "bench"), number)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else ENTRIES))
