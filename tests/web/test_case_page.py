"""The page of a case: what was said and around it, who else looks, what was before, what is written."""

import html
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from policybot.domain.case import State
from tests.albums import PICTURE, photographed
from tests.consoles import FACTS, GIVEN, WHY, decide, opened, post, seen_by, state
from tests.flows.test_decisions import GERMAN, TRANSLATED
from tests.flows.test_publishing_lists import about, with_list
from tests.flows.test_servers import LADDER, SERVER
from tests.lists import OURS
from tests.papers import Browser
from tests.ruled import R2
from tests.serving import served
from tests.world import World, find, user
from tests.world import world as make_world


@pytest.fixture
async def browser(any_world: World) -> AsyncIterator[Browser]:
    await any_world.governed_room()
    async with served(any_world) as url, aiohttp.ClientSession() as session:
        yield Browser(session, url)


def plain(page: str) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", "", page)))


async def read(browser: Browser, path: str) -> str:
    status, page = await browser.get(path)
    assert status == 200, page
    return plain(page)


async def pulse(browser: Browser, path: str, **given: str) -> dict[str, Any]:
    async with browser.session.post(
        f"{browser.url}{path}/pulse", data=given, headers=browser.headers
    ) as answer:
        found: dict[str, Any] = await answer.json()
        return found


async def test_a_case_about_a_server_offers_what_there_is_and_shows_what_rooms_will_read(
    tmp_path: Path,
) -> None:
    async with make_world(tmp_path, **LADDER) as world:
        await world.governed_room()
        number = find(r"C-\d+", await world.review("mira", f"!policy case {SERVER}"))
        async with served(world) as url, aiohttp.ClientSession() as session:
            browser = Browser(session, url)
            assert f"Server {SERVER}" in await read(browser, await opened(world, browser))
            path = await opened(world, browser, command=f"show {number}")
            page = await read(browser, path)
            assert "About another server" in page
            assert f"It is about the server {SERVER} itself." in page
            assert "Tell them by our public list" in page
            assert "Remove all from" not in page, "a server has written nothing"
            given = {"rule": "R2", "severity": "S3", "measure": "suspend", "span": "P7D"}
            _, shown = await browser.post(
                path, given | {"facts": FACTS, "differently": WHY, "act": "decide"}
            )
            said = plain(shown)
            assert "everybody in these rooms will read" in said
            assert f"the server {SERVER} is shut out of this room for at most 7 days" in said
            assert "to shut a server out always needs two people" in said


# Looking -----------------------------------------------------------------------------------------


async def test_of_two_who_look_each_sees_the_other_while_they_do(
    browser: Browser, any_world: World
) -> None:
    number = await any_world.reported()
    first = await opened(any_world, browser, "mira", f"show {number}")
    assert "Also looking" not in await read(browser, first)
    second = await opened(any_world, browser, "otto", f"show {number}")
    assert "Also looking: @mira:example.org (since 09:00 UTC)" in await read(browser, second)
    assert (await pulse(browser, first))["others"] == [user("otto")]
    any_world.clock.pass_time(minutes=4)
    await pulse(browser, first)
    any_world.clock.pass_time(minutes=2)
    assert (await pulse(browser, first))["others"] == [], "otto has closed the page"
    assert (await pulse(browser, second))["others"] == [user("mira")], "mira still has hers"


async def test_what_stood_around_a_message_is_marked_as_context(
    browser: Browser, any_world: World
) -> None:
    await any_world.message("zoe", "Who has <b>spades</b>?", any_world.room)
    number = await any_world.reported()
    page = await read(browser, await opened(any_world, browser, command=f"show {number}"))
    before, said = page.index("Who has <b>spades</b>?"), page.index("Buy my spades!")
    assert before < said < page.index("no evidence against their authors")
    assert "@zoe:example.org: Who has" in page


async def test_files_are_named_by_their_bytes_withheld_and_given_free(
    browser: Browser, any_world: World
) -> None:
    number = await photographed(any_world)
    path = await opened(any_world, browser, command=f"show {number}")
    assert "File 1: image/png" in await read(browser, path)
    status, page = await post(browser, path, "quarantine", files_why="no")
    assert (status, "sentence" in page) == (422, True)
    assert (await post(browser, path, "quarantine", files_why="It may show a child"))[0] == 303
    await any_world.work()
    assert any_world.homeserver.media.quarantined == {PICTURE}
    assert "In quarantine since 2 March, 09:00 UTC by @mira" in await read(browser, path)
    assert (await post(browser, path, "give-free", files_why="It shows a garden gnome"))[0] == 303
    await any_world.work()
    assert any_world.homeserver.media.quarantined == set()


async def test_a_note_is_seen_by_the_others_and_by_nobody_else(
    browser: Browser, any_world: World
) -> None:
    number = await any_world.reported()
    mine, other = [await opened(any_world, browser, w, f"show {number}") for w in ("mira", "otto")]
    _, page = await browser.post(mine, GIVEN | {"act": "decide"})
    seen = seen_by(page, "carry")
    assert (await post(browser, other, "note", note=" "))[0] == 422
    assert (await post(browser, other, "note", note="He asked <i>me</i> before"))[0] == 303
    page = await read(browser, mine)
    assert "@otto:example.org, 2 March, 09:00 UTC He asked <i>me</i> before" in page
    assert (await pulse(browser, mine, seen=seen))["changed"] is True
    status, page = await browser.post(mine, GIVEN | {"act": "carry", "seen": seen})
    assert (status, "has changed since you opened" in page) == (422, True), "it is read first"
    assert not any("before" in text for text in any_world.told("tom") + any_world.told("lea"))


async def test_what_was_before_and_how_urgent_it_is_stands_on_the_page(
    browser: Browser, any_world: World
) -> None:
    await any_world.decided(await any_world.reported(), "proposed")
    any_world.clock.pass_time(days=2)
    number = await any_world.reported(text="Spades again!")
    path = await opened(any_world, browser, command=f"show {number}")
    page = await read(browser, path)
    assert "severity up to S2 (+6), 1 reporter (+1), due in 24 h (−24)." in page
    assert "Related: C-1 (final, R1 S2, 2 days ago)" in page
    assert "C-1: decided: R1 S2 → warn (final)" in page
    page = await read(browser, path.replace(number, "C-1"))
    assert "by @mira:example.org: final. Notice: taken by the homeserver on 2 March" in page


async def test_objections_of_reporters_stand_in_the_case(browser: Browser, any_world: World) -> None:
    number = await any_world.reported()
    path = await opened(any_world, browser, command=f"show {number}")
    reason = "It is a joke among friends"
    assert (await post(browser, path, "dismiss", reason=reason))[0] == 303
    await any_world.say("lea", "!policy object R-1 It was no joke at all to me")
    page = await read(browser, path)
    assert "submitted objection about R-1" in page
    assert "It was no joke at all to me" in page


# Deciding ----------------------------------------------------------------------------------------


async def test_who_leaves_the_proposal_says_why_and_the_person_reads_it(
    browser: Browser, any_world: World
) -> None:
    number = await any_world.reported()
    path = await opened(any_world, browser, command=f"show {number}")
    harder = GIVEN | {"measure": "restrict", "span": "3"}
    status, page = await browser.post(path, harder | {"act": "decide"})
    assert (status, "Say under «Why so» why it is so" in plain(page)) == (422, True)
    assert "No posting in the room for 3 days" in plain(page), "what it would be is shown all the same"
    status, _ = await decide(browser, path, measure="restrict", span="3", differently=WHY)
    assert status == 303
    other = await opened(any_world, browser, "otto", f"show {number}")
    assert WHY in await read(browser, other), "who confirms it reads it too"
    assert (await post(browser, other, "confirm"))[0] == 303
    await any_world.work()
    assert WHY in any_world.told("tom")[-1]


async def test_all_that_somebody_wrote_within_a_time_is_removed(
    browser: Browser, any_world: World
) -> None:
    for n in range(3):
        await any_world.message("tom", f"Spade number {n}", any_world.room)
    number = await any_world.reported()
    path = await opened(any_world, browser, command=f"show {number}")
    given = GIVEN | {"remove": "span", "act": "decide"}
    for since, fault in (("soon", "is no duration"), ("31", "at most 30 days")):
        status, page = await browser.post(path, given | {"since": since})
        assert (status, fault in plain(page)) == (422, True), since
    _, page = await browser.post(path, given | {"since": "1"})
    assert "remove all that they wrote in the room from 1 day before the reported act on" in plain(page)
    assert (await decide(browser, path, remove="span", since="1"))[0] == 303
    await any_world.work()
    assert len(any_world.homeserver.redacted) == 4


async def test_a_person_is_held_until_somebody_decides(browser: Browser, any_world: World) -> None:
    number = await any_world.reported()
    path = await opened(any_world, browser, command=f"show {number}")
    status, _ = await post(browser, path, "hold", hold_rule="R1", at_once="It cannot wait until morning")
    assert status == 303
    await any_world.work()
    assert any_world.homeserver.levels[any_world.room]["users"][user("tom")] == -1
    any_world.clock.pass_time(hours=24)
    path = await opened(any_world, browser, command=f"show {number}")
    _, page = await browser.post(path, GIVEN | {"measure": "restrict", "span": "3", "act": "preview"})
    assert "5 March 2026, 09:00" in plain(page), "what was served counts"


async def test_while_its_owner_has_time_a_room_is_not_decided(
    browser: Browser, any_world: World
) -> None:
    await any_world.say("lea", f"!policy report {any_world.room} R1 Adverts all day long")
    await any_world.review("mira", "!policy cure C-1 P2D Please take the adverts out of the room")
    path = await opened(any_world, browser, command="show C-1")
    assert "Asked to put right" in await read(browser, path)
    status, page = await browser.post(path, GIVEN | {"act": "decide"})
    assert (status, "4 March 2026" in plain(page), "This will be decided" in page) == (422, True, False)


async def test_a_prepared_text_is_filled_in_in_the_language_of_its_reader(tmp_path: Path) -> None:
    changes: dict[str, Any] = {"languages": {"de": GERMAN}, "rules": [TRANSLATED, R2]}
    async with make_world(tmp_path, **changes) as world:
        await world.governed_room()
        await world.say("tom", "!policy language de")
        number = await world.reported()
        async with served(world) as url, aiohttp.ClientSession() as session:
            browser = Browser(session, url)
            path = await opened(world, browser, command=f"show {number}")
            assert "You advertised {what}" in await read(browser, path)
            given = {"prepared": "advert", "severity": "S1", "act": "decide"}
            status, page = await browser.post(path, GIVEN | given | {"facts": "spades"})
            assert (status, "still to be filled: {where}" in plain(page)) == (422, True)
            status, _ = await decide(
                browser,
                path,
                prepared="advert",
                severity="S1",
                measure="proposed",
                facts="Garten | Spaten",
            )
            assert status == 303
        await world.work()
        assert "Spaten" in world.told("tom")[-1]
        assert "Warum" in world.told("tom")[-1] or "Sie" in world.told("tom")[-1]


async def test_cases_are_put_together_and_parted_again(browser: Browser, any_world: World) -> None:
    first = await any_world.reported()
    second = await any_world.reported("tom", "zoe", "Spades again!")
    path = await opened(any_world, browser, command=f"show {second}")
    for into, why in (("C-99", WHY), ("<b>", WHY), (first, "no")):
        assert (await post(browser, path, "merge", into=into, merge_why=why))[0] == 422
    assert (await post(browser, path, "merge", into=first.lower(), merge_why=WHY))[0] == 303
    assert await state(any_world, second) is State.MERGED
    status, page = await browser.get(path)
    assert (status, f"merged into {first}" in page) == (409, True)
    path = path.replace(second, first)
    page = await read(browser, path)
    assert page.index("Buy my spades!") < page.index("Spades again!")
    assert (await post(browser, path, "split", receipts="x"))[0] == 422
    assert (await post(browser, path, "split", receipts="R-2"))[0] == 303
    assert "Spades again!" not in (await read(browser, path)).partition("Who")[0]


# The queue ---------------------------------------------------------------------------------------


async def test_the_queue_is_narrowed_by_rule_room_and_time(browser: Browser, any_world: World) -> None:
    await any_world.reported()
    await any_world.say("lea", f"!policy report {any_world.room} R2 Threats all day long")
    queue = await opened(any_world, browser)

    async def listed(query: str) -> list[str]:
        _, page = await browser.get(f"{queue}?{query}")
        return sorted(re.findall(r"page/[\w-]+/(C-\d)", page))

    assert await listed("rule=R2") == ["C-2"]
    assert await listed("rule=%3Cb%3E") == []
    assert await listed(f"room={any_world.room}") == ["C-1", "C-2"]
    assert await listed("room=!other:example.org") == []
    assert await listed("only=overdue") == []
    any_world.clock.pass_time(days=2)
    queue = await opened(any_world, browser)
    assert await listed("only=overdue") == ["C-1", "C-2"]
    assert "overdue for" in await read(browser, queue)


async def test_a_long_queue_has_pages(browser: Browser, any_world: World) -> None:
    for n in range(27):
        await any_world.reported(f"seller{n}", text=f"Spade number {n}")
        any_world.clock.pass_time(seconds=1)
    queue = await opened(any_world, browser)
    _, page = await browser.get(queue)
    assert "/C-26" not in page
    more = html.unescape(find(r'(?<=href=")[^"]*(?=" data-key="l")', page))
    _, page = await browser.get(more)
    assert re.findall(r"page/[\w-]+/(C-\d+)", page) == ["C-26", "C-27"]
    assert 'data-key="l"' not in page
    _, page = await browser.get(f"{queue}/C-25")
    assert "Next: C-26" in page, "the next one is that of the queue, also on another page"
    assert FACTS not in page


async def test_a_moderator_ticks_that_other_communities_are_told_of_an_account_elsewhere(
    browser: Browser, any_world: World
) -> None:
    with_list(any_world)
    here = await any_world.reported()
    page = await opened(any_world, browser, "mira", f"show {here}")
    assert "Tell them by our public list" not in await read(browser, page)
    number = await about(any_world)
    page = await opened(any_world, browser, "mira", f"show {number}")
    assert f"Tell them by our public list {OURS}" in await read(browser, page)
    given = {"rule": "R2", "severity": "S3", "measure": "suspend", "span": "7", "publish": "on"}
    status, _ = await decide(browser, page, **given)
    assert status == 303
    async with any_world.database.transaction(reading=True) as tx:
        code = await tx.value("SELECT code AS value FROM approvals WHERE state = 'waiting'")
    assert not any_world.homeserver.lists.ours()
    await any_world.review("otto", f"!policy confirm {code}")
    assert list(any_world.homeserver.lists.ours()) == [f"{number} example.org"]
