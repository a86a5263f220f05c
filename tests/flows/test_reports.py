"""Reports: one for each person and subject, whoever comes at once, and told where they stand."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from policybot.domain.case import Subject, SubjectKind
from policybot.domain.report import Report, Via
from tests.pressing import pressing
from tests.reporting import NASTY, clean, report, rows
from tests.staffed import link_to
from tests.world import World, find, user
from tests.world import world as make_world


@pytest.fixture
async def linked(tmp_path: Path, database_url: str) -> AsyncIterator[World]:
    """A governed room, and Lea and Tom who have two accounts each."""
    more = {"identity.accounts_per_person": 3}
    async with make_world(tmp_path, database_url, **more) as world:
        await world.governed_room()
        for who in ("lea", "tom"):
            await world.verified(who)
            await link_to(world, f"{who}2", who)
        yield world


async def test_one_person_reports_one_thing_once_by_whichever_account(linked: World) -> None:
    world = linked
    event = await world.message("anna", "Buy my spades!", world.room)
    receipt = find(r"R-\d+", await report(world, "lea", event))
    for who in ("lea", "lea2"):
        answer = await report(world, who, event)
        assert answer == f"You have reported this already; your receipt is {receipt}."
    assert len(await rows(world, "SELECT 1 AS one FROM reports")) == 1
    # What they are told of by one account they can ask for by the other; others cannot.
    assert "being looked at" in await world.say("lea2", f"!policy status {receipt}")
    assert "no R-1 that you can see" in await world.say("tom2", f"!policy status {receipt}")
    # The moderators see one account, and nothing of the other.
    assert "lea2" not in "".join(world.in_review())


async def test_an_account_that_was_unlinked_learns_nothing_of_the_others(linked: World) -> None:
    world = linked
    event = await world.message("anna", "Buy my spades!", world.room)
    await report(world, "lea", event)
    await world.say("lea2", "!policy unlink")
    assert "Your receipt is R-2" in await report(world, "lea2", event), "it may be in other hands"
    assert "no R-1" in await world.say("lea2", "!policy status R-1")
    # The person knows what they did by it while it was theirs.
    other = await world.message("anna", "Buy my rakes!", world.room)
    await report(world, "tom2", other)
    await world.say("tom2", "!policy unlink")
    assert "your receipt is R-3" in await report(world, "tom", other)


async def test_who_reports_another_account_of_their_own_is_told_so_and_nobody_else_is(
    linked: World,
) -> None:
    world = linked
    before = len(world.in_review())
    answer = await world.say("tom2", f"!policy report {user('tom')} R1 He is a nuisance")
    assert answer == "That is your own account."
    event = await world.message("tom", "Buy my spades!", world.room)
    async with pressing(world) as pressed:
        await pressed.poll()
        pressed.press(event, "tom2", "An advert")
        pressed.press(event, "tom", "An advert")
        pressed.fake.press_user(user("tom"), user("tom2"), "A nuisance")
        await pressed.poll(seconds=3)
        assert await pressed.reports() == []
    (said,) = [text for text in world.told("tom2") if "own message" in text or "own account" in text]
    assert "nothing was opened" in said
    assert len(world.in_review()) == before
    # Whose account is linked to nobody is told nothing of whose the other one is.
    await world.say("tom2", "!policy unlink")
    assert "Your receipt is" in await world.say("tom2", f"!policy report {user('tom')} R1 A nuisance")


async def test_twenty_reports_at_once_on_one_message_are_one_case_and_twenty_reports(
    any_world: World,
) -> None:
    world = any_world
    await world.governed_room()
    event = await world.message("tom", "Buy my spades!", world.room)
    subject = Subject(SubjectKind.EVENT, world.room, event)
    reports = world.app.services.reports

    async def one(n: int) -> str:
        async with world.database.transaction() as tx:
            made = Report(0, user(f"reader{n}"), subject, "R1", f"Advert {n}", 0, world.clock(), Via.WEB)
            taken, is_new = await reports.receive(tx, made)
            assert is_new
            return taken.receipt

    receipts = await asyncio.gather(*(one(n) for n in range(20)))
    assert sorted(receipts, key=lambda r: int(r[2:])) == [f"R-{n}" for n in range(1, 21)]
    assert [row["id"] for row in await rows(world, "SELECT id FROM cases")] == [1]
    assert {row["case_id"] for row in await rows(world, "SELECT case_id FROM reports")} == {1}
    await world.work()
    assert sum("New case C-1" in text for text in world.in_review()) == 1


async def test_people_and_rules_that_find_the_same_at_once_open_one_case(any_world: World) -> None:
    world = any_world
    await world.governed_room()
    event = await world.message("tom", "Buy my spades!", world.room)
    about = {
        kind: Subject(kind, world.room, event if kind is SubjectKind.EVENT else None)
        for kind in (SubjectKind.EVENT, SubjectKind.ROOM)
    }
    services = world.app.services

    async def by_rule() -> int:
        async with world.database.transaction() as tx:
            return (await services.cases.found(tx, about[SubjectKind.EVENT], None))[0].id

    async def by_moderator() -> int:
        async with world.database.transaction() as tx:
            return (await services.cases.about_room(tx, user("mira"), world.room)).id

    async def by_reader(n: int, kind: SubjectKind) -> int:
        async with world.database.transaction() as tx:
            made = Report(0, user(f"reader{n}"), about[kind], "R1", "Advert", 0, world.clock())
            return (await services.reports.receive(tx, made))[0].case_id

    found = await asyncio.gather(
        *(by_rule() for _ in range(3)), *(by_reader(n, SubjectKind.EVENT) for n in range(3))
    )
    assert len(set(found)) == 1
    found = await asyncio.gather(
        *(by_moderator() for _ in range(3)), *(by_reader(n, SubjectKind.ROOM) for n in range(3))
    )
    assert len(set(found)) == 1


async def test_one_person_who_reports_by_two_accounts_at_once_has_one_report(linked: World) -> None:
    world = linked
    event = await world.message("anna", "Buy my spades!", world.room)
    await report(world, "tom", event)
    subject = Subject(SubjectKind.EVENT, world.room, event)

    async def one(who: str) -> bool:
        async with world.database.transaction() as tx:
            made = Report(0, user(who), subject, "R1", "An advert", 0, world.clock())
            return (await world.app.services.reports.receive(tx, made))[1]

    assert sorted(await asyncio.gather(*(one(who) for who in ("lea", "lea2", "lea", "lea2")))) == [
        False,
        False,
        False,
        True,
    ]


async def test_i19_a_report_that_comes_while_its_case_is_decided_is_answered_or_opens_another(
    any_world: World,
) -> None:
    """I19: every report ends with an answer to its author, or waits in a case that is open."""
    world = any_world
    await world.governed_room()
    services = world.app.services
    for n in range(8):
        case = await world.reported(text=f"Advert {n}")
        (row,) = await rows(world, "SELECT * FROM cases WHERE id = $1", int(case[2:]))
        subject = Subject(SubjectKind.EVENT, world.room, row["event_id"])

        async def dismiss(number: int) -> None:
            async with world.database.transaction() as tx:
                found = await services.cases.find(tx, number, "")
                await services.holds.dismiss(tx, user("mira"), found, "Adverts are allowed on Mondays")

        async def come(who: str, about: Subject) -> None:
            async with world.database.transaction() as tx:
                made = Report(0, user(who), about, "R1", "Advert", 0, world.clock())
                await services.reports.receive(tx, made)

        readers = [come(f"reader{n}-{m}", subject) for m in range(4)]
        await asyncio.gather(*readers[:2], dismiss(int(case[2:])), *readers[2:])
    await world.work()
    for one in await rows(
        world, "SELECT r.*, c.state AS stands FROM reports r JOIN cases c ON c.id = r.case_id"
    ):
        told = any(f"R-{one['id']} " in text for text in world.told(one["reporter"]))
        assert told is (one["state"] == "resolved"), one["id"]
        assert told or one["stands"] == "open", one["id"]


async def test_status_says_where_a_report_stands_since_when_and_how_it_ended(any_world: World) -> None:
    world = any_world
    await world.governed_room()
    event = await world.message("tom", "Buy my spades!", world.room)
    await report(world, "lea", event)
    ask = "!policy status R-1"
    answer = await world.say("lea", ask)
    assert answer == (
        "R-1 of 2 March 2026 (case C-1): being looked at. It waits for a moderator, since "
        "2 March 2026, 09:00 UTC."
    )
    await world.review("mira", "!policy claim C-1")
    assert "being looked at by a moderator" in await world.say("lea", ask)
    await world.decided("C-1", "suspend:P60D")
    assert "a second person has to confirm" in (await world.say("lea", ask)).lower()
    code = find(r"(?<=!policy deny )\w+|(?<=!policy confirm )\w+", world.in_review()[-1])
    world.clock.pass_time(hours=3)
    await world.review("otto", f"!policy confirm {code}")
    answer = await world.say("lea", ask)
    assert "actioned. A rule was broken, and a measure was taken, since 2 March 2026, 12:00" in answer
    for who in ("tom", "zoe", "mira"):
        assert await world.say(who, ask) == "There is no R-1 that you can see."
    other = await world.message("tom", "Lovely tomatoes", world.room)
    await report(world, "lea", other)
    await world.review("mira", "!policy dismiss C-2 Tomatoes are allowed here")
    answer = await world.say("lea", "!policy status r-2")
    assert "R-2 of 2 March 2026 (case C-2): no breach." in answer
    assert "To object, until 1 September 2026: !policy object R-2 YOUR REASONS" in answer
    await world.tick(days=184)
    assert "To object" not in await world.say("lea", "!policy status R-2")


async def test_whatever_stands_in_a_report_is_one_short_line_for_those_who_read_it(world: World) -> None:
    await world.governed_room()
    event = await world.message("tom", "Buy my spades!", world.room)
    subject = Subject(SubjectKind.EVENT, world.room, event)
    async with world.database.transaction() as tx:
        made = Report(0, user("lea"), subject, "R1", NASTY, 0, world.clock())
        await world.app.services.reports.receive(tx, made)
    await world.work()
    (card,) = [text for text in world.in_review() if "New case C-1" in text]
    shown = await world.review("mira", "!policy show C-1")
    for text in (card, shown):
        assert clean(text)
    number = "R-" + "9" * 50_000
    async with world.database.transaction() as tx:
        with pytest.raises(Exception, match=r"There is no R-9{18} that"):
            await world.app.services.reports.receipt(tx, user("lea"), None, number)
