"""Cases that become one, and one that becomes two: nothing is lost, and nobody is told twice."""

import asyncio

from policybot.domain.case import State, Subject, SubjectKind
from policybot.store import cases, findings, reports
from policybot.store.database import Stale
from tests.flows.test_casework import again, report, state, waiting
from tests.world import REVIEW, World, find, user

WHY = "Both were written in one quarrel"


async def two(world: World, offender: str = "tom") -> tuple[str, str]:
    """Two cases about one account."""
    await world.governed_room()
    return await report(world, offender, "lea"), await report(world, offender, "nora", "R2")


async def tags(world: World, number: str) -> list[str]:
    async with world.database.transaction() as tx:
        rows = await tx.fetch("SELECT tag FROM audit WHERE object = $1 ORDER BY seq", number)
    return [row["tag"] for row in rows]


async def test_two_cases_of_one_account_become_one_and_are_decided_once(any_world: World) -> None:
    world = any_world
    first, second = await two(world)
    await world.review("mira", f"!policy note {second} He was drunk")
    answer = await world.review("mira", f"!policy merge {second} {first} {WHY}")
    assert f"{second} is part of {first} now" in answer
    assert await waiting(world) == [first]
    assert await state(world, second) is State.MERGED
    for command in ("show", "claim", "release"):
        told = await world.review("mira", f"!policy {command} {second}")
        assert f"{second} was merged into {first}. All that was in it is there." in told, command
    for rest in ("R1 S1 warn Advertised", "R1 S1"):
        verb = "decide" if "warn" in rest else "propose"
        assert f"merged into {first}" in await world.review("mira", f"!policy {verb} {second} {rest}")
    assert "merged into" in await world.review("mira", f"!policy dismiss {second} No breach in it")
    shown = await world.review("mira", f"!policy show {first}")
    assert shown.count("names R") == 2
    assert "He was drunk" in shown
    assert f"And about: a message of {user('tom')} in {world.room}: https://matrix.to/#/" in shown
    assert "> Something of tom" in shown
    assert "2 reporters" in shown
    # Whoever reported what was merged is told once, with the number that holds.
    assert len([t for t in world.told("nora") if f"is worked on in case {first} now" in t]) == 1
    assert not any("is worked on" in text for text in world.told("lea"))
    # One decision, and all that belongs to it is removed; both reporters hear of it.
    taken = await world.review(
        "mira", f"!policy decide {first} R1 S1 warn+remove Advertised twice in one afternoon"
    )
    assert "is being carried out" in taken
    await world.work()
    assert len(world.homeserver.redacted) == 2
    for name in ("lea", "nora"):
        assert any(f"case {first}" in text and "took a measure" in text for text in world.told(name))
    assert "case:merge" in await tags(world, second)
    assert "case:join" in await tags(world, first)


async def test_a_later_report_on_a_merged_message_joins_the_case_that_holds(any_world: World) -> None:
    world = any_world
    await world.governed_room()
    first = await report(world, "tom", "lea")
    event = await world.message("tom", "Something else", world.room)
    second = await again(world, event, "lea")
    await world.review("mira", f"!policy merge {second} {first} {WHY}")
    assert await again(world, event, "nora") == first
    link = f"https://matrix.to/#/{world.room}/{event}"
    assert "reported this already" in await world.say("lea", f"!policy report {link} R1 An advert again")
    # After the decision it is a new matter.
    await world.decided(first, "warn")
    assert await again(world, event, "olaf") not in (first, second)


async def test_split_undoes_a_merge(any_world: World) -> None:
    world = any_world
    await world.governed_room()
    first = await report(world, "tom", "lea")
    event = await world.message("tom", "Something else", world.room)
    second = await again(world, event, "nora")
    await again(world, event, "olaf")
    await world.review("mira", f"!policy merge {second} {first} {WHY}")
    assert "is about itself" in await world.review("mira", f"!policy split {first} R-1")
    assert "R-9 is not in" in await world.review("mira", f"!policy split {first} R-9")
    assert "no number of a report" in await world.review("mira", f"!policy split {first} C-1")
    assert "one and the same message" in await world.review("mira", f"!policy split {first} R-1 R-2")
    answer = await world.review("mira", f"!policy split {first} R-2")
    third = find(r"C-\d+", answer)
    assert third not in (first, second)
    async with world.database.transaction() as tx:
        assert len(await reports.of_case(tx, int(third[2:]))) == 2, "a subject is in one case at a time"
        assert len(await reports.of_case(tx, int(first[2:]))) == 1
    assert await again(world, event, "pia") == third
    assert any(f"in a case of its own now, {third}" in text for text in world.told("olaf"))
    assert set(await waiting(world)) == {first, third}
    # And back again.
    await world.review("mira", f"!policy merge {third} {first} {WHY}")
    assert await waiting(world) == [first]
    await world.decided(first, "none")


async def test_nobody_is_decided_about_in_the_case_of_somebody_else(any_world: World) -> None:
    world = any_world
    await world.governed_room()
    tom, zoe = await report(world, "tom", "lea"), await report(world, "zoe", "lea")
    answer = await world.review("mira", f"!policy merge {zoe} {tom} {WHY}")
    assert "not about the same account" in answer
    assert "a decision of their own" in answer
    # What was written in a room can be looked at with the room; it is not removed by that decision.
    receipt = await world.say("lea", f"!policy report https://matrix.to/#/{world.room} R1 Only adverts")
    assert "R-3" in receipt
    room = find(r"(?<=New case )C-\d+", world.in_review()[-1])
    assert f"part of {room}" in await world.review("mira", f"!policy merge {tom} {room} {WHY}")
    assert "no message to remove" in await world.review(
        "mira", f"!policy decide {room} R1 S1 warn+remove The room is full of adverts"
    )
    assert "same account" in await world.review("mira", f"!policy merge {room} {zoe} {WHY}")


async def test_what_is_held_decided_or_with_somebody_else_is_not_merged(any_world: World) -> None:
    world = any_world
    first, second = await two(world)
    await world.review("otto", f"!policy claim {second}")
    assert f"is with {user('otto')}" in await world.review(
        "mira", f"!policy merge {second} {first} {WHY}"
    )
    await world.review("otto", f"!policy release {second}")
    assert "in a sentence why" in await world.review("mira", f"!policy merge {second} {first} So")
    assert "into itself" in await world.review("mira", f"!policy merge {first} {first} {WHY}")
    await world.decided(second, "warn")
    assert "is closed" in await world.review("mira", f"!policy merge {second} {first} {WHY}")
    assert "is closed" in await world.review("mira", f"!policy merge {first} {second} {WHY}")
    assert await state(world, first) is State.OPEN


async def test_what_was_proposed_before_a_merge_is_not_carried_out_after_it(any_world: World) -> None:
    world = any_world
    first, second = await two(world)
    answer = await world.review(
        "mira", f"!policy decide {first} R2 S4 close Threatened to burn a house down // No other way"
    )
    code = find(r"(?<=!policy confirm )\w+", answer)
    assert "waiting for a second person" in await world.review(
        "mira", f"!policy merge {second} {first} {WHY}"
    )
    await world.review("mira", f"!policy deny {code}")
    assert "is part of" in await world.review("mira", f"!policy merge {second} {first} {WHY}")


async def test_findings_follow_their_message(any_world: World) -> None:
    world = any_world
    first, second = await two(world)
    async with world.database.transaction() as tx:
        case = await cases.get(tx, int(second[2:]))
        assert case is not None
        finding = findings.Finding(
            str(case.subject.event_id), "R1", world.room, user("tom"), "x", (), world.clock()
        )
        await findings.add(tx, finding)
        await findings.settle(tx, finding, findings.Outcome.REPORTED, case.id)
    await world.review("mira", f"!policy merge {second} {first} {WHY}")
    async with world.database.transaction() as tx:
        assert len(await findings.of_case(tx, int(first[2:]))) == 1
    answer = await world.review("mira", f"!policy split {first} R-2")
    async with world.database.transaction() as tx:
        assert len(await findings.of_case(tx, int(find(r"C-\d+", answer)[2:]))) == 1


async def test_a_report_that_comes_while_cases_are_merged_is_in_the_one_that_holds(
    any_world: World,
) -> None:
    world, service = any_world, any_world.app.services
    await world.governed_room()
    first = await report(world, "tom", "lea")
    for n in range(6):
        event = await world.message("tom", f"Number {n}", world.room)
        number = await again(world, event, "nora")
        subject = Subject(SubjectKind.EVENT, world.room, event)

        async def merge(number: str = number) -> None:
            async with world.database.transaction() as tx:
                source = await service.cases.find(tx, int(number[2:]), number)
                target = await service.cases.find(tx, int(first[2:]), first)
                await service.merges.merge(tx, user("mira"), source, target, WHY)

        async def join(subject: Subject = subject, n: int = n) -> None:
            async with world.database.transaction() as tx:
                await service.reports.report(tx, user(f"reader{n}"), subject, "R1", "An advert")

        results = await asyncio.gather(merge(), join(), return_exceptions=True)
        for result in results:
            assert result is None or isinstance(result, Stale), result
    async with world.database.transaction() as tx:
        rows = await tx.fetch(
            "SELECT r.id FROM reports r JOIN cases c ON c.id = r.case_id WHERE c.state = 'merged'"
        )
        assert rows == [], "nothing is left behind in a case that is no more"
        assert len(await cases.subjects(tx, await service.cases.find(tx, int(first[2:]), first))) == 7


async def test_what_is_merged_goes_when_the_case_goes(world: World) -> None:
    first, second = await two(world)
    await world.review("mira", f"!policy merge {second} {first} {WHY}")
    await world.decided(first, "warn")
    for _ in range(3):
        await world.tick(days=800)
    async with world.database.transaction() as tx:
        for table in ("cases", "case_subjects", "case_notes", "reports", "case_watchers"):
            sql = f"SELECT COUNT(*) AS value FROM {table}"  # noqa: S608 - our names
            assert await tx.value(sql) == 0, table


async def test_the_past_of_an_account_is_listed_with_what_was_decided(any_world: World) -> None:
    world = any_world
    await world.governed_room()
    first = await report(world, "tom", "lea")
    assert "is being carried out" in await world.decided(first, "restrict:P1D", confirm="otto")
    await world.tick(days=21)
    world.clock.pass_time(minutes=1)
    second, third = await report(world, "tom", "lea"), await report(world, "tom", "nora")
    shown = await world.review("mira", f"!policy show {third}")
    assert f"Related: {second} (open), {first} (final, R1 S2, 21 days ago)" in shown
    world.clock.pass_time(minutes=1)
    await world.say("tom", f"!policy appeal {first} It was no shop at all")
    world.clock.pass_time(minutes=1)
    await world.review("mira", f"!policy merge {second} {third} {WHY}")
    lines = (await world.review("otto", f"!policy timeline {third}")).splitlines()
    assert [line.split(": ", 1)[1].split(":")[0] for line in lines] == [
        "another case was merged into it",
        "appealed",
        "opened, 2 reports",
        "the measure ended by itself",
        "decided",
        "opened",
    ]
    assert f"2 March 2026 09:00 {first}: decided: R1 S2 → restrict P1D" in lines[4]
    assert await world.review("otto", f"!policy timeline {user('tom')}") == "\n".join(lines)
    assert "Nothing is on record" in await world.review("otto", f"!policy timeline {user('zoe')}")
    assert "Nothing is on record" in await world.review("otto", f"!policy timeline {world.room}")
    assert "I do not know" in await world.say("tom", f"!policy timeline {user('tom')}")


async def test_that_two_accounts_are_one_persons_is_said_nowhere(any_world: World) -> None:
    world = any_world
    await world.governed_room()
    await world.verified("tom")
    first = await report(world, "tom", "lea")
    await world.decided(first, "warn")
    # His other account, linked to the same person.
    async with world.database.transaction() as tx:
        person = await tx.value("SELECT person_id AS value FROM links WHERE user_id = $1", user("tom"))
        await tx.execute(
            "INSERT INTO links (person_id, user_id, slot, front, created_at)"
            " VALUES ($1, $2, 2, 'pseudonym', 0)",
            person,
            user("tomtom"),
        )
    second = await report(world, "tomtom", "lea")
    shown = await world.review("mira", f"!policy show {second}")
    assert f"Counts together with: {first} (final, R1 S2, today)" in shown
    assert "Related" not in shown
    facts, _, around = shown.partition("Around it")
    assert user("tom") not in facts.replace(user("tomtom"), "")
    assert "Counts together" in around, "what others wrote stands before it, whosever account it is"
    assert "Counts together" not in await world.review("ravi", f"!policy show {second}")
    assert REVIEW not in shown
