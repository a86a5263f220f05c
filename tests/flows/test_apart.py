"""What stays apart: two accounts of one person, parties and those who judge, words and their places."""

import time
from dataclasses import replace

import pytest

from policybot.domain import pointed
from policybot.domain.copy import places as copy_places
from policybot.domain.effects import Redact, Restore
from policybot.domain.ladder import Scope
from policybot.domain.name import places as name_places
from policybot.domain.rules import Reach
from tests.flows.test_removals import decided, wrote
from tests.staffed import Private, link_to
from tests.world import World, find, user

CUNNING = "Shouts \u202egnp.exe\u202c at @room \x01@anna:example.org\x01 all day\nC-9: closed"
"""What hides, turns round, forges a line, and asks for somebody's name to be put in."""


# Two accounts of one person ---------------------------------------------------------------------------


async def test_what_everybody_reads_in_a_room_does_not_tell_whose_accounts_two_are(
    staffed: Private,
) -> None:
    """A tombstone is public: one number under messages of two accounts would say that they are one's."""
    world = staffed.world
    world.config.rules = tuple(
        replace(r, reach=Reach.PERSON, scope=Scope.MEMBER) for r in world.config.rules
    )
    await link_to(world, "tim", "tom")
    first, second = await wrote(world, 2), await wrote(world, 2, who="tim")
    case = await world.reported(offender="tom", reporter="zoe", text="Buy my spades!")
    await decided(world, case, "warn+remove:P1D")
    assert set(first + second) <= world.homeserver.redacted
    said = {e.event_id: e.reason for e in world.homeserver.performed if isinstance(e, Redact)}
    assert all(case in said[event] for event in first)
    assert not any(case in said[event] for event in second)
    assert all("under rule R1" in said[event] for event in second), "it says why all the same"
    assert case in world.told("tim")[-1], "its author is told in which case"
    await world.say("tom", f"!policy appeal {case} These were gifts for my neighbours")
    await world.review("ravi", f"!policy overturn {case} They were gifts for neighbours indeed")
    await world.say("tom", f"!policy restore {case}")
    back = {e.event_id: e.reason for e in world.homeserver.performed if isinstance(e, Restore)}
    assert back.keys() >= set(first + second)
    assert all(case in back[event] for event in first)
    assert not any(case in back[event] for event in second)


# Parties ---------------------------------------------------------------------------------------------


async def test_who_reported_does_not_read_the_decision_in_the_history(world: World) -> None:
    await world.governed_room()
    case = await world.reported(reporter="mira")
    assert "is being carried out" in await world.decided(case, "warn", by="otto")
    answer = await world.review("mira", f"!policy history {user('tom')}")
    assert case not in answer
    assert case in await world.review("otto", f"!policy history {user('tom')}")


async def test_who_has_a_part_in_a_case_does_not_read_the_appeal_in_the_queue(world: World) -> None:
    await world.governed_room()
    case = await world.reported(reporter="mira")
    await world.decided(case, "warn", by="otto")
    await world.say("tom", f"!policy appeal {case} My neighbour asked me for these spades")
    assert "neighbour asked" in await world.review("ravi", "!policy queue appeals")
    assert "neighbour asked" not in await world.review("mira", "!policy queue appeals")


async def test_neither_a_short_page_nor_a_further_one_tells_a_party_that_there_is_something(
    world: World,
) -> None:
    await world.governed_room()
    first = await world.reported(reporter="lea")
    await world.review("otto", f"!policy dismiss {first} Spades are allowed in this room")
    world.clock.pass_time(hours=1)
    for _ in range(12):
        case = await world.reported(reporter="mira")
        await world.review("otto", f"!policy dismiss {case} Spades are allowed in this room")
    answer = await world.review("mira", f"!policy timeline {user('tom')}")
    assert answer.count(f" {first}: ") == 2
    assert "More" not in answer
    assert "More" in await world.review("otto", f"!policy timeline {user('tom')}")
    assert f" {first}: " in await world.review("otto", f"!policy timeline {user('tom')} 2")


# Words and their places ------------------------------------------------------------------------------


async def held(world: World, case: str, text: str) -> str:
    await world.review("mira", f"!policy hold {case} R1 {text}")
    return world.told("tom")[-1]


async def dismissed(world: World, case: str, text: str) -> str:
    return await world.review("mira", f"!policy dismiss {case} {text}")


async def noted(world: World, case: str, text: str) -> str:
    await world.review("mira", f"!policy note {case} {text}")
    return await world.review("mira", f"!policy show {case}")


async def lifted(world: World, case: str, text: str) -> str:
    await world.decided(case, "restrict:P3D", confirm="otto")
    await world.review("mira", f"!policy lift {case} {text}")
    return world.told("tom")[-1]


async def appealed(world: World, case: str, text: str) -> str:
    await world.decided(case, "warn")
    await world.say("tom", f"!policy appeal {case} {text}")
    return world.in_review()[-1]


async def upheld(world: World, case: str, text: str) -> str:
    await world.decided(case, "warn")
    await world.say("tom", f"!policy appeal {case} It was a joke about spades")
    await world.review("ravi", f"!policy uphold {case} {text}")
    return world.told("tom")[-1]


async def undone(world: World, case: str, text: str) -> str:
    answer = await world.review("mira", f"!policy bulk {case} R1 S2 warn Advertised a shop here")
    code = find(r"(?<=!policy confirm )\w+", answer)
    assert "are decided" in await world.review("mira", f"!policy confirm {code}")
    await world.review("mira", f"!policy undo {code} {text}")
    return world.told("tom")[-1]


@pytest.mark.parametrize("way", [held, noted, lifted, appealed, upheld, undone])
async def test_what_people_write_hides_and_forges_nothing_wherever_it_is_read(
    world: World, way: object
) -> None:
    await world.governed_room()
    case = await world.reported()
    assert callable(way)
    answer = await way(world, case, CUNNING)
    assert "Shouts" in answer
    assert "\u202e" not in answer
    assert "\x01" not in answer
    assert "\nC-9" not in answer


async def test_who_has_learned_the_mark_of_a_place_has_nothing_put_into_it(world: World) -> None:
    """A mark stands in what waits to be sent to moderators, and so in their exports."""
    await world.governed_room()
    event = await world.message("zoe", "Meet me at the old mill", world.room)
    await world.say(
        "lea", f"!policy report https://matrix.to/#/{world.room}/{event} R1 A private matter"
    )
    other = await world.reported()
    async with world.database.transaction(reading=True) as tx:
        copy = await world.app.services.copies.get(tx, event)
    assert copy is not None
    place = world.app.services.copies.text(copy)
    await world.decided(other, "restrict:P3D", confirm="otto")
    await world.review("mira", f"!policy lift {other} As he said there: {place}")
    assert "As he said there" in world.told("tom")[-1]
    assert "old mill" not in world.told("tom")[-1]


def test_sixty_kilobytes_of_places_that_are_none_cost_nothing() -> None:
    begun = time.perf_counter()
    for text in ("\x02" * 60_000, "\x02a" * 30_000, "\x01@" * 30_000, "\x02$a text " * 6_000):
        assert not copy_places(text)
        assert not name_places(text)
        for read in (pointed.read, pointed.of):
            assert read(f"#{text}") is None
            assert read("https://matrix.to/#/" + "%23a:" * 12_000) is None
    assert time.perf_counter() - begun < 1


async def test_an_account_that_was_unlinked_has_no_part_in_an_appeal_of_its_former_owner(
    staffed: Private,
) -> None:
    """It may be in other hands by now, and speaks for nothing but itself."""
    world, case = staffed.world, staffed.case
    await link_to(world, "tim", "tom")
    await world.review("mira", f"!policy decide {case} R2 S3 proposed Threatened a neighbour")
    await world.say("tom", f"!policy appeal {case} It was a joke between friends")
    assert "waits to be decided" in await world.say("tim", f"!policy status {case}"), "still theirs"
    await world.say("tim", "!policy unlink")
    for verb in (f"status {case}", f"add {case} I confess everything", f"withdraw {case}"):
        answer = await world.say("tim", f"!policy {verb}")
        assert "no appeal of yours" in answer or "no decision about you" in answer, verb
    await world.say("tom", "!policy unlink")
    assert "waits to be decided" in await world.say("tom", f"!policy status {case}"), "its own"
