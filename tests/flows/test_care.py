"""Care for moderators: what they had to look at is counted, for their own eyes."""

from collections.abc import AsyncIterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import aiohttp
import pytest
from PIL import Image

from policybot.store import exports
from tests.albums import PICTURE, photographed
from tests.papers import Browser
from tests.serving import served
from tests.world import World, find, user
from tests.world import world as make_world

HINT = "Perhaps somebody else takes the next ones."


@pytest.fixture
async def caring(tmp_path: Path, database_url: str) -> AsyncIterator[World]:
    changes = {"care.cases_a_day": 3, "care.looks_a_day": 2}
    async with make_world(tmp_path, database_url, **changes) as world:
        await world.governed_room()
        yield world


@pytest.fixture
async def browser(caring: World) -> AsyncIterator[Browser]:
    async with served(caring) as url, aiohttp.ClientSession() as session:
        yield Browser(session, url)


def size(data: bytes) -> tuple[int, int]:
    return Image.open(BytesIO(data)).size


async def opened(world: World, browser: Browser, who: str = "mira") -> str:
    path = find(r"/console/\S+", await world.say(who, "!policy console"))
    async with browser.session.post(
        browser.url + path, headers=browser.headers, allow_redirects=False
    ) as answer:
        return answer.headers["Location"]


async def test_a_picture_is_blurred_until_somebody_asks_and_the_look_is_counted(
    caring: World, browser: Browser
) -> None:
    number = await photographed(caring)
    case = f"{await opened(caring, browser)}/{number}"
    _, page = await browser.get(case)
    assert f'src="{case}/picture/1/blurred"' in page
    assert "File 1: image/png" in page, "what it is by its bytes"
    assert "/clear" not in page
    assert page.index("Buy my spades!") < page.index("/blurred"), "text first"
    status, data, headers = await browser.fetch(f"{case}/picture/1/blurred")
    assert (status, headers["Content-Type"], size(data)) == (200, "image/jpeg", (240, 180))
    _, page = await browser.get(f"{case}/picture/1")
    assert "It is counted that you looked" in page
    assert "and 0 blurred pictures; within" in await caring.say("mira", "!policy care")
    status, data, headers = await browser.fetch(f"{case}/picture/1/clear")
    assert (status, size(data), headers["Cache-Control"]) == (200, (800, 600), "no-store")
    answer = await caring.say("mira", "!policy care")
    assert "Today you have opened 1 case and 1 blurred picture" in answer
    assert HINT not in answer
    for wrong in ("0", "2", "999"):
        assert (await browser.get(f"{case}/picture/{wrong}"))[0] == 404
        assert (await browser.get(f"{case}/picture/{wrong}/clear"))[0] == 404
    assert "1 blurred picture;" in await caring.say("mira", "!policy care"), "what fails counts nothing"
    await browser.fetch(f"{case}/picture/1/clear")
    assert f"You have looked at 2 blurred pictures today. {HINT}" in (await browser.get(case))[1]
    assert (await browser.fetch(f"{case}/picture/1/clear"))[0] == 200, "nothing is forbidden"
    async with caring.database.transaction(reading=True) as tx:
        since = caring.clock() - timedelta(days=1)
        assert await caring.app.services.copies.clear_looks(tx, user("mira"), since) == 3, "on record"
    del caring.homeserver.media.files[PICTURE]
    assert (await browser.get(f"{case}/picture/1/blurred"))[0] == 404


async def test_a_party_sees_no_picture_of_the_case(caring: World, browser: Browser) -> None:
    number = await photographed(caring, offender="mira")
    case = f"{await opened(caring, browser)}/{number}"
    for place in ("1", "1/blurred", "1/clear"):
        assert (await browser.get(f"{case}/picture/{place}"))[0] == 404


async def test_cases_count_once_a_day_and_nobody_sees_anothers_numbers(
    caring: World, browser: Browser
) -> None:
    await caring.reported()
    queue = await opened(caring, browser)
    for _ in range(3):
        await browser.get(f"{queue}/C-1")
    assert "opened 1 case and" in await caring.say("mira", "!policy care")
    for who in ("zoe", "lou"):
        await caring.reported(who, text=f"Me too, says {who}")
    for number in ("C-2", "C-3"):
        await browser.get(f"{queue}/{number}")
    answer = await caring.say("mira", "!policy care")
    assert f"You have looked at 3 cases today. {HINT}" in answer
    assert HINT in (await browser.get(queue))[1]
    answer = await caring.say("otto", "!policy care")
    assert "Today you have opened 0 cases" in answer
    assert "All moderators together today: 3 cases" in answer
    assert "mira" not in answer
    for who in ("tom", "ravi"):
        assert "together" not in await caring.say(who, "!policy care")
    caring.clock.pass_time(days=1)
    answer = await caring.say("mira", "!policy care")
    assert "Today you have opened 0 cases" in answer
    assert "within seven days, 3 cases" in answer
    assert HINT not in answer


async def test_the_numbers_go_after_thirty_days_and_are_their_owners_till_then(
    caring: World, browser: Browser
) -> None:
    await caring.reported()
    await browser.get(f"{await opened(caring, browser)}/C-1")
    part = next(part for part in exports.OF_ACCOUNT if part.name == "exposures")
    async with caring.database.transaction(reading=True) as tx:
        own = await exports.rows_of(tx, part, user("mira"), "person", own=True)
        assert [row["looks"] for row in own] == [0]
        assert await exports.rows_of(tx, part, user("otto"), None, own=True) == []
    for days, left in ((29, 1), (2, 0)):
        await caring.tick(days=days)
        async with caring.database.transaction(reading=True) as tx:
            assert await tx.value("SELECT COUNT(*) AS value FROM exposures") == left
