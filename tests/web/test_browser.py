"""The pages in a real browser: what people see and do, without barriers, on a phone and in the dark."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from playwright.async_api import Browser, Page, ViewportSize, expect

from policybot.demo.synapse import free_port
from tests.browser import barriers
from tests.files import CODES
from tests.web.test_callback import scenes
from tests.world import World, find
from tests.world import world as make_world

PHONE = ViewportSize(width=360, height=740)
DESK = ViewportSize(width=1280, height=900)
SHOTS = os.environ.get("POLICYBOT_TEST_SHOTS", "")
"""A folder for pictures of every page that a test looks at; none are taken without it."""


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A world whose pages are served where a browser can reach them."""
    port = free_port()
    public = {"web.public_url": f"http://127.0.0.1:{port}"}
    async with make_world(tmp_path, **public) as made:
        runner = web.AppRunner(made.app.pages(), access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield made
        await runner.cleanup()


@pytest.fixture
async def page(chromium: Browser) -> AsyncIterator[Page]:
    """A browser's page."""
    context = await chromium.new_context(viewport=DESK)
    yield await context.new_page()
    await context.close()


async def looks_good(page: Page, name: str) -> None:
    """Look at a page in four ways: no barrier for anybody, nothing wider than the window."""
    for scheme in ("light", "dark"):
        for size in (DESK, PHONE):
            await page.emulate_media(color_scheme=scheme)
            await page.set_viewport_size(size)
            assert await barriers(page) == [], f"{name}, {scheme}, {size['width']} wide"
            assert await page.locator("script").count() == 0, "pages work without JavaScript"
            wide = await page.locator("html").evaluate("e => e.scrollWidth - e.clientWidth")
            assert wide <= 0, f"{name} is wider than {size['width']}"
            if SHOTS:
                await page.screenshot(
                    path=Path(SHOTS) / f"{name}-{scheme}-{size['width']}.png", full_page=True
                )


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
