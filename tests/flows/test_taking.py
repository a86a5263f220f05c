"""Taking a room in: made, taken over or shared; whatever breaks, it is whole or as it was."""

from copy import deepcopy
from typing import Any

import pytest

from policybot.domain.effects import Effect, TakeSeat
from policybot.domain.filing import Filing
from policybot.domain.rank import Control, control
from policybot.domain.showing import Publish, SetLabel
from policybot.domain.taking import (
    CarryOver,
    InviteMembers,
    MakeRoom,
    MoveAliases,
    ReturnAliases,
    Tombstone,
    UnmakeRoom,
)
from policybot.store import audit, filings, outbox
from policybot.store.database import Tx
from tests.world import BOT, World, find, user

PURPOSE = "Neighbours talk of gardens"
GARDEN = "#garden:example.org"
STEPS: list[type[Effect]] = [MakeRoom, CarryOver, MoveAliases, Tombstone]


class Crash(BaseException):
    """The process is gone, in the middle of whatever it did."""


async def a_room(world: World, version: str = "11") -> None:
    """Anna's room, with everything that can be carried over."""
    home, room = world.homeserver, world.room
    await world.verified("anna")
    home.versions[room] = version
    owner = {} if version == "12" else {user("anna"): 100}
    bot = {BOT: 150} if version == "12" else {}
    home.levels[room] = {
        "users": owner | bot | {user("tom"): 50},
        "events": {"m.room.power_levels": 100, "m.room.tombstone": 150 if version == "12" else 100},
    }
    home.rooms.creators[room] = (user("anna"),)
    home.rooms.state[room] = {
        "m.room.name": {"name": "Garden"},
        "m.room.topic": {"topic": "Of roses"},
        "m.room.avatar": {"url": "mxc://example.org/rose"},
        "m.room.join_rules": {"join_rule": "public"},
        "m.room.history_visibility": {"history_visibility": "shared"},
        "m.room.canonical_alias": {"alias": GARDEN},
    }
    members = {user("anna"): "join", user("tom"): "join", BOT: "join"}
    home.rooms.members[room] = members | {user("eve"): "ban", user("zoe"): "invite"}
    home.rooms.addresses[GARDEN] = room
    world.aliases[GARDEN] = room


async def filed(world: World, *, adopt: bool = True) -> str:
    answer = await world.say("anna", f"!policy file {GARDEN} general {PURPOSE}")
    number = find(r"F-\d+", answer)
    if adopt:
        assert "new room" in await world.say("anna", f"!policy adopt {number}")
    return number


async def filing_of(world: World, number: str) -> Filing:
    async with world.database.transaction() as tx:
        found = await filings.get(tx, number)
    assert found is not None
    return found


async def counts(world: World) -> dict[str, int]:
    async with world.database.transaction() as tx:
        assert isinstance([step async for step in audit.verify(tx)][-1], int)
        return await outbox.counts(tx)


def done(world: World, kind: type[Effect]) -> int:
    return sum(isinstance(effect, kind) for effect in world.homeserver.performed)


def picture(world: World, room: str) -> Any:
    """Everything about a room that must be as it was."""
    home = world.homeserver
    led = sorted(alias for alias, where in home.rooms.addresses.items() if where == room)
    return deepcopy((home.levels[room], home.rooms.state[room], home.rooms.members[room], led))


def whole(world: World, new: str) -> None:
    """Check that the new room is all that the old one was, and that the old one leads there."""
    rooms = world.homeserver.rooms
    old = rooms.state[world.room]
    assert old["m.room.tombstone"]["replacement_room"] == new
    assert rooms.addresses[GARDEN] == new
    for kind in ("m.room.name", "m.room.topic", "m.room.avatar", "m.room.canonical_alias"):
        assert rooms.state[new][kind] == old[kind]
    assert rooms.state[new]["m.room.join_rules"] == {"join_rule": "public"}
    levels = rooms.levels_of(new)
    assert control(levels, BOT) is Control.ADOPTED
    assert levels.of(user("anna")) == 99
    assert levels.of(user("tom")) == 50
    members = rooms.members[new]
    assert members[user("eve")] == "ban"
    assert {members[user(who)] for who in ("anna", "tom", "zoe")} == {"invite"}
    assert new in world.homeserver.directory
    assert world.room not in world.homeserver.directory
    assert new in world.homeserver.labels
    made = [room for room, creators in rooms.creators.items() if creators == (BOT,)]
    made = [room for room in made if room in rooms.members]
    assert made == [new], "one room, not two"


# The three ways ------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["10", "11", "12"])
async def test_a_room_is_taken_over_by_a_new_one(any_world: World, version: str) -> None:
    world = any_world
    await a_room(world, version)
    number = await filed(world)
    card = world.in_review()[-1]
    assert "adopted" in card
    assert "the owner too" in card
    answer = await world.review("ravi", f"!policy approve {number}")
    record = find(r"PB-\d{4}-\d{6}-\w\w", answer)
    filing = await filing_of(world, record)
    whole(world, filing.room_id)
    assert filing.room_id != world.room
    assert done(world, TakeSeat) == 0, "nothing is taken in the old room"
    assert filing.room_id in world.told("anna")[-1]
    assert await counts(world) == {"waiting": 0, "dead": 0}
    assert "anna" in await world.say("lea", f"!policy lookup {filing.room_id}")
    assert "Control: adopted" in await world.review("ravi", f"!policy show {record}")


async def test_a_room_is_made_for_somebody_who_has_none(any_world: World) -> None:
    world = any_world
    await world.verified("anna")
    answer = await world.say("anna", f"!policy file new general {PURPOSE}")
    number = find(r"F-\d+", answer)
    assert "power level 50" in answer
    assert "you included" in answer
    assert "Room: to be made" in world.in_review()[-1]
    await world.review("ravi", f"!policy approve {number}")
    filing = await filing_of(world, number)
    rooms = world.homeserver.rooms
    levels = rooms.levels_of(filing.room_id)
    assert control(levels, BOT) is Control.CREATED
    assert levels.of(user("anna")) == 50
    assert rooms.members[filing.room_id][user("anna")] == "invite"
    assert rooms.state[filing.room_id]["m.room.name"] == {"name": PURPOSE}
    assert filing.room_id in world.homeserver.directory
    assert "invited you" in world.told("anna")[-1]
    second = await world.say("anna", f"!policy file new general {PURPOSE}")
    assert "Your filing is in" in second, "several rooms can wait to be made"


async def test_a_room_stays_as_it_is_unless_its_owner_says_otherwise(world: World) -> None:
    await a_room(world)
    number = await filed(world)
    assert "stays yours" in await world.say("anna", f"!policy adopt {number} cancel")
    assert "!policy adopt NUMBER cancel" in await world.say("anna", f"!policy adopt {number} perhaps")
    assert "members can be restricted, the owner only" in world.in_review()[-1]
    await world.review("ravi", f"!policy approve {number}")
    assert (await filing_of(world, number)).room_id == world.room
    assert done(world, MakeRoom) == 0
    assert "before it is decided" in await world.say("anna", f"!policy adopt {number}")
    assert "no filing" in await world.say("tom", f"!policy adopt {number}")


async def test_in_version_12_the_owner_is_asked_for_the_rank_that_nobody_can_lend(world: World) -> None:
    await a_room(world, "12")
    world.homeserver.levels[world.room]["users"][BOT] = 100
    await world.deliver(
        type="m.room.member",
        room_id=world.room,
        sender=user("anna"),
        state_key=BOT,
        content={"membership": "invite"},
    )
    number = await filed(world, adopt=False)
    answer = await world.say("anna", f"!policy adopt {number}")
    assert "power level 150" in answer
    assert BOT in answer
    assert (await filing_of(world, number)).control is Control.SHARED


# What breaks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", range(8))
async def test_killed_after_any_step_it_goes_on_and_ends_the_same(any_world: World, after: int) -> None:
    """The homeserver has done it, and we die before we could note that."""
    world = any_world
    await a_room(world)
    number = await filed(world)
    left = [after]

    def crash(_: Effect) -> None:
        left[0] -= 1
        if left[0] < 0:
            world.homeserver.before_answer = None
            raise Crash

    world.homeserver.before_answer = crash
    with pytest.raises((Crash, BaseExceptionGroup)):
        await world.review("ravi", f"!policy approve {number}")
        await world.work()
        raise Crash
    world.homeserver.before_answer = None
    world.clock.pass_time(seconds=20)
    await world.work()
    whole(world, (await filing_of(world, number)).room_id)
    assert await counts(world) == {"waiting": 0, "dead": 0}
    told = [text for text in world.told("anna") if "approved under the record number" in text]
    assert len(told) == 1


@pytest.mark.parametrize("step", STEPS)
async def test_a_step_that_is_refused_takes_back_what_was_done_before_it(
    any_world: World, step: type[Effect]
) -> None:
    world = any_world
    await a_room(world)
    number = await filed(world)
    before = picture(world, world.room)
    world.homeserver.refuses[step] = "403 M_FORBIDDEN not today"
    await world.review("ravi", f"!policy approve {number}")
    assert picture(world, world.room) == before
    filing = await filing_of(world, number)
    assert filing.in_words == "being reviewed"
    assert filing.room_id == world.room
    assert world.homeserver.directory == set()
    assert world.homeserver.labels == {}
    assert [alias for alias in world.homeserver.rooms.addresses if "_policybot" in alias] == []
    for said in (world.told("anna")[-1], world.in_review()[-1]):
        assert "not today" in said
        assert "The old room is as it was" in said
    assert await counts(world) == {"waiting": 0, "dead": 0}
    assert done(world, UnmakeRoom) == 1
    assert done(world, ReturnAliases) == (step in (MoveAliases, Tombstone))
    # Mended, it is approved again, under the same number.
    del world.homeserver.refuses[step]
    answer = await world.review("ravi", f"!policy approve {number}")
    assert filing.record_number is not None
    assert filing.record_number in answer
    whole(world, (await filing_of(world, number)).room_id)


@pytest.mark.parametrize(
    "kind",
    ["m.room.name", "m.room.topic", "m.room.avatar", "m.room.join_rules", "m.room.history_visibility"],
)
async def test_one_refused_state_event_is_named_to_owner_and_reviewers(world: World, kind: str) -> None:
    await a_room(world)
    number = await filed(world)
    before = picture(world, world.room)
    world.homeserver.rooms.refused.add(kind)
    await world.review("ravi", f"!policy approve {number}")
    assert picture(world, world.room) == before
    assert kind in world.told("anna")[-1]
    assert kind in world.in_review()[-1]


@pytest.mark.parametrize("step", STEPS)
async def test_kicked_from_the_old_room_in_the_middle_it_is_as_it_was(
    world: World, step: type[Effect]
) -> None:
    await a_room(world)
    number = await filed(world)
    home = world.homeserver

    def kick(effect: Effect) -> None:
        if isinstance(effect, step):
            home.rooms.members[world.room][BOT] = "leave"

    home.before_answer = kick
    await world.review("ravi", f"!policy approve {number}")
    filing = await filing_of(world, number)
    if step is Tombstone:
        assert filing.room_id != world.room, "too late: the new room is whole"
        return
    assert filing.room_id == world.room
    assert home.rooms.addresses[GARDEN] == world.room
    assert "m.room.tombstone" not in home.rooms.state[world.room]
    assert "not in" in world.told("anna")[-1]


async def test_revoked_in_the_middle_nobody_is_sent_over(world: World) -> None:
    await a_room(world)
    number = await filed(world)
    before = picture(world, world.room)

    async def revoke(tx: Tx) -> None:
        filing = await filings.get(tx, number)
        assert filing is not None
        await world.app.services.filings.revoked(tx, user("otto"), filing, "It was a mistake of ours")

    world.homeserver.away = True
    await world.review("ravi", f"!policy approve {number}")
    async with world.database.transaction() as tx:
        await revoke(tx)
    world.homeserver.away = False
    world.clock.pass_time(minutes=1)
    await world.work()
    assert picture(world, world.room) == before
    assert done(world, UnmakeRoom) == 1
    assert done(world, CarryOver) == 0
    assert (await filing_of(world, number)).in_words == "revoked"


async def test_in_a_dry_run_no_room_is_made(world: World) -> None:
    await a_room(world)
    number = await filed(world)
    world.config.dry_run = True
    await world.review("ravi", f"!policy approve {number}")
    assert done(world, MakeRoom) == 0
    world.config.dry_run = False


async def test_a_room_with_ten_thousand_members_goes_over_in_few_steps(world: World) -> None:
    await a_room(world)
    crowd = {f"@guest{n}:example.org": "join" for n in range(10_000)}
    world.homeserver.rooms.members[world.room] |= crowd
    number = await filed(world)
    await world.review("ravi", f"!policy approve {number}")
    new = (await filing_of(world, number)).room_id
    whole(world, new)
    assert len(world.homeserver.performed) < 40
    assert len(world.homeserver.rooms.members[new]) < 10, "a sign leads the many, the few are invited"


async def test_the_members_of_a_smaller_room_are_all_invited_in_pages(world: World) -> None:
    await a_room(world)
    crowd = {f"@guest{n}:example.org": "join" for n in range(450)}
    world.homeserver.rooms.members[world.room] |= crowd
    number = await filed(world)
    await world.review("ravi", f"!policy approve {number}")
    new = (await filing_of(world, number)).room_id
    whole(world, new)
    assert crowd.keys() <= world.homeserver.rooms.members[new].keys()
    assert done(world, InviteMembers) == 5
    assert done(world, Publish) == done(world, SetLabel) == 1


# What is looked at before --------------------------------------------------------------------------


async def refusal(world: World, who: str = "anna", room: str = GARDEN) -> str:
    answer = await world.say(who, f"!policy file {room} general {PURPOSE}")
    async with world.database.transaction() as tx:
        assert await filings.of_applicant(tx, user(who)) == []
    return answer


async def test_a_room_that_is_not_there_or_not_seen_is_answered_alike(world: World) -> None:
    await world.verified("anna")
    unseen = await refusal(world, room="!diary:example.org")
    assert "not in that room yet, if it exists" in unseen
    assert "do not find a room" in await refusal(world, room="#nowhere:example.org")
    assert "is no room" in await refusal(world, room="garden")
    assert "is no room" in await refusal(world, room="!" + "x" * 300)
    assert "not in that room" in await refusal(world, room="!../../_synapse/admin:example.org")


async def test_an_encrypted_room_is_told_so_with_the_way_round(world: World) -> None:
    await a_room(world)
    world.homeserver.rooms.state[world.room]["m.room.encryption"] = {"algorithm": "x"}
    answer = await refusal(world)
    assert "encrypted" in answer
    assert "!policy file new" in answer


async def test_a_room_that_was_replaced_is_told_with_its_successor(world: World) -> None:
    await a_room(world)
    world.homeserver.rooms.state[world.room]["m.room.tombstone"] = {"replacement_room": "!n:example.org"}
    assert "file !n:example.org instead" in await refusal(world)
    world.homeserver.rooms.state[world.room]["m.room.tombstone"] = {}
    assert "cannot be filed" in await refusal(world)


async def test_a_room_of_a_version_that_nobody_knows_is_not_guessed_at(world: World) -> None:
    await a_room(world)
    world.homeserver.versions[world.room] = "org.example.v99"
    assert "rules I do not know" in await refusal(world)


@pytest.mark.parametrize("who", ["tom", "lea"])
async def test_only_an_owner_files_a_room(world: World, who: str) -> None:
    await a_room(world)
    await world.verified(who)
    assert "Only somebody who owns a room" in await refusal(world, who)


async def test_a_moderator_under_an_owner_does_not_own_the_room(world: World) -> None:
    await a_room(world)
    world.homeserver.levels[world.room]["events"]["m.room.power_levels"] = 50
    await world.verified("tom")
    assert "Only somebody who owns a room" in await refusal(world, "tom")


async def test_a_room_is_filed_once_whatever_alias_it_is_called_by(world: World) -> None:
    await a_room(world)
    number = await filed(world, adopt=False)
    world.aliases["#roses:example.org"] = world.room
    answer = await world.say("anna", f"!policy file #roses:example.org general {PURPOSE}")
    assert f"filed this room already: {number}" in answer


async def test_of_two_owners_who_file_the_same_room_one_is_told(any_world: World) -> None:
    world = any_world
    await a_room(world)
    world.homeserver.levels[world.room]["users"][user("tom")] = 100
    await world.verified("tom")
    await filed(world, adopt=False)
    answer = await world.say("tom", f"!policy file {GARDEN} general {PURPOSE}")
    assert "filed by somebody else" in answer
    # In the very same moment, the database decides.
    first = await filing_of(world, "F-1")
    async with world.database.transaction() as tx:
        twin = Filing(
            99, first.room_id, user("tom"), PURPOSE, ("general",), first.state, first.submitted_at
        )
        assert not await filings.add(tx, twin)


async def test_while_the_homeserver_is_away_nothing_is_filed_unseen(world: World) -> None:
    await a_room(world)
    direct = await world.direct("anna")
    world.homeserver.away = True
    await world.message("anna", f"!policy file {GARDEN} general {PURPOSE}", direct)
    world.homeserver.away = False
    world.clock.pass_time(minutes=1)
    await world.work()
    assert any("try again in a minute" in text for _, text in world.homeserver.said.values())
    async with world.database.transaction() as tx:
        assert await filings.of_applicant(tx, user("anna")) == []


# Measures on rooms ---------------------------------------------------------------------------------


async def decided(world: World, case: str, measure: str) -> None:
    facts = "The room agreed to hunt a neighbour down // No other way"
    answer = await world.review("mira", f"!policy decide {case} R2 S4 {measure} {facts}")
    if "!policy confirm" in answer:
        code = find(r"(?<=!policy confirm )\w+", answer)
        await world.review("otto", f"!policy confirm {code}")


async def test_a_room_is_closed_in_the_operators_words_and_opened_exactly(world: World) -> None:
    await world.governed_room()
    await world.say("lea", f"!policy report {world.room} R2 The whole room hunts a neighbour")
    await decided(world, "C-1", "close")
    home = world.homeserver
    assert world.room in home.closed
    assert home.levels[world.room]["events_default"] == 100
    assert any(where == world.room and "was closed by" in text for where, text in home.said.values())
    assert any("@anna:example.org ranks as high as I do" in text for text in world.in_review())
    await world.review("mira", "!policy lift C-1 They have mended all of it together")
    assert world.room not in home.closed
    assert home.levels[world.room]["events_default"] == 0
    assert world.room in home.directory


async def test_in_a_restricted_room_its_moderators_write(world: World) -> None:
    await world.governed_room()
    await world.say("lea", f"!policy report {world.room} R2 The whole room hunts a neighbour")
    await decided(world, "C-1", "restrict:P3D")
    assert world.homeserver.levels[world.room]["events_default"] == 50
    assert world.room in world.homeserver.directory
    await world.tick(days=4)
    assert world.homeserver.levels[world.room]["events_default"] == 0


async def test_where_the_bot_has_no_rank_a_measure_on_the_room_is_refused_with_the_way_round(
    world: World,
) -> None:
    await world.governed_room()
    levels = {"users": {user("anna"): 100, BOT: 0}}
    await world.deliver(
        type="m.room.power_levels",
        room_id=world.room,
        sender=user("anna"),
        state_key="",
        content=levels,
    )
    await world.say("lea", f"!policy report {world.room} R2 The whole room hunts a neighbour")
    answer = await world.review("mira", "!policy decide C-1 R2 S4 proposed They hunt a neighbour down")
    assert "no rank" in answer
    assert "power level 100" in answer
