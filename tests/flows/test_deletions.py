"""A room that is closed for good: proposed, deleted by two people, never undone in secret."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from policybot.domain.effects import Say
from policybot.domain.room_measure import DeleteRoom, UnblockRoom
from policybot.store import outbox
from tests.flows.test_holds import reported_room, review
from tests.flows.test_upgrades import NEW, a_copy, replaced
from tests.world import BOT, World, find, user
from tests.world import world as make_world

OVER = 200
"""Days after which the closure of a room can be appealed no more."""


@pytest.fixture
async def patient(tmp_path: Path) -> AsyncIterator[World]:
    """A world whose operator wants to hear of rooms that were closed half a year ago."""
    async with make_world(tmp_path, **{"filing.delete_closed_after": "P180D"}) as made:
        yield made


async def closed(world: World) -> tuple[str, str]:
    """Have the governed room closed; return its record number and the case."""
    record = await world.governed_room()
    case = await reported_room(world)
    text = f"!policy decide {case} R3 S4 close Cards were sold there by its owner too // No other way"
    code = find(r"(?<=!policy confirm )\w+", await review(world, "mira", text))
    await review(world, "otto", f"!policy confirm {code}")
    assert world.room in world.homeserver.closed
    return record, case


async def deleted(world: World) -> tuple[str, str]:
    record, case = await closed(world)
    await world.tick(days=OVER)
    code = find(r"(?<=!policy confirm )\w+", await review(world, "mira", f"!policy delete {record}"))
    await review(world, "otto", f"!policy confirm {code}")
    return record, case


def proposals(world: World) -> list[str]:
    return [text for text in world.in_review() if "If it is to go, two of you" in text]


async def test_two_people_delete_a_closed_room_and_know_what_that_means(any_world: World) -> None:
    world = any_world
    record, case = await closed(world)
    await world.tick(days=OVER)
    answer = await review(world, "mira", f"!policy delete {case}")
    for part in ("Everybody on this homeserver is let out", "is not purged", "brings nobody back"):
        assert part in answer
    code = find(r"(?<=!policy confirm )\w+", answer)
    assert "second person" in await review(world, "mira", f"!policy confirm {code}")
    assert world.room not in world.homeserver.deleted
    said = await review(world, "otto", f"!policy confirm {code}")
    assert "is being deleted" in said
    assert world.room in world.homeserver.deleted
    assert f"{case}: {world.room} is deleted" in said
    told = next(text for text in world.told("anna") if "is being deleted now" in text)
    assert record in told
    assert world.config.closing_notice in {
        e.text for e in world.homeserver.performed if isinstance(e, DeleteRoom)
    }
    kinds = [type(e) for e in world.homeserver.performed if getattr(e, "room_id", "") == world.room]
    assert kinds.index(DeleteRoom) > 0
    assert kinds[kinds.index(DeleteRoom) - 1] is Say, "who is let out is told so first"
    assert "deleted already" in await review(world, "mira", f"!policy delete {case}")
    assert "Deletion of the room: done since" in await review(world, "mira", f"!policy show {case}")


async def test_in_a_dry_run_no_room_is_said_to_be_deleted(world: World) -> None:
    record, case = await closed(world)
    await world.tick(days=OVER)
    object.__setattr__(world.config, "dry_run", True)
    code = find(r"(?<=!policy confirm )\w+", await review(world, "mira", f"!policy delete {record}"))
    await review(world, "otto", f"!policy confirm {code}")
    assert world.room not in world.homeserver.deleted
    assert not any(f"{case}: {world.room} is deleted" in text for text in world.in_review())


async def test_nothing_is_deleted_as_long_as_the_closure_can_be_appealed(world: World) -> None:
    _, case = await closed(world)
    window = world.config.ladder.appeal_window.days
    await world.tick(days=window - 1)
    assert "can be appealed until" in await review(world, "mira", f"!policy delete {case}")
    await world.say("anna", f"!policy appeal {case} I have never sold any cards there")
    await world.tick(days=OVER)
    assert "an appeal waits" in await review(world, "mira", f"!policy delete {case}")
    await review(world, "ravi", f"!policy uphold {case} The offers came from the owner's account")
    assert "is to be deleted" in await review(world, "mira", f"!policy delete {case}")


async def test_nothing_is_deleted_while_an_appeal_is_let_in_after_its_time(world: World) -> None:
    """The owner reads that they have fourteen days, and that is so."""
    record, case = await closed(world)
    await world.tick(days=OVER)
    answer = await world.review("ravi", f"!policy admit {case} The owner was in hospital all the time")
    assert "for 14 more days" in answer
    refused = await review(world, "mira", f"!policy delete {record}")
    assert "can be appealed until" in refused
    await world.tick(days=13)
    assert "is in" in await world.say("anna", f"!policy appeal {case} I was in hospital")


async def test_an_appeal_between_proposal_and_confirmation_stops_it(world: World) -> None:
    _, case = await closed(world)
    window = world.config.ladder.appeal_window
    await world.tick(days=window.days, minutes=1)
    code = find(r"(?<=!policy confirm )\w+", await review(world, "mira", f"!policy delete {case}"))
    await review(world, "mira", f"!policy lift {case} A court has told us to open it again")
    assert "is not closed" in await review(world, "otto", f"!policy confirm {code}")
    assert world.room not in world.homeserver.deleted


async def test_only_a_closed_room_is_deleted(world: World) -> None:
    record = await world.governed_room()
    assert "No room was closed" in await review(world, "mira", f"!policy delete {record}")
    for nothing in ("C-99", "PB-2026-000001-XX", "!x:example.org", "\u202eC-1", "<b>"):
        assert "No room was closed" in await review(world, "mira", f"!policy delete {nothing}")
    case = await world.reported()
    await world.decided(case, "warn")
    assert "No room was closed" in await review(world, "mira", f"!policy delete {case}")


async def test_it_is_proposed_once_when_its_time_has_come(patient: World) -> None:
    world = patient
    _, case = await closed(world)
    await world.tick(days=179)
    assert proposals(world) == []
    for _ in range(3):
        await world.tick(days=2)
    assert len(proposals(world)) == 1
    assert f"!policy delete {case}" in proposals(world)[0]
    assert "Nothing happens by itself" in proposals(world)[0]
    for _ in range(4):
        await world.tick(days=90)
    assert world.room not in world.homeserver.deleted
    assert "is to be deleted" in await review(world, "mira", f"!policy delete {case}")


async def test_nothing_is_proposed_unless_the_operator_wants_it(world: World) -> None:
    await closed(world)
    await world.tick(days=2000)
    assert proposals(world) == []


async def test_silence_deletes_nothing_and_a_no_neither(world: World) -> None:
    _, case = await closed(world)
    await world.tick(days=OVER)
    await review(world, "mira", f"!policy delete {case}")
    await world.tick(days=1, minutes=1)
    assert "Nothing was deleted" in world.in_review()[-1]
    code = find(r"(?<=!policy confirm )\w+", await review(world, "mira", f"!policy delete {case}"))
    await review(world, "otto", f"!policy deny {code}")
    assert "Nothing waits" in await review(world, "otto", f"!policy confirm {code}")
    assert world.room not in world.homeserver.deleted


async def test_the_block_is_lifted_and_nobody_is_brought_back(any_world: World) -> None:
    world = any_world
    _, case = await deleted(world)
    assert "in a sentence" in await review(world, "mira", f"!policy unblock {case} no")
    answer = await review(world, "mira", f"!policy unblock {case} Its members need it as an archive")
    assert "Nobody is in it" in answer
    assert world.room not in world.homeserver.deleted
    assert UnblockRoom(world.room, world.config.closing_notice) in world.homeserver.performed
    assert "is not deleted" in await review(world, "mira", f"!policy unblock {case} And once more so")


async def test_a_deleted_room_is_none_of_ours_any_more(world: World) -> None:
    _, case = await deleted(world)
    before = len(world.in_review())
    for who in (user("anna"), user("tom"), BOT):
        await world.deliver(
            type="m.room.member",
            room_id=world.room,
            sender=who,
            state_key=who,
            content={"membership": "leave"},
        )
    assert world.in_review()[before:] == [], "that they are let out is no alarm"
    assert "nothing is left to lift" in await review(
        world, "mira", f"!policy lift {case} It is enough now, I think"
    )
    assert "governed rooms only" in await world.say("lea", f"!policy report {world.room} R3 Still bad")


async def test_a_homeserver_that_is_slow_or_refuses_is_asked_again(world: World) -> None:
    world.homeserver.refuses[DeleteRoom] = "403 M_FORBIDDEN not today"
    _, case = await deleted(world)
    alarm = next(text for text in world.in_review() if "let everybody out" in text and "retry" in text)
    assert "M_FORBIDDEN" in alarm
    assert not any("is deleted:" in text for text in world.in_review())
    assert "deleted already" in await review(world, "mira", f"!policy delete {case}")
    assert "is not deleted" in await review(world, "mira", f"!policy unblock {case} For the archive")
    del world.homeserver.refuses[DeleteRoom]
    await review(world, "mira", f"!policy retry {find(r'(?<=retry )[0-9]+', alarm)}")
    assert sum("is deleted:" in text for text in world.in_review()) == 1


async def test_killed_after_the_deletion_it_is_noted_once(world: World) -> None:
    died: list[Any] = []

    def die(effect: Any) -> None:
        if isinstance(effect, DeleteRoom) and not died:
            died.append(effect)
            raise RuntimeError

    world.homeserver.before_answer = die
    await deleted(world)
    world.clock.pass_time(minutes=1)
    await world.work()
    assert died
    assert sum("is deleted:" in text for text in world.in_review()) == 1
    async with world.database.transaction(reading=True) as tx:
        assert await outbox.counts(tx) == {"waiting": 0, "dead": 0}


async def test_who_has_a_part_in_it_neither_proposes_nor_confirms(world: World) -> None:
    await world.governed_room()
    await world.say("otto", f"!policy report {world.room} R3 Card numbers are sold there")
    text = "!policy decide C-1 R3 S4 close Cards were sold there by its owner too // No other way"
    code = find(r"(?<=!policy confirm )\w+", await review(world, "mira", text))
    assert "party" in await review(world, "otto", f"!policy confirm {code}")
    assert world.room not in world.homeserver.closed


async def test_a_closed_room_that_was_replaced_since_is_deleted_where_it_is_now(world: World) -> None:
    """And whoever agreed to delete one room has not agreed to delete another one."""
    record, _ = await closed(world)
    await world.tick(days=OVER)
    answer = await review(world, "mira", f"!policy delete {record}")
    code = find(r"(?<=!policy confirm )\w+", answer)
    a_copy(world)
    await replaced(world)
    assert "has changed since" in await review(world, "otto", f"!policy confirm {code}")
    answer = await review(world, "mira", f"!policy delete {record}")
    assert f"{NEW} is to be deleted" in answer
    code = find(r"(?<=!policy confirm )\w+", answer)
    await review(world, "otto", f"!policy confirm {code}")
    assert world.homeserver.deleted == {NEW}
    assert any("is being deleted now" in text for text in world.told("anna"))
