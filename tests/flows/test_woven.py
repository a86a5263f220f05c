"""What one part does to another: a room moves or changes hands while something is under way."""

from pathlib import Path
from typing import Any

import pytest

from policybot.domain.filing import State
from policybot.domain.room_measure import FreezeRoom
from policybot.domain.taking import CarryOver
from policybot.domain.vacancy import Stage
from policybot.store import exports, filings, moves
from tests.applying import form, invited
from tests.flows.test_deletions import deleted
from tests.flows.test_deputies import agreed, asked, filing_of, vacancy_of
from tests.flows.test_drift import differs
from tests.flows.test_filings import lapse
from tests.flows.test_holds import held, reported_room, review, suspended_after
from tests.flows.test_labels import suspended
from tests.flows.test_register import _revoke, found, history
from tests.flows.test_replacements import asked as asked_to_lead
from tests.flows.test_taking import a_room, filed
from tests.flows.test_transfers import left
from tests.flows.test_unfiled import UNPUBLISH, anna, looked
from tests.flows.test_upgrades import NEW, a_copy, replaced, room_of
from tests.staffed import link_to
from tests.world import BOT, World, find, user
from tests.world import world as make_world


async def moved(world: World) -> None:
    """Let the owner replace the room, and the filing follow."""
    a_copy(world)
    await replaced(world)
    assert await room_of(world) == NEW


# A room that moves ---------------------------------------------------------------------------------


async def test_a_suspended_room_says_so_in_the_new_one_too_and_in_neither_after_it(
    any_world: World,
) -> None:
    world = any_world
    await world.governed_room()
    await suspended(world, "proposed")
    await moved(world)
    assert "is suspended" in world.homeserver.banners[NEW]
    await world.tick(days=31)
    assert world.homeserver.banners == {}
    assert "has ended" in world.told("anna")[-1]


async def test_an_owner_appeals_about_a_room_that_has_moved(any_world: World) -> None:
    world = any_world
    await world.governed_room()
    await suspended(world, "proposed")
    await moved(world)
    assert "no decision about you" not in await world.say("anna", "!policy appeal C-1 Nobody was hunted")
    await review(world, "ravi", "!policy overturn C-1 It was a joke among friends, as they all say")
    assert world.homeserver.levels[NEW].get("events_default", 0) == 0
    assert "void from the beginning" in world.told("anna")[-1]


@pytest.mark.parametrize("where", ["the room", "a member"])
async def test_a_room_sheds_no_history_by_being_replaced(any_world: World, where: str) -> None:
    world = any_world
    await world.governed_room()
    if where == "the room":
        case = await reported_room(world)
        await review(
            world,
            "mira",
            f"!policy decide {case} R3 S2 warn Cards were offered there once // No other way",
        )
    else:
        await world.decided(await world.reported(), "warn")
    await world.tick(days=20)
    await moved(world)
    if where == "the room":
        again = await reported_room(world, NEW)
        answer = await review(world, "mira", f"!policy propose {again} R3 S2")
    else:
        event = await world.message("tom", "Buy my rakes!", NEW)
        await world.say("lea", f"!policy report https://matrix.to/#/{NEW}/{event} R1 An advert again")
        again = find(r"(?<=New case )C-\d+", world.in_review()[-1])
        answer = await review(world, "mira", f"!policy propose {again} R1 S2")
    assert "H1" in answer
    assert "counted: C-1" in answer


async def test_a_message_of_before_the_move_is_judged_by_the_same_history(any_world: World) -> None:
    world = any_world
    await world.governed_room()
    await world.decided(await world.reported(), "warn")
    await world.tick(days=20)
    case = await world.reported(text="Buy my rakes!")
    await moved(world)
    assert "counted: C-1" in await review(world, "mira", f"!policy propose {case} R1 S2")
    text = f"!policy decide {case} R1 S2 restrict:P3D+remove Advertised a shop again // No other way"
    answer = await review(world, "mira", text)
    if "!policy confirm" in answer:
        await review(world, "otto", f"!policy confirm {find(r'(?<=!policy confirm )[A-Z0-9]+', answer)}")
    assert world.homeserver.levels[NEW]["users"][user("tom")] == -1, "not in the old one"
    assert world.homeserver.redacted


async def test_an_open_case_about_a_room_goes_on_about_the_room_that_it_is_now(
    any_world: World,
) -> None:
    world = any_world
    record = await world.governed_room()
    case = await reported_room(world)
    await moved(world)
    await world.say("zoe", f"!policy report {NEW} R3 Card numbers are still sold there")
    assert f"{case}: report 2" in world.in_review()[-1]
    await suspended_after(world, case, "P7D")
    assert FreezeRoom(NEW) in world.homeserver.performed
    assert NEW not in world.homeserver.directory
    assert "suspended" in await world.say("lea", f"!policy lookup {record}")


async def test_holds_are_no_chain_in_the_next_room_either(world: World) -> None:
    await held(world)
    await world.tick(hours=73)
    await moved(world)
    answer = await review(world, "mira", f"!policy hold {NEW} R3 It is still so, I think")
    assert "no chain" in answer


async def test_an_owner_who_was_replaced_gets_back_the_room_that_it_is_now(world: World) -> None:
    record, room, case = await asked_to_lead(world)
    before = dict(world.homeserver.levels[room]["users"])
    await world.say("tom", f"!policy accept {record}")
    home = world.homeserver
    home.levels[NEW] = {**home.levels[room], "users": dict(home.levels[room]["users"])}
    home.versions[NEW] = "11"
    home.rooms.creators[NEW] = (BOT,)
    home.rooms.predecessors[NEW] = room
    home.rooms.state[NEW] = {}
    home.rooms.members[NEW] = {user("tom"): "join"}
    home.levels[NEW]["users"][user("tom")] = 100
    content = {"body": "moved", "replacement_room": NEW}
    home.rooms.state.setdefault(room, {})["m.room.tombstone"] = content
    await world.deliver(
        type="m.room.tombstone", room_id=room, sender=user("tom"), state_key="", content=content
    )
    await world.tick(seconds=15)
    assert (await filing_of(world, record)).room_id == NEW
    await world.say("anna", f"!policy appeal {case} I was in hospital and have a deputy")
    await review(world, "ravi", f"!policy overturn {case} The owner was ill, and it was known to us")
    assert (await filing_of(world, record)).applicant == user("anna")
    assert home.levels[NEW]["users"][user("anna")] == before[user("anna")]


async def test_a_room_that_is_filed_anew_and_taken_over_keeps_its_history(any_world: World) -> None:
    world = any_world
    await a_room(world)
    number = await filed(world, adopt=False)
    await world.review("ravi", f"!policy approve {number}")
    case = await reported_room(world)
    await review(
        world,
        "mira",
        f"!policy decide {case} R3 S2 warn Cards were offered there once // No other way",
    )
    await world.tick(days=20)
    await _revoke(world, (await filing_of(world, number)).number, "Nobody answers for it at the moment")
    again = await filed(world)
    await world.review("ravi", f"!policy approve {again}")
    room = (await filing_of(world, again)).room_id
    assert room != world.room
    second = await reported_room(world, room)
    assert f"counted: {case}" in await review(world, "mira", f"!policy propose {second} R3 S2")


async def test_what_waits_for_a_second_person_when_a_room_moves_is_proposed_anew(world: World) -> None:
    await world.governed_room()
    case = await reported_room(world)
    text = f"!policy decide {case} R3 S3 suspend:P7D Cards were sold there for weeks // No other way"
    code = find(r"(?<=!policy confirm )\w+", await review(world, "mira", text))
    await moved(world)
    assert "no longer fits" in await review(world, "otto", f"!policy confirm {code}")
    await review(world, "otto", f"!policy deny {code}")
    await suspended_after(world, case, "P7D")
    assert FreezeRoom(NEW) in world.homeserver.performed


async def test_a_room_that_could_not_be_followed_keeps_its_history_where_it_is(world: World) -> None:
    await world.governed_room()
    case = await reported_room(world)
    await review(
        world,
        "mira",
        f"!policy decide {case} R3 S2 warn Cards were offered there once // No other way",
    )
    a_copy(world, {"m.room.encryption": {"algorithm": "m.megolm.v1.aes-sha2"}})
    await replaced(world)
    async with world.database.transaction(reading=True) as tx:
        assert await moves.now(tx, world.room) == world.room
    again = await reported_room(world)
    assert f"counted: {case}" in await review(world, "mira", f"!policy propose {again} R3 S2")


async def test_the_way_of_a_room_ends_however_often_it_moved(any_world: World) -> None:
    async with any_world.database.transaction() as tx:
        for former, successor in ("ab", "bc", "de", "ed"):
            await moves.made(tx, f"!{former}:x", f"!{successor}:x")
    async with any_world.database.transaction(reading=True) as tx:
        assert await moves.now(tx, "!a:x") == "!c:x"
        assert await moves.now(tx, "!c:x") == "!c:x"
        assert await moves.now(tx, "!d:x") in ("!d:x", "!e:x"), "a circle ends too"


# Rooms that are gone -------------------------------------------------------------------------------


async def test_a_deleted_room_is_not_looked_at_and_nobody_is_asked_to_invite_me(world: World) -> None:
    await deleted(world)
    world.homeserver.rooms.members.setdefault(world.room, {})[BOT] = "leave"
    looked_at = len(world.homeserver.looked)
    for _ in range(3):
        await world.tick(hours=7)
    assert len(world.homeserver.looked) == looked_at
    assert await differs(world) == []
    assert not any("invite" in text for text in world.told("anna")[-3:])


# Measures and those who undo them -------------------------------------------------------------------


async def test_a_hold_that_somebody_undoes_is_set_right_and_nothing_is_left_after_it(
    any_world: World,
) -> None:
    world, home = any_world, any_world.homeserver
    record, _ = await held(world)
    home.levels[world.room] |= {"events_default": 0}
    home.directory.add(world.room)
    home.banners.clear()
    await world.tick(hours=7)
    await world.tick(minutes=2)
    assert home.levels[world.room]["events_default"] == 100
    assert world.room not in home.directory
    assert "on hold" in home.banners[world.room]
    said = [text for text in world.in_review() if "is not pinned any more" in text]
    assert len(said) == 1
    assert "I set it right" in said[0]
    assert await differs(world) == []
    await world.tick(hours=72)
    assert home.banners == {}
    assert home.levels[world.room]["events_default"] == 0
    assert world.room in home.directory
    assert home.labels[world.room] == record


# Drafts --------------------------------------------------------------------------------------------


async def test_a_draft_is_no_application_to_those_who_look_for_unfiled_rooms(
    tmp_path: Path, database_url: str
) -> None:
    async with looked(tmp_path, [anna()], UNPUBLISH, database_url) as it:
        it.world.homeserver.levels["!garden:example.org"] = {"users": {user("anna"): 100}}
        await form(it.world)
        await it.scan()
        (room,) = (await it.known()).values()
        assert room.applied == ""
        assert any("without being filed" in text for text in it.world.told("anna"))


async def test_drafts_take_nobodys_place_where_a_room_is_taken_over(world: World) -> None:
    record = await world.governed_room()
    await world.verified("tom")
    for n in range(world.config.filing.rooms_per_person):
        world.homeserver.levels[f"!draft{n}:example.org"] = {"users": {user("tom"): 100}}
        await form(world, "tom", "new")
    await world.say("anna", f"!policy transfer {record} {user('tom')}")
    assert "You answer for" in await world.say("tom", f"!policy accept {record}")


# Who answers ---------------------------------------------------------------------------------------


async def test_a_deputy_who_could_not_accept_is_asked_again_once_the_room_is_free(
    any_world: World,
) -> None:
    world = any_world
    record = await agreed(world)
    await world.verified("tom")
    await left(world, "anna")
    await world.tick(minutes=1)
    assert len(asked(world)) == 1
    await suspended(world, "suspend:P14D")
    assert "cannot be handed over now" in await world.say("tom", f"!policy accept {record}")
    await world.tick(days=8)
    await world.tick(minutes=1)
    assert (await filing_of(world, record)).deputy == user("tom"), "it was not theirs to answer"
    await world.tick(days=7)
    await world.tick(minutes=1)
    assert len(asked(world)) == 2
    assert "You answer for" in await world.say("tom", f"!policy accept {record}")
    assert await vacancy_of(world, record) is None


async def test_an_owner_who_comes_back_by_an_appeal_ends_what_was_asked_of_others(world: World) -> None:
    record, room, case = await asked_to_lead(world)
    await world.say("tom", f"!policy accept {record}")
    assert await found(world, "tom") == [record]
    await world.say("tom", f"!policy deputy {record} {user('anna')}")
    await world.say("anna", f"!policy accept {record}")
    await world.deliver(
        type="m.room.member",
        room_id=room,
        sender=user("tom"),
        state_key=user("tom"),
        content={"membership": "leave"},
    )
    await world.tick(minutes=1)
    vacancy = await vacancy_of(world, record)
    assert vacancy is not None
    assert vacancy.stage is Stage.ASKED
    await world.say("anna", f"!policy appeal {case} I was in hospital and have a deputy")
    await review(world, "ravi", f"!policy overturn {case} The owner was ill, and it was known to us")
    filing = await filing_of(world, record)
    assert (filing.applicant, filing.deputy) == (user("anna"), None)
    assert await vacancy_of(world, record) is None
    async with world.database.transaction(reading=True) as tx:
        assert await filings.transfer(tx, filing.id) is None
    assert await found(world, "anna") == [record]
    assert await found(world, "tom") == []


async def test_a_deputy_who_becomes_the_owner_by_decision_is_no_deputy_any_more(world: World) -> None:
    record, _, _ = await asked_to_lead(world)
    await world.say("anna", f"!policy deputy {record} {user('tom')}")
    assert "you are the deputy" in await world.say("tom", f"!policy accept {record}")
    assert "You answer for" in await world.say("tom", f"!policy accept {record}")
    filing = await filing_of(world, record)
    assert (filing.applicant, filing.deputy) == (user("tom"), None)


async def test_nobody_gets_more_rooms_than_one_may_by_another_account(tmp_path: Path) -> None:
    changes: dict[str, Any] = {"filing.rooms_per_person": 1}
    async with make_world(tmp_path, **changes) as world:
        record = await world.governed_room()
        await world.governed_room("tom", "!roses:example.org")
        object.__setattr__(world.config.identity, "accounts_per_person", 2)
        await link_to(world, "thomas", "tom")
        await world.say("thomas", f"!policy agree {world.config.agreement.version}")
        await world.say("anna", f"!policy transfer {record} {user('thomas')}")
        assert "you have as many" in await world.say("thomas", f"!policy accept {record}")


async def test_a_suspended_room_is_not_called_public_where_its_owner_lapses(world: World) -> None:
    record = await world.governed_room()
    await suspended(world, "suspend:P30D")
    await lapse(world, "anna")
    await world.tick(minutes=1)
    assert f"Your room {record} is suspended, and nobody verified" in world.told("anna")[-1]
    assert not any(f"{record} is public" in text for text in world.told("anna"))


# What everybody reads ------------------------------------------------------------------------------


async def test_a_suspension_after_a_hold_is_told_to_everybody(any_world: World) -> None:
    world = any_world
    record, case = await held(world)
    await world.tick(hours=24)
    await suspended_after(world, case, "P7D")
    states = await history(world, record)
    assert [state for state, _ in states][:3] == ["suspended", "suspended", "approved"]
    assert states[0][1] == "by decision"
    assert "on hold" in states[1][1]
    await world.tick(days=8)
    assert [state for state, _ in await history(world, record)].count("approved") == 2


async def test_everybody_reads_since_when_somebody_else_answers(any_world: World) -> None:
    world = any_world
    record, _, _ = await asked_to_lead(world)
    await world.say("tom", f"!policy accept {record}")
    assert "somebody else answers for the room" in (await history(world, record))[0][1]
    assert (await filing_of(world, record)).state is State.APPROVED


# Applications --------------------------------------------------------------------------------------


async def test_whoever_only_wrote_a_draft_for_a_room_reads_nothing_that_its_owner_was_asked(
    any_world: World,
) -> None:
    world = any_world
    await world.verified("tom")
    world.homeserver.levels[world.room] = {"users": {user("anna"): 100, user("tom"): 100}}
    await invited(world, "tom")
    await form(world, "tom")
    await world.governed_room()
    case = await reported_room(world)
    await review(world, "mira", f"!policy cure {case} P7D Please take the card numbers out")
    async with world.database.transaction(reading=True) as tx:
        part = next(part for part in exports.OF_ACCOUNT if part.name == "cures")
        assert await exports.rows(tx, part, user("tom")) == []
        assert len(await exports.rows(tx, part, user("anna"))) == 1


async def test_the_card_of_a_room_that_could_not_be_taken_in_asks_for_a_review_again(
    world: World,
) -> None:
    await a_room(world)
    number = await filed(world)
    world.homeserver.refuses[CarryOver] = "403 M_FORBIDDEN"
    await world.review("ravi", f"!policy approve {number}")
    (card,) = [text for text in world.in_review() if text.startswith(f"Filing {number}")]
    assert "being reviewed" in card
    assert "With: nobody" in card
    assert f"!policy approve {number}" in card


async def test_a_room_that_is_suspended_is_not_shown_by_filing_it_anew(world: World) -> None:
    record = await world.governed_room()
    await suspended(world, "suspend:P30D")
    await _revoke(world, record, "Nobody answers for it at the moment")
    again = find(r"F-\d+", await world.say("anna", f"!policy file {world.room} general Neighbours talk"))
    answer = await review(world, "ravi", f"!policy approve {again}")
    assert "C-1" in answer
    assert "still binds" in answer
    assert world.room not in world.homeserver.directory
    await world.tick(days=31)
    assert "is approved" in await review(world, "ravi", f"!policy approve {again}")
    assert world.room in world.homeserver.directory
