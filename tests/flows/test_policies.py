"""A changed ladder comes into force by people, step by step, and judges nothing before."""

from tests.laddering import STRICTER, bring, in_force, ladder
from tests.world import World, find


async def test_a_changed_ladder_is_a_draft_until_people_put_it_in_force(world: World) -> None:
    await bring(world, ladder("2", STRICTER))
    assert await in_force(world) == "1"
    said = world.in_review()[-1]
    assert "It is a draft: version 1 stays in force" in said
    assert "member S2/H1: restrict P3D → restrict P7D" in said
    answer = await world.review("mira", "!policy ladder 2 shadow")
    assert "nothing changes for anybody" in answer
    await world.review("mira", "!policy ladder 2 test")
    await world.tick()
    assert "B-1: nothing was decided" in world.in_review()[-1]
    answer = await world.review("mira", "!policy ladder 2 propose")
    code = find(r"(?<=!policy confirm )\w+", answer)
    assert "binds on 16 March 2026" in answer
    assert "a second person" in await world.review("mira", f"!policy confirm {code}")
    assert "One more person" in await world.review("otto", f"!policy confirm {code}")
    assert "approved it already" in await world.review("otto", f"!policy confirm {code}")
    assert "approved by @otto:example.org and @ravi" in await world.review(
        "ravi", f"!policy confirm {code}"
    )
    await world.tick(days=13)
    assert await in_force(world) == "1"
    await world.tick(days=2)
    assert await in_force(world) == "2"
    assert "Version 2 of the ladder is in force, instead of 1." in world.in_review()[-1]
