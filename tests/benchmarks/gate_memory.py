"""How much memory a million accounts take in the module, how long it takes them, and what stalls."""

import asyncio
import gc
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import aiohttp
import psutil
from aiohttp import web

from policybot.demo.synapse import free_port
from policybot.domain.publishing import Account
from policybot.domain.view import Room
from policybot.gate.link import Link, Lost
from policybot.gate.replica import Replica
from policybot.gate.wire import PROTOCOL, Head, Page, page_out
from tests.feeding import house
from tests.viewing import NAMED

PEOPLE, PAGE = 1_000_000, 4_000
GOAL = 150
"""MiB."""
KINDS: dict[str, Callable[[int], str]] = {
    "short": lambda n: f"@user{n:06}:example.org",
    "long": lambda n: f"@{n:08x}-5f3a-4d1e-9b7c-{n * 7919:012x}:example.org",
}
_T = TypeVar("_T")


def page(kind: str, begin: int, clock: int) -> dict[str, Any]:
    """Make a page of everything."""
    name = KINDS[kind]
    ids = range(begin, min(begin + PAGE, PEOPLE))
    people = {
        name(n): Account(verified=True, signed=1 + n % 3, language="de" * (n % 5 == 0)) for n in ids
    }
    more = str(begin + PAGE) if begin + PAGE < PEOPLE else None
    rooms: dict[str, Room | None] = (
        {f"!r{n}:example.org": NAMED for n in range(1000)} if not begin else {}
    )
    return page_out(
        Page(clock, Head(house("example.org"), 1, rules="1"), True, more, rooms=rooms, accounts=people)
    )


def serve(kind: str, port: int) -> None:
    """Be a policybot, in a process of its own."""
    clock = 1

    async def view(request: web.Request) -> web.Response:
        nonlocal clock
        asked = await request.json()
        clock += asked["since"] is not None
        return web.json_response(page(kind, int(asked["after"] or 0), clock))

    async def rules(_: web.Request) -> web.Response:
        return web.json_response({"protocol": PROTOCOL, "version": "1", "rules": []})

    app = web.Application()
    app.add_routes([web.post("/gate/view", view), web.post("/gate/rules", rules)])
    web.run_app(app, host="127.0.0.1", port=port, print=None)


class Host:
    """A host on asyncio."""

    def __init__(self, session: aiohttp.ClientSession, address: str) -> None:
        """Ask there."""
        self._session, self._address = session, address

    def now(self) -> datetime:
        """Say what time it is."""
        return datetime.now(UTC)

    async def post(
        self, path: str, body: Mapping[str, Any], patience: float, most: int
    ) -> tuple[int, bytes]:
        """Ask."""
        try:
            async with self._session.post(self._address + path, json=body) as answer:
                return answer.status, await answer.read()
        except aiohttp.ClientError as error:
            raise Lost(type(error).__name__) from None

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)

    async def in_thread(self, work: Callable[[], _T]) -> _T:
        """Do it aside."""
        return await asyncio.to_thread(work)


class Watch:
    """The longest time for which nothing else could run, and the most memory.

    Time is that of this process, all threads together, for the machine may have other things to do.
    """

    def __init__(self) -> None:
        """Watch."""
        self.longest = 0.0
        self.pauses: list[float] = []
        self.most = 0
        self._process = psutil.Process()

    async def run(self) -> None:
        """Wake up each millisecond, and see how late it is."""
        while True:
            before = time.process_time()
            await asyncio.sleep(0.001)
            late = time.process_time() - before
            self.pauses.append(late)
            self.longest = max(self.longest, late)
            self.most = max(self.most, self.mib())

    def mib(self) -> int:
        """Say how much memory there is now."""
        return int(self._process.memory_info().rss) >> 20


async def measure(kind: str) -> None:
    """Take everything once, and once more as if it had been forgotten."""
    port = free_port()
    gc.disable()  # as Synapse does, which collects when it has the time
    command = [sys.executable, "-m", "tests.benchmarks.gate_memory", kind, str(port)]
    server = subprocess.Popen(command)  # noqa: ASYNC220 - it returns at once
    address = f"http://127.0.0.1:{port}"
    try:
        async with aiohttp.ClientSession() as session:
            for _ in range(200):
                with suppress(aiohttp.ClientError):
                    async with session.post(f"{address}/gate/rules", json={}):
                        break
                await asyncio.sleep(0.05)
            link = Link(Host(session, address), Replica(), "1", "main", "i", timedelta(days=1))
            watch = Watch()
            gc.collect()
            begin = watch.mib()
            watching = asyncio.create_task(watch.run())
            for name in ("at first", "once more"):
                started = time.perf_counter()
                await link._turn()
                while link._after is not None:
                    await link._turn()
                took = time.perf_counter() - started
                gc.collect()
                grown = watch.mib() - begin
                late = sorted(watch.pauses)[int(len(watch.pauses) * 0.999)] * 1000
                print(
                    f"{kind:5} names, {name:9}: {len(link.replica):,} accounts, {took:5.1f} s, memory "
                    f"+{grown} MiB (peak +{watch.most - begin}; goal {GOAL}), longest pause "
                    f"{watch.longest * 1000:.1f} ms, p99.9 {late:.1f} ms"
                )
                watch.longest, watch.pauses = 0.0, []
            watching.cancel()
    finally:
        server.terminate()
        server.wait()


def main() -> None:
    """Measure each kind of name in a process of its own."""
    match sys.argv[1:]:
        case [kind, port]:
            serve(kind, int(port))
        case [kind]:
            asyncio.run(measure(kind))
        case _:
            for kind in KINDS:
                subprocess.run([sys.executable, "-m", "tests.benchmarks.gate_memory", kind], check=True)


if __name__ == "__main__":
    main()
