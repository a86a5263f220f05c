"""The figures in a real browser: without barriers, on a phone and in the dark, and on paper."""

from pathlib import Path

from playwright.async_api import Page, expect

from tests.browser import SHOTS, barriers, looks_good
from tests.web.test_browser import world
from tests.web.test_transparency import filled
from tests.world import World

__all__ = ["world"]


async def test_the_page_and_the_report_are_read_with_the_keyboard_and_printed(
    world: World, page: Page
) -> None:
    object.__setattr__(world.config.transparency, "text", "We are two, and one speaks German.")
    await filled(world)
    await page.goto(f"{world.config.web.public_url}/transparency")
    await looks_good(page, "transparency")
    await page.get_by_label("Period").select_option("2026-Q2")
    await page.get_by_role("button", name="Show").press("Enter")
    await expect(page.get_by_label("Period")).to_have_value("2026-Q2")
    await page.get_by_role("link", name="as a report to print").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(
        "Transparency report: April to June 2026"
    )
    await page.emulate_media(media="print", color_scheme="light")
    assert await barriers(page) == []
    await expect(page.get_by_role("table").nth(1)).to_be_visible()
    if SHOTS:
        await page.pdf(path=Path(SHOTS) / "transparency-report.pdf", format="A4")
        await page.set_viewport_size({"width": 794, "height": 1123})
        await page.screenshot(path=Path(SHOTS) / "transparency-report.png", full_page=True)
