"""Applying for a room in a real browser: saved while one writes, wrong fields found, handed in."""

from playwright.async_api import Browser, FilePayload, Page, expect

from tests import pictures
from tests.applying import form, invited, state
from tests.browser import PHONE, looks_good
from tests.web.test_browser import world
from tests.world import World

__all__ = ["world"]


def a_file(name: str, data: bytes) -> FilePayload:
    return FilePayload(name=name, mimeType="application/pdf", buffer=data)


async def opened(world: World, page: Page, what: str = "") -> str:
    """Open the form of Anna; return its address."""
    path = await form(world, what=what)
    address = f"{world.config.web.public_url}{path}"
    await page.goto(address)
    return address


async def fill(page: Page) -> None:
    """Fill in what is needed."""
    await page.get_by_label("What the room is for").fill("Neighbours of the park talk of gardens.")
    await page.get_by_label("General conversation").check()
    await page.get_by_label("In the name of an organisation").check()
    await page.get_by_label("Name of the organisation").fill("The Garden Society")
    await page.get_by_label("It stays as it is").check()


async def test_an_owner_applies_for_their_room(world: World, page: Page) -> None:
    """From the link to handed in: saved by itself, mistakes named, a file shown."""
    await opened(world, page)
    await expect(page.get_by_text("Please verify yourself first")).to_be_visible()
    await looks_good(page, "filing-begin", scripts=1)
    world.homeserver.profiles["@anna:example.org"] = {"displayname": "Rose of the Garden"}
    await world.verified("anna")
    await invited(world)
    await opened(world, page)
    await expect(page.get_by_text("You, @anna:example.org, as «Rose of the Garden».")).to_be_visible()
    await page.get_by_label("What the room is for").fill("Gardens")
    await expect(page.get_by_role("status")).to_contain_text("Saved at", timeout=10_000)
    await page.reload()
    await expect(page.get_by_label("What the room is for")).to_have_value("Gardens")

    await page.get_by_label("Languages").fill("english please")
    await page.get_by_label("Deputy").fill("tom")
    await page.get_by_role("button", name="Hand it in").click()
    await expect(page.get_by_role("alert")).to_contain_text("What you have written is kept")
    links = await page.get_by_role("alert").get_by_role("link").all_inner_texts()
    first = ["What the room is for", "Kind of room", "For whom you keep it", "Languages", "Deputy"]
    assert links == first, "in the order of the page"
    await looks_good(page, "filing-faults", scripts=1)
    await page.get_by_role("alert").get_by_role("link", name="Languages").click()
    await expect(page.get_by_label("Languages")).to_be_focused()
    assert "no code of a language" in await described(page, "#languages")

    await fill(page)
    await page.get_by_label("Languages").fill("de, en")
    await page.get_by_label("Deputy").fill("@tom:example.org")
    await page.get_by_label("Files").set_input_files(a_file("lease.pdf", b"no PDF at all, but text"))
    await page.get_by_role("button", name="Hand it in").click()
    await expect(page.locator("#files-error")).to_contain_text("«lease.pdf» is plain text")
    await page.get_by_label("Files").set_input_files(a_file("lease.pdf", pictures.pdf(2)))
    await page.get_by_role("button", name="Save the draft").click()
    await expect(page.get_by_label("Remove «lease.pdf» (2 pages)")).to_be_visible()
    await looks_good(page, "filing-filled", scripts=1)
    await page.get_by_role("button", name="Hand it in").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("F-1 is handed in")
    await looks_good(page, "filing-done")
    await page.reload()
    await expect(page.get_by_role("heading", level=1)).to_have_text("F-1 is handed in")
    await world.work()
    assert "New filing F-1" in world.in_review()[-1]


async def described(page: Page, field: str) -> str:
    """Read all that describes a field to those who do not see it."""
    ids = (await page.locator(field).get_attribute("aria-describedby") or "").split()
    return " ".join([await page.locator(f"#{one}").inner_text() for one in ids])


async def test_it_works_without_javascript_on_a_phone(world: World, chromium: Browser) -> None:
    await world.verified("anna")
    await invited(world)
    context = await chromium.new_context(java_script_enabled=False, viewport=PHONE)
    page = await context.new_page()
    await opened(world, page)
    await fill(page)
    await page.get_by_label("Contact").fill("desk@example.org")
    await page.get_by_label("Contact").press("Enter")
    await expect(page.get_by_role("status")).to_have_text("Saved at 09:00 UTC.")
    assert await state(world, "F-1") == "draft", "the Enter key saves and does no more"
    await page.get_by_label("Files").set_input_files(a_file("me.png", pictures.picture("PNG")))
    await page.get_by_role("button", name="Save the draft").click()
    await page.get_by_label("Remove «me.png» (1 page)").check()
    await page.get_by_role("button", name="Hand it in").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("F-1 is handed in")
    async with world.database.transaction(reading=True) as tx:
        assert await world.app.services.evidence.files(tx, 1) == []
    await context.close()


async def test_a_page_that_cannot_save_says_so_and_goes_on_trying(world: World, page: Page) -> None:
    await opened(world, page)
    await page.route("**/draft", lambda route: route.abort())
    await page.get_by_label("Contact").fill("desk@example.org")
    await expect(page.get_by_role("status")).to_contain_text("cannot reach us", timeout=10_000)
    await expect(page.get_by_label("Contact")).to_have_value("desk@example.org")
    await page.unroute("**/draft")
    await expect(page.get_by_role("status")).to_contain_text("Saved at", timeout=20_000)
    async with world.database.transaction(reading=True) as tx:
        typed = await tx.value("SELECT typed AS value FROM filing_drafts")
    assert "desk@example.org" in typed


async def test_a_room_is_to_be_made_and_its_question_is_answered(world: World, page: Page) -> None:
    await world.verified("anna")
    await opened(world, page, "new")
    await page.get_by_label("What the room is for").fill("Neighbours of the park talk of gardens.")
    await page.get_by_label("General conversation").check()
    await page.get_by_label("For myself").check()
    await page.get_by_label("Name of the room").fill("Park gardens")
    await looks_good(page, "filing-new", scripts=1)
    await page.get_by_role("button", name="Hand it in").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("F-1 is handed in")
    await world.review("ravi", "!policy ask F-1 In which language do you talk there?")
    await opened(world, page, "F-1")
    await expect(page.get_by_role("main")).to_contain_text("In which language do you talk there?")
    await looks_good(page, "filing-question", scripts=1)
    await page.get_by_label("Your answer").fill("In German")
    await page.get_by_label("Languages").fill("de")
    await page.get_by_role("button", name="Send the answer").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("F-1 is handed in")
    await world.review("ravi", "!policy reject F-1 Such a room is there already: #garden:example.org")
    await opened(world, page, "F-1")
    await expect(page.get_by_role("main")).to_contain_text("Such a room is there already")
    await expect(page.get_by_label("Name of the room")).to_have_value("Park gardens")
    await looks_good(page, "filing-again", scripts=1)
