"""The door for the homeserver: what is let in, what is sent away, and that nothing is lost."""

import asyncio
import io
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from policybot.demo.synapse import free_port
from policybot.matrix.appservice import MAX_BODY, Handler, PolicyAppService
from policybot.matrix.network import Network
from policybot.store.database import DatabaseAway
from tests.world import BOT, REVIEW, SERVER, World, user

TOKEN = "h" * 40


@dataclass
class Door:
    """The door, and a homeserver's way of knocking."""

    session: aiohttp.ClientSession
    url: str

    async def put(
        self, body: bytes | str, *, token: str | None = TOKEN, number: str = "1", query: str = ""
    ) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
        url = f"{self.url}/_matrix/app/v1/transactions/{number}{query}"
        data = io.BytesIO(body if isinstance(body, bytes) else body.encode())
        async with self.session.put(url, data=data, headers=headers) as answer:
            return answer.status, await answer.json()


async def opened(world: World, handle: Handler) -> tuple[PolicyAppService, int]:
    port = free_port()
    door = PolicyAppService(
        address="http://127.0.0.1:1",
        server_name=SERVER,
        id="policybot",
        localpart="policybot",
        as_token="a" * 40,
        hs_token=TOKEN,
        handle=handle,
        network=Network(world.app.setting, world.database),
    )
    await door.start("127.0.0.1", port)
    return door, port


@pytest.fixture
async def door(world: World) -> AsyncIterator[Door]:
    service, port = await opened(world, world.inward.handle)
    async with aiohttp.ClientSession() as session:
        yield Door(session, f"http://127.0.0.1:{port}")
    await service.stop()


def message(number: int, body: str = "hello", **more: Any) -> dict[str, Any]:
    return {
        "type": "m.room.message",
        "event_id": f"$e{number}",
        "room_id": f"!garden:{SERVER}",
        "sender": user("tom"),
        "origin_server_ts": 1,
        "content": {"msgtype": "m.text", "body": body},
    } | more


def transaction(*events: Any) -> str:
    return json.dumps({"events": events})


@pytest.mark.parametrize("token", ["", "wrong", "h" * 39, "h" * 41, None])
async def test_without_the_right_token_nobody_gets_in(door: Door, token: str | None) -> None:
    status, body = await door.put(transaction(message(1)), token=token)
    assert (status, body["errcode"]) == (403, "M_FORBIDDEN")


async def test_a_token_in_the_address_is_no_token(door: Door) -> None:
    status, _ = await door.put(transaction(), token=None, query=f"?access_token={TOKEN}")
    assert status == 403


@pytest.mark.parametrize(
    "body",
    [
        "",
        "no JSON",
        "[]",
        "{}",
        '{"events": {}}',
        '{"events": [1]}',
        '{"events": ["$e"]}',
        '{"events": ' + "[" * 100_000,
        '{"events": [' + '{"a":' * 50_000 + "1" + "}" * 50_000 + "]}",
        b"\xff\xfe\x00",
    ],
)
async def test_what_is_no_transaction_is_refused(door: Door, body: str | bytes) -> None:
    status, answer = await door.put(body)
    assert (status, answer["errcode"]) == (400, "M_NOT_JSON")


async def test_a_body_beyond_the_limit_is_refused(door: Door) -> None:
    status, answer = await door.put(b" " * (MAX_BODY + 1))
    assert (status, answer["errcode"]) == (413, "M_TOO_LARGE")


async def test_a_transaction_of_three_megabytes_is_taken(door: Door, world: World) -> None:
    events = [message(n, "x" * 30_000) for n in range(99)]
    events.append(message(99, "!policy help", room_id=REVIEW, sender=user("mira")))
    body = transaction(*events)
    assert len(body) > 2.9e6
    assert await door.put(body) == (200, {})
    await world.work()
    assert "!policy decide" in world.in_review()[-1]


async def test_events_are_handled_in_order_before_the_answer(world: World) -> None:
    handled: list[str] = []

    async def handle(event: Any) -> None:
        await asyncio.sleep(0)
        handled.append(event["event_id"])

    service, port = await opened(world, handle)
    async with aiohttp.ClientSession() as session:
        knock = Door(session, f"http://127.0.0.1:{port}")
        await knock.put(transaction(*(message(n) for n in range(50))))
        assert handled == [f"$e{n}" for n in range(50)]
    await service.stop()


async def test_while_the_database_is_away_the_homeserver_is_asked_to_send_again(
    world: World,
) -> None:
    handled: list[str] = []

    async def handle(event: Any) -> None:
        if len(handled) == 2:
            raise DatabaseAway
        handled.append(event["event_id"])

    service, port = await opened(world, handle)
    async with aiohttp.ClientSession() as session:
        knock = Door(session, f"http://127.0.0.1:{port}")
        status, _ = await knock.put(transaction(*(message(n) for n in range(5))))
    await service.stop()
    assert status == 503
    assert handled == ["$e0", "$e1"]


async def test_a_transaction_that_comes_twice_at_the_same_time_is_handled_once(
    door: Door, world: World
) -> None:
    await world.direct("lea")
    room = await world.direct("lea")
    events = [message(n, "!policy me", room_id=room, sender=user("lea")) for n in range(5)]
    body = transaction(*events)
    before = len(world.homeserver.said)
    found = await asyncio.gather(*(door.put(body, number=str(n)) for n in (1, 1, 2)))
    assert [status for status, _ in found] == [200] * 3
    await world.work()
    assert len(world.homeserver.said) - before == 5


async def test_a_ping_is_answered_and_nothing_is_made_on_demand(door: Door) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    for method, path, status in (
        ("POST", "ping", 200),
        ("GET", f"users/{BOT}", 404),
        ("GET", "rooms/%23x:y", 404),
    ):
        url = f"{door.url}/_matrix/app/v1/{path}"
        async with door.session.request(method, url, headers=headers) as answer:
            assert answer.status == status
        async with door.session.request(method, url) as answer:
            assert answer.status == 403


async def test_what_people_write_is_never_logged(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await door.put(transaction(message(1, "!policy CANARY-4711"), message(2, "CANARY-4712")))
    await door.put('{"events": "CANARY-4713"}')
    assert "CANARY" not in caplog.text
