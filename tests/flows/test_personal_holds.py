"""Somebody on hold: kept from posting at once, by one person, for a short time, told, undone exactly."""

import asyncio

import pytest

from policybot.domain.effects import ReleaseMember, RestrictMember
from policybot.store import sanctions
from tests.flows.test_holds import REASON, review
from tests.flows.test_transfers import command
from tests.world import REVIEW, World, user

TOM = user("tom")


def level(world: World, room: str = "") -> int | None:
    found: int | None = world.homeserver.levels[room or world.room]["users"].get(TOM)
    return found


async def second_room(world: World, room: str = "!market:example.org") -> str:
    """Have another room of Anna's filed and approved."""
    world.homeserver.levels[room] = {"users": {user("anna"): 100}}
    await world.deliver(
        type="m.room.member",
        room_id=room,
        sender=user("anna"),
        state_key="@policybot:example.org",
        content={"membership": "invite"},
    )
    answer = await world.say("anna", f"!policy file {room} general Neighbours trade their things")
    number = answer.split("F-")[1].split()[0].rstrip(".:,")
    await world.review("ravi", f"!policy approve F-{number}")
    return room


async def test_the_author_of_a_message_is_held_told_and_free_again_by_itself(any_world: World) -> None:
    world = any_world
    await world.governed_room()
    case = await world.reported()
    answer = await review(world, "mira", f"!policy hold {case} R1 {REASON}")
    assert f"{TOM} is being put on hold" in answer
    assert f"restrict {TOM} in {world.room}" in answer
    assert "they are told why, and can appeal" in answer
    assert level(world) == -1
    told = world.told("tom")[-1]
    for part in (f"Hold {case}", REASON, "hold on posting in the room for at most 3 days"):
        assert part in told
    assert "5 March 2026, 09:00 UTC" in told
    assert f"!policy appeal {case}" in told
    await world.tick(hours=71, minutes=59)
    assert level(world) == -1
    await world.tick(minutes=1)
    assert level(world) is None
    assert "has ended" in world.told("tom")[-1]
    assert f"the hold on {TOM} has ended by itself" in world.in_review()[-1]
    assert "not decided" in world.in_review()[-1]
    assert "open" in await review(world, "mira", f"!policy show {case}")


async def test_an_account_is_held_in_every_governed_room_without_a_report(world: World) -> None:
    await world.governed_room()
    other = await second_room(world)
    answer = await review(world, "mira", f"!policy hold {TOM} R2 {REASON}")
    assert f"{TOM} is being put on hold" in answer
    assert (level(world), level(world, other)) == (-1, -1)
    assert "hold on posting in all governed rooms" in world.told("tom")[-1]
    await world.tick(hours=72)
    assert (level(world), level(world, other)) == (None, None)


async def test_the_clock_runs_from_the_order_also_while_nothing_can_be_done(world: World) -> None:
    await world.governed_room()
    case = await world.reported()
    world.homeserver.away = True
    await review(world, "mira", f"!policy hold {case} R1 {REASON}")
    await world.tick(hours=72)
    world.homeserver.away = False
    await world.tick(minutes=1)
    assert RestrictMember(world.room, TOM) not in world.homeserver.performed, "it is past"
    assert level(world) is None


async def test_what_is_decided_follows_without_a_gap_and_the_hold_is_credited(world: World) -> None:
    await world.governed_room()
    case = await world.reported()
    await review(world, "mira", f"!policy hold {case} R1 {REASON}")
    await world.tick(hours=24)
    began = len(world.homeserver.performed)
    answer = await world.decided(case, "restrict:P3D")
    if "confirm" in answer:
        await review(world, "otto", f"!policy confirm {answer.split('confirm ')[1][:6]}")
    assert level(world) == -1
    assert ReleaseMember(world.room, TOM) not in world.homeserver.performed[began:]
    await world.tick(hours=47)
    assert level(world) == -1
    await world.tick(hours=1)
    assert level(world) is None, "a day of three is served"


async def test_holds_on_somebody_are_no_chain(world: World) -> None:
    await world.governed_room()
    case = await world.reported()
    await review(world, "mira", f"!policy hold {case} R1 {REASON}")
    everywhere = f"!policy hold {TOM} R2 {REASON}"
    assert "put on hold already" in await review(world, "otto", everywhere)
    await world.tick(hours=73)
    assert "no chain" in await review(world, "otto", f"!policy hold {case} R1 {REASON}")
    again = await world.reported(text="Buy my rakes!")
    assert "no chain" in await review(world, "otto", f"!policy hold {again} R1 {REASON}")
    assert level(world) is None
    await world.tick(hours=72)
    assert "is being put on hold" in await review(world, "otto", f"!policy hold {again} R1 {REASON}")


async def test_a_hold_on_a_member_does_not_stand_in_the_way_of_one_on_the_room(world: World) -> None:
    await world.governed_room()
    case = await world.reported()
    await review(world, "mira", f"!policy hold {case} R1 {REASON}")
    assert "is being put on hold" in await review(
        world, "mira", f"!policy hold {world.room} R3 {REASON}"
    )


@pytest.mark.parametrize("what", ["appeal", "lift", "dismiss"])
async def test_it_ends_early_by_people(world: World, what: str) -> None:
    await world.governed_room()
    case = await world.reported()
    await review(world, "mira", f"!policy hold {case} R1 {REASON}")
    if what == "appeal":
        await world.say("tom", f"!policy appeal {case} It was a joke among friends")
        assert level(world) == -1
        await review(world, "ravi", f"!policy overturn {case} It was a joke and was read as one")
    elif what == "lift":
        await review(world, "mira", f"!policy lift {case} We have misread the message")
    else:
        await review(world, "mira", f"!policy dismiss {case} It was a joke among friends")
    assert level(world) is None


async def test_where_a_measure_binds_no_hold_is_added(world: World) -> None:
    await world.governed_room()
    await world.decided(await world.reported(), "restrict:P3D", confirm="otto")
    again = await world.reported(text="Buy my rakes!")
    answer = await review(world, "mira", f"!policy hold {again} R1 {REASON}")
    assert "binds this member already" in answer


async def test_two_moderators_hold_an_account_at_once_and_it_is_one_hold(any_world: World) -> None:
    world = any_world
    await world.governed_room()
    text = f"!policy hold {TOM} R2 {REASON}"
    events = [command(who, text) | {"room_id": REVIEW} for who in ("mira", "otto")]
    await asyncio.gather(*map(world.inward.handle, events), return_exceptions=True)
    for event in events:
        await world.inward.handle(event)
    await world.work()
    async with world.database.transaction(reading=True) as tx:
        binding = await sanctions.binding_on(tx, TOM, None)
    assert len(binding) == 1
    assert sum("put on hold already" in text for text in world.in_review()) == 1
