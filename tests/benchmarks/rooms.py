"""A scan of a homeserver with 10,000 public rooms, none of them filed: seconds, requests, memory.

    python -m tests.benchmarks.rooms

The list is a fake one over loopback HTTP, in a process of its own, whose answers the tests hold against
Synapse's. The first scan writes every room down; the second finds all of them again. That memory does
not grow with the list is seen beside a list of 1,000 rooms; half of them have names of 700 characters.
"""

import asyncio
import multiprocessing
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

import aiohttp
import psutil
from aiohttp import web

from policybot.app import App
from policybot.config import load
from policybot.demo.synapse import free_port
from policybot.matrix.client import Client
from policybot.matrix.listing import Listing
from policybot.matrix.synapse import Synapse
from policybot.ports import RoomsPage
from policybot.store.database import Database
from tests import files
from tests.listing import FakeList, row

SIZES = (1_000, 10_000)
NOTHING = {"filing.unfiled": {"action": "nothing"}}


class Counted:
    """A list of rooms whose pages are counted."""

    def __init__(self, listing: Listing) -> None:
        self._listing = listing
        self.requests = 0
        self.room_of, self.reachable = listing.room_of, listing.reachable

    async def page(self, start: int, limit: int) -> RoomsPage:
        self.requests += 1
        return await self._listing.page(start, limit)


def serve(size: int, port: int, ready: Connection) -> None:
    """Serve a list of so many rooms until killed."""
    rooms = [
        row(f"!room{n:06}:example.org", f"@user{n % 997}:example.org", "A room " * (1 + n % 2 * 100))
        for n in range(size)
    ]

    async def main() -> None:
        runner = web.AppRunner(FakeList(rooms).application())
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        ready.send(True)
        await asyncio.Event().wait()

    asyncio.run(main())


async def measure(size: int, folder: Path) -> None:
    """Scan twice, and print."""
    here, there = multiprocessing.Pipe()
    port = free_port()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(size, port, there))
    server.start()
    try:
        here.recv()
        await _measure(size, folder, f"http://127.0.0.1:{port}")
    finally:
        server.kill()
        server.join()


async def _measure(size: int, folder: Path, address: str) -> None:
    config = load(files.write(folder, "", NOTHING))
    database = await Database.open(config.database_url)
    app = App(config, database)
    app.setting.review_room = "!review:example.org"
    process = psutil.Process()
    async with aiohttp.ClientSession() as session:
        client = Client(address, "token", session)
        directory = Counted(Listing(client, Synapse(client)))
        await directory.page(0, 100)
        for what in ("first", "second"):
            directory.requests = 0
            before = peak = process.memory_info().rss
            begun = time.perf_counter()
            begin = True
            while await app.services.unfiled.advance(database, directory, now=begin):
                begin = False
                peak = max(peak, process.memory_info().rss)
            wall = time.perf_counter() - begun
            print(
                f"{size:,} rooms, {what} scan: {wall:.1f} s, {directory.requests} requests, memory "
                f"{before / 2**20:.0f} MiB before, at most {(peak - before) / 2**20:+.1f} MiB"
            )
    await database.close()


async def main() -> None:
    """Measure lists of both sizes."""
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            await measure(size, Path(folder))


if __name__ == "__main__":
    asyncio.run(main())
