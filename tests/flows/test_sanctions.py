"""Measures: they end on time, overlap without harm, are lifted and taken back exactly."""

import pytest

from policybot.domain.effects import ReleaseMember, RestrictMember
from tests.world import World, user


async def restricted(world: World, measure: str = "proposed") -> str:
    """Have Tom restricted in the governed room for a week."""
    await world.governed_room()
    case = await world.reported()
    await world.review(
        "mira",
        f"!policy decide {case} R2 S3 {measure} Threatened a neighbour at night // No other way",
    )
    assert user("tom") in world.homeserver.levels[world.room]["users"]
    return case


def level(world: World, who: str = "tom") -> int | None:
    value: int | None = world.homeserver.levels[world.room]["users"].get(user(who))
    return value


async def test_a_measure_ends_by_the_clock_and_the_person_is_told(any_world: World) -> None:
    await restricted(any_world)
    await any_world.tick(days=6, hours=23)
    assert level(any_world) == -1
    await any_world.tick(hours=1, seconds=1)
    assert level(any_world) is None
    assert "has ended" in any_world.told("tom")[-1]


async def test_a_measure_that_ended_while_we_were_down_ends_at_the_first_tick(world: World) -> None:
    await restricted(world)
    world.clock.pass_time(days=30)
    await world.tick()
    assert level(world) is None


async def test_the_level_that_somebody_had_comes_back_exactly(world: World) -> None:
    await world.governed_room()
    world.homeserver.levels[world.room]["users"][user("tom")] = 25
    case = await world.reported()
    await world.review("mira", f"!policy decide {case} R2 S3 proposed Threatened a neighbour at night")
    await world.tick(days=8)
    assert level(world) == 25


async def test_what_somebody_changed_meanwhile_is_left_and_told(world: World) -> None:
    await restricted(world)
    world.homeserver.levels[world.room]["users"][user("tom")] = 10
    await world.tick(days=8)
    assert level(world) == 10
    assert any("somebody changed" in text for text in world.in_review())


async def test_of_two_overlapping_measures_the_longer_one_governs(world: World) -> None:
    first = await restricted(world)
    second = await world.reported(reporter="zoe", text="Another message")
    await world.review(
        "otto",
        f"!policy decide {second} R2 S3 restrict:P14D Threatened a neighbour again // No other way",
    )
    await world.tick(days=8)
    assert level(world) == -1, f"{first} has ended, {second} has not"
    await world.tick(days=7)
    assert level(world) is None
    kinds = [type(e) for e in world.homeserver.performed]
    assert kinds.count(ReleaseMember) == 1
    assert kinds.count(RestrictMember) == 2


async def test_a_measure_is_lifted_early_with_a_reason(world: World) -> None:
    case = await restricted(world)
    assert "why" in await world.review("mira", f"!policy lift {case} ok")
    answer = await world.review("mira", f"!policy lift {case} They have apologised to each other")
    assert "is lifted" in answer
    assert level(world) is None
    assert "apologised" in world.told("tom")[-1]
    assert "No measure binds" in await world.review("mira", f"!policy lift {case} Once again please")


async def test_a_warning_needs_no_effect_and_reaches_the_person_at_once(world: World) -> None:
    await world.governed_room()
    case = await world.reported()
    await world.decided(case, "proposed")
    assert "a warning" in world.told("tom")[-1]
    assert level(world) is None


async def test_suspending_an_account_asks_for_a_confirmation_and_ends(world: World) -> None:
    await world.governed_room()
    await world.say("lea", f"!policy report {user('tom')} R2 He threatens everybody")
    case = "C-1"
    answer = await world.review(
        "mira",
        f"!policy decide {case} R2 S3 suspend:P7D Threatened three neighbours // No other way",
    )
    assert "Please confirm it" in answer or "second person" in answer
    assert user("tom") not in world.homeserver.suspended
    code = answer.split("!policy confirm ")[1].split()[0]
    await world.review("mira", f"!policy confirm {code}")
    assert user("tom") in world.homeserver.suspended
    await world.tick(days=8)
    assert user("tom") not in world.homeserver.suspended


async def test_suspending_a_room_takes_it_out_of_the_directory_and_back(world: World) -> None:
    record = await world.governed_room()
    await world.say("lea", f"!policy report {world.room} R2 The whole room hunts a neighbour")
    answer = await world.review(
        "mira", "!policy decide C-1 R2 S4 proposed The room agreed to hunt a neighbour down"
    )
    code = answer.split("!policy confirm ")[1].split()[0]
    await world.review("otto", f"!policy confirm {code}")
    assert world.room not in world.homeserver.directory
    assert world.room not in world.homeserver.labels
    assert world.homeserver.levels[world.room]["events_default"] == 100
    assert "suspended" in await world.say("lea", f"!policy lookup {record}")
    assert any("Decision C-1" in text for text in world.told("anna"))
    await world.tick(days=31)
    assert world.room in world.homeserver.directory
    assert world.homeserver.labels[world.room] == record
    assert world.homeserver.levels[world.room]["events_default"] == 0
    assert "approved" in await world.say("lea", f"!policy lookup {record}")


@pytest.mark.parametrize("who", ["owner", "remote"])
async def test_what_rank_or_distance_forbids_is_refused_with_the_way_round(
    world: World, who: str
) -> None:
    await world.governed_room()
    if who == "owner":
        event = await world.message("anna", "I threaten you all", world.room)
        link = f"https://matrix.to/#/{world.room}/{event}"
        await world.say("lea", f"!policy report {link} R2 She threatens us")
        answer = await world.review("mira", "!policy decide C-1 R2 S3 proposed Threatened us all")
        assert "ranks as high as I do" in answer
        assert "measure on the account" in answer
    else:
        await world.say("lea", "!policy report @eve:elsewhere.net R2 She threatens us")
        answer = await world.review(
            "mira",
            "!policy decide C-1 R2 S3 suspend:P7D Threatened us all // No other way",
        )
        assert "another homeserver" in answer
    assert "Nothing was ever decided" in await world.review("mira", "!policy history @anna:example.org")


async def test_history_makes_the_second_breach_weigh_more_only_once_it_was_known(
    world: World,
) -> None:
    await world.governed_room()
    first = await world.reported(text="Buy my spades!")
    second = await world.reported(reporter="zoe", text="Buy my rakes!")
    await world.decided(first, "proposed")
    answer = await world.review("mira", f"!policy propose {second} R1 S2")
    assert "knew of it only after this act" in answer or "not told yet" in answer
    assert "proposed: warn" in answer
    world.clock.pass_time(days=4)
    third = await world.reported(text="Buy my hoes!")
    answer = await world.review("mira", f"!policy propose {third} R1 S2")
    assert f"counted: {first}" in answer
    assert "proposed: restrict P3D" in answer


async def test_a_measure_on_an_account_holds_in_every_governed_room_and_starts_once(
    any_world: World,
) -> None:
    """Its effects end in several lanes at the same time; the last of them starts the clock."""
    world = any_world
    await world.governed_room("anna")
    await world.governed_room("zoe", "!second:example.org")
    event = await world.message("tom", "Anna lives in Garden Street 7", world.room)
    link = f"https://matrix.to/#/{world.room}/{event}"
    await world.say("lea", f"!policy report {link} R3 He publishes where she lives")
    facts = "Published a private address without consent"
    answer = await world.review("mira", f"!policy decide C-1 R3 S3 proposed+remove {facts}")
    assert "!second:example.org" in answer
    for room in (world.room, "!second:example.org"):
        assert world.homeserver.levels[room]["users"][user("tom")] == -1
    assert sum(text.startswith("Decision C-1") for text in world.told("tom")) == 1
    await world.tick(days=8)
    for room in (world.room, "!second:example.org"):
        assert user("tom") not in world.homeserver.levels[room]["users"]
