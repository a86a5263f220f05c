"""An overturned decision with many effects, undone to the last, on a real Synapse.

    python -m tests.benchmarks.overturn [ROOMS]

One account is restricted in ROOMS governed rooms, and a message of it removed in each, by one decision
(50 effects with 25 rooms). It appeals; from the commit of the appeal over the overturn and the wish to
have the messages back, until the homeserver itself says that every right and every message is back.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from mautrix.api import Path as Route

from policybot.app import App
from policybot.config import load
from policybot.demo.stage import Stage, stage
from policybot.domain.appeal import Verdict
from policybot.domain.effects import Redact, RestrictMember
from policybot.matrix.client import Client
from policybot.matrix.homeserver import MatrixHomeserver
from policybot.matrix.synapse import Synapse
from policybot.services.previews import Choice
from policybot.store import outbox
from policybot.store.database import Database
from tests.benchmarks.restrict import governed

MIRA, RAVI = "@mira:here", "@ravi:here"
FACTS = "Sells stolen card numbers in every room"
WHY = "It was somebody else who did it"


async def decided(app: App, port: MatrixHomeserver, who: str) -> int:
    """Have somebody restricted, and what they wrote removed; return the number of the case."""
    services, worker = app.services, app.worker(port)
    async with app.database.transaction() as tx:
        case = await services.holds.about_account(tx, MIRA, who)
    async with app.database.transaction() as tx:
        choice = Choice.read("R3", "S3", "proposed+remove:P1D", FACTS)
        taken = await services.decisions.decide(tx, MIRA, case, choice)
        assert taken.approval is None
    await worker.drain()
    await worker._give_up_leases()
    return case.id


async def overturned(app: App, port: MatrixHomeserver, who: str, case_id: int) -> tuple[float, float]:
    """Appeal, overturn, restore; return the seconds until the overturn, and until all, is done."""
    services, worker = app.services, app.worker(port)
    begun = time.perf_counter()
    async with app.database.transaction() as tx:
        await services.appeals.submit(tx, who, case_id, WHY)
    async with app.database.transaction() as tx:
        await services.hearings.end(tx, RAVI, f"C-{case_id}", Verdict.OVERTURN, "", WHY)
    await worker.drain()
    released = time.perf_counter() - begun
    async with app.database.transaction() as tx:
        await services.unwinding.restore(tx, who, case_id)
    await worker.drain()
    return released, time.perf_counter() - begun


async def observed(
    port: MatrixHomeserver, client: Client, who: str, rooms: list[str]
) -> tuple[int, int]:
    """Ask the homeserver in how many rooms somebody is restricted, and what they wrote stands."""
    bound = back = 0
    for room_id in rooms:
        bound += (await port._power.levels(room_id)).content.get("users", {}).get(who, 0) < 0
        page = await client.get(Route.v3.rooms[room_id].messages, {"dir": "b", "limit": "20"})
        said = [str(event.get("content", {}).get("body", "")) for event in page["chunk"]]
        back += any(f"{who} wrote on" in text and "Cards for sale" in text for text in said)
    return bound, back


async def run(made: Stage, number: int, told: Callable[[str], None]) -> None:
    """Measure once."""
    made.stop_bot()
    config = load(made.config)
    database = await Database.open(config.database_url, upgrade=False)
    app = App(config, database)
    app.setting.review_room = made.review_room
    await app.record_policy()
    address, token = config.homeserver.address, config.appservice.as_token.get_secret_value()
    client = Client(address, token, made.session)
    admin = Synapse(Client(address, config.admin_token, made.session))
    port = MatrixHomeserver(client, admin, bot=made.bot, secret="s" * 40)
    rooms, tom = await governed(port, client, app, number), made.people["tom"]
    for room_id in rooms:
        await tom.join(room_id)
        await tom.say(room_id, "Cards for sale")
    case_id = await decided(app, port, tom.user_id)
    async with database.transaction(reading=True) as tx:
        done = await outbox.tally(tx, "decision 1")
        kinds = [row["kind"] for row in await tx.fetch("SELECT kind FROM outbox WHERE state = 'done'")]
    effects = kinds.count(Redact.__name__) + kinds.count(RestrictMember.__name__)
    assert await observed(port, client, tom.user_id, rooms) == (number, 0), done
    released, whole = await overturned(app, port, tom.user_id, case_id)
    begun = time.perf_counter()
    assert await observed(port, client, tom.user_id, rooms) == (0, number)
    told(
        f"{effects} effects ({number} rooms, {number} messages): every right is back {released:.1f} s "
        f"after the appeal, every message {whole:.1f} s after it; looked at on the homeserver within "
        f"{time.perf_counter() - begun:.1f} s more; load {os.getloadavg()[0]:.1f}"
    )
    await database.close()


async def main() -> None:
    """Measure and print."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 25
    with tempfile.TemporaryDirectory() as folder:
        alone = {"ladder.approvals.second_person_from": {"measure": "suspend", "duration": "P30D"}}
        async with stage(Path(folder), changes=alone) as made:
            await run(made, number, lambda text: print(text, flush=True))


if __name__ == "__main__":
    asyncio.run(main())
