"""Events per second through the transaction handler, for messages that mean nothing to the bot.

    python -m tests.benchmarks.transactions

Transactions of 100 messages come over loopback HTTP, one at a time as a homeserver sends them, from
the same process; so the figure holds client and server together on one core. Half of the rooms are
governed, half of those ask for verified persons, and the senders have verified and signed.
"""

import asyncio
import json
import tempfile
import time
from pathlib import Path

import aiohttp

from policybot.demo.synapse import free_port
from policybot.domain.publishing import Account
from policybot.domain.view import Room
from policybot.matrix.appservice import PolicyAppService
from policybot.matrix.network import Network
from policybot.services.messages import Messages
from tests.world import SERVER, world

TRANSACTIONS = 300
EVENTS = 100


def transaction(number: int) -> bytes:
    """Write a transaction as Synapse does."""
    events = [
        {
            "type": "m.room.message",
            "event_id": f"$clean-{number}-{n}",
            "room_id": f"!garden{n % 50}:{SERVER}",
            "sender": f"@somebody{n % 200}:{SERVER}",
            "origin_server_ts": 1_767_225_600_000 + n,
            "content": {"msgtype": "m.text", "body": "What a fine day for the roses! " * 6},
            "unsigned": {"age": 40},
        }
        for n in range(EVENTS)
    ]
    return json.dumps({"events": events}).encode()


def populate(messages: Messages) -> None:
    """Let the bot know the rooms and the senders."""
    for n in range(0, 50, 2):
        messages._rooms[f"!garden{n}:{SERVER}"] = Room(("general",), named=n % 4 == 0)
    for n in range(200):
        messages._accounts[f"@somebody{n}:{SERVER}"] = Account(verified=True, signed=1)


async def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        async with world(Path(folder)) as made, aiohttp.ClientSession() as session:
            port, token = free_port(), "x" * 40
            door = PolicyAppService(
                address="http://127.0.0.1:1",
                server_name=SERVER,
                id="policybot",
                localpart="policybot",
                as_token="y" * 40,
                hs_token=token,
                handle=made.inward.handle,
                network=Network(made.app.setting, made.database),
            )
            await door.start("127.0.0.1", port)
            populate(made.app.services.messages)
            bodies = [transaction(number) for number in range(TRANSACTIONS)]
            begun, cpu = time.perf_counter(), time.process_time()
            for number, body in enumerate(bodies):
                url = f"http://127.0.0.1:{port}/_matrix/app/v1/transactions/{number}"
                headers = {"Authorization": f"Bearer {token}"}
                async with session.put(url, data=body, headers=headers) as answer:
                    assert answer.status == 200
            wall, used = time.perf_counter() - begun, time.process_time() - cpu
            await door.stop()
    count = TRANSACTIONS * EVENTS
    print(f"clean events: {count / wall:,.0f}/s by the clock, {count / used:,.0f}/s of one core")


if __name__ == "__main__":
    asyncio.run(main())
