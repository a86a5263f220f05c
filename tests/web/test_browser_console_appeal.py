"""The pages of appeals in a real browser: without JavaScript, without barriers, to the end."""

from playwright.async_api import Browser, Page, expect

from tests.browser import looks_good
from tests.consoles import link
from tests.flows.test_filing_appeals import WHY, filed
from tests.reporting import dismissed
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


async def test_an_appeal_about_a_filing_is_decided_on_its_page(world: World, page: Page) -> None:
    number = await filed(world)
    await world.review("ravi", f"!policy reject {number} The purpose does not fit")
    await world.say("anna", f"!policy appeal {number} {WHY}")
    await page.goto(world.config.web.public_url + await link(world, "otto"))
    await page.get_by_role("button", name="Open").click()
    await page.get_by_role("link", name="to the appeals").click()
    await page.get_by_role("link", name=number).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(f"Appeal about {number}")
    await expect(page.get_by_text("The purpose does not fit")).to_be_visible()
    await expect(page.get_by_label("The milder measure")).to_have_count(0)
    await page.get_by_role("button", name="Take it for a while").click()
    await expect(page.get_by_text("It is yours until")).to_be_visible()
    await page.get_by_label("Your question").fill("How many gardens are there?")
    await page.get_by_role("button", name="Ask").click()
    await world.work()
    assert "How many gardens are there?" in world.told("anna")[-1]
    await world.say("anna", f"!policy add {number} Three of them")
    await page.reload()
    await looks_good(page, "console-appeal-filing")
    await page.get_by_label("Overturn").check()
    await page.get_by_label("Your reasons").fill("It fits, as three gardens show")
    await page.get_by_role("button", name="Show what this would do").click()
    await looks_good(page, "console-appeal-filing-weighed")
    await page.get_by_role("button", name="Decide so").click()
    await expect(page.get_by_role("status")).to_contain_text(f"{number} is decided")
    await world.work()
    assert "with other reviewers again" in world.told("anna")[-1]


async def test_an_objection_of_a_reporter_is_decided_on_its_page(world: World, page: Page) -> None:
    await world.governed_room()
    case, (receipt,) = await dismissed(world, "lea")
    await world.say("lea", f"!policy object {receipt} It is an advert as plain as can be")
    await page.goto(world.config.web.public_url + await link(world, "ravi"))
    await page.get_by_role("button", name="Open").click()
    await page.get_by_role("link", name=receipt).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(f"Objection about {receipt}")
    await looks_good(page, "console-objection")
    await page.get_by_label("Overturn").check()
    await page.get_by_label("Your reasons").fill("It names a price indeed")
    await page.get_by_role("button", name="Show what this would do").click()
    await expect(page.get_by_text(f"case {case} is open again")).to_be_visible()
    await page.get_by_role("button", name="Decide so").click()
    await expect(page.get_by_role("status")).to_contain_text(f"{receipt} is decided")
    await world.work()
    assert f"case {case} is open again" in world.told("lea")[-1]
