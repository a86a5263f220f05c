"""What one part of the gate does to another: the view, both doors, and the path after delivery."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from policybot.domain.refusal import Code, Refusal
from policybot.store import newcomers, refusals
from policybot.store.database import DatabaseAway, Tx
from policybot.store.refusals import Refused
from tests.flows.test_findings import kept, ruled
from tests.ruled import FROBNITZ
from tests.world import World, find, user
from tests.world import world as make_world

NEWS = {"first_post": True}
SLOW: dict[str, Any] = {
    "id": "general",
    "title": "General",
    "assurance": "low",
    "checklist": [],
    "front": "voluntary",
    "second_person": False,
    "slow": {"every": "PT10S"},
}


async def told_of(world: World) -> set[str]:
    """Read which changes those are told of who have a copy."""
    async with world.database.transaction(reading=True) as tx:
        return {row["subject"] for row in await tx.fetch("SELECT subject FROM standing_changes")}


# The view ------------------------------------------------------------------------------------------


async def test_who_is_not_new_any_more_is_forgotten_in_memory_and_at_the_homeserver_too(
    tmp_path: Path, database_url: str
) -> None:
    async with ruled(tmp_path, database_url, when=NEWS) as world:
        await world.governed_room()
        await world.called("tom", "Tom")
        view = world.app.services.findings.view
        assert view.is_first(world.room, user("tom"))
        await world.app.services.feed.refresh(world.database)
        await world.tick(days=31)
        async with world.database.transaction(reading=True) as tx:
            assert await newcomers.everybody(tx) == []
        await world.app.services.feed.refresh(world.database)
        assert not view.is_first(world.room, user("tom"))
        assert f"entered {world.room} {user('tom')}" in await told_of(world)


# What was refused ---------------------------------------------------------------------------------


def many(world: World, room_id: str, people: Iterable[int]) -> list[Refused]:
    at = world.clock()
    return [Refused("unverified", "", room_id, user(f"p{number}"), at) for number in people]


async def test_two_batches_about_the_same_people_wait_for_nobody_and_tell_everybody_once(
    tmp_path: Path, database_url: str
) -> None:
    async with make_world(tmp_path, database_url, gate={"token": "g" * 40}) as world:
        await world.governed_room()
        before = len(world.homeserver.said)

        async def heard(room_id: str, people: Iterable[int]) -> None:
            async with world.database.transaction() as tx:
                await world.app.services.refusals.record(tx, many(world, room_id, people))

        await asyncio.gather(
            heard("!one:example.org", range(12)), heard("!two:example.org", reversed(range(12)))
        )
        await world.work()
        assert len(world.homeserver.said) == before + 12


async def test_what_is_refused_while_the_database_is_away_is_counted_with_the_rest(
    any_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = any_world.app.services.refusals
    why = Refusal(Code.SLOW, "Slowly.", "")
    for _ in range(3):
        service.note(why, any_world.room, user("tom"))

    async def away(tx: Tx, refused: Sequence[Refused]) -> None:
        for _ in range(2):
            service.note(why, any_world.room, user("tom"))
        raise DatabaseAway

    with monkeypatch.context() as patched:
        patched.setattr(service, "record", away)
        with pytest.raises(DatabaseAway):
            await service.flush(any_world.database)
    await service.flush(any_world.database)
    async with any_world.database.transaction(reading=True) as tx:
        (tally,) = await refusals.tallies(tx, any_world.clock() - timedelta(hours=1))
    assert tally.number == 5


# After delivery ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["name", "topic"])
async def test_a_room_is_not_called_what_a_rule_forbids_and_people_decide_about_it(
    tmp_path: Path, kind: str
) -> None:
    async with ruled(tmp_path, then=["refuse", "redact"], automatic=True) as world:
        await world.governed_room()
        event = await world.deliver(
            type=f"m.room.{kind}",
            room_id=world.room,
            sender=user("tom"),
            state_key="",
            content={kind: "Frobnitz for everybody"},
        )
        assert [finding.event_id for finding in await kept(world)] == [event]
        assert event not in world.homeserver.redacted, "nothing else would be there in its place"
        told = world.in_review()[-1]
        assert "the room's name or topic" in told
        shown = await world.review("mira", f"!policy show {find(r'C-[0-9]+', told)}")
        assert "> Frobnitz for everybody" in shown
        await world.deliver(
            type=f"m.room.{kind}",
            room_id=world.room,
            sender=user("lea"),
            state_key="",
            content={kind: "Tulips"},
        )
        assert len(await kept(world)) == 1


async def test_who_floods_a_room_with_what_nobody_can_read_is_found_as_well(tmp_path: Path) -> None:
    async with ruled(tmp_path, when={"rate": {"more_than": 3, "within": "PT1M"}}) as world:
        await world.governed_room()
        for _ in range(4):
            event = await world.deliver(
                type="m.room.encrypted",
                room_id=world.room,
                sender=user("tom"),
                content={"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "AAAA"},
            )
        assert [finding.event_id for finding in await kept(world)] == [event]


async def test_a_reaction_or_a_command_is_no_first_post(tmp_path: Path) -> None:
    async with ruled(tmp_path, when=FROBNITZ | NEWS) as world:
        await world.governed_room()
        await world.called("tom", "Tom")
        await world.deliver(
            type="m.reaction",
            room_id=world.room,
            sender=user("tom"),
            content={"m.relates_to": {"rel_type": "m.annotation", "event_id": "$e", "key": "+"}},
        )
        await world.message("tom", "!policy verify", world.room)
        first = await world.message("tom", "Buy a frobnitz", world.room)
        await world.message("tom", "Buy another frobnitz", world.room)
        assert [finding.event_id for finding in await kept(world)] == [first]


async def test_what_is_delivered_late_makes_nobody_faster(tmp_path: Path) -> None:
    changes: dict[str, Any] = {"filing.categories": [SLOW]}
    async with make_world(tmp_path, **changes) as world:
        await world.governed_room()
        view = world.app.services.findings.view
        sent = world.clock()
        early = {"origin_server_ts": int(sent.timestamp() * 1000)}
        world.clock.pass_time(seconds=11)
        await world.message("tom", "The second", world.room)
        last = view.last_post(world.room, user("tom"))
        await world.deliver(
            type="m.room.message",
            room_id=world.room,
            sender=user("tom"),
            content={"msgtype": "m.text", "body": "The first"},
            **early,
        )
        assert view.last_post(world.room, user("tom")) == last == sent + timedelta(seconds=11)


async def test_a_change_of_other_rules_does_not_forget_who_is_posting_too_often(tmp_path: Path) -> None:
    async with ruled(tmp_path, when={"rate": {"more_than": 3, "within": "PT1M"}}) as world:
        await world.governed_room()
        for number in range(3):
            await world.message("tom", f"Tulip {number}", world.room)
        await world.app.use_rules(world.config)
        event = await world.message("tom", "Tulip 4", world.room)
        assert [finding.event_id for finding in await kept(world)] == [event]


async def test_a_topic_is_left_to_people_also_when_more_had_to_be_found_out(tmp_path: Path) -> None:
    when = FROBNITZ | {"account_younger_than": "P7D"}
    async with ruled(tmp_path, when=when, then=["redact"], automatic=True) as world:
        await world.governed_room()
        world.homeserver.made = {user("tom"): int(world.clock().timestamp() * 1000)}
        event = await world.deliver(
            type="m.room.topic",
            room_id=world.room,
            sender=user("tom"),
            state_key="",
            content={"topic": "Frobnitz for everybody"},
        )
        assert [finding.event_id for finding in await kept(world)] == [event]
        assert event not in world.homeserver.redacted
