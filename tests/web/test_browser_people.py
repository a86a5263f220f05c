"""What members, reviewers and moderators open by a link, in a real browser."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import FilePayload, Page, expect

from policybot.demo.synapse import free_port
from tests import pictures
from tests.browser import drawn, looks_good, served
from tests.files import NAMES
from tests.papers import NAME, NUMBER, OFFERED
from tests.referring import CONFIGURED, agreed
from tests.staffed import Private, staffed_world
from tests.web.test_agreement_pages import changed
from tests.world import World, find
from tests.world import world as make_world


def public() -> dict[str, Any]:
    return {"web.public_url": f"http://127.0.0.1:{free_port()}"}


@pytest.fixture
async def papers(tmp_path: Path) -> AsyncIterator[World]:
    """A world in which documents are a way in."""
    changes = public() | {"identity.document": OFFERED}
    async with make_world(tmp_path, **changes) as made, served(made):
        yield made


@pytest.fixture
async def private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Private]:
    """A world with verified staff and a case."""
    async with staffed_world(tmp_path, monkeypatch, **public()) as made, served(made.world):
        yield made


def a_file(data: bytes) -> FilePayload:
    return FilePayload(name="me.jpg", mimeType="image/jpeg", buffer=data)


async def test_a_document_is_sent_and_looked_at(papers: World, page: Page) -> None:
    await page.goto(find(r"http\S+/verify/\S+", await papers.say("anna", "!policy verify")))
    await looks_good(page, "ways")
    await page.get_by_role("button", name="Show a document").click()
    await looks_good(page, "document-form")
    await page.get_by_label("Full name").fill(NAME)
    await page.get_by_label("Kind of document").select_option("Passport")
    await page.get_by_label("Country").fill("KE")
    await page.get_by_label("Number").fill(NUMBER)
    await page.get_by_label("Pictures").set_input_files(a_file(b"no picture at all"))
    await page.get_by_role("button", name="Send the document").click()
    await expect(page.get_by_role("alert")).to_contain_text("marked below")
    await looks_good(page, "document-faults")
    assert await page.get_by_label("Full name").input_value() == NAME, "what was typed is kept"
    await page.get_by_label("Pictures").set_input_files(a_file(pictures.picture(size=(900, 600))))
    await page.get_by_role("button", name="Send the document").click()
    await expect(page.get_by_role("heading")).to_have_text("One more step")
    await looks_good(page, "document-code")
    answer = await papers.say("anna", await page.locator(".code").inner_text())
    number = find(r"D-\d+", answer)

    await page.goto(find(r"http\S+/document/\S+", await papers.say("ravi", f"!policy show {number}")))
    await looks_good(page, "document-open")
    await page.get_by_role("button").click()
    await expect(page.get_by_text(NAME)).to_be_visible()
    await looks_good(page, "document-review")
    assert await drawn(page.locator("img").first), "the picture is there"
    await page.get_by_role("button", name="Approve").click()
    await looks_good(page, "document-approved")
    await papers.work()
    assert "verified" in papers.told("anna")[-1]


async def test_a_name_is_shown_once(private: Private, page: Page) -> None:
    address = private.world.config.web.public_url
    await page.goto(f"{address}/reveal/{await private.link()}")
    await looks_good(page, "reveal-button")
    await page.get_by_role("button").click()
    await expect(page.get_by_text(NAMES["tom"])).to_be_visible()
    await looks_good(page, "reveal")
    await page.goto(page.url)
    await expect(page.get_by_role("heading")).to_have_text("Sorry")
    await expect(page.get_by_text(NAMES["tom"])).to_have_count(0)


async def test_everything_is_taken_away(private: Private, page: Page) -> None:
    world = private.world
    await world.say("tom", "!policy export")
    await page.goto(find(r"http\S+/export/\S+", world.told("tom")[-1]))
    await looks_good(page, "export")
    async with page.expect_download() as download:
        await page.get_by_role("button").click()
    assert (await download.value).suggested_filename.endswith(".zip")


async def test_the_agreement_is_read_and_compared(tmp_path: Path, page: Page) -> None:
    async with make_world(tmp_path, **public()) as world, served(world) as address:
        await changed(world)
        await page.goto(f"{address}/agreement")
        await looks_good(page, "agreement")
        await page.goto(f"{address}/agreement/diff?from=1&to=2")
        await looks_good(page, "agreement-diff")


async def test_a_referral_is_read_and_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: Page
) -> None:
    changes = public() | {"referrals": CONFIGURED}
    async with staffed_world(tmp_path, monkeypatch, **changes) as made, served(made.world):
        await made.world.decided(made.case, "warn")
        number = await agreed(made, "+rule +message +account delay:investigation:P7D")
        await made.world.say("mira", f"!policy handover {number}")
        await page.goto(find(r"http\S+/referral/\S+", made.world.told("mira")[-1]))
        await looks_good(page, "referral-before")
        await expect(page.get_by_text("spades")).to_have_count(0)
        await page.get_by_role("button", name="Show the document").click()
        await expect(page.get_by_text("Buy my spades!")).to_be_visible()
        await looks_good(page, "referral")
        async with page.expect_download() as taking:
            await page.get_by_role("button", name="Take it as a file").click()
        taken = await taking.value
        assert taken.suggested_filename == f"{number}.txt"
        assert "handed over on" in await made.world.say("mira", f"!policy show {number}")
