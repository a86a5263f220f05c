"""Somebody else answers for a room: two agree, they accept, and an appeal gives it back exactly."""

from typing import Any

import pytest

from policybot.domain.room_measure import GiveLevel, ReturnLevel
from tests.flows.test_holds import review
from tests.flows.test_taken import to_be_made
from tests.flows.test_taking import filing_of
from tests.world import BOT, World, find, user

REASON = "The owner has not answered for weeks while card numbers are sold there"


async def a_made_room(world: World) -> tuple[str, str, str]:
    """Have a room made for Anna and reported; return its number, its ID and the case."""
    number = await to_be_made(world)
    await world.review("ravi", f"!policy approve {number}")
    filing = await filing_of(world, number)
    await world.say("lea", f"!policy report {filing.room_id} R3 Card numbers are sold there")
    return filing.number, filing.room_id, find(r"C-\d+", world.in_review()[-1])


async def proposed(world: World, case: str, to: str = "tom") -> str:
    """Propose it; return the code."""
    answer = await review(world, "mira", f"!policy replace {case} R3 {user(to)} {REASON}")
    return find(r"(?<=!policy confirm )\w+", answer)


async def asked(world: World) -> tuple[str, str, str]:
    """Have Tom, who is verified, asked to answer for Anna's room."""
    record, room, case = await a_made_room(world)
    await world.verified("tom")
    code = await proposed(world, case)
    assert "I have asked @tom" in await review(world, "otto", f"!policy confirm {code}")
    return record, room, case


def levels(world: World, room: str) -> dict[str, Any]:
    return dict(world.homeserver.levels[room]["users"])


async def test_two_people_agree_and_the_new_owner_accepts(any_world: World) -> None:
    world = any_world
    record, room, case = await a_made_room(world)
    await world.verified("tom")
    before = levels(world, room)
    answer = await review(world, "mira", f"!policy replace {case} R3 {user('tom')} {REASON}")
    for part in (
        f"{user('tom')} is to answer for {record} in place of {user('anna')}",
        f"give {user('tom')} power level 50 in {room}",
        f"take the power level of {user('anna')} in {room}",
        "Nothing changes before",
    ):
        assert part in answer
    code = find(r"(?<=!policy confirm )\w+", answer)
    assert "second person" in await review(world, "mira", f"!policy confirm {code}")
    assert not any("asks you" in text or "ask you" in text for text in world.told("tom"))
    await review(world, "otto", f"!policy confirm {code}")
    assert f"!policy accept {record}" in world.told("tom")[-1]
    assert levels(world, room) == before
    assert "is approved" in await world.say("anna", f"!policy status {record}")

    assert f"You answer for {record}" in await world.say("tom", f"!policy accept {record}")
    assert levels(world, room)[user("tom")] == 50
    assert user("anna") not in levels(world, room)
    assert "is approved" in await world.say("tom", f"!policy status {record}")
    assert "no filing" in await world.say("anna", f"!policy status {record}")
    told = world.told("anna")[-1]
    for part in (f"Decision {case}", "replacement of who answers", REASON, f"!policy appeal {case}"):
        assert part in told
    assert "took a measure" in world.told("lea")[-1]
    assert "closed" in await review(world, "otto", f"!policy show {case}")
    assert "replacement of who answers" in await review(world, "otto", f"!policy history {user('anna')}")
    assert "Nobody has asked you" in await world.say("tom", f"!policy accept {record}")


async def test_an_owner_of_the_highest_rank_that_matrix_knows_can_be_replaced(any_world: World) -> None:
    world = any_world
    _, room, case = await a_made_room(world)
    await world.verified("tom")
    ranks = {BOT: 2**53 - 1, user("anna"): 2**53 - 2}
    world.homeserver.levels[room]["users"] |= ranks
    content = {"users": ranks}
    await world.deliver(
        type="m.room.power_levels", room_id=room, sender=user("anna"), state_key="", content=content
    )
    answer = await review(world, "mira", f"!policy replace {case} R3 {user('tom')} {REASON}")
    assert f"give {user('tom')} power level {2**53 - 2} in {room}" in answer


async def test_an_overturned_appeal_gives_the_room_back_exactly(any_world: World) -> None:
    world = any_world
    record, room, case = await asked(world)
    before = levels(world, room)
    await world.say("tom", f"!policy accept {record}")
    await world.say("anna", f"!policy appeal {case} I was in hospital and have a deputy")
    await review(world, "ravi", f"!policy overturn {case} The owner was ill, and it was known to us")
    assert levels(world, room) == before
    assert "is approved" in await world.say("anna", f"!policy status {record}")
    assert "no filing" in await world.say("tom", f"!policy status {record}")
    assert "answers for the room" in world.told("tom")[-1]
    assert "void from the beginning" in world.told("anna")[-1]
    performed = world.homeserver.performed
    assert sum(isinstance(effect, ReturnLevel) for effect in performed) == 2


async def test_a_room_that_went_on_to_others_is_left_to_them(world: World) -> None:
    record, _, case = await asked(world)
    await world.say("tom", f"!policy accept {record}")
    await world.verified("zoe")
    await world.say("tom", f"!policy transfer {record} {user('zoe')}")
    await world.say("zoe", f"!policy accept {record}")
    await world.say("anna", f"!policy appeal {case} I was in hospital and have a deputy")
    await review(world, "ravi", f"!policy overturn {case} The owner was ill, and it was known to us")
    assert "is approved" in await world.say("zoe", f"!policy status {record}")
    assert any("somebody else does by now" in text for text in world.in_review())


async def test_a_second_replacement_remembers_its_own_before(world: World) -> None:
    record, room, _ = await asked(world)
    await world.say("tom", f"!policy accept {record}")
    await world.deliver(
        type="m.room.power_levels",
        room_id=room,
        sender=user("policybot"),
        state_key="",
        content=dict(world.homeserver.levels[room]),
    )
    await world.verified("zoe")
    await world.say("lea", f"!policy report {room} R3 Card numbers are sold there again")
    second = find(r"C-\d+", world.in_review()[-1])
    before = levels(world, room)
    code = await proposed(world, second, "zoe")
    await review(world, "otto", f"!policy confirm {code}")
    await world.say("zoe", f"!policy accept {record}")
    assert levels(world, room)[user("zoe")] == 50
    await world.say("tom", f"!policy appeal {second} I took them out within the hour")
    await review(world, "ravi", f"!policy overturn {second} They were out within the hour indeed")
    assert levels(world, room) == before


async def test_nothing_happens_unless_they_accept_in_time(world: World) -> None:
    record, room, case = await asked(world)
    before = levels(world, room)
    for _ in range(3):
        await world.tick(days=3)
    assert sum("has not accepted the room" in text for text in world.in_review()) == 1
    assert "Nobody has asked you" in await world.say("tom", f"!policy accept {record}")
    assert levels(world, room) == before
    assert "is approved" in await world.say("anna", f"!policy status {record}")
    assert "open" in await review(world, "otto", f"!policy show {case}")


async def test_who_is_asked_says_no_and_the_moderators_hear_of_it(any_world: World) -> None:
    world = any_world
    record, room, case = await asked(world)
    before = levels(world, room)
    assert f"If not: !policy decline {record}" in world.told("tom")[-1]
    assert f"not asked to answer for {record}" in await world.say("tom", f"!policy decline {record}")
    assert f"{case}: {user('tom')} does not want to answer for {record}" in world.in_review()[-1]
    assert "Nobody has asked you" in await world.say("tom", f"!policy accept {record}")
    assert levels(world, room) == before
    code = await proposed(world, case)
    assert "I have asked @tom" in await review(world, "otto", f"!policy confirm {code}"), "asked anew"


async def test_silence_of_the_second_person_decides_nothing(world: World) -> None:
    _, _, case = await a_made_room(world)
    code = await proposed(world, case)
    await world.tick(days=1, minutes=1)
    assert f"The proposal {code} has expired" in world.in_review()[-1]
    assert world.told("tom") == []
    assert await proposed(world, case) != code, "it can be proposed anew"


async def test_it_is_denied_and_the_case_is_free(world: World) -> None:
    _, _, case = await a_made_room(world)
    code = await proposed(world, case)
    assert "is denied" in await review(world, "otto", f"!policy deny {code}")
    assert "is yours" in await review(world, "otto", f"!policy claim {case}")


async def test_who_takes_it_over_is_verified_and_has_signed(world: World) -> None:
    record, room, case = await a_made_room(world)
    code = await proposed(world, case)
    await review(world, "otto", f"!policy confirm {code}")
    before = levels(world, room)
    assert "verify yourself first" in await world.say("tom", f"!policy accept {record}")
    assert levels(world, room) == before
    await world.verified("tom")
    assert "Nobody has asked you" in await world.say("lea", f"!policy accept {record}")
    assert "You answer for" in await world.say("tom", f"!policy accept {record}")


async def test_a_case_decided_otherwise_meanwhile_makes_it_void(world: World) -> None:
    record, room, case = await asked(world)
    before = levels(world, room)
    await review(world, "mira", f"!policy dismiss {case} The owner has answered after all")
    assert "has changed since you were asked" in await world.say("tom", f"!policy accept {record}")
    assert levels(world, room) == before


async def test_an_owner_who_hands_it_over_meanwhile_makes_it_void(world: World) -> None:
    record, _, _ = await asked(world)
    await world.verified("zoe")
    await world.say("anna", f"!policy transfer {record} {user('zoe')}")
    await world.say("zoe", f"!policy accept {record}")
    assert "has changed since you were asked" in await world.say("tom", f"!policy accept {record}")
    assert "is approved" in await world.say("zoe", f"!policy status {record}")


async def test_an_owner_who_ranks_as_high_as_the_bot_is_not_replaced_in_name_alone(world: World) -> None:
    await world.governed_room()
    await world.say("lea", f"!policy report {world.room} R3 Card numbers are sold there")
    answer = await review(world, "mira", f"!policy replace C-1 R3 {user('tom')} {REASON}")
    assert "ranks as high as I do" in answer
    assert "The way round" in answer
    assert world.told("tom") == []


async def test_demoted_before_they_accept_nothing_is_done_and_after_people_are_told(
    world: World,
) -> None:
    record, room, _ = await asked(world)
    world.homeserver.refuses[GiveLevel] = "403 M_FORBIDDEN You don't have permission"
    await world.say("tom", f"!policy accept {record}")
    alarms = [text for text in world.in_review() if "M_FORBIDDEN" in text]
    assert len(alarms) == 2
    assert not any(text.startswith("Decision") for text in world.told("anna"))
    del world.homeserver.refuses[GiveLevel]
    for alarm in alarms:
        await review(world, "mira", f"!policy retry {find(r'(?<=retry )[0-9]+', alarm)}")
    assert levels(world, room)[user("tom")] == 50
    assert world.told("anna")[-1].startswith("Decision")


async def test_killed_between_the_two_levels_both_are_changed_once(world: World) -> None:
    record, room, _ = await asked(world)
    died: list[Any] = []

    def die(effect: Any) -> None:
        if isinstance(effect, GiveLevel) and effect not in died:
            died.append(effect)
            raise RuntimeError

    world.homeserver.before_answer = die
    await world.say("tom", f"!policy accept {record}")
    for _ in range(5):
        world.clock.pass_time(minutes=1)
        await world.work()
    assert len(died) == 2
    assert levels(world, room)[user("tom")] == 50
    assert user("anna") not in levels(world, room)
    assert sum(text.startswith("Decision") for text in world.told("anna")) == 1


async def test_a_room_on_hold_gets_a_new_owner_and_is_open_again(world: World) -> None:
    record, room, case = await asked(world)
    await review(world, "mira", f"!policy hold {case} R3 Card numbers are sold there")
    assert room not in world.homeserver.directory
    assert "You answer for" in await world.say("tom", f"!policy accept {record}")
    assert room in world.homeserver.directory
    assert room not in world.homeserver.banners
    assert levels(world, room)[user("tom")] == 50


async def test_the_owner_leaves_meanwhile_and_it_goes_on(world: World) -> None:
    record, room, _ = await asked(world)
    await world.deliver(
        type="m.room.member",
        room_id=room,
        sender=user("anna"),
        state_key=user("anna"),
        content={"membership": "leave"},
    )
    assert "You answer for" in await world.say("tom", f"!policy accept {record}")
    assert not any(text.startswith("Decision") for text in world.told("tom"))
    assert world.told("anna")[-1].startswith("Decision")


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("!policy replace {case} R3 @anna:example.org {reason}", "cannot take"),
        ("!policy replace {case} R3 @policybot:example.org {reason}", "cannot take"),
        ("!policy replace {case} R3 @mira:example.org {reason}", "a room to yourself"),
        ("!policy replace {case} R9 @tom:example.org {reason}", "no rule"),
        ("!policy replace {case} R3 tom {reason}", "is no account"),
        ("!policy replace {case} R3 @tom:example.org no", "lacks: facts"),
        ("!policy replace C-99 R3 @tom:example.org {reason}", "no case"),
    ],
)
async def test_what_makes_no_sense_is_refused_in_words(world: World, text: str, answer: str) -> None:
    _, _, case = await a_made_room(world)
    said = await review(world, "mira", text.format(case=case, reason=REASON))
    assert answer in said
    assert "confirm" not in said


async def test_who_is_to_get_the_room_does_not_confirm_it(world: World) -> None:
    _, _, case = await a_made_room(world)
    code = await proposed(world, case, "otto")
    assert "party" in await review(world, "otto", f"!policy confirm {code}")
    assert "party" in await review(world, "otto", f"!policy deny {code}")


async def test_a_muted_person_is_not_made_owner(world: World) -> None:
    _, room, case = await a_made_room(world)
    event = await world.message("tom", "I break into your garden", room)
    await world.say("lea", f"!policy report https://matrix.to/#/{room}/{event} R2 He threatens us")
    second = find(r"C-\d+", world.in_review()[-1])
    await review(
        world, "mira", f"!policy decide {second} R2 S3 proposed Threatened a neighbour at night"
    )
    answer = await review(world, "mira", f"!policy replace {case} R3 {user('tom')} {REASON}")
    assert "right to write there" in answer
