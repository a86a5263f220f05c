"""A moderator settles cases in a real browser: with the mouse, by keys, and without a script."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from policybot.demo.synapse import free_port
from policybot.domain.case import State
from policybot.store import cases
from tests import browser as browsers
from tests.albums import photographed
from tests.browser import drawn, looks_good, served
from tests.world import World, find, unlinked
from tests.world import world as make_world

FACTS = "Advertised a shop in a room that is for neighbours."


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    changes = {"web.public_url": f"http://127.0.0.1:{free_port()}"}
    async with make_world(tmp_path, **changes) as made, served(made):
        await made.governed_room()
        await made.verified("tom")
        yield made


async def address(world: World, command: str = "console", who: str = "mira") -> str:
    path = find(r"/console/\S+", await world.say(who, f"!policy {command}"))
    return world.config.web.public_url + path


async def state(world: World, number: str) -> State:
    async with world.database.transaction(reading=True) as tx:
        found = await cases.get(tx, int(number[2:]))
    assert found is not None
    return found.state


async def test_a_simple_case_is_settled_within_a_minute(world: World, page: Page) -> None:
    number = await world.reported()
    link = await address(world, f"show {number}")
    begun = time.monotonic()
    await page.goto(link)
    await page.get_by_role("button", name="Open the pages").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(f"Case {number}")
    await page.get_by_label("How grave").select_option("S2")
    await page.get_by_label("What happened").fill(FACTS)
    await expect(page.locator("#foresight .notice").first).to_contain_text(FACTS)
    await page.get_by_role("button", name="Go on").click()
    shown = await page.locator(".notice").first.inner_text()
    await page.get_by_role("button", name="Decide it so").click()
    await expect(page.get_by_role("heading", name="Decided")).to_be_visible()
    took = time.monotonic() - begun
    await world.work()
    assert await state(world, number) is State.CLOSED
    assert unlinked(world.told("tom")[-1]).split() == shown.split()
    print(f"\na simple case, from link to decision: {took:.1f} s, 3 clicks, 2 fields")
    assert took < 20


async def test_the_pages_look_good(world: World, page: Page) -> None:
    await page.goto(await address(world))
    await looks_good(page, "console-open")
    await page.get_by_role("button").click()
    await expect(page.get_by_text("Nothing waits")).to_be_visible()
    await looks_good(page, "console-empty", scripts=1)
    await world.message("zoe", "Who has spades for the spring?", world.room)
    first = await world.reported(text="Buy my spades! <b>Cheap</b>\nToday only.")
    await world.message("kim", "Please, no shops in here.", world.room)
    await world.review("otto", f"!policy note {first} He asked me before whether he may.")
    await world.review("otto", f"!policy show {first}")
    await world.reported("zoe", text="I sell them cheaper.")
    await world.say("lea", f"!policy report {world.room} R1 Adverts all day long")
    await page.reload()
    await looks_good(page, "console", scripts=1)
    await page.get_by_role("link", name=first).click()
    await looks_good(page, "console-case", scripts=1)
    await page.get_by_role("button", name="Go on").click()
    await expect(page.get_by_role("alert")).to_contain_text("what happened")
    await expect(page.get_by_label("What happened")).to_be_focused()
    await looks_good(page, "console-fault", scripts=1)
    await page.get_by_role("radio", name="Restrict").check()
    await page.get_by_label("For how long").fill("30")
    await page.get_by_label("Remove the message").check()
    await page.get_by_label("What happened").fill(FACTS)
    await page.get_by_label("Why so").fill("Neighbours asked for a clear answer.")
    await expect(page.locator("#foresight")).to_contain_text("A second person has to confirm it")
    await looks_good(page, "console-filled", scripts=1)
    await page.get_by_role("button", name="Go on").click()
    await expect(page.get_by_role("button", name="Propose it so")).to_be_visible()
    await looks_good(page, "console-confirm", scripts=1)
    await page.get_by_role("button", name="Propose it so").click()
    await expect(page.get_by_text("Another person has to confirm it")).to_be_visible()
    await looks_good(page, "console-proposed", scripts=1)
    await page.goto(await address(world, f"show {first}", "otto"))
    await page.get_by_role("button").click()
    await looks_good(page, "console-second-person", scripts=1)
    await page.get_by_role("button", name="Confirm: ").first.click()
    await expect(page.get_by_role("heading", name="Decided")).to_be_visible()
    await looks_good(page, "console-decided", scripts=1)
    await page.get_by_role("link", name="All cases").click()
    await page.get_by_role("link", name="C-3").click()
    await expect(page.get_by_role("button", name="Put the room on hold")).to_be_visible()
    await looks_good(page, "console-room", scripts=1)


async def test_a_case_is_settled_by_keys_alone(world: World, page: Page) -> None:
    first, second = await world.reported(), await world.reported("zoe", text="Me too!")
    await page.goto(await address(world))
    await expect(page.get_by_role("button")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Cases that wait")).to_be_visible()
    await page.keyboard.press("j")
    await expect(page.get_by_role("heading", level=1)).to_have_text(f"Case {first}")
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog")).to_contain_text("Remove the message")
    assert await browsers.barriers(page) == []
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await page.keyboard.press("c")
    await expect(page.get_by_text("Yours until")).to_be_visible()
    await page.keyboard.press("g")
    await page.keyboard.type("S2")
    await page.keyboard.press("Escape")
    await page.keyboard.press("2")
    await page.keyboard.press("f")
    await page.keyboard.type(FACTS)
    await page.keyboard.press("Escape")
    await page.keyboard.press("s")
    await expect(page.get_by_role("heading", name="This will be decided")).to_be_visible()
    await page.keyboard.press("n")
    await expect(page.get_by_role("heading", level=1)).to_have_text(f"Case {second}")
    await expect(page.get_by_text(f"{first} is done")).to_be_visible()
    assert await state(world, first) is State.CLOSED
    await page.keyboard.press("n")
    await page.keyboard.type("A joke among friends, as both say.")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Decided")).to_be_visible()
    assert await state(world, second) is State.CLOSED


async def test_it_works_without_a_script(world: World, chromium: Browser) -> None:
    number = await world.reported()
    context = await chromium.new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto(await address(world, f"show {number}"))
    await page.get_by_role("button", name="Open the pages").click()
    await page.get_by_label("How grave").select_option("S2")
    await page.get_by_label("Warn").check()
    await page.get_by_role("button", name="Show what it would be").click()
    await expect(page.locator("#foresight")).to_contain_text("row S2")
    await page.get_by_label("What happened").fill(FACTS)
    await page.get_by_role("button", name="Go on").click()
    await page.get_by_role("button", name="Decide it so").click()
    await expect(page.get_by_role("heading", name="Decided")).to_be_visible()
    await context.close()
    assert await state(world, number) is State.CLOSED


async def test_the_page_says_by_itself_that_the_case_has_changed(world: World, page: Page) -> None:
    await page.clock.install()
    number = await world.reported()
    await page.goto(await address(world, f"show {number}"))
    await page.get_by_role("button", name="Open the pages").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(f"Case {number}")
    await world.review("otto", f"!policy claim {number}")
    await page.clock.run_for(21_000)
    await expect(page.locator("#live")).to_contain_text("It is with @otto:example.org now")
    await world.review("otto", f"!policy dismiss {number} A joke among friends")
    await page.clock.run_for(21_000)
    await expect(page.locator("#live")).to_contain_text("has changed since you loaded this page")
    await expect(page.locator("#live")).not_to_contain_text("Also looking")
    await world.review("otto", f"!policy show {number}")
    await page.clock.run_for(21_000)
    await expect(page.locator("#live")).to_contain_text("Also looking: @otto:example.org")
    assert await browsers.barriers(page) == []


async def test_a_picture_is_blurred_until_somebody_presses_on_it(world: World, page: Page) -> None:
    number = await photographed(world, "Look at my spades")
    await page.goto(await address(world, f"show {number}"))
    await page.get_by_role("button", name="Open the pages").click()
    await expect(page.get_by_text("Look at my spades")).to_be_visible()
    await looks_good(page, "console-pictures", scripts=1)
    assert await drawn(page.locator(".blurred img").first)
    assert "and 0 blurred pictures; within" in await world.say("mira", "!policy care")
    await page.get_by_role("link", name="Look at file 1").click()
    await expect(page.get_by_role("heading", name="Picture of")).to_be_visible()
    await looks_good(page, "console-picture")
    assert await drawn(page.locator("img"))
    assert "and 1 blurred picture; within" in await world.say("mira", "!policy care")
