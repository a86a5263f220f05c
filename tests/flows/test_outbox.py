"""Effects: each happens once, whatever breaks, and nothing is given up silently."""

import logging
from pathlib import Path
from typing import Any

import pytest

from policybot.domain.effects import (
    Effect,
    JoinRoom,
    KeepEvidence,
    LearnName,
    Notify,
    Redact,
    RestrictMember,
    Say,
    ShowCard,
)
from policybot.domain.showing import Publish
from policybot.ports import Later, Result
from policybot.services.aftermath import Aftermath
from policybot.store import audit, outbox
from policybot.store.database import Stale, Tx
from policybot.store.outbox import Queued
from tests.papers import OFFERED, handed_in
from tests.world import BOT, REVIEW, World, find, user
from tests.world import world as make_world


class Crash(BaseException):
    """The process is gone, in the middle of whatever it did."""


async def chain_holds(world: World) -> bool:
    async with world.database.transaction() as tx:
        steps = [step async for step in audit.verify(tx)]
    return isinstance(steps[-1], int)


async def restart(world: World) -> None:
    """Start a new worker once the leases of the dead one have run out."""
    world.clock.pass_time(seconds=20)
    await world.work()


def done(world: World, kind: type[Effect]) -> int:
    return sum(isinstance(effect, kind) for effect in world.homeserver.performed)


@pytest.mark.parametrize("after", range(5))
async def test_a_crash_right_after_any_effect_doubles_nothing_and_loses_nothing(
    any_world: World, after: int
) -> None:
    """The worst instant: the homeserver has done it, and we die before we could note that."""
    world = any_world
    await world.governed_room()
    case = await world.reported()
    left = [after]

    def crash(_: Effect) -> None:
        left[0] -= 1
        if left[0] < 0:
            world.homeserver.before_answer = None
            raise Crash

    world.homeserver.before_answer = crash
    with pytest.raises((Crash, BaseExceptionGroup)):
        await world.review(
            "mira", f"!policy decide {case} R2 S3 proposed+remove Threatened a neighbour at night"
        )
        await world.work()
        raise Crash  # the effects were fewer than that
    world.homeserver.before_answer = None
    await restart(world)
    assert world.homeserver.redacted
    assert world.homeserver.levels[world.room]["users"][user("tom")] == -1
    notices = [text for text in world.told("tom") if text.startswith("Decision C-")]
    assert len(notices) == 1
    async with world.database.transaction() as tx:
        assert await outbox.counts(tx) == {"waiting": 0, "dead": 0}
    assert await chain_holds(world)
    await world.review("ravi", "!policy help")
    await world.say("tom", f"!policy appeal {case} It was a joke between friends")
    await world.review("ravi", f"!policy overturn {case} It was a joke between friends")
    assert user("tom") not in world.homeserver.levels[world.room]["users"]


async def test_a_decision_waits_while_the_homeserver_is_away(any_world: World) -> None:
    world = any_world
    await world.governed_room()
    case = await world.reported()
    world.homeserver.away = True
    await world.review(
        "mira", f"!policy decide {case} R2 S3 proposed+remove Threatened a neighbour at night"
    )
    for _ in range(6):
        world.clock.pass_time(seconds=10)
        await world.work()
    assert not world.homeserver.redacted
    assert user("tom") not in world.homeserver.levels[world.room]["users"]
    world.homeserver.away = False
    world.clock.pass_time(seconds=31)
    await world.work()
    assert world.homeserver.redacted
    assert world.homeserver.levels[world.room]["users"][user("tom")] == -1
    assert done(world, Redact) == done(world, RestrictMember) == 1


async def test_the_clock_of_a_measure_starts_when_the_homeserver_has_carried_it_out(
    world: World,
) -> None:
    await world.governed_room()
    case = await world.reported()
    world.homeserver.away = True
    await world.review("mira", f"!policy decide {case} R2 S3 proposed Threatened a neighbour at night")
    world.homeserver.away = False
    world.clock.pass_time(hours=5)
    await world.work()
    assert any("It ends by itself on 9 March 2026, 14:00 UTC" in text for text in world.told("tom"))


async def test_an_effect_that_can_never_work_calls_people_and_can_be_tried_again(
    world: World,
) -> None:
    world.homeserver.refuses[Publish] = "the homeserver does not let me change its directory"
    await world.governed_room()
    alarm = world.in_review()[-1]
    assert "could not publish" in alarm
    assert "does not let me" in alarm
    assert not any("in the directory now" in text for text in world.told("anna"))
    del world.homeserver.refuses[Publish]
    number = find(r"(?<=!policy retry )\d+", alarm)
    assert "trying again" in await world.review("mira", f"!policy retry {number}")
    await world.work()
    assert world.room in world.homeserver.directory
    assert any("directory now" in text for text in world.told("anna"))


async def test_a_dead_effect_does_not_hold_back_what_comes_after_it(world: World) -> None:
    world.homeserver.refuses[Publish] = "no"
    await world.governed_room()
    case = await world.reported()
    await world.review("mira", f"!policy decide {case} R2 S3 proposed Threatened a neighbour at night")
    assert world.homeserver.levels[world.room]["users"][user("tom")] == -1


async def test_in_a_dry_run_everything_is_said_and_nobody_is_restricted(tmp_path: Path) -> None:
    async with make_world(tmp_path, dry_run=True) as world:
        await world.governed_room()
        assert world.room not in world.homeserver.directory
        await world.say("lea", f"!policy report {user('tom')} R2 He threatens everybody")
        answer = await world.review(
            "mira",
            "!policy decide C-1 R2 S3 suspend:P7D Threatened three neighbours // No other way",
        )
        code = find(r"(?<=!policy confirm )\w+", answer)
        assert "is decided" in await world.review("mira", f"!policy confirm {code}")
        assert not world.homeserver.suspended
        assert not any("Decision" in text for text in world.told("tom"))
        kinds = {type(effect) for effect in world.homeserver.performed}
        assert kinds <= {Say, ShowCard, Notify, JoinRoom, KeepEvidence, LearnName}
        async with world.database.transaction() as tx:
            rows = await tx.fetch("SELECT kind FROM outbox WHERE state = 'dry'")
        assert {row["kind"] for row in rows} >= {"TakeSeat", "SetLabel", "Publish", "SuspendAccount"}


async def test_two_workers_never_perform_the_same_effect(any_world: World) -> None:
    world = any_world
    first = world.app.worker(world.homeserver, owner="first")
    second = world.app.worker(world.homeserver, owner="second")
    await first.drain()
    async with world.database.transaction() as tx:
        world.app.setting.queue(tx, [Say(REVIEW, "hello")], cause="test")
    await second.drain()
    assert world.in_review() == []
    await first.drain()
    assert world.in_review() == ["hello"]
    async with world.database.transaction() as tx:
        world.app.setting.queue(tx, [Say(REVIEW, "again")], cause="test")
    world.clock.pass_time(seconds=20)
    await second.drain()
    await first.drain()
    assert world.in_review() == ["hello", "again"]
    assert done(world, Say) == 2


async def test_a_bug_in_what_follows_an_effect_does_not_repeat_it_for_ever(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = [True]
    told = Aftermath._follow_cause

    async def sometimes(self: Aftermath, tx: Tx, queued: Queued, result: Result) -> None:
        if broken[0]:
            raise ZeroDivisionError
        await told(self, tx, queued, result)

    monkeypatch.setattr(Aftermath, "_follow_cause", sometimes)
    async with world.database.transaction() as tx:
        world.app.setting.queue(tx, [Say(REVIEW, "hello")], cause="test")
    await world.work()
    await world.work()
    assert done(world, Say) == 1
    broken[0] = False
    world.clock.pass_time(seconds=5)
    await world.work()
    assert world.in_review() == ["hello"]
    async with world.database.transaction() as tx:
        assert await outbox.counts(tx) == {"waiting": 0, "dead": 0}


@pytest.mark.parametrize("losses", [2, 3])
async def test_a_row_changed_meanwhile_is_no_absence_and_what_follows_is_recorded_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, losses: int
) -> None:
    left = [losses]
    told = Aftermath._follow_cause

    async def beaten(self: Aftermath, tx: Tx, queued: Queued, result: Result) -> None:
        await told(self, tx, queued, result)
        if queued.cause == "test" and left[0]:
            left[0] -= 1
            raise Stale(case)

    case = "C-10"
    monkeypatch.setattr(Aftermath, "_follow_cause", beaten)
    async with world.database.transaction() as tx:
        world.app.setting.queue(tx, [Say(REVIEW, "hello")], cause="test")
    await world.work()
    assert left == [0]
    assert world.in_review() == ["hello"]
    assert done(world, Say) == 1 + losses // 3  # told the homeserver again under the same key
    async with world.database.transaction() as tx:
        assert await outbox.counts(tx) == {"waiting": 0, "dead": 0}
    assert not [r for r in caplog.records if r.levelno >= logging.INFO and "C-10" in r.getMessage()]
    assert "cannot reach" not in caplog.text


async def test_what_was_taken_back_before_it_was_carried_out_is_not_carried_out(
    world: World,
) -> None:
    await world.governed_room()
    case = await world.reported()
    world.homeserver.away = True
    await world.review("mira", f"!policy decide {case} R2 S3 proposed Threatened a neighbour at night")
    await world.review("mira", f"!policy lift {case} They have made it up already")
    world.homeserver.away = False
    world.clock.pass_time(minutes=1)
    await world.work()
    assert done(world, RestrictMember) == 0
    first, second = world.told("tom")
    assert first.startswith(f"Decision {case}"), "what was decided is told all the same"
    assert "lifted" in second


async def kept_with(world: World, text: str) -> int:
    """Count the rows in which a text still stands."""
    async with world.database.transaction(reading=True) as tx:
        return int(
            await tx.value("SELECT COUNT(*) AS value FROM outbox WHERE data LIKE $1", f"%{text}%")
        )


async def test_a_link_to_a_persons_own_page_is_not_kept_once_it_is_sent(any_world: World) -> None:
    answer = await any_world.say("anna", "!policy verify")
    assert await kept_with(any_world, find(r"/verify/\S+", answer)) == 0


async def test_a_reviewers_link_to_a_document_is_not_kept_once_it_is_sent(tmp_path: Path) -> None:
    staff = {"@mira:example.org": ["moderator"], "@ravi:example.org": ["reviewer", "appeals"]}
    changes: dict[str, Any] = {"identity.document": OFFERED, "staff": staff}
    async with make_world(tmp_path, **changes) as world:
        document = await handed_in(world, "anna")
        answer = await world.say("ravi", f"!policy show {document}")
        assert await kept_with(world, find(r"/document/\S+", answer)) == 0


@pytest.mark.parametrize("number", ["9" * 19, "9" * 60, "2147483648", "-1", "0", "1.5"])
async def test_an_effect_of_a_number_that_cannot_be_is_none(any_world: World, number: str) -> None:
    said = await any_world.review("mira", f"!policy retry {number}")
    assert f"no failed effect {number}" in said


async def test_a_link_that_cannot_be_delivered_is_not_kept_and_another_can_be_asked_for(
    world: World,
) -> None:
    world.homeserver.refuses[Notify] = "no"
    await world.say("anna", "!policy verify")
    assert await kept_with(world, "/verify/") == 0
    assert world.in_review() == [], "nobody can ring an alarm with it"
    async with world.database.transaction(reading=True) as tx:
        dead = await tx.value("SELECT id AS value FROM outbox WHERE state = 'dead'")
    assert f"no failed effect {dead}" in await world.review("mira", f"!policy retry {dead}")
    world.homeserver.refuses.clear()
    assert "/verify/" in await world.say("anna", "!policy verify")


async def test_a_link_is_not_kept_when_its_reason_is_gone(world: World) -> None:
    world.homeserver.away = True
    await world.say("anna", "!policy verify")
    assert await kept_with(world, "/verify/") == 1
    async with world.database.transaction() as tx:
        await outbox.drop(tx, f"link verification {user('anna')}")
    assert await kept_with(world, "/verify/") == 0


async def test_who_writes_as_soon_as_the_bot_enters_is_answered_in_that_chat(any_world: World) -> None:
    """The invitation, and a command behind it, before anything was noted of the room."""
    world, who, room = any_world, user("tom"), "!ours:example.org"
    invitation: dict[str, Any] = {"membership": "invite", "is_direct": True}
    for number, event in enumerate(
        (
            {"type": "m.room.member", "state_key": BOT, "content": invitation},
            {"type": "m.room.message", "content": {"msgtype": "m.text", "body": "!policy verify"}},
        )
    ):
        ids = {"event_id": f"$at-once-{number}", "room_id": room, "sender": who}
        await world.inward.handle({**event, **ids})
    async with world.database.transaction(reading=True) as tx:
        waiting = await outbox.waiting(tx, 0, 10)
    (answer,) = (queued for queued in waiting if isinstance(queued.effect, Notify))
    with pytest.raises(Later, match="entering the chat"):
        await world.app.worker(world.homeserver)._prepare(answer)
    await world.work()
    await restart(world)
    assert any("/verify/" in text for text in world.told("tom"))
    async with world.database.transaction(reading=True) as tx:
        found = await tx.fetch("SELECT room_id FROM rooms WHERE user_id = $1", who)
    assert [row["room_id"] for row in found] == [room], "no other chat was opened"


@pytest.mark.parametrize(
    "muting",
    [
        {"users_default": -10, "users": {"@notices:example.org": 100}},
        {"events": {"m.room.message": 50}, "users": {user("tom"): 100}},
    ],
)
async def test_where_it_may_not_write_it_greets_nobody_and_calls_nobody(
    world: World, muting: dict[str, Any]
) -> None:
    """In rooms for server notices, to which `policybot doctor` leads it, too."""
    room = "!muted:example.org"
    world.homeserver.levels[room] = muting
    await world.deliver(
        type="m.room.member",
        room_id=room,
        sender=user("tom"),
        state_key=BOT,
        content={"membership": "invite", "is_direct": True},
    )
    assert [text for where, text in world.homeserver.said.values() if where == room] == []
    assert "I look after the public rooms" in await world.say("tom", "!policy about")
