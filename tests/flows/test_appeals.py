"""Appeals: by another person, in time, and undone to the last."""

from pathlib import Path

from tests.world import World, user
from tests.world import world as make_world


async def decided(world: World) -> str:
    await world.governed_room()
    case = await world.reported()
    await world.review("mira", f"!policy decide {case} R2 S3 proposed Threatened a neighbour at night")
    return case


async def test_only_the_person_concerned_can_appeal(any_world: World) -> None:
    case = await decided(any_world)
    for who in ("lea", "anna", "zoe"):
        answer = await any_world.say(who, f"!policy appeal {case} I do not like it at all")
        assert answer == "There is no decision about you under this number."
    assert "is in" in await any_world.say("tom", f"!policy appeal {case} It was a joke")
    assert "one for each decision" in await any_world.say("tom", f"!policy appeal {case} Again!")


async def test_whoever_had_a_part_in_the_matter_cannot_decide_the_appeal(tmp_path: Path) -> None:

    everybody = {f"@{name}:example.org": ["moderator", "appeals"] for name in ("mira", "otto")}
    everybody["@ravi:example.org"] = ["reviewer", "moderator", "appeals"]
    async with make_world(tmp_path, staff=everybody) as world:
        await world.governed_room()
        # Otto reports it, Mira decides it.
        case = await world.reported(reporter="otto")
        await world.review("mira", f"!policy decide {case} R2 S3 proposed Threatened a neighbour")
        await world.say("tom", f"!policy appeal {case} It was a joke between friends")
        for who in ("mira", "otto"):
            for verdict in ("uphold", "overturn"):
                answer = await world.review(who, f"!policy {verdict} {case} Because I say so")
                assert "had a part" in answer
        assert "is void" in await world.review("ravi", f"!policy overturn {case} A joke indeed")


async def test_a_decision_that_stands_is_explained_and_goes_on(world: World) -> None:
    case = await decided(world)
    await world.say("tom", f"!policy appeal {case} It was a joke between friends")
    assert "stands" in await world.review("ravi", f"!policy uphold {case} It did not read like one")
    assert "the decision stands" in world.told("tom")[-1]
    assert world.homeserver.levels[world.room]["users"][user("tom")] == -1


async def test_a_milder_measure_takes_the_place_of_the_first_with_the_time_served(
    world: World,
) -> None:
    case = await decided(world)
    await world.say("tom", f"!policy appeal {case} It was a joke between friends")
    world.clock.pass_time(days=2)
    answer = await world.review("ravi", f"!policy modify {case} restrict:P30D Too harsh for a joke")
    assert "must be milder" in answer
    answer = await world.review("ravi", f"!policy modify {case} restrict:P3D Too harsh for a joke")
    assert "3 days" in answer
    assert world.homeserver.levels[world.room]["users"][user("tom")] == -1
    await world.tick(days=1, seconds=30)
    assert user("tom") not in world.homeserver.levels[world.room]["users"]


async def test_an_appeal_after_its_time_is_refused_with_the_day_it_ended(world: World) -> None:
    case = await decided(world)
    world.clock.pass_time(days=184)
    answer = await world.say("tom", f"!policy appeal {case} It was a joke between friends")
    assert "The time to appeal ended on 1 September 2026" in answer


async def test_overturning_a_decision_lifts_what_it_made_harsher(world: World) -> None:
    first = await decided(world)
    world.clock.pass_time(days=12)
    await world.app.tick()
    await world.work()
    second = await world.reported(text="Buy my spades!")
    await world.decided(second, "proposed", by="otto")
    assert world.homeserver.levels[world.room]["users"][user("tom")] == -1
    await world.say("tom", f"!policy appeal {first} It was a joke between friends")
    answer = await world.review("ravi", f"!policy overturn {first} A joke between friends indeed")
    assert f"{second}: history was H2, is H0; its measure was lifted" in answer
    assert user("tom") not in world.homeserver.levels[world.room]["users"]
    me = await world.say("tom", "!policy me")
    assert f"{first}: no posting in the room for 7 days (void: it counts for nothing)" in me


async def test_a_message_is_put_back_once_and_only_at_its_authors_wish(world: World) -> None:
    await world.governed_room()
    case = await world.reported(text="Anna, tonight I come for your tomatoes")
    await world.review("mira", f"!policy decide {case} R2 S3 proposed+remove Threatened a neighbour")
    assert "nothing to restore" in await world.say("tom", f"!policy restore {case}")
    await world.say("tom", f"!policy appeal {case} It was a joke between friends")
    await world.review("ravi", f"!policy overturn {case} A joke between friends indeed")
    assert "nothing to restore" in await world.say("lea", f"!policy restore {case}")
    assert "posted again" in await world.say("tom", f"!policy restore {case}")
    assert "already" in await world.say("tom", f"!policy restore {case}")
    said = [text for where, text in world.homeserver.said.values() if where == world.room]
    assert said == [
        f"Decision {case}, by which a message of this room was removed, was overturned and is void.",
        "Anna, tonight I come for your tomatoes",
    ]


async def test_who_moderates_a_room_does_not_judge_what_happens_there(world: World) -> None:
    await world.governed_room()
    levels = {"users": {user("anna"): 100, user("mira"): 50}}
    await world.deliver(
        type="m.room.power_levels",
        room_id=world.room,
        sender=user("anna"),
        state_key="",
        content=levels,
    )
    case = await world.reported()
    assert "no case" in await world.review("mira", f"!policy claim {case}")
    assert case not in await world.review("mira", "!policy queue cases")
    assert "is yours" in await world.review("otto", f"!policy claim {case}")


async def test_a_closure_of_a_room_rests_while_its_owners_appeal_is_decided(any_world: World) -> None:
    world = any_world
    await world.governed_room()
    await world.say("lea", f"!policy report {world.room} R2 The whole room hunts a neighbour")
    facts = "The room agreed to hunt a neighbour down, again"
    answer = await world.review("mira", f"!policy decide C-1 R2 S4 close {facts} // No other way")
    assert "closure always needs two people" in answer
    code = answer.split("!policy confirm ")[1].split()[0]
    await world.review("otto", f"!policy confirm {code}")
    assert world.room not in world.homeserver.directory
    assert "without a time limit" not in world.told("anna")[-1]
    assert "closure of the room" in world.told("anna")[-1]
    answer = await world.say("anna", "!policy appeal C-1 I was away and have thrown them out")
    assert "The measure rests meanwhile." in answer
    assert "The measure rests meanwhile." in await world.say("anna", "!policy status C-1")
    assert "rests meanwhile" in world.in_review()[-1]
    assert world.room in world.homeserver.directory
    assert world.homeserver.levels[world.room]["events_default"] == 0
    await world.review("ravi", "!policy uphold C-1 It was not the first time")
    assert world.told("anna")[-2].startswith("Your appeal on C-1 was decided")
    assert "which rested, goes on from now" in world.told("anna")[-1]
    assert world.room not in world.homeserver.directory
    assert world.homeserver.levels[world.room]["events_default"] == 100
    assert sum(text.startswith("Decision C-1") for text in world.told("anna")) == 1
    await world.tick(days=1000)
    assert world.room not in world.homeserver.directory
