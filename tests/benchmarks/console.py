"""The moderators' pages with 100,000 open cases: milliseconds for each, on both databases.

    python -m tests.benchmarks.console

The pages are asked for as a browser does, by HTTP, in the process that serves them.
"""

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

import aiohttp

from policybot.store.database import to_ms
from tests.papers import HOST
from tests.postgres import fresh_database, postgres
from tests.serving import served
from tests.world import World, find, world

CASES = 100_000
PEOPLE = 5_000
TIMES = 60
_BATCH = 5_000
_FIRST = 1_000
_HEADERS = {"Host": HOST, "Sec-Fetch-Site": "same-origin"}
_FILLED = {"rule": "R1", "severity": "S2", "facts": "Advertised a shop in a room for neighbours"}


async def fill(made: World) -> None:
    """Put open cases with a report each straight into the tables."""
    begun = to_ms(made.clock())
    for start in range(0, CASES, _BATCH):
        some = range(start, start + _BATCH)
        async with made.database.transaction() as tx:
            await tx.many(
                "INSERT INTO cases (id, kind, subject_key, room_id, event_id, user_id, state, opened_at,"
                " occurred_at) VALUES ($1, 'event', $2, $3, $4, $5, 'open', $6, $6)",
                [
                    (
                        _FIRST + n,
                        f"event {made.room} $x{n}",
                        made.room,
                        f"$x{n}",
                        f"@u{n % PEOPLE}:example.org",
                        begun + n,
                    )
                    for n in some
                ],
            )
            await tx.many(
                "INSERT INTO reports (id, reporter, subject_key, category, text, case_id, state,"
                " received_at, via) VALUES ($1, $2, $3, 'R1', 'Spam', $1, 'attached', $4, 'command')",
                [
                    (_FIRST + n, f"@r{n % PEOPLE}:example.org", f"event {made.room} $x{n}", begun + n)
                    for n in some
                ],
            )


async def measure(what: str, url: str) -> None:
    """Fill a database, ask for each page many times, and print."""
    with tempfile.TemporaryDirectory() as folder:
        async with world(Path(folder), url) as made:
            await made.governed_room()
            await made.verified("tom")
            number = await made.reported()
            await fill(made)
            link = find(r"/console/\S+", await made.say("mira", "!policy console"))
            async with served(made) as address, aiohttp.ClientSession(address) as session:
                async with session.post(link, headers=_HEADERS, allow_redirects=False) as answer:
                    queue = answer.headers["Location"]
                case = f"{queue}/{number}"
                await _page(session, f"{what}: the queue", "GET", queue)
                await _page(session, f"{what}: a case", "GET", case)
                await _page(session, f"{what}: what it would be", "POST", f"{case}/foresight")
                await _page(session, f"{what}: the look every 20 s", "POST", f"{case}/pulse")


async def _page(session: aiohttp.ClientSession, what: str, method: str, path: str) -> None:
    times = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        data = _FILLED if method == "POST" else None
        async with session.request(method, path, data=data, headers=_HEADERS) as answer:
            await answer.read()
            assert answer.status == 200, path
        times.append((time.perf_counter() - begun) * 1000)
    p95 = statistics.quantiles(times, n=20)[-1]
    print(f"{what}, {CASES:,} open cases: median {statistics.median(times):.1f} ms, p95 {p95:.1f} ms")


async def main() -> None:
    """Measure on both databases."""
    await measure("SQLite", "")
    with postgres() as socket:
        await measure("PostgreSQL", await fresh_database(socket, "console"))


if __name__ == "__main__":
    asyncio.run(main())
