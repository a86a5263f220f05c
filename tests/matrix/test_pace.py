"""More commands than anybody types: nothing is left undone without a word, and no report is lost."""

import logging
from datetime import UTC, datetime, timedelta

import pytest

from policybot.matrix.pace import COMMANDS, COMPLAINTS, SENDERS, TOO_MANY, TOO_MANY_COMPLAINTS, Pace
from policybot.store import database
from policybot.store.database import DatabaseAway
from tests.world import World, user
from tests.world import find as found_in


async def busy(world: World) -> str:
    """Let Lea give as many commands as are carried out in a minute."""
    room = await world.direct("lea")
    for _ in range(COMMANDS):
        assert "!policy" in await world.say("lea", "!policy help", room)
    return room


async def test_who_gives_more_than_thirty_commands_in_a_minute_is_told_so_once(any_world: World) -> None:
    world = any_world
    room = await busy(world)
    assert await world.say("lea", "!policy me", room) == TOO_MANY
    assert await world.say("lea", "!policy me", room) == ""
    assert "!policy" in await world.say("tom", "!policy help")
    world.clock.pass_time(minutes=1)
    assert "Identity" in await world.say("lea", "!policy me", room)


async def test_in_a_public_room_it_is_said_to_the_person_alone(world: World) -> None:
    await world.governed_room()
    await busy(world)
    assert await world.say("lea", "!policy me", world.room) == TOO_MANY
    assert world.told("lea")[-1] == TOO_MANY
    assert not [1 for where, _ in world.homeserver.said.values() if where == world.room]


async def test_reports_and_appeals_are_taken_after_however_many_commands(world: World) -> None:
    await world.governed_room()
    room = await busy(world)
    assert await world.say("lea", "!policy me", room) == TOO_MANY
    for n in range(3):
        event = await world.message("tom", f"Buy my spades, for the {n}. time!", world.room)
        link = f"https://matrix.to/#/{world.room}/{event}"
        answer = await world.say("lea", f"!policy report {link} R1 This is an advert", room)
        assert "Your receipt is R-" in answer
    case = found_in(r"C-\d+", world.in_review()[-1])
    await world.decided(case, "proposed")
    for _ in range(COMMANDS + 1):
        await world.say("tom", "!policy help")
    answer = await world.say("tom", f"!policy appeal {case} I have no shop at all, I gave spades away")
    assert "appeal" in answer
    assert answer != TOO_MANY
    assert f"Appeal on {case}" in "\n".join(world.in_review())


async def test_more_than_sixty_reports_in_a_minute_are_not_dropped_without_a_word(world: World) -> None:
    room = await world.direct("lea")
    for _ in range(COMPLAINTS):
        assert await world.say("lea", "!policy report x", room) not in ("", TOO_MANY_COMPLAINTS)
    assert await world.say("lea", "!policy report x", room) == TOO_MANY_COMPLAINTS
    assert await world.say("lea", "!policy report x", room) == ""
    assert "!policy" in await world.say("lea", "!policy help", room)


async def test_an_event_that_comes_again_because_the_database_was_away_is_counted_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = await busy(world)
    world.clock.pass_time(minutes=1)

    def command(event_id: str, body: str) -> dict[str, object]:
        content = {"msgtype": "m.text", "body": body}
        return {
            "event_id": event_id,
            "type": "m.room.message",
            "room_id": room,
            "sender": user("lea"),
            "content": content,
        }

    async def away(self: database.Tx) -> None:
        message = "gone"
        raise DatabaseAway(message)

    async def tried(event_id: str, times: int) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(database.Tx, "flush", away)
            for _ in range(times):
                with pytest.raises(DatabaseAway):
                    await world.inward.handle(command(event_id, "!policy me"))

    await tried("$first", COMMANDS + 5)
    await world.inward.handle(command("$first", "!policy me"))
    await world.work()
    assert "Identity" in list(world.homeserver.said.values())[-1][1]
    for n in range(COMMANDS - 1):
        await world.inward.handle(command(f"$more{n}", "!policy help"))
    await tried("$one too many", 2)
    await world.inward.handle(command("$one too many", "!policy me"))
    await world.work()
    assert [text for _, text in world.homeserver.said.values()].count(TOO_MANY) == 1


def test_in_a_crowd_only_reports_are_taken_from_those_not_counted_yet(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = [datetime(2026, 3, 1, tzinfo=UTC)]
    pace = Pace(lambda: now[0])
    for n in range(SENDERS):
        assert pace.stops(f"@m{n}:example.org", f"$e{n}", "help") is None
    assert pace.stops("@m0:example.org", "$again", "help") is None
    for n in range(3):
        assert pace.stops("@late:example.org", f"$late{n}", "help") == ""
        assert pace.stops("@late:example.org", f"$report{n}", "report") is None
    assert [r.levelno for r in caplog.records] == [logging.WARNING]
    now[0] += timedelta(minutes=1)
    assert pace.stops("@late:example.org", "$late", "help") is None
