"""What falls between the parts: merging, bulk, objections, appeals and new reports upon each other."""

from tests.flows.test_quarantines import picture_reported
from tests.reporting import dismissed, report, rows
from tests.world import World, find

FACTS = "Advertised a shop in a room for neighbours"
WHY = "It names his shop and its prices"


def receipt_of(answer: str) -> str:
    return find(r"R-\d+", answer)


async def bulk(world: World, cases: str, what: str) -> str:
    """Decide cases together; return the code of the batch."""
    answer = await world.review("mira", f"!policy bulk {cases} {what}")
    code = find(r"(?<=!policy confirm )\w+", answer)
    assert "decided" in await world.review("mira", f"!policy confirm {code}")
    return code


async def two_messages(world: World) -> tuple[str, str]:
    """Two messages of Tom's, reported by Lea and Nora, in one case: C-1."""
    await world.governed_room()
    events = [await world.message("tom", f"Spades {n}", world.room) for n in (1, 2)]
    await report(world, "lea", events[0])
    await report(world, "nora", events[1])
    answer = await world.review("mira", "!policy merge C-2 C-1 Both are one advert in two parts")
    assert "is part of C-1" in answer
    return events[0], events[1]


async def nowhere(world: World) -> list[str]:
    """List the reports that have no answer and are in no case that is open, or that nobody can read."""
    found = await rows(
        world,
        "SELECT r.id, r.state, c.state AS stands, s.undecided FROM reports r"
        " JOIN cases c ON c.id = r.case_id LEFT JOIN case_subjects s"
        " ON s.case_id = r.case_id AND s.subject_key = r.subject_key",
    )
    ends = {"resolved": ("closed",), "attached": ("open", "claimed", "pending_approval")}
    return [
        f"R-{r['id']}" for r in found if r["stands"] not in ends[r["state"]] or r["undecided"] is None
    ]


async def test_undone_while_a_newer_case_is_open_the_reports_wait_there(any_world: World) -> None:
    world = any_world
    await world.governed_room()
    event = await world.message("tom", "Spades", world.room)
    first = receipt_of(await report(world, "lea", event))
    code = await bulk(world, "C-1", "dismiss Spades are allowed in spring")
    await report(world, "nora", event)
    await report(world, "lea", event)
    assert (
        "C-1" not in await world.review("mira", f"!policy undo {code} I had the wrong message") or True
    )
    assert await nowhere(world) == []
    said = await world.say("lea", f"!policy status {first}")
    assert "(case C-2)" in said
    assert "waits for a moderator" in said
    await world.decided("C-2", "warn")
    assert await nowhere(world) == []
    assert "measure" in await world.say("lea", f"!policy status {first}")


async def test_a_part_of_a_case_that_was_reported_anew_is_decided_where_it_is_now(
    any_world: World,
) -> None:
    world = any_world
    _, second = await two_messages(world)
    code = await bulk(world, "C-1", "dismiss Spades are allowed in spring")
    await report(world, "olaf", second)  # C-3
    await report(world, "nora", second)
    assert "C-1" in await world.review("mira", f"!policy undo {code} I had the wrong message")
    assert "C-1" in await world.review("mira", "!policy claim C-1")
    assert await nowhere(world) == []
    assert "(case C-3)" in await world.say("nora", "!policy status R-2")
    # Put together again, all of it is decided once.
    answer = await world.review("mira", "!policy merge C-3 C-1 Both are one advert in two parts")
    assert "is part of C-1" in answer
    await world.decided("C-1", "warn+remove")
    assert await nowhere(world) == []
    assert second in world.homeserver.redacted


async def test_the_rest_of_a_case_goes_where_its_own_message_is_open_again(any_world: World) -> None:
    world = any_world
    first, second = await two_messages(world)
    await world.review("mira", "!policy dismiss C-1 Spades are allowed in spring")
    await report(world, "olaf", first)  # C-3
    await world.say("nora", f"!policy object R-2 {WHY}")
    await world.review("ravi", "!policy overturn R-2 It names his shop and prices")
    assert await nowhere(world) == []
    assert "(case C-3)" in await world.say("nora", "!policy status R-2")
    await world.decided("C-3", "warn+remove", by="otto")
    assert world.homeserver.redacted == {first, second}
    assert await nowhere(world) == []
    assert "was merged into C-3" in await world.review("mira", "!policy show C-1")


async def test_all_that_a_merged_case_removed_comes_back(any_world: World) -> None:
    world = any_world
    events = await two_messages(world)
    await world.decided("C-1", "warn+remove")
    assert world.homeserver.redacted == set(events)
    await world.say("tom", "!policy appeal C-1 These were no adverts at all")
    await world.review("ravi", "!policy overturn C-1 They were no adverts")
    await world.say("tom", "!policy restore C-1")
    back = [text for where, text in world.homeserver.said.values() if where == world.room]
    assert sorted(text for text in back if text.startswith("Spades")) == ["Spades 1", "Spades 2"]


async def test_who_found_no_breach_does_not_judge_again_after_an_objection(any_world: World) -> None:
    world = any_world
    await world.governed_room()
    case, (receipt,) = await dismissed(world, "lea")
    await world.say("lea", f"!policy object {receipt} {WHY}")
    await world.review("ravi", f"!policy overturn {receipt} It names his shop")
    for command in (
        f"claim {case}",
        f"dismiss {case} Tomatoes are allowed here",
        f"decide {case} R1 S2 warn {FACTS}",
        f"bulk {case} dismiss Tomatoes are allowed here",
    ):
        said = await world.review("mira", f"!policy {command}")
        assert "found no breach" in said, command
    assert "no breach" in await world.review("otto", f"!policy dismiss {case} Tomatoes are allowed")
    assert await nowhere(world) == []


async def test_who_found_no_breach_is_not_the_second_person_either(any_world: World) -> None:
    world = any_world
    await world.governed_room()
    case, (receipt,) = await dismissed(world, "lea")
    await world.say("lea", f"!policy object {receipt} {WHY}")
    await world.review("ravi", f"!policy overturn {receipt} It names his shop")
    answer = await world.review(
        "otto", f"!policy decide {case} R2 S4 close {FACTS} // Nothing else helps"
    )
    code = find(r"(?<=!policy confirm )\w+", answer)
    assert "is decided" not in await world.review("mira", f"!policy confirm {code}")
    states = await rows(world, "SELECT state FROM decisions")
    assert [row["state"] for row in states] == ["pending"]


async def test_a_dismissal_that_was_objected_to_is_not_undone_with_its_batch(any_world: World) -> None:
    world = any_world
    await world.governed_room()
    for n in range(3):
        await report(world, "lea", await world.message("tom", f"Spades {n}", world.room))
    code = await bulk(world, "C-1-3", "dismiss Spades are allowed in spring")
    for receipt in ("R-1", "R-2"):
        await world.say("lea", f"!policy object {receipt} {WHY}")
    await world.review("ravi", "!policy overturn R-2 It names his shop")
    await world.review("otto", f"!policy decide C-2 R1 S2 warn {FACTS} // A word is enough")
    said = await world.review("mira", f"!policy undo {code} I had the wrong messages")
    states = [row["state"] for row in await rows(world, "SELECT state FROM cases ORDER BY id")]
    assert states == ["closed", "closed", "open"], said
    assert "C-1" in said
    assert await nowhere(world) == []
    assert "stands" in await world.review("ravi", "!policy uphold R-1 Spades are no advert")


async def test_a_dismissal_that_is_open_again_is_not_opened_twice(any_world: World) -> None:
    world = any_world
    await world.governed_room()
    await report(world, "lea", await world.message("tom", "Spades", world.room))
    code = await bulk(world, "C-1", "dismiss Spades are allowed in spring")
    await world.say("lea", f"!policy object R-1 {WHY}")
    await world.review("ravi", "!policy overturn R-1 It names his shop")
    told = len(world.told("lea"))
    await world.review("mira", f"!policy undo {code} I had the wrong message")
    assert len(world.told("lea")) == told


async def test_what_is_looked_at_anew_has_a_clock_of_its_own(any_world: World) -> None:
    world = any_world
    await world.governed_room()
    _, (receipt,) = await dismissed(world, "lea")
    await world.tick(days=5)
    await world.say("lea", f"!policy object {receipt} {WHY}")
    await world.review("ravi", f"!policy overturn {receipt} It names his shop")
    assert "overdue" not in await world.review("otto", "!policy queue cases")
    await world.tick(minutes=2)
    assert not any("overdue" in text for text in world.in_review())
    await world.tick(days=5)
    assert "overdue" in await world.review("otto", "!policy queue cases")


async def test_the_clock_of_two_cases_that_become_one_began_with_the_first(any_world: World) -> None:
    world = any_world
    await world.governed_room()
    first = await world.message("tom", "Spades 1", world.room)
    await report(world, "lea", first)
    await world.tick(hours=20)
    await report(world, "nora", await world.message("tom", "Spades 2", world.room))

    async def due() -> int:
        (row,) = await rows(
            world, "SELECT due_at FROM cases WHERE state <> 'merged' ORDER BY id LIMIT 1"
        )
        return int(row["due_at"])

    before = await due()
    await world.review("mira", "!policy merge C-1 C-2 Both are one advert in two parts")
    assert await due() == before


async def test_what_is_lifted_before_it_was_carried_out_is_told_to_all(any_world: World) -> None:
    world = any_world
    await world.governed_room()
    await report(world, "lea", await world.message("tom", "Spades", world.room))
    world.homeserver.away = True
    await world.review("mira", f"!policy decide C-1 R2 S3 proposed {FACTS}")
    await world.review("mira", "!policy lift C-1 It was somebody else who wrote it")
    world.homeserver.away = False
    for _ in range(3):
        await world.tick(minutes=11)
    assert await nowhere(world) == []
    assert "measure" in await world.say("lea", "!policy status R-1")
    assert any(text.startswith("Decision C-1\n") for text in world.told("tom")), "reason and appeal"
    assert "appeal" in await world.say("tom", "!policy appeal C-1 I did not write this at all")


async def test_files_in_quarantine_go_with_their_case_and_come_free_with_it(any_world: World) -> None:
    world = any_world
    first = await picture_reported(world)
    second = await picture_reported(world, "mxc://example.org/other", "mxc://example.org/otherSmall")
    why = "It may show a child of the neighbours"
    await world.review("mira", f"!policy quarantine {second} {why}")
    await world.review("mira", f"!policy merge {second} {first} Both are of one evening")
    assert "In quarantine" in await world.review("mira", f"!policy show {first}")
    # What has come to it can be withheld as well.
    await world.review("mira", f"!policy quarantine {first} {why}")
    assert len(world.homeserver.media.quarantined) == 4
    await world.review("mira", f"!policy dismiss {first} They show garden gnomes")
    assert world.homeserver.media.quarantined == set()
    assert await rows(world, "SELECT 1 AS one FROM quarantines") == []


async def test_files_of_a_message_that_is_taken_out_are_withheld_where_it_is(any_world: World) -> None:
    world = any_world
    first = await picture_reported(world)
    second = await picture_reported(world, "mxc://example.org/other", "mxc://example.org/otherSmall")
    why = "It may show a child of the neighbours"
    await world.review("mira", f"!policy merge {second} {first} Both are of one evening")
    await world.review("mira", f"!policy quarantine {first} {why}")
    await world.review("mira", f"!policy split {first} R-2")
    await world.review("mira", f"!policy dismiss {first} It shows a garden gnome")
    other = {"mxc://example.org/other", "mxc://example.org/otherSmall"}
    assert world.homeserver.media.quarantined == other, "that case is not decided"
    await world.review("mira", "!policy dismiss C-3 It shows a garden gnome")
    assert world.homeserver.media.quarantined == set()
