"""A filed room that its owner replaces: the filing goes on in the new room, or nothing is moved."""

from collections.abc import AsyncIterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from policybot.domain.drift import Kind
from policybot.domain.room_measure import FreezeRoom
from policybot.domain.showing import Publish
from policybot.domain.upgrade import FollowUpgrade
from policybot.store import filings, rooms, standing
from tests.flows.test_drift import SHOWN, differs, record_of
from tests.flows.test_labels import suspended
from tests.flows.test_taking import Crash
from tests.world import BOT, World, user
from tests.world import world as make_world

NEW = "!tulips:example.org"


@pytest.fixture
async def worded(tmp_path: Path) -> AsyncIterator[World]:
    """A world in which a room is filed."""
    async with make_world(tmp_path, **SHOWN) as made:
        made.homeserver.topics[made.room] = "All about gardens"
        await made.governed_room()
        await made.tick()
        yield made


def a_copy(world: World, state: dict[str, Any] | None = None, *, version: str = "11") -> None:
    """Make a room as an upgrade does: with the power levels, topic and bans of the old one."""
    home = world.homeserver
    home.levels[NEW] = deepcopy(home.levels[world.room])
    home.versions[NEW] = version
    home.rooms.creators[NEW] = (user("anna"),)
    home.rooms.predecessors[NEW] = world.room
    home.rooms.state[NEW] = dict(state or {})
    home.rooms.members[NEW] = {user("anna"): "join"}
    home.topics[NEW] = home.topics.get(world.room, "")
    if world.room in home.acls:
        home.acls[NEW] = deepcopy(home.acls[world.room])
    home.banned |= {(NEW, who) for where, who in home.banned if where == world.room}
    for alias, where in home.aliases.items():
        if where == world.room:
            home.aliases[alias] = NEW


async def replaced(world: World, to: Any = NEW) -> None:
    """Let the old room be closed with a sign to another one, and the clock strike."""
    content = {"body": "moved", "replacement_room": to}
    world.homeserver.rooms.state.setdefault(world.room, {})["m.room.tombstone"] = content
    await world.deliver(
        type="m.room.tombstone",
        room_id=world.room,
        sender=user("anna"),
        state_key="",
        content=content,
    )
    await world.tick(seconds=15)


async def room_of(world: World) -> str:
    record = await record_of(world)
    async with world.database.transaction(reading=True) as tx:
        filing = await filings.get(tx, record)
    assert filing is not None
    return filing.room_id


async def test_a_filing_follows_its_room_with_all_that_it_shows(
    tmp_path: Path, database_url: str
) -> None:
    async with make_world(tmp_path, database_url, **SHOWN) as world:
        world.homeserver.topics[world.room] = "All about gardens"
        await world.governed_room()
        await world.tick()
        await _followed(world)


async def _followed(worded: World) -> None:
    home, record = worded.homeserver, await record_of(worded)
    a_copy(worded)
    await replaced(worded)
    assert await room_of(worded) == NEW
    assert home.directory == home.network == {NEW}
    assert home.contents[NEW]["record_number"] == record
    assert home.contents[worded.room] == {}
    assert home.aliases == {f"#_policybot_{record}:example.org": NEW}
    assert home.topics[NEW] == f"All about gardens\nFiled: {record}", "the line is there once"
    assert home.topics[worded.room] == "All about gardens"
    assert (home.pinned[worded.room], len(home.pinned[NEW])) == ([], 1)
    assert f"goes on in {NEW}" in worded.in_review()[-1]
    assert NEW in worded.told("anna")[-1]
    await worded.tick(hours=6)
    assert await differs(worded, NEW) == []
    await worded.tick(days=366)
    assert home.topics[NEW] == "All about gardens", "and the line goes with the approval"


async def test_a_suspended_room_is_suspended_in_the_new_one_and_both_get_back_what_they_had(
    worded: World,
) -> None:
    home = worded.homeserver
    await suspended(worded, "proposed")
    a_copy(worded, version="12")
    del home.levels[NEW]["users"][user("anna")]
    await replaced(worded)
    assert await room_of(worded) == NEW
    assert FreezeRoom(NEW) in home.performed
    assert (home.directory, home.contents[NEW], home.aliases) == (set(), {}, {})
    assert "suspended" in await worded.say("lea", f"!policy lookup {await record_of(worded)}")
    await worded.tick(days=31)
    for room in (NEW, worded.room):
        assert home.levels[room].get("events_default", 0) == 0
    assert home.directory == {NEW}, "the old one is not shown again"
    assert home.contents[NEW]["record_number"] == await record_of(worded)
    assert len(home.pinned[NEW]) == 1


async def test_a_new_room_that_is_not_a_copy_gets_back_what_it_had_itself(worded: World) -> None:
    home = worded.homeserver
    await suspended(worded, "proposed")
    a_copy(worded)
    home.levels[NEW] = {"users": {user("anna"): 100, BOT: 100}, "events_default": 10}
    await replaced(worded)
    assert home.levels[NEW]["events_default"] == 100
    await worded.tick(days=31)
    assert home.levels[NEW]["events_default"] == 10


async def test_a_members_measure_moves_along_and_ends_in_both(worded: World) -> None:
    home = worded.homeserver
    await worded.decided(await worded.reported(), "restrict:P3D", confirm="otto")
    a_copy(worded)
    await replaced(worded)
    for room in (NEW, worded.room):
        assert home.levels[room]["users"][user("tom")] == -1
    await worded.tick(days=4)
    for room in (NEW, worded.room):
        assert user("tom") not in home.levels[room]["users"]


async def test_who_may_not_write_yet_may_not_in_the_new_room_and_may_once_they_have_signed(
    tmp_path: Path,
) -> None:
    category = {"id": "general", "title": "General", "front": "verified_required"}
    changes: dict[str, Any] = {"filing.categories": [category]}
    async with make_world(tmp_path, **changes) as world:
        await world.governed_room()
        await world.tick()
        await world.message("tom", "Hello", world.room)
        assert world.homeserver.levels[world.room]["users"][user("tom")] == -1
        a_copy(world)
        await replaced(world)
        async with world.database.transaction(reading=True) as tx:
            assert [r.room_id for r in await standing.of_account(tx, user("tom"))] == [NEW]
        assert user("tom") not in world.homeserver.levels[world.room]["users"]
        await world.verified("tom")
        assert user("tom") not in world.homeserver.levels[NEW]["users"]


# When it cannot be ----------------------------------------------------------------------------------


async def nothing_moved(world: World, why: str) -> None:
    """See that everything is as it was, and that both know why; and nobody is told twice."""
    home, record = world.homeserver, await record_of(world)
    assert await room_of(world) == world.room
    assert home.contents[world.room]["record_number"] == record
    assert world.room in home.directory
    assert await differs(world) == [Kind.REPLACED]
    assert why in world.in_review()[-1]
    assert why in world.told("anna")[-1]
    told = len(world.in_review())
    await world.tick(hours=6)
    assert len(world.in_review()) == told


async def test_a_private_room_is_not_entered(worded: World) -> None:
    a_copy(worded, {"m.room.join_rules": {"join_rule": "invite"}})
    await replaced(worded)
    await nothing_moved(worded, "private or lives elsewhere")
    assert BOT not in worded.homeserver.rooms.members[NEW]
    worded.homeserver.rooms.state[NEW].clear()
    await worded.tick(hours=6)
    assert await room_of(worded) == NEW, "once it is mended it is followed by itself"


async def test_a_room_of_somebody_else_is_left_again(worded: World) -> None:
    a_copy(worded)
    worded.homeserver.rooms.predecessors[NEW] = "!other:example.org"
    await replaced(worded)
    await nothing_moved(worded, "does not name the old one")
    assert worded.homeserver.rooms.members[NEW][BOT] == "leave"


async def test_nobody_sends_the_bot_through_rooms_of_others_all_day(worded: World) -> None:
    """Each sign costs a room of somebody else's two events, and its members the sight of them."""
    home = worded.homeserver
    for n in range(14):
        victim = f"!victim{n}:example.org"
        home.levels[victim], home.rooms.creators[victim] = {"users": {}}, (user("tom"),)
        await replaced(worded, victim)
    entered = [room for room, members in home.rooms.members.items() if BOT in members]
    assert len([room for room in entered if "victim" in room]) == 10
    a_copy(worded)
    await replaced(worded)
    assert await room_of(worded) == worded.room
    await worded.tick(days=1)
    await worded.tick(hours=6)
    assert await room_of(worded) == NEW, "the day after it is followed by itself"


async def test_an_encrypted_room_is_not_followed(worded: World) -> None:
    a_copy(worded, {"m.room.encryption": {"algorithm": "m.megolm.v1.aes-sha2"}})
    await replaced(worded)
    await nothing_moved(worded, "is encrypted")


async def test_a_room_that_others_lead_is_not_followed(worded: World) -> None:
    a_copy(worded)
    worded.homeserver.levels[NEW]["users"] = {user("tom"): 100, BOT: 100}
    await replaced(worded)
    await nothing_moved(worded, f"{user('anna')}, who answers for the room, does not lead")


async def test_a_room_elsewhere_is_not_followed(worded: World) -> None:
    await replaced(worded, "!far:elsewhere.example")
    await nothing_moved(worded, "lives elsewhere")


async def test_a_room_that_is_filed_already_is_not_taken(worded: World) -> None:
    a_copy(worded)
    async with worded.database.transaction() as tx:
        await tx.execute(
            "INSERT INTO filings (id, room_id, applicant, purpose, categories, state, submitted_at)"
            " VALUES (99, $1, 'x', 'x', '[]', 'submitted', 0)",
            NEW,
        )
    await replaced(worded)
    await nothing_moved(worded, "filed already, as F-99")


async def test_the_review_room_and_chats_are_nobodys_successor(worded: World) -> None:
    for room in (f"!direct-{user('anna')}", worded.app.setting.review_room):
        await replaced(worded, room)
        assert await room_of(worded) == worded.room
    assert "use for something else" in worded.in_review()[-1]
    assert not [e for e in worded.homeserver.performed if isinstance(e, FollowUpgrade)]


@pytest.mark.parametrize("to", ["", "no room", "!" + "x" * 60_000, "!a b", None, 7, {"x": 1}])
async def test_a_sign_that_leads_nowhere_is_told(world: World, to: Any) -> None:
    await world.governed_room()
    await world.tick()
    await replaced(world, to if isinstance(to, str) else "")
    assert "leads to no other room" in world.in_review()[-1]
    assert len(world.in_review()[-1]) < 1000


async def test_a_sign_in_a_room_that_is_not_filed_means_nothing(world: World) -> None:
    await world.deliver(
        type="m.room.tombstone",
        room_id="!other:example.org",
        sender=user("anna"),
        state_key="",
        content={"replacement_room": NEW},
    )
    await world.tick(hours=6)
    assert world.homeserver.looked == []


async def test_a_dry_run_follows_nobody(tmp_path: Path) -> None:
    async with make_world(tmp_path) as world:
        await world.governed_room()
        await world.tick()
        object.__setattr__(world.config, "dry_run", True)
        a_copy(world)
        await replaced(world)
        assert await room_of(world) == world.room
        assert f"was replaced by {NEW}" in world.in_review()[-1]


async def test_a_kill_after_the_new_room_was_entered_leaves_nothing_half_done(worded: World) -> None:
    a_copy(worded)

    def killed(effect: Any) -> None:
        if isinstance(effect, FollowUpgrade):
            worded.homeserver.before_answer = None
            raise Crash

    worded.homeserver.before_answer = killed
    with pytest.raises((Crash, BaseExceptionGroup)):
        await replaced(worded)
        await worded.work()
        raise Crash
    worded.homeserver.before_answer = None
    worded.clock.pass_time(seconds=20)
    await worded.work()
    assert await room_of(worded) == NEW
    assert worded.homeserver.directory == {NEW}
    async with worded.database.transaction(reading=True) as tx:
        former = await rooms.get(tx, worded.room)
    assert former is not None
    assert former.kind is rooms.Kind.OTHER
    assert Publish(NEW) in worded.homeserver.performed
