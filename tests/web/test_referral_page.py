"""The page of a referral says what pressing its button does, or why there is none."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.papers import Browser
from tests.referring import CONFIGURED, agreed, code, refer, take
from tests.serving import served
from tests.staffed import Private, staffed_world
from tests.world import find

COUNTS = "it counts as handed over by you"


@pytest.fixture
async def handing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Private]:
    async with staffed_world(tmp_path, monkeypatch, referrals=CONFIGURED) as made:
        await made.world.decided(made.case, "warn")
        yield made


async def page(made: Private, command: str) -> str:
    """Open the page behind the link that Mira gets for a command."""
    await made.world.say("mira", f"!policy {command}")
    path = find(r"/referral/\S+", made.world.told("mira")[-1])
    async with served(made.world) as url, aiohttp.ClientSession() as session:
        return (await Browser(session, url).post(path, {}))[1]


async def test_before_it_is_taken(handing: Private) -> None:
    number = find(r"REF-\d+", await refer(handing, "+rule"))
    shown = await page(handing, f"show {number}")
    assert "it has to be agreed to first" in shown
    await handing.world.say("ravi", f"!policy confirm {code(handing)}")
    shown = await page(handing, f"handover {number}")
    assert COUNTS in shown
    assert "the person is told at once." in shown


async def test_what_is_over_is_not_said_to_wait(handing: Private) -> None:
    number = find(r"REF-\d+", await refer(handing, "+rule"))
    await handing.world.say("ravi", f"!policy deny {code(handing)}")
    shown = await page(handing, f"show {number}")
    assert "It cannot be taken any more: it is denied." in shown
    assert "agreed to first" not in shown


async def test_what_was_handed_over_is_not_handed_over_again(handing: Private) -> None:
    number = await agreed(handing, "+rule")
    await take(handing, number)
    shown = await page(handing, f"handover {number}")
    assert f"{number} was handed over on" in handing.world.told("mira")[-1]
    assert "Taking it again changes nothing, and is noted." in shown
    assert COUNTS not in shown


async def test_a_correction_does_not_come_before_what_it_corrects(handing: Private) -> None:
    await take(handing, await agreed(handing, "+rule delay:investigation:P30D"))
    await handing.world.say("tom", f"!policy appeal {handing.case} It was a joke about spades")
    await handing.world.review("otto", f"!policy overturn {handing.case} It was a joke about spades")
    assert "though not before they know of the referral itself" in await page(handing, "handover REF-2")
