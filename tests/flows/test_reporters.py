"""Reports without any ground: noted, warned of, paused, each by a person, and each to be objected to."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from policybot.domain.case import Subject, SubjectKind
from policybot.domain.errors import OutOfOrder
from policybot.domain.report import Report, Via
from policybot.domain.reporter import Step
from policybot.store import exports, members, reporters
from policybot.store.database import Tx
from tests.pressing import pressing
from tests.reporting import NASTY, clean, dismissed, report, reported, rows
from tests.staffed import link_to
from tests.world import World, user
from tests.world import world as make_world

BECAUSE = "Reports tomatoes whenever Tom writes"


@pytest.fixture
async def linked(tmp_path: Path, database_url: str) -> AsyncIterator[World]:
    """A governed room, and Lea who has two accounts; reports by R2 are always taken."""
    more = {"identity.accounts_per_person": 3, "reporters": {"never_paused": ["R2"]}}
    async with make_world(tmp_path, database_url, **more) as world:
        await world.governed_room()
        await world.verified("lea")
        await link_to(world, "lea2", "lea")
        yield world


async def unfounded(world: World, who: str = "lea", by: str = "mira") -> str:
    """Have a report dismissed and called unfounded; return its receipt."""
    world.clock.pass_time(minutes=5)
    _, (receipt,) = await dismissed(world, who, by=by)
    answer = await world.review(by, f"!policy unfounded {receipt} {BECAUSE}")
    assert "noted as manifestly unfounded" in answer, answer
    return receipt


async def warned(world: World, who: str = "lea") -> str:
    """Have somebody make unfounded reports until they are warned; return the last receipt."""
    *_, receipt = [await unfounded(world, who) for _ in range(3)]
    answer = await world.review("mira", f"!policy caution {receipt} {BECAUSE}")
    assert "is warned" in answer, answer
    return receipt


async def paused(world: World, who: str = "lea", span: str = "P7D") -> str:
    """Have somebody paused; return the receipt by which they are."""
    await warned(world, who)
    receipt = await unfounded(world, who)
    answer = await world.review("mira", f"!policy pause {receipt} {span} Went on after the warning")
    assert "are not taken until" in answer, answer
    return receipt


async def steps(world: World) -> list[str]:
    return [r["kind"] for r in await rows(world, "SELECT kind FROM reporter_steps ORDER BY id")]


async def test_from_an_unfounded_report_to_a_pause_every_step_is_told_with_its_reason(
    any_world: World,
) -> None:
    world = any_world
    await world.governed_room()
    first = await unfounded(world)
    told = world.told("lea")[-1]
    assert f"About your report {first}: a moderator found that it was manifestly unfounded." in told
    assert f"Reason: {BECAUSE}" in told
    assert "Nothing follows from that by itself." in told
    assert f"!policy object {first} YOUR REASONS" in told
    assert "three" not in told
    # Two are not many, and nobody is warned for them.
    second = await unfounded(world)
    answer = await world.review("mira", f"!policy caution {second} {BECAUSE}")
    assert "manifestly unfounded: 2 of the last 2 answered reports (100 %)" in answer
    assert "3 times at the least" in answer
    # With the third the moderator reads the numbers, and what is possible.
    case, (third,) = await dismissed(world, "lea")
    assert "caution" not in await world.review("mira", f"!policy show {case}")
    answer = await world.review("mira", f"!policy unfounded {third} {BECAUSE}")
    proposal = (
        f"Of the person who made {third}, manifestly unfounded: 3 of the last 3 answered reports "
        f"(100 %). You can: !policy caution {third} REASON"
    )
    assert proposal in answer
    shown = await world.review("mira", f"!policy show {case}")
    assert f"{third}: unfounded, by {user('mira')}: {BECAUSE}" in shown
    assert proposal in shown
    answer = await world.review("mira", f"!policy pause {third} P7D {BECAUSE}")
    assert "They have not been warned. Reports are paused only where a warning did not help: first " in (
        answer
    )
    await world.review("mira", f"!policy caution {third} {BECAUSE}")
    told = world.told("lea")[-1]
    assert "A warning about your reports" in told
    assert "3 of the last 3 answered reports" in told
    assert "It counts until 2 March 2027" in told
    # What came before the warning does not count as going on.
    answer = await world.review("mira", f"!policy pause {third} P7D {BECAUSE}")
    assert "A pause is for an unfounded report that came after it." in answer
    assert "warned already" in await world.review("otto", f"!policy caution {second} {BECAUSE}")
    fourth = await unfounded(world)
    assert f"You can: !policy pause {fourth} P7D REASON" in world.in_review()[-1]
    for span, said in (("P31D", "30 days"), ("PT1M", "1 hour"), ("soon", "no duration")):
        assert said in await world.review("mira", f"!policy pause {fourth} {span} {BECAUSE}")
    assert "in a sentence" in await world.review("mira", f"!policy pause {fourth} P7D why")
    await world.review("mira", f"!policy pause {fourth} P7D Went on after the warning")
    told = world.told("lea")[-1]
    assert "Your reports are paused until 9 March 2026, 09:15 UTC" in told
    assert "Reason: Went on after the warning" in told
    assert f"!policy object {fourth} YOUR REASONS" in told
    me = await world.say("lea", "!policy me")
    assert f"paused on 2 March 2026 because of {fourth}, until 9 March 2026" in me
    assert f"warned on 2 March 2026 because of {third}" in me
    tags = [r["tag"] for r in await rows(world, "SELECT tag FROM audit WHERE tag LIKE 'reporter:%'")]
    assert tags == ["reporter:unfounded"] * 3 + [
        "reporter:caution",
        "reporter:unfounded",
        "reporter:pause",
    ]


async def test_a_paused_reporter_is_told_until_when_and_how_to_object_and_it_ends(
    linked: World,
) -> None:
    world = linked
    receipt = await paused(world)
    event = await world.message("tom", "Buy my spades!", world.room)
    before = len(await rows(world, "SELECT 1 AS one FROM reports"))
    for who in ("lea", "lea2"):
        answer = await report(world, who, event)
        assert (
            "Your reports are paused until 9 March 2026, 09:20 UTC, so this one was not taken." in answer
        )
        assert "Reason: Went on after the warning" in answer
        assert f"!policy object {receipt} YOUR REASONS" in answer
        assert "R2 (" in answer
    assert len(await rows(world, "SELECT 1 AS one FROM reports")) == before
    # By button they are answered once a day.
    async with pressing(world) as pressed:
        await pressed.poll()
        for _ in range(3):
            pressed.press(event, "lea", "An advert")
            await pressed.poll(seconds=3)
        assert len(await pressed.reports()) == before
        assert sum("so this one was not taken" in text for text in world.told("lea")) == 1
        pressed.press(event, "lea")
        await pressed.poll(days=1)
        assert sum("so this one was not taken" in text for text in world.told("lea")) == 2
    # What must always be taken is.
    link = f"https://matrix.to/#/{world.room}/{event}"
    assert "Your receipt is" in await world.say("lea", f"!policy report {link} R2 He threatens me")
    # It ends by itself, which they are told.
    await world.tick(days=7)
    assert f"Your reports are taken again: the pause because of {receipt} has ended." in world.told(
        "lea"
    )
    other = await world.message("tom", "Buy my rakes!", world.room)
    assert "Your receipt is" in await report(world, "lea2", other)
    await world.tick(days=1)
    assert sum("are taken again" in text for text in world.told("lea")) == 1


async def test_each_of_the_three_can_be_objected_to_and_taken_back_by_another_person(
    any_world: World,
) -> None:
    world = any_world
    await world.governed_room()
    receipt = await paused(world)
    answer = await world.say("lea", f"!policy object {receipt} It was an advert, look at it")
    assert "against the pause, is in" in answer
    event = await world.message("tom", "Buy my spades!", world.room)
    assert "Your objection is with another person." in await report(world, "lea", event)
    assert "against the pause of @mira" in world.in_review()[-1]
    answer = await world.review("ravi", f"!policy overturn {receipt} One in four is not many")
    assert answer == f"{receipt}: the pause is taken back, and the reporter is told."
    assert "The pause is over, and your reports are taken as before." in world.told("lea")[-1]
    assert "Your receipt is" in await report(world, "lea", event)
    # The warning by its own number.
    (caution,) = await rows(world, "SELECT report_id FROM reporter_steps WHERE kind = 'caution'")
    third = f"R-{caution['report_id']}"
    assert "against the warning, is in" in await world.say("lea", f"!policy object {third} I meant it")
    await world.review("ravi", f"!policy uphold {third} Three of three had no ground")
    assert "the warning stands.\nReasons: Three of three" in world.told("lea")[-1]
    # And that it was unfounded with the outcome: here there was no breach, but it was meant honestly.
    assert "against the answer, is in" in await world.say("lea", f"!policy object {third} I meant it")
    answer = await world.review("ravi", f"!policy modify {third} founded Anybody could think so")
    assert answer == f"{third}: no breach, but not unfounded either; the reporter is told."
    assert any("was not manifestly unfounded" in text for text in world.told("lea"))
    # The warning rested on it, and goes with it.
    assert "the warning about your reports is taken back" in world.told("lea")[-1]
    assert "warned" not in await world.say("lea", "!policy me")


async def test_an_outcome_that_is_overturned_takes_the_mark_and_the_pause_with_it(
    any_world: World,
) -> None:
    world = any_world
    await world.governed_room()
    receipt = await paused(world)
    await world.say("lea", f"!policy object {receipt} It was an advert, look at it")
    await world.review("ravi", f"!policy uphold {receipt} It went on after a warning")
    assert "against the answer, is in" in await world.say("lea", f"!policy object {receipt} See above")
    await world.review("otto", f"!policy overturn {receipt} It was an advert indeed")
    assert "the pause of your reports is taken back" in "".join(world.told("lea")[-2:])
    event = await world.message("tom", "Buy my spades!", world.room)
    assert "Your receipt is" in await report(world, "lea", event)
    async with world.database.transaction(reading=True) as tx:
        tally = await reporters.counts(tx, await members.accounts_of(tx, user("lea")))
    assert (tally.answered, tally.unfounded) == (3, 3)


async def test_a_moderator_can_end_a_pause_and_who_has_a_part_can_do_nothing(any_world: World) -> None:
    world = any_world
    await world.governed_room()
    receipt = await paused(world)
    answer = await world.review("otto", f"!policy pause {receipt} end I was too strict with her")
    assert answer == f"The pause because of {receipt} is over; the reporter is told."
    assert "taken back. Reason: I was too strict with her" in world.told("lea")[-1]
    assert "No pause runs" in await world.review("otto", f"!policy pause {receipt} end Again, for good")
    # Otto reports with Lea: he is a party.
    _, receipts = await dismissed(world, "lea", "otto")
    for verb in ("unfounded", "caution"):
        answer = await world.review("otto", f"!policy {verb} {receipts[0]} {BECAUSE}")
        assert answer == f"There is no {receipts[0]} that you can see."
    for who in ("lea", "tom"):
        answer = await world.say(who, f"!policy unfounded {receipts[0]} {BECAUSE}")
        assert "I do not know" in answer
    answer = await world.say("ravi", f"!policy unfounded {receipts[0]} {BECAUSE}")
    assert "for people with the role «moderator»" in answer


async def test_who_objects_is_not_judged_for_it(any_world: World) -> None:
    world = any_world
    await world.governed_room()
    _, (receipt,) = await dismissed(world, "lea")
    await world.say("lea", f"!policy object {receipt} It was an advert, look at it")
    answer = await world.review("mira", f"!policy unfounded {receipt} {BECAUSE}")
    assert "Who objects is not judged for it" in answer
    case, (waiting,) = await reported(world, "lea")
    answer = await world.review("mira", f"!policy unfounded {waiting} {BECAUSE}")
    assert "has not been answered with «no breach»" in answer
    await world.decided(case, "warn")
    answer = await world.review("mira", f"!policy unfounded {waiting} {BECAUSE}")
    assert "has not been answered with «no breach»" in answer
    assert await steps(world) == []


async def test_only_a_warning_that_has_arrived_counts(any_world: World) -> None:
    world = any_world
    await world.governed_room()
    *_, third = [await unfounded(world) for _ in range(3)]
    world.homeserver.away = True
    async with world.database.transaction() as tx:
        found, _ = await world.app.services.reporters.find(tx, user("mira"), int(third[2:]), third)
        await world.app.services.reporters.caution(tx, user("mira"), found, BECAUSE)
    await world.work()
    world.homeserver.away = False
    # The next report comes before the warning does.
    event = await world.message("tom", "Lovely tomatoes", world.room)
    async with world.database.transaction() as tx:
        about = Subject(SubjectKind.EVENT, world.room, event)
        made = Report(0, user("lea"), about, "R1", "Advert", 0, world.clock())
        taken, _ = await world.app.services.reports.receive(tx, made)
    world.clock.pass_time(minutes=10)
    await world.work()
    await world.review("mira", f"!policy dismiss C-{taken.case_id} Tomatoes are allowed here")
    await world.review("mira", f"!policy unfounded {taken.receipt} {BECAUSE}")
    answer = await world.review("mira", f"!policy pause {taken.receipt} P7D {BECAUSE}")
    assert "A pause is for an unfounded report that came after it." in answer
    after = await unfounded(world)
    assert "are not taken" in await world.review("mira", f"!policy pause {after} P7D {BECAUSE}")


async def test_i20_no_time_and_no_number_decides_anything_about_a_reporter(any_world: World) -> None:
    """I20: whatever they do and however long it takes, only a person's command warns or pauses."""
    world = any_world
    await world.governed_room()
    for _ in range(6):
        await unfounded(world)
        await world.tick(days=3)
    assert await steps(world) == ["unfounded"] * 6
    last = f"R-{6}"
    await world.review("mira", f"!policy caution {last} {BECAUSE}")
    for _ in range(3):
        await unfounded(world)
        await world.tick(days=3)
    assert await steps(world) == [*["unfounded"] * 6, "caution", *["unfounded"] * 3]
    event = await world.message("tom", "Buy my spades!", world.room)
    assert "Your receipt is" in await report(world, "lea", event)


async def test_a_pause_follows_the_person_and_not_whoever_has_their_account_next(
    linked: World,
) -> None:
    world = linked
    await paused(world)
    # A new account of the same person is paused, too.
    await link_to(world, "lea3", "lea")
    event = await world.message("tom", "Buy my spades!", world.room)
    assert "are paused" in await report(world, "lea3", event)
    # Unlinking does not help the account by which they reported.
    await world.say("lea", "!policy unlink")
    assert "are paused" in await report(world, "lea", event)
    # But if it is somebody else's, it is not theirs.
    await world.verified("zoe")
    await link_to(world, "lea", "zoe")
    assert "Your receipt is" in await report(world, "lea", event)
    assert "paused" not in await world.say("lea", "!policy me")
    # And an account that was unlinked, by which nothing was done, speaks for nobody.
    await world.say("lea2", "!policy unlink")
    assert "Your receipt is" in await report(world, "lea2", event)


@pytest.mark.parametrize("accounts", [("lea", "lea2"), ("nia", "nia")])
async def test_two_moderators_who_pause_one_person_at_once_do_it_once(
    linked: World, accounts: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = linked
    await warned(world, accounts[0])
    receipts = [await unfounded(world, who) for who in accounts]
    services, add = world.app.services, reporters.add

    async def slowly(tx: Tx, step: Step) -> None:
        await asyncio.sleep(0.2)
        await add(tx, step)

    monkeypatch.setattr(reporters, "add", slowly)

    async def one(receipt: str, by: str) -> bool:
        async with world.database.transaction() as tx:
            found, _ = await services.reporters.find(tx, user(by), int(receipt[2:]), receipt)
            await services.reporters.pause(tx, user(by), found, "P7D", BECAUSE)
            return True

    came = await asyncio.gather(
        *(one(r, by) for r, by in zip(receipts, ("mira", "otto"), strict=True)), return_exceptions=True
    )
    assert sum(c is True for c in came) == 1, came
    assert sum(isinstance(c, OutOfOrder) for c in came) == 1
    assert (await steps(world)).count("pause") == 1


async def test_who_has_no_account_can_be_told_by_number_and_not_be_warned(any_world: World) -> None:
    world = any_world
    await world.governed_room()
    event = await world.message("tom", "Lovely tomatoes", world.room)
    about = Subject(SubjectKind.EVENT, world.room, event)
    reports = world.app.services.reports
    async with world.database.transaction() as tx:
        made = Report(0, "guest:7f3a", about, "R1", "An advert", 0, world.clock(), Via.WEB)
        taken, _ = await reports.receive(tx, made)
    await world.work()
    await world.review("mira", "!policy dismiss C-1 Tomatoes are allowed here")
    await world.review("mira", f"!policy unfounded {taken.receipt} {BECAUSE}")
    async with world.database.transaction() as tx:
        found, _ = await world.app.services.reporters.find(tx, user("mira"), taken.id, "")
        assert f"was found manifestly unfounded on 2 March 2026: {BECAUSE}" in await reports.status(
            tx, found
        )
    for command in ("caution R-1", "pause R-1 P7D"):
        assert "made without an account" in await world.review("mira", f"!policy {command} {BECAUSE}")


async def test_reports_about_themselves_gain_nobody_weight(linked: World) -> None:
    world = linked
    event = await world.message("lea", "Buy my spades!", world.room)
    # By link the author is known only later.
    world.homeserver.away = True
    async with world.database.transaction() as tx:
        about = Subject(SubjectKind.EVENT, world.room, event)
        made = Report(0, user("lea2"), about, "R1", "Advert", 0, world.clock())
        await world.app.services.reports.receive(tx, made)
    world.homeserver.away = False
    world.clock.pass_time(minutes=10)
    await world.work()
    await world.decided("C-1", "warn")
    services = world.app.services
    async with world.database.transaction(reading=True) as tx:
        assert await services.reporters.weight(tx, user("lea2")) == 0.5
    case, _ = await reported(world, "lea")
    await world.decided(case, "warn")
    async with world.database.transaction(reading=True) as tx:
        for who in ("lea", "lea2"):
            assert await services.reporters.weight(tx, user(who)) == 3 / 5
        assert await services.reporters.weight(tx, "guest:7f3a") == 0.5


async def test_whatever_stands_in_a_reason_is_one_line_for_those_who_read_it(world: World) -> None:
    await world.governed_room()
    case, (receipt,) = await dismissed(world, "lea")
    async with world.database.transaction() as tx:
        found, _ = await world.app.services.reporters.find(tx, user("mira"), int(receipt[2:]), "")
        await world.app.services.reporters.unfounded(tx, user("mira"), found, NASTY)
    await world.work()
    assert clean(world.told("lea")[-1])
    assert clean(await world.review("mira", f"!policy show {case}"))
    assert clean(await world.say("lea", "!policy me"))
    assert clean(await world.say("lea", f"!policy status {receipt}"))
    assert "too long" in await world.review("mira", f"!policy unfounded {receipt} {NASTY}")


async def test_what_was_decided_about_reporters_goes_with_its_time_and_is_in_the_export(
    any_world: World,
) -> None:
    world = any_world
    await world.governed_room()
    await paused(world)
    await world.tick(days=300)
    assert len(await steps(world)) == 6
    async with world.database.transaction(reading=True) as tx:
        part = next(part for part in exports.OF_ACCOUNT if part.name == "reporting")
        found = await exports.rows_of(tx, part, user("lea"), None, own=True)
    assert [row["kind"] for row in found] == [*["unfounded"] * 3, "caution", "unfounded", "pause"]
    assert found[-1]["until"] == "2026-03-09T09:20:00+00:00"
    for _ in range(4):
        await world.tick(days=200)
    assert await steps(world) == []
    assert await rows(world, "SELECT 1 AS one FROM cases") == []
