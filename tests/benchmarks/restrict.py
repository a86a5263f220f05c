"""One account restricted in many governed rooms and released again, many rooms at once or one by one.

    python -m tests.benchmarks.restrict [ROOMS]

On a real Synapse on loopback, with the service's own outbox and SQLite: from the commit of a hold on an
account until the homeserver has carried it in every room, and from its lift until every right is back.
"""

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from mautrix.api import Method
from mautrix.api import Path as Route

from policybot.app import App
from policybot.config import load
from policybot.demo.stage import Stage, stage
from policybot.domain.ladder import Scope
from policybot.domain.sanction import State
from policybot.matrix.client import Client
from policybot.matrix.homeserver import MatrixHomeserver
from policybot.matrix.power import facts
from policybot.matrix.synapse import Synapse
from policybot.services.taking import levels_of
from policybot.store import rooms, sanctions
from policybot.store.database import Database
from policybot.store.rooms import Kind, Room

_WHY = "Sells stolen card numbers in every room"


class Counted(Client):
    """A client that counts what it asks for."""

    asked: ClassVar[list[tuple[Method, float]]] = []
    """Each request with the seconds that it took."""

    async def _request(self, method: Method, *rest: object) -> object:
        begun = time.perf_counter()
        try:
            return await super()._request(method, *rest)  # type: ignore[arg-type]  # handed on as it came
        finally:
            Counted.asked.append((method, time.perf_counter() - begun))

    @staticmethod
    def took(method: Method) -> float:
        """Give the milliseconds that a request took on average."""
        return statistics.mean([took for how, took in Counted.asked if how is method] or [0.0]) * 1000


def busy() -> float:
    """Give the seconds of a processor that our child processes have had: the homeserver's alone."""
    ticks = 0
    for task in Path("/proc/self/task").iterdir():
        for pid in (task / "children").read_text().split():
            ticks += sum(
                map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13])
            )
    return ticks / os.sysconf("SC_CLK_TCK")


async def governed(port: MatrixHomeserver, client: Client, app: App, number: int) -> list[str]:
    """Make rooms and know them as governed."""
    made = []
    for n in range(number):
        answer = await client.post(Route.v3.createRoom, {"preset": "public_chat", "name": f"Room {n}"})
        room_id = str(answer["room_id"])
        levels = await port._power.levels(room_id)
        async with app.database.transaction() as tx:
            room = Room(room_id, Kind.GOVERNED, levels_of(facts(levels)))
            await rooms.save(tx, room, app.setting.now())
        made.append(room_id)
    return made


async def measured(app: App, port: MatrixHomeserver, who: str, at_once: int) -> tuple[float, float, int]:
    """Hold somebody and lift it; return the seconds of each, and the requests of both."""
    services, worker = app.services, app.worker(port)
    worker._slots = asyncio.Semaphore(at_once)
    Counted.asked.clear()
    async with app.database.transaction() as tx:
        case = await services.holds.about_account(tx, "@mira:here", who)
    async with app.database.transaction() as tx:
        decision = await services.holds.impose(tx, "@mira:here", case, "R3", _WHY)
        assert decision.scope is Scope.ACCOUNT
    begun = time.perf_counter()
    await worker.drain()
    held = time.perf_counter() - begun
    async with app.database.transaction() as tx:
        sanction = await sanctions.of_decision(tx, decision.id)
        assert sanction is not None
        assert sanction.state is State.ACTIVE
        await services.sanctions.lift(tx, "@mira:here", case.id, "It was somebody else who did it")
    begun = time.perf_counter()
    await worker.drain()
    lifted = time.perf_counter() - begun
    await worker._give_up_leases()
    return held, lifted, len(Counted.asked)


async def run(made: Stage, number: int, told: Callable[[str], None]) -> None:
    """Measure in turn."""
    made.stop_bot()
    config = load(made.config)
    database = await Database.open(config.database_url, upgrade=False)
    app = App(config, database)
    app.setting.review_room = made.review_room
    await app.record_policy()
    address, token = config.homeserver.address, config.appservice.as_token.get_secret_value()
    client = Counted(address, token, made.session)
    admin = Synapse(Counted(address, config.admin_token, made.session))
    port = MatrixHomeserver(client, admin, bot=made.bot, secret="s" * 40)
    begun = time.perf_counter()
    await governed(port, client, app, number)
    told(f"{number} rooms made in {time.perf_counter() - begun:.0f} s")
    for who, at_once in (("tom", 8), ("lea", 1), ("otto", 1), ("anna", 8)):
        user_id = made.people[who].user_id
        before, own = busy(), time.process_time()
        held, lifted, asked = await measured(app, port, user_id, at_once)
        theirs, ours = busy() - before, time.process_time() - own
        told(
            f"{at_once} at once: restricted in {number} rooms in {held:.1f} s, released in "
            f"{lifted:.1f} s, {asked / number / 2:.1f} requests for each room and way; a look took "
            f"{Counted.took(Method.GET):.0f} ms, a change {Counted.took(Method.PUT):.0f} ms; of a "
            f"processor the homeserver had {theirs:.1f} s, we {ours:.1f} s; "
            f"load {os.getloadavg()[0]:.1f}"
        )
    await database.close()


async def main() -> None:
    """Measure and print."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    with tempfile.TemporaryDirectory() as folder:
        async with stage(Path(folder)) as made:
            await run(made, number, lambda text: print(text, flush=True))


if __name__ == "__main__":
    asyncio.run(main())
