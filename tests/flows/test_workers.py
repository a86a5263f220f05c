"""Many workers on one database: they never hold each other up for ever."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from policybot.store import outbox
from tests.postgres import give_back, ready_database
from tests.world import World
from tests.world import world as make_world

WORKERS = 20
ROUNDS = 30


@pytest.fixture
async def shared(tmp_path: Path, postgres_socket: str) -> AsyncIterator[World]:
    """A world on PostgreSQL."""
    url = await ready_database(postgres_socket)
    async with make_world(tmp_path, url) as made:
        yield made
    await give_back(postgres_socket, url)


async def test_twenty_workers_take_renew_and_give_up_leases_without_a_deadlock(shared: World) -> None:
    async def work(number: int) -> None:
        worker = shared.app.worker(shared.homeserver, owner=f"worker {number}")
        worker._life = timedelta(0)
        for turn in range(ROUNDS):
            await worker._renew()
            if turn % 3 == number % 3:
                # Not `_give_up_leases`, which would only log it.
                async with shared.database.transaction() as tx:
                    await outbox.release(tx, worker._owner)

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        for number in range(WORKERS):
            group.create_task(work(number))
