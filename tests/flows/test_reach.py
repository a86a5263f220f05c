"""How far a measure on somebody reaches: rooms filed later, other homeservers, their other accounts."""

from dataclasses import replace
from typing import Any

import pytest

from policybot.domain.effects import RestrictMember, SuspendAccount
from policybot.domain.ladder import Scope
from policybot.domain.rank import Levels
from policybot.domain.rules import Reach
from policybot.ports import Impossible
from policybot.store import rooms
from policybot.store.rooms import Kind, Room
from tests.flows.test_personal_holds import second_room
from tests.staffed import Private, code_for, link_to
from tests.world import BOT, World, find, user

TOM, EVE, TIM = user("tom"), "@eve:elsewhere.net", user("tim")
FACTS = "Threatened everybody with harm in so many words"


async def decided(world: World, text: str, confirm: bool = True) -> str:
    """Decide something, and have it confirmed if that is asked for; return what will be done."""
    answer = await world.review("mira", text)
    if confirm and "!policy confirm" in answer:
        code = find(r"(?<=!policy confirm )\w+", answer)
        assert "is decided" in await world.review("otto", f"!policy confirm {code}")
    return answer


async def about(world: World, account: str) -> str:
    await world.say("lea", f"!policy report {account} R2 Threatens us all the time")
    return find(r"(?<=New case )C-\d+", world.in_review()[-1])


def level(world: World, who: str = TOM, room: str = "") -> Any:
    return world.homeserver.levels[room or world.room]["users"].get(who)


async def test_a_room_that_is_filed_while_a_restriction_runs_is_covered_and_freed(
    any_world: World,
) -> None:
    world = any_world
    await world.governed_room()
    case = await about(world, TOM)
    await decided(world, f"!policy decide {case} R2 S3 restrict:P7D {FACTS} // No other way")
    assert level(world) == -1
    world.clock.pass_time(days=1)
    other = await second_room(world)
    assert level(world, room=other) == -1
    assert world.homeserver.performed.count(RestrictMember(other, TOM)) == 1
    assert sum(text.startswith("Decision") for text in world.told("tom")) == 1
    await world.tick(days=6)
    assert (level(world), level(world, room=other)) == (None, None)
    third = await second_room(world, "!fair:example.org")
    assert level(world, room=third) is None, "it is over"


async def test_while_an_appeal_lets_it_rest_nothing_binds_and_then_it_does_in_new_rooms_too(
    world: World,
) -> None:
    object.__setattr__(world.config.ladder, "appeal_stay", frozenset({"account:restrict"}))
    await world.governed_room()
    case = await about(world, TOM)
    await decided(world, f"!policy decide {case} R2 S3 restrict:P7D {FACTS} // No other way")
    await world.say("tom", f"!policy appeal {case} It was somebody else who wrote it")
    assert level(world) is None
    other = await second_room(world)
    assert level(world, room=other) is None
    await world.review("ravi", f"!policy uphold {case} It was written by this account alone")
    assert (level(world), level(world, room=other)) == (-1, -1)
    assert f"{case}: The measure, which rested, goes on from now" in world.told("tom")[-1]


async def test_where_they_rank_as_high_as_the_bot_the_others_are_covered_and_it_is_said(
    world: World,
) -> None:
    await world.governed_room()
    other = await second_room(world)
    await world.deliver(
        type="m.room.power_levels",
        room_id=other,
        sender=user("anna"),
        state_key="",
        content={"users": {TOM: 100, user("policybot"): 100}},
    )
    case = await about(world, TOM)
    answer = await decided(world, f"!policy decide {case} R2 S3 restrict:P7D {FACTS} // No other way")
    assert "In 1 of 2 rooms they rank as high as I do" in answer
    assert level(world) == -1
    assert "ends by itself" in world.told("tom")[-1], "its clock runs"


async def test_an_account_of_another_homeserver_is_kept_out_of_all_rooms_instead_and_it_is_said(
    any_world: World,
) -> None:
    world = any_world
    await world.governed_room()
    case = await about(world, EVE)
    answer = await decided(world, f"!policy decide {case} R2 S3 suspend:P7D {FACTS} // No other way")
    assert f"exclude {EVE} from {world.room}" in answer
    assert "lives on another homeserver" in answer
    assert "not ours to suspend" in answer
    assert (world.room, EVE) in world.homeserver.banned
    told = world.told(EVE)[-1]
    assert "exclusion from all governed rooms for 7 days" in told
    assert "suspension" not in told
    other = await second_room(world)
    assert (other, EVE) in world.homeserver.banned
    assert not world.homeserver.suspended
    await world.tick(days=7)
    assert not world.homeserver.banned
    assert "has ended: exclusion from all governed rooms for 7 days" in world.told(EVE)[-1]


async def test_if_one_room_refuses_it_later_people_are_told_once_and_the_clock_runs(
    world: World,
) -> None:
    await world.governed_room()
    other = await second_room(world)
    refused = world.homeserver.perform

    async def perform(errand: Any) -> Any:
        if errand.effect == RestrictMember(other, TOM):
            message = "403 M_FORBIDDEN"
            raise Impossible(message)
        return await refused(errand)

    world.homeserver.perform = perform  # type: ignore[method-assign]
    case = await about(world, TOM)
    await decided(world, f"!policy decide {case} R2 S3 restrict:P7D {FACTS} // No other way")
    await world.tick(minutes=1)
    alarms = [text for text in world.in_review() if "I could not restrict" in text]
    assert len(alarms) == 1
    assert "ends by itself on 9 March 2026" in world.told("tom")[-1], "no measure without an end"
    world.homeserver.perform = refused  # type: ignore[method-assign]
    await world.review("mira", f"!policy retry {find(r'(?<=retry )[0-9]+', alarms[0])}")
    assert level(world, room=other) == -1
    await world.tick(days=7)
    assert (level(world), level(world, room=other)) == (None, None)


async def test_what_fails_on_another_account_does_not_say_which(staffed: Private) -> None:
    world = staffed.world
    done = world.homeserver.perform

    async def perform(errand: Any) -> Any:
        if errand.effect == SuspendAccount(TIM):
            message = f"{TIM} is an administrator"
            raise Impossible(message)
        return await done(errand)

    world.homeserver.perform = perform  # type: ignore[method-assign]
    await of_person(staffed, "suspend:P7D")
    assert world.homeserver.suspended == {TOM}
    assert any("another account of the same person" in text for text in world.in_review())
    assert not any(TIM in text for text in world.in_review())
    assert "ends by itself" in world.told("tom")[-1]
    await world.tick(days=7)
    assert not world.homeserver.suspended


# All accounts of a person ------------------------------------------------------------------------


def reach_persons(world: World, scope: Scope = Scope.ACCOUNT) -> None:
    world.config.rules = tuple(replace(r, reach=Reach.PERSON, scope=scope) for r in world.config.rules)


async def of_person(staffed: Private, measure: str, scope: Scope = Scope.ACCOUNT) -> str:
    """Decide about Tom, who has a second account, by a rule that reaches persons."""
    world = staffed.world
    reach_persons(world, scope)
    await link_to(world, "tim", "tom")
    case = await world.reported(offender="tom", reporter="zoe", text="I know where you live")
    text = f"!policy decide {case} R2 S3 {measure} {FACTS} // No other way"
    return await decided(world, text)


async def test_a_suspension_reaches_all_accounts_of_the_person_and_each_is_told(
    any_staffed: Private,
) -> None:
    world = any_staffed.world
    answer = await of_person(any_staffed, "suspend:P7D")
    assert "It also reaches 1 other account of the same person." in answer
    assert world.homeserver.suspended == {TOM, TIM}
    assert "all accounts of a person" in world.told("tim")[-1]
    assert "all accounts of a person" not in world.told("tom")[-1]
    assert TIM not in answer
    assert not any(TIM in text for text in world.in_review()), "whose it is, is nobody's business"
    await world.tick(days=7)
    assert not world.homeserver.suspended
    assert "has ended" in world.told("tim")[-1]


async def test_unlinking_frees_no_account_and_one_that_is_linked_meanwhile_is_reached(
    staffed: Private,
) -> None:
    world = staffed.world
    reach_persons(world)
    case = await world.reported(offender="tom", reporter="zoe", text="I know where you live")
    answer = await decided(world, f"!policy decide {case} R2 S3 suspend:P7D {FACTS} // No other way")
    assert "other account" not in answer
    await world.say("tim", f"!policy verify {await code_for(world, 'tim', 'tom')}")
    assert world.homeserver.suspended == {TOM, TIM}
    assert f"Decision {case}" in world.told("tim")[-1]
    await world.say("tim", "!policy unlink")
    await world.tick(days=1)
    assert world.homeserver.suspended == {TOM, TIM}
    await world.tick(days=6)
    assert not world.homeserver.suspended


async def test_an_overturned_one_frees_them_all(staffed: Private) -> None:
    world = staffed.world
    await of_person(staffed, "suspend:P7D")
    case = find(r"C-\d+", world.told("tom")[-1])
    await world.say("tom", f"!policy appeal {case} It was somebody else who wrote it")
    await world.review("ravi", f"!policy overturn {case} The message was somebody else's")
    assert not world.homeserver.suspended


async def test_a_measure_on_a_member_goes_for_their_accounts_in_that_room(staffed: Private) -> None:
    world = staffed.world
    await of_person(staffed, "restrict:P7D", Scope.MEMBER)
    assert (level(world), level(world, TIM)) == (-1, -1)
    await world.tick(days=7)
    assert (level(world), level(world, TIM)) == (None, None)


async def test_two_measures_on_two_accounts_of_a_person_each_keep_what_they_want(
    staffed: Private,
) -> None:
    world = staffed.world
    await of_person(staffed, "suspend:P7D")
    case = await about(world, TIM)
    world.config.rules = tuple(replace(r, reach=Reach.ACCOUNT) for r in world.config.rules)
    await decided(world, f"!policy decide {case} R2 S3 suspend:P14D {FACTS} // No other way")
    await world.tick(days=7)
    assert world.homeserver.suspended == {TIM}, "the other measure still wants it"
    await world.tick(days=7)
    assert not world.homeserver.suspended


@pytest.mark.parametrize("where", [Scope.MEMBER, Scope.ACCOUNT])
async def test_with_a_gate_no_power_level_tells_whose_accounts_these_are(
    staffed: Private, where: Scope
) -> None:
    world = staffed.world
    world.config.gate = object()  # type: ignore[assignment]  # that there is one is all that counts here
    await of_person(staffed, "restrict:P7D", where)
    assert (level(world), level(world, TIM)) == (-1, None)
    curb = world.app.services.messages.curb(world.room, TIM, world.clock())
    assert curb is not None, "the gate knows"
    await world.tick(days=7)
    assert world.app.services.messages.curb(world.room, TIM, world.clock()) is None


async def test_of_many_rooms_the_number_is_said_and_not_each(world: World) -> None:
    await world.governed_room()
    for n in range(6):
        async with world.database.transaction() as tx:
            room = Room(f"!more{n}:example.org", Kind.GOVERNED, Levels("11", (), {"users": {BOT: 100}}))
            await rooms.save(tx, room, world.clock())
        world.homeserver.levels[room.room_id] = {"users": {BOT: 100}}
    case = await about(world, TOM)
    answer = await decided(world, f"!policy decide {case} R2 S3 restrict:P7D {FACTS} // No other way")
    assert f"This will: restrict {TOM} in 7 rooms." in answer
    assert "!more1" not in answer


async def test_demoted_between_decision_and_effect_it_waits_and_people_are_told_once(
    any_world: World,
) -> None:
    world = any_world
    await world.governed_room()
    case = await world.reported()
    world.homeserver.refuses[RestrictMember] = "403 M_FORBIDDEN You don't have permission"
    await decided(world, f"!policy decide {case} R2 S3 restrict:P7D {FACTS} // No other way")
    for _ in range(3):
        await world.tick(hours=1)
    alarms = [text for text in world.in_review() if "I could not restrict" in text]
    assert len(alarms) == 1
    assert level(world) is None
    (late,) = [text for text in world.told("tom") if text.startswith("Decision")]
    assert "ends by itself" not in late, "it is told, and not that it runs"
    world.homeserver.refuses.clear()
    await world.review("mira", f"!policy retry {find(r'(?<=retry )[0-9]+', alarms[0])}")
    assert level(world) == -1
    assert "ends by itself on 9 March 2026, 12:00 UTC" in world.told("tom")[-1], "from then on"
    await world.tick(days=7)
    assert level(world) is None


async def test_the_person_appeals_by_any_account_of_theirs_and_nobody_learns_whose_they_are(
    any_staffed: Private,
) -> None:
    world = any_staffed.world
    await of_person(any_staffed, "restrict:P7D")
    case = find(r"C-\d+", world.told("tim")[-1])
    assert "You can appeal until" in await world.say("tim", f"!policy status {case}")
    assert "is in" in await world.say("tim", f"!policy appeal {case} It was my brother who wrote it")
    assert "one for each decision" in await world.say("tom", f"!policy appeal {case} It was not me")
    assert "There is no decision" in await world.say("lea", f"!policy appeal {case} It was not me")
    for end in ("overturn", "modify warn"):
        seen = await world.review("ravi", f"!policy weigh {case} {end} It was the brother")
        assert f"release {TOM}" in seen
        assert "do the same to other accounts of the same person" in seen
    assert "Another account of the same person would read" in await world.review(
        "ravi", f"!policy weigh {case} overturn It was the brother"
    )
    await world.review("ravi", f"!policy overturn {case} It was the brother")
    assert not any(TIM in text for text in world.in_review()), "whose it is, is nobody's business"
    assert (level(world), level(world, TIM)) == (None, None)
