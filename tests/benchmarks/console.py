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

from tests.benchmarks.queue import CASES, fill
from tests.papers import HOST
from tests.postgres import fresh_database, postgres
from tests.serving import served
from tests.world import find, world

TIMES = 60
_NARROWED = {"later": "after=C-50000", "free": "only=free", "mine": "only=mine", "rule": "rule=R2"}
_HEADERS = {"Host": HOST, "Sec-Fetch-Site": "same-origin"}
_FILLED = {"rule": "R1", "severity": "S2", "facts": "Advertised a shop in a room for neighbours"}


async def measure(what: str, url: str) -> None:
    """Fill a database, ask for each page many times, and print."""
    with tempfile.TemporaryDirectory() as folder:
        async with world(Path(folder), url) as made:
            await fill(made.database, ())
            async with made.database.transaction() as tx:
                for name in ("case", "report"):
                    await tx.execute("INSERT INTO counters (name, value) VALUES ($1, $2)", name, CASES)
            await made.governed_room()
            await made.verified("tom")
            number = await made.reported()
            link = find(r"/console/\S+", await made.say("mira", "!policy console"))
            async with served(made) as address, aiohttp.ClientSession(address) as session:
                async with session.post(link, headers=_HEADERS, allow_redirects=False) as answer:
                    queue = answer.headers["Location"]
                case = f"{queue}/{number}"
                await _page(session, f"{what}: the queue", "GET", queue)
                for title, query in _NARROWED.items():
                    await _page(session, f"{what}: {title}", "GET", f"{queue}?{query}")
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
