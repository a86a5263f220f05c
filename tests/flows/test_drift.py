"""Rooms that differ from their filings: found, told once, set right where the operator wants that."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from policybot.domain.deviation import MOST
from policybot.domain.drift import Kind
from policybot.domain.effects import ExcludeMember
from policybot.domain.room_measure import CloseRoom, FreezeRoom
from policybot.domain.showing import AddAlias, Publish, SetLabel, ShowTopicLine
from policybot.store import drift, outbox
from tests.flows.test_labels import WORDS, everything_is_shown, suspended
from tests.world import BOT, World, user
from tests.world import world as make_world

LOOK: dict[str, float] = {"hours": 6}
SHOWN: dict[str, Any] = {"filing.shown": WORDS}
ONLY_LABELS: dict[str, Any] = {"filing.drift": {"repair": ["label"]}}


@pytest.fixture
async def worded(tmp_path: Path) -> AsyncIterator[World]:
    """A world whose operator shows words, and in which a room is filed and was looked at."""
    async with make_world(tmp_path, **SHOWN) as made:
        made.homeserver.topics[made.room] = "All about gardens"
        await made.governed_room()
        await made.tick()
        assert await differs(made) == []
        yield made


async def differs(world: World, room: str = "") -> list[Kind]:
    """Name what differs in a room now."""
    async with world.database.transaction(reading=True) as tx:
        found = await drift.of_room(tx, room or world.room)
    return sorted(kind for kind, deviation in found.items() if deviation.ended_at is None)


def about_drift(world: World) -> list[str]:
    """List what the review room read of it."""
    marks = ("Next:", "I set it right", "as it should be again", "within a day")
    return [
        text
        for text in world.in_review()
        if text.startswith("PB-") and any(mark in text for mark in marks)
    ]


async def record_of(world: World) -> str:
    async with world.database.transaction(reading=True) as tx:
        return str(
            await tx.value("SELECT record_number AS value FROM filings WHERE applicant LIKE '@anna%'")
        )


async def changed(world: World, kind: str, content: dict[str, Any], by: str = "anna") -> None:
    """Let somebody write a state event, which arrives, and let the clock strike."""
    world.homeserver.rooms.state.setdefault(world.room, {})[kind] = content
    await world.deliver(type=kind, room_id=world.room, sender=user(by), state_key="", content=content)
    await world.tick(seconds=15)


async def levels(world: World, **content: Any) -> None:
    """Let the owner write the power levels."""
    world.homeserver.levels[world.room] |= content
    await world.deliver(
        type="m.room.power_levels",
        room_id=world.room,
        sender=user("anna"),
        state_key="",
        content=world.homeserver.levels[world.room],
    )
    await world.tick(seconds=15)


# What a room shows ---------------------------------------------------------------------------------


async def test_a_room_that_was_taken_out_of_the_directory_is_back_after_a_look_and_all_are_told(
    worded: World,
) -> None:
    worded.homeserver.directory.clear()
    await worded.tick(**LOOK)
    record = await record_of(worded)
    assert everything_is_shown(worded, record)
    (said,) = about_drift(worded)
    assert said.startswith(f"{record} ({worded.room}): The room was taken out of the directory.")
    assert said.endswith("I set it right. Nothing is for you to do.")
    assert "taken out of the directory" in worded.told("anna")[-1]
    await worded.tick(minutes=1)
    assert await differs(worded) == []
    assert len(about_drift(worded)) == 1, "that it is right again was said"


async def test_what_a_room_shows_comes_back_whatever_was_taken(worded: World) -> None:
    home, record = worded.homeserver, await record_of(worded)
    home.contents[worded.room] = {}
    home.aliases.clear()
    home.topics[worded.room] = "Tulips"
    home.pinned[worded.room] = ["$other"]
    await worded.tick(**LOOK)
    assert home.contents[worded.room]["record_number"] == record
    assert home.aliases == {f"#_policybot_{record}:example.org": worded.room}
    assert home.topics[worded.room] == f"Tulips\nFiled: {record}"
    assert len(home.pinned[worded.room]) == 2
    await worded.tick(minutes=1)
    assert await differs(worded) == []
    assert len(about_drift(worded)) == 4, "each once"


async def test_who_uses_the_room_as_rooms_are_used_is_left_alone(worded: World) -> None:
    done = len(worded.homeserver.performed)
    home, record = worded.homeserver, await record_of(worded)
    home.topics[worded.room] = f"Tulips\nFiled: {record}\nand roses"
    await changed(worded, "m.room.name", {"name": "Tulips"})
    await levels(worded, users={user("anna"): 100, BOT: 100, user("tom"): 50}, events_default=10)
    home.pinned[worded.room].insert(0, "$other")
    await worded.tick(**LOOK)
    assert await differs(worded) == []
    assert len(home.performed) == done


async def test_a_hidden_room_that_somebody_shows_is_hidden_again(worded: World) -> None:
    home, record = worded.homeserver, await record_of(worded)
    await worded.tick(days=366)
    home.directory.add(worded.room)
    home.aliases[f"#_policybot_{record}:example.org"] = worded.room
    await worded.tick(**LOOK)
    assert worded.room not in home.directory
    assert home.aliases == {}
    assert await differs(worded) == [Kind.ALIAS, Kind.DIRECTORY]
    await worded.tick(minutes=1)
    assert await differs(worded) == []


async def test_an_alias_that_leads_elsewhere_is_told_and_not_taken(worded: World) -> None:
    record = await record_of(worded)
    worded.homeserver.aliases[f"#_policybot_{record}:example.org"] = "!other:example.org"
    await worded.tick(**LOOK)
    assert "leads to another room" in about_drift(worded)[-1]
    assert list(worded.homeserver.aliases.values()) == ["!other:example.org"]


# What people have to mend ---------------------------------------------------------------------------


async def test_a_join_rule_that_keeps_people_out_is_told_to_both_once_and_told_when_it_is_over(
    worded: World,
) -> None:
    for _ in range(3):
        await changed(worded, "m.room.join_rules", {"join_rule": "invite"})
    assert len(about_drift(worded)) == 1
    assert "its join rule is invite" in about_drift(worded)[0]
    assert "Please let anybody join again" in worded.told("anna")[-1]
    await worded.tick(**LOOK)
    assert len(about_drift(worded)) == 1
    await changed(worded, "m.room.join_rules", {"join_rule": "public"})
    assert "is as it should be again" in about_drift(worded)[-1]
    assert await differs(worded) == []


@pytest.mark.parametrize("rule", ["<b>x</b>" * 9000, "\u202epublic", ""])
async def test_a_join_rule_that_is_none_is_not_repeated_to_anybody(worded: World, rule: str) -> None:
    await changed(worded, "m.room.join_rules", {"join_rule": rule})
    assert "its join rule is another one" in about_drift(worded)[-1]
    assert not rule or rule not in "".join(worded.in_review())


async def test_encryption_is_told_with_the_way_out(worded: World) -> None:
    await changed(worded, "m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"})
    assert await differs(worded) == [Kind.ENCRYPTION]
    assert "replace it by a new, unencrypted room" in worded.told("anna")[-1]


async def test_a_bot_whose_rank_was_taken_says_so_until_it_has_it_again(worded: World) -> None:
    await levels(worded, users={user("anna"): 100, BOT: 20})
    assert await differs(worded) == [Kind.RANK]
    assert f"give {BOT} power level 100" in about_drift(worded)[-1]
    assert f"give {BOT} power level 100" in worded.told("anna")[-1]
    await levels(worded, users={user("anna"): 100, BOT: 100})
    assert await differs(worded) == []
    assert "is as it should be again" in about_drift(worded)[-1]


async def test_a_bot_that_was_removed_is_told_once_and_told_when_it_is_back(worded: World) -> None:
    members = worded.homeserver.rooms.members.setdefault(worded.room, {})
    members[BOT] = "leave"
    await worded.deliver(
        type="m.room.member",
        room_id=worded.room,
        sender=user("anna"),
        state_key=BOT,
        content={"membership": "leave"},
    )
    await worded.tick(**LOOK)
    assert await differs(worded) == [Kind.ABSENT]
    assert len([text for text in worded.in_review() if "I was removed" in text]) == 1
    assert about_drift(worded) == []
    members[BOT] = "join"
    await worded.tick(**LOOK)
    assert "is as it should be again" in about_drift(worded)[-1]


async def test_a_bot_that_comes_back_into_a_closed_room_is_no_longer_absent(worded: World) -> None:
    members = worded.homeserver.rooms.members.setdefault(worded.room, {})
    members[BOT] = "leave"
    await worded.tick(**LOOK)
    assert await differs(worded) == [Kind.ABSENT]
    members[BOT] = "join"
    await changed(worded, "m.room.tombstone", {"body": "over"})
    assert await differs(worded) == [Kind.REPLACED]


# Measures that somebody undid -----------------------------------------------------------------------


async def test_a_suspension_that_somebody_undoes_is_back_within_a_tick(worded: World) -> None:
    await suspended(worded, "proposed")
    await levels(worded, events_default=0, state_default=50, invite=0)
    assert worded.homeserver.levels[worded.room]["events_default"] == 100
    assert "a measure was undone" in worded.told("anna")[-1]
    await worded.tick(days=31)
    assert worded.homeserver.levels[worded.room].get("events_default", 0) == 0, "as it was at first"


async def test_a_closed_room_that_somebody_opens_is_closed_again(worded: World) -> None:
    await suspended(worded, "close")
    worded.homeserver.closed.clear()
    await worded.tick(**LOOK)
    assert worded.room in worded.homeserver.closed
    assert [type(e) for e in worded.homeserver.performed].count(CloseRoom) == 2


async def test_a_member_who_is_given_their_right_back_has_it_taken_again(world: World) -> None:
    await world.governed_room()
    await world.decided(await world.reported(), "restrict:P3D", confirm="otto")
    assert world.homeserver.levels[world.room]["users"][user("tom")] == -1
    await levels(world, users={user("anna"): 100, BOT: 100, user("tom"): 0})
    assert world.homeserver.levels[world.room]["users"][user("tom")] == -1
    assert user("tom") in about_drift(world)[-1]
    await world.tick(days=4)
    assert user("tom") not in world.homeserver.levels[world.room]["users"], "and its end is the same"


async def test_a_member_who_was_raised_to_the_bots_rank_is_only_told(world: World) -> None:
    await world.governed_room()
    await world.decided(await world.reported(), "restrict:P3D", confirm="otto")
    await levels(world, users={user("anna"): 100, BOT: 100, user("tom"): 100})
    assert "Look who has changed the power levels" in about_drift(world)[-1]
    assert world.homeserver.levels[world.room]["users"][user("tom")] == 100


async def test_a_ban_that_somebody_lifts_is_back_within_a_tick(world: World) -> None:
    await world.governed_room()
    await world.decided(await world.reported(), "suspend:P3D", confirm="otto")
    there = (world.room, user("tom"))
    assert there in world.homeserver.banned
    world.homeserver.banned.clear()
    await world.deliver(
        type="m.room.member",
        room_id=world.room,
        sender=user("anna"),
        state_key=user("tom"),
        content={"membership": "leave"},
        unsigned={"prev_content": {"membership": "ban"}},
    )
    await world.tick(seconds=15)
    assert there in world.homeserver.banned
    assert [type(e) for e in world.homeserver.performed].count(ExcludeMember) == 2


# No war, no flood -----------------------------------------------------------------------------------


async def test_what_is_undone_again_and_again_is_left_until_the_day_is_over(worded: World) -> None:
    def published() -> int:
        return len([e for e in worded.homeserver.performed if isinstance(e, Publish)])

    before = published()
    for _ in range(30):
        worded.homeserver.directory.clear()
        await worded.tick(minutes=1)
        await worded.review("ravi", f"!policy drift {await record_of(worded)}")
        await worded.tick(seconds=15)
    assert published() - before == MOST
    assert [("I set it right" in text, "4th time" in text) for text in about_drift(worded)] == [
        (True, False),
        (False, True),
    ]
    await worded.tick(days=1)
    await worded.tick(minutes=1)
    assert worded.room in worded.homeserver.directory, "once more, the day after"


async def test_a_rule_that_goes_to_and_fro_is_not_told_all_day(worded: World) -> None:
    for _ in range(20):
        await changed(worded, "m.room.join_rules", {"join_rule": "invite"})
        await changed(worded, "m.room.join_rules", {"join_rule": "public"})
    assert len(about_drift(worded)) == 2 * MOST + 2, "three times to and fro, once that it is enough"
    assert await differs(worded) == []


async def test_what_the_homeserver_refuses_calls_people_once(worded: World) -> None:
    worded.homeserver.refuses[AddAlias] = "403 M_FORBIDDEN"
    worded.homeserver.aliases.clear()
    for _ in range(6):
        await worded.tick(**LOOK)
    alarms = [text for text in worded.in_review() if "I could not give" in text]
    assert len(alarms) == 1
    assert await differs(worded) == [Kind.ALIAS]


# What is not drift ----------------------------------------------------------------------------------


async def test_what_still_waits_in_the_outbox_is_not_drift(any_world: World) -> None:
    world = any_world
    await world.governed_room()
    await world.tick()
    world.homeserver.refuses.clear()
    world.homeserver.directory.clear()
    async with world.database.transaction() as tx:
        outbox.put(tx, [SetLabel(world.room, "x")], cause="x", now=world.clock())
    world.clock.pass_time(**LOOK)
    world.homeserver.looked.clear()
    await world.app.tick()
    assert world.homeserver.looked == []
    assert await differs(world) == []
    await world.work()
    await world.tick(minutes=1)
    assert world.room in world.homeserver.directory


async def test_what_we_change_during_a_look_is_not_drift(worded: World) -> None:
    look = worded.homeserver.look

    class Meanwhile:
        async def look(self, asked: Any) -> Any:
            seen = await look(asked)
            async with worded.database.transaction() as tx:
                outbox.put(tx, [Publish(worded.room)], cause="meanwhile", now=worded.clock())
            await worded.work()
            return seen

        async def is_suspended(self, user_id: str) -> bool:
            raise AssertionError(user_id)

    worded.homeserver.directory.clear()
    worded.app.hours.look = Meanwhile()
    await worded.tick(**LOOK)
    assert await differs(worded) == []
    assert about_drift(worded) == []


async def test_our_own_events_and_those_of_other_rooms_let_nobody_look(worded: World) -> None:
    worded.homeserver.looked.clear()
    for room, sender in ((worded.room, BOT), ("!other:x", user("anna"))):
        for kind in ("m.room.power_levels", "m.room.join_rules", "m.room.topic", "m.room.tombstone"):
            await worded.deliver(type=kind, room_id=room, sender=sender, state_key="", content={})
    await worded.tick(seconds=15)
    assert worded.homeserver.looked == []


async def test_a_dry_run_tells_and_changes_nothing(tmp_path: Path) -> None:
    async with make_world(tmp_path) as world:
        await world.governed_room()
        await world.tick()
        object.__setattr__(world.config, "dry_run", True)
        world.homeserver.directory.clear()
        await world.tick(**LOOK)
        assert world.homeserver.directory == set()
        assert "Next:" in about_drift(world)[-1]


async def test_what_the_operator_leaves_out_is_only_told(tmp_path: Path) -> None:
    async with make_world(tmp_path, **ONLY_LABELS) as world:
        await world.governed_room()
        await world.tick()
        world.homeserver.directory.clear()
        await world.tick(**LOOK)
        assert world.homeserver.directory == set()
        assert "Next: Ask the owner" in about_drift(world)[-1]


async def test_a_homeserver_that_is_away_is_asked_again_later(worded: World) -> None:
    worded.homeserver.away = True
    worded.homeserver.directory.clear()
    await worded.tick(**LOOK)
    assert await differs(worded) == []
    worded.homeserver.away = False
    await worded.tick(minutes=10)
    assert worded.room in worded.homeserver.directory


# The pace, and what people read ---------------------------------------------------------------------


async def test_every_room_is_looked_at_and_no_tick_looks_at_many(any_world: World) -> None:
    world = any_world
    await world.governed_room()
    async with world.database.transaction() as tx:
        for n in range(2, 24):
            await tx.execute(
                "INSERT INTO filings (id, record_number, room_id, applicant, purpose, categories, state,"
                " submitted_at) VALUES ($1, $2, $3, 'x', 'x', '[]', 'approved', 0)",
                n + 100,
                f"PB-{n}",
                f"!room{n}:example.org",
            )
            world.homeserver.levels[f"!room{n}:example.org"] = {"users": {BOT: 100}}
    world.homeserver.looked.clear()
    for _ in range(5):
        before = len(world.homeserver.looked)
        await world.app.tick()
        assert len(world.homeserver.looked) - before <= 5
    assert len(set(world.homeserver.looked)) == 23


async def test_moderators_list_what_differs_and_others_do_not(worded: World) -> None:
    record = await record_of(worded)
    assert "as it should be" in await worded.review("mira", "!policy drift")
    await changed(worded, "m.room.join_rules", {"join_rule": "invite"})
    said = await worded.review("mira", "!policy drift")
    assert said == (
        f"{record} ({worded.room}), since 2 March 2026 09:00 UTC: Not everybody can enter the room any "
        "more: its join rule is invite."
    )
    assert "Differs since" in await worded.review("ravi", f"!policy show {record}")
    assert "join rule" not in await worded.say("lea", "!policy drift")
    assert "I look at it again" in await worded.review("mira", f"!policy drift {record}")


async def test_a_room_whose_approval_was_taken_back_is_looked_at_no_more(worded: World) -> None:
    await changed(worded, "m.room.join_rules", {"join_rule": "invite"})
    async with worded.database.transaction() as tx:
        await tx.execute("UPDATE filings SET state = 'revoked'")
    worded.homeserver.looked.clear()
    await worded.tick(**LOOK)
    assert worded.homeserver.looked == []
    assert "as it should be" in await worded.review("mira", "!policy drift")


async def test_what_was_repaired_survives_a_kill_between_finding_and_doing(worded: World) -> None:
    worded.homeserver.topics[worded.room] = "Tulips"
    worded.clock.pass_time(**LOOK)
    await worded.app.tick()  # killed here: the effect waits, with the deviation
    assert await differs(worded) == [Kind.TOPIC]
    done = [type(e) for e in worded.homeserver.performed].count(ShowTopicLine)
    await worded.work()
    assert [type(e) for e in worded.homeserver.performed].count(ShowTopicLine) == done + 1
    assert FreezeRoom not in map(type, worded.homeserver.performed)


async def test_a_flood_of_changes_is_written_down_once_and_looked_at_once(any_world: World) -> None:
    """Whoever may write the topic can write it a thousand times a second."""
    world = any_world
    await world.governed_room()
    await world.tick()
    looks = world.homeserver.looked.count(world.room)

    async def flood() -> int:
        for n in range(50):
            await world.inward.handle(
                {
                    "event_id": world.event_id(),
                    "type": "m.room.topic",
                    "room_id": world.room,
                    "sender": user("anna"),
                    "state_key": "",
                    "content": {"topic": f"All about gardens {n}"},
                }
            )
        async with world.database.transaction(reading=True) as tx:
            return int(await tx.value("SELECT count(*) AS value FROM seen_events"))

    async with world.database.transaction(reading=True) as tx:
        before = int(await tx.value("SELECT count(*) AS value FROM seen_events"))
    assert await flood() == before + 1
    await world.tick(seconds=15)
    assert world.homeserver.looked.count(world.room) == looks + 1
    assert await flood() == before + 2, "what comes after the look is looked at again"
    await world.tick(seconds=15)
    assert world.homeserver.looked.count(world.room) == looks + 2
