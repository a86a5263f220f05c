"""Deputies: named, asked, and called when an owner no longer answers; else the room needs an owner."""

import asyncio
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from policybot.app import App
from policybot.domain.effects import Notify
from policybot.domain.filing import SYSTEM, Filing
from policybot.domain.vacancy import Stage, Vacancy
from policybot.store import deputies, exports, filings, vacancies
from tests.flows.test_filings import filed, lapse
from tests.flows.test_register import _revoke, found
from tests.flows.test_transfers import left, needs
from tests.staffed import link_to
from tests.world import BOT, CHEAP, World, find, user
from tests.world import world as make_world


async def agreed(world: World, deputy: str = "tom") -> str:
    """Have Anna's room approved, with a deputy who has agreed; return its record number."""
    record = await world.governed_room()
    answer = await world.say("anna", f"!policy deputy {record} {user(deputy)}")
    assert "whether they will be the deputy" in answer
    assert "you are the deputy" in await world.say(deputy, f"!policy accept {record}")
    return record


async def filing_of(world: World, record: str) -> Filing:
    async with world.database.transaction(reading=True) as tx:
        filing = await filings.get(tx, record)
    assert filing is not None
    return filing


async def vacancy_of(world: World, record: str) -> Vacancy | None:
    filing = await filing_of(world, record)
    async with world.database.transaction(reading=True) as tx:
        return await vacancies.get(tx, filing.id)


def asked(world: World, who: str = "tom") -> list[str]:
    """List the messages that ask somebody to take a room over as its deputy."""
    return [text for text in world.told(who) if "you are its deputy: please take it over" in text]


async def entered(world: World, who: str, room: str = "") -> None:
    await world.deliver(
        type="m.room.member",
        room_id=room or world.room,
        sender=user(who),
        state_key=user(who),
        content={"membership": "join"},
    )


# Naming ---------------------------------------------------------------------------------------------


async def test_a_deputy_is_named_and_agrees_without_being_verified(any_world: World) -> None:
    world = any_world
    record = await world.governed_room()
    await world.say("anna", f"!policy deputy {record} @tom:example.org")
    assert f"!policy accept {record}" in world.told("tom")[-1]
    status = f"!policy status {record}"
    assert "Deputy: @tom:example.org (has not answered yet)" in await world.say("anna", status)
    assert "you are the deputy" in await world.say("tom", f"!policy accept {record}")
    assert "has agreed to be the deputy" in world.told("anna")[-1]
    assert "Deputy: @tom:example.org (has agreed)" in await world.say("anna", status)
    assert "Nobody has asked you" in await world.say("tom", f"!policy accept {record}")
    assert await found(world, "tom") == [], "the register shows the owner only"
    assert "tom" not in await world.say("lea", f"!policy lookup {record}")


async def test_the_owner_ends_it_and_the_deputy_does(world: World) -> None:
    record = await agreed(world)
    assert "no deputy any more" in await world.say("anna", f"!policy deputy {record} none")
    assert "not asked to be the deputy" in world.told("tom")[-1]
    assert "has no deputy" in await world.say("anna", f"!policy deputy {record} none")
    await world.tick(hours=1)
    await world.say("anna", f"!policy deputy {record} @lea:example.org")
    await world.say("lea", f"!policy accept {record}")
    assert "you are not asked" in await world.say("lea", f"!policy decline {record}")
    assert "@lea:example.org does not want to be the deputy" in world.told("anna")[-1]
    assert (await filing_of(world, record)).deputy is None
    assert "Nobody has asked you" in await world.say("lea", f"!policy decline {record}")


async def test_a_question_to_be_the_deputy_ends_after_a_week(any_world: World) -> None:
    world = any_world
    record = await world.governed_room()
    await world.say("anna", f"!policy deputy {record} @tom:example.org")
    await world.tick(days=7)
    assert "Nobody has asked you" in await world.say("tom", f"!policy accept {record}")
    for _ in range(3):
        await world.tick(minutes=1)
    told = [text for text in world.told("anna") if "has not said that they will be" in text]
    assert len(told) == 1
    assert (await filing_of(world, record)).deputy is None


async def test_only_the_owner_names_a_deputy_and_not_everybody(world: World) -> None:
    record = await world.governed_room()
    command = f"!policy deputy {record} "
    for who in ("tom", "ravi"):
        assert "no filing" in await world.say(who, command + user("tom"))
    for nobody in (user("anna"), BOT):
        assert "cannot be the deputy" in await world.say("anna", command + nobody)
    for nobody in ("tom", "<b>@tom</b>", "@" + "t" * 300 + ":x"):
        assert "is no account" in await world.say("anna", command + nobody)
    await world.say("anna", command + user("tom"))
    assert "named @tom:example.org already" in await world.say("anna", command + user("tom"))
    assert "just asked" in await world.say("anna", command + user("lea"))
    await world.say("anna", command + "none")
    assert "just asked" in await world.say("anna", command + user("lea")), (
        "each costs somebody a message"
    )
    assert world.told("lea") == []


async def test_nobody_is_asked_to_be_deputy_and_owner_at_once(world: World) -> None:
    """So that it is never in doubt to what they say yes."""
    record = await world.governed_room()
    await world.say("anna", f"!policy deputy {record} @tom:example.org")
    answer = await world.say("anna", f"!policy transfer {record} @tom:example.org")
    assert "cannot be both" in answer
    await world.say("anna", f"!policy transfer {record} @lea:example.org")
    await world.tick(hours=1)
    assert "cannot be both" in await world.say("anna", f"!policy deputy {record} @lea:example.org")


async def test_who_is_named_before_the_approval_is_asked_once_the_room_is_there(
    any_world: World,
) -> None:
    world = any_world
    await world.verified("anna")
    number = await filed(world)
    answer = await world.say("anna", f"!policy deputy {number} @tom:example.org")
    assert "when it is approved" in answer
    await world.tick(minutes=1)
    assert world.told("tom") == []
    assert "is asked once the room is approved" in await world.say("anna", f"!policy status {number}")
    world.homeserver.away = True
    await world.review("ravi", f"!policy approve {number}")
    world.clock.pass_time(minutes=1)
    await world.app.tick()
    world.homeserver.away = False
    for _ in range(3):
        await world.tick(minutes=2)
    assert sum("asks you to be the deputy" in text for text in world.told("tom")) == 1
    record = (await filing_of(world, number)).number
    assert "you are the deputy" in await world.say("tom", f"!policy accept {record}")


# Called ---------------------------------------------------------------------------------------------


async def unlinked(world: World) -> None:
    await world.say("anna", "!policy unlink")
    await world.tick(minutes=1)


async def gone(world: World) -> None:
    await left(world, "anna")


async def unverified(world: World) -> None:
    await lapse(world, "anna")
    await world.tick(minutes=1)
    await world.tick(days=13)
    assert asked(world) == []
    await world.tick(days=1)


WAYS = pytest.mark.parametrize("way", [unlinked, gone, unverified])


@WAYS
async def test_the_deputy_takes_the_room_over_when_its_owner_is_gone(any_world: World, way: Any) -> None:
    world = any_world
    record = await agreed(world)
    await way(world)
    for _ in range(3):
        await world.tick(hours=1)
        await left(world, "anna")
    assert len(asked(world)) == 1
    assert sum("I have asked your deputy" in text for text in world.told("anna")) == 1
    assert needs(world) == []
    assert "verify yourself first" in await world.say("tom", f"!policy accept {record}")
    await world.verified("tom")
    assert "You answer for" in await world.say("tom", f"!policy accept {record}")
    filing = await filing_of(world, record)
    assert (filing.applicant, filing.deputy) == (user("tom"), None)
    async with world.database.transaction(reading=True) as tx:
        kept = await deputies.get(tx, filing.id)
    assert kept is not None
    assert (kept.user_id, kept.agreed_at) == ("", None)
    assert await vacancy_of(world, record) is None
    assert "in place of @anna:example.org" in world.in_review()[-1]
    for _ in range(3):
        await world.tick(days=3)
    assert needs(world) == []


@WAYS
@pytest.mark.parametrize("answer", ["no", "silence", "unlinks", "suspended"])
async def test_the_room_needs_an_owner_when_the_deputy_does_not_take_it(
    world: World, way: Any, answer: str
) -> None:
    await world.verified("tom")
    record = await agreed(world)
    await way(world)
    assert len(asked(world)) == 1
    if answer == "no":
        assert "you are not asked" in await world.say("tom", f"!policy decline {record}")
    elif answer == "unlinks":
        await world.say("tom", "!policy unlink")
    elif answer == "suspended":
        await suspended(world, "tom")
    else:
        await world.tick(days=6)
        assert needs(world) == []
        await world.tick(days=1)
    for _ in range(3):
        await world.tick(minutes=1)
    assert len(needs(world)) == 1
    assert "Their deputy has not taken it over" in needs(world)[0]
    assert sum("Nobody answers for your room" in text for text in world.told("anna")) == 1
    assert (await filing_of(world, record)).deputy is None
    assert "Nobody has asked you" in await world.say("tom", f"!policy accept {record}")
    assert world.room in world.homeserver.directory, "the room stays as it is"


async def suspended(world: World, who: str) -> None:
    await world.say("lea", f"!policy report {user(who)} R2 He threatens everybody")
    answer = await world.review(
        "mira",
        "!policy decide C-1 R2 S3 suspend:P7D Threatened three neighbours in one night // No other way",
    )
    code = find(r"(?<=!policy confirm )\w+", answer)
    await world.review("mira", f"!policy confirm {code}")
    assert user(who) in world.homeserver.suspended


@pytest.mark.parametrize("how", ["erased", "unlinked", "suspended"])
async def test_a_deputy_who_is_gone_is_struck_out_and_the_owner_told_once(
    any_world: World, how: str
) -> None:
    world = any_world
    await world.verified("tom")
    record = await agreed(world)
    if how == "suspended":
        await suspended(world, "tom")
    elif how == "unlinked":
        await world.say("tom", "!policy unlink")
    else:
        code = find(r"(?<=!policy confirm )\w+", await world.say("tom", "!policy erase"))
        await world.say("tom", f"!policy confirm {code}")
    for _ in range(3):
        await world.tick(minutes=1)
    told = [text for text in world.told("anna") if "cannot be the deputy for your room" in text]
    assert len(told) == 1
    assert f"!policy deputy {record} USER" in told[0]
    assert "suspend" not in told[0], "why is nobody's business"
    filing = await filing_of(world, record)
    async with world.database.transaction(reading=True) as tx:
        kept = await deputies.get(tx, filing.id)
    assert (filing.deputy, kept.user_id if kept else None) == (None, "")
    await gone(world)
    assert len(needs(world)) == 1


async def test_who_has_not_agreed_is_not_called(world: World) -> None:
    record = await world.governed_room()
    await world.say("anna", f"!policy deputy {record} @tom:example.org")
    await gone(world)
    assert asked(world) == []
    assert len(needs(world)) == 1
    assert "not asked to answer for" in world.told("tom")[-1]
    assert "Nobody has asked you" in await world.say("tom", f"!policy accept {record}")
    assert "needs an owner" in await world.say("anna", f"!policy deputy {record} @lea:example.org")


# And back -------------------------------------------------------------------------------------------


async def test_an_owner_who_is_back_keeps_the_room(any_world: World) -> None:
    world = any_world
    record = await agreed(world)
    await world.verified("tom")
    await gone(world)
    await entered(world, "anna")
    assert "answers for" in await world.say("tom", f"!policy accept {record}")
    assert (await filing_of(world, record)).applicant == user("anna")
    await world.tick(days=1)
    assert "you need not take it over" in world.told("tom")[-1]
    assert await vacancy_of(world, record) is None
    assert "has agreed" in await world.say("anna", f"!policy status {record}"), "the deputy stays"
    await world.tick(days=10)
    assert needs(world) == []


async def test_reviewers_hear_when_a_room_needs_no_owner_any_more(any_world: World) -> None:
    world = any_world
    record = await world.governed_room()
    await world.verified("tom")
    await unlinked(world)
    await world.review("ravi", f"!policy transfer {record} @tom:example.org")
    await world.tick(minutes=1)
    await link_to(world, "anna", "anna")
    await world.tick(days=1)
    assert "it needs no other owner" in world.in_review()[-1]
    assert "you need not take it over" in world.told("tom")[-1]
    assert "Nobody has asked you" in await world.say("tom", f"!policy accept {record}")


async def test_who_comes_and_goes_has_people_told_once_a_day(world: World) -> None:
    record = await agreed(world)
    for _ in range(20):
        await left(world, "anna")
        await entered(world, "anna")
    assert len(asked(world)) == 1
    await world.tick(days=1)
    assert await vacancy_of(world, record) is None
    assert needs(world) == []


async def test_who_declines_an_invitation_to_their_new_room_is_not_gone(world: World) -> None:
    await world.governed_room()
    await world.deliver(
        type="m.room.member",
        room_id=world.room,
        sender=user("anna"),
        state_key=user("anna"),
        content={"membership": "leave"},
        unsigned={"prev_content": {"membership": "invite"}},
    )
    assert needs(world) == []
    strange: tuple[Any, ...] = (
        "x",
        {"prev_content": "x"},
        {"prev_content": {"membership": 7}},
        None,
        [],
    )
    for hostile in strange:
        await world.deliver(
            type="m.room.member",
            room_id=world.room,
            sender=user("tom"),
            state_key=user("tom"),
            content={"membership": "leave"},
            unsigned=hostile,
        )
    assert needs(world) == []


async def test_the_deputy_waits_while_somebody_else_is_asked_or_the_room_is_suspended(
    world: World,
) -> None:
    record = await agreed(world)
    await world.say("anna", f"!policy transfer {record} @lea:example.org")
    await gone(world)
    assert asked(world) == []
    assert "you are not asked" in await world.say("lea", f"!policy decline {record}")
    assert "does not want to take over" in world.told("anna")[-2]
    assert len(asked(world)) == 1


async def test_a_suspended_room_waits_for_its_suspension_to_end(world: World) -> None:
    record = await agreed(world)
    await world.say("lea", f"!policy report {world.room} R2 The whole room hunts a neighbour")
    answer = await world.review("mira", "!policy decide C-1 R2 S4 proposed The room hunts a neighbour")
    code = find(r"(?<=!policy confirm )\w+", answer)
    await world.review("otto", f"!policy confirm {code}")
    await gone(world)
    await world.tick(minutes=1)
    assert asked(world) == needs(world) == []
    await world.review("mira", "!policy lift C-1 They have talked about it")
    await world.tick(minutes=1)
    assert len(asked(world)) == 1
    assert record in asked(world)[0]


async def test_without_a_grace_the_deputy_is_asked_at_once(world: World) -> None:
    object.__setattr__(world.config.filing, "owner_grace", world.clock() - world.clock())
    await agreed(world)
    await lapse(world, "anna")
    await world.tick(minutes=1)
    assert len(asked(world)) == 1
    assert not any("nobody verified answers" in text for text in world.in_review())


async def test_each_step_is_resumed_after_a_crash_and_taken_once(any_world: World) -> None:
    world = any_world
    await agreed(world)
    await world.say("anna", "!policy unlink")
    for _ in range(4):
        again = App(world.config, world.database, now=world.clock, stretch=CHEAP)
        again.setting.review_room = world.app.setting.review_room
        await again.record_policy()
        await asyncio.gather(again.tick(), world.app.tick(), return_exceptions=True)
        world.clock.pass_time(days=3)
        await world.work()
    await world.tick(days=1)
    assert len(asked(world)) == len(needs(world)) == 1


async def test_that_an_owner_who_is_gone_cannot_be_told_is_no_alarm(world: World) -> None:
    await agreed(world)
    world.homeserver.refuses[Notify] = "403 M_FORBIDDEN their account is deactivated"
    await gone(world)
    alarms = [text for text in world.in_review() if "I could not" in text]
    assert len(alarms) == 1
    assert "send a message to @tom:example.org" in alarms[0]


async def test_what_is_kept_of_a_deputy_is_theirs_to_see_and_goes_with_the_filing(
    world: World,
) -> None:
    record = await agreed(world)
    filing = await filing_of(world, record)
    async with world.database.transaction(reading=True) as tx:
        part = next(part for part in exports.OF_ACCOUNT if part.name == "deputies")
        assert [row["filing_id"] for row in await exports.rows(tx, part, user("tom"))] == [filing.id]
    await gone(world)
    await _revoke(world, record, "Nobody is there any more")
    await world.tick(minutes=1)
    async with world.database.transaction(reading=True) as tx:
        assert await deputies.get(tx, filing.id) is None
        assert await vacancies.get(tx, filing.id) is None


# Whatever happens -----------------------------------------------------------------------------------

EVENTS = (
    "leave",
    "enter",
    "unlink",
    "link",
    "lapse",
    "yes",
    "no",
    "tom unlinks",
    "tom verifies",
    "name tom",
    "none",
    "hand over",
    "lea accepts",
    "lea declines",
    "minute",
    "day",
    "week",
    "fortnight",
)


async def happens(world: World, record: str, event: str) -> None:  # noqa: C901, PLR0912 - one for each
    match event:
        case "leave":
            await left(world, "anna")
        case "enter":
            await entered(world, "anna")
        case "unlink":
            await world.say("anna", "!policy unlink")
        case "link":
            await link_to(world, "anna", "anna")
        case "lapse":
            try:
                await lapse(world, "anna")
            except AssertionError:
                return
        case "yes":
            await world.say("tom", f"!policy accept {record}")
        case "no":
            await world.say("tom", f"!policy decline {record}")
        case "tom unlinks":
            await world.say("tom", "!policy unlink")
        case "tom verifies":
            await link_to(world, "tom", "tom")
        case "name tom":
            await world.say("anna", f"!policy deputy {record} @tom:example.org")
        case "none":
            await world.say("anna", f"!policy deputy {record} none")
        case "hand over":
            await world.say("anna", f"!policy transfer {record} @lea:example.org")
        case "lea accepts":
            await world.say("lea", f"!policy accept {record}")
        case "lea declines":
            await world.say("lea", f"!policy decline {record}")
        case _:
            days = {"minute": 0, "day": 1, "week": 7, "fortnight": 14}[event]
            await world.tick(days=days, minutes=1)


async def check(world: World, record: str) -> None:
    """Check that one of three holds, and that what is asked of people says the same."""
    filing, vacancy = await filing_of(world, record), await vacancy_of(world, record)
    async with world.database.transaction(reading=True) as tx:
        question = await filings.transfer(tx, filing.id)
    by_us = question is not None and question.asker == SYSTEM
    stage = vacancy.stage if vacancy else Stage.NOTED
    assert not by_us or stage is Stage.ASKED
    assert stage is not Stage.OPEN or filing.deputy is None
    if by_us and question is not None:
        assert question.to == filing.deputy


def doubles(world: World, record: str, tags: list[str]) -> list[str]:
    """Compare how often people were told with how often it came about, by the audit chain."""
    assert sum("Nobody answers for your room" in text for text in world.told("anna")) == len(
        needs(world)
    )
    told = {
        "filing:ownerless": len(needs(world)),
        "filing:offer": len(asked(world)),
    }
    offers = sum("asks you to answer for the public room" in text for text in world.told("lea"))
    told["filing:offer"] += offers
    return [
        f"{tag}: {told[tag]} told, {tags.count(tag)} came about"
        for tag in told
        if told[tag] != tags.count(tag)
    ]


async def a_history(events: list[str]) -> None:
    with TemporaryDirectory() as folder:
        async with make_world(Path(folder)) as world:
            await world.verified("tom")
            await world.verified("lea")
            record = await agreed(world)
            for event in events:
                await happens(world, record, event)
                await check(world, record)
            async with world.database.transaction(reading=True) as tx:
                rows = await tx.fetch("SELECT tag FROM audit ORDER BY seq")
            tags = [row["tag"] for row in rows]
            assert doubles(world, record, tags) == []
            steps = [tag for tag in tags if tag in LIFE]
            for before, after in pairwise(steps):
                assert before != after or after == "filing:transfer", steps


LIFE = ("filing:vacant", "filing:ownerless", "filing:owned", "filing:transfer")


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(EVENTS), max_size=14))
def test_one_of_three_holds_and_nothing_is_told_twice_whatever_happens(events: list[str]) -> None:
    asyncio.run(a_history(events))


# Who abuses it --------------------------------------------------------------------------------------


async def another_room(world: World, room: str) -> str:
    """Have one more room of Anna's approved; return its record number."""
    world.homeserver.levels[room] = {"users": {user("anna"): 100}}
    await world.deliver(
        type="m.room.member",
        room_id=room,
        sender=user("anna"),
        state_key=BOT,
        content={"membership": "invite"},
    )
    answer = await world.say("anna", f"!policy file {room} general Neighbours talk of flowers")
    answer = await world.review("ravi", f"!policy approve {find(r'F-[0-9]+', answer)}")
    return find(r"PB-\d{4}-\d{6}-\w\w", answer)


async def test_a_reviewer_gives_no_room_without_owner_to_themselves(world: World) -> None:
    object.__setattr__(world.config.identity, "accounts_per_person", 2)
    record = await world.governed_room()
    await left(world, "anna")
    assert len(needs(world)) == 1
    await world.verified("mira")
    await link_to(world, "ravi", "mira")
    for mine in ("ravi", "mira"):
        answer = await world.review("ravi", f"!policy transfer {record} {user(mine)}")
        assert "cannot give a room to yourself" in answer, mine
        assert "Nobody has asked you" in await world.say(mine, f"!policy accept {record}")
    answer = await world.review("ravi", f"!policy transfer {record} @lea:example.org")
    assert "I have asked @lea" in answer


async def test_a_deputy_who_has_agreed_judges_no_case_about_the_room(world: World) -> None:
    record = await world.governed_room()
    await world.say("anna", f"!policy deputy {record} @mira:example.org")
    words = f"!policy hold {world.room} R3 Card numbers are sold there, as it seems"
    case = await world.reported()
    assert "There is no" not in await world.review("mira", f"!policy show {case}"), (
        "whoever is only named is no party: owners could keep moderators away by naming them"
    )
    await world.say("mira", f"!policy accept {record}")
    assert "party" in await world.review("mira", words)
    for command in (f"show {case}", f"claim {case}", f"dismiss {case} Nothing wrong there"):
        answer = await world.review("mira", f"!policy {command}")
        assert "There is no" in answer or "party" in answer, (command, answer)
    await world.review("otto", words)
    assert world.room in world.homeserver.banners, "others judge it as before"


async def test_an_owner_of_many_rooms_does_not_ask_people_all_day(any_world: World) -> None:
    world = any_world
    object.__setattr__(world.config.filing, "rooms_per_person", 9)
    records = [await world.governed_room()]
    records += [await another_room(world, f"!room{n}:example.org") for n in range(3)]
    for n, record in enumerate(records[:2]):
        answer = await world.say("anna", f"!policy deputy {record} @guest{n}:example.org")
        assert "whether they will" in answer
    assert "I have asked" in await world.say("anna", f"!policy transfer {records[2]} @eve:example.org")
    for words in ("deputy", "transfer"):
        answer = await world.say("anna", f"!policy {words} {records[3]} @tom:example.org")
        assert "wait an hour" in answer, words
    assert world.told("tom") == []
    await world.tick(hours=1)
    answer = await world.say("anna", f"!policy deputy {records[3]} @tom:example.org")
    assert "whether they will" in answer


async def test_nobody_is_asked_more_than_three_times_a_day_whoever_asks(any_world: World) -> None:
    world = any_world
    owners = ("anna", "lea", "zoe", "mira")
    records = [await world.governed_room(owner, f"!{owner}:example.org") for owner in owners]
    answers = [
        await world.say(owner, f"!policy deputy {record} @tom:example.org")
        for owner, record in zip(owners, records, strict=True)
    ]
    assert "has been asked" in answers[-1]
    transfer = f"!policy transfer {records[-1]} @tom:example.org"
    assert "has been asked" in await world.say("mira", transfer)
    assert sum("asks you to be the deputy" in text for text in world.told("tom")) == 3
    await world.say("tom", f"!policy decline {records[0]}")
    await world.tick(hours=1)
    assert "has been asked" in await world.say("anna", f"!policy deputy {records[0]} @tom:example.org")
    await world.tick(hours=23)
    assert "I have asked" in await world.say("mira", transfer)
