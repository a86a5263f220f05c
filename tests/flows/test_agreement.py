"""A changed agreement: everybody hears of it once, in time, and a signature gives everything back."""

import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from policybot.app import App, CannotStart
from policybot.domain.agreement import Commitment
from policybot.domain.effects import Notify
from policybot.services import announcements
from policybot.store import agreements as store
from policybot.store.agreements import Announcement
from policybot.store.database import Database, Tx, to_ms
from tests.world import CHEAP, World, user
from tests.world import world as make_world

PROMISE = Commitment("sources", {"en": "I name my sources.", "de": "Ich nenne meine Quellen."})


async def changed(world: World, version: str = "2", days: float = 20, **changes: Any) -> None:
    """Write a new version over the old one in the file, and start again."""
    old = world.config.agreement
    world.config.agreement = replace(
        old,
        version=version,
        effective_from=world.clock() + timedelta(days=days),
        commitments=(*old.commitments, PROMISE),
        **changes,
    )
    await world.app.record_policy()


def told(world: World, who: str, what: str) -> int:
    return sum(what in text for text in world.told(who))


async def test_everybody_who_signed_is_told_once_what_changes_and_when_it_binds(
    any_world: World,
) -> None:
    world = any_world
    await world.verified("anna")
    await world.say("lea", "!policy me")
    await changed(world)
    for _ in range(3):
        await world.tick()
    assert told(world, "anna", "The agreement changes") == 1
    text = world.told("anna")[-1]
    for needed in (
        "Version 2 binds from 22 March 2026",
        "your signature under version 1 is good",
        "+ New promise: I name my sources.",
        "!policy agree 2",
        "you stay in your rooms and read",
    ):
        assert needed in text
    assert not told(world, "lea", "The agreement changes"), "she signed nothing"


async def test_a_long_change_is_on_its_page(world: World) -> None:
    await world.verified("anna")
    texts = {name: "Another line.\n" * 200 + name for name in ("en", "de")}
    await changed(world, texts=texts)
    await world.tick()
    assert "https://policybot.example.org/agreement/diff?from=1&to=2" in world.told("anna")[-1]
    assert len(world.told("anna")[-1]) < 1500


async def test_reminders_come_once_each_and_not_to_those_who_have_signed(world: World) -> None:
    await world.verified("anna")
    await world.verified("tom")
    await changed(world)
    await world.tick()
    await world.say("tom", "!policy agree 2")
    for _ in range(19 * 4):
        await world.tick(hours=6)
    assert told(world, "anna", "A reminder") == 2
    assert told(world, "tom", "A reminder") == 0


async def test_a_stricter_version_that_comes_too_late_binds_later_and_that_is_said(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    await world.verified("anna")
    caplog.set_level(logging.WARNING)
    await changed(world, days=2, stricter=True)
    assert "too late for its effective_from" in caplog.text
    assert "It binds from 16 March 2026" in caplog.text
    await world.tick()
    assert "binds from 16 March 2026" in world.told("anna")[-1]
    world.clock.pass_time(days=13)
    assert "binds from 16 March 2026" in await world.say("anna", "!policy me")
    world.clock.pass_time(days=1)
    assert "version 2 binds" in await world.say("anna", "!policy me")


async def test_the_wrong_version_of_the_file_is_said(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    first = world.config.agreement
    await changed(world)
    world.config.agreement = first
    caplog.set_level(logging.WARNING)
    await world.app.record_policy()
    assert "version 2 came after it and counts" in caplog.text
    world.config.agreement = replace(first, version="2", texts=first.texts)
    with pytest.raises(CannotStart, match="on record with another text"):
        await world.app.record_policy()


async def test_a_changed_text_under_the_same_version_is_refused(any_world: World) -> None:
    world = any_world
    old = world.config.agreement
    world.config.agreement = replace(old, texts={**old.texts, "de": "Etwas anderes."})
    with pytest.raises(CannotStart, match="give the new text a new version"):
        await world.app.record_policy()


async def test_a_version_that_is_replaced_before_it_bound_never_binds(world: World) -> None:
    await world.verified("anna")
    await changed(world, "2", days=5)
    await world.tick()
    await changed(world, "3", days=20)
    await world.tick()
    assert told(world, "anna", "Version 2 binds") == 1
    assert told(world, "anna", "Version 3 binds") == 1
    world.clock.pass_time(days=10)
    assert "signed, version 1; version 3 binds from" in await world.say("anna", "!policy me")
    assert "The agreement to sign is version 3" in await world.say("anna", "!policy agree 2")


async def test_the_coming_version_can_be_signed_before_it_binds(world: World) -> None:
    await world.verified("anna")
    await changed(world)
    answer = await world.say("anna", "!policy agree")
    assert "version 2, binds from 22 March 2026" in answer
    assert "You have signed version 1. What changed since:\n+ New promise" in answer
    assert "3. I name my sources." in answer
    assert "signed version 2" in await world.say("anna", "!policy agree 2")
    world.clock.pass_time(days=21)
    assert "Agreement: signed, version 2" in await world.say("anna", "!policy me")


async def test_who_signs_the_old_version_meanwhile_hears_of_the_coming_one(world: World) -> None:
    await changed(world)
    world.config.agreement = replace(world.config.agreement, version="1")
    await world.verified("anna")
    assert "Version 2 binds from 22 March" in world.homeserver.said[list(world.homeserver.said)[-1]][1]


async def test_filing_needs_the_version_in_force(world: World) -> None:
    await world.governed_room()
    await changed(world, days=2)
    file = "!policy file !second:example.org general Neighbours talk of bicycles"
    world.homeserver.levels["!second:example.org"] = {"users": {user("anna"): 100}}
    await world.deliver(
        type="m.room.member",
        room_id="!second:example.org",
        sender=user("anna"),
        state_key="@policybot:example.org",
        content={"membership": "invite"},
    )
    world.clock.pass_time(days=3)
    assert "sign the agreement first" in await world.say("anna", file)
    await world.say("anna", "!policy agree 2")
    assert "Your filing is in" in await world.say("anna", file)


async def test_renewing_and_answering_need_the_version_in_force(world: World) -> None:
    record = await world.governed_room()
    await world.tick(days=340)
    await changed(world, days=2)
    world.clock.pass_time(days=3)
    assert "sign the agreement first" in await world.say("anna", f"!policy renew {record}")
    assert "sign the agreement first" in await world.say("anna", f"!policy answer {record} Yes")
    await world.say("anna", "!policy agree 2")
    assert "is renewed" in await world.say("anna", f"!policy renew {record}")


# Languages -------------------------------------------------------------------------------------------


async def test_the_agreement_is_read_in_the_language_that_one_chooses(world: World) -> None:
    assert "1. I keep to the published rules." in await world.say("lea", "!policy agree")
    answer = await world.say("lea", "!policy agree de")
    assert "1. Ich halte mich an die veröffentlichten Regeln." in answer
    assert "In another language: !policy agree en" in answer
    assert "Ich halte mich" in await world.say("lea", "!policy agree"), "the choice is remembered"


async def test_a_text_too_long_for_a_chat_is_on_its_page(world: World) -> None:
    texts = dict.fromkeys(("en", "de"), "Another line.\n" * 1000)
    await changed(world, texts=texts)
    answer = await world.say("lea", "!policy agree")
    assert "please read it here: https://policybot.example.org/agreement?version=2" in answer
    assert "3. I name my sources." in answer
    assert len(answer) < 2000


async def test_an_unknown_language_is_answered_with_those_that_there_are(world: World) -> None:
    for typed in ("!policy agree 1 fr", "!policy agree 1 <b>"):
        answer = await world.say("lea", typed)
        assert "It is in: en, de." in answer
    assert "Please verify yourself first" in await world.say("lea", "!policy agree fr")


async def test_the_language_in_which_it_was_read_is_kept_with_the_signature(any_world: World) -> None:
    world = any_world
    await world.say("anna", "!policy agree de")
    await world.verified("anna")
    await changed(world)
    await world.tick()
    assert "+ New promise: Ich nenne meine Quellen." in world.told("anna")[-1]
    async with world.database.transaction(reading=True) as tx:
        row = await tx.first("SELECT * FROM acceptances")
    assert row is not None
    assert (row["language"], row["method"][:7]) == ("de", "event $")


async def test_a_signature_belongs_to_the_person_as_well_as_to_the_account(world: World) -> None:
    """Who links an account that somebody else had signed with has signed nothing yet."""
    await world.verified("anna")
    await world.say("anna", "!policy unlink")
    async with world.database.transaction() as tx:
        await tx.execute("UPDATE acceptances SET person_id = (SELECT id FROM persons LIMIT 1)")
        await tx.execute("INSERT INTO persons (id, created_at) VALUES ('P-other', 0)")
        await tx.execute(
            "INSERT INTO links (person_id, user_id, slot, front, created_at)"
            " VALUES ('P-other', $1, 1, 'pseudonym', 0)",
            user("anna"),
        )
    assert "Agreement: not signed" in await world.say("anna", "!policy me")
    assert "Thank you" in await world.say("anna", "!policy agree 1")


# Many people, several processes, and a crash ----------------------------------------------------------


async def crowd(world: World, count: int) -> None:
    """Let many people have signed the version in force."""
    at, hash_ = to_ms(world.clock()), world.app.services.agreements.current.hash
    people = [(f"P-{n:05}", f"@p{n:05}:example.org") for n in range(count)]
    async with world.database.transaction() as tx:
        await tx.many(
            "INSERT INTO persons (id, created_at) VALUES ($1, $2)",
            [(person, at) for person, _ in people],
        )
        await tx.many(
            "INSERT INTO links (person_id, user_id, slot, front, created_at)"
            " VALUES ($1, $2, 1, 'pseudonym', $3)",
            [(person, who, at) for person, who in people],
        )
        await tx.many(
            "INSERT INTO acceptances (user_id, agreement_hash, person_id, at, method, language)"
            " VALUES ($1, $2, $3, $4, 'test', 'en')",
            [(who, hash_, person, at) for person, who in people],
        )
    await world.app.record_policy()


def notified(world: World) -> list[str]:
    return [e.user_id for e in world.homeserver.performed if isinstance(e, Notify)]


class Crash(BaseException):
    """What kill -9 is to the process that it hits."""


async def restarted(world: World) -> None:
    """Start policybot again on what the database holds."""
    world.homeserver.before_answer = None
    review_room = world.app.setting.review_room
    world.app = App(world.config, world.database, now=world.clock, stretch=CHEAP)
    world.app.setting.review_room = review_room
    await world.app.record_policy()


async def test_five_thousand_people_are_told_in_batches_through_crashes_and_nobody_twice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announcements, "BATCH", 500)
    await crowd(world, 5_000)
    await changed(world)
    await world.tick()

    async def crash_in_a_batch(tx: Tx, announced: Announcement) -> None:
        await tx.flush()
        raise Crash

    with monkeypatch.context() as patch, pytest.raises(Crash):
        patch.setattr(store, "save_announcement", crash_in_a_batch)
        await world.tick()
    await restarted(world)
    left = 1_250

    def crash_after_a_message(_: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise Crash

    world.homeserver.before_answer = crash_after_a_message
    with pytest.raises((Crash, BaseExceptionGroup)):
        while left > 0:
            await world.tick()
        raise Crash  # the worker's task died, and with it the process
    await restarted(world)
    for _ in range(12):
        await world.tick()
    told = [where for where, _ in world.homeserver.said.values() if where.startswith("@p")]
    assert len(told) == len(set(told) - {world.config.bot_user_id}) == 5_000
    assert len(notified(world)) == 5_001, "one was sent again under its key, and shown once"


async def test_the_next_batch_waits_while_the_homeserver_is_away(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(announcements, "BATCH", 10)
    await crowd(world, 100)
    await changed(world)
    world.homeserver.away = True
    for _ in range(6):
        await world.tick()
    async with world.database.transaction(reading=True) as tx:
        waiting = await tx.value("SELECT count(*) AS value FROM outbox WHERE state = 'waiting'")
    assert waiting <= 20
    world.homeserver.away = False
    for _ in range(12):
        await world.tick(minutes=1)
    assert len(set(notified(world))) == 100


async def test_that_one_of_many_cannot_be_reached_is_no_alarm(world: World) -> None:
    await crowd(world, 3)
    await changed(world)
    world.homeserver.refuses[Notify] = "the account is gone"
    before = len(world.in_review())
    await world.tick()
    assert len(world.in_review()) == before


@pytest.fixture
async def two(tmp_path: Path, database_url: str) -> AsyncIterator[tuple[World, App]]:
    """A world, and a second process on its database."""
    async with make_world(tmp_path, database_url) as first:
        database = await Database.open(first.config.database_url)
        second = App(first.config, database, now=first.clock, stretch=CHEAP)
        second.setting.review_room = first.app.setting.review_room
        await second.record_policy()
        yield first, second
        await database.close()


async def test_two_processes_tell_everybody_once(two: tuple[World, App]) -> None:
    world, second = two
    await crowd(world, 230)
    await changed(world)
    await second.services.messages.refresh(second.database)
    for _ in range(4):
        await second.tick()
        await world.tick()
    assert sorted(notified(world)) == [f"@p{n:05}:example.org" for n in range(230)]


async def test_another_process_learns_of_a_version_that_one_recorded(two: tuple[World, App]) -> None:
    world, second = two
    await changed(world)
    assert [version.name for version in second.services.agreements.versions] == ["1"]
    await second.services.messages.refresh(second.database)
    assert [version.name for version in second.services.agreements.versions] == ["1", "2"]
