"""Complaints: whoever reported and was told «no breach» can have another person look at it."""

import asyncio
import random
from pathlib import Path

import pytest

from policybot.domain.appeal import MOST_TEXT, Verdict
from policybot.domain.case import Subject, SubjectKind
from policybot.domain.errors import NotPermitted, Refused
from policybot.domain.report import Report, Via
from policybot.store import reports as store
from tests.reporting import NASTY, clean, dismissed, report, reported, rows
from tests.world import World, find, user
from tests.world import world as make_world

WHY = "The tomatoes were an advert for his shop"


async def objected(world: World, *who: str) -> tuple[str, str]:
    """Have the first of those who reported object; return the case and their receipt."""
    case, receipts = await dismissed(world, *who)
    answer = await world.say(who[0], f"!policy object {receipts[0]} {WHY}")
    assert "is in" in answer, answer
    return case, receipts[0]


async def test_whoever_is_told_no_breach_reads_how_to_object_and_another_person_looks(
    any_world: World,
) -> None:
    world = any_world
    await world.governed_room()
    case, (receipt,) = await dismissed(world, "lea")
    told = world.told("lea")[-1]
    assert f"!policy object {receipt} YOUR REASONS" in told
    assert "within 183 days, and another person" in told
    answer = await world.say("lea", f"!policy object {receipt} {WHY}")
    assert f"Your objection about {receipt}, against the answer, is in." in answer
    card = world.in_review()[-1]
    assert f"Objection about {receipt} in {case}, against the answer of {user('mira')}" in card
    assert WHY in card
    assert f"{receipt} against the answer, of 2 March" in await world.review(
        "ravi", "!policy queue appeals"
    )
    assert f"Objection about {receipt} against the answer (submitted): {WHY}" in await world.review(
        "ravi", f"!policy show {case}"
    )
    assert "waits to be decided" in await world.say("lea", f"!policy status {receipt}")
    answer = await world.review("ravi", f"!policy uphold {receipt} Tomatoes are no advert")
    assert answer == f"{receipt}: the answer stands, and the reporter is told why."
    told = world.told("lea")[-1]
    assert "decided by another person: the answer stands.\nReasons: Tomatoes are no advert" in told
    assert user("ravi") not in told
    status = await world.say("lea", f"!policy status {receipt}")
    assert "was decided on 2 March 2026: the answer stands.\nReasons: Tomatoes" in status
    assert receipt not in await world.review("ravi", "!policy queue appeals")
    answer = await world.review("ravi", f"!policy overturn {receipt} I changed my mind")
    assert answer == f"No appeal waits under {receipt}."


async def test_i14_a_complaint_is_decided_by_nobody_who_had_a_part(tmp_path: Path) -> None:
    """I14, for reporters: not who dismissed, not who reported, not the subject, by any account."""
    everybody = {f"@{n}:example.org": ["moderator", "appeals"] for n in ("mira", "otto")}
    everybody["@ravi:example.org"] = ["reviewer", "moderator", "appeals"]
    async with make_world(tmp_path, staff=everybody) as world:
        await world.governed_room()
        case, receipts = await dismissed(world, "lea", "otto")
        await world.say("lea", f"!policy object {receipts[0]} {WHY}")
        for verdict in ("uphold", "overturn"):
            answer = await world.review("mira", f"!policy {verdict} {receipts[0]} Because I say so")
            assert "had a part" in answer, "she dismissed it"
            answer = await world.review("otto", f"!policy {verdict} {receipts[0]} Because I say so")
            assert "you reported it" in answer, "as lea did"
        assert receipts[0] not in await world.review("otto", "!policy queue appeals")
        for who in ("lea", "tom"):
            answer = await world.say(who, f"!policy overturn {receipts[0]} Because I say so")
            assert "I do not know" in answer
        # Nor do they by any other way, such as a page.
        for who in ("lea", "otto", "tom", "anna"):
            async with world.database.transaction() as tx:
                end = world.app.services.hearings.end
                with pytest.raises(NotPermitted, match="had a part"):
                    await end(tx, user(who), receipts[0], Verdict.OVERTURN, "", "I say so")
        answer = await world.review("ravi", f"!policy overturn {receipts[0]} It was an advert")
        assert f"{case} is open again" in answer


async def test_a_complaint_that_succeeds_opens_the_case_and_everybody_hears_of_it(
    any_world: World,
) -> None:
    world = any_world
    await world.governed_room()
    case, receipt = await objected(world, "lea", "zoe")
    await world.tick(days=2)
    await world.review("ravi", f"!policy overturn {receipt} It names his shop")
    card, answer = world.in_review()[-2:]
    assert answer == f"{receipt}: {case} is open again; reporters and moderators are told."
    assert f"case {case} is open again" in world.told("lea")[-1]
    assert "Reasons: It names his shop" in world.told("lea")[-1]
    assert "another reporter objected" in world.told("zoe")[-1]
    assert user("lea") not in "".join(world.told("zoe"))
    assert f"{case} is open again after an objection" in card
    assert f"{case} open" in await world.review("mira", "!policy queue cases")
    answer = await world.say("lea", f"!policy status {receipt}")
    assert "being looked at. It waits for a moderator, since 4 March 2026, 09:00 UTC." in answer
    assert "succeeded on 4 March 2026: the case is open again" in answer
    assert "Reasons: It names his shop" in answer
    async with world.database.transaction(reading=True) as tx:
        found = await world.app.services.cases.find(tx, int(case[2:]), case)
    assert found.opened_at == world.clock()
    assert found.assignee is None
    # A new look can end otherwise, and the reporters hear of it.
    await world.decided(case, "warn", by="otto")
    for who in ("lea", "zoe"):
        assert "took a measure" in world.told(who)[-1]
    answer = await world.say("lea", f"!policy object {receipt} That was too little")
    assert "a measure was taken" in answer


async def test_a_new_look_with_the_same_end_is_told_and_is_the_end_for_who_objected(
    any_world: World,
) -> None:
    world = any_world
    await world.governed_room()
    case, receipt = await objected(world, "lea", "zoe")
    await world.review("ravi", f"!policy overturn {receipt} It names his shop")
    await world.review("otto", f"!policy dismiss {case} His shop closed years ago")
    assert "looked at anew, and again no breach" in world.told("lea")[-1]
    assert "!policy object" not in world.told("lea")[-1]
    assert "!policy object" in world.told("zoe")[-1]
    answer = await world.say("lea", f"!policy object {receipt} Still I think so")
    assert "was decided already; there is one for each decision" in answer
    other = find(r"R-\d+", world.told("zoe")[-1])
    assert "is in" in await world.say("zoe", f"!policy object {other} Still I think so")


async def test_only_who_reported_can_object_once_in_time_and_with_words(any_world: World) -> None:
    world = any_world
    await world.governed_room()
    case, (receipt,) = await dismissed(world, "lea")
    for who in ("tom", "zoe", "mira"):
        answer = await world.say(who, f"!policy object {receipt} {WHY}")
        assert answer == f"There is no {receipt} that you can see."
    assert "say in a sentence" in await world.say("lea", f"!policy object {receipt} no")
    assert "Write the receipt" in await world.say("lea", f"!policy object {case} {WHY}")
    assert f"!policy object {receipt}" in await world.say("lea", f"!policy appeal {receipt} {WHY}")
    _, (waiting,) = await reported(world, "lea")
    answer = await world.say("lea", f"!policy object {waiting} {WHY}")
    assert f"{waiting} has no answer yet." in answer
    world.clock.pass_time(days=184)
    answer = await world.say("lea", f"!policy object {receipt} {WHY}")
    assert "The time to appeal ended on 1 September 2026." in answer


async def test_of_two_who_object_both_are_answered_by_one_new_look(any_world: World) -> None:
    world = any_world
    await world.governed_room()
    case, receipts = await dismissed(world, "lea", "zoe")
    for who, receipt in zip(("lea", "zoe"), receipts, strict=True):
        await world.say(who, f"!policy object {receipt} {WHY}")
    await world.review("ravi", f"!policy overturn {receipts[1]} It names his shop")
    answer = await world.review("ravi", f"!policy uphold {receipts[0]} But not for this one")
    assert answer == f"No appeal waits under {receipts[0]}."
    assert f"{case} is open again" in world.told("lea")[-1]
    for who, receipt in zip(("lea", "zoe"), receipts, strict=True):
        assert "succeeded on 2 March" in await world.say(who, f"!policy status {receipt}")


async def test_where_the_same_is_reported_anew_meanwhile_the_reports_come_together(
    any_world: World,
) -> None:
    world = any_world
    await world.governed_room()
    event = await world.message("tom", "Lovely tomatoes", world.room)
    for who in ("lea", "zoe"):
        await report(world, who, event)
    await world.review("mira", "!policy dismiss C-1 Tomatoes are allowed here")
    await report(world, "zoe", event)
    await world.say("lea", f"!policy object R-1 {WHY}")
    answer = await world.review("ravi", "!policy overturn R-1 It names his shop")
    assert "C-2 is open again" in answer
    found = await rows(world, "SELECT id, case_id, state FROM reports ORDER BY id")
    assert [(r["id"], r["case_id"], r["state"]) for r in found] == [
        (1, 2, "attached"),
        (2, 2, "attached"),
        (3, 2, "attached"),
    ]
    assert "(case C-2): being looked at" in await world.say("lea", "!policy status R-1")
    await world.decided("C-2", "warn", by="otto")
    assert "R-1 (case C-2)" in world.told("lea")[-1]
    assert "R-2 (case C-2)" in world.told("zoe")[-2]
    assert "R-3 (case C-2)" in world.told("zoe")[-1]


async def test_two_reviewers_at_once_decide_a_complaint_once(any_world: World) -> None:
    world = any_world
    await world.governed_room()
    _, receipt = await objected(world, "lea")
    services = world.app.services

    async def decide(who: str) -> bool:
        async with world.database.transaction() as tx:
            end = services.hearings.end
            await end(tx, user(who), receipt, Verdict.OVERTURN, "", f"{who} finds so")
            return True

    came = await asyncio.gather(decide("otto"), decide("ravi"), return_exceptions=True)
    assert sum(one is True for one in came) == 1, came
    await world.work()
    assert sum("is open again" in text for text in world.told("lea")) == 1
    assert sum("is open again after" in text for text in world.in_review()) == 1


async def test_of_twice_the_same_objection_at_once_one_is_taken(any_world: World) -> None:
    world = any_world
    await world.governed_room()
    _, (receipt,) = await dismissed(world, "lea")

    async def one() -> bool:
        async with world.database.transaction() as tx:
            found = await store.get(tx, int(receipt[2:]))
            assert found is not None
            await world.app.services.complaints.object(tx, found, WHY)
            return True

    came = await asyncio.gather(*(one() for _ in range(5)), return_exceptions=True)
    assert sum(one is True for one in came) == 1
    assert all(one is True or isinstance(one, Refused) for one in came)


async def test_a_guest_objects_by_the_number_alone_and_reads_the_end_there(any_world: World) -> None:
    world = any_world
    await world.governed_room()
    event = await world.message("tom", "Lovely tomatoes", world.room)
    services = world.app.services
    about = Subject(SubjectKind.EVENT, world.room, event)
    async with world.database.transaction() as tx:
        made = Report(0, "guest:7f3a", about, "R1", "An advert", 0, world.clock(), Via.WEB)
        taken, _ = await services.reports.receive(tx, made)
    await world.work()
    await world.review("mira", "!policy dismiss C-1 Tomatoes are allowed here")
    async with world.database.transaction() as tx:
        found = await store.get(tx, taken.id)
        assert found is not None
        await services.complaints.object(tx, found, WHY)
    await world.review("ravi", f"!policy overturn {taken.receipt} It names his shop")
    async with world.database.transaction() as tx:
        found = await store.get(tx, taken.id)
        assert found is not None
        assert "waits for a moderator" in await services.reports.status(tx, found)
        said = await services.complaints.course(tx, found)
    assert "succeeded on 2 March 2026" in said[0]
    assert said[1] == "Reasons: It names his shop"
    assert world.told("guest:7f3a") == []


async def test_whatever_stands_in_an_objection_is_one_short_line_for_those_who_read_it(
    world: World,
) -> None:
    await world.governed_room()
    case, (receipt,) = await dismissed(world, "lea")
    async with world.database.transaction() as tx:
        found = await store.get(tx, int(receipt[2:]))
        assert found is not None
        await world.app.services.complaints.object(tx, found, NASTY[:MOST_TEXT])
    await world.work()
    assert clean(world.in_review()[-1])
    assert clean(await world.review("ravi", "!policy queue appeals"))
    assert clean(await world.review("ravi", f"!policy show {case}"))
    async with world.database.transaction() as tx:
        end = world.app.services.hearings.end
        await end(tx, user("ravi"), receipt, Verdict.UPHOLD, "", NASTY[:MOST_TEXT])
    await world.work()
    assert clean(world.told("lea")[-1])
    assert clean(await world.say("lea", f"!policy status {receipt}"))


async def test_an_objection_goes_with_its_time_and_is_in_the_export(any_world: World) -> None:
    world = any_world
    await world.governed_room()
    _, receipt = await objected(world, "lea")
    await world.tick(days=900)
    assert len(await rows(world, "SELECT 1 AS one FROM appeals WHERE text = $1", WHY)) == 1
    assert len(await rows(world, "SELECT 1 AS one FROM reports WHERE text <> ''")) == 1
    await world.review("ravi", f"!policy uphold {receipt} Tomatoes are no advert")
    for _ in range(3):
        await world.tick(hours=2)
    assert await rows(world, "SELECT 1 AS one FROM appeals") == []
    assert await rows(world, "SELECT 1 AS one FROM reports") == []


@pytest.mark.parametrize("seed", range(3))
async def test_i19_every_report_ends_with_an_answer_or_waits_in_a_case_that_is_open(
    tmp_path: Path, seed: int
) -> None:
    """I19: whatever people do, in whatever order, every report has an answer or an open case."""
    chance = random.Random(seed)  # noqa: S311 - the same every time
    async with make_world(tmp_path) as world:
        await world.governed_room()
        events = [await world.message("tom", f"Tomatoes {n}", world.room) for n in range(3)]
        for _ in range(40):
            world.clock.pass_time(minutes=1)
            await _anything(world, chance, events)
            for one in await rows(
                world, "SELECT r.*, c.state AS stands FROM reports r JOIN cases c ON c.id = r.case_id"
            ):
                said = [text for text in world.told(one["reporter"]) if f"R-{one['id']} " in text]
                if one["state"] == "resolved":
                    assert one["stands"] == "closed"
                    assert any("Thank you for your report" in t or "anew" in t for t in said)
                else:
                    assert one["stands"] in ("open", "claimed", "pending_approval"), tuple(one)
        ended = {row["state"] for row in await rows(world, "SELECT state FROM appeals")}
        assert "overturned" in ended, "else nothing was tried"


async def _anything(world: World, chance: random.Random, events: list[str]) -> None:
    """Let somebody do something that is possible, or nearly."""
    cases = [r["id"] for r in await rows(world, "SELECT id FROM cases WHERE state <> 'closed'")]
    answered = await rows(world, "SELECT id, reporter FROM reports WHERE outcome = 'no_breach'")
    waiting = await rows(world, "SELECT report_id FROM appeals WHERE state = 'submitted'")
    match chance.choice(("report", "report", "dismiss", "dismiss", "decide", "object", "verdict")):
        case "dismiss" if cases:
            await world.review("mira", f"!policy dismiss C-{chance.choice(cases)} Tomatoes are allowed")
        case "decide" if cases:
            await world.decided(f"C-{chance.choice(cases)}", "warn", by="otto")
        case "object" if answered:
            one = chance.choice(answered)
            await world.say(one["reporter"], f"!policy object R-{one['id']} {WHY}")
        case "verdict" if waiting:
            verdict = chance.choice(("uphold", "overturn", "overturn"))
            one = chance.choice(waiting)
            await world.review("ravi", f"!policy {verdict} R-{one['report_id']} It names his shop")
        case _:
            await report(world, f"reader{chance.randint(0, 3)}", chance.choice(events))
