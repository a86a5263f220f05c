"""The network of filed rooms: clients list it, and find a room by its record number and by no other."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from policybot.domain.number import record as written
from tests.matrix.test_door import TOKEN, opened
from tests.world import World, find

PROTOCOL = "org.policybot.filed"


@dataclass
class Directory:
    """A homeserver's way of asking."""

    session: aiohttp.ClientSession
    url: str

    async def get(self, path: str, token: str = TOKEN, **query: str) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        url = f"{self.url}/_matrix/app/v1/thirdparty/{path}"
        async with self.session.get(url, headers=headers, params=query) as answer:
            return answer.status, await answer.json()


@pytest.fixture
async def directory(world: World) -> AsyncIterator[Directory]:
    service, port = await opened(world, world.inward.handle)
    async with aiohttp.ClientSession() as session:
        yield Directory(session, f"http://127.0.0.1:{port}")
    await service.stop()


async def test_clients_learn_of_the_network(directory: Directory) -> None:
    status, body = await directory.get(f"protocol/{PROTOCOL}")
    assert status == 200
    assert body["location_fields"] == ["number"]
    assert body["instances"] == [
        {"network_id": "filed", "desc": "Filed public rooms", "fields": {}},
    ]
    for key in ("user_fields", "icon", "field_types"):
        assert key in body
    for other in ("irc", "%3Cb%3E", "x" * 2000):
        assert (await directory.get(f"protocol/{other}"))[0] == 404


async def test_a_room_is_found_by_its_number_and_by_its_alias(
    world: World, directory: Directory
) -> None:
    record = await world.governed_room()
    alias = f"#_policybot_{record}:example.org"
    found = [{"alias": alias, "protocol": PROTOCOL, "fields": {"number": record, "network": "filed"}}]
    assert await directory.get(f"location/{PROTOCOL}", number=record) == (200, found)
    assert await directory.get(f"location/{PROTOCOL}", number=f" {record.lower()} ") == (200, found)
    assert await directory.get("location", alias=alias) == (200, found)
    assert world.homeserver.aliases[alias] == world.room


async def test_a_number_with_a_wrong_character_is_told_as_such(
    world: World, directory: Directory
) -> None:
    record = await world.governed_room()
    wrong = record[:-1] + ("0" if record[-1] != "0" else "1")
    status, body = await directory.get(f"location/{PROTOCOL}", number=wrong)
    assert (status, body["errcode"]) == (404, "M_NOT_FOUND")
    assert "check characters do not fit" in body["error"]
    status, body = await directory.get(f"location/{PROTOCOL}", number=written("PB", 2026, 99))
    assert status == 404
    assert "no room in force" in body["error"]


@pytest.mark.parametrize(
    "number",
    [
        "",
        "F-1",
        "PB-2026-000001",
        "<script>alert(1)</script>",
        "\u202ePB-2026-000001-OE",
        "PB-2026-000001-OE' OR 1=1 --",
        "PB-٢٠٢٦-000001-OE",
        "9" * 5000,
        "\x00",
        '{"number": 1}',
    ],
)
async def test_whatever_is_asked_for_is_answered_calmly(directory: Directory, number: str) -> None:
    for status, body in (
        await directory.get(f"location/{PROTOCOL}", number=number),
        await directory.get("location", alias=number),
        await directory.get("location", alias=f"#_policybot_{number}:example.org"),
    ):
        assert (status, body["errcode"]) == (404, "M_NOT_FOUND")
        assert number not in body["error"] or not number


@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1]])
async def test_nobody_but_the_homeserver_may_ask(world: World, directory: Directory, token: str) -> None:
    record = await world.governed_room()
    for path, query in (
        (f"protocol/{PROTOCOL}", {}),
        (f"location/{PROTOCOL}", {"number": record}),
        (f"location/{PROTOCOL}", {"number": record, "access_token": TOKEN}),
        ("location", {"alias": f"#_policybot_{record}:example.org"}),
        ("user", {"userid": "@tom:example.org"}),
        (f"user/{PROTOCOL}", {}),
    ):
        assert (await directory.get(path, token, **query))[0] == 403


async def test_a_room_that_is_not_in_force_is_not_found(world: World, directory: Directory) -> None:
    record = await world.governed_room()
    await world.say("lea", f"!policy report {world.room} R2 The whole room hunts a neighbour")
    answer = await world.review("mira", "!policy decide C-1 R2 S4 proposed The room hunts a neighbour")
    code = find(r"(?<=!policy confirm )\w+", answer)
    await world.review("otto", f"!policy confirm {code}")
    assert (await directory.get(f"location/{PROTOCOL}", number=record))[0] == 404
    await world.tick(days=31)
    assert (await directory.get(f"location/{PROTOCOL}", number=record))[0] == 200
    await world.tick(days=366)
    assert (await directory.get(f"location/{PROTOCOL}", number=record))[0] == 404
    assert (await directory.get("location", alias=f"#_policybot_{record}:example.org"))[0] == 404


async def test_the_network_has_no_users(directory: Directory) -> None:
    assert (await directory.get("user", userid="@tom:example.org"))[0] == 404
    assert (await directory.get(f"user/{PROTOCOL}", name="Tom"))[0] == 404
