"""The pages behind one-time links: a preview opens nothing, and what opens, opens once."""

import asyncio
import io
import logging
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from policybot.web.site import HEADERS
from tests.files import NAMES
from tests.serving import served
from tests.staffed import Private
from tests.world import find

HOST = "policybot.example.org"
OWN = {"Host": HOST, "Origin": f"https://{HOST}", "Sec-Fetch-Site": "same-origin"}


@dataclass
class Browser:
    """Somebody's browser."""

    session: aiohttp.ClientSession
    url: str

    async def get(self, path: str) -> tuple[int, str]:
        async with self.session.get(self.url + path, headers={"Host": HOST}) as answer:
            return answer.status, await answer.text()

    async def post(self, path: str, **headers: str) -> tuple[int, bytes, Any]:
        async with self.session.post(self.url + path, headers=OWN | headers) as answer:
            return answer.status, await answer.read(), answer.headers


@pytest.fixture
async def browser(staffed: Private) -> AsyncIterator[Browser]:
    async with served(staffed.world) as url, aiohttp.ClientSession() as session:
        yield Browser(session, url)


async def test_a_preview_of_a_reveal_opens_nothing(browser: Browser, staffed: Private) -> None:
    path = f"/reveal/{await staffed.link()}"
    for _ in range(3):
        status, page = await browser.get(path)
        assert status == 200
        assert "Show it now" in page
        assert "Canary" not in page
    async with staffed.world.database.transaction(reading=True) as tx:
        assert await tx.value("SELECT COUNT(*) AS value FROM looks") == 0
    status, body, _ = await browser.post(path)
    assert (status, NAMES["tom"] in body.decode()) == (200, True)


async def test_a_reveal_is_shown_once_marked_and_kept_nowhere(
    browser: Browser,
    staffed: Private,
) -> None:
    path = f"/reveal/{await staffed.link()}"
    _, body, headers = await browser.post(path)
    page = body.decode()
    assert page.count("Shown to <bdi>@mira:example.org</bdi> on 2 March 2026, 09:00 UTC") == 2
    assert "closes after 15 minutes" in page
    assert headers["Refresh"] == "900", "and so it does"
    assert headers["Clear-Site-Data"] == '"cache", "storage"'
    assert {name: headers.get(name) for name in HEADERS} == HEADERS
    status, body, _ = await browser.post(path)
    assert status == 404
    assert "Canary" not in body.decode()
    assert (await browser.get(path))[0] == 404


async def test_neither_link_nor_name_is_logged(
    browser: Browser, staffed: Private, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    token = await staffed.link()
    await browser.get(f"/reveal/{token}")
    _, body, _ = await browser.post(f"/reveal/{token}")
    assert NAMES["tom"] in body.decode()
    await staffed.world.tick(minutes=2)
    assert token not in caplog.text
    assert "Canary" not in caplog.text


async def test_a_form_from_elsewhere_opens_nothing(browser: Browser, staffed: Private) -> None:
    path = f"/reveal/{await staffed.link()}"
    status, _, _ = await browser.post(path, **{"Sec-Fetch-Site": "cross-site"})
    assert status == 403
    assert (await browser.get(path))[0] == 200


async def test_two_who_press_at_once_see_it_once(browser: Browser, staffed: Private) -> None:
    path = f"/reveal/{await staffed.link()}"
    answers = await asyncio.gather(*(browser.post(path) for _ in range(4)))
    assert sorted(status for status, _, _ in answers) == [200, 404, 404, 404]


async def test_what_is_shown_is_never_taken_for_html(browser: Browser, staffed: Private) -> None:
    world = staffed.world
    async with world.database.transaction(reading=True) as tx:
        person = str(await tx.value("SELECT person_id AS value FROM links WHERE user_id LIKE '@tom%'"))
    async with world.database.transaction() as tx:
        vault = world.app.services.privacy._vault
        await vault.keep(tx, person, "claims roster roster", {"name": "<script>alert(1)</script>"})
    _, body, _ = await browser.post(f"/reveal/{await staffed.link()}")
    assert b"<script>" not in body
    assert b"&lt;script&gt;" in body


async def test_dead_links_are_all_the_same(browser: Browser) -> None:
    for kind in ("reveal", "export"):
        for token in ("unknown", "x" * 3000, "%00", "%F0%9F%92%A9"):
            assert (await browser.get(f"/{kind}/{token}"))[0] == 404, token
            assert (await browser.post(f"/{kind}/{token}"))[0] == 404, token


async def test_an_archive_is_fetched_by_the_button_and_once(browser: Browser, staffed: Private) -> None:
    await staffed.world.say("tom", "!policy export")
    path = find(r"/export/\S+", staffed.world.told("tom")[-1])
    for _ in range(2):
        status, page = await browser.get(path)
        assert status == 200
        assert "@tom:example.org" in page
        assert "Canary" not in page
    status, body, headers = await browser.post(path)
    assert status == 200
    assert headers["Content-Disposition"] == 'attachment; filename="policybot-export.zip"'
    assert headers["Cache-Control"] == "no-store"
    with zipfile.ZipFile(io.BytesIO(body)) as files:
        assert NAMES["tom"] in files.read("person.json").decode()
    assert (await browser.post(path))[0] == 404
