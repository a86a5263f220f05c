"""Clients' reports by a reverse proxy: passed on as they came, answered whatever happens, taken once."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from yarl import URL

from policybot.domain.report import MOST_TEXT
from policybot.matrix import relay
from policybot.matrix.relay import Relay
from policybot.services.presses import Presses
from policybot.store import cases, presses, reports
from policybot.store import intake as store
from policybot.store.database import Database, DatabaseAway
from tests import canary
from tests.pressing import FakeButton, Pressed, pressing
from tests.world import BOT, World, find, user
from tests.world import world as make_world

TOKEN = "syt_lea_secret_token"
ELSEWHERE = "!elsewhere:example.org"


@dataclass
class Upstream:
    """A homeserver that accepts reports, and keeps what came to it."""

    owners: dict[str, str] = field(default_factory=lambda: {f"Bearer {TOKEN}": user("lea")})
    got: list[tuple[str, bytes, dict[str, str]]] = field(default_factory=list)
    asked: int = 0
    answer: Callable[[web.Request], Awaitable[web.Response]] | None = None
    button: FakeButton | None = None
    """Where it lists what it has accepted."""
    at_once: Callable[[], Awaitable[None]] | None = None
    """Called when a report is stored, before it is answered."""

    async def report(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.got.append((request.raw_path, body, dict(request.headers)))
        if self.answer is not None:
            return await self.answer(request)
        owner = self.owners.get(request.headers.get("Authorization", ""))
        if owner is None:
            return web.json_response({"errcode": "M_UNKNOWN_TOKEN", "error": "no"}, status=401)
        try:
            said = json.loads(body)
        except ValueError:
            return web.json_response({"errcode": "M_NOT_JSON", "error": "no"}, status=400)
        found = request.match_info
        if self.button is not None and "event" in found:
            self.button.press(found["room"], found["event"], owner, said.get("reason"))
        if self.button is not None and "user" in found and found["user"].endswith(":example.org"):
            self.button.press_user(found["user"], owner, said.get("reason"))
        if self.at_once is not None:
            await self.at_once()
        return web.json_response({})

    async def whoami(self, request: web.Request) -> web.Response:
        self.asked += 1
        owner = self.owners.get(request.headers.get("Authorization", ""))
        if owner is None:
            return web.json_response({"errcode": "M_UNKNOWN_TOKEN"}, status=401)
        return web.json_response({"user_id": request.query.get("user_id", owner)})

    def application(self) -> web.Application:
        app = web.Application(client_max_size=2**20)
        prefix = "/_matrix/client/{version}"
        app.router.add_post(f"{prefix}/rooms/{{room}}/report/{{event}}", self.report)
        app.router.add_post(f"{prefix}/rooms/{{room}}/report", self.report)
        app.router.add_post(f"{prefix}/users/{{user}}/report", self.report)
        app.router.add_get("/_matrix/client/v3/account/whoami", self.whoami)
        return app


@dataclass
class Proxied:
    """Clients whose reports come by a reverse proxy."""

    world: World
    upstream: Upstream
    door: Relay
    session: aiohttp.ClientSession
    url: str

    async def post(
        self, path: str, body: Any = None, *, token: str | None = TOKEN, version: str = "v3"
    ) -> tuple[int, Any, Any]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        data = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
        url = URL(f"{self.url}/_matrix/client/{version}/{path}", encoded=True)
        async with self.session.post(url, data=data, headers=headers) as answer:
            said, kept = await answer.text(), answer.headers
        await self.world.work()
        return answer.status, json.loads(said) if said else None, kept

    async def event(self, event: str, reason: Any = "An advert", room: str = "", **more: Any) -> int:
        room = quote(room or self.world.room, safe="")
        status, *_ = await self.post(
            f"rooms/{room}/report/{quote(event, safe='')}", {"reason": reason}, **more
        )
        return status

    async def reports(self) -> list[Any]:
        async with self.world.database.transaction(reading=True) as tx:
            return list(await tx.fetch("SELECT * FROM reports ORDER BY id"))

    async def remembered(self) -> int:
        async with self.world.database.transaction(reading=True) as tx:
            return int(await tx.value("SELECT count(*) AS value FROM reports_relayed"))


@asynccontextmanager
async def proxied(folder: Path, database_url: str = "", **more: Any) -> AsyncIterator[Proxied]:
    upstream = Upstream()
    async with TestServer(upstream.application()) as server:
        address = str(server.make_url("")).rstrip("/")
        changes = {"homeserver.address": address, "reports.proxy": True}
        async with (
            make_world(folder, database_url, **changes) as world,
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
        ):
            await world.governed_room()
            setting, intake = world.app.setting, world.app.services.intake
            door = Relay(setting, world.database, intake, world.homeserver, session, **more)
            app = web.Application(client_max_size=2**26)
            app.add_routes(door.routes())
            async with TestServer(app) as here:
                url = str(here.make_url("")).rstrip("/")
                yield Proxied(world, upstream, door, session, url)


@pytest.fixture
async def proxy(tmp_path: Path) -> AsyncIterator[Proxied]:
    async with proxied(tmp_path) as made:
        yield made


@pytest.fixture
async def any_proxy(tmp_path: Path, database_url: str) -> AsyncIterator[Proxied]:
    async with proxied(tmp_path, database_url) as made:
        yield made


@asynccontextmanager
async def listed(proxy: Proxied) -> AsyncIterator[Pressed]:
    """Have the homeserver list what it has accepted, and policybot read that."""
    async with pressing(proxy.world) as pressed:
        proxy.upstream.button = pressed.fake
        await pressed.poll()
        yield pressed


async def test_a_report_goes_on_exactly_as_it_came_with_nothing_but_the_token(proxy: Proxied) -> None:
    event = await proxy.world.message("tom", "Buy my spades!", proxy.world.room)
    room = quote(proxy.world.room, safe="")
    path = f"rooms/{room}/report/{quote(event, safe='')}?x=%21&y=1"
    body = b'{ "reason": "\\u00dcbel",  "score": -100 }'
    status, said, headers = await proxy.post(path, body, version="r0")
    assert (status, said) == (200, {})
    assert headers["Access-Control-Allow-Origin"] == "*", "clients run in browsers"
    ((passed, sent, shown),) = proxy.upstream.got
    assert passed == f"/_matrix/client/r0/{path}"
    assert sent == body
    assert shown["Authorization"] == f"Bearer {TOKEN}"
    assert {name.lower() for name in shown} <= {
        *("host", "accept", "accept-encoding", "content-length", "content-type", "authorization")
    }
    (report,) = await proxy.reports()
    assert (report["reporter"], report["text"], report["via"]) == (user("lea"), "Übel", "button")
    (receipt,) = [text for text in proxy.world.told("lea") if "Your receipt is" in text]
    assert find(r"R-\d+", receipt) == "R-1"


async def test_a_browser_asks_first_and_may(proxy: Proxied) -> None:
    url = f"{proxy.url}/_matrix/client/v3/users/%40tom%3Aexample.org/report"
    async with proxy.session.options(url) as answer:
        assert answer.status == 204
        assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
    assert proxy.upstream.got == []


async def test_a_room_is_reported_which_no_list_shows(any_proxy: Proxied) -> None:
    proxy, world = any_proxy, any_proxy.world
    room = quote(world.room, safe="")
    status, said, _ = await proxy.post(f"rooms/{room}/report", {"reason": "It sells things"})
    assert (status, said) == (200, {})
    card = world.in_review()[-1]
    assert f"the room {world.room}" in card
    assert "The reporter writes: It sells things" in card
    assert len([text for text in world.told("lea") if "Your receipt is" in text]) == 1
    assert await proxy.remembered() == 0, "nothing will come a second time"


async def test_an_account_elsewhere_is_taken_here_though_the_homeserver_drops_it(
    any_proxy: Proxied,
) -> None:
    proxy = any_proxy
    async with listed(proxy) as pressed:
        for account in ("@eve:remote.example", user("tom")):
            await proxy.post(f"users/{quote(account, safe='')}/report", {"reason": "Rude"})
        for _ in range(3):
            await pressed.poll(seconds=3)
        assert [row["subject_key"] for row in await proxy.reports()] == [
            "user @eve:remote.example",
            f"user {user('tom')}",
        ]
        assert await proxy.remembered() == 0
        assert len(proxy.world.told("lea")) == 2


async def test_what_a_list_brings_again_is_no_second_report_even_if_it_is_decided_meanwhile(
    any_proxy: Proxied,
) -> None:
    proxy, world = any_proxy, any_proxy.world
    async with listed(proxy) as pressed:
        event = await world.message("tom", "Buy my spades!", world.room)
        assert await proxy.event(event) == 200
        case = find(r"C-\d+", world.in_review()[-1])
        assert "is being carried out" in await world.decided(case, "warn")
        for _ in range(3):
            await pressed.poll(seconds=3)
        assert len(await proxy.reports()) == 1
        assert await proxy.remembered() == 0
        # They report it again, later: that is a new one, and once again only one.
        world.clock.pass_time(minutes=2)
        assert await proxy.event(event, "He did it again") == 200
        for _ in range(3):
            await pressed.poll(seconds=3)
        assert [row["text"] for row in await proxy.reports()] == ["An advert", "He did it again"]
        assert len([text for text in world.told("lea") if "Your receipt is" in text]) == 2


async def test_what_a_list_brought_first_is_no_second_report_by_the_proxy(any_proxy: Proxied) -> None:
    proxy, world = any_proxy, any_proxy.world
    async with listed(proxy) as pressed:
        event = await world.message("tom", "Buy my spades!", world.room)

        async def looked_and_decided() -> None:
            await pressed.poll(seconds=3)
            assert "is being carried out" in await world.decided("C-1", "warn")

        proxy.upstream.at_once = looked_and_decided
        assert await proxy.event(event) == 200
        proxy.upstream.at_once = None
        await pressed.poll(seconds=15)
        assert len(await proxy.reports()) == 1
        assert len([text for text in world.told("lea") if "Your receipt is" in text]) == 1
        assert await proxy.remembered() == 0


async def test_killed_after_the_homeserver_has_it_the_list_brings_it(proxy: Proxied) -> None:
    world = proxy.world
    async with listed(proxy) as pressed:
        event = await world.message("tom", "Buy my spades!", world.room)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(proxy.door, "_take", _nothing)
            assert await proxy.event(event) == 200
        assert await proxy.reports() == []
        await pressed.poll(seconds=15)
        assert len(await proxy.reports()) == 1


async def test_killed_at_any_instant_it_is_there_once_in_the_end(any_proxy: Proxied) -> None:
    """Before, within and after each write, by proxy and by list: one report, one receipt (I25)."""
    proxy, world = any_proxy, any_proxy.world
    killed = 0
    async with listed(proxy) as pressed:
        for countdown in range(14):
            event = await world.message("tom", f"Buy {countdown} spades!", world.room)
            with pytest.MonkeyPatch.context() as patch:
                dying = _kill_at(patch, countdown)
                assert await proxy.event(event, f"Advert {countdown}") == 200
                killed += dying.killed
                if not dying.killed:
                    with suppress(_Killed):
                        await pressed.poll(seconds=15)
                    killed += dying.killed
            pressed.service = Presses(world.app.setting, world.app.services.reports)
            await pressed.poll(seconds=30)
        await pressed.poll(seconds=15)
        assert killed >= 10
        assert sorted(row["text"] for row in await proxy.reports()) == sorted(
            f"Advert {n}" for n in range(14)
        )
        assert len(pressed.receipts("lea")) == 14


class _Killed(BaseException):
    """Stands for `kill -9`."""


@dataclass
class _Dying:
    left: int
    killed: bool = False


def _kill_at(patch: pytest.MonkeyPatch, countdown: int) -> _Dying:
    """Die before the n-th step that is written or read, by the proxy and then by the list."""
    dying = _Dying(countdown)
    for module, names in (
        (store, ("hold_relayed", "listed", "relayed", "was_relayed")),
        (presses, ("hold", "saw", "save_place", "unseen")),
        (cases, ("hold_opening", "open_on", "add")),
        (reports, ("add", "count")),
    ):
        for name in names:
            written = getattr(module, name)

            async def step(*words: Any, real: Any = written) -> Any:
                if dying.left == 0 and not dying.killed:
                    dying.killed = True
                    raise _Killed
                dying.left -= 1
                return await real(*words)

            patch.setattr(module, name, step)
    return dying


async def _nothing(*_: Any) -> None:
    """Stands for a process that was killed."""


async def test_twenty_at_once_on_one_message_are_one_case_and_twenty_receipts(
    any_proxy: Proxied,
) -> None:
    proxy, world = any_proxy, any_proxy.world
    readers = [f"reader{n}" for n in range(20)]
    proxy.upstream.owners = {f"Bearer {who}": user(who) for who in readers}
    async with listed(proxy) as pressed:
        event = await world.message("tom", "Buy my spades!", world.room)
        room = quote(world.room, safe="")
        url = f"{proxy.url}/_matrix/client/v3/rooms/{room}/report/{quote(event, safe='')}"

        async def report(who: str) -> int:
            headers = {"Authorization": f"Bearer {who}"}
            async with proxy.session.post(URL(url, encoded=True), json={}, headers=headers) as answer:
                return answer.status

        assert set(await asyncio.gather(*map(report, readers))) == {200}
        await world.work()
        for _ in range(2):
            await pressed.poll(seconds=15)
        reports = await proxy.reports()
        assert {row["case_id"] for row in reports} == {1}
        assert {row["reporter"] for row in reports} == {user(who) for who in readers}
        assert len(reports) == 20
        assert all(len(pressed.receipts(who)) == 1 for who in readers)


async def test_of_rooms_that_are_none_of_our_business_nothing_is_kept_or_asked(proxy: Proxied) -> None:
    secret = "Something between the two of us"
    assert await proxy.event("$there", secret, room=ELSEWHERE) == 200
    assert (await proxy.post(f"rooms/{quote(ELSEWHERE, safe='')}/report", {"reason": secret}))[0] == 200
    assert len(proxy.upstream.got) == 2
    assert proxy.upstream.asked == 0, "not even who it was"
    assert await proxy.reports() == []
    assert await proxy.remembered() == 0
    assert canary.in_files(proxy.world.config.key_file.parent, secret) == []


async def test_reports_about_the_bot_and_oneself_are_as_with_the_button(proxy: Proxied) -> None:
    said = await proxy.world.message("tom", "hello", proxy.world.room)
    proxy.world.homeserver.events[said]["sender"] = BOT
    assert await proxy.event(said) == 200
    assert (await proxy.post(f"users/{quote(user('lea'), safe='')}/report", {"reason": "Me"}))[0] == 200
    assert await proxy.reports() == []
    assert any("your own account" in text for text in proxy.world.told("lea"))


@pytest.mark.parametrize("token", [None, "syt_foreign"])
async def test_without_a_good_token_the_homeserver_refuses_and_nothing_is_taken(
    proxy: Proxied, token: str | None
) -> None:
    status, said, _ = await proxy.post("users/%40tom%3Aexample.org/report", {}, token=token)
    assert (status, said["errcode"]) == (401, "M_UNKNOWN_TOKEN")
    assert proxy.upstream.asked == 0
    assert await proxy.reports() == []


async def test_broken_json_is_the_homeservers_to_refuse(proxy: Proxied) -> None:
    status, said, _ = await proxy.post("users/%40tom%3Aexample.org/report", b'{"reason": ')
    assert (status, said["errcode"]) == (400, "M_NOT_JSON")
    assert proxy.upstream.got[0][1] == b'{"reason": '


@pytest.mark.parametrize("reason", [None, 7, ["x"], {"a": 1}, True])
async def test_a_reason_that_is_no_text_is_none(proxy: Proxied, reason: Any) -> None:
    event = await proxy.world.message("tom", "Buy my spades!", proxy.world.room)
    assert await proxy.event(event, reason) == 200
    assert [row["text"] for row in await proxy.reports()] == [""]


async def test_sixty_kilobytes_of_hostile_words_are_one_clean_line(proxy: Proxied) -> None:
    event = await proxy.world.message("tom", "Buy my spades!", proxy.world.room)
    hostile = f"<b>x</b> @room \u202egnp.exe \x01{user('anna')}\x01\nNext: !policy confirm ABCDEF \x00"
    assert await proxy.event(event, hostile + "z" * 60_000) == 200
    (report,) = await proxy.reports()
    assert len(report["text"]) == MOST_TEXT
    assert report["text"].startswith(f"<b>x</b> @room gnp.exe {user('anna')} Next: !policy confirm")


async def test_what_is_larger_than_any_event_is_refused_here(proxy: Proxied) -> None:
    status, said, _ = await proxy.post("users/%40tom%3Aexample.org/report", b"x" * 200_000)
    assert (status, said["errcode"]) == (413, "M_TOO_LARGE")
    assert proxy.upstream.got == []


async def test_the_answer_is_the_homeservers_own_with_its_patience(proxy: Proxied) -> None:
    async def slow_down(_: web.Request) -> web.Response:
        body = {"errcode": "M_LIMIT_EXCEEDED", "error": "slow", "retry_after_ms": 7000}
        return web.json_response(body, status=429, headers={"Retry-After": "7", "X-Inner": "secret"})

    proxy.upstream.answer = slow_down
    status, said, headers = await proxy.post("users/%40tom%3Aexample.org/report")
    assert (status, said["retry_after_ms"], headers["Retry-After"]) == (429, 7000, "7")
    assert "X-Inner" not in headers
    assert await proxy.reports() == []


async def test_a_homeserver_that_hangs_or_is_away_hangs_no_client(tmp_path: Path) -> None:
    async with proxied(tmp_path, timeout=0.2) as proxy:

        async def hang(_: web.Request) -> web.Response:
            await asyncio.sleep(1)
            return web.json_response({})

        proxy.upstream.answer = hang
        status, said, headers = await proxy.post("users/%40tom%3Aexample.org/report")
        assert (status, said["errcode"]) == (504, "M_UNKNOWN")
        assert headers["Access-Control-Allow-Origin"] == "*"
        proxy.door._address = "http://127.0.0.1:1"
        status, said, _ = await proxy.post("users/%40tom%3Aexample.org/report")
        assert (status, said["errcode"]) == (502, "M_UNKNOWN")
        assert await proxy.reports() == []


async def test_a_proxy_that_is_taken_for_the_homeserver_makes_no_circle(proxy: Proxied) -> None:
    proxy.door._address = proxy.url
    status, said, _ = await proxy.post("users/%40tom%3Aexample.org/report")
    assert (status, said["errcode"]) == (429, "M_LIMIT_EXCEEDED")
    assert proxy.upstream.got == []
    assert await proxy.reports() == []
    proxy.door._address = proxy.world.config.homeserver.address
    assert (await proxy.post("users/%40tom%3Aexample.org/report"))[0] == 200


async def test_while_the_database_is_away_the_client_is_answered_and_it_is_taken_later(
    proxy: Proxied, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "_PATIENCE", 0.1)
    monkeypatch.setattr(relay, "_PAUSE", 0.05)
    real, away = Database.transaction, [True]

    def broken(self: Database, *, reading: bool = False) -> Any:
        if away:
            message = "no route to host"
            raise DatabaseAway(message)
        return real(self, reading=reading)

    room = quote(proxy.world.room, safe="")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Database, "transaction", broken)
        patch.setattr(World, "work", _nothing)
        status, *_ = await proxy.post(f"rooms/{room}/report", {"reason": "It sells things"})
        assert status == 200
        away.clear()
        await asyncio.sleep(0.3)
    assert [row["text"] for row in await proxy.reports()] == ["It sells things"]
    await proxy.world.work()


async def test_whose_a_token_is_is_asked_once_a_minute_and_never_written_down(
    proxy: Proxied, caplog: pytest.LogCaptureFixture
) -> None:
    for n in range(3):
        event = await proxy.world.message("tom", f"Buy {n}!", proxy.world.room)
        assert await proxy.event(event) == 200
    assert proxy.upstream.asked == 1
    assert TOKEN not in repr(proxy.door._known)
    assert TOKEN not in caplog.text
    assert canary.in_files(proxy.world.config.key_file.parent, TOKEN) == []


@pytest.mark.parametrize(
    "path",
    [
        "rooms/%21a%3Ab/report/../../../../_synapse/admin/v1/users",
        "rooms/../report/%24x",
        "rooms/%2e%2e/report/%24x",
        "rooms/%21a%3Ab/report/%24x%2F..%2f%2E%2e%2f..%2F..%2F..%2F..%2F_synapse%2Fadmin%2Fv1%2Fusers",
        "rooms/%21a%3Ab/report/",
        "users/%40tom%3Aexample.org/report/more/still",
    ],
)
async def test_other_addresses_lead_nowhere(proxy: Proxied, path: str) -> None:
    host, _, port = proxy.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"POST /_matrix/client/v3/{path} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
    writer.write(f"{head}Connection: close\r\n\r\n{{}}".encode())
    answer = await reader.read()
    writer.close()
    assert b" 404 " in answer.split(b"\r\n")[0] + b" "
    assert proxy.upstream.got == []


async def test_what_is_remembered_is_forgotten_within_the_hour(proxy: Proxied) -> None:
    event = await proxy.world.message("tom", "Buy my spades!", proxy.world.room)
    assert await proxy.event(event) == 200
    assert await proxy.remembered() == 1
    await proxy.world.tick(minutes=16)
    assert await proxy.remembered() == 0


async def test_unless_it_is_configured_there_is_no_such_door(world: World) -> None:
    from policybot import doors

    async with aiohttp.ClientSession() as session:
        parts = (world.app.setting, world.app.services, world.database, world.homeserver, session)
        assert doors.relay(*parts) == []
