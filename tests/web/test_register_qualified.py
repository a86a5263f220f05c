"""What the register says of qualified rooms, and of rooms that nobody renewed."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.flows.test_qualifications import CHANGES, granted
from tests.web.test_pages import Browser, browser
from tests.web.test_register_pages import data, listing
from tests.world import World
from tests.world import world as make_world

__all__ = ["browser"]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A world in which rooms can be qualified."""
    async with make_world(tmp_path, **CHANGES) as made:
        yield made


async def test_an_entry_says_what_its_room_is_qualified_for(world: World, browser: Browser) -> None:
    await granted(world)
    (record,) = await listing(browser)
    _, page, _ = await browser.get(f"/register/{record}")
    assert "<bdi>Medical advice</bdi>: publish, answer, until" in page
    said = await data(browser, f"/register/{record}.json")
    assert [one["rights"] for one in said["qualifications"]] == [["publish", "answer"]]


async def test_a_room_that_was_not_renewed_is_shown_as_such(world: World, browser: Browser) -> None:
    await granted(world)
    (record,) = await listing(browser)
    await world.tick(days=366)
    _, page, _ = await browser.get(f"/register/{record}")
    assert "Its approval was not renewed." in page
    assert "Medical advice" not in page, "it shows nothing of its filing any more"
    assert await listing(browser, "?state=expired") == [record]
