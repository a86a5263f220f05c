"""Who may publish: the message stays, the right is taken and given back by itself."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from policybot.app import App
from policybot.domain.effects import (
    Effect,
    ExcludeMember,
    Notify,
    Redact,
    ReleaseMember,
    RestrictMember,
    SuspendAccount,
)
from policybot.domain.identity import FrontClass
from policybot.matrix.commands.dispatch import Dispatch
from policybot.matrix.events import Events
from policybot.store.database import Database
from tests.world import CHEAP, REVIEW, START, World, user
from tests.world import world as make_world

CATEGORIES = [
    {"id": "general", "title": "For the public", "assurance": "low", "front": "verified_required"},
    {"id": "free", "title": "For everybody", "assurance": "low", "front": "voluntary"},
    {"id": "roles", "title": "By role", "assurance": "low", "front": "role_based"},
    {"id": "masked", "title": "Pseudonyms", "assurance": "low", "front": "pseudonym_only"},
]
NAMED: dict[str, Any] = {"filing.categories": CATEGORIES}
EVE = "@eve:elsewhere.net"


@pytest.fixture
async def named(tmp_path: Path) -> AsyncIterator[World]:
    """A world whose rooms ask for verified persons."""
    async with make_world(tmp_path, **NAMED) as made:
        yield made


@pytest.fixture
async def any_named(tmp_path: Path, database_url: str) -> AsyncIterator[World]:
    async with make_world(tmp_path, database_url, **NAMED) as made:
        yield made


def level(world: World, who: str, room: str = "") -> int | None:
    value: int | None = world.homeserver.levels[room or world.room]["users"].get(user(who))
    return value


def performed(world: World, *kinds: type[Effect]) -> list[Effect]:
    return [effect for effect in world.homeserver.performed if isinstance(effect, kinds)]


async def changed(world: World, days: float = 2) -> None:
    """Let version 2 of the agreement come."""
    world.config.agreement = replace(
        world.config.agreement, version="2", effective_from=world.clock() + timedelta(days=days)
    )
    await world.app.record_policy()
    await world.tick()


async def writes(world: World) -> dict[str, int]:
    tables = "outbox audit seen_events standing_restrictions standing_changes"
    async with world.database.transaction(reading=True) as tx:
        return {
            table: await tx.value(f"SELECT count(*) AS value FROM {table}")  # noqa: S608 - a list
            for table in tables.split()
        }


# Rooms for verified persons ---------------------------------------------------------------------------


async def test_an_unverified_persons_message_stays_and_the_next_is_refused_until_they_verify_and_sign(
    any_named: World,
) -> None:
    world = any_named
    await world.governed_room()
    event = await world.message("tom", "Look at my tulips", world.room)
    assert event not in world.homeserver.redacted, "the message stays"
    assert level(world, "tom") == -1, "the homeserver refuses the next one"
    told = world.told("tom")
    assert len(told) == 1
    for needed in (
        "Your message stays",
        "1. verify yourself: !policy verify",
        "2. read and sign the agreement: !policy agree",
        "give your right to write back at once, by myself",
        "the room PB-2026-",
    ):
        assert needed in told[0]
    await world.message("tom", "One that was under way", world.room)
    assert len(world.told("tom")) == 1, "they are told once"
    await world.verified("tom")
    assert level(world, "tom") is None
    assert "You can write again in the room PB-" in "\n".join(world.told("tom"))
    before = await writes(world)
    await world.message("tom", "Here I am again", world.room)
    assert await writes(world) == before, "a clean message costs no write"


async def test_verifying_alone_is_not_enough_where_the_agreement_is_asked_for(named: World) -> None:
    await named.governed_room()
    await named.verified("tom")
    async with named.database.transaction() as tx:
        await tx.execute("DELETE FROM acceptances WHERE user_id = $1", user("tom"))
    await named.app.record_policy()
    await named.message("tom", "Look at my tulips", named.room)
    assert level(named, "tom") == -1
    assert "1. read and sign the agreement" in named.told("tom")[-1]
    assert "!policy verify" not in named.told("tom")[-1]
    await named.say("tom", "!policy agree 1")
    assert level(named, "tom") is None


@pytest.mark.parametrize(
    ("category", "restricted"), [("free", False), ("roles", True), ("masked", False)]
)
async def test_what_a_room_asks_follows_its_category(
    named: World, category: str, restricted: bool
) -> None:
    await named.governed_room()
    room = "!second:example.org"
    named.homeserver.levels[room] = {"users": {user("anna"): 100}}
    await named.deliver(
        type="m.room.member",
        room_id=room,
        sender=user("anna"),
        state_key=named.config.bot_user_id,
        content={"membership": "invite"},
    )
    await named.say("anna", f"!policy file {room} {category} Neighbours talk of bicycles")
    await named.review("ravi", "!policy approve F-2")
    await named.message("tom", "Look at my bicycle", room)
    assert (level(named, "tom", room) == -1) is restricted


async def test_a_person_of_another_homeserver_is_treated_alike(named: World) -> None:
    await named.governed_room()
    await named.message(EVE, "Greetings from elsewhere", named.room)
    assert level(named, EVE) == -1
    assert "verify yourself" in named.told(EVE)[0]


async def test_when_a_verification_ends_the_right_ends_with_the_next_message(named: World) -> None:
    await named.governed_room()
    await named.verified("tom")
    await named.message("tom", "Look at my tulips", named.room)
    assert level(named, "tom") is None
    await named.tick(days=731)
    await named.message("tom", "Look at my roses", named.room)
    assert level(named, "tom") == -1
    assert "verify yourself: !policy verify" in named.told("tom")[-1]


async def test_who_unlinks_is_a_stranger_again(named: World) -> None:
    await named.governed_room()
    await named.verified("tom")
    await named.say("tom", "!policy unlink")
    await named.message("tom", "Look at my tulips", named.room)
    assert level(named, "tom") == -1


@pytest.mark.parametrize(
    "event",
    [
        {"type": "m.room.redaction", "content": {}, "redacts": "$x"},
        {"type": "m.reaction", "content": {"m.relates_to": {"rel_type": "m.annotation"}}},
        {
            "type": "m.room.message",
            "content": {
                "msgtype": "m.text",
                "body": "* better",
                "m.relates_to": {"rel_type": "m.replace", "event_id": "$x"},
            },
        },
        {"type": "m.room.message", "content": {}},
        {"type": "m.room.message", "content": None},
        {"type": "m.room.member", "state_key": "@tom:example.org", "content": {"membership": "join"}},
    ],
)
async def test_what_publishes_nothing_is_no_message(named: World, event: dict[str, Any]) -> None:
    await named.governed_room()
    before = await writes(named)
    await named.deliver(room_id=named.room, sender=user("tom"), **event)
    assert await writes(named) == before


@pytest.mark.parametrize(
    "event",
    [
        {"type": "m.sticker", "content": {"body": "tulip", "url": "mxc://x/y"}},
        {"type": "m.room.message", "content": {"msgtype": "m.image", "body": "tulip.png"}},
        {"type": "m.room.encrypted", "content": {"algorithm": "m.megolm.v1.aes-sha2"}},
        {"type": "m.room.message", "content": {"m.relates_to": ["no", "map"], "body": "x"}},
        {"type": "m.room.message", "content": {"m.relates_to": {"rel_type": ["m.replace"]}}},
    ],
)
async def test_whatever_publishes_is_a_message(named: World, event: dict[str, Any]) -> None:
    await named.governed_room()
    await named.deliver(room_id=named.room, sender=user("tom"), **event)
    assert level(named, "tom") == -1


@pytest.mark.parametrize("broken", [{"room_id": ["x"]}, {"sender": {"a": 1}}, {"sender": None}])
async def test_a_malformed_message_is_nobodys(named: World, broken: dict[str, Any]) -> None:
    await named.governed_room()
    before = await writes(named)
    event = {
        "event_id": "$bad",
        "type": "m.room.message",
        "room_id": named.room,
        "sender": user("tom"),
        "content": {"msgtype": "m.text", "body": "x"},
    }
    await named.inward.handle(event | broken)
    assert await writes(named) == before


async def test_a_message_that_comes_twice_is_answered_once(named: World) -> None:
    await named.governed_room()
    for _ in range(3):
        await named.message("tom", "Look at my tulips", named.room)
    assert len(performed(named, RestrictMember)) == 1
    assert len(named.told("tom")) == 1


async def test_a_right_that_a_room_owner_gives_back_is_taken_again(named: World) -> None:
    await named.governed_room()
    await named.message("tom", "Look at my tulips", named.room)
    del named.homeserver.levels[named.room]["users"][user("tom")]
    before = await writes(named)
    await named.message("tom", "Sent before", named.room)
    assert await writes(named) == before, "what was under way is expected"
    named.clock.pass_time(minutes=2)
    await named.message("tom", "Look at my roses", named.room)
    assert level(named, "tom") == -1
    assert len(named.told("tom")) == 1
    await named.verified("tom")
    assert level(named, "tom") is None


async def test_two_messages_at_the_same_time_take_one_right_once(any_named: World) -> None:
    world = any_named
    await world.governed_room()
    event = {
        "type": "m.room.message",
        "room_id": world.room,
        "sender": user("tom"),
        "content": {"msgtype": "m.text", "body": "Look at my tulips"},
    }
    await asyncio.gather(*(world.inward.handle({"event_id": f"$at-once-{n}"} | event) for n in range(8)))
    await world.work()
    assert len(performed(world, RestrictMember)) == 1
    assert len(world.told("tom")) == 1


async def test_signing_and_deciding_at_the_same_time_leaves_the_sanction(any_world: World) -> None:
    world = any_world
    await world.governed_room()
    await world.verified("tom")
    await changed(world)
    world.clock.pass_time(days=3)
    case = await world.reported()
    room = await world.direct("tom")
    texts = [
        ("tom", "!policy agree 2", room),
        ("mira", f"!policy decide {case} R2 S3 proposed Threatened a neighbour at night", REVIEW),
    ]
    await asyncio.gather(
        *(
            world.inward.handle(
                {
                    "event_id": f"$both-{who}",
                    "type": "m.room.message",
                    "room_id": where,
                    "sender": user(who),
                    "content": {"msgtype": "m.text", "body": body},
                }
            )
            for who, body, where in texts
        )
    )
    await world.work()
    assert level(world, "tom") == -1
    await world.tick(days=8)
    assert level(world, "tom") is None


async def test_our_own_messages_and_those_in_other_rooms_are_free(named: World) -> None:
    await named.governed_room()
    before = await writes(named)
    await named.message(named.config.bot_user_id, "Hello", named.room)
    await named.message("tom", "Hello", "!elsewhere:example.org")
    assert await writes(named) == before


async def test_a_command_in_the_room_is_answered_and_is_no_message(named: World) -> None:
    await named.governed_room()
    assert "not verified" in await named.say("tom", "!policy me", named.room)
    assert level(named, "tom") is None


@pytest.mark.parametrize("who", ["zoe", "mira"])
async def test_where_rank_forbids_it_the_review_room_is_told_once(named: World, who: str) -> None:
    """A moderator of the room, and one of the staff, who ranks as high as the bot."""
    await named.governed_room()
    named.homeserver.levels[named.room]["users"][user(who)] = 100
    content = named.homeserver.levels[named.room]
    await named.deliver(
        type="m.room.power_levels",
        room_id=named.room,
        sender=user("anna"),
        state_key="",
        content=content,
    )
    before = len(named.in_review())
    for text in ("One", "Two", "Three"):
        await named.message(who, text, named.room)
    assert level(named, who) == 100
    assert not performed(named, RestrictMember)
    assert len(named.in_review()) == before + 1
    assert f"{user(who)} writes in {named.room}" in named.in_review()[-1]
    assert "Please do this before you write there again" in named.told(who)[-1]


async def test_who_loses_the_rank_that_forbade_it_is_restricted_with_a_later_message(
    named: World,
) -> None:
    await named.governed_room()
    levels = named.homeserver.levels[named.room]
    for rank in (100, 50):
        levels["users"][user("zoe")] = rank
        await named.deliver(
            type="m.room.power_levels",
            room_id=named.room,
            sender=user("anna"),
            state_key="",
            content=levels,
        )
        await named.message("zoe", "Look at my tulips", named.room)
        assert level(named, "zoe") == rank
    named.clock.pass_time(days=1, seconds=1)
    await named.message("zoe", "Look at my roses", named.room)
    assert level(named, "zoe") == -1
    await named.verified("zoe")
    assert level(named, "zoe") == 50


async def test_what_the_homeserver_refuses_calls_people_once(named: World) -> None:
    await named.governed_room()
    named.homeserver.refuses[RestrictMember] = "the bot lacks the rank"
    before = len(named.in_review())
    for _ in range(5):
        await named.message("tom", "Look at my tulips", named.room)
        named.clock.pass_time(minutes=2)
    assert len(named.in_review()) == before + 1
    assert "!policy retry" in named.in_review()[-1]
    named.homeserver.refuses.clear()
    await named.verified("tom")
    assert level(named, "tom") is None


async def test_staff_without_rank_in_the_room_are_members_there(named: World) -> None:
    await named.governed_room()
    await named.message("mira", "Look at my tulips", named.room)
    assert level(named, "mira") == -1


async def test_a_room_that_is_governed_no_more_gives_everything_back(named: World) -> None:
    record = await named.governed_room()
    await named.message("tom", "Look at my tulips", named.room)
    object.__setattr__(
        named.config, "staff", {**named.config.staff, user("otto"): named.config.staff[user("ravi")]}
    )
    answer = await named.review("ravi", f"!policy revoke {record} Its owner has given it up")
    await named.review("otto", f"!policy confirm {answer.split('!policy confirm ')[1].split()[0]}")
    assert level(named, "tom") is None
    await named.message("tom", "Look at my roses", named.room)
    assert level(named, "tom") is None


async def test_a_category_that_becomes_milder_gives_everything_back(named: World) -> None:
    await named.governed_room()
    await named.message("tom", "Look at my tulips", named.room)
    milder = (
        kind.model_copy(update={"front": FrontClass.VOLUNTARY})
        for kind in named.config.filing.categories
    )
    named.app.services.messages._kinds = tuple(milder)
    await named.app.record_policy()
    await named.tick()
    assert level(named, "tom") is None


async def test_a_dry_run_restricts_nobody_and_the_first_message_after_it_counts(named: World) -> None:
    await named.governed_room()
    named.config.dry_run = True
    await named.message("tom", "Look at my tulips", named.room)
    assert level(named, "tom") is None
    assert named.told("tom") == []
    named.config.dry_run = False
    await named.app.record_policy()
    await named.message("tom", "Look at my roses", named.room)
    assert level(named, "tom") == -1


# A changed agreement ----------------------------------------------------------------------------------


async def test_after_the_deadline_and_not_before_who_has_not_signed_reads_only(
    any_world: World,
) -> None:
    world = any_world
    await world.governed_room()
    await world.verified("tom")
    await changed(world)
    world.clock.at = START + timedelta(days=2) - timedelta(seconds=1)
    await world.message("tom", "In time", world.room)
    assert level(world, "tom") is None
    world.clock.pass_time(seconds=20)
    await world.message("tom", "Too late", world.room)
    assert level(world, "tom") == -1
    assert "Version 2 of the agreement binds since 4 March 2026" in world.told("tom")[-1]
    assert "1. read and sign the agreement" in world.told("tom")[-1]
    await world.tick(days=30)
    assert not performed(world, ExcludeMember, SuspendAccount, Redact), "nobody is expelled"
    await world.say("tom", "!policy agree 2")
    assert level(world, "tom") is None, "signing gives it back at once"


async def test_the_level_that_somebody_had_comes_back_exactly(world: World) -> None:
    await world.governed_room()
    await world.verified("tom")
    world.homeserver.levels[world.room]["users"][user("tom")] = 25
    await changed(world)
    world.clock.pass_time(days=3)
    await world.message("tom", "Too late", world.room)
    assert level(world, "tom") == -1
    await world.say("tom", "!policy agree 2")
    assert level(world, "tom") == 25


async def test_a_stranger_in_a_room_for_everybody_goes_on_writing(world: World) -> None:
    await world.governed_room()
    await changed(world)
    world.clock.pass_time(days=3)
    before = await writes(world)
    await world.message("tom", "I never signed anything", world.room)
    assert await writes(world) == before


async def test_every_room_is_given_back_at_once(any_world: World) -> None:
    world = any_world
    await world.governed_room("anna")
    await world.governed_room("zoe", "!second:example.org")
    await world.verified("tom")
    await changed(world)
    world.clock.pass_time(days=3)
    for room in (world.room, "!second:example.org"):
        await world.message("tom", "Too late", room)
        assert level(world, "tom", room) == -1
    await world.say("tom", "!policy agree 2")
    for room in (world.room, "!second:example.org"):
        assert level(world, "tom", room) is None


# Sanctions and standing do not undo each other --------------------------------------------------------


async def sanctioned(world: World) -> str:
    """Let Tom be restricted for the agreement, and then by a decision about the message that stayed."""
    await world.governed_room()
    await world.verified("tom")
    await changed(world)
    world.clock.pass_time(days=3)
    case = await world.reported()
    assert level(world, "tom") == -1
    await world.review("mira", f"!policy decide {case} R2 S3 proposed Threatened a neighbour at night")
    return case


async def test_a_sanction_in_the_same_room_survives_signing(any_world: World) -> None:
    world = any_world
    await sanctioned(world)
    await world.say("tom", "!policy agree 2")
    assert level(world, "tom") == -1
    assert not any("You can write again" in text for text in world.told("tom"))
    await world.tick(days=8)
    assert level(world, "tom") is None, "and ends by its own time"


async def test_an_overturned_sanction_leaves_what_the_agreement_asks(any_world: World) -> None:
    world = any_world
    case = await sanctioned(world)
    await world.say("tom", f"!policy appeal {case} It was a joke between friends")
    await world.review("ravi", f"!policy overturn {case} It was a joke between friends")
    assert level(world, "tom") == -1
    assert not performed(world, ReleaseMember)
    await world.say("tom", "!policy agree 2")
    assert level(world, "tom") is None


async def test_a_sanction_that_ends_by_time_leaves_what_the_agreement_asks(world: World) -> None:
    await sanctioned(world)
    await world.tick(days=8)
    assert level(world, "tom") == -1
    await world.say("tom", "!policy agree 2")
    assert level(world, "tom") is None


async def test_who_signs_before_the_homeserver_was_reached_is_never_restricted(world: World) -> None:
    await world.governed_room()
    await world.verified("tom")
    await changed(world)
    world.clock.pass_time(days=3)
    room = await world.direct("tom")
    world.homeserver.away = True
    await world.message("tom", "Too late", world.room)
    await world.message("tom", "!policy agree 2", room)
    world.homeserver.away = False
    world.clock.pass_time(minutes=5)
    await world.work()
    assert not performed(world, RestrictMember)
    assert level(world, "tom") is None
    assert not any("have signed an earlier one" in e.text for e in told(world, "tom"))


def told(world: World, who: str) -> list[Notify]:
    return [e for e in world.homeserver.performed if isinstance(e, Notify) and e.user_id == user(who)]


# Several processes ------------------------------------------------------------------------------------


async def test_another_process_knows_within_seconds_who_has_verified(any_named: World) -> None:
    world = any_named
    await world.governed_room()
    database = await Database.open(world.config.database_url)
    second = App(world.config, database, now=world.clock, stretch=CHEAP)
    second.setting.review_room = world.app.setting.review_room
    await second.record_policy()

    async def nobody(_: str) -> None:
        return None

    services = second.services
    dispatch = Dispatch(services, nobody, world.homeserver)
    other = Events(second.setting, database, dispatch, services)
    messages = second.services.messages
    await world.message("tom", "Look at my tulips", world.room)
    await world.verified("tom")
    assert messages.unwelcome(world.room, user("tom")), "it does not know yet"
    event = {
        "event_id": "$there",
        "type": "m.room.message",
        "room_id": world.room,
        "sender": user("tom"),
        "content": {"msgtype": "m.text", "body": "Here I am again"},
    }
    await other.handle(event)
    await world.work()
    assert level(world, "tom") is None, "the database is asked before anything is done"
    await world.say("tom", "!policy unlink")
    assert not messages.unwelcome(world.room, user("tom"))
    await messages.refresh(database)
    assert messages.unwelcome(world.room, user("tom"))
    await database.close()


async def test_a_process_that_slept_for_long_reads_everything_anew(named: World) -> None:
    await named.governed_room()
    second = App(named.config, named.database, now=named.clock, stretch=CHEAP)
    await second.record_policy()
    await named.verified("tom")
    await named.tick(days=2)
    assert second.services.messages.unwelcome(named.room, user("tom"))
    await second.services.messages.refresh(named.database)
    assert not second.services.messages.unwelcome(named.room, user("tom"))
