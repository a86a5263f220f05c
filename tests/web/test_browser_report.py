"""The public form for reports in a real browser: with its work and without, on a phone, in the dark."""

from pathlib import Path

from playwright.async_api import Browser, Page, expect

from policybot.demo.synapse import free_port
from tests.browser import looks_good, served
from tests.web.test_browser import world
from tests.world import World
from tests.world import world as make_world

__all__ = ["world"]


async def proved(world: World) -> tuple[int, int]:
    """Count the reports that came by the form, and those of them without the browser's work."""
    async with world.database.transaction(reading=True) as tx:
        rows = await tx.fetch("SELECT name, number FROM report_meters")
    found = {row["name"]: row["number"] for row in rows}
    return found.get("form", 0), found.get("form without work", 0)


async def test_somebody_reports_with_the_keyboard_alone_and_keeps_the_link(
    world: World, page: Page
) -> None:
    record = await world.governed_room()
    await page.goto(f"{world.config.web.public_url}/register")
    await page.get_by_role("link", name="Report it.").press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Report something")
    await looks_good(page, "report", scripts=1)
    await page.get_by_label("What it is about").fill("my neighbour")
    await page.get_by_label("I do not know").check()
    await page.get_by_label("What is wrong").fill("They sell spades here all day")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("marked below")
    await expect(page.get_by_label("What is wrong")).to_have_value("They sell spades here all day")
    await looks_good(page, "report-wrong", scripts=1)
    await page.get_by_role("link", name="What it is about").press("Enter")
    await expect(page.get_by_label("What it is about")).to_be_focused()
    await page.keyboard.press("ControlOrMeta+a")
    await page.keyboard.type(record)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Thank you", timeout=30_000)
    assert await proved(world) == (1, 0), "the browser did its work"
    await looks_good(page, "reported")
    await page.locator(".code a").press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("We are looking at it")
    await looks_good(page, "report-status")
    await world.work()
    await world.review("mira", "!policy dismiss C-1 Selling is allowed in this room")
    await page.reload()
    await expect(page.get_by_role("heading", level=1)).to_have_text("We found no breach")


async def test_the_form_works_without_javascript(world: World, chromium: Browser) -> None:
    await world.governed_room()
    context = await chromium.new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto(f"{world.config.web.public_url}/report?what={world.room}")
    await page.get_by_label("Advertising").check()
    await page.get_by_label("What is wrong").fill("They sell spades here all day")
    await page.get_by_role("button").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Thank you")
    assert await proved(world) == (1, 1)
    # Sent once more by a reload: it is no second report.
    await page.reload()
    await expect(page.get_by_role("alert")).to_contain_text("sent already")
    await context.close()


async def test_more_than_the_hour_takes_loses_nothing_that_was_typed(world: World, page: Page) -> None:
    await world.governed_room()
    reports = world.config.reports
    form = reports.form.model_copy(update={"an_hour": 1})
    world.config.reports = reports.model_copy(update={"form": form})
    for n in range(2):
        await page.goto(f"{world.config.web.public_url}/report?what={world.room}")
        await page.get_by_label("I do not know").check()
        await page.get_by_label("What is wrong").fill(f"They sell spades: {n}")
        await page.get_by_role("button").click()
        heading = "Report something" if n else "Thank you"
        await expect(page.get_by_role("heading", level=1)).to_have_text(heading, timeout=30_000)
    await expect(page.get_by_role("alert")).to_contain_text("More reports have come in")
    await expect(page.get_by_label("What is wrong")).to_have_value("They sell spades: 1")
    await looks_good(page, "report-many", scripts=1)


async def test_somebody_objects_to_the_answer(tmp_path: Path, page: Page) -> None:
    public = {"web.public_url": f"http://127.0.0.1:{free_port()}"}
    async with make_world(tmp_path, **public) as world, served(world):
        await world.governed_room()
        await page.goto(f"{world.config.web.public_url}/report?what={world.room}")
        await page.get_by_label("I do not know").check()
        await page.get_by_label("What is wrong").fill("They sell spades here all day")
        await page.get_by_role("button").click()
        await page.locator(".code a").click(timeout=30_000)
        link = page.url
        await world.work()
        await world.review("mira", "!policy dismiss C-1 Selling is allowed in this room")
        await page.reload()
        await page.get_by_label("Why you object").fill("No!")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert")).to_contain_text("in a sentence")
        await expect(page.get_by_label("Why you object")).to_have_value("No!")
        await looks_good(page, "report-objecting")
        await page.get_by_label("Why you object").fill("No! This room is for neighbours")
        await page.get_by_role("button", name="Object").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Your objection is in")
        await world.work()
        await world.review("ravi", "!policy ask R-1 Since when do they sell there, and who has seen it?")
        await page.goto(link)
        await expect(page.get_by_role("main")).to_contain_text("Since when do they sell there")
        await page.get_by_label("Your answer").fill("منذ الربيع، ورأيته بنفسي " + "x" * 200)
        await page.get_by_role("button", name="Answer").press("Enter")
        await expect(page.get_by_role("main")).to_contain_text("You answered on")
        await looks_good(page, "report-answered")
        await world.review("ravi", "!policy uphold R-1 Neighbours may sell what they no longer need")
        await page.reload()
        await expect(page.get_by_role("main")).to_contain_text("what they no longer need")
        await looks_good(page, "report-upheld")
