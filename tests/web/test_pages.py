"""The pages: safe headers everywhere, links that previews do not use up, forms that only we can send."""

import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer

from policybot import doors
from policybot.domain.identity import Source
from policybot.ports import SourceAway, Step
from policybot.web.site import HEADERS
from tests.files import CODES
from tests.serving import served
from tests.world import World, find

HOST = "policybot.example.org"


@dataclass
class Browser:
    """Somebody's browser, which says of itself what browsers say."""

    session: aiohttp.ClientSession
    url: str

    async def get(self, path: str, **headers: str) -> tuple[int, str, Any]:
        async with self.session.get(self.url + path, headers={"Host": HOST} | headers) as answer:
            return answer.status, await answer.text(), answer.headers

    async def post(self, path: str, code: str, way: str = "roster", **headers: str) -> tuple[int, str]:
        said = {"Host": HOST, "Origin": f"https://{HOST}", "Sec-Fetch-Site": "same-origin"}
        for name, value in headers.items():
            said[name.replace("_", "-")] = value
        typed = {"way": way, "code": code}
        said = {name: value for name, value in said.items() if value}
        async with self.session.post(self.url + path, data=typed, headers=said) as answer:
            return answer.status, await answer.text()


@pytest.fixture
async def browser(world: World) -> AsyncIterator[Browser]:
    async with served(world) as url, aiohttp.ClientSession() as session:
        yield Browser(session, url)


async def link(world: World, who: str = "anna") -> str:
    return find(r"/verify/\S+", await world.say(who, "!policy verify"))


async def test_every_answer_has_the_safe_headers(browser: Browser, world: World) -> None:
    for path in (await link(world), "/verify/unknown", "/agreement", "/style.css", "/nowhere"):
        _, _, headers = await browser.get(path)
        assert {name: headers.get(name) for name in HEADERS} == HEADERS, path
        assert headers["Strict-Transport-Security"] == "max-age=31536000"


def test_the_form_is_sent_with_its_origin() -> None:
    """With `no-referrer` browsers send `Origin: null`, and nobody could verify themselves."""
    assert HEADERS["Referrer-Policy"] == "same-origin"


async def test_looking_at_a_link_uses_nothing_up(browser: Browser, world: World) -> None:
    path = await link(world)
    for _ in range(5):
        status, page, _ = await browser.get(path)
        assert status == 200
        assert "@anna:example.org" in page
    status, page = await browser.post(path, CODES["anna"])
    assert status == 200
    assert "A*** C***" in page, "the page names both sides, and the name only to its owner"
    assert "@anna:example.org" in page
    assert "not verified" in await world.say("anna", "!policy me"), "nothing is linked by the page"
    await world.say("anna", find(r"!policy verify \w{6}", page))
    assert "Identity: verified" in await world.say("anna", "!policy me")
    assert (await browser.get(path))[0] == 404


async def test_five_wrong_codes_end_a_link(browser: Browser, world: World) -> None:
    path = await link(world)
    for left in (4, 3, 2, 1):
        status, page = await browser.post(path, "wrong-code")
        assert status == 422
        assert f"{left} {'try is' if left == 1 else 'tries are'} left" in page
    await browser.post(path, "wrong-code")
    assert (await browser.post(path, CODES["anna"]))[0] == 404
    assert "not verified" in await world.say("anna", "!policy me")


async def test_a_link_ends_with_its_time(browser: Browser, world: World) -> None:
    path = await link(world)
    world.clock.pass_time(minutes=31)
    assert (await browser.post(path, CODES["anna"]))[0] == 404


async def test_a_page_tells_nobody_that_a_person_is_known(browser: Browser, world: World) -> None:
    _, page = await browser.post(await link(world, "anna"), CODES["anna"])
    await world.say("anna", find(r"!policy verify \w{6}", page))
    status, page = await browser.post(await link(world, "tom"), CODES["anna"])
    assert status == 422
    assert "not accepted" in page


async def test_a_way_that_is_not_offered_is_refused(browser: Browser, world: World) -> None:
    path = await link(world)
    for way in ("oidc", "nonsense", ""):
        status, page = await browser.post(path, "x", way=way)
        assert (status, "choose one of the ways" in page) == (422, True)


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "none"},
        {"Sec_Fetch_Site": "", "Origin": "https://evil.example"},
        {"Sec_Fetch_Site": "", "Origin": "null"},
        {"Sec_Fetch_Site": "", "Origin": ""},
    ],
)
async def test_a_form_from_elsewhere_is_refused(
    browser: Browser, world: World, headers: dict[str, str]
) -> None:
    path = await link(world)
    assert (await browser.post(path, CODES["anna"], **headers))[0] == 403
    assert (await browser.post(path, CODES["anna"], Sec_Fetch_Site=""))[0] == 200


async def test_another_host_is_refused(browser: Browser) -> None:
    assert (await browser.get("/about", Host="evil.example"))[0] == 421


async def test_what_people_type_is_never_taken_for_html(browser: Browser, world: World) -> None:
    path = await link(world, "@<script>alert(1)</script>:example.org")
    _, page, _ = await browser.get(path)
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


async def test_too_much_is_refused(browser: Browser, world: World) -> None:
    assert (await browser.post(await link(world), "x" * 20_000))[0] == 413


class Asked:
    """A way in that counts how often it is begun."""

    id, source, title = "oidc-x", Source.OIDC, "Log in"
    begun = 0

    async def begin(self, state: str) -> Step:
        self.begun += 1
        raise SourceAway(state)

    async def finish(self, memory: Mapping[str, str], answer: Mapping[str, str]) -> None:
        """Find nobody."""


async def test_strangers_with_a_dead_link_make_us_ask_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    way = Asked()
    monkeypatch.setattr(doors, "ways", lambda *_: [way])
    async with TestClient(TestServer(world.app.pages())) as client:
        for path, status in (("/verify/no-such-link", 404), (await link(world), 503)):
            said = {"Host": HOST, "Sec-Fetch-Site": "same-origin"}
            answer = await client.post(path, data={"way": way.id}, headers=said)
            assert answer.status == status
    assert way.begun == 1, "for the living one"


async def test_a_link_is_never_logged(
    browser: Browser, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    path = await link(world)
    world.config.key_file.unlink()
    status, page = await browser.post(path, CODES["anna"])
    assert status == 503
    assert "cannot check this" in page
    assert path.removeprefix("/verify/") not in caplog.text
    assert CODES["anna"] not in caplog.text
