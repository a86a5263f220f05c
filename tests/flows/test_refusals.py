"""What follows a refusal: it is counted, its author is told, and what refuses too much is stopped."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from policybot.cli.program import app
from policybot.domain.effects import Redact
from policybot.domain.refusal import Code
from policybot.store.refusals import Refused
from tests.ruled import rules
from tests.world import World, user
from tests.world import world as make_world

GATE: dict[str, Any] = {"gate": {"token": "g" * 40, "most_people": 3}}


@pytest.fixture
async def gated(tmp_path: Path) -> AsyncIterator[World]:
    """A world with a gate, in which R1 refuses a word, and would remove it by itself."""
    ruled = rules(then=["refuse"], automatic=True)
    async with make_world(tmp_path, **GATE, **ruled) as made:
        await made.governed_room()
        yield made


async def refused(world: World, *who: str, code: Code = Code.RULE, number: int = 1, **more: Any) -> None:
    """Let something be refused to some people, and the outbox do what it can."""
    rule = {"rule_id": "R1" if code is Code.RULE else ""} | more
    async with world.database.transaction() as tx:
        await world.app.services.refusals.record(
            tx,
            [
                Refused(
                    code.value,
                    rule["rule_id"],
                    rule.get("room_id", world.room),
                    one if one.startswith("@") else user(one),
                    world.clock(),
                    number,
                )
                for one in who
            ],
        )
    await world.work()


async def test_a_person_reads_why_at_most_once_an_hour_for_each_rule(
    tmp_path: Path, database_url: str
) -> None:
    async with make_world(tmp_path, database_url, **GATE, **rules(then=["refuse"])) as world:
        number = await world.governed_room()
        before = len(world.told("tom"))
        await refused(world, "tom", number=40)
        (told,) = world.told("tom")[before:]
        assert told.startswith(
            f"{number}: https://matrix.to/#/{world.room}\nThis was not accepted. Rule R1 (Advertising)"
        )
        assert "Rule R1 (Advertising): Advertise only in rooms" in told
        assert told.endswith(world.app.services.findings.view.house.pages.rules)
        await refused(world, "tom", "tom")
        world.clock.pass_time(minutes=59)
        await refused(world, "tom")
        assert len(world.told("tom")) == before + 1
        await refused(world, "tom", code=Code.LIMITED)
        assert len(world.told("tom")) == before + 2, "another reason is told apart"
        world.clock.pass_time(minutes=2)
        await refused(world, "tom")
        assert len(world.told("tom")) == before + 3


async def test_what_passes_by_itself_and_who_is_not_of_ours_is_only_counted(gated: World) -> None:
    before = len(gated.homeserver.said)
    await refused(gated, "tom", code=Code.SLOW)
    await refused(gated, "tom", code=Code.UPLOAD, room_id="")
    await refused(gated, "@tom:elsewhere.org", gated.config.bot_user_id, "@\x00:example.org", "tom\n")
    await refused(gated, "tom", rule_id="R9")
    assert len(gated.homeserver.said) == before
    answer = await gated.review("mira", "!policy refusals")
    assert "something too soon, in a slow room: once, to 1 person in 1 room" in answer
    assert "a file of a kind or size: once, to 1 person, last" in answer
    assert "Rule R9: once" in answer
    assert "R1" not in answer


async def test_the_sentence_is_that_of_the_gate_with_the_decision_where_one_binds(gated: World) -> None:
    await refused(gated, "tom", code=Code.CURBED)
    assert gated.told("tom") == [], "no measure binds any more, so there is nothing to say"
    await refused(gated, "tom", code=Code.UNVERIFIED)
    assert "please verify yourself first" in gated.told("tom")[-1]
    assert gated.told("tom")[-1].endswith(gated.app.services.findings.view.house.pages.agreement)
    await refused(gated, "lea", code=Code.ENTRY)
    assert gated.told("lea")[-1].startswith("PB-")
    assert "enter this room" in gated.told("lea")[-1]
    await refused(gated, "lea", code=Code.CREATION, room_id="")
    assert gated.told("lea")[-1].startswith("Rooms that everybody can enter")
    assert f"!policy file new to {gated.config.bot_user_id}" in gated.told("lea")[-1]


async def test_there_are_no_more_than_thirty_messages_a_minute(gated: World) -> None:
    before = len(gated.homeserver.said)
    people = [f"p{number}" for number in range(50)]
    await refused(gated, *people, code=Code.UNVERIFIED)
    assert len(gated.homeserver.said) == before + 30
    await refused(gated, *people, code=Code.UNVERIFIED)
    assert len(gated.homeserver.said) == before + 30
    gated.clock.pass_time(minutes=2)
    await refused(gated, *people, code=Code.UNVERIFIED)
    assert len(gated.homeserver.said) == before + 50, "those who were not told yet are told now"


async def test_a_rule_that_is_in_the_way_of_many_people_is_stopped_for_an_hour(
    tmp_path: Path, database_url: str
) -> None:
    ruled = rules(then=["refuse"], automatic=True)
    async with make_world(tmp_path, database_url, **GATE, **ruled) as world:
        await world.governed_room()
        service, view = world.app.services.refusals, world.app.services.findings.view
        await refused(world, "tom", "lea", "zoe", number=1000)
        assert view.stopped == frozenset()
        called = len(world.in_review())
        await refused(world, "anna")
        assert view.stopped == {"R1"}
        await refused(world, "mira", "tom")
        (call,) = world.in_review()[called:]
        assert "rule R1 (Advertising) has refused something to 4 people, 3,001 times" in call
        assert "the operator can set its state to shadow" in call
        assert "Rule R1 (Advertising) is stopped until" in await world.review(
            "mira", "!policy refusals 1"
        )

        # What it finds from then on is a case, and nothing is removed.
        event = await world.message("tom", "frobnitz", world.room)
        assert event not in world.homeserver.redacted
        assert not any(isinstance(effect, Redact) for effect in world.homeserver.performed)
        assert "It did not act by itself: the gate has stopped it" in world.in_review()[-1]

        # Another process, or this one after a restart, knows it as well.
        view.stopped = frozenset()
        await service.refresh(world.database)
        assert view.stopped == {"R1"}
        world.clock.pass_time(minutes=61)
        await service.refresh(world.database)
        assert view.stopped == frozenset()
        await refused(world, "tom")
        assert view.stopped == frozenset()
        event = await world.message("zoe", "frobnitz", world.room)
        assert event in world.homeserver.redacted


async def test_twenty_spammers_who_go_on_and_on_do_not_stop_a_rule(tmp_path: Path) -> None:
    many = GATE | {"gate": GATE["gate"] | {"most_people": 50}}
    async with make_world(tmp_path, **many, **rules(then=["refuse"])) as world:
        spammers = [f"spam{number}" for number in range(20)]
        for _ in range(50):
            await refused(world, *spammers, number=20)
            world.clock.pass_time(minutes=1)
        assert world.app.services.findings.view.stopped == frozenset()
        answer = await world.review("mira", "!policy refusals 2")
        assert "Rule R1 (Advertising): 20,000 times, to 20 people in 1 room" in answer


async def test_what_is_kept_in_memory_is_put_on_record_together(gated: World) -> None:
    service = gated.app.services.refusals
    why = service._why(Refused("rule", "R1", gated.room, user("tom"), gated.clock()))
    assert why is not None
    for _ in range(500):
        service.note(why, gated.room, user("tom"))
    await service.flush(gated.database)
    await service.flush(gated.database)
    await gated.work()
    assert "R1 (Advertising): 500 times, to 1 person" in await gated.review("mira", "!policy refusals")
    assert len(gated.told("tom")) == 1


async def test_moderators_see_figures_and_nobody_else_does(gated: World) -> None:
    assert "Nothing was refused within 24 hours" in await gated.review("mira", "!policy refusals")
    assert "HOURS is a number" in await gated.review("mira", "!policy refusals 99999999999")
    assert "I do not know «refusals»" in await gated.say("tom", "!policy refusals")
    gated.config.gate = None
    assert "There is no gate here" in await gated.review("mira", "!policy refusals")


async def test_the_figures_of_rules_have_what_was_refused(gated: World, tmp_path: Path) -> None:
    gated.clock.at += timedelta(days=36500)  # the command line has the true time
    await refused(gated, "tom", "lea", number=7)
    file = str(tmp_path / "config.yaml")
    asked = ["rules", "stats", "--config", file]
    result = await asyncio.to_thread(CliRunner().invoke, app, [*asked, "--json"])
    (figures,) = json.loads(result.stdout)
    assert (figures["rule_id"], figures["refused"], figures["refused_people"]) == ("R1", 14, 2)
    assert figures["outcomes"] == {}
    shown = await asyncio.to_thread(CliRunner().invoke, app, asked)
    assert "R1" in shown.stdout


async def test_refusals_are_in_the_export_and_go_in_time(gated: World) -> None:
    await refused(gated, "tom", number=3)
    async with gated.database.transaction(reading=True) as tx:
        rows = await tx.fetch("SELECT number FROM refusals WHERE user_id = $1", user("tom"))
        told = await tx.fetch("SELECT * FROM refusal_notices")
    assert [row["number"] for row in rows] == [3]
    assert len(told) == 1
    await gated.tick(hours=3)
    async with gated.database.transaction(reading=True) as tx:
        assert await tx.fetch("SELECT * FROM refusal_notices") == []
    await gated.tick(days=31)
    async with gated.database.transaction(reading=True) as tx:
        assert await tx.fetch("SELECT * FROM refusals") == []
