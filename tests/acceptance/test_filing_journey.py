"""From the wish for a public room to its place in the directory and the register, in a real browser."""

import time
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from policybot.demo.stage import Stage, stage
from policybot.demo.story import Cast, found
from tests.acceptance.test_publishing import verified_and_signed

POINT = "The applicant speaks for the body that is named."
CHANGES = {
    "filing.categories": [
        {"id": "official", "title": "Official notices", "checklist": [POINT], "second_person": True}
    ],
    "staff": {
        "@mira:localhost": ["moderator"],
        "@otto:localhost": ["moderator", "reviewer", "appeals"],
        "@ravi:localhost": ["reviewer", "appeals"],
    },
}


async def apply(made: Stage, cast: Cast, page: Page) -> None:
    """Let Anna make a room, and apply for it on the form."""
    anna = made.people["anna"]
    cast.known["room"] = room = await anna.create_room("Garden talk", public=True, invite=[made.bot])
    await anna.wait_until_joined(room, made.bot)
    await page.goto(found(r"http\S+", await cast.asks("anna", f"!policy file {room}", "/file/")))
    await page.get_by_label("What the room is for").fill("The Garden Society says what it does.")
    await page.get_by_label("Official notices").check()
    await page.get_by_label("In the name of an organisation").check()
    await page.get_by_label("Name of the organisation").fill("The Garden Society")
    await page.get_by_label("Languages").fill("en")
    await page.get_by_role("button", name="Hand it in").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("is handed in")
    answer = await cast.hears("anna", cast.rooms["anna"], "Your filing is in")
    cast.known["filing"] = found(r"F-\d+", answer)


async def opened(cast: Cast, page: Page, who: str) -> None:
    """Let a reviewer open the page of the application."""
    number = cast.known["filing"]
    await page.goto(
        found(r"http\S+/review/\S+", await cast.asks(who, f"!policy show {number}", "/review/"))
    )
    await page.get_by_role("button", name="Open the application").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(f"Application {number}")


async def test_a_room_is_applied_for_reviewed_by_two_and_found_in_the_register(
    tmp_path: Path, page: Page, capsys: pytest.CaptureFixture[str]
) -> None:
    async with stage(tmp_path, changes=CHANGES) as made:
        cast, tom = Cast(made, lambda *_: None), made.people["tom"]
        await verified_and_signed(cast, "anna")
        await apply(made, cast, page)
        room = cast.known["room"]

        await opened(cast, page, "ravi")
        await expect(page.get_by_text("A second reviewer has to confirm it.")).to_be_visible()
        await page.get_by_label(POINT).check()
        await page.get_by_role("button", name="Approve").click()
        await expect(page.get_by_text("wants to approve it")).to_be_visible()
        assert room not in await tom.public_rooms(), "one person is not enough"

        await opened(cast, page, "otto")
        confirmed = time.monotonic()
        await page.get_by_role("button", name="Confirm the approval").click()
        while room not in await tom.public_rooms():
            assert time.monotonic() - confirmed < 60
        seconds = time.monotonic() - confirmed
        with capsys.disabled():
            print(f"\nfrom the approval to the directory: {seconds:.1f} s")

        notice = await cast.hears("anna", cast.rooms["anna"], "Your room is approved")
        await page.goto(found(r"http\S+/register/\S+", notice))
        await expect(page.get_by_role("heading", level=1)).to_contain_text("PB-")
        for said in ("The Garden Society says what it does.", "Official notices", "Garden talk"):
            await expect(page.get_by_role("main")).to_contain_text(said)
        await page.get_by_role("link", name="All public rooms").click()
        await page.get_by_label("Words").fill("garden")
        await page.get_by_role("button", name="Search").click()
        await expect(page.get_by_role("main")).to_contain_text("Garden talk")
