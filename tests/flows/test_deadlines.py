"""Deadlines of applications: they call people, once and then daily, and never decide anything."""

from policybot.domain.filing import State
from tests.reviewing import card, filed, state
from tests.world import World


def lines(world: World, *parts: str) -> list[str]:
    """List what was said in the review room, without cards, that has these parts."""
    said = [text for text in world.in_review() if not text.startswith(("Filing", "New filing"))]
    return [text for text in said if all(part in text for part in parts)]


async def test_a_filing_that_nobody_takes_is_told_once_and_then_daily_in_one_line(
    any_review: World,
) -> None:
    world = any_review
    first, second = await filed(world), await filed(world, "official")
    assert "To be taken by 4 March, decided by 9 March" in card(world, first)
    await world.tick(hours=47)
    assert lines(world, "has been waiting") == []
    await world.tick(hours=2)
    assert len(lines(world, "has been waiting for a reviewer for 2 days")) == 2
    assert "taken by 4 March (overdue)" in card(world, first)
    assert f"{first} waiting for a reviewer (overdue)" in await world.review(
        "ravi", "!policy queue filings"
    )
    for _ in range(23):
        await world.tick(hours=1)
    assert lines(world, "Overdue:") == []
    await world.tick(hours=2)
    (daily,) = lines(world, "Overdue:")
    assert first in daily
    assert second in daily
    for _ in range(5):
        await world.tick(minutes=30)
    assert len(lines(world, "Overdue:")) == 1
    await world.tick(hours=24)
    assert len(lines(world, "Overdue:")) == 2


async def test_what_is_taken_is_overdue_when_it_is_not_decided(review: World) -> None:
    number = await filed(review)
    await review.review("ravi", f"!policy claim {number}")
    await review.tick(days=6)
    assert lines(review, "has been waiting for a reviewer") == []
    assert lines(review, "has not been decided") == []
    await review.tick(days=1, minutes=1)
    assert len(lines(review, f"{number} has not been decided for 7 days")) == 1
    assert "is approved" in await review.review("rosa", f"!policy approve {number}")
    await review.tick(days=2)
    assert lines(review, "Overdue:") == [], "it is decided"


async def test_time_in_which_the_applicant_is_asked_is_not_counted(any_review: World) -> None:
    world = any_review
    number = await filed(world)
    await world.tick(days=1)
    await world.review("ravi", f"!policy ask {number} Which street?")
    assert "To be answered by 17 March" in card(world, number)
    await world.tick(days=10)
    assert lines(world, "has not been decided") == []
    await world.say("anna", f"!policy answer {number} Mill Lane")
    assert "To be decided by 19 March" in card(world, number)
    await world.tick(days=5)
    assert lines(world, "has not been decided") == []
    await world.tick(days=1, hours=1)
    assert len(lines(world, "has not been decided")) == 1


async def test_an_applicant_who_does_not_answer_is_reminded_and_nothing_is_decided(
    any_review: World,
) -> None:
    world = any_review
    number = await filed(world)
    await world.review("ravi", f"!policy ask {number} Which street?")
    await world.tick(days=13)
    assert not any("still waits for your answer" in text for text in world.told("anna"))
    for _ in range(4):
        await world.tick(days=1)
    reminders = [text for text in world.told("anna") if "still waits for your answer" in text]
    assert len(reminders) == 1
    assert "Which street?" in reminders[0]
    assert f"!policy answer {number} YOUR ANSWER" in reminders[0]
    assert len(lines(world, "has not answered for 14 days", f"!policy reject {number}")) == 1
    assert await state(world, number) is State.NEEDS_INFO
    await world.say("anna", f"!policy answer {number} Mill Lane")
    assert await state(world, number) is State.IN_REVIEW, "an answer is never too late"
    await world.review("ravi", f"!policy ask {number} Which house?")
    await world.tick(days=15)
    assert len([text for text in world.told("anna") if "still waits" in text]) == 2, "asked anew"


async def test_no_time_that_passes_moves_a_waiting_filing(any_review: World) -> None:
    world = any_review
    taken, asked, new = await filed(world), await filed(world, "official"), await filed(world, "grave")
    await world.review("ravi", f"!policy claim {taken}")
    await world.review("rosa", f"!policy ask {asked} Which street?")
    for days in (1, 3, 10, 30, 100, 400):
        await world.tick(days=days)
    assert [await state(world, n) for n in (taken, asked, new)] == [
        State.IN_REVIEW,
        State.NEEDS_INFO,
        State.SUBMITTED,
    ]
