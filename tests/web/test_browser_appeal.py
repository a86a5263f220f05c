"""The page to appeal in a real browser: by keyboard, without JavaScript, on a phone, in the dark."""

from playwright.async_api import Browser, FilePayload, Page, expect

from tests import pictures
from tests.browser import looks_good
from tests.web.test_appeal_page import suspended
from tests.web.test_browser import world
from tests.world import World, find

__all__ = ["world"]

WHY = "It was a joke between friends, and she laughed"


async def told(world: World) -> tuple[str, str]:
    """Have Tom suspended; return the case, and the link in his notice."""
    await world.governed_room()
    case = await suspended(world)
    return case, find(r"http\S+/appeal/\w+", world.told("tom")[-1])


async def test_somebody_suspended_appeals_in_two_steps_and_reads_what_came_of_it(
    world: World, page: Page
) -> None:
    case, link = await told(world)
    await page.goto(link)
    await expect(page.get_by_role("heading", level=1)).to_have_text(f"Decision {case}")
    await looks_good(page, "appeal")
    await page.get_by_label("Why the decision is wrong").fill("No!")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("in a sentence")
    await expect(page.get_by_label("Why the decision is wrong")).to_have_value("No!")
    await looks_good(page, "appeal-wrong")
    await page.get_by_label("Why the decision is wrong").fill(WHY)
    proof = FilePayload(name="talk.jpg", mimeType="image/jpeg", buffer=pictures.picture())
    await page.get_by_label("Files that show it").set_input_files(proof)
    await page.get_by_label("It cannot wait").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Your appeal is in")
    await expect(page.get_by_role("main")).to_contain_text(WHY)
    await expect(page.get_by_role("main")).to_contain_text("«talk.jpg» (1 page)")
    assert page.url == link
    await page.reload()
    await expect(page.get_by_role("alert")).to_have_count(0)
    await looks_good(page, "appeal-in")
    await world.work()
    await world.review("ravi", f"!policy overturn {case} A joke between friends indeed")
    await page.reload()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Your appeal succeeded")
    await expect(page.get_by_role("main")).to_contain_text("A joke between friends indeed")
    await looks_good(page, "appeal-succeeded")
    await page.get_by_role("button", name="Post it again").press("Enter")
    await expect(page.get_by_role("button")).to_have_count(0)
    await page.goto(link[:-1])
    await expect(page.get_by_role("main")).to_contain_text("no decision under this link")
    await looks_good(page, "appeal-dead")


async def test_it_works_without_javascript_and_hostile_words_stay_words(
    world: World, chromium: Browser
) -> None:
    _, link = await told(world)
    context = await chromium.new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto(link)
    evil = "</p><img src=x onerror=alert(1)> <b>bold</b> " + "x" * 3000
    await page.get_by_label("Why the decision is wrong").fill(evil)
    await page.get_by_role("button", name="Appeal").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Your appeal is in")
    await expect(page.locator(".said")).to_contain_text("<b>bold</b>")
    await expect(page.locator("main img, main b")).to_have_count(0)
    await context.close()
