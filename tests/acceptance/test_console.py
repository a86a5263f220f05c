"""A moderator settles a case on their page, on the real Synapse and in a real browser."""

import time
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from policybot.demo import story
from policybot.demo.stage import stage
from policybot.demo.story import Cast, found
from tests.world import unlinked

WORDS = "Anna, tonight I come for your tomatoes"
FACTS = "He announced to break into a neighbour's garden."


async def test_a_case_is_settled_on_its_page_and_the_person_knows(
    tmp_path: Path, page: Page, capsys: pytest.CaptureFixture[str]
) -> None:
    async with stage(tmp_path) as made:
        cast = Cast(made, lambda *_: None)
        for step in (story.verify, story.sign, story.file_room, story.approve):
            await step(cast)
        room, tom, lea = cast.known["room"], cast.people["tom"], cast.people["lea"]
        for person in (tom, lea):
            await person.join(room)
        event = await tom.say(room, WORDS)
        link = f"https://matrix.to/#/{room}/{event}"
        await cast.asks("lea", f"!policy report {link} R2 He threatens Anna", "R-1")
        case = found(r"C-\d+", await cast.hears("mira", cast.review_room, "New case"))

        begun = time.monotonic()
        answer = await cast.asks("mira", f"!policy show {case}", "/console/")
        await page.goto(found(r"http\S+/console/\S+", answer))
        await page.get_by_role("button", name="Open the pages").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text(f"Case {case}")
        await expect(page.get_by_text(WORDS)).to_be_visible()
        begun += await _both_look(cast, page, case)
        await page.get_by_label("How grave").select_option("S2")
        await page.get_by_label("Remove the message").check()
        await page.get_by_label("What happened").fill(FACTS)
        await page.get_by_role("button", name="Go on").click()
        shown = await page.locator(".notice").first.inner_text()
        decided = time.monotonic()
        await page.get_by_role("button", name="Decide it so").click()
        heard = await cast.hears("tom", cast.rooms["tom"], f"Decision {case}")
        told = time.monotonic()
        await expect(page.get_by_role("heading", name="Decided")).to_be_visible()
        with capsys.disabled():
            print(f"\nfrom !policy show to the last step: {decided - begun:.1f} s")
            print(f"from the last press to the notice: {told - decided:.1f} s")
        assert unlinked(heard).split() == shown.split(), "word for word what the page showed"
        assert "redacted_because" in (await tom.event(room, event))["unsigned"]
        await cast.hears("lea", cast.rooms["lea"], "found a breach of the rules")
        assert told - decided < 20


async def _both_look(cast: Cast, page: Page, case: str) -> float:
    """Have a second moderator open the same case; each sees that the other looks.

    Returns how many seconds it took.
    """
    begun = time.monotonic()
    answer = await cast.asks("otto", f"!policy show {case}", "/console/")
    other = await page.context.new_page()
    await other.goto(found(r"http\S+/console/\S+", answer))
    await other.get_by_role("button", name="Open the pages").click()
    await expect(other.get_by_text(f"Also looking: {cast.people['mira'].user_id}")).to_be_visible()
    await expect(page.locator("#live")).to_contain_text(cast.people["otto"].user_id, timeout=30_000)
    await other.close()
    return time.monotonic() - begun
