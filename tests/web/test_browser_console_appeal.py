"""The pages of appeals in a real browser: without JavaScript, without barriers, to the end."""

from playwright.async_api import Browser, Page, expect

from tests.browser import looks_good
from tests.consoles import link
from tests.web.test_browser import world
from tests.web.test_console_appeal import appealed
from tests.world import World, user

__all__ = ["world"]


async def test_an_appeal_is_decided_without_javascript_and_without_barriers(
    world: World, page: Page, chromium: Browser
) -> None:
    await world.governed_room()
    case = await appealed(world)
    await page.goto(world.config.web.public_url + await link(world, "ravi"))
    await page.get_by_role("button", name="Open").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Appeals that wait")
    await looks_good(page, "console-appeals")
    context = await chromium.new_context(java_script_enabled=False)
    plain = await context.new_page()
    await plain.goto(page.url)
    await plain.get_by_role("link", name=case).click()
    await page.goto(plain.url)
    await looks_good(page, "console-appeal")
    await plain.get_by_label("Overturn").check()
    await plain.get_by_label("Your reasons").fill("A joke between neighbours, and she laughed")
    await plain.get_by_role("button", name="Show what this would do").click()
    await expect(plain.get_by_role("heading", name="What this would do")).to_be_visible()
    await page.get_by_label("Overturn").check()
    await page.get_by_label("Your reasons").fill("A joke between neighbours, and she laughed")
    await page.get_by_role("button", name="Show what this would do").click()
    await looks_good(page, "console-appeal-weighed")
    await plain.get_by_role("button", name="Decide so").click()
    await expect(plain.get_by_role("status")).to_contain_text(f"{case} is decided")
    await context.close()
    await world.work()
    assert user("tom") not in world.homeserver.levels[world.room]["users"]
