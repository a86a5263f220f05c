"""The pages of moderators, opened and filled in as a browser does."""

import re

from policybot.domain.case import State
from policybot.store import cases
from tests.papers import Browser
from tests.world import World, find

FACTS = "Advertised a shop in a room for neighbours"
WHY = "Neighbours asked for a clear answer"
GIVEN = {"rule": "R1", "severity": "S2", "measure": "warn", "facts": FACTS}


async def link(world: World, who: str = "mira", command: str = "console") -> str:
    """Ask for a link; return its path."""
    return find(r"/console/\S+", await world.say(who, f"!policy {command}"))


async def opened(world: World, browser: Browser, who: str = "mira", command: str = "console") -> str:
    """Open the pages; return the path to which the browser is sent."""
    async with browser.session.post(
        browser.url + await link(world, who, command), headers=browser.headers, allow_redirects=False
    ) as answer:
        assert answer.status == 303, await answer.text()
        return answer.headers["Location"]


async def post(browser: Browser, path: str, act: str, **given: str) -> tuple[int, str]:
    """Press a button of the page as it is now."""
    _, page = await browser.get(path)
    return await browser.post(path, {"seen": seen_by(page, act)} | given | {"act": act})


def seen_by(page: str, act: str) -> str:
    """Read the fingerprint that stands in the form with a button."""
    for form in re.findall(r"<form.*?</form>", page, re.DOTALL):
        if f'value="{act}"' in form and (seen := re.search(r'name="seen" value="(\w*)"', form)):
            return seen[1]
    return ""


async def decide(browser: Browser, path: str, act: str = "carry", **given: str) -> tuple[int, str]:
    """Fill the form in, read the last step, and press its button."""
    given = GIVEN | ({"differently": WHY} if "measure" in given else {}) | given
    status, page = await browser.post(path, given | {"act": "decide"})
    assert (status, "This will be decided" in page) == (200, True), page
    return await browser.post(path, given | {"act": act, "seen": seen_by(page, "carry")})


async def state(world: World, number: str) -> State:
    async with world.database.transaction(reading=True) as tx:
        found = await cases.get(tx, int(number[2:]))
    assert found is not None
    return found.state
