"""A room that was taken in: what it shows, how it stands in the register, who may answer for it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from policybot.domain.effects import Effect
from policybot.domain.showing import AddAlias, ShowTopicLine, UnpinNotice, WithdrawLabel
from policybot.domain.taking import CarryOver, MakeRoom, Tombstone
from policybot.services.register import Entry
from policybot.store import filings
from tests.flows.test_filings import lapse
from tests.flows.test_labels import changed
from tests.flows.test_qualifications import CHANGES, EVIDENCE
from tests.flows.test_register import found, history, page
from tests.flows.test_taking import GARDEN, PURPOSE, a_room, counts, done, filed, filing_of
from tests.staffed import link_to
from tests.world import World, find, user
from tests.world import world as make_world

WORDS: dict[str, Any] = {"topic_line": "Filed: {number}", "notice": "Filed as {number}"}


@pytest.fixture
async def worded(tmp_path: Path) -> AsyncIterator[World]:
    """A world whose operator has chosen their words."""
    async with make_world(tmp_path, **changed(WORDS)) as made:
        yield made


async def entry(world: World) -> Entry:
    (only,) = (await page(world)).entries
    return only


async def to_be_made(world: World) -> str:
    await world.verified("anna")
    return find(r"F-\d+", await world.say("anna", f"!policy file new general {PURPOSE}"))


async def approved_while_away(world: World, number: str) -> str:
    """Approve a filing of which nothing can be done yet; return its record number."""
    world.homeserver.away = True
    await world.review("ravi", f"!policy approve {number}")
    filing = await filing_of(world, number)
    assert filing.record_number is not None
    return filing.record_number


async def back(world: World) -> None:
    world.homeserver.away = False
    world.clock.pass_time(minutes=1)
    await world.work()


def shown(world: World, room: str, record: str) -> bool:
    home = world.homeserver
    return (
        room in home.directory & home.network
        and home.contents[room]["record_number"] == record
        and home.aliases == {f"#_policybot_{record}:example.org": room}
        and home.topics[room].endswith(f"Filed: {record}")
        and len(home.pinned[room]) == len(home.notices) == 1
    )


@pytest.mark.parametrize("adopt", [True, False])
async def test_what_is_shown_stands_in_the_room_that_it_is_now(worded: World, *, adopt: bool) -> None:
    if adopt:
        await a_room(worded)
        number = await filed(worded)
    else:
        number = await to_be_made(worded)
    await worded.review("ravi", f"!policy approve {number}")
    filing = await filing_of(worded, number)
    assert filing.room_id not in ("", worded.room)
    assert shown(worded, filing.room_id, filing.number)
    home = worded.homeserver
    for signs in (home.directory, home.network, home.contents, home.topics, home.pinned):
        assert worded.room not in signs
    assert await counts(worded) == {"waiting": 0, "dead": 0}


async def test_what_cannot_be_shown_besides_does_not_hold_up_the_owners_notice(worded: World) -> None:
    number = await to_be_made(worded)
    worded.homeserver.refuses |= {AddAlias: "403 M_EXCLUSIVE", ShowTopicLine: "403 M_FORBIDDEN"}
    await worded.review("ravi", f"!policy approve {number}")
    assert "invited you" in worded.told("anna")[-1]
    assert sum("M_EXCLUSIVE" in text for text in worded.in_review()) == 1


async def test_a_room_stands_in_the_register_once_it_is_made(any_world: World) -> None:
    world = any_world
    number = await to_be_made(world)
    record = await approved_while_away(world, number)
    assert await found(world) == []
    assert "is being made" in await say_while_away(
        world, "anna", f"!policy transfer {record} {user('tom')}"
    )
    await back(world)
    one = await entry(world)
    room = (await filing_of(world, record)).room_id
    assert one.filing.room_id == room
    assert one.place.room_name == PURPOSE
    assert await found(world, room.partition(":")[0].removeprefix("!")) == [record]
    assert await history(world, record) == [("approved", "after a review")]


async def say_while_away(world: World, who: str, text: str) -> str:
    """Say something of which the answer comes once the homeserver is back; return all that was said."""
    await world.say(who, text)
    await back(world)
    return "\n".join(text for _, text in world.homeserver.said.values())


async def test_a_room_that_stays_as_it_is_stands_in_the_register_once_the_bot_has_its_seat(
    any_world: World,
) -> None:
    world = any_world
    await a_room(world)
    world.homeserver.called[world.room] = {"name": "Roses"}
    record = await approved_while_away(world, await filed(world, adopt=False))
    assert await found(world) == []
    await back(world)
    assert await found(world, "roses") == [record]
    assert await history(world, record) == [("approved", "after a review")]


async def test_what_is_granted_before_a_room_has_moved_stands_on_the_new_one_alone(
    tmp_path: Path, database_url: str
) -> None:
    async with make_world(tmp_path, database_url, **CHANGES) as world:
        await a_room(world)
        record = await approved_while_away(world, await filed(world))
        granting = world.app.services.qualifications
        async with world.database.transaction() as tx:
            asked, _ = await granting.claim(tx, user("anna"), record, "medical", EVIDENCE)
        async with world.database.transaction() as tx:
            await granting.grant(tx, user("ravi"), asked.number)
        await back(world)
        room = (await filing_of(world, record)).room_id
        assert world.room not in world.homeserver.contents
        assert [q["id"] for q in world.homeserver.contents[room]["qualifications"]] == ["medical"]


async def test_the_register_follows_a_room_into_the_one_that_takes_its_place(any_world: World) -> None:
    world = any_world
    await a_room(world)
    world.homeserver.rooms.state[world.room]["m.room.name"] = {"name": "Roses"}
    number = await filed(world)
    await world.review("ravi", f"!policy approve {number}")
    one = await entry(world)
    assert one.filing.room_id != world.room
    assert (one.place.room_name, one.place.alias) == ("Roses", GARDEN)
    new = one.filing.room_id.partition(":")[0].removeprefix("!")
    for text in ("roses", new):
        assert await found(world, text) == [one.filing.number], text
    for room, name in ((one.filing.room_id, "Meadow"), (world.room, "Ruin")):
        await world.deliver(
            type="m.room.name",
            room_id=room,
            sender=user("anna"),
            state_key="",
            content={"name": name},
        )
    assert (await entry(world)).place.room_name == "Meadow"


async def test_a_room_that_could_not_be_taken_in_is_in_no_register(any_world: World) -> None:
    world = any_world
    await a_room(world)
    number = await filed(world)
    world.homeserver.refuses[Tombstone] = "403 M_FORBIDDEN not today"
    await world.review("ravi", f"!policy approve {number}")
    record = (await filing_of(world, number)).number
    assert await found(world) == []
    assert "Nothing is on record" in await world.say("lea", f"!policy lookup {record}")
    del world.homeserver.refuses[Tombstone]
    await world.review("ravi", f"!policy approve {number}")
    assert await found(world) == [record]
    assert (await entry(world)).place.alias == GARDEN
    assert await history(world, record) == [("approved", "after a review")], "once"


async def test_who_may_not_answer_any_more_is_not_approved_again_and_the_number_stays(
    world: World,
) -> None:
    await a_room(world)
    number = await filed(world)
    world.homeserver.refuses[CarryOver] = "403 M_FORBIDDEN not today"
    await world.review("ravi", f"!policy approve {number}")
    record = (await filing_of(world, number)).record_number
    assert record is not None
    del world.homeserver.refuses[CarryOver]
    await lapse(world, "anna")
    answer = await world.review("ravi", f"!policy approve {number}")
    assert "cannot be approved as it is" in answer
    assert done(world, Tombstone) == 0
    await link_to(world, "anna", "anna")
    assert record in await world.review("ravi", f"!policy approve {number}")
    assert done(world, Tombstone) == 1


async def test_revoked_while_it_is_being_made_there_is_nothing_to_hide(world: World) -> None:
    number = await to_be_made(world)
    record = await approved_while_away(world, number)
    async with world.database.transaction() as tx:
        filing = await filings.get(tx, record)
        assert filing is not None
        await world.app.services.filings.revoked(tx, user("otto"), filing, "It was a mistake of ours")
    await back(world)
    kinds: list[type[Effect]] = [WithdrawLabel, UnpinNotice]
    assert [done(world, kind) for kind in (MakeRoom, *kinds)] == [1, 0, 0]
    assert world.homeserver.directory == set()
    assert await counts(world) == {"waiting": 0, "dead": 0}
    assert (await filing_of(world, record)).in_words == "revoked"
