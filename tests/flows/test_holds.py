"""A room on hold: at once, by one person, for a short time, told, and undone exactly."""

import asyncio
from typing import Any

import pytest

from policybot.domain.room_measure import FreezeRoom, HideBanner, ShowBanner, UnfreezeRoom
from policybot.store import sanctions
from tests.flows.test_transfers import command
from tests.world import REVIEW, World, find, user

REASON = "A link in it leads to stolen card numbers"


async def reported_room(world: World, room: str = "") -> str:
    """Have Lea report a room; return the case."""
    await world.say("lea", f"!policy report {room or world.room} R3 Card numbers are sold there")
    return find(r"C-\d+", world.in_review()[-1])


async def review(world: World, who: str, text: str) -> str:
    """Let somebody write in the review room; give all that the bot says there upon it."""
    before = len(world.in_review())
    await world.review(who, text)
    return "\n".join(world.in_review()[before:])


async def held(world: World) -> tuple[str, str]:
    """Put the governed room on hold; return its record number and its case."""
    record = await world.governed_room()
    case = await reported_room(world)
    answer = await review(world, "mira", f"!policy hold {case} R3 {REASON}")
    assert "is being put on hold" in answer
    return record, case


def stands(world: World) -> bool:
    """Say whether the room is frozen, out of the directory, without a label, with a banner."""
    home, room = world.homeserver, world.room
    found = {
        home.levels[room].get("events_default") == 100,
        room not in home.directory,
        room not in home.labels,
        room in home.banners,
    }
    assert len(found) == 1, "all of it or nothing"
    return found.pop()


def picture(world: World) -> Any:
    """Give everything that a hold touches."""
    home, room = world.homeserver, world.room
    signs = (home.directory, home.network, home.labels.get(room), home.topics.get(room))
    return [str(s) for s in signs], home.levels[room], home.aliases, len(home.notices)


async def test_a_hold_freezes_hides_and_tells_and_ends_by_itself_exactly(any_world: World) -> None:
    world = any_world
    record = await world.governed_room()
    world.homeserver.levels[world.room]["events_default"] = 0
    before = str(picture(world))
    case = await reported_room(world)
    answer = await review(world, "mira", f"!policy hold {case} R3 {REASON}")
    assert f"This will: freeze {world.room}, take it out of the directory, withdraw its label" in answer
    assert "ends by itself on 5 March 2026, 09:00 UTC" in answer
    assert stands(world)
    assert "on hold while a report is looked at" in world.homeserver.banners[world.room]
    assert "Until 5 March 2026, 09:00 UTC" in world.homeserver.banners[world.room]
    assert record in world.homeserver.banners[world.room]
    told = world.told("anna")[-1]
    for part in (
        f"Hold {case}",
        REASON,
        "5 March 2026",
        "R3",
        f"!policy appeal {case}",
        "by machine? No",
    ):
        assert part in told
    assert "suspended" in await world.say("lea", f"!policy lookup {record}")
    stood = await world.say("anna", f"!policy status {record}")
    assert f"{case}: hold, until 5 March 2026, 09:00 UTC. To object: !policy appeal {case}" in stood
    assert not any("took a measure" in text for text in world.told("lea")), "nothing is decided"
    await world.tick(hours=71, minutes=59)
    assert stands(world)
    await world.tick(minutes=1)
    assert not stands(world)
    assert "To object" not in await world.say("anna", f"!policy status {record}")
    assert str(picture(world)) == before
    assert "has ended" in world.told("anna")[-1]
    assert f"{case}: the hold on" in world.in_review()[-1]
    assert "open" in await review(world, "mira", f"!policy show {case}")


async def test_a_room_is_held_without_a_report_too(world: World) -> None:
    await world.governed_room()
    answer = await review(world, "mira", f"!policy hold {world.room} R3 {REASON}")
    assert "C-1: " in answer
    assert stands(world)
    assert "Our own observation" in world.told("anna")[-1]
    assert "Lea" not in world.told("anna")[-1]


async def test_a_hold_is_no_chain(world: World) -> None:
    _, case = await held(world)
    again = f"!policy hold {case} R3 It is still so, I think"
    assert "put on hold already, until 5 March 2026" in await review(world, "otto", again)
    await world.tick(hours=73)
    answer = await review(world, "otto", again)
    assert "another is possible from 8 March 2026, 09:00 UTC" in answer
    assert "decide the case" in answer
    room_itself = f"!policy hold {world.room} R2 It is something else, I think"
    assert "no chain" in await review(world, "otto", room_itself)
    assert not stands(world)
    await world.tick(hours=72)
    assert "is being put on hold" in await review(world, "otto", again)


async def test_a_hold_that_was_lifted_or_overturned_is_not_put_on_again_at_once(world: World) -> None:
    _, case = await held(world)
    await world.say("anna", f"!policy appeal {case} Nobody sells anything here")
    assert stands(world), "it goes on while somebody looks at the appeal"
    await review(world, "ravi", f"!policy overturn {case} The link leads to a gardening shop")
    assert not stands(world)
    assert "void from the beginning" in world.told("anna")[-1]
    assert not any("overturned" in text for text in world.told("lea")), "nothing had been decided"
    assert "no chain" in await review(world, "mira", f"!policy hold {case} R3 {REASON}")
    text = f"!policy decide {case} R3 S1 warn Cards were offered there once // No other way"
    assert "It is being carried out" in await review(world, "mira", text), "the case is still open"


async def test_a_hold_is_lifted_early(world: World) -> None:
    _, case = await held(world)
    answer = await review(world, "mira", f"!policy lift {case} The link was a mistake of ours")
    assert "the hold is lifted" in answer
    assert not stands(world)
    assert "a mistake of ours" in world.told("anna")[-1]


async def suspended_after(world: World, case: str, span: str) -> None:
    text = f"!policy decide {case} R3 S3 suspend:{span} Cards were sold there for weeks // No other way"
    answer = await review(world, "mira", text)
    code = find(r"(?<=!policy confirm )\w+", answer)
    await review(world, "otto", f"!policy confirm {code}")


async def test_what_is_decided_follows_without_a_gap_and_the_hold_is_credited(any_world: World) -> None:
    world = any_world
    _, case = await held(world)
    await world.tick(hours=24)
    began = len(world.homeserver.performed)
    await suspended_after(world, case, "P7D")
    assert stands(world)
    assert UnfreezeRoom(world.room) not in world.homeserver.performed[began:]
    assert "is suspended, by" in world.homeserver.banners[world.room]
    assert "Until 9 March 2026, 09:00 UTC" in world.homeserver.banners[world.room], "a day is served"
    assert "ends by itself on 9 March 2026" in world.told("anna")[-1]
    assert "took a measure" in world.told("lea")[-1]
    await world.tick(days=5, hours=23)
    assert stands(world)
    await world.tick(hours=1)
    assert not stands(world)


async def test_after_a_milder_decision_or_none_the_hold_is_gone(world: World) -> None:
    _, case = await held(world)
    await review(
        world,
        "mira",
        f"!policy decide {case} R3 S2 restrict:P3D Cards were offered there once // No other way",
    )
    code = (
        find(r"(?<=!policy confirm )\w+", world.in_review()[-1])
        if "confirm" in world.in_review()[-1]
        else ""
    )
    if code:
        await review(world, "otto", f"!policy confirm {code}")
    home = world.homeserver
    assert home.levels[world.room]["events_default"] == 50, "its moderators may write"
    assert world.room in home.directory
    assert world.room not in home.banners
    await world.tick(days=4)
    assert home.levels[world.room]["events_default"] == 0


async def test_a_case_without_a_breach_ends_the_hold(world: World) -> None:
    _, case = await held(world)
    await review(world, "mira", f"!policy dismiss {case} It was a joke about seed packets")
    assert not stands(world)
    assert "has ended" in world.told("anna")[-1]
    assert "found no breach" in world.told("lea")[-1]


async def test_a_hold_counts_for_nothing_later(world: World) -> None:
    _, case = await held(world)
    await world.tick(hours=80)
    answer = await review(world, "mira", f"!policy propose {case} R3 S2")
    assert "H0" in answer
    assert "counted: C" not in answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("!policy hold C-1 R3 no", "lacks: facts"),
        ("!policy hold C-1 R99 It is all wrong there", "no rule"),
        ("!policy hold C-9 R3 It is all wrong there", "no case"),
        ("!policy hold !other:example.org R3 It is all wrong there", "governed rooms only"),
        ("!policy hold garden R3 It is all wrong there", "is no room"),
        ("!policy hold C-1 R3", "REASON is missing"),
    ],
)
async def test_what_cannot_be_held_is_refused_in_words(world: World, text: str, answer: str) -> None:
    await world.governed_room()
    await reported_room(world)
    assert answer in await review(world, "mira", text)
    assert not stands(world)


async def test_a_party_holds_nothing_and_strangers_do_not_know_of_it(world: World) -> None:
    await world.governed_room()
    await world.say("mira", f"!policy report {world.room} R3 Card numbers are sold there")
    assert "no case" in await review(world, "mira", f"!policy hold C-1 R3 {REASON}")
    assert "party" in await review(world, "mira", f"!policy hold {world.room} R3 {REASON}")
    assert "do not know" in await world.say("tom", f"!policy hold {world.room} R3 {REASON}")
    assert not stands(world)


async def test_without_rank_the_hold_is_refused_with_the_way_round(world: World) -> None:
    await world.governed_room()
    await world.deliver(
        type="m.room.power_levels",
        room_id=world.room,
        sender=user("anna"),
        state_key="",
        content={"users": {user("anna"): 100, user("policybot"): 0}},
    )
    answer = await review(world, "mira", f"!policy hold {world.room} R3 {REASON}")
    assert "I have no rank" in answer
    assert "power level 100" in answer
    assert world.room in world.homeserver.directory


async def test_a_room_that_is_suspended_is_not_held_besides(world: World) -> None:
    await world.governed_room()
    case = await reported_room(world)
    await suspended_after(world, case, "P7D")
    answer = await review(world, "mira", f"!policy hold {world.room} R3 {REASON}")
    assert "binds this room already" in answer


async def test_two_moderators_hold_at_once_and_it_is_one_hold(any_world: World) -> None:
    world = any_world
    await world.governed_room()
    text = f"!policy hold {world.room} R3 {REASON}"
    events = [command(who, text) | {"room_id": REVIEW} for who in ("mira", "otto")]
    await asyncio.gather(*map(world.inward.handle, events), return_exceptions=True)
    for event in events:
        await world.inward.handle(event)
    await world.work()
    async with world.database.transaction(reading=True) as tx:
        binding = await sanctions.binding_on(tx, None, world.room)
    assert len(binding) == 1
    assert sum("put on hold already" in text for text in world.in_review()) == 1
    assert stands(world)


async def test_a_hold_that_the_homeserver_never_carried_ends_all_the_same(world: World) -> None:
    await world.governed_room()
    case = await reported_room(world)
    world.homeserver.away = True
    await review(world, "mira", f"!policy hold {case} R3 {REASON}")
    await world.tick(hours=72)
    world.homeserver.away = False
    await world.tick(minutes=1)
    assert not stands(world)
    assert FreezeRoom(world.room) not in world.homeserver.performed, "it is past"
    assert "has ended" in world.told("anna")[-1]


async def test_demoted_in_the_middle_people_are_told_and_it_goes_on_once_mended(world: World) -> None:
    await world.governed_room()
    case = await reported_room(world)
    world.homeserver.refuses[FreezeRoom] = "403 M_FORBIDDEN You don't have permission"
    await review(world, "mira", f"!policy hold {case} R3 {REASON}")
    alarm = next(text for text in world.in_review() if "I could not freeze" in text)
    assert "M_FORBIDDEN" in alarm
    assert world.room not in world.homeserver.directory, "what can be done is done"
    assert not any(text.startswith("Hold") for text in world.told("anna"))
    del world.homeserver.refuses[FreezeRoom]
    await review(world, "mira", f"!policy retry {find(r'(?<=retry )[0-9]+', alarm)}")
    assert stands(world)
    assert world.told("anna")[-1].startswith(f"Hold {case}")


async def test_killed_anywhere_between_it_is_done_once(world: World) -> None:
    """The process dies after each effect, before it knows that it was done."""
    await world.governed_room()
    died: list[type] = []

    def die(effect: Any) -> None:
        if type(effect) not in died:
            died.append(type(effect))
            raise RuntimeError

    case = await reported_room(world)
    world.homeserver.before_answer = die
    await review(world, "mira", f"!policy hold {case} R3 {REASON}")
    for _ in range(12):
        world.clock.pass_time(minutes=1)
        await world.work()
    assert {FreezeRoom, ShowBanner} <= set(died)
    assert stands(world)
    assert sum(text.startswith("Hold") for text in world.told("anna")) == 1
    await world.tick(hours=72)
    for _ in range(12):
        await world.tick(minutes=1)
    assert {UnfreezeRoom, HideBanner} <= set(died)
    assert not stands(world)


async def test_the_owner_leaves_meanwhile_and_everything_still_comes_back(world: World) -> None:
    record, _ = await held(world)
    await world.deliver(
        type="m.room.member",
        room_id=world.room,
        sender=user("anna"),
        state_key=user("anna"),
        content={"membership": "leave"},
    )
    assert not any("needs an owner" in text for text in world.in_review()), "it cannot change hands yet"
    await world.tick(hours=72)
    await world.tick(minutes=1)
    assert not stands(world)
    await world.tick(days=1)
    told = [text for text in world.in_review() if f"{record} (" in text and "needs an owner" in text]
    assert len(told) == 1, "once it can be handed over again"


async def test_hostile_words_stay_words(world: World) -> None:
    await world.governed_room()
    hostile = "<b>@room</b> \u202eevil\u2066 https://matrix.to/#/@tom:example.org " + "x" * 3000
    await review(world, "mira", f"!policy hold {world.room} R3 {hostile}")
    assert stands(world)
    assert "x" * 3000 in world.told("anna")[-1]


# A banner of a suspension ------------------------------------------------------------------------


async def test_of_two_suspensions_the_banner_says_the_one_that_binds(world: World) -> None:
    await world.governed_room()
    case = await reported_room(world)
    await suspended_after(world, case, "P7D")
    assert "Until 9 March" in world.homeserver.banners[world.room]
    second = await reported_room(world)
    assert second != case
    await suspended_after(world, second, "P14D")
    assert "Until 9 March" in world.homeserver.banners[world.room]
    await world.tick(days=8)
    assert stands(world)
    assert "Until 16 March" in world.homeserver.banners[world.room]
    await world.tick(days=7)
    assert not stands(world)


async def test_a_suspended_room_is_reinstated_while_a_restriction_still_binds(world: World) -> None:
    record = await world.governed_room()
    case = await reported_room(world)
    await suspended_after(world, case, "P3D")
    second = await reported_room(world)
    text = f"!policy decide {second} R3 S3 restrict:P14D Cards were sold there again // No other way"
    answer = await review(world, "mira", text)
    if "confirm" in answer:
        await review(world, "otto", f"!policy confirm {find(r'(?<=confirm )[A-Z0-9]+', answer)}")
    await world.tick(days=4)
    assert "approved" in await world.say("lea", f"!policy lookup {record}")
    assert world.room in world.homeserver.directory
    assert world.homeserver.levels[world.room]["events_default"] == 50
