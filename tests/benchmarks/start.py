"""From the start of the process until it is ready, and its memory then, with 1,000 governed rooms.

    python -m tests.benchmarks.start

On a real Synapse on loopback; ready means that the review room was entered, the homeserver's ping
came back and the backlog was asked for.
"""

import asyncio
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import psutil

from policybot.config import load
from policybot.demo.stage import Stage, stage
from policybot.domain.filing import Filing, State
from policybot.domain.rank import Levels
from policybot.store import filings, rooms
from policybot.store.database import Database, next_number

ROOMS = 1000
STARTS = 3


async def fill(made: Stage) -> None:
    """Record governed rooms, as approvals leave them."""
    now = datetime.now(UTC)
    database = await Database.open(load(made.config).database_url)
    levels = Levels("11", ("@anna:localhost",), {"users": {"@anna:localhost": 100, made.bot: 100}})
    async with database.transaction() as tx:
        for n in range(ROOMS):
            room_id = f"!room{n}:localhost"
            await rooms.save(tx, rooms.Room(room_id, rooms.Kind.GOVERNED, levels), now)
            number = await next_number(tx, "filing")
            filing = Filing(
                number, room_id, f"@u{n}:localhost", "A purpose", ("general",), State.SUBMITTED, now
            )
            await filings.add(tx, filing)
    await database.close()


async def main() -> None:
    """Measure and print."""
    times = []
    with tempfile.TemporaryDirectory() as folder:
        async with stage(Path(folder)) as made:
            await fill(made)
            for _ in range(STARTS):
                made.stop_bot()
                begun = time.perf_counter()
                await made.start_bot()
                times.append(time.perf_counter() - begun)
            process = psutil.Process(made.bot_pid)
            memory = process.memory_info().rss / 2**20
    shown = ", ".join(f"{seconds:.1f}" for seconds in times)
    print(f"start to ready with {ROOMS} governed rooms: {shown} s; resident memory {memory:.0f} MiB")


if __name__ == "__main__":
    asyncio.run(main())
