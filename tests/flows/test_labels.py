"""What a filed room shows: it comes with the approval, stays as it should be, and goes with its end."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from policybot.app import App
from policybot.domain.effects import Effect
from policybot.domain.showing import Publish, SetLabel, ShowTopicLine
from policybot.store import labels, outbox
from tests.world import BOT, CHEAP, START, World, find, user
from tests.world import world as make_world

WORDS: dict[str, Any] = {
    "topic_line": "Filed: {number}",
    "notice": "Filed as {number} ({categories}), see {link}",
}
LABEL = "org.policybot.filing"


def changed(words: dict[str, Any]) -> dict[str, Any]:
    """Write the change of the configuration."""
    return {"filing.shown": words}


@pytest.fixture
async def worded(tmp_path: Path) -> AsyncIterator[World]:
    """A world whose operator has chosen their words."""
    async with make_world(tmp_path, **changed(WORDS)) as made:
        made.homeserver.topics[made.room] = "All about gardens"
        yield made


def nothing_is_shown(world: World) -> bool:
    """Look at everything that a room can show."""
    there = world.homeserver
    return (
        world.room not in there.directory | there.network
        and there.contents.get(world.room) == {}
        and there.aliases == {}
        and there.topics.get(world.room) == "All about gardens"
        and there.pinned.get(world.room, []) == []
        and there.notices == {}
    )


def everything_is_shown(world: World, record: str) -> bool:
    there = world.homeserver
    return (
        world.room in there.directory & there.network
        and there.contents[world.room]["record_number"] == record
        and there.aliases == {f"#_policybot_{record}:example.org": world.room}
        and there.topics[world.room] == f"All about gardens\nFiled: {record}"
        and len(there.pinned[world.room]) == len(there.notices) == 1
    )


async def test_approval_shows_everything_in_the_operators_words(worded: World) -> None:
    record = await worded.governed_room()
    assert everything_is_shown(worded, record)
    assert list(worded.homeserver.notices.values()) == [
        f"Filed as {record} (General conversation), see https://policybot.example.org/register/{record}"
    ]


async def test_without_words_of_the_operator_none_are_shown(tmp_path: Path) -> None:
    async with make_world(tmp_path, **changed({})) as world:
        await world.governed_room()
        assert world.homeserver.topics == {}
        assert world.homeserver.notices == {}
        assert world.homeserver.aliases


async def test_that_the_topic_cannot_be_changed_does_not_keep_the_owner_from_hearing(
    worded: World,
) -> None:
    worded.homeserver.refuses[ShowTopicLine] = "403 M_FORBIDDEN"
    record = await worded.governed_room()
    assert any(f"approved under the record number {record}" in text for text in worded.told("anna"))
    assert any("add a line to the topic" in text for text in worded.in_review())


# The end of an approval -----------------------------------------------------------------------------


async def test_an_approval_that_nobody_renews_ends_within_a_minute_and_comes_back(
    tmp_path: Path, database_url: str
) -> None:
    async with make_world(tmp_path, database_url, **changed(WORDS)) as world:
        world.homeserver.topics[world.room] = "All about gardens"
        record = await world.governed_room()
        await world.tick(days=364, hours=23, minutes=59)
        assert everything_is_shown(world, record)
        await world.tick(seconds=60)
        assert nothing_is_shown(world)
        told = world.told("anna")[-1]
        assert f"!policy renew {record}" in told
        assert "expired, until it is renewed" in await world.say("lea", f"!policy lookup {record}")
        assert "is renewed until 1 March 2028" in await world.say("anna", f"!policy renew {record}")
        assert everything_is_shown(world, record)
        too_early = await world.say("anna", f"!policy renew {record}")
        assert "approved until 1 March 2028. It can be renewed from 31 January 2028 on" in too_early


def reminders(world: World) -> list[str]:
    return [text for text in world.told("anna") if "To keep it, write" in text]


async def test_the_owner_is_reminded_30_7_and_1_days_before_each_once_over_restarts(
    any_world: World,
) -> None:
    world = any_world
    record = await world.governed_room()
    await world.tick(days=333)
    seen = []
    for days in (1, 1, 1, 20, 1, 1, 5, 1):
        await world.tick(days=days)
        again = App(world.config, world.database, now=world.clock, stretch=CHEAP)
        await again.record_policy()
        await again.tick()
        await world.work()
        seen.append(len(reminders(world)))
    assert [seen.count(n) for n in (0, 1, 2, 3)] == [1, 4, 2, 1]
    assert "ends in 30 days" in reminders(world)[0]
    assert "ends tomorrow" in reminders(world)[-1]
    await world.say("anna", f"!policy renew {record}")
    await world.tick(days=334)
    assert len(reminders(world)) == 3
    await world.tick(days=2)
    assert len(reminders(world)) == 4, "a year later it begins anew"


async def test_a_room_that_expired_while_the_homeserver_was_away_is_hidden_first(worded: World) -> None:
    record = await worded.governed_room()
    worded.homeserver.away = True
    await worded.tick(days=366)
    await worded.message("anna", f"!policy renew {record}")
    worded.homeserver.away = False
    await worded.tick(minutes=1)
    assert everything_is_shown(worded, record)
    assert len(worded.homeserver.notices) == 1


async def test_revoking_withdraws_everything_and_what_was_queued_before_shows_nothing(
    worded: World,
) -> None:
    record = await worded.governed_room()
    answer = await worded.review("ravi", f"!policy revoke {record} The owner sells spades there")
    async with worded.database.transaction() as tx:
        await tx.execute("INSERT INTO review_members (user_id) VALUES ($1)", user("petra"))
    object.__setattr__(worded.config, "staff", worded.config.staff | {user("petra"): ("reviewer",)})
    code = find(r"(?<=!policy confirm )\w+", answer)
    assert "is revoked" in await worded.review("petra", f"!policy confirm {code}")
    assert nothing_is_shown(worded)
    async with worded.database.transaction() as tx:
        late: list[Effect] = [
            Publish(worded.room),
            SetLabel(worded.room, record),
            ShowTopicLine(worded.room, "x"),
        ]
        outbox.put(tx, late, cause="late", now=worded.clock())
    await worded.work()
    assert nothing_is_shown(worded)


async def suspended(world: World, measure: str) -> str:
    """Have the room suspended by a decision; return the answer to the last command."""
    await world.say("lea", f"!policy report {world.room} R2 The whole room hunts a neighbour")
    said = "The room hunts a neighbour // No other way"
    answer = await world.review("mira", f"!policy decide C-1 R2 S4 {measure} {said}")
    code = answer.split("!policy confirm ")[1].split()[0]
    return await world.review("otto", f"!policy confirm {code}")


async def test_a_suspended_room_shows_nothing_and_then_everything_again(worded: World) -> None:
    record = await worded.governed_room()
    await suspended(worded, "proposed")
    assert nothing_is_shown(worded)
    assert "suspended" in await worded.say("anna", f"!policy renew {record}")
    await worded.tick(days=31)
    assert everything_is_shown(worded, record)


async def test_a_room_whose_approval_ends_while_it_is_suspended_is_not_shown_after_it(
    worded: World,
) -> None:
    record = await worded.governed_room()
    await worded.tick(days=340)
    await suspended(worded, "proposed")
    shown: list[Any] = []
    worded.homeserver.before_answer = shown.append
    await worded.tick(days=31)
    assert nothing_is_shown(worded)
    assert not [effect for effect in shown if isinstance(effect, Publish | SetLabel)], (
        "never, not briefly"
    )
    assert "expired" in await worded.say("lea", f"!policy lookup {record}")
    await worded.say("anna", f"!policy renew {record}")
    assert everything_is_shown(worded, record)


# What somebody changes meanwhile --------------------------------------------------------------------


async def test_a_topic_that_was_changed_keeps_the_new_words(worded: World) -> None:
    record = await worded.governed_room()
    worded.homeserver.topics[worded.room] = f"Gardens and balconies\nFiled: {record}"
    await worded.tick(days=366)
    assert worded.homeserver.topics[worded.room] == "Gardens and balconies"


async def test_words_that_were_shown_are_withdrawn_when_the_operator_has_others_by_then(
    worded: World,
) -> None:
    await worded.governed_room()
    shown = worded.config.filing.shown
    object.__setattr__(shown, "topic_line", None)
    object.__setattr__(shown, "notice", None)
    await worded.tick(days=366)
    assert nothing_is_shown(worded)


# Tampering ------------------------------------------------------------------------------------------


async def redacted(world: World, by: str = "anna", *, new: bool = True) -> None:
    """Let somebody redact the label."""
    async with world.database.transaction(reading=True) as tx:
        event_id = (await labels.get(tx, world.room)).event_id
    assert event_id
    world.homeserver.contents[world.room] = {}
    where = {"content": {"redacts": event_id}} if new else {"redacts": event_id, "content": {}}
    await world.deliver(type="m.room.redaction", room_id=world.room, sender=user(by), **where)


@pytest.mark.parametrize("new", [True, False], ids=["version 11", "version 10"])
async def test_a_redacted_label_comes_back(world: World, new: bool) -> None:
    record = await world.governed_room()
    await redacted(world, new=new)
    assert world.homeserver.contents[world.room]["record_number"] == record


async def test_a_label_that_says_something_else_is_written_anew(world: World) -> None:
    record = await world.governed_room()
    forged = {"record_number": record, "qualifications": [{"id": "medical", "title": "<b>\u202eMD</b>"}]}
    world.homeserver.contents[world.room] = forged
    await world.deliver(type=LABEL, room_id=world.room, sender=BOT, state_key=BOT, content=forged)
    assert world.homeserver.contents[world.room] == {
        "record_number": record,
        "categories": ["general"],
    }


async def test_the_echo_of_our_own_label_and_those_of_others_mean_nothing(world: World) -> None:
    await world.governed_room()
    before = len(world.homeserver.performed)
    right = world.homeserver.contents[world.room]
    anna = user("anna")
    await world.deliver(type=LABEL, room_id=world.room, sender=BOT, state_key=BOT, content=right)
    await world.deliver(type=LABEL, room_id=world.room, sender=anna, state_key=anna, content={})
    await world.deliver(type=LABEL, room_id=world.room, sender=anna, state_key="", content={})
    await world.deliver(type=LABEL, room_id="!other:x", sender=BOT, state_key=BOT, content={"a": 1})
    for redacts in ("$other", "", None, 7, {"$label": 1}):
        await world.deliver(
            type="m.room.redaction", room_id=world.room, sender=anna, content={"redacts": redacts}
        )
    assert len(world.homeserver.performed) == before
    async with world.database.transaction(reading=True) as tx:
        assert await tx.value("SELECT COUNT(*) AS value FROM dead_events") == 0


async def test_two_bots_do_not_fight_and_people_are_told(world: World) -> None:
    record = await world.governed_room()
    before = len([e for e in world.homeserver.performed if isinstance(e, SetLabel)])
    for _ in range(40):
        await redacted(world)
        await world.tick(seconds=30)
    healed = [e for e in world.homeserver.performed if isinstance(e, SetLabel)]
    assert len(healed) - before == 10
    alarms = [text for text in world.in_review() if "The label of" in text]
    assert len(alarms) == 1
    assert user("anna") in alarms[0]
    await world.tick(days=1)
    await world.tick(minutes=1)
    assert world.homeserver.contents[world.room]["record_number"] == record, "once more, the day after"


async def test_a_label_redacted_twice_in_a_minute_comes_back_by_the_clock(world: World) -> None:
    record = await world.governed_room()
    await redacted(world)
    await redacted(world)
    assert world.homeserver.contents[world.room] == {}
    await world.tick(seconds=60)
    assert world.homeserver.contents[world.room]["record_number"] == record


async def test_a_label_is_not_set_right_where_none_should_be(worded: World) -> None:
    record = await worded.governed_room()
    await worded.tick(days=366)
    forged = {"record_number": record}
    worded.homeserver.contents[worded.room] = forged
    await worded.deliver(type=LABEL, room_id=worded.room, sender=BOT, state_key=BOT, content=forged)
    assert START + timedelta(days=366) == worded.clock()
    assert worded.homeserver.contents[worded.room] == {}, "and what says more than is true goes"
