"""Rules written, taken off and read: over HTTP, against a homeserver that answers as it should not."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import unquote

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from policybot.domain.list_rule import PublishRule, WithdrawRule, content
from policybot.matrix import policy_lists
from policybot.matrix.client import Client
from policybot.matrix.policy_lists import ListReader, PolicyLists
from policybot.ports import Errand, Impossible, Later
from tests.lists import OURS, rule
from tests.world import BOT

EVE = "@eve:elsewhere.net"
PUT = PublishRule(OURS, EVE, "C-7", "R2")
OFF = WithdrawRule(OURS, EVE, "C-7", "R2")
BEFORE = {"room_id": OURS}
STATE = "/_matrix/client/v3/rooms/!ours:example.org/state/m.policy.rule.user/C-7 example.org"


class Rooms:
    """One rule of one list, and what was asked of it."""

    def __init__(self) -> None:
        self.event: dict[str, Any] | None = None
        self.asked: list[tuple[str, str]] = []
        self.state: bytes = b"[]"
        self.status = 200
        self.breaks_after_redaction = False

    async def answer(self, request: web.Request) -> web.Response:
        path = unquote(request.raw_path.partition("?")[0])
        self.asked.append((request.method, path))
        if path.endswith(("/state", "/leave")):
            return web.Response(body=self.state, status=self.status, content_type="application/json")
        if "/redact/" in path:
            assert self.event is not None
            self.event["content"] = {}
            broken = self.breaks_after_redaction
            return web.json_response({"event_id": "$redaction"}, status=502 if broken else 200)
        if "/directory/" in path:
            return web.json_response({"errcode": "M_NOT_FOUND"}, status=404)
        assert path == STATE, path
        if request.method == "PUT":
            self.event = {"content": await request.json(), "sender": BOT, "event_id": "$ours"}
            return web.json_response({"event_id": "$ours"})
        if self.event is None:
            return web.json_response({"errcode": "M_NOT_FOUND"}, status=404)
        assert request.query["format"] == "event"
        return web.json_response(self.event)

    def writes(self) -> list[str]:
        return [method for method, path in self.asked if method == "PUT" and "/state/" in path]


@asynccontextmanager
async def rooms() -> AsyncIterator[tuple[Rooms, Client]]:
    made, app = Rooms(), web.Application()
    app.router.add_route("*", "/{rest:.*}", made.answer)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        yield made, Client(str(server.make_url("")).rstrip("/"), "a-token", session)


def ours() -> dict[str, Any]:
    return {"content": content(PUT), "sender": BOT, "event_id": "$ours"}


async def test_a_rule_is_written_once_and_taken_off_with_its_words() -> None:
    async with rooms() as (made, client):
        lists = PolicyLists(client, BOT)
        assert await lists.publish(PUT, BEFORE) == {}
        assert await lists.publish(PUT, BEFORE) == {}
        assert made.writes() == ["PUT"]
        assert await lists.withdraw(Errand(OFF, "key"), OFF, BEFORE) == {}
        assert made.event is not None
        assert made.event["content"] == {}
        assert ("PUT", f"/_matrix/client/v3/rooms/{OURS}/redact/$ours/key") in made.asked
        assert await lists.withdraw(Errand(OFF, "key"), OFF, BEFORE) == {}
        assert await lists.publish(PUT, BEFORE) == {}, "it binds again"
        assert made.event["content"] == content(PUT)


@pytest.mark.parametrize("status", [200, 403, 404])
async def test_a_list_is_left_also_where_somebody_was_quicker(status: int) -> None:
    async with rooms() as (made, client):
        made.status, made.state = status, b"{}"
        assert await PolicyLists(client, BOT).leave(OURS) == {}
        assert made.asked == [("POST", f"/_matrix/client/v3/rooms/{OURS}/leave")]
        made.status = 502
        with pytest.raises(Later):
            await PolicyLists(client, BOT).leave(OURS)


async def test_what_breaks_after_the_redaction_is_finished_with_the_next_try() -> None:
    """I25: a redacted rule is emptied as well, for those who do not look at redactions."""
    async with rooms() as (made, client):
        lists = PolicyLists(client, BOT)
        made.event, made.breaks_after_redaction = ours(), True
        with pytest.raises(Later):
            await lists.withdraw(Errand(OFF, "key"), OFF, BEFORE)
        assert made.writes() == []
        await lists.withdraw(Errand(OFF, "key", again=True), OFF, BEFORE)
        assert made.writes() == ["PUT"]


@pytest.mark.parametrize(
    "changed",
    [
        {"sender": "@curator:example.org", "content": {**content(PUT), "reason": "We say so too"}},
        {"sender": "@curator:example.org", "content": content(PUT)},
        {"sender": BOT, "content": {**content(PUT), "reason": "Rule R9, decision C-7"}},
    ],
    ids=["their words", "our words under their name", "other words of ours"],
)
async def test_a_rule_that_is_not_as_we_wrote_it_is_told_and_left(changed: dict[str, Any]) -> None:
    async with rooms() as (made, client):
        made.event = {"event_id": "$theirs", **changed}
        said = await PolicyLists(client, BOT).withdraw(Errand(OFF, "key"), OFF, BEFORE)
        assert f"take {EVE} off our public list" in said["drift"]
        assert made.writes() == []
        assert made.event["content"]


async def test_a_key_under_which_somebody_else_wrote_is_not_written_over() -> None:
    async with rooms() as (made, client):
        theirs = {"entity": "@ed:elsewhere.net"}
        made.event = {"content": theirs, "sender": "@curator:example.org", "event_id": "$theirs"}
        assert "drift" in await PolicyLists(client, BOT).publish(PUT, BEFORE)
        assert made.writes() == []


async def test_a_list_that_nobody_knows_is_said_with_the_key_of_the_configuration() -> None:
    async with rooms() as (_, client):
        with pytest.raises(Impossible, match=r"see policy_lists\.publish"):
            await PolicyLists(client, BOT).observe("#nowhere:example.org")


async def test_of_a_list_the_rules_alone_are_read() -> None:
    async with rooms() as (made, client):
        member = {"type": "m.room.member", "state_key": EVE, "content": {"membership": "join"}}
        made.state = json.dumps([member, rule(EVE), 7, None, [rule(EVE)]]).encode()
        assert await ListReader(client).rules("!theirs:elsewhere.net") == [rule(EVE)]
        made.status = 403
        assert await ListReader(client).rules("!theirs:elsewhere.net") is None


@pytest.mark.parametrize(
    "state",
    [b"[" * 200_000, b"not JSON", b'[{"type": "\xff"}]', b"[" + b" " * 70_000 + b"]"],
    ids=["deep", "none", "no text", "long"],
)
async def test_a_list_that_cannot_be_read_is_said_and_breaks_nothing(
    state: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy_lists, "_MOST_BYTES", 64 * 1024 if len(state) < 100_000 else 2**20)
    async with rooms() as (made, client):
        made.state = state
        with pytest.raises(Impossible):
            await ListReader(client).rules("!theirs:elsewhere.net")


async def test_a_homeserver_that_fails_is_asked_again() -> None:
    async with rooms() as (made, client):
        made.status = 500
        with pytest.raises(Later):
            await ListReader(client).rules("!theirs:elsewhere.net")
