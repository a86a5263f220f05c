"""Changed ladders for tests, and the way of one into force."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from typing import Any

from ruamel.yaml import YAML

from policybot.config.fresh import sample
from policybot.domain import ladder_file
from policybot.domain.ladder import Ladder
from policybot.domain.policy import State
from policybot.store import policies
from tests.world import World, find

DATA: dict[str, Any] = YAML(typ="safe").load(sample("config.sample.yaml"))["ladder"]


def ladder(version: str, changes: Mapping[str, Any] | None = None, **policy: Any) -> Ladder:
    """Make the sample's ladder with another version; `changes` are values by their dotted keys."""
    data = deepcopy(DATA)
    data["policy"] |= {"version": version} | policy
    for dotted, value in (changes or {}).items():
        *above, last = dotted.split(".")
        place = data
        for key in above:
            place = place[key]
        place[last] = value
    return ladder_file.parse(data)


STRICTER = {"scopes.member.grid.S2": ["warn", "restrict P7D", "restrict P14D", "restrict P30D"]}
MILDER = {"scopes.member.grid.S2": ["warn", "restrict P1D", "restrict P14D", "restrict P30D"]}
FIRST_HARSHER = {
    "scopes.member.grid.S3": ["restrict P14D", "restrict P30D", "suspend P30D", "suspend P90D"]
}


async def bring(world: World, new: Ladder) -> None:
    """Start with a file that has another ladder."""
    world.config.ladder = new
    await world.app.record_policy()
    await world.tick()


async def put_in_force(world: World, new: Ladder) -> None:
    """Have a version bind at once, without the people who have to approve it."""
    policy = policies.of(new)
    async with world.database.transaction() as tx:
        await policies.add(tx, policy, world.clock())
        known = await policies.every(tx)
        for version in (one for one in known if one.state is State.LIVE):
            await policies.save(tx, replace(version, state=State.RETIRED))
        for version in (one for one in known if one.hash == policy.hash):
            await policies.save(tx, replace(version, state=State.LIVE, live_from=world.clock()))
        await policies.begin(tx, policy.hash, world.clock())
    world.app.setting.policy = policy


async def in_force(world: World) -> str:
    """Name the version in force, by the record and by what the process believes; they agree."""
    async with world.database.transaction(reading=True) as tx:
        live, _ = await policies.standing(tx)
    assert live is not None, "no version is in force"
    assert live.hash == world.app.setting.policy.hash, "the process believes in another version"
    return live.ladder.version


async def proposed(world: World, version: str, by: str = "mira") -> str:
    """Have a version tried, tested and proposed; return the code."""
    await world.review(by, f"!policy ladder {version} shadow")
    await world.review(by, f"!policy ladder {version} test")
    await world.tick()
    answer = await world.review(by, f"!policy ladder {version} propose")
    return find(r"(?<=!policy confirm )\w+", answer)


async def approved(world: World, version: str) -> str:
    """Have a version proposed and approved by two others; return the last answer."""
    code = await proposed(world, version)
    await world.review("otto", f"!policy confirm {code}")
    return await world.review("ravi", f"!policy confirm {code}")
