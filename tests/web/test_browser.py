"""The pages in a real browser: what people see and do, without barriers, on a phone and in the dark."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from policybot.demo.synapse import free_port
from tests.browser import looks_good, served
from tests.files import CODES
from tests.web.test_callback import scenes
from tests.world import World, find
from tests.world import world as make_world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A world whose pages are served where a browser can reach them."""
    public = {"web.public_url": f"http://127.0.0.1:{free_port()}"}
    async with make_world(tmp_path, **public) as made, served(made):
        yield made


async def test_a_member_verifies_themselves_with_the_keyboard_alone(world: World, page: Page) -> None:
    answer = await world.say("anna", "!policy verify")
    await page.goto(find(r"http\S+/verify/\S+", answer))
    await looks_good(page, "verify")
    await page.keyboard.press("Tab")
    await page.keyboard.type("birch-0000")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("not accepted")
    await looks_good(page, "verify-wrong")
    await page.get_by_label("The code that you were given").fill(CODES["anna"])
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading")).to_have_text("One more step")
    await looks_good(page, "confirm")
    shown = await page.locator(".code").inner_text()
    assert "You are verified" in await world.say("anna", shown)
    await page.reload()


async def test_a_result_is_waited_for_in_the_browser_that_left_for_it(
    tmp_path: Path, page: Page, chromium: Browser
) -> None:
    async for scene in scenes(tmp_path, local=True):
        await page.goto(find(r"http\S+/verify/\S+", await scene.world.say("anna", "!policy verify")))
        await page.get_by_role("button", name="Verify Ltd").click()
        await expect(page.get_by_role("heading")).to_have_text("Still being checked")
        await looks_good(page, "waiting")
        stranger = await (await chromium.new_context()).new_page()
        await stranger.goto(page.url)
        await expect(stranger.get_by_role("main")).to_contain_text("give this address to nobody")
        (result,) = scene.service.results.values()
        await scene.service.post(result)
        await scene.world.work()
        await page.get_by_role("link", name="Look again").click()
        await expect(page.get_by_role("heading")).to_have_text("One more step")
        shown = await page.locator(".code").inner_text()
        assert "You are verified" in await scene.world.say("anna", shown)


async def test_a_dead_link_says_what_to_do(world: World, page: Page) -> None:
    await page.goto(f"{world.config.web.public_url}/verify/unknown")
    await expect(page.get_by_role("main")).to_contain_text("Write !policy verify")
    await looks_good(page, "dead-link")
