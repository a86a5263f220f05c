"""The doors of the gate over HTTP: who is let in, what is answered, and that nothing odd breaks them."""

import asyncio
import io
import json
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from policybot import __version__, doors
from policybot.config import load
from policybot.domain.publishing import Account
from policybot.domain.view import Room, Slow
from policybot.gate.replica import Replica
from policybot.gate.wire import PROTOCOL, page_in, rules_in
from policybot.services import feed as feeding
from policybot.store import modules
from policybot.store.modules import Module
from tests.ruled import FROBNITZ, R1, R2
from tests.world import BOT, World, user
from tests.world import world as make_world

TOKEN = "g" * 40
RULES = {
    "rules": [
        R1 | {"when": FROBNITZ, "then": ["refuse"]},
        R2 | {"when": {"rate": {"more_than": 3, "within": "PT1M"}}, "then": ["refuse"]},
    ]
}
VIEW = {"protocol": PROTOCOL, "module": "9.9", "worker": "main", "instance": "one"}


@dataclass
class Gate:
    """A world, and a homeserver's way of asking at its gate."""

    world: World
    client: TestClient[web.Request, web.Application]

    async def post(self, path: str, body: Any, token: str | None = TOKEN) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
        data = io.BytesIO(body if isinstance(body, bytes) else json.dumps(body).encode())
        async with self.client.post(f"/gate/{path}", data=data, headers=headers) as answer:
            return answer.status, await answer.json()

    async def view(self, since: int | None = None, **more: Any) -> Any:
        status, page = await self.post("view", VIEW | {"since": since, "after": None, "wait": 0} | more)
        assert status == 200, page
        return page

    async def event(self, text: str = "frobnitz", who: str = "tom", **more: Any) -> tuple[int, Any]:
        event = {
            "type": "m.room.message",
            "room_id": self.world.room,
            "sender": who if who.startswith("@") else user(who),
            "event_id": self.world.event_id(),
            "origin_server_ts": int(self.world.clock().timestamp() * 1000),
            "content": {"msgtype": "m.text", "body": text},
        }
        return await self.post("antispam/check_event_for_spam", {"event": event | more})

    async def flushed(self) -> None:
        await self.world.app.services.refusals.flush(self.world.database)
        await self.world.work()

    async def modules(self) -> list[Module]:
        async with self.world.database.transaction(reading=True) as tx:
            return await modules.listed(tx)


@asynccontextmanager
async def opened(folder: Path, url: str = "", **changes: Any) -> AsyncIterator[Gate]:
    gate = {"gate": {"token": TOKEN, "creation": "filed"}}
    async with make_world(folder, url, **gate, **RULES, **changes) as world:
        application = web.Application()
        app = world.app
        application.add_routes(doors.gate(app.setting, app.services, app.database))
        async with TestClient(TestServer(application)) as client:
            yield Gate(world, client)


@pytest.fixture
async def gate(tmp_path: Path) -> AsyncIterator[Gate]:
    async with opened(tmp_path) as made:
        await made.world.governed_room()
        yield made


GARBAGE = (b"", b"null", b"[]", b"{", b"[" * 9_000, b"\xff\xfe", b'{"protocol": NaN}')
ODD: tuple[tuple[str, dict[str, Any]], ...] = (
    ("view", {"protocol": "1"}),
    ("view", {"protocol": True}),
    ("view", {"protocol": None}),
    ("view", {"instance": 5}),
    ("view", {"instance": ""}),
    ("view", {"instance": "x" * 101}),
    ("view", {"worker": "a\x00b"}),
    ("view", {"module": "\ud800"}),
    ("view", {"since": "now"}),
    ("view", {"since": -1}),
    ("view", {"since": 2**70}),
    ("view", {"since": 1, "wait": 26}),
    ("view", {"since": 1, "wait": -1}),
    ("view", {"since": 1, "wait": float("nan")}),
    ("view", {"since": 1, "wait": "long"}),
    ("view", {"after": 7}),
    ("view", {"after": "no cursor"}),
    ("refused", {"batch": "1", "refused": []}),
    ("refused", {"batch": 1, "refused": {}}),
    ("refused", {"batch": 1, "refused": [None] * 1001}),
    ("refused", {"batch": 1}),
)


async def test_without_the_right_token_nobody_learns_anything(gate: Gate) -> None:
    for token in (None, "", "wrong", TOKEN[1:], TOKEN + "g", "g\xe9"):
        for path in ("view", "rules", "refused", "antispam/check_event_for_spam", "antispam/ping"):
            status, answer = await gate.post(path, VIEW, token)
            assert (status, answer["errcode"]) == (403, "M_FORBIDDEN"), path


async def test_what_is_not_as_agreed_is_told_so_and_breaks_nothing(gate: Gate) -> None:
    for path in ("view", "rules", "refused"):
        for garbage in GARBAGE:
            status, answer = await gate.post(path, garbage)
            assert (status, answer["errcode"]) == (400, "M_BAD_JSON"), (path, garbage[:9])
        status, _ = await gate.post(path, b" " * (2**20 + 1))
        assert status == 413
    for path, odd in ODD:
        status, answer = await gate.post(path, VIEW | odd)
        assert (status, answer["errcode"]) == (400, "M_BAD_JSON"), (path, odd)


@pytest.mark.parametrize("protocol", [0, PROTOCOL + 1, 10**9])
async def test_a_module_of_another_protocol_is_told_what_to_install(gate: Gate, protocol: int) -> None:
    for path in ("view", "rules", "refused"):
        status, answer = await gate.post(path, VIEW | {"protocol": protocol, "instance": "other"})
        assert status == 409
        assert f"pip install policybot=={__version__}" in answer["error"]
        assert f"protocol {protocol}" in answer["error"]
    (known,) = await gate.modules()
    assert (known.instance, known.version, known.protocol) == ("other", "9.9", protocol)


async def test_a_module_takes_everything_and_then_what_changes(gate: Gate) -> None:
    replica = Replica()
    page = page_in(await gate.view())
    assert page.whole
    assert page.more is None
    replica.begin()
    list(replica.take(page))
    list(replica.end(page.clock))
    assert replica.room(gate.world.room) == gate.world.app.services.messages.room(gate.world.room)
    assert replica.account(user("anna")) == Account(verified=True, signed=1)
    assert replica.house == gate.world.app.services.findings.view.house

    waiting = asyncio.create_task(gate.view(page.clock, wait=20))
    await asyncio.sleep(0.05)
    await gate.world.verified("tom")
    list(replica.take(page_in(await waiting)))
    while not replica.account(user("tom")).signed:
        list(replica.take(page_in(await gate.view(replica.clock, wait=20))))
    assert replica.account(user("tom")) == Account(verified=True, signed=1)

    (known,) = await gate.modules()
    assert (known.worker, known.version, known.protocol) == ("main", "9.9", PROTOCOL)
    begin = time.monotonic()
    assert (await gate.view(replica.clock, wait=0.1))["accounts"] == {}
    assert time.monotonic() - begin < 5


async def test_the_rules_travel_whole_and_new_ones_wake_who_waits(gate: Gate, tmp_path: Path) -> None:
    status, told = await gate.post("rules", {"protocol": PROTOCOL})
    assert status == 200
    version, mechanisms, others = rules_in(told)
    page = await gate.view()
    assert (page["head"]["rules"], others) == (version, ())
    assert [mechanism.id for mechanism in mechanisms] == ["R1", "R2"]
    waiting = asyncio.create_task(gate.view(page["clock"], wait=20))
    await asyncio.sleep(0.05)
    file = tmp_path / "config.yaml"
    file.write_text(file.read_text("utf-8").replace("frobnitz", "grumblet"), "utf-8")
    await gate.world.app.use_rules(load(file))
    assert (await waiting)["head"]["rules"] != version
    # Who asks for the first time here is told at once what counts for everybody.
    begin = time.monotonic()
    await gate.view(page["clock"], instance="two", wait=20)
    assert time.monotonic() - begin < 5


async def test_a_batch_of_a_process_counts_once(tmp_path: Path, database_url: str) -> None:
    async with opened(tmp_path, database_url) as gate:
        await gate.world.governed_room()
        at = int((gate.world.clock() - timedelta(minutes=1)).timestamp() * 1000)
        who = {"room": gate.world.room, "user": user("tom")}
        one: dict[str, Any] = {"code": "rule", "rule": "R1", "at": at, "count": 5} | who
        odd = [
            None,
            {},
            one | {"user": None},
            one | {"at": "then"},
            one | {"count": True},
            one | {"at": 2**61},
            one | {"code": "because"},
            one | {"user": BOT},
            one | {"user": "@tom:elsewhere.org"},
            one | {"room": "nowhere"},
            one | {"rule": "\ud800"},
        ]
        for batch, instance in ((1, "a"), (1, "a"), (1, "b"), (2, "a"), (2, "a"), (1, "a")):
            told = {"protocol": PROTOCOL, "instance": instance, "batch": batch, "refused": [one, *odd]}
            assert await gate.post("refused", told) == (200, {})
        await gate.world.work()
        answer = await gate.world.review("mira", "!policy refusals")
        assert "Rule R1 (Advertising): 15 times, to 1 person in 1 room" in answer
        assert answer.count("\n") == 1, "nothing else is counted"
        assert len([text for text in gate.world.told("tom") if "was not accepted" in text]) == 1


async def test_no_more_than_a_hundred_processes_are_remembered(gate: Gate) -> None:
    for number in range(110):
        await gate.view(instance=f"i{number}")
        gate.world.clock.pass_time(seconds=1)
    known = await gate.modules()
    assert len(known) == 100
    assert known[0].instance == "i109"


async def test_too_many_who_wait_are_asked_to_come_later(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeding, "MOST_WAITING", 0)
    status, answer = await gate.post("view", VIEW | {"since": 1, "wait": 20})
    assert (status, answer["errcode"]) == (429, "M_LIMIT_EXCEEDED")


# The callbacks ---------------------------------------------------------------------------------


async def test_a_forbidden_word_is_refused_with_a_sentence_a_code_and_a_link(gate: Gate) -> None:
    assert await gate.event("The tulips are out") == (200, {})
    status, body = await gate.event("Buy a frobnitz")
    assert status == 403
    assert body["errcode"] == "M_FORBIDDEN"
    assert body["error"].startswith("This was not accepted. Rule R1 (Advertising)")
    assert (body["org.policybot.code"], body["org.policybot.rule"]) == ("rule", "R1")
    assert body["org.policybot.link"] == gate.world.app.services.findings.view.house.pages.rules
    assert (await gate.event(room_id="!private:example.org"))[0] == 200
    assert (await gate.event(who=BOT))[0] == 200
    assert (await gate.event(who="@tom:elsewhere.org"))[0] == 200
    assert (await gate.event(type="m.room.redaction"))[0] == 200
    await gate.flushed()
    assert "R1 (Advertising): once, to 1 person" in await gate.world.review("mira", "!policy refusals")
    assert "was not accepted" in gate.world.told("tom")[-1]


async def test_what_is_accepted_is_counted_once_and_what_is_refused_is_not(gate: Gate) -> None:
    """Three a minute: before delivery and after it, the same posts are counted."""
    view, now, minute = gate.world.app.services.findings.view, gate.world.clock(), timedelta(minutes=1)
    event_id = gate.world.event_id()
    assert (await gate.event("tulips", event_id=event_id))[0] == 200
    await gate.world.deliver(
        type="m.room.message",
        event_id=event_id,
        room_id=gate.world.room,
        sender=user("tom"),
        content={"msgtype": "m.text", "body": "tulips"},
    )
    assert view.posted(gate.world.room, user("tom"), minute, now) == 1
    assert (await gate.event("tulips"))[0] == 200
    assert (await gate.event("tulips"))[0] == 200
    for _ in range(5):
        status, body = await gate.event("tulips")
        assert (status, body["org.policybot.rule"]) == (403, "R2")
    assert view.posted(gate.world.room, user("tom"), minute, now) == 3
    gate.world.clock.pass_time(minutes=2)
    assert (await gate.event("tulips"))[0] == 200


async def test_slow_rooms_say_how_long_to_wait(gate: Gate) -> None:
    messages = gate.world.app.services.messages
    messages._rooms[gate.world.room] = Room(("general",), slow=Slow(timedelta(seconds=30)))
    assert (await gate.event("a"))[0] == 200
    gate.world.clock.pass_time(seconds=10)
    status, body = await gate.event("b")
    assert (status, body["errcode"], body["retry_after_ms"]) == (403, "M_LIMIT_EXCEEDED", 20_000)
    gate.world.clock.pass_time(seconds=20)
    assert (await gate.event("b"))[0] == 200


async def test_entering_inviting_making_and_showing_rooms(gate: Gate) -> None:
    messages, room = gate.world.app.services.messages, gate.world.room
    messages._rooms[room] = Room(("general",), named=True, guarded=True)
    join = {"user": user("lea"), "room": room, "is_invited": True}
    status, body = await gate.post("antispam/user_may_join_room", join)
    assert (status, body["org.policybot.code"]) == (403, "entry")
    assert await gate.post("antispam/user_may_join_room", join | {"user": user("anna")}) == (200, {})
    assert await gate.post("antispam/user_may_join_room", join | {"user": BOT}) == (200, {})
    invite = {"inviter": user("lea"), "invitee": user("zoe"), "room_id": room}
    assert (await gate.post("antispam/user_may_invite", invite))[0] == 403
    assert (await gate.post("antispam/user_may_invite", invite | {"inviter": user("anna")}))[0] == 200
    made = {"user_id": user("lea")}
    assert (await gate.post("antispam/user_may_create_room", made))[0] == 200, "who knows what it is"
    public = made | {"room_config": {"preset": "public_chat"}}
    assert (await gate.post("antispam/user_may_create_room", public))[0] == 403
    shown = {"user_id": user("anna"), "room_id": room}
    status, body = await gate.post("antispam/user_may_publish_room", shown)
    assert (status, body["org.policybot.code"]) == (403, "directory")
    assert (await gate.post("antispam/user_may_publish_room", shown | {"user_id": BOT}))[0] == 200


async def test_what_is_odd_or_fails_here_locks_nobody_out(
    gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    callbacks = (
        *("check_event_for_spam", "user_may_join_room", "user_may_invite", "user_may_create_room"),
        *("user_may_publish_room", "check_login_for_spam", "nonsense"),
    )
    bodies = [*GARBAGE, b"{}", b'{"event": 5}', b'{"event": {"content": [[]]}}', b" " * (2**20 + 1)]
    bodies += [b'{"user": 5, "room": [], "inviter": {}, "user_id": null, "room_config": 1}']
    for callback in callbacks:
        for body in bodies:
            assert await gate.post(f"antispam/{callback}", body) == (200, {}), (callback, body[:20])
    ping = {"id": "abc"}
    assert await gate.post("antispam/ping", ping) == (200, ping | {"status": "ok"})

    broken = Mock(side_effect=RuntimeError("a mistake of ours"))
    gate.world.app.services.findings.rules.read = broken  # type: ignore[method-assign]
    caplog.clear()
    for _ in range(5):
        assert await gate.event("frobnitz") == (200, {})
    logged = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len([one for one in logged if "could not be answered" in one.getMessage()]) == 1
    assert "frobnitz" not in caplog.text


async def test_the_answer_does_not_wait_for_the_database(gate: Gate) -> None:
    async with gate.world.database.transaction():
        assert (await gate.event("frobnitz"))[0] == 403
        assert (await gate.event("tulips"))[0] == 200


async def test_in_a_dry_run_nothing_is_refused(tmp_path: Path) -> None:
    async with opened(tmp_path, dry_run=True) as gate:
        gate.world.app.services.messages._rooms[gate.world.room] = Room(("general",))
        assert await gate.event("frobnitz") == (200, {})
        shown = {"user_id": user("anna"), "room_id": gate.world.room}
        assert (await gate.post("antispam/user_may_publish_room", shown))[0] == 200


async def test_without_a_gate_there_is_no_door(world: World) -> None:
    assert doors.gate(world.app.setting, world.app.services, world.database) == []
