"""From an approval to the public directory, and from its end until nothing is shown any more.

    python -m tests.benchmarks.publishing

On a real Synapse on loopback, with the service as it runs: its outbox, and its clock every 15 seconds.
The first figure begins with `!policy approve` and ends when somebody else finds the room by POST
publicRooms; the second begins at the moment until which the approval is valid and ends when label, both
directories and alias are gone.
"""

import asyncio
import random
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from policybot.config import load
from policybot.demo.stage import Stage, stage
from policybot.demo.story import LABEL, Cast, found
from policybot.store.database import Database, to_ms
from tests.acceptance.test_filed import filed_rooms, leads_to
from tests.acceptance.test_publishing import verified_and_signed

ROOMS = 4
WAYS = ("created", "adopted", "shared")
PURPOSE = "Neighbours talk of gardens"
_LOOK = 0.02
_PATIENCE = 90


async def until(holds: Callable[[], Awaitable[bool]], begun: float) -> float:
    """Look again and again until something holds; return the seconds since `begun`."""
    while not await holds():
        assert time.perf_counter() - begun < _PATIENCE
        await asyncio.sleep(_LOOK)
    return time.perf_counter() - begun


async def listed(made: Stage) -> set[str]:
    """Read the public directory, as anybody does."""
    page = await made.people["tom"].request("POST", "/_matrix/client/v3/publicRooms", {})
    return {room["room_id"] for room in page["chunk"]}


async def filed(cast: Cast, way: str) -> str:
    """File a room in one of the three ways; return the filing's number."""
    anna, room = cast.people["anna"], "new"
    if way != "created":
        room = await anna.create_room(f"A room that is {way}", public=True, invite=[cast.bot])
        await anna.wait_until_joined(room, cast.bot)
        if way == "adopted":
            levels = await anna.power_levels(room)
            levels["users"] = levels.get("users", {}) | {cast.bot: 150}
            await anna.set_state(room, "m.room.power_levels", levels)
    answer = await cast.asks("anna", f"!policy file {room} general {PURPOSE}", "Your filing is in")
    number = found(r"F-\d+", answer)
    if way == "adopted":
        await cast.asks("anna", f"!policy adopt {number}", "a new room that takes over")
    return number


async def approved(cast: Cast, number: str) -> tuple[str, str, float]:
    """Approve a filing; return the room, its record number, and the seconds until it was listed."""
    made, before, begun = cast.stage, await listed(cast.stage), time.perf_counter()

    async def is_listed() -> bool:
        return bool(await listed(made) - before)

    approval = f"!policy approve {number}"
    answer, seconds = await asyncio.gather(
        cast.asks_in_review("ravi", approval, f"{number} is approved as"), until(is_listed, begun)
    )
    (room,) = await listed(made) - before
    await cast.people["anna"].join(room)
    return room, found(r"[A-Z]+-\d{4}-\d{6}-\w\w", answer), seconds


async def ended(made: Stage, database: Database, room: str, record: str) -> float:
    """Let the time of an approval be over; return the seconds until nothing is shown."""
    tom, anna = made.people["tom"], made.people["anna"]
    alias = f"#_policybot_{record}:{made.synapse.server_name}"
    assert await leads_to(tom, alias) == room
    await asyncio.sleep(random.uniform(0, 15))  # noqa: S311 - anywhere between two strokes of the clock
    async with database.transaction() as tx:
        now = to_ms(datetime.now(UTC))
        await tx.execute("UPDATE filings SET valid_until = $1 WHERE record_number = $2", now, record)
    begun = time.perf_counter()

    async def is_gone() -> bool:
        return (
            await anna.state(room, LABEL, made.bot) == {}
            and room not in await listed(made)
            and room not in await filed_rooms(tom)
            and await leads_to(tom, alias) is None
        )

    return await until(is_gone, begun)


def shown(times: list[float]) -> str:
    """Write figures: the middle one and the worst."""
    return f"{median(times):.1f} s, at worst {max(times):.1f} s"


async def main() -> None:
    """Measure and print."""
    changes = {"filing.rooms_per_person": ROOMS * len(WAYS)}
    with tempfile.TemporaryDirectory() as folder:
        async with stage(Path(folder), changes=changes) as made:
            cast = Cast(made, lambda *_: None)
            await verified_and_signed(cast, "anna")
            database = await Database.open(load(made.config).database_url, upgrade=False)
            ends = []
            for way in WAYS:
                times = []
                for _ in range(ROOMS):
                    room, record, seconds = await approved(cast, await filed(cast, way))
                    times.append(seconds)
                    await cast.hears("anna", cast.rooms["anna"], f"record number {record}")
                    ends.append(await ended(made, database, room, record))
                print(f"from «approve» to the public directory, {way}: {shown(times)}", flush=True)
            await database.close()
            print(f"from the end of an approval until nothing is shown: {shown(ends)}", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
