"""Other programs that report over HTTP: known by a token, once per reference, never a decision."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from policybot.domain.report import MOST_TEXT
from policybot.store.database import Database, DatabaseAway
from tests import canary
from tests.serving import served
from tests.web.test_pages import HOST
from tests.world import World, user
from tests.world import world as make_world

SCANNER, RADAR = "scanner-token-" + "s" * 30, "radar-token-" + "r" * 30
TOOLS = [{"name": "link-scanner", "token": SCANNER}, {"name": "radar", "token": RADAR}]


@dataclass
class Tool:
    """A program that reports."""

    world: World
    session: aiohttp.ClientSession
    url: str
    one_worker: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def post(self, body: Any, token: str | None = SCANNER) -> tuple[int, Any]:
        headers = {"Host": HOST} | ({"Authorization": f"Bearer {token}"} if token else {})
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        async with self.session.post(f"{self.url}/intake/reports", data=data, headers=headers) as answer:
            assert answer.content_type == "application/json"
            said = await answer.json()
        async with self.one_worker:
            await self.world.work()
        return answer.status, said

    async def get(self, receipt: str, token: str = SCANNER) -> tuple[int, Any]:
        headers = {"Host": HOST, "Authorization": f"Bearer {token}"}
        async with self.session.get(f"{self.url}/intake/reports/{receipt}", headers=headers) as answer:
            return answer.status, await answer.json()

    async def reports(self) -> list[Any]:
        async with self.world.database.transaction(reading=True) as tx:
            return list(await tx.fetch("SELECT * FROM reports ORDER BY id"))


async def tools(folder: Path, database_url: str = "", **changes: Any) -> AsyncIterator[Tool]:
    async with (
        make_world(folder, database_url, **{"reports.tools": TOOLS} | changes) as world,
        served(world) as url,
        aiohttp.ClientSession() as session,
    ):
        await world.governed_room()
        yield Tool(world, session, url)


@pytest.fixture
async def tool(tmp_path: Path) -> AsyncIterator[Tool]:
    async for made in tools(tmp_path):
        yield made


@pytest.fixture
async def any_tool(tmp_path: Path, database_url: str) -> AsyncIterator[Tool]:
    async for made in tools(tmp_path, database_url):
        yield made


async def test_a_program_reports_and_reads_the_outcome_but_decides_nothing(any_tool: Tool) -> None:
    """It is answered like everybody (I19), and no machine restricts anybody (I20)."""
    tool, world = any_tool, any_tool.world
    event = await world.message("tom", "Buy my spades!", world.room)
    body = {"room_id": world.room, "event_id": event, "rule": "R1", "text": "A link to a shop"}
    status, said = await tool.post(body)
    assert (status, said["receipt"], said["case"], said["state"]) == (201, "R-1", "C-1", "open")
    card = world.in_review()[-1]
    assert "Came from the program link-scanner and names R1." in card
    assert world.told("tom") == [], "a report is no decision"
    assert event not in world.homeserver.redacted
    assert await tool.get("R-1") == (200, said)
    assert "is being carried out" in await world.decided("C-1", "warn")
    _, said = await tool.get("R-1")
    assert (said["state"], said["outcome"]) == ("resolved", "actioned")
    assert not any(where.startswith("tool:") for where, _ in world.homeserver.said.values())


async def test_a_program_of_a_trusted_flagger_is_named_with_it(tmp_path: Path) -> None:
    body: dict[str, Any] = {"name": "Garden hotline", "tools": ["radar"], "rules": ["R1"]}
    more: dict[str, Any] = {"reports.trusted_flaggers": [body]}
    async for tool in tools(tmp_path, **more):
        for rule, said in (
            ("R1", "Came from the program radar of the trusted flagger Garden hotline and names R1."),
            ("R2", "Came from the program radar and names R2."),
        ):
            event = await tool.world.message("tom", f"Spades, {rule}", tool.world.room)
            about = {"room_id": tool.world.room, "event_id": event, "rule": rule, "text": "A shop"}
            assert (await tool.post(about, RADAR))[0] == 201
            assert said in tool.world.in_review()[-1]
        assert [row["flagger"] for row in await tool.reports()] == ["Garden hotline", None]


async def test_each_way_of_saying_what_it_is_about(tool: Tool) -> None:
    event = await tool.world.message("tom", "Buy my spades!", tool.world.room)
    room = tool.world.room
    for about in (
        {"link": f"https://matrix.to/#/{room}/{event}"},
        {"room_id": room, "event_id": event},
        {"room_id": room},
        {"link": room, "user_id": None},
        {"user_id": user("tom")},
        {"link": f"https://matrix.to/#/{user('tom')}"},
        {"server_name": "Elsewhere.NET:8448"},
        {"link": "elsewhere.net"},
    ):
        status, _ = await tool.post({**about, "text": "A link to a shop"})
        assert status in (200, 201), about
    assert [row["subject_key"] for row in await tool.reports()] == [
        *(f"event {room} {event}", f"room {room}", f"user {user('tom')}", "server elsewhere.net")
    ], "what is known already is told again, and is no second report"


async def test_a_reference_counts_once_also_after_the_decision(any_tool: Tool) -> None:
    tool, world = any_tool, any_tool.world
    body = {"user_id": user("tom"), "text": "Sends links", "reference": "scan-1"}
    first = await asyncio.gather(*(tool.post(body) for _ in range(5)))
    assert sorted(status for status, _ in first) == [200] * 4 + [201]
    assert {said["receipt"] for _, said in first} == {"R-1"}
    await world.review("mira", "!policy dismiss C-1 Links are allowed here")
    status, said = await tool.post({**dict(reversed(list(body.items())))})
    assert (status, said["receipt"], said["outcome"]) == (200, "R-1", "no_breach")
    status, said = await tool.post({**body, "text": "Sends other links"})
    assert (status, said["errcode"]) == (409, "M_UNKNOWN")
    # The same words of another program are another reference.
    assert (await tool.post(body, RADAR))[0] == 201
    assert (await tool.post({**body, "reference": "scan-2"}))[0] == 201
    assert len(await tool.reports()) == 3
    assert canary.in_files(world.config.key_file.parent, "scan-1") == [], "it may name somebody"


async def test_what_is_refused_takes_no_reference(tool: Tool) -> None:
    body = {"room_id": "!private:example.org", "text": "Sends links", "reference": "scan-1"}
    assert (await tool.post(body))[0] == 404
    assert (await tool.post(body | {"room_id": tool.world.room}))[0] == 201


@pytest.mark.parametrize("token", [None, "", "x" * 44, SCANNER[:-1], f"{SCANNER}x", "é" * 20])
async def test_a_wrong_token_learns_nothing(tool: Tool, token: str | None) -> None:
    await tool.post({"user_id": user("tom"), "text": "Sends links"})
    status, said = await tool.post(b"{}", token)
    assert (status, said["errcode"]) == (403, "M_FORBIDDEN")
    status, said = await tool.get("R-1", token or "")
    assert (status, said["errcode"]) == (403, "M_FORBIDDEN")


async def test_a_program_sees_its_own_reports_alone(tool: Tool) -> None:
    await tool.post({"user_id": user("tom"), "text": "Sends links"})
    link = f"https://matrix.to/#/{tool.world.room}"
    await tool.world.say("lea", f"!policy report {link} R1 An advert")
    assert len(await tool.reports()) == 2
    for receipt, token in (
        *(("R-1", RADAR), ("R-2", SCANNER), ("R-3", SCANNER), ("x", SCANNER)),
        *((f"R-{'9' * 12}", SCANNER), (f"R-{'9' * 5000}", SCANNER), ("R-١", SCANNER), ("%00", SCANNER)),
    ):
        status, said = await tool.get(receipt, token)
        assert (status, said["errcode"]) == (404, "M_NOT_FOUND"), receipt


ABOUT = {"user_id": "@tom:example.org"}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "not a JSON object"),
        (b"[" * 50_000, "not a JSON object"),
        (b'{"text": NaN', "not a JSON object"),
        ([], "not a JSON object"),
        ({"text": "Sends links"}, "give either"),
        (ABOUT | {"text": "Sends links", "link": "!x:y"}, "give either"),
        (ABOUT | {"text": "Sends links", "event_id": "$x"}, "give either"),
        ({"event_id": "$x", "text": "Sends links"}, "give either"),
        ({"user_id": "tom", "text": "Sends links"}, "user_id"),
        ({"user_id": "!garden:example.org", "text": "Sends links"}, "user_id"),
        ({"room_id": "!garden:example.org", "event_id": "x", "text": "abc"}, "room_id, event_id"),
        ({"room_id": "elsewhere.net", "text": "abc"}, "room_id"),
        ({"user_id": "elsewhere.net", "text": "abc"}, "user_id"),
        ({"server_name": "localhost", "text": "abc"}, "server_name"),
        ({"server_name": "a.net", "event_id": "$x", "text": "abc"}, "give either"),
        ({"link": "https://example.org", "text": "Sends links"}, "link"),
        (ABOUT, "text"),
        (ABOUT | {"text": " \u202e a "}, "text"),
        (ABOUT | {"text": "x" * (MOST_TEXT + 1)}, "text"),
        (ABOUT | {"text": ["Sends links"]}, "text: a text"),
        (ABOUT | {"text": "Sends links", "rule": "R99"}, "rule: one of"),
        (ABOUT | {"text": "Sends links", "measure": "close"}, "measure: there is no such key"),
        (ABOUT | {"text": "Sends links", "reference": "x" * 201}, "reference"),
        (ABOUT | {"text": "Sends links", "reference": "a\nb"}, "reference"),
        (b'{"user_id": 1' + b"0" * 5000 + b"}", "not a JSON object"),
        (b'{"text": "Sends links", "user_id": 1e999}', "user_id: a text"),
        (b"\xff\xfe" + b"\xd8" * 99, "not a JSON object"),
        (b'{"\\ud800": "x", "text": "Sends links"}', "no such key"),
        (b'{"room_id": "!\\ud800:x", "text": "Sends links"}', "room_id"),
        (b'{"link": "https://matrix.to/#/!a%00b:x", "text": "Sends links"}', "link"),
        (b'{"link": "https://matrix.to/#/%ed%a0%80", "text": "Sends links"}', "link"),
        (b'{"user_id": "@tom:example.org", "text": "\\ud800\\u0000\\udfff"}', "text"),
        (b'{"user_id": "@tom:example.org", "text": "Sends links", "text": "a"}', "text"),
        (ABOUT | {"text": "Sends links", "reference": "\ud800"}, "reference"),
        (ABOUT | {"text": "Sends links", "reference": "\x00"}, "reference"),
        ({"room_id": "#" + "a:" * 30_000, "text": "Sends links"}, "room_id"),
    ],
)
async def test_what_was_not_agreed_on_is_refused_in_words(tool: Tool, body: Any, says: str) -> None:
    status, said = await tool.post(body)
    assert (status, said["errcode"]) == (400, "M_BAD_JSON")
    assert says in said["error"]
    assert await tool.reports() == []


async def test_what_we_do_not_look_after_is_not_there(tool: Tool) -> None:
    for room, event in (("!private:example.org", None), (tool.world.room, "$nothing")):
        status, said = await tool.post({"room_id": room, "event_id": event, "text": "Sends links"})
        assert (status, said["errcode"]) == (404, "M_NOT_FOUND")


async def test_too_large_too_many_and_a_database_that_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async for tool in tools(tmp_path, "", **{"reports.tools_an_hour": 2}):
        status, said = await tool.post(ABOUT | {"text": "x" * 70_000})
        assert (status, said["errcode"]) == (413, "M_TOO_LARGE")
        body = ABOUT | {"text": "Sends links", "reference": "1"}
        assert (await tool.post(body))[0] == 201
        assert (await tool.post(body | {"reference": "2"}))[0] == 200
        status, said = await tool.post(body | {"reference": "3"})
        assert (status, said["errcode"]) == (429, "M_LIMIT_EXCEEDED")
        assert 0 < said["retry_after_ms"] <= 3_600_000
        assert (await tool.post(body))[0] == 200, "what is known already costs nothing"
        assert (await tool.post(body, RADAR))[0] == 201, "each has its own measure"
        tool.world.clock.pass_time(hours=1)
        assert (await tool.post(body | {"reference": "3"}))[0] == 200

        def broken(self: Database, *, reading: bool = False) -> Any:
            message = "no route to host"
            raise DatabaseAway(message)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Database, "transaction", broken)
            patch.setattr(World, "work", _nothing)
            status, said = await tool.post(body | {"reference": "4"})
        assert (status, said["errcode"]) == (503, "M_UNKNOWN")


async def _nothing(*_: Any) -> None:
    """Stand in for work that needs a database."""


async def test_without_programs_there_is_no_door(world: World) -> None:
    async with served(world) as url, aiohttp.ClientSession() as session:
        async with session.post(f"{url}/intake/reports", headers={"Host": HOST}) as answer:
            assert answer.status in (403, 404)
        async with session.get(f"{url}/intake/reports/R-1", headers={"Host": HOST}) as answer:
            assert answer.status == 404


async def test_what_cannot_be_shown_is_left_out_of_what_is_kept(any_tool: Tool) -> None:
    body = (
        b'{"user_id": "@tom:example.org", "text": "Sends \\ud800\\u0000links", "reference": "\xc3\xa9"}'
    )
    assert (await any_tool.post(body))[0] == 201
    assert (await any_tool.post(body))[0] == 200
    assert [row["text"] for row in await any_tool.reports()] == ["Sends links"]
