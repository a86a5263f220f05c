"""An account that is to stay suspended: freed by somebody else, it is set right, and told once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policybot.domain import watch as rules
from policybot.domain.deviation import Answer
from policybot.domain.effects import SuspendAccount
from policybot.domain.watch import Watch
from tests.flows.test_reach import FACTS, TOM, about, decided
from tests.world import START, World


async def suspended(world: World) -> str:
    await world.governed_room()
    case = await about(world, TOM)
    await decided(world, f"!policy decide {case} R2 S3 suspend:P7D {FACTS} // No other way")
    assert world.homeserver.suspended == {TOM}
    return case


def told(world: World) -> list[str]:
    return [text for text in world.in_review() if "ended the suspension" in text]


async def test_what_somebody_else_has_ended_is_set_right_and_told_once(any_world: World) -> None:
    world = any_world
    case = await suspended(world)
    world.homeserver.suspended.clear()
    await world.tick(hours=1)
    assert world.homeserver.suspended == {TOM}
    said = f"{case}: somebody has ended the suspension of {TOM} on the homeserver, and not by me."
    assert told(world) == [f"{said} I set it right."]
    await world.tick(hours=2)
    assert len(told(world)) == 1
    await world.tick(days=7)
    assert not world.homeserver.suspended, "it ends exactly all the same"
    await world.tick(hours=2)
    assert not world.homeserver.suspended
    assert len(told(world)) == 1


async def test_after_three_times_a_day_it_is_left_to_people(world: World) -> None:
    await suspended(world)
    for _ in range(4):
        world.homeserver.suspended.clear()
        await world.tick(hours=1)
        await world.tick(hours=1)
    assert not world.homeserver.suspended
    assert world.homeserver.performed.count(SuspendAccount(TOM)) == 1 + 3
    assert len(told(world)) == 2
    assert "4th time within a day" in told(world)[-1]
    await world.tick(hours=3)
    assert len(told(world)) == 2


async def test_where_the_operator_wants_it_only_told_nothing_is_changed(world: World) -> None:
    world.config.measures = world.config.measures.model_copy(update={"repair": False})
    case = await suspended(world)
    world.homeserver.suspended.clear()
    for _ in range(3):
        await world.tick(hours=1)
    assert not world.homeserver.suspended
    assert len(told(world)) == 1
    assert f"!policy lift {case}" in told(world)[0]


@pytest.mark.parametrize("how", ["lift", "overturn"])
async def test_what_was_lifted_by_us_is_left_alone(world: World, how: str) -> None:
    case = await suspended(world)
    if how == "lift":
        await world.review("mira", f"!policy lift {case} They have promised to behave")
    else:
        await world.say("tom", f"!policy appeal {case} It was somebody else who wrote it")
        await world.review("ravi", f"!policy overturn {case} It was somebody else indeed")
    await world.tick(hours=3)
    assert not world.homeserver.suspended
    assert not told(world)


async def test_while_the_homeserver_is_away_nothing_is_believed(world: World) -> None:
    await suspended(world)
    world.homeserver.away = True
    await world.tick(hours=2)
    world.homeserver.away = False
    await world.tick(hours=1)
    assert not told(world)
    assert world.homeserver.suspended == {TOM}


@given(st.lists(st.booleans(), max_size=30), st.booleans())
def test_within_a_day_it_is_never_set_right_more_than_three_times(found: list[bool], mend: bool) -> None:
    watch, answers = Watch(TOM), []
    for is_suspended in found:
        watch, answer = rules.looked(watch, START, suspended=is_suspended, mend=mend)
        answers.append(answer)
    mended = [a for a in answers if a in (Answer.MEND, Answer.MEND_AND_TELL)]
    assert len(mended) <= (3 if mend else 0)
    assert answers.count(Answer.MEND_AND_TELL) + answers.count(Answer.GIVE_UP) <= 2
