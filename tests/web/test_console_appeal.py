"""The pages on which appeals are decided: for whoever had no part, exact, and without a script."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.consoles import opened, post, seen_by
from tests.papers import Browser
from tests.serving import served
from tests.world import World, user

WHY = "It was a joke between <friends> & neighbours"
REASONS = {"reasons": "A joke indeed, as Anna says"}


@pytest.fixture
async def browser(world: World) -> AsyncIterator[Browser]:
    await world.governed_room()
    async with served(world) as url, aiohttp.ClientSession() as session:
        yield Browser(session, url)


async def appealed(world: World, by: str = "mira", text: str = WHY) -> str:
    case = await world.reported(text="Anna, tonight I come for your tomatoes")
    await world.review(
        by, f"!policy decide {case} R2 S3 restrict:P30D Threatened a neighbour // As said before"
    )
    await world.say("tom", f"!policy appeal {case} {text}")
    return case


async def test_a_reviewer_reads_everything_sees_what_would_happen_and_decides(
    browser: Browser, world: World
) -> None:
    case = await appealed(world)
    queue = await opened(world, browser, "ravi")
    assert queue.endswith("/appeals"), "who decides appeals alone is led to them"
    status, page = await browser.get(queue)
    assert (status, case in page) == (200, True)
    path = f"{queue}/{case}"
    status, page = await browser.get(path)
    for said in (
        "It was a joke between &lt;friends&gt; &amp; neighbours",
        "Anna, tonight I come for your tomatoes",
        "Threatened a neighbour",
        "As said before",
        "To be answered by 9 March",
        "@mira:example.org",
    ):
        assert said in page, said
    assert "@lea" not in page, "who reported is not what it needs"
    status, page = await browser.post(path, {"act": "weigh", "verdict": "overturn"} | REASONS)
    assert status == 200
    for said in ("Nothing is done yet", "void from the", "@tom:example.org", "@lea:example.org"):
        assert said in page, said
    assert world.homeserver.levels[world.room]["users"][user("tom")] == -1
    seen = seen_by(page, "decide")
    given = {"act": "decide", "verdict": "overturn", "seen": seen} | REASONS
    status, page = await browser.post(path, given | {"reasons": "Other words than those shown"})
    assert (status, "Something has changed" in page) == (422, True)
    await world.say("tom", f"!policy add {case} Ask Anna, she laughed")
    status, page = await browser.post(path, given)
    assert (status, "Something has changed" in page, "she laughed" in page) == (422, True, True)
    _, page = await browser.post(path, given | {"act": "weigh"})
    status, _ = await browser.post(path, given | {"seen": seen_by(page, "decide")})
    assert status == 303
    await world.work()
    assert user("tom") not in world.homeserver.levels[world.room]["users"]
    assert any("A joke indeed, as Anna says" in text for text in world.told("tom"))
    assert (await browser.get(path))[0] == 404
    assert case not in (await browser.get(queue))[1]


async def test_a_party_does_not_see_an_appeal_at_all(browser: Browser, world: World) -> None:
    """I14: Otto decides appeals, but he decided this one."""
    case = await appealed(world, by="otto")
    cases = await opened(world, browser, "otto")
    queue = f"{cases}/appeals"
    assert case not in (await browser.get(queue))[1]
    status, page = await browser.get(f"{queue}/{case}")
    assert (status, "joke" in page) == (404, False)
    given = {"act": "decide", "verdict": "uphold", "seen": ""} | REASONS
    assert (await browser.post(f"{queue}/{case}", given))[0] == 404
    cases = await opened(world, browser, "mira")  # a moderator without the role
    assert (await browser.get(f"{cases}/appeals"))[0] == 404
    appeals = await opened(world, browser, "ravi")
    assert (await browser.get(appeals.removesuffix("/appeals")))[0] == 404, "no cases without the role"


async def test_on_the_page_one_asks_takes_hastens_and_is_told_what_lacks(
    browser: Browser, world: World
) -> None:
    case = await appealed(world, text="+urgent I speak there on Saturday")
    path = f"{await opened(world, browser, 'ravi')}/{case}"
    assert "they say that it is urgent" in (await browser.get(path))[1]
    assert (await post(browser, path, "hasten", why="The talk is on Saturday"))[0] == 303
    assert "urgent: a reviewer agrees" in (await browser.get(path))[1]
    assert (await post(browser, path, "claim"))[0] == 303
    assert "It is yours until" in (await browser.get(path))[1]
    status, page = await post(browser, path, "ask", question=" ")
    assert (status, "write your question" in page) == (422, True)
    assert (await post(browser, path, "ask", question="Who was there?"))[0] == 303
    await world.work()
    assert "Who was there?" in world.told("tom")[-1]
    _, page = await browser.get(path)
    assert "its time stands still" in page
    assert "Asked by a reviewer" in page
    status, page = await post(browser, path, "weigh", **REASONS)
    assert (status, "choose an outcome" in page) == (422, True)
    status, page = await post(browser, path, "weigh", verdict="uphold", reasons="")
    assert (status, "give the reasons" in page) == (422, True)
    given = {"verdict": "modify", "measure": "restrict:P90D"} | REASONS
    status, page = await post(browser, path, "weigh", **given)
    assert (status, "must be milder" in page, "restrict:P90D" in page) == (422, True, True)
    assert (await post(browser, path, "release"))[0] == 303
    assert (await post(browser, path, "juggle"))[0] == 422


async def test_who_decides_reads_to_its_end_what_somebody_wrote_in_one_paragraph(
    browser: Browser, world: World
) -> None:
    case = await appealed(world, text=f"{'I was not there on that evening. ' * 145}Ask my sister")
    queue = await opened(world, browser, "ravi")
    assert "Ask my sister" in (await browser.get(f"{queue}/{case}"))[1]
