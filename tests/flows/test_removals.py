"""Messages that go with a decision: the reported one, or all of a time, up to a cap."""

from typing import Any

import pytest

from policybot.domain.effects import FindMessages, Redact
from policybot.store import copies
from tests.flows.test_personal_holds import second_room
from tests.world import World, find, user


async def wrote(world: World, number: int, room: str = "", who: str = "tom") -> list[str]:
    """Let somebody write some messages, a minute apart; return them."""
    found = []
    for n in range(number):
        found.append(await world.message(who, f"Buy my spades, offer {n}!", room or world.room))
        world.clock.pass_time(minutes=1)
    return found


async def decided(world: World, case: str, measure: str, rule: str = "R1") -> str:
    text = f"!policy decide {case} {rule} S2 {measure} Advertised among neighbours // No other way"
    answer = await world.review("mira", text)
    if "!policy confirm" in answer:
        await world.review("otto", f"!policy confirm {find(r'(?<=confirm )[A-Z0-9]+', answer)}")
    return answer


async def test_all_of_a_span_goes_each_kept_first_told_and_restored_after_an_appeal(
    any_world: World,
) -> None:
    world = any_world
    await world.governed_room()
    old = await wrote(world, 2)
    world.clock.pass_time(days=2)
    mine = await wrote(world, 3)
    others = await wrote(world, 1, who="zoe")
    case = await world.reported()
    after = await wrote(world, 1)
    answer = await decided(world, case, "warn+remove:P1D")
    assert "remove all that they wrote in the room from 1 day before the reported act on" in answer
    assert "the newest 100 at most" in answer
    assert set(mine + after) <= world.homeserver.redacted
    assert not world.homeserver.redacted & set(old + others)
    assert len(world.homeserver.redacted) == 5, "with the reported one"
    redactions = [e for e in world.homeserver.performed if isinstance(e, Redact)]
    said = f"Removed by decision {case} under rule R1 Advertising"
    assert {e.reason for e in redactions} == {said}
    assert "What you wrote in the room since 3 March 2026" in world.told("tom")[-1]
    assert f"{case}: 4 further messages" in "\n".join(world.in_review())
    async with world.database.transaction(reading=True) as tx:
        kept = [await copies.get(tx, event_id) for event_id in mine + after]
    assert all(kept)
    await world.say("tom", f"!policy appeal {case} These were gifts for my neighbours")
    await world.review("ravi", f"!policy overturn {case} They were gifts for neighbours indeed")
    before = len(world.homeserver.said)
    await world.say("tom", f"!policy restore {case}")
    back = [text for where, text in world.homeserver.said.values() if where == world.room]
    assert back == [
        f"Decision {case}, by which messages of this room were removed, was overturned and is void.",
        *(f"Buy my spades, offer {n}!" for n in range(3)),
        "Buy my spades!",
        "Buy my spades, offer 0!",
    ], "in the order of their time"
    assert len(world.homeserver.said) >= before + 5


async def test_in_all_rooms_where_the_rule_counts_everywhere(world: World) -> None:
    await world.governed_room()
    other = await second_room(world)
    here, there = await wrote(world, 2), await wrote(world, 2, other)
    case = await world.reported()
    answer = await decided(world, case, "warn+remove:P1D", "R3")
    assert "in all governed rooms" in answer
    assert set(here + there) <= world.homeserver.redacted


async def test_an_account_can_be_decided_about_with_all_that_it_wrote(world: World) -> None:
    await world.governed_room()
    mine = await wrote(world, 2)
    await world.say("lea", f"!policy report {user('tom')} R3 Sells spades everywhere")
    case = find(r"(?<=New case )C-\d+", world.in_review()[-1])
    await decided(world, case, "warn+remove:P1D", "R3")
    assert set(mine) <= world.homeserver.redacted


async def test_no_more_go_than_the_operator_allows_and_people_are_told(world: World) -> None:
    world.config.measures = world.config.measures.model_copy(update={"most_removed": 3})
    await world.governed_room()
    mine = await wrote(world, 6)
    case = await world.reported()
    assert "the newest 3 at most" in await decided(world, case, "warn+remove:P1D")
    assert world.homeserver.redacted >= set(mine[4:])
    assert len(world.homeserver.redacted) == 3, "with the reported one"
    assert not world.homeserver.redacted & set(mine[:4]), "the oldest stay"
    assert "no decision removes over 3 messages" in "\n".join(world.in_review())


@pytest.mark.parametrize(
    ("added", "answer"),
    [
        ("remove:soon", "is no duration"),
        ("remove:P90D", "at most 30 days"),
        ("remove:PT0S", "at most 30 days"),
        ("remover", "no factor"),
    ],
)
async def test_a_span_that_is_none_is_refused_in_words(world: World, added: str, answer: str) -> None:
    await world.governed_room()
    case = await world.reported()
    assert answer in await world.review(
        "mira", f"!policy decide {case} R1 S2 warn+{added} Some advert // No other way"
    )


async def test_what_a_second_person_confirms_is_the_same_span(world: World) -> None:
    await world.governed_room()
    mine = await wrote(world, 2)
    case = await world.reported()
    answer = await world.review(
        "mira",
        f"!policy decide {case} R1 S2 suspend:P7D+remove:P1D Advertised spades again // No other way",
    )
    assert not world.homeserver.redacted
    code = find(r"(?<=!policy confirm )\w+", answer)
    assert "is decided" in await world.review("otto", f"!policy confirm {code}")
    assert set(mine) <= world.homeserver.redacted


async def test_killed_anywhere_between_each_message_goes_once(any_world: World) -> None:
    """I25: the process dies after each kind of effect, before it knows that it was done."""
    world = any_world
    await world.governed_room()
    mine = await wrote(world, 4)
    case = await world.reported()
    died: list[type] = []

    def die(effect: Any) -> None:
        if died.count(type(effect)) < 2:
            died.append(type(effect))
            raise RuntimeError

    world.homeserver.before_answer = die
    await decided(world, case, "warn+remove:P1D")
    for _ in range(12):
        world.clock.pass_time(minutes=1)
        await world.work()
    assert {FindMessages, Redact} <= set(died)
    assert set(mine) <= world.homeserver.redacted
    done = [e for e in world.homeserver.performed if isinstance(e, Redact)]
    assert len({e.event_id for e in done}) == 5
    assert sum(text.startswith("Decision") for text in world.told("tom")) == 1


async def test_what_is_overturned_before_it_was_found_is_not_removed(world: World) -> None:
    await world.governed_room()
    mine = await wrote(world, 2)
    case = await world.reported()
    world.homeserver.away = True
    await decided(world, case, "restrict:P3D+remove:P1D")
    await world.say("tom", f"!policy appeal {case} These were gifts for my neighbours")
    await world.review("ravi", f"!policy overturn {case} They were gifts for neighbours indeed")
    world.homeserver.away = False
    await world.tick(minutes=1)
    assert not world.homeserver.redacted & set(mine)
