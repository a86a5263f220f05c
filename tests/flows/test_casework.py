"""Moderators work through the queue: what is urgent first, nobody twice, nothing forgotten."""

import asyncio

import pytest

from policybot.domain.case import State, Subject, SubjectKind
from policybot.domain.errors import NotPermitted, OutOfOrder
from policybot.services.previews import Choice
from policybot.store import cases, decisions, queues, reports
from policybot.store.database import Stale
from tests.world import SERVER, World, find, user

OTHER = f"!pond:{SERVER}"


async def report(world: World, offender: str, reporter: str, rule: str = "R1", room: str = "") -> str:
    """Have somebody report something new; return its case."""
    room = room or world.room
    event = await world.message(offender, f"Something of {offender}", room)
    return await again(world, event, reporter, rule, room)


async def again(world: World, event: str, reporter: str, rule: str = "R1", room: str = "") -> str:
    """Have somebody report a message; return its case."""
    link = f"https://matrix.to/#/{room or world.room}/{event}"
    receipt = find(
        r"R-\d+", await world.say(reporter, f"!policy report {link} {rule} Please look at this")
    )
    async with world.database.transaction() as tx:
        made = await reports.get(tx, int(receipt[2:]))
    assert made is not None
    return f"C-{made.case_id}"


async def waiting(world: World, words: str = "", who: str = "mira") -> list[str]:
    """Read the numbers in the queue of cases, in their order."""
    answer = await world.review(who, f"!policy queue cases {words}")
    return [line.split()[0] for line in answer.splitlines() if line.startswith("C-")]


async def state(world: World, case: str) -> State:
    async with world.database.transaction(reading=True) as tx:
        found = await cases.get(tx, int(case[2:]))
    assert found is not None
    return found.state


# The order -------------------------------------------------------------------------------------------


async def test_what_is_graver_or_told_by_more_people_is_looked_at_first(any_world: World) -> None:
    world = any_world
    await world.governed_room()
    mild = await report(world, "tom", "lea", "R1")
    grave = await report(world, "tom", "lea", "R2")
    loud = await world.message("tom", "Buy, buy, buy!", world.room)
    for name in ("lea", "anna", "nora"):
        many = await again(world, loud, name, "R1")
    assert await waiting(world) == [grave, many, mild]
    answer = await world.review("mira", "!policy queue cases")
    assert f"{mild} open: a message of {user('tom')} in {world.room} · R1, priority " in answer
    assert "due in 24 h" in answer
    shown = await world.review("mira", f"!policy show {many}")
    assert "severity up to S2 (+6), 3 reporters (+3), due in 24 h (−24)." in shown
    # Somebody else names the graver rule, and it moves up.
    await again(world, loud, "ravi", "R2")
    assert (await waiting(world))[0] == many
    # Time passes and changes nothing but the words.
    before = await waiting(world)
    world.clock.pass_time(hours=30)
    assert await waiting(world) == before
    assert "overdue for 6 h" in await world.review("mira", "!policy queue cases")


async def test_the_queue_is_read_page_by_page_and_narrowed_down(any_world: World) -> None:
    world = any_world
    await world.governed_room()
    await world.governed_room("zoe", OTHER)
    first = [await report(world, f"somebody{n}", "lea") for n in range(23)]
    pond = await report(world, "tom", "lea", "R2", OTHER)
    page = await world.review("mira", "!policy queue cases")
    assert page.count("\nC-") + page.startswith("C-") == 20
    more = find(r"!policy queue cases after C-\d+", page)
    rest = await world.review("mira", more)
    assert sorted(await waiting(world) + [line.split()[0] for line in rest.splitlines()]) == sorted(
        [pond, *first]
    )
    assert await waiting(world, "R2") == [pond]
    assert await waiting(world, OTHER) == [pond]
    assert await waiting(world, "mine") == []
    await world.review("mira", f"!policy claim {first[3]}")
    assert await waiting(world, "mine") == [first[3]]
    assert await waiting(world, "mine", "otto") == []
    assert await waiting(world, "overdue") == []
    world.clock.pass_time(hours=25)
    assert len(await waiting(world, "overdue R1")) == 20
    assert "nothing that I can look for" in await world.review("mira", "!policy queue cases yesterday")


async def test_who_has_a_part_in_a_case_does_not_see_it_in_the_queue(any_world: World) -> None:
    world = any_world
    await world.governed_room()
    about_mira = await report(world, "mira", "lea")
    by_mira = await report(world, "tom", "mira")
    other = await report(world, "tom", "lea")
    assert await waiting(world) == [other]
    assert set(await waiting(world, who="otto")) == {about_mira, by_mira, other}
    for case in (about_mira, by_mira):
        for command in (
            f"show {case}",
            f"claim {case}",
            f"note {case} It was nothing",
            f"merge {case} {other} These belong together",
            f"merge {other} {case} These belong together",
            f"split {case} R-1",
            f"timeline {case}",
            f"dismiss {case} It was nothing at all",
        ):
            answer = await world.review("mira", f"!policy {command}")
            assert f"There is no case {case} that you can see." in answer, command
    assert await state(world, about_mira) is State.OPEN


async def test_a_moderator_of_many_reported_rooms_sees_what_is_left_at_once(world: World) -> None:
    await world.governed_room()
    world.homeserver.levels[OTHER] = {"users": {user("mira"): 50}}
    await world.governed_room("zoe", OTHER)
    world.homeserver.levels[OTHER]["users"][user("mira")] = 50
    await world.deliver(
        type="m.room.power_levels",
        room_id=OTHER,
        sender=user("zoe"),
        state_key="",
        content=world.homeserver.levels[OTHER],
    )
    for n in range(25):
        await report(world, f"somebody{n}", "lea", "R2", OTHER)
    last = await report(world, "tom", "lea", "R1")
    assert await waiting(world) == [last]
    assert len(await waiting(world, who="otto")) == 20


# The clock -------------------------------------------------------------------------------------------


async def test_I19_a_report_is_answered_or_stands_overdue_until_it_is(any_world: World) -> None:  # noqa: N802 - the invariant's name
    world = any_world
    await world.governed_room()
    case, told = await report(world, "tom", "lea"), len(world.in_review())
    await world.tick(hours=23)
    assert len(world.in_review()) == told
    await world.tick(hours=2)
    (call,) = world.in_review()[told:]
    assert f"Overdue: {case}." in call
    assert "Nothing is decided by itself" in call
    for _ in range(3):
        await world.tick(hours=30)
    assert [text for text in world.in_review()[told:] if "Overdue" in text] == [call], (
        "people are called once"
    )
    assert await waiting(world, "overdue") == [case]
    async with world.database.transaction() as tx:
        assert (await queues.unanswered(tx, world.clock()))[0] == 1
        assert {r.state.value for r in await reports.of_case(tx, int(case[2:]))} == {"attached"}
    await world.decided(case, "warn")
    assert await waiting(world, "overdue") == []
    async with world.database.transaction() as tx:
        assert (await queues.unanswered(tx, world.clock()))[0] == 0
        assert {r.outcome for r in await reports.of_case(tx, int(case[2:]))} == {"actioned"}
    assert any("took a measure" in text for text in world.told("lea"))


async def test_I20_time_alone_decides_nothing(world: World) -> None:  # noqa: N802 - the invariant's name
    await world.governed_room()
    case = await report(world, "tom", "lea", "R2")
    await world.review("mira", f"!policy claim {case}")
    done = len(world.homeserver.performed)
    for _ in range(40):
        await world.tick(days=1)
    assert await state(world, case) in {State.OPEN, State.CLAIMED}
    async with world.database.transaction() as tx:
        assert await decisions.of_case(tx, int(case[2:])) == []
    changes = [e for e in world.homeserver.performed[done:] if type(e).__name__ not in {"Say", "Notify"}]
    assert changes == []


# Claims ----------------------------------------------------------------------------------------------


async def test_a_claim_goes_on_while_its_holder_works_and_ends_when_they_do_not(
    any_world: World,
) -> None:
    world = any_world
    await world.governed_room()
    case = await report(world, "tom", "lea")
    await world.review("mira", f"!policy claim {case}")
    for command in ("show {}", "note {} I am still reading", "propose {} R1 S1", "show {}"):
        world.clock.pass_time(minutes=20)
        await world.review("mira", f"!policy {command.format(case)}")
        assert f"is with {user('mira')}" in await world.review("otto", f"!policy claim {case}")
    world.clock.pass_time(minutes=29)
    await world.review("otto", f"!policy show {case}")  # the look of another one is no act of hers
    world.clock.pass_time(minutes=2)
    assert f"{case} being looked at" in (answer := await world.review("otto", "!policy queue cases"))
    assert "free again since 2 March" in answer
    assert "is yours until" in await world.review("otto", f"!policy claim {case}")


async def test_a_heartbeat_writes_only_when_half_of_the_time_is_over(world: World) -> None:
    await world.governed_room()
    number = await report(world, "tom", "lea")
    await world.review("mira", f"!policy claim {number}")
    casework, seen = world.app.services.cases, []
    for _ in range(40):
        world.clock.pass_time(minutes=1)
        async with world.database.transaction() as tx:
            case = await casework.find(tx, int(number[2:]), number)
            await casework.beat(tx, user("mira"), case)
            await casework.beat(tx, user("otto"), case)
            after = await casework.find(tx, int(number[2:]), number)
        seen.append((after.lease_until, after.version))
    assert len(set(seen)) == 3, "as it was claimed, and renewed twice in forty minutes"
    assert len({version for _, version in seen}) == 1, "what was prepared for it still fits"


async def test_who_else_looks_is_said(any_world: World) -> None:
    world = any_world
    await world.governed_room()
    case = await report(world, "tom", "lea")
    assert "Also looking" not in await world.review("mira", f"!policy show {case}")
    world.clock.pass_time(minutes=2)
    assert f"Also looking: {user('mira')} (since 09:00 UTC)" in await world.review(
        "otto", f"!policy show {case}"
    )
    world.clock.pass_time(minutes=4)
    shown = await world.review("mira", f"!policy show {case}")
    assert f"Also looking: {user('otto')} (since 09:02 UTC)" in shown
    world.clock.pass_time(minutes=6)
    assert "Also looking" not in await world.review("otto", f"!policy show {case}")


async def test_I26_of_two_moderators_who_decide_at_once_one_does(any_world: World) -> None:  # noqa: N802 - the invariant's name
    world = any_world
    await world.governed_room()
    for round_ in range(10):
        number = await report(world, f"somebody{round_}", "lea")
        case_id = int(number[2:])
        both = asyncio.Barrier(2) if world.database.shared else None

        async def decide(who: str, case_id: int = case_id, both: asyncio.Barrier | None = both) -> bool:
            try:
                async with world.database.transaction() as tx:
                    case = await world.app.services.cases.find(tx, case_id, f"C-{case_id}")
                    if both is not None:
                        await both.wait()  # both have read the same version
                    choice = Choice("R1", "S1", "warn", facts=f"Advertised a shop, says {who}.")
                    await world.app.services.decisions.decide(tx, user(who), case, choice)
            except (Stale, OutOfOrder, NotPermitted):
                return False
            return True

        assert sorted(await asyncio.gather(decide("mira"), decide("otto"))) == [False, True]
        await world.work()
        async with world.database.transaction() as tx:
            assert len(await decisions.of_case(tx, case_id)) == 1
        told = [text for text in world.told(f"somebody{round_}") if f"Decision {number}" in text]
        assert len(told) == 1


async def test_two_reports_that_come_at_once_by_two_processes_are_one_case(any_world: World) -> None:
    world = any_world
    await world.governed_room()
    event = await world.message("tom", "Buy my spades!", world.room)
    service = world.app.services.reports
    subject = Subject(SubjectKind.EVENT, world.room, event)

    async def send(who: str) -> int:
        for _ in range(5):
            try:
                async with world.database.transaction() as tx:
                    made = await service.report(tx, user(who), subject, "R1", "An advert")
                    return made.case_id
            except Stale:  # as the homeserver sends an event again that was not answered
                continue
        pytest.fail("never taken in")

    found = await asyncio.gather(*(send(f"reader{n}") for n in range(8)))
    assert len(set(found)) == 1
    async with world.database.transaction() as tx:
        assert len(await reports.of_case(tx, found[0])) == 8


async def test_a_report_that_comes_while_a_case_is_decided_is_not_left_in_it(any_world: World) -> None:
    world, service = any_world, any_world.app.services
    await world.governed_room()
    for n in range(6):
        event = await world.message(f"somebody{n}", "Buy my spades!", world.room)
        number = await again(world, event, "lea")
        subject = Subject(SubjectKind.EVENT, world.room, event)

        async def dismiss(case_id: int = int(number[2:])) -> None:
            async with world.database.transaction() as tx:
                case = await service.cases.find(tx, case_id, f"C-{case_id}")
                await service.holds.dismiss(tx, user("mira"), case, "Spades may be sold here")

        async def join(subject: Subject = subject) -> int:
            async with world.database.transaction() as tx:
                made = await service.reports.report(tx, user("anna"), subject, "R1", "An advert")
                return made.id

        _, late = await asyncio.gather(dismiss(), join())
        async with world.database.transaction() as tx:
            made = await reports.get(tx, late)
            assert made is not None
            case = await cases.get(tx, made.case_id)
        assert case is not None
        assert (made.outcome is None) == (case.state is State.OPEN), "answered with its case, or open"


# Notes -----------------------------------------------------------------------------------------------


async def test_a_note_is_for_the_operators_people_and_is_one_harmless_line(any_world: World) -> None:
    world = any_world
    await world.governed_room()
    case = await report(world, "tom", "lea")
    hostile = f"<b>Bold</b>\n\u202eevil\u202c @room {user('anna')} " + "x" * 5000
    answer = await world.review("mira", f"!policy note {case} {hostile}")
    assert f"Noted in {case}" in answer
    shown = await world.review("otto", f"!policy show {case}")
    (line,) = [text for text in shown.splitlines() if text.startswith("Note of")]
    assert line.startswith(f"Note of {user('mira')}, 2 March 09:00: <b>Bold</b> evil @room")
    assert "\u202e" not in shown
    assert len(line) < 700
    assert "TEXT is missing" in await world.review("mira", f"!policy note {case} \u202e\u2066\u200b")
    assert "I do not know «note»" in await world.say("tom", f"!policy note {case} Hello")
    await world.decided(case, "warn")
    assert "Noted" in await world.review("mira", f"!policy note {case} He has understood it")
    everything = "\n".join(world.told("tom") + world.told("lea"))
    assert "Bold" not in everything
    export = await world.say("tom", "!policy me")
    assert "Bold" not in export
