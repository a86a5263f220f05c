"""A verification service: its signed result and the browser that left have to meet."""

import asyncio
import html
import json
import logging
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from policybot.demo.synapse import free_port
from policybot.domain.identity import Assurance
from policybot.identity import fetch
from policybot.identity.callback import CallbackWay, sign
from policybot.ports import SourceAway
from policybot.store import members
from tests import service as fake
from tests.service import HOST, Service, new_secret
from tests.world import Clock, World, find
from tests.world import world as make_world


@dataclass
class Browser:
    """Somebody's browser, with cookies of its own."""

    session: aiohttp.ClientSession
    url: str
    cookies: dict[str, str] = field(default_factory=dict)

    def other(self) -> "Browser":
        return Browser(self.session, self.url)

    async def ask(self, method: str, path: str, **form: str) -> tuple[int, str, Any]:
        sent = {"Host": HOST, "Sec-Fetch-Site": "same-origin"}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        async with self.session.request(
            method, self.url + path, data=form or None, headers=sent
        ) as answer:
            self.cookies |= {name: morsel.value for name, morsel in answer.cookies.items()}
            return answer.status, await answer.text(), answer.headers

    async def get(self, path: str) -> tuple[int, str]:
        status, page, _ = await self.ask("GET", path)
        return status, page

    async def depart(self, path: str) -> str:
        """Choose the service on the page of a link; give the address to which it leads."""
        status, page, _ = await self.ask("POST", path, way="callback")
        assert status == 200, page
        return html.unescape(find(r'(?<=<a class="button" href=")[^"]+', page))


@dataclass
class Scene:
    """A world with a service, and pages that are open to browsers."""

    world: World
    service: Service
    browser: Browser

    async def link(self, who: str = "anna") -> str:
        return find(r"/verify/\S+", await self.world.say(who, "!policy verify"))

    async def depart(self, who: str = "anna", browser: Browser | None = None) -> str:
        return await (browser or self.browser).depart(await self.link(who))

    async def vaulted(self) -> int:
        async with self.world.database.transaction(reading=True) as tx:
            return int(await tx.value("SELECT COUNT(*) AS value FROM vault_fields"))

    async def linked(self, who: str) -> bool:
        return "Identity: verified" in await self.world.say(who, "!policy me")

    async def confirm(self, who: str, page: str) -> str:
        return await self.world.say(who, find(r"!policy verify \w{6}", page))


async def scenes(
    folder: Path, database_url: str = "", *, fetched: bool = False, local: bool = False, **changes: Any
) -> AsyncIterator[Scene]:
    """Make scenes; `local` ones can be opened by a real browser."""
    clock, port = Clock(), free_port()
    keys = {"web.public_url": f"http://127.0.0.1:{port}"} if local else {}
    async with fake.running(clock) as service:
        section = service.section(fetched=fetched, **changes)
        changed = {"identity.callback": section, **keys}
        async with make_world(folder, database_url, **changed) as world:
            world.clock = clock
            world.app.setting.now = clock
            runner = web.AppRunner(world.app.pages(), access_log=None)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", port).start()
            service.policybot = f"http://127.0.0.1:{port}"
            service.host = f"127.0.0.1:{port}" if local else HOST
            try:
                async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
                    yield Scene(world, service, Browser(session, service.policybot))
            finally:
                await runner.cleanup()


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    """What is posted counts."""
    async for made in scenes(tmp_path):
        yield made


@pytest.fixture
async def any_scene(tmp_path: Path, database_url: str) -> AsyncIterator[Scene]:
    """The same, once on each database."""
    async for made in scenes(tmp_path, database_url):
        yield made


@pytest.fixture
async def fetching(tmp_path: Path) -> AsyncIterator[Scene]:
    """What is fetched counts."""
    async for made in scenes(tmp_path, fetched=True):
        yield made


# The way ------------------------------------------------------------------------------------------


async def test_the_result_comes_before_the_browser(any_scene: Scene) -> None:
    scene = any_scene
    back, result = scene.service.verify(await scene.depart())
    assert await scene.service.post(result) == (200, '{"result": "taken"}')
    status, page = await scene.browser.get(back)
    assert status == 200
    assert "A*** C***" in page
    assert not await scene.linked("anna"), "nothing is linked by the page"
    assert "level substantial" in await scene.confirm("anna", page), "high, and capped"
    assert await scene.linked("anna")


async def test_the_browser_comes_before_the_result(any_scene: Scene) -> None:
    scene = any_scene
    back, result = scene.service.verify(await scene.depart())
    status, page, headers = await scene.browser.ask("GET", back)
    assert (status, headers["Refresh"]) == (202, "30")
    assert "Still being checked" in page
    assert "in this browser" in page
    scene.world.clock.pass_time(days=3)
    await scene.world.tick()
    await scene.service.post(result)
    await scene.world.work()
    assert "open that page again" in scene.world.told("anna")[-1]
    status, page = await scene.browser.get(back)
    assert status == 200
    status, page = await scene.browser.get(back)
    assert status == 200, "a phone that loads the page again shows another code"
    scene.world.clock.pass_time(minutes=29)
    assert "You are verified" in await scene.confirm("anna", page)
    status, page = await scene.browser.get(back)
    assert status == 404, "it is used up"


async def test_a_code_after_a_long_wait_ends_as_any_other(scene: Scene) -> None:
    back, result = scene.service.verify(await scene.depart())
    scene.world.clock.pass_time(days=3)
    await scene.service.post(result)
    _, page = await scene.browser.get(back)
    scene.world.clock.pass_time(minutes=31)
    assert "do not know this code" in await scene.confirm("anna", page)


async def test_result_and_browser_at_the_same_time(any_scene: Scene) -> None:
    """Whichever is first, nobody waits in vain."""
    scene = any_scene
    for n in range(5):
        back, result = scene.service.verify(await scene.depart())
        (status, _), _ = await asyncio.gather(scene.browser.get(back), scene.service.post(result))
        await scene.world.work()
        told = [text for text in scene.world.told("anna") if "open that page again" in text]
        assert status == 200 or told, n


async def test_nothing_is_told_before_the_browser_is_back(scene: Scene) -> None:
    _, result = scene.service.verify(await scene.depart())
    before = len(scene.world.told("anna"))
    await scene.service.post(result)
    await scene.world.work()
    assert len(scene.world.told("anna")) == before


async def test_only_what_is_wanted_is_kept(scene: Scene) -> None:
    back, result = scene.service.verify(await scene.depart())
    await scene.service.post(result)
    _, page = await scene.browser.get(back)
    await scene.confirm("anna", page)
    async with scene.world.database.transaction(reading=True) as tx:
        link = await members.link_of(tx, "@anna:example.org")
        assert link is not None
        kept = await scene.world.app.services.members._vault.open(
            tx, link.person_id, "claims callback verify-ltd"
        )
        assert kept is not None
        assert {name: value.reveal() for name, value in kept.items()} == {"name": "Anna Canary-anna"}
        (verification,) = await members.verifications_of(tx, link.person_id)
    assert (verification.realm, verification.process) == ("verify-ltd", "video call")
    assert verification.assurance is Assurance.SUBSTANTIAL


async def test_names_and_ids_stand_nowhere_in_the_clear(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    back, result = scene.service.verify(await scene.depart())
    await scene.browser.get(back)
    await scene.service.post(result, message_id="msg_canary")
    _, page = await scene.browser.get(back)
    await scene.confirm("anna", page)
    cookies = scene.browser.cookies.values()
    async with scene.world.database.transaction(reading=True) as tx:
        tables = await tx.fetch("SELECT name FROM sqlite_master WHERE type = 'table'")
        rows: list[Any] = []
        for table in tables:
            rows += await tx.fetch(f"SELECT * FROM {table['name']}")  # noqa: S608 - all of them
    stored = str([tuple(row) for row in rows])
    assert "verify-ltd" in stored
    for secret in ("Canary", "1990-05", result["id"], result["reference"], *cookies, "msg_canary"):
        assert secret not in stored
        assert secret not in caplog.text


async def test_a_failed_result_is_told_kindly(scene: Scene) -> None:
    back, result = scene.service.verify(await scene.depart(), status="failed", subject="")
    await scene.browser.get(back)
    await scene.service.post(result)
    status, page = await scene.browser.get(back)
    assert status == 422
    assert "«Verify Ltd» could not confirm who you are" in page
    assert "Nothing was linked" in page
    await scene.world.work()
    again, result = scene.service.verify(await scene.depart())
    await scene.service.post(result)
    assert (await scene.browser.get(again))[0] == 200


async def test_a_pending_result_is_no_result(scene: Scene) -> None:
    back, result = scene.service.verify(await scene.depart())
    assert (await scene.service.post(result | {"status": "pending"}))[0] == 200
    assert (await scene.browser.get(back))[0] == 202
    await scene.service.post(result)
    assert (await scene.service.post(result | {"status": "pending"}))[0] == 200, "it comes late"
    assert (await scene.browser.get(back))[0] == 200


async def test_an_older_result_that_comes_late_changes_nothing(scene: Scene) -> None:
    back, result = scene.service.verify(await scene.depart())
    await scene.service.post(result)
    older = (scene.world.clock() - timedelta(minutes=1)).isoformat()
    await scene.service.post(result | {"status": "failed", "time": older})
    assert (await scene.browser.get(back))[0] == 200


async def test_a_second_try_in_another_tab_does_not_end_the_first(scene: Scene) -> None:
    path = await scene.link()
    first, second = await scene.browser.depart(path), await scene.browser.depart(path)
    for start in (first, second):
        back, result = scene.service.verify(start)
        await scene.service.post(result)
        assert (await scene.browser.get(back))[0] == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"assurance_level": "unheard-of"},
        {"assurance_level": ""},
        {"subject": ""},
        {"expires_at": "2020-01-01T00:00:00Z"},
        {"time": "2030-01-01T00:00:00Z"},
    ],
)
async def test_a_result_that_proves_too_little_verifies_nobody(
    scene: Scene, changes: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    back, result = scene.service.verify(await scene.depart(), **changes)
    assert (await scene.service.post(result))[0] == 200
    status, page = await scene.browser.get(back)
    assert (status, "could not confirm" in page) == (422, True)
    assert "was refused" in caplog.text
    assert "Canary" not in caplog.text


# Attacks on people --------------------------------------------------------------------------------


async def test_a_forwarded_link_links_nobody(scene: Scene) -> None:
    """Zoe asks for a link and sends it to Anna, who goes through all of it in her browser."""
    anna = scene.browser.other()
    back, result = scene.service.verify(await scene.depart("zoe", anna))
    await scene.service.post(result)
    _, page = await anna.get(back)
    assert "@zoe:example.org" in page, "the page says for whom it is"
    assert "made for another account" in await scene.confirm("anna", page)
    assert not await scene.linked("zoe")
    assert not await scene.linked("anna")


async def test_a_forwarded_start_address_links_nobody(scene: Scene) -> None:
    """Zoe goes as far as the service, and sends Anna that address; Anna verifies herself there."""
    start = await scene.depart("zoe")
    back, result = scene.service.verify(start, "Anna Canary-anna")
    await scene.service.post(result)
    status, page = await scene.browser.other().get(back)
    assert status == 404, "Anna's browser is not the one that left"
    assert "give this address to nobody" in page
    assert "A***" not in page
    reference = result["reference"]
    for guess in ("", "A" * 32, reference):
        status, page = await scene.browser.get(f"/verify/back?state={reference}&id={guess}")
        assert status in (202, 404), "Zoe's browser left, and does not know the result's ID"
        assert "policy verify" not in re.sub(r"Write !policy verify", "", page)
    await scene.world.work()
    assert not any("is here" in text for text in scene.world.told("zoe")), "she does not even hear of it"


async def test_a_result_for_another_reference_is_not_found(scene: Scene) -> None:
    zoe = scene.browser.other()
    annas, _ = await scene.depart(), await scene.depart("zoe", zoe)
    _, result = scene.service.verify(annas)
    await scene.service.post(result)
    zoes = find(r"(?<=reference=)[^&]+", await scene.depart("zoe", zoe))
    status, _ = await zoe.get(f"/verify/back?state={zoes}&id={result['id']}")
    assert status == 202, "what is Anna's is not there for Zoe"


async def test_a_browser_that_returns_without_a_result_is_told_so(scene: Scene) -> None:
    reference = find(r"(?<=reference=)[^&]+", await scene.depart())
    for given in ("", "&id=", "&id=../../admin", "&id=" + "x" * 5000):
        status, page = await scene.browser.get(f"/verify/back?state={reference}{given}")
        assert status == 404
        assert "finish at the service" in page


# Attacks on the door ------------------------------------------------------------------------------


async def test_a_replayed_post_does_nothing(any_scene: Scene) -> None:
    scene = any_scene
    back, result = scene.service.verify(await scene.depart())
    await scene.browser.get(back)
    for _ in range(3):
        assert (await scene.service.post(result, message_id="msg_1"))[0] == 200
    await scene.world.work()
    assert len([t for t in scene.world.told("anna") if "open that page again" in t]) == 1


async def test_a_duplicate_under_another_id_does_nothing(scene: Scene) -> None:
    back, result = scene.service.verify(await scene.depart())
    await scene.browser.get(back)
    for _ in range(3):
        assert (await scene.service.post(result))[0] == 200
    await scene.world.work()
    assert len([t for t in scene.world.told("anna") if "open that page again" in t]) == 1


async def test_many_posts_at_once_count_once(any_scene: Scene) -> None:
    scene = any_scene
    back, result = scene.service.verify(await scene.depart())
    await scene.browser.get(back)
    posts = (scene.service.post(result, message_id="msg_1") for _ in range(8))
    assert {status for status, _ in await asyncio.gather(*posts)} == {200}
    await scene.world.work()
    assert len([t for t in scene.world.told("anna") if "open that page again" in t]) == 1


async def test_another_body_under_one_id_is_refused(scene: Scene) -> None:
    back, result = scene.service.verify(await scene.depart())
    assert (await scene.service.post(result | {"status": "pending"}, message_id="msg_1"))[0] == 200
    assert (await scene.service.post(result, message_id="msg_1"))[0] == 409
    assert (await scene.browser.get(back))[0] == 202


@pytest.mark.parametrize("late", [timedelta(minutes=6), -timedelta(minutes=6), -timedelta(days=400)])
async def test_a_post_from_the_future_or_the_past_is_refused(scene: Scene, late: timedelta) -> None:
    back, result = scene.service.verify(await scene.depart())
    assert (await scene.service.post(result, late=late))[0] == 400
    assert (await scene.browser.get(back))[0] == 202
    assert (await scene.service.post(result, late=timedelta(minutes=4)))[0] == 200


async def test_a_wrong_key_is_refused(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    back, result = scene.service.verify(await scene.depart())
    assert (await scene.service.post(result, secrets_=[new_secret()]))[0] == 401
    assert (await scene.browser.get(back))[0] == 202
    assert "Canary" not in caplog.text


@pytest.mark.parametrize(
    "headers",
    [
        {"webhook_signature": ""},
        {"webhook_signature": "v1,"},
        {"webhook_signature": "v1a,AAAA v2,BBBB"},
        {"webhook_signature": "v1,ünïcode"},
        {"webhook_signature": " " * 5000},
        {"webhook_timestamp": ""},
        {"webhook_timestamp": "1e9"},
        {"webhook_timestamp": "-1"},
        {"webhook_timestamp": "99999999999999999999"},
        {"webhook_id": ""},
        {"webhook_id": "a.b"},
        {"webhook_id": "another"},
        {"webhook_id": "x" * 500},
    ],
)
async def test_a_signature_that_does_not_fit_is_refused(scene: Scene, headers: dict[str, str]) -> None:
    _, result = scene.service.verify(await scene.depart())
    sent: dict[str, Any] = dict(headers)
    assert (await scene.service.post(result, **sent))[0] == 401


async def test_a_changed_body_is_refused(scene: Scene) -> None:
    _, result = scene.service.verify(await scene.depart())
    signed = json.dumps(result).encode()
    changed = signed.replace(b"Canary", b"Berger")
    at = str(int(scene.world.clock().timestamp()))
    signature = sign(scene.service.secret, "msg_1", at, signed)
    status, _ = await scene.service.post(changed, message_id="msg_1", webhook_signature=signature)
    assert status == 401


async def test_keys_can_be_rolled(tmp_path: Path) -> None:
    """While an old key gives way to a new one, both are good, and a post may carry both signatures."""
    old, new = new_secret(), new_secret()
    async for scene in scenes(tmp_path, secret=[old, new]):
        for signed_with in ([old], [new], [new_secret(), new], [old, new_secret()]):
            back, result = scene.service.verify(await scene.depart())
            assert (await scene.service.post(result, secrets_=signed_with))[0] == 200
            assert (await scene.browser.get(back))[0] == 200
        assert (await scene.service.post(result, secrets_=[new_secret()]))[0] == 401


async def test_an_unknown_reference_is_answered_as_a_known_one(scene: Scene) -> None:
    before = await scene.vaulted()
    back, result = scene.service.verify(await scene.depart())
    known = await scene.service.post(result | {"status": "pending"})
    assert await scene.service.post(result | {"reference": "nobody's"}) == known
    assert (await scene.browser.get(back))[0] == 202
    assert await scene.vaulted() == before, "nothing of it is kept"


async def test_a_huge_body_is_refused(scene: Scene) -> None:
    _, result = scene.service.verify(await scene.depart())
    assert (await scene.service.post(result | {"more": "x" * 70_000}))[0] == 413
    assert (await scene.service.post(result | {"more": "x" * 60_000}))[0] == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b"\xff\xfe",
        b"[" * 60_000,
        b'{"claims":' * 5_000 + b"{}" + b"}" * 5_000,
        b'{"id": NaN}',
    ],
)
async def test_what_is_no_result_is_refused(scene: Scene, body: bytes) -> None:
    assert (await scene.service.post(body))[0] == 400


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "short"},
        {"id": "../../../../etc/passwd"},
        {"id": "A" * 201},
        {"id": 7},
        {"reference": ""},
        {"reference": "x" * 201},
        {"status": "good"},
        {"claims": []},
        {"claims": {"name": "x" * 201}},
        {"claims": {"name": "Anna\u202esrerhA"}},
        {"claims": {"name": "Anna\x00"}},
        {"claims": {"birthdate": "yesterday"}},
        {"process": "<script>"},
        {"time": "2026-03-02T09:00:00"},
        {"time": 1772442000},
        {"subject": "x" * 201},
    ],
)
async def test_a_field_that_cannot_be_is_refused(
    scene: Scene, changes: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    _, result = scene.service.verify(await scene.depart())
    assert (await scene.service.post(result | changes))[0] == 400
    assert "cannot be read" in caplog.text, "the operator learns which field"
    assert "Anna" not in caplog.text, "and nothing of what stands in it"


async def test_a_name_is_never_taken_for_html(scene: Scene) -> None:
    back, result = scene.service.verify(await scene.depart(), "<b>Anna <i>Canary")
    await scene.service.post(result)
    _, page = await scene.browser.get(back)
    assert "<b>" not in page
    assert "<i>" not in page


async def test_another_host_is_refused_here_too(scene: Scene) -> None:
    _, result = scene.service.verify(await scene.depart())
    assert (await scene.service.post(result, Host="evil.example"))[0] == 421


async def test_only_this_place_is_open_to_machines(scene: Scene) -> None:
    _, result = scene.service.verify(await scene.depart())
    assert (await scene.service.post(result, Sec_Fetch_Site="cross-site"))[0] == 200
    scene.service.policybot += (await scene.link()) + "?"
    assert (await scene.service.post(result))[0] == 403


async def test_results_are_swept(scene: Scene) -> None:
    before = await scene.vaulted()
    back, result = scene.service.verify(await scene.depart())
    await scene.service.post(result)
    assert await scene.vaulted() == before + 1
    await scene.world.tick(days=7, seconds=1)
    assert await scene.vaulted() == before
    assert (await scene.browser.get(back))[0] == 404
    assert (await scene.service.post(result))[0] == 200, "too late, and answered as any"
    assert await scene.vaulted() == before
    await scene.world.tick(days=2)
    async with scene.world.database.transaction(reading=True) as tx:
        for table in ("results", "webhooks"):
            assert await tx.value(f"SELECT COUNT(*) AS value FROM {table}") == 0  # noqa: S608


async def test_a_result_that_did_its_work_is_swept(scene: Scene) -> None:
    back, result = scene.service.verify(await scene.depart())
    await scene.service.post(result)
    _, page = await scene.browser.get(back)
    await scene.confirm("anna", page)
    await scene.world.tick()
    async with scene.world.database.transaction(reading=True) as tx:
        assert await tx.value("SELECT COUNT(*) AS value FROM results") == 0
        left = "SELECT COUNT(*) AS value FROM vault_fields WHERE field_group LIKE 'result %'"
        assert await tx.value(left) == 0


# What is fetched ----------------------------------------------------------------------------------


async def test_only_what_is_fetched_counts(fetching: Scene) -> None:
    scene = fetching
    back, result = scene.service.verify(await scene.depart(), "Anna Canary-anna")
    forged = result | {"claims": {"name": "Tom Cole"}, "subject": "subject-Tom Cole"}
    await scene.service.post(forged)
    _, page = await scene.browser.get(back)
    assert "A*** C***" in page
    assert "T*** C***" not in page


async def test_a_post_alone_proves_nothing(fetching: Scene) -> None:
    scene = fetching
    back, result = scene.service.verify(await scene.depart())
    del scene.service.results[result["id"]]
    await scene.service.post(result)
    assert (await scene.browser.get(back))[0] == 422


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"status": "failed"}, 422),
        ({"status": "revoked"}, 422),
        ({"status": "pending"}, 202),
        ({"reference": "another"}, 422),
        ({"id": "B" * 32}, 422),
    ],
)
async def test_a_fetched_result_may_say_otherwise(
    fetching: Scene, change: dict[str, str], status: int
) -> None:
    scene = fetching
    back, result = scene.service.verify(await scene.depart())
    await scene.service.post(result)
    scene.service.results[result["id"]] = result | change
    assert (await scene.browser.get(back))[0] == status


async def test_nothing_is_fetched_before_it_was_posted(fetching: Scene) -> None:
    """Nobody makes us ask for IDs of their choice."""
    scene = fetching
    back, _ = scene.service.verify(await scene.depart())
    assert (await scene.browser.get(back))[0] == 202
    assert scene.service.asked == 0


async def test_nothing_of_a_person_waits_where_it_is_fetched(fetching: Scene) -> None:
    scene = fetching
    _, result = scene.service.verify(await scene.depart())
    assert scene.world.app.ways[-1]._kept(fake_payload(result)) == {}  # type: ignore[attr-defined]


async def test_a_result_is_fetched_a_few_times_and_not_at_every_reload(fetching: Scene) -> None:
    scene = fetching
    back, result = scene.service.verify(await scene.depart())
    for _ in range(20):
        assert (await scene.browser.get(back))[0] == 202, "waiting costs nothing"
    await scene.service.post(result)
    answers = [(await scene.browser.get(back))[0] for _ in range(20)]
    assert answers == [200] * 9 + [404] * 11, "setting out was the first"
    assert scene.service.asked == 9


def fake_payload(result: dict[str, Any]) -> Any:
    from policybot.identity.callback import read

    return read(json.dumps(result).encode())


def too_much() -> web.Response:
    return web.Response(body=b" " * (2**20 + 1), content_type="application/json")


def elsewhere() -> web.Response:
    return web.Response(status=302, headers={"Location": "http://127.0.0.1:1/"})


def broken() -> web.Response:
    return web.Response(status=500)


def nonsense() -> web.Response:
    return web.Response(text="<html>")


@pytest.mark.parametrize("status", [404, 410])
@pytest.mark.parametrize("body", ["", "<html>", '"nothing"', "{}"])
@pytest.mark.parametrize("kind", ["application/json", "text/html"])
async def test_what_is_not_there_is_told_apart_from_a_service_that_is_away(
    fetching: Scene, status: int, body: str, kind: str
) -> None:
    scene = fetching
    way = next(way for way in scene.world.app.ways if isinstance(way, CallbackWay))
    scene.service.fault = lambda: web.Response(status=status, text=body, content_type=kind)
    assert await way._fetch("A" * 32) is None
    scene.service.fault = lambda: web.Response(status=403, text=body, content_type=kind)
    with pytest.raises(SourceAway):
        await way._fetch("A" * 32)


async def test_a_result_is_fetched_with_the_same_care_as_from_any_other_source(
    fetching: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "_LARGEST", 10)
    way = next(way for way in fetching.world.app.ways if isinstance(way, CallbackWay))
    _, result = fetching.service.verify(await fetching.depart())
    with pytest.raises(SourceAway, match="answers with more than"):
        await way._fetch(result["id"])


@pytest.mark.parametrize("fault", [too_much, elsewhere, broken, nonsense])
async def test_a_service_that_is_away_can_be_asked_again(
    fetching: Scene, fault: Any, caplog: pytest.LogCaptureFixture
) -> None:
    scene = fetching
    back, result = scene.service.verify(await scene.depart())
    await scene.service.post(result)
    scene.service.fault = fault
    status, page = await scene.browser.get(back)
    assert status == 503
    assert "try again later" in page
    assert result["id"] not in caplog.text
    scene.service.fault = None
    assert (await scene.browser.get(back))[0] == 200


async def test_a_service_that_cannot_be_reached_can_be_asked_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}/{{id}}"
    async for scene in scenes(tmp_path, fetched=True, result_url=nowhere):
        back, result = scene.service.verify(await scene.depart())
        await scene.service.post(result)
        assert (await scene.browser.get(back))[0] == 503
        assert result["id"] not in caplog.text
