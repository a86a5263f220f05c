"""The audit log at a million entries: how fast it is written, verified and proved, on both databases.

    python -m tests.benchmarks.audit [ENTRIES]

Entries are like those of decisions; all of them still have their payloads.
"""

import asyncio
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta

from policybot.store import audit
from policybot.store.database import Database
from tests.postgres import fresh_database, postgres

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


async def measure(name: str, url: str, number: int) -> None:
    """Measure and print."""
    database = await Database.open(url)
    begun = time.perf_counter()
    await write(database, number)
    wall = time.perf_counter() - begun
    print(f"{name}: {number / wall:,.0f} entries/s written")
    begun, cpu = time.perf_counter(), time.process_time()
    async with database.transaction(reading=True) as tx:
        steps = [step async for step in audit.verify(tx)]
    wall, cpu = time.perf_counter() - begun, time.process_time() - cpu
    print(f"{name}: {number / wall:,.0f} entries/s verified ({steps[-1]}), cpu {number / cpu:,.0f}/s")
    await database.close()


async def main(number: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        await measure("SQLite", f"sqlite:///{folder}/audit.db", number)
    with postgres() as socket:
        await measure("PostgreSQL", await fresh_database(socket, "bench"), number)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else ENTRIES))
