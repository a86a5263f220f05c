"""What it costs to keep a copy of a message that a rule found, and to hold a rule against kept ones."""

import asyncio
import tempfile
import time
from pathlib import Path
from statistics import quantiles

from policybot.config.schema import Config
from tests import ready
from tests.postgres import postgres
from tests.ruled import rules
from tests.world import World
from tests.world import world as make_world

HITS = 1_000
_PERCENTILE = 95


async def keeping(world: World) -> list[float]:
    """Deliver messages to which a rule applies; give the milliseconds of this process for each."""
    took = []
    for n in range(HITS):
        event = {
            "event_id": f"$hit{n}",
            "type": "m.room.message",
            "room_id": world.room,
            "sender": "@tom:example.org",
            "origin_server_ts": int(world.clock().timestamp() * 1000),
            "content": {"msgtype": "m.text", "body": f"Buy my frobnitz, number {n}! " * 10},
        }
        begin = time.process_time()
        await world.inward.handle(event)
        took.append((time.process_time() - begin) * 1000)
    return took


async def measure(name: str, url: str = "") -> None:
    """Measure on one database, and print."""
    with tempfile.TemporaryDirectory() as folder:
        async with make_world(Path(folder), url, **rules(then=["report"])) as world:
            config: Config = world.config
            await world.governed_room()
            cuts = quantiles(await keeping(world), n=100)
            begin = time.process_time()
            async with world.database.transaction(reading=True) as tx:
                found = world.app.services.findings
                hits, tried = await found.hits_among_kept(tx, config.mechanisms[0])
            took = (time.process_time() - begin) * 1000
            print(
                f"{name}: a hit with its copy {cuts[49]:.2f} ms, p95 {cuts[_PERCENTILE - 1]:.2f} ms; "
                f"a rule held against {tried} copies ({hits} hits) {took:.0f} ms"
            )


def main() -> None:
    """Measure on both databases."""
    with ready.no_waiting_for_disks():
        asyncio.run(measure("SQLite"))
        with postgres() as socket:
            asyncio.run(measure("PostgreSQL", f"postgres://postgres@/postgres?host={socket}"))


if __name__ == "__main__":
    main()
