"""The public register in a real browser: found with the keyboard, read on a phone, without barriers."""

from datetime import date

from playwright.async_api import Page, expect

from policybot.config.operator import LicenceSection
from policybot.domain.filing import State
from tests.browser import looks_good
from tests.listed import listed
from tests.web.test_browser import world
from tests.world import World

__all__ = ["world"]


async def test_somebody_finds_a_room_with_the_keyboard_alone(world: World, page: Page) -> None:
    world.homeserver.called[world.room] = {"name": "Garden club", "alias": "#garden:example.org"}
    record = await world.governed_room()
    await world.called("anna", "Rose of the Garden")
    await listed(world, "Where people of the town swap seeds, tools and advice. " * 8, who="tom")
    await listed(world, "\u05d2\u05d9\u05e0\u05d4 \u05e9\u05dc \u05d4\u05e2\u05d9\u05e8", who="lea")
    await listed(world, "x" * 300, state=State.SUSPENDED)
    await listed(world, "Sellers of spades", state=State.REVOKED)
    for number in range(20):
        await listed(world, f"Street {number}: what happens between the houses", who="zoe")
    await page.goto(f"{world.config.web.public_url}/register")
    await looks_good(page, "register")
    await page.keyboard.press("Tab")
    await page.keyboard.type("neighb gard")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=2)).to_have_text("What was found, the newest first")
    await expect(page.get_by_role("listitem").first).to_contain_text("Rose of the Garden")
    await looks_good(page, "register-found")
    await page.get_by_role("link", name=record).press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text(f"Public room {record}")
    await expect(page.get_by_role("main")).to_contain_text(
        "Rose of the Garden (@anna:example.org), verified"
    )
    await looks_good(page, "register-entry")


async def test_pages_and_filters_work_without_javascript(world: World, page: Page) -> None:
    for number in range(25):
        await listed(world, f"Street {number}")
    await listed(world, "Sellers of spades", state=State.REVOKED)
    await page.goto(f"{world.config.web.public_url}/register")
    await page.get_by_role("link", name="Older rooms").click()
    await expect(page.locator(".entries > li")).to_have_count(6)
    await looks_good(page, "register-last")
    await page.get_by_role("link", name="To the newest").click()
    await page.get_by_label("State").select_option("revoked")
    await page.get_by_role("button", name="Search").click()
    await expect(page.locator(".entries > li")).to_have_count(1)
    await expect(page.get_by_label("State")).to_have_value("revoked")
    await page.locator(".entries a").click()
    await expect(page.get_by_role("main")).to_contain_text("no longer a public room")
    await looks_good(page, "register-revoked")


async def test_nothing_found_and_a_typo_say_what_to_do(world: World, page: Page) -> None:
    record = await listed(world)
    await page.goto(f"{world.config.web.public_url}/register?q=meadow")
    await expect(page.get_by_role("status")).to_contain_text("Try fewer words")
    await looks_good(page, "register-nothing")
    wrong = record[:-1] + ("A" if record[-1] != "A" else "B")
    await page.get_by_label("Words").fill(wrong)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status")).to_contain_text(f"Did you mean {record}?")
    await looks_good(page, "register-typo")
    await page.goto(f"{world.config.web.public_url}/register/{wrong}")
    await expect(page.get_by_role("main")).to_contain_text(f"A typo? Did you mean {record}?")
    await looks_good(page, "register-unlisted")


async def test_the_operator_says_who_it_is(world: World, page: Page) -> None:
    licence = LicenceSection(title="Licence for online services", number="L-17", issuer="Authority")
    ended = licence.model_copy(update={"number": "L-1", "valid_until": date(2026, 3, 1)})
    object.__setattr__(world.config.operator, "licences", (licence, ended))
    await page.goto(f"{world.config.web.public_url}/about")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Who runs this, and the rules")
    await looks_good(page, "about")
