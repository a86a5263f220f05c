"""What people see of the ladder's versions: on the command line, at the doctor's, in their export."""

import asyncio
import json
import re
from io import StringIO
from pathlib import Path

import aiohttp
from ruamel.yaml import YAML
from typer.testing import CliRunner, Result

from policybot.cli.program import app
from policybot.cli.versions import ladder_finding
from policybot.matrix.commands.of_people import OF_PEOPLE
from tests.flows.test_policies import decided, threatened
from tests.flows.test_rights import archive
from tests.laddering import (
    DATA,
    FIRST_HARSHER,
    MILDER,
    STRICTER,
    approved,
    bring,
    in_force,
    ladder,
    proposed,
    put_in_force,
)
from tests.serving import served
from tests.world import World, user

AUTOMATIC = {
    "may": ["propose", "close"],
    "interim_hold": {"max": "PT72H"},
    "breaker": {"max_per_hour": 20},
}


def written(folder: Path, name: str, *above: str, **changes: object) -> str:
    """Write a file with a ladder of version 2, alone or under a key."""
    data: object = DATA | {"policy": DATA["policy"] | {"version": "2"}} | changes
    for key in above:
        data = {key: data}
    text = StringIO()
    YAML(typ="safe").dump(data, text)
    (folder / name).write_text(text.getvalue(), "utf-8")
    return str(folder / name)


async def run(world: World, *words: str) -> Result:
    file = str(world.config.key_file.parent / "config.yaml")
    return await asyncio.to_thread(CliRunner().invoke, app, [*words, "-c", file])


async def test_an_operator_tries_a_ladder_before_anybody_knows_of_it(
    world: World, tmp_path: Path
) -> None:
    await world.governed_room()
    await decided(world, await threatened(world, "tom"))
    grids = DATA["scopes"] | {
        "member": {
            "grid": DATA["scopes"]["member"]["grid"] | {"S3": FIRST_HARSHER["scopes.member.grid.S3"]}
        }
    }
    for name, above in (("ladder.yaml", ()), ("whole.yaml", ("ladder",))):
        policy = written(tmp_path, name, *above, scopes=grids)
        result = await run(world, "backtest", "--policy", policy, "--since", "P9999D", "--json")
        assert result.exit_code == 0, result.output
        found = json.loads(result.output)
        assert (found["backtest"], found["decisions"], found["share_harsher"]) == (None, 1, 1.0)
        assert found["worst"] == [{"case": "C-1", "old": "restrict P7D", "new": "restrict P14D"}]
    await bring(world, ladder("2", FIRST_HARSHER))
    result = await run(world, "backtest", "--policy", policy, "--since", "P9999D")
    assert "It is B-1, on record. What is next: !policy ladder 2" in result.output
    assert "C-1: restrict P7D → restrict P14D" in result.output
    assert "1 decision: 0 more mildly, 0 the same, 1 more harshly (100.0%)" in result.output
    assert "Another measure for 1 person and 0 rooms." in result.output
    said = await world.review("mira", "!policy ladder 2")
    assert "B-1 of" in said


async def test_a_file_to_test_is_read_as_strictly_as_the_configuration(
    world: World, tmp_path: Path
) -> None:
    """I20, I27: no file widens what a machine may do."""
    bad = written(tmp_path, "bad.yaml", automation=AUTOMATIC)
    result = await run(world, "backtest", "--policy", bad)
    assert result.exit_code == 2
    assert "close must be done by people" in result.output
    result = await run(world, "backtest", "--policy", str(tmp_path / "none.yaml"))
    assert (result.exit_code, "there is no such file" in result.output) == (2, True)
    result = await run(world, "backtest", "--since", "yesterday")
    assert (result.exit_code, "is no duration" in result.output) == (2, True)


async def test_the_doctor_says_that_the_file_is_not_what_binds(world: World) -> None:
    async def found() -> tuple[bool, str]:
        finding = await ladder_finding(world.config)
        return finding.good, finding.said

    first = world.config.ladder
    assert await found() == (True, "version 1 of the file is in force")
    world.config.ladder = ladder("2", MILDER)
    assert (await found())[1].endswith("version 2 of the file becomes a draft at the next start")
    await bring(world, world.config.ladder)
    assert await found() == (False, "version 1 is in force; version 2 of the file is a draft")
    world.config.ladder = ladder("1", MILDER)
    assert await found() == (
        False,
        "version 1 is on record with other contents, so policybot will not start",
    )
    await bring(world, ladder("2", MILDER))
    await approved(world, "2")
    world.config.ladder = ladder("2", MILDER)
    good, said = await found()
    assert (good, "version 2 of the file is approved, and binds from 2 March 2026" in said) == (
        True,
        True,
    )
    await world.tick(days=1)
    world.config.ladder = first
    assert "no longer in force" in (await found())[1]
    shown = await run(world, "config", "check")
    assert "version 2 is in force; version 1 of the file is no longer in force" in shown.output
    listed = json.loads((await run(world, "ladder", "--json")).output)
    assert {one["version"]: one["state"] for one in listed["versions"]} == {"1": "retired", "2": "live"}
    assert [term["version"] for term in listed["terms"]] == ["1", "2"]
    listed = (await run(world, "ladder")).output
    assert "@otto:example.org and" in listed
    assert re.search(r"in force: 1 from 2026-03-02 09:00 UTC to \S+ \S+ UTC\n", listed), listed


async def test_what_was_only_tried_on_somebody_is_in_their_export(world: World) -> None:
    await world.governed_room()
    await world.verified("tom")
    await bring(world, ladder("2", FIRST_HARSHER))
    await world.review("mira", "!policy ladder 2 shadow")
    await decided(world, await threatened(world, "tom"))
    (tried,) = (await archive(world, "tom"))["trials.json"][user("tom")]
    assert (tried["version"], tried["in_force"], tried["measure"]) == (
        "2",
        "restrict P7D",
        "restrict P14D",
    )
    assert await in_force(world) == "1"


async def test_a_draft_is_nowhere_shown_to_members_as_what_binds(world: World) -> None:
    """What the file says of a ladder that is not in force stands on no page and in no answer."""
    await world.governed_room()
    now, draft = "https://example.org/law", "https://example.org/draft"
    await put_in_force(world, ladder("2", MILDER, text_url=now))
    await bring(world, ladder("3", MILDER, text_url=draft))
    feed = world.app.services.feed
    assert feed.heading.house.pages.rules == now
    await decided(world, await threatened(world, "tom"))
    await world.tick()
    await world.verified("tom")
    for command in OF_PEOPLE:
        assert draft not in await world.say("tom", f"!policy {command.verb}")
    assert not any(draft in text for text in world.told("tom"))
    async with served(world) as address, aiohttp.ClientSession() as session:
        pages = {r.canonical for r in world.app.pages().router.resources() if "{" not in r.canonical}
        for path in sorted(pages):
            headers = {"Host": "policybot.example.org"}
            async with session.get(f"{address}{path}", headers=headers) as shown:
                assert draft not in await shown.text(errors="replace"), path
    await approved(world, "3")
    await world.tick()
    assert feed.heading.house.pages.rules == draft, "now it is law"


async def test_of_many_versions_the_list_names_those_that_matter(world: World) -> None:
    for version in range(2, 30):
        world.clock.pass_time(minutes=1)
        await bring(world, ladder(str(version), MILDER))
    said = await world.review("mira", "!policy ladder")
    assert "· 29 (" in said
    assert "· 1 (" in said, "it is in force"
    assert "· and 18 older ones, which «policybot ladder» lists" in said
    assert "· 5 (" not in said
    known = await world.review("mira", "!policy ladder 999")
    assert known.endswith(" 20 and 19 older ones.")


async def test_a_word_of_the_command_may_come_first(world: World) -> None:
    await bring(world, ladder("2", STRICTER))
    assert "what version 2 would have proposed" in await world.review("mira", "!policy ladder shadow 2")
    assert "What is next: !policy ladder 2" in await world.review("mira", "!policy ladder 2 shadow")
    await world.review("mira", "!policy ladder withdraw 2 It is far too strict")
    assert "withdrawn: It is far too strict" in await world.review("mira", "!policy ladder 2")
    assert "none of shadow, test" in await world.review("mira", "!policy ladder 2 try")


async def test_a_reason_to_give_up_is_a_sentence_and_no_book(world: World) -> None:
    await bring(world, ladder("2", STRICTER))
    await world.review("mira", "!policy ladder 2 withdraw " + "Too strict \u202e " * 500)
    said = await world.review("mira", "!policy ladder")
    assert len(said) < 1000
    assert "\u202e" not in said


async def test_whoever_denies_leaves_nobody_as_its_proposer(world: World) -> None:
    await bring(world, ladder("2", STRICTER))
    code = await proposed(world, "2")
    said = await world.review("mira", "!policy ladder 2")
    assert "Proposed by @mira:example.org.\n" in said
    await world.review("otto", f"!policy confirm {code}")
    said = await world.review("mira", "!policy ladder 2")
    assert "Proposed by @mira:example.org; approved by @otto:example.org.\n" in said
    assert f"one more person approves it with !policy confirm {code}" in said
    await world.review("ravi", f"!policy deny {code}")
    assert "Proposed by" not in await world.review("mira", "!policy ladder 2")


async def test_who_asked_for_a_test_hears_if_it_came_too_late(world: World) -> None:
    await bring(world, ladder("2", STRICTER))
    await world.review("mira", "!policy ladder 2 test")
    await world.review("mira", "!policy ladder 2 withdraw It is far too strict")
    await world.tick()
    said = "Version 2 is withdrawn: It is far too strict, so there is nothing to test."
    assert world.in_review()[-1] == said
