"""A reviewer works through an application in a real browser."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from policybot.demo.synapse import free_port
from policybot.domain.application import About
from policybot.domain.filing import State
from policybot.services.evidence import Drawn
from policybot.store import filings
from tests import pictures
from tests.browser import drawn, looks_good, served
from tests.reviewing import POINTS, desk, filed, reviewing_world, state
from tests.world import World, user

ABOUT = About(
    organisation="Garden Club of Mill Lane",
    audience="Everybody who has a garden, or wants one",
    languages=("en", "de"),
    contact="https://gardens.example.org/contact",
    rules="Be kind.\nNo adverts for seeds.\nPictures of your own plants alone.",
)
PURPOSE = "The club announces when the common tools can be borrowed, and answers questions about them."


@pytest.fixture
async def review(tmp_path: Path) -> AsyncIterator[World]:
    changes = {"web.public_url": f"http://127.0.0.1:{free_port()}"}
    async with reviewing_world(tmp_path, **changes) as made, served(made):
        yield made


async def full_filing(world: World, category: str) -> str:
    """Have a room filed of which everything is said, and which can be looked at."""
    number = await filed(world, category, PURPOSE)
    async with world.database.transaction() as tx:
        await world.app.services.names.learn(tx, user("anna"), "Rosenfee")
        found = await filings.get(tx, number)
        assert found is not None
        await filings.save(tx, replace(found, about=ABOUT, deputy=user("tom")))
        drawn = Drawn("Statutes of the club.pdf", 1000, [pictures.picture(size=(900, 600))])
        await world.app.services.evidence.add(tx, found, [drawn])
    world.homeserver.rooms.state[found.room_id] = {
        "m.room.name": {"name": "Tools of the garden club"},
        "m.room.topic": {"topic": "Who borrows what, and until when"},
        "m.room.join_rules": {"join_rule": "public"},
    }
    world.homeserver.rooms.members[found.room_id] = {f"@m{n}:example.org": "join" for n in range(42)}
    return number


async def test_an_application_is_opened_asked_about_checked_and_approved(
    review: World, page: Page
) -> None:
    number = await full_filing(review, "official")
    address = review.config.web.public_url
    await page.goto(address + await desk(review, number))
    await looks_good(page, "desk-open")
    await page.get_by_role("button").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(f"Application {number}")
    await looks_good(page, "desk")
    await page.get_by_role("link", name="Statutes of the club.pdf").click()
    await looks_good(page, "desk-file")
    assert await drawn(page.locator("img").first), "the picture is there"
    await page.get_by_role("link", name="Back to the application").click()

    await page.get_by_label("Ask the applicant").fill("For whom do you speak?")
    await page.get_by_role("button", name="Ask").click()
    await expect(page.get_by_text("It waits for the answer")).to_be_visible()
    await looks_good(page, "desk-asked")
    await review.say("anna", f"!policy answer {number} For the club; I am its treasurer.")
    await page.reload()
    await expect(page.get_by_text("I am its treasurer")).to_be_visible()

    await page.get_by_label(POINTS[0]).check()
    await page.get_by_role("button", name="Approve").click()
    await expect(page.get_by_role("alert")).to_contain_text(POINTS[1])
    await expect(page.get_by_label(POINTS[0])).to_be_checked()
    await looks_good(page, "desk-unchecked")
    # By the keyboard alone.
    await page.get_by_label(POINTS[1]).focus()
    await page.keyboard.press("Space")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Decided")).to_be_visible()
    await looks_good(page, "desk-approved")
    assert await state(review, number) is State.APPROVED


async def test_an_application_is_rejected_for_a_prepared_reason(review: World, page: Page) -> None:
    number = await full_filing(review, "general")
    await page.goto(review.config.web.public_url + await desk(review, number))
    await page.get_by_role("button").click()
    await page.get_by_label("There is {which room} already").check()
    await page.get_by_label("What fills the {blanks}").fill("the tool room")
    await page.get_by_role("button", name="Reject").click()
    await expect(page.get_by_role("alert")).to_contain_text("{where}")
    assert await page.get_by_label("What fills the {blanks}").input_value() == "the tool room"
    await expect(page.get_by_label("There is {which room} already")).to_be_checked()
    await looks_good(page, "desk-blank")
    await page.get_by_label("What fills the {blanks}").fill("the tool room | the register")
    await page.get_by_role("button", name="Reject").click()
    await expect(page.get_by_text("There is the tool room already; see the register.")).to_be_visible()
    await looks_good(page, "desk-rejected")


async def test_a_second_person_sees_what_waits_and_confirms_it(review: World, page: Page) -> None:
    number = await full_filing(review, "grave")
    await review.review("ravi", f"!policy check {number} all")
    address = review.config.web.public_url
    await page.goto(address + await desk(review, number, "rosa"))
    await page.get_by_role("button").click()
    await expect(page.get_by_text("It is with somebody else.")).to_be_visible()
    await looks_good(page, "desk-with-another")
    await review.review("ravi", f"!policy approve {number}")
    await page.reload()
    await looks_good(page, "desk-second-person")
    await page.get_by_role("button", name="Confirm the approval").click()
    await expect(page.get_by_role("heading", name="Decided")).to_be_visible()
    assert await state(review, number) is State.APPROVED
