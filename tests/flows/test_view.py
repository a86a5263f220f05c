"""What the gate is told of people and rooms: true at every step, in every process, and from memory."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from policybot.app import App
from policybot.domain import gate
from policybot.domain.gate import Verdict
from policybot.domain.refusal import Code
from policybot.domain.view import Curb, Room, Slow
from policybot.services.findings import Known
from policybot.store import sanctions
from tests.flows.test_qualifications import MEDICAL, STAFF, claimed, granted
from tests.flows.test_upgrades import NEW, a_copy, replaced
from tests.world import CHEAP, World, find, user
from tests.world import world as make_world

SLOW = {"every": "PT30S", "new_every": "PT5M", "new_for": "P1D"}
FILING = "filing.categories"
Changes = list[dict[str, Any]]
VERIFIED: Changes = [{"id": "general", "title": "General", "front": "verified_required"}]
KINDS: Changes = [
    {"id": "general", "title": "General", "slow": {"every": "PT10S"}},
    {"id": "careful", "title": "Careful", "slow": SLOW, "enter": "publishers"},
]


def changed(kinds: Changes) -> dict[str, Any]:
    return {FILING: kinds}


def view(world: World) -> Known:
    return world.app.services.findings.view


def curb(world: World, room: str = "", who: str = "tom") -> Curb | None:
    return view(world).curb(room or world.room, user(who), world.clock())


def judged(world: World, who: str, body: str = "Look at my tulips", **content: Any) -> Verdict:
    known, rules = view(world), world.app.services.findings.rules
    said = {"msgtype": "m.text", "body": body} | content
    room = known.room(world.room)
    return gate.decide(
        known, rules, gate.posted(world.room, user(who), "m.room.message", said, world.clock(), room)
    )


async def another_process(world: World) -> Known:
    """Begin anew on the same records, as another process does, or this one after a restart."""
    app = App(world.config, world.database, now=world.clock, stretch=CHEAP)
    await app.record_policy()
    return app.services.findings.view


async def decided(world: World, measure: str, rule: str = "R2", severity: str = "S3") -> str:
    """Have a moderator decide about Tom; return the case."""
    case = await world.reported()
    command = f"!policy decide {case} {rule} {severity} {measure}"
    answer = await world.review("mira", f"{command} Threatened a neighbour at night // No other way")
    if "!policy confirm" in answer:
        code = find(r"(?<=!policy confirm )\w+", answer)
        answer = await world.review("otto", f"!policy confirm {code}")
    assert "being carried out" in answer, answer
    return case


# Measures ------------------------------------------------------------------------------------------


async def test_a_measure_binds_at_the_gate_from_the_decision_until_it_is_lifted_or_ends(
    any_world: World,
) -> None:
    world = any_world
    await world.governed_room()
    other = App(world.config, world.database, now=world.clock, stretch=CHEAP)
    await other.record_policy()
    there = other.services.findings.view

    case = await world.reported()
    world.homeserver.away = True
    await world.review(
        "mira",
        f"!policy decide {case} R2 S3 restrict:P7D Threatened a neighbour at night // No other way",
    )
    assert curb(world) == Curb(case, world.room), "before the homeserver has carried it"
    assert curb(world, "!elsewhere:example.org") is None
    assert curb(world, who="lea") is None
    world.homeserver.away = False
    await world.tick(minutes=5)
    until = world.clock() + timedelta(days=7)
    assert curb(world) == Curb(case, world.room, until=until)
    refusal = judged(world, "tom").refusal
    assert refusal is not None
    assert refusal.code is Code.CURBED
    assert f"by decision {case} you cannot write here until 2026-03-09 09:05 UTC" in refusal.sentence

    await other.services.messages.refresh(world.database)
    assert there.curb(world.room, user("tom"), world.clock()) == curb(world), "in another process"
    assert (await another_process(world)).curb(world.room, user("tom"), world.clock()) == curb(world)

    world.clock.pass_time(days=7)
    assert curb(world) is None, "its time is over, though the clock has not struck"
    await world.tick()
    assert world.app.services.messages._curbs.get(user("tom")) is None

    again = await decided(world, "restrict:P7D")
    await world.review("mira", f"!policy lift {again} They have apologised to each other")
    assert world.app.services.messages._curbs.get(user("tom")) is None
    await other.services.messages.refresh(world.database)
    assert there.curb(world.room, user("tom"), world.clock()) is None


async def test_an_appeal_that_stays_a_measure_frees_at_once_and_so_does_one_that_overturns_it(
    tmp_path: Path,
) -> None:
    stays: dict[str, Any] = {"ladder.appeals.stay": ["member:restrict"]}
    async with make_world(tmp_path, **stays) as world:
        await world.governed_room()
        case = await decided(world, "restrict:P7D")
        await world.tick(days=1)
        await world.say("tom", f"!policy appeal {case} It was a joke between friends")
        assert "The measure rests meanwhile" in world.in_review()[-1]
        assert curb(world) is None
        await world.review("ravi", f"!policy uphold {case} It did not read like a joke")
        assert curb(world) == Curb(case, world.room, until=world.clock() + timedelta(days=6))
    async with make_world(tmp_path / "second") as world:
        await world.governed_room()
        case = await decided(world, "restrict:P7D")
        await world.say("tom", f"!policy appeal {case} It was a joke between friends")
        assert curb(world) is not None, "nothing stays it here"
        await world.review("ravi", f"!policy overturn {case} A joke between friends indeed")
        assert curb(world) is None


async def test_who_is_excluded_may_not_enter_and_a_restricted_account_writes_nowhere(
    world: World,
) -> None:
    await world.governed_room()
    case = await decided(world, "suspend:P14D")
    found = curb(world)
    assert found is not None
    assert (found.number, found.room_id, found.excluded) == (case, world.room, True)
    wide = await decided(world, "restrict:P3D", rule="R3")
    elsewhere = curb(world, "!filed-later:example.org")
    assert elsewhere is not None
    assert (elsewhere.number, elsewhere.room_id, elsewhere.excluded) == (wide, "", False)
    assert curb(world) == found, "the gravest one counts where there are several"


async def test_in_a_dry_run_nobody_is_curbed_and_what_was_rehearsed_never_binds(world: World) -> None:
    await world.governed_room()
    world.config.dry_run = True
    await decided(world, "restrict:P7D")
    await world.tick()
    assert curb(world) is None
    world.config.dry_run = False
    async with world.database.transaction(reading=True) as tx:
        (kept,) = await sanctions.binding_on(tx, user("tom"), None)
    assert kept.dry
    assert (await another_process(world)).curb(world.room, user("tom"), world.clock()) is None


async def test_a_measure_moves_with_its_room(world: World) -> None:
    await world.governed_room()
    await world.tick()
    case = await decided(world, "restrict:P30D")
    a_copy(world)
    await replaced(world)
    found = curb(world, NEW)
    assert found is not None
    assert found.number == case
    assert curb(world) is None
    assert view(world).room(world.room) is None


async def test_a_decision_and_a_message_at_the_same_moment_do_not_wait_for_each_other(
    tmp_path: Path, database_url: str
) -> None:
    async with make_world(tmp_path, database_url, **changed(VERIFIED)) as world:
        await world.governed_room()
        case = await decided(world, "restrict:P7D")
        lift = world.review("mira", f"!policy lift {case} They have apologised to each other")
        await asyncio.wait_for(
            asyncio.gather(lift, *(world.message(who, "Hello", world.room) for who in ("zoe", "leo"))),
            20,
        )
        assert world.app.services.messages._curbs.get(user("tom")) is None


# Rooms ---------------------------------------------------------------------------------------------


@pytest.fixture
async def slow(tmp_path: Path) -> AsyncIterator[World]:
    async with make_world(tmp_path, **changed(KINDS)) as made:
        made.homeserver.levels[made.room] = {"users": {user("anna"): 100}}
        await made.governed_room()
        yield made


async def test_a_room_is_as_slow_and_as_guarded_as_the_strictest_of_its_kinds(slow: World) -> None:
    assert view(slow).room(slow.room) == Room(("general",), slow=Slow(timedelta(seconds=10)))
    async with slow.database.transaction() as tx:
        both = 'UPDATE filings SET categories = \'["general", "careful"]\''
        await tx.execute(both)
        await slow.app.services.messages.room_changed(tx, slow.room)
    room = view(slow).room(slow.room)
    assert room is not None
    assert room.guarded
    assert room.slow == Slow(timedelta(seconds=30), timedelta(minutes=5), timedelta(days=1))


async def test_where_people_write_slowly_it_is_known_when_they_last_did_and_commands_are_no_posts(
    slow: World,
) -> None:
    await slow.message("tom", "Look at my tulips", slow.room)
    assert view(slow).last_post(slow.room, user("tom")) == slow.clock()
    refusal = judged(slow, "tom").refusal
    assert refusal is not None
    assert refusal.code is Code.SLOW
    assert judged(slow, "tom", "!policy verify").refusal is None
    edit: dict[str, Any] = {
        "m.relates_to": {"rel_type": "m.replace", "event_id": "$e"},
        "m.new_content": {"msgtype": "m.text", "body": "Look at my roses"},
    }
    assert judged(slow, "tom", **edit).refusal is None
    slow.clock.pass_time(seconds=10)
    assert judged(slow, "tom").refusal is None
    before = view(slow).last_post(slow.room, user("tom"))
    await slow.message("tom", "Look at my roses", slow.room, **edit)
    await slow.message("tom", "!policy help", slow.room)
    assert view(slow).last_post(slow.room, user("tom")) == before


async def test_who_enters_a_room_that_is_slower_for_newcomers_is_known_as_one(tmp_path: Path) -> None:
    kinds: Changes = [{"id": "general", "title": "General", "slow": SLOW}]
    async with make_world(tmp_path, **changed(kinds)) as world:
        await world.governed_room()
        await world.called("tom", "Tom")
        assert view(world).entered(world.room, user("tom")) == world.clock()
        await world.message("tom", "Look at my tulips", world.room)
        world.clock.pass_time(seconds=31)
        refusal = judged(world, "tom").refusal
        assert refusal is not None
        assert "one message every 5 min" in refusal.sentence
    async with make_world(tmp_path / "fast") as world:
        await world.governed_room()
        await world.called("tom", "Tom")
        assert view(world).entered(world.room, user("tom")) is None, "nobody asks there"


async def test_a_room_is_qualified_from_the_grant_until_it_is_revoked_or_ends(
    tmp_path: Path, database_url: str
) -> None:
    answers = {**MEDICAL, "id": "answers", "rights": ["answer"]}
    changes = {"filing.qualifications": [MEDICAL, answers], "staff": STAFF}
    async with make_world(tmp_path, database_url, **changes) as world:

        def qualified(known: Known) -> tuple[str, ...]:
            room = known.room(world.room)
            assert room is not None
            return room.qualified

        record = await granted(world)
        assert qualified(view(world)) == ("medical",)
        number = await claimed(world, record, "answers")
        await world.review("ravi", f"!policy grant {number}")
        assert qualified(view(world)) == ("medical",), "who may answer may not publish"
        assert qualified(await another_process(world)) == ("medical",)
        answer = await world.review("ravi", "!policy revoke Q-1 The licence has been taken away")
        code = find(r"(?<=!policy confirm )\w+", answer)
        assert qualified(view(world)) == ("medical",)
        await world.review("mira", f"!policy confirm {code}")
        assert qualified(view(world)) == ()
        number = await claimed(world, record)
        await world.review("ravi", f"!policy grant {number}")
        assert qualified(view(world)) == ("medical",)
        world.clock.pass_time(days=91)
        assert qualified(await another_process(world)) == ()
        await world.tick()
        assert qualified(view(world)) == ()


# People --------------------------------------------------------------------------------------------


async def test_people_choose_the_language_in_which_they_are_answered(
    tmp_path: Path, database_url: str
) -> None:
    german = {"unverified": "Das wurde nicht angenommen: hier schreiben Geprüfte. !policy verify"}
    changes = {FILING: VERIFIED, "languages": {"de": german, "fr": {}}}
    async with make_world(tmp_path, database_url, **changes) as world:
        await world.governed_room()
        answer = await world.say("tom", "!policy language")
        assert "Your language is the usual one here" in answer
        for code in ("de", "en", "fr"):
            assert f"!policy language {code}" in answer
        assert "There is nothing to read in «xx» here" in await world.say("tom", "!policy language xx")
        assert "in «de»" in await world.say("tom", "!policy language DE")
        assert "Your language is «de»" in await world.say("tom", "!policy language")
        assert view(world).account(user("tom")).language == "de", "though nobody knows who Tom is"
        refusal = judged(world, "tom").refusal
        assert refusal is not None
        assert refusal.sentence == german["unverified"]
        other = await another_process(world)
        assert other.account(user("tom")) == view(world).account(user("tom"))

        await world.say("anna", "!policy language de")
        anna = view(world).account(user("anna"))
        assert (anna.verified, anna.signed, anna.language) == (True, 1, "de")
        assert other.account(user("anna")).language == ""
        assert (await another_process(world)).account(user("anna")) == anna

        assert "the usual one here" in await world.say("tom", "!policy language default")
        assert view(world).account(user("tom")).language == ""

        await world.say("tom", "!policy language fr")
        await world.tick(days=366)
        await world.app.services.messages.refresh(world.database)
        assert view(world).account(user("tom")).language == "", "after a year it is forgotten"
        assert view(world).account(user("anna")).language == "de", "while she is linked it stays"


async def test_who_lacks_what_a_room_asks_for_can_still_ask_the_bot_there(tmp_path: Path) -> None:
    async with make_world(tmp_path, **changed(VERIFIED)) as world:
        await world.governed_room()
        assert judged(world, "tom").refusal is not None
        assert judged(world, "tom", "!policy verify").refusal is None
        assert judged(world, "tom", "!policy verify buy my spades").refusal is not None
        case = await decided(world, "restrict:P7D")
        refusal = judged(world, "tom", "!policy verify").refusal
        assert refusal is not None
        assert case in refusal.sentence, "a measure binds all the same; the bot is written to directly"


# What rules ask ------------------------------------------------------------------------------------


def ruled(when: dict[str, Any], **more: Any) -> dict[str, Any]:
    rule = {
        "id": "R1",
        "title": "Advertising",
        "text": "Advertise only in rooms that are made for it.",
        "severity": ["S0", "S2"],
        "when": when,
    }
    return {"rules": [rule | more]}


async def found(world: World) -> list[str]:
    async with world.database.transaction(reading=True) as tx:
        rows = await tx.fetch("SELECT event_id FROM findings ORDER BY id")
    return [row["event_id"] for row in rows]


async def test_an_author_says_in_the_post_itself_what_it_is_about(tmp_path: Path) -> None:
    changes = ruled({"unqualified": ["medical"]}) | {
        "filing.qualifications": [MEDICAL],
        "staff": STAFF,
    }
    async with make_world(tmp_path, **changes) as world:
        record = await world.governed_room()
        about = {"org.policybot.subject": "medical"}
        event = await world.message("tom", "Take two a day", world.room, **about)
        await world.message("tom", "Take two a day", world.room)
        await world.message(
            "tom", "Take two a day", world.room, **{"org.policybot.subject": ["medical"]}
        )
        assert await found(world) == [event]
        number = await claimed(world, record)
        await world.review("ravi", f"!policy grant {number}")
        await world.message("tom", "Take two a day", world.room, **about)
        assert await found(world) == [event], "the room is qualified now"


async def test_the_age_of_an_account_is_found_out_once_and_the_message_is_judged_again(
    tmp_path: Path,
) -> None:
    when = {"account_younger_than": "P7D", "terms": {"words": ["frobnitz"]}}
    async with make_world(tmp_path, **ruled(when)) as world:
        await world.governed_room()
        now = world.clock()
        world.homeserver.made = {
            user("tom"): int((now - timedelta(days=6)).timestamp() * 1000),
            user("lea"): int((now - timedelta(days=8)).timestamp() * 1000),
        }

        def asked() -> int:
            return sum(type(effect).__name__ == "LearnMore" for effect in world.homeserver.performed)

        await world.message("tom", "Look at my tulips", world.room)
        assert asked() == 0, "nothing hangs on it"
        first = await world.message("tom", "Buy a frobnitz", world.room)
        assert await found(world) == [first]
        second = await world.message("tom", "Buy another frobnitz", world.room)
        assert await found(world) == [first, second]
        for who in ("lea", "lea", "zoe", "zoe", "@far:elsewhere.example"):
            await world.message(who, "Buy a frobnitz", world.room)
        assert await found(world) == [first, second], "old, unknown, and of another homeserver"
        assert asked() == 3, "once for each of our own"
        assert view(world).made(user("lea")) == now - timedelta(days=8)
        assert view(world).made("@far:elsewhere.example") is None


async def test_a_rule_that_asks_for_a_file_and_an_age_learns_both_at_once(tmp_path: Path) -> None:
    when = {"account_younger_than": "P7D", "media": {"kinds": ["image/*"]}}
    async with make_world(tmp_path, **ruled(when)) as world:
        await world.governed_room()
        world.homeserver.made = {user("tom"): int(world.clock().timestamp() * 1000)}
        world.homeserver.files["$png"] = [{"kind": "image/png", "size": 1, "animated": False}]
        await world.deliver(
            type="m.room.message",
            event_id="$png",
            room_id=world.room,
            sender=user("tom"),
            content={"msgtype": "m.image", "body": "p", "url": "mxc://example.org/p"},
        )
        assert await found(world) == ["$png"]
