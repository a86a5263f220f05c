"""What leaves the house, as everybody reads it: no name in it, and no account where none belongs."""

import json
import re
from pathlib import Path

import aiohttp
import pytest

from policybot.config.policy_lists import PolicyListsSection
from tests import canary
from tests.consoles import opened
from tests.flows.test_statement_exports import categorised, run
from tests.lists import OURS
from tests.papers import Browser
from tests.referring import CONFIGURED, agreed, take
from tests.serving import served
from tests.staffed import Private, staffed_world
from tests.world import World, find

EVE = "@eve:elsewhere.net"
FOR_ALL = (
    *("/about", "/about.json", "/register", "/register.json"),
    *("/transparency", "/transparency.csv", "/transparency.json", "/transparency/2026"),
)
_ACCOUNT = re.compile(r"@[a-z]+:[a-z.]+")


async def _told_to_others(world: World) -> None:
    """Close an account of another server, and have it told to other communities."""
    world.config.policy_lists = PolicyListsSection.model_validate({"publish": OURS})
    await world.say("lea", f"!policy report {EVE} R2 Threatens us all the time")
    case = find(r"(?<=New case )C-\d+", world.in_review()[-1])
    decided = f"!policy decide {case} R2 S3 suspend:P7D+publish Threatened everybody // No other way"
    code = find(r"(?<=!policy confirm )\w+", await world.review("mira", decided))
    assert "is decided" in await world.review("otto", f"!policy confirm {code}")


async def _lived(made: Private) -> None:
    """Let something happen of each kind that is published, shown by a link or handed over."""
    world = made.world
    facts = f"Sold spades, see {made.case} and @tom:example.org"
    decided = await world.review("mira", f"!policy decide {made.case} R2 S3 proposed {facts}")
    assert "is being carried out" in decided
    await take(made, await agreed(made, "+rule +facts +time +room +event +message +account"))
    await world.say("tom", f"!policy appeal {made.case} It was a joke between neighbours")
    await _told_to_others(world)


async def test_nothing_that_is_published_or_shown_by_a_link_has_a_name_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I22 and I28, over pages, exports, list, checkpoints, proof, and the pages behind links."""
    async with staffed_world(tmp_path, monkeypatch, referrals=CONFIGURED) as made:
        world = made.world
        await _lived(made)
        listed = json.dumps(world.homeserver.lists.ours())
        assert (canary.MARK in listed, _ACCOUNT.findall(listed)) == (False, [EVE])
        async with served(world) as url, aiohttp.ClientSession() as session:
            browser = Browser(session, url)
            appeals = await opened(world, browser, "ravi")
            shown = [await browser.get(appeals), await browser.get(f"{appeals}/{made.case}")]
            links = [t for t in world.told("tom") if "/appeal/" in t]
            shown.append(await browser.get(find(r"/appeal/\w+", links[-1])))
            await world.say("ravi", "!policy show REF-1")
            path = find(r"/referral/\S+", world.told("ravi")[-1])
            shown += [await browser.get(path), await browser.post(path, {})]
            assert "Sold spades" in shown[-1][1]
            await world.tick(days=93)
            public = [await browser.get(path) for path in FOR_ALL]
        assert {status for status, _ in (*shown, *public)} == {200}
        for _, text in (*shown, *public):
            assert canary.MARK not in text, text
        for path, (_, text) in zip(FOR_ALL, public, strict=True):
            # The register says who answers for a room.
            assert "register" in path or _ACCOUNT.findall(text) == [], path
        assert _ACCOUNT.findall((tmp_path / "checkpoints.txt").read_text("utf-8")) == []
        proof = await world.say("tom", f"!policy proof {made.case}")
        assert "policybot audit proof" in proof
        assert not {"@mira:example.org", "@lea:example.org"} & set(_ACCOUNT.findall(proof))
        categorised(world)
        words = ("--since", "2026-03-01", "--until", "2026-03-09", "--to", str(tmp_path / "out"))
        assert (await run(world, "statements", *words)).exit_code == 0
        [file] = (tmp_path / "out").iterdir()
        text = file.read_text("utf-8")
        assert _ACCOUNT.findall(text) == []
        assert not re.search(r"\b(?:C|R|F|REF|PB)-\d", text), "a number leads to the account beside it"
