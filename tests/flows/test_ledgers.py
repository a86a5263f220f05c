"""Whose earlier decisions count: neither another account, nor verifying, nor unlinking empties them."""

from tests.staffed import Private, link_to
from tests.world import find


async def proposed(staffed: Private, offender: str = "tom", reporter: str = "zoe") -> str:
    """Have somebody reported anew; return what the ladder proposes, without the case's number."""
    world = staffed.world
    case = await world.reported(offender=offender, reporter=reporter)
    answer = await world.review("mira", f"!policy propose {case} R1 S2")
    await world.review("otto", f"!policy dismiss {case} There was no breach at all")
    return answer.replace(f"{case}, rule", "rule")


async def test_unlinking_empties_no_history(any_staffed: Private) -> None:
    world = any_staffed.world
    await world.decided(any_staffed.case, "restrict:P3D", confirm="otto")
    await world.tick(days=31)
    before = await proposed(any_staffed)
    assert "counted: C-1" in before
    await world.say("tom", "!policy unlink")
    await world.tick(minutes=1)
    assert await proposed(any_staffed) == before


async def test_verifying_empties_no_history_nor_does_another_account(any_staffed: Private) -> None:
    world = any_staffed.world
    case = await world.reported(offender="lea", reporter="zoe")
    await world.decided(case, "restrict:P3D", confirm="otto")
    await world.tick(days=31)
    before = await proposed(any_staffed, "lea")
    assert f"counted: {case}" in before
    await world.verified("lea")
    assert await proposed(any_staffed, "lea") == before
    await link_to(world, "leonie", "lea")
    await world.tick(minutes=1)
    assert await proposed(any_staffed, "leonie") == before


async def test_who_takes_an_account_over_answers_for_nothing_that_was_done_before(
    staffed: Private,
) -> None:
    world = staffed.world
    await world.decided(staffed.case, "restrict:P3D", confirm="otto")
    await world.say("tom", "!policy unlink")
    await world.tick(days=31)
    await link_to(world, "tom", "zoe")
    await world.tick(minutes=1)
    assert "no earlier decisions" in await proposed(staffed, "tom", "anna")


async def test_unlinking_or_verifying_meanwhile_does_not_change_what_is_confirmed(
    staffed: Private,
) -> None:
    world = staffed.world
    answer = await world.decided(staffed.case, "restrict:P3D")
    await world.tick(minutes=1)
    await world.say("tom", "!policy unlink")
    code = find(r"(?<=!policy confirm )\w+", answer)
    assert "is decided" in await world.review("otto", f"!policy confirm {code}")
    case = await world.reported(offender="lea", reporter="zoe")
    code = find(r"(?<=!policy confirm )\w+", await world.decided(case, "restrict:P3D"))
    await world.verified("lea")
    assert "is decided" in await world.review("otto", f"!policy confirm {code}")
