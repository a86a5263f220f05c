"""Reviews: one person at a time, nobody in their own matter, all checked, two where it is grave."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from policybot.config import ConfigRefused, load
from policybot.domain.filing import State
from policybot.domain.taking import CarryOver
from policybot.store import audit, filings
from policybot.store.database import DatabaseAway
from tests import files
from tests.reviewing import POINTS, card, desk, filed, state
from tests.staffed import link_to
from tests.world import BOT, World, find, user

# One at a time ------------------------------------------------------------------------------------


async def test_who_takes_a_filing_has_it_for_a_while_and_others_read_until_when(
    any_review: World,
) -> None:
    world = any_review
    number = await filed(world)
    assert "is yours until 09:30 UTC" in await world.review("ravi", f"!policy claim {number}")
    assert "With: @ravi:example.org until 2 March, 09:30 UTC" in card(world, number)
    for words in ("claim {}", "approve {}", "ask {} What for?", "reject {} Not so", "check {} all"):
        answer = await world.review("rosa", f"!policy {words.format(number)}")
        assert "is with @ravi:example.org until 09:30 UTC" in answer, words
    assert "is with @ravi" in await world.review("rosa", f"!policy release {number}")
    assert ", with @ravi:example.org:" in await world.review("rosa", "!policy queue filings")


async def test_a_filing_is_free_again_when_its_reviewers_time_is_over(any_review: World) -> None:
    world = any_review
    number = await filed(world)
    await world.review("ravi", f"!policy claim {number}")
    await world.tick(minutes=29)
    assert "is with @ravi" in await world.review("rosa", f"!policy claim {number}")
    await world.tick(minutes=2)
    assert "With: nobody" in card(world, number)
    assert await state(world, number) is State.IN_REVIEW, "time moves no filing"
    assert "is yours" in await world.review("rosa", f"!policy claim {number}")
    assert "is with @rosa" in await world.review("ravi", f"!policy approve {number}")


async def test_each_act_begins_the_time_anew(review: World) -> None:
    number = await filed(review, "official")
    await review.review("ravi", f"!policy claim {number}")
    await review.tick(minutes=20)
    await review.review("ravi", f"!policy check {number} 1")
    await review.tick(minutes=20)
    assert "until 09:50" in await review.review("rosa", f"!policy claim {number}")


async def test_a_filing_that_is_given_back_is_anybodys(review: World) -> None:
    number = await filed(review)
    await review.review("ravi", f"!policy claim {number}")
    assert "free again" in await review.review("ravi", f"!policy release {number}")
    assert "is with nobody" in await review.review("ravi", f"!policy release {number}")
    assert "is yours" in await review.review("rosa", f"!policy claim {number}")


async def test_of_two_reviewers_at_once_one_has_it_and_the_other_reads_who(any_review: World) -> None:
    world = any_review
    number = await filed(world)
    room = await world.direct("ravi"), await world.direct("rosa")

    async def claims(who: str, where: str) -> None:
        event = {
            "type": "m.room.message",
            "room_id": where,
            "sender": user(who),
            "event_id": f"$claim-{who}",
            "content": {"msgtype": "m.text", "body": f"!policy claim {number}"},
        }
        for _ in range(3):  # as the homeserver delivers again what could not be handled
            try:
                await world.inward.handle(event)
            except DatabaseAway:
                continue
            return

    await asyncio.gather(claims("ravi", room[0]), claims("rosa", room[1]))
    await world.work()
    answers = [world.homeserver.said[key][1] for key in list(world.homeserver.said)[-2:]]
    said = "\n".join(text for _, text in world.homeserver.said.values())
    assert said.count(f"{number} is yours") == 1, answers
    assert said.count(f"{number} is with @") == 1, answers


async def test_a_moderator_who_reviews_nothing_takes_no_filing_and_a_reviewer_no_case(
    review: World,
) -> None:
    number = await filed(review)
    assert f"no case {number}" in await review.review("mira", f"!policy claim {number}")
    assert "no case C-1" in await review.review("ravi", "!policy claim C-1")
    assert "no filing F-99" in await review.review("ravi", "!policy claim F-99")


# No judge in one's own matter ---------------------------------------------------------------------

ACTS = ("claim {}", "approve {}", "ask {} What is it for?", "reject {} It is not so", "check {} all")


async def test_nobody_reviews_a_room_that_they_moderate(any_review: World) -> None:
    world = any_review
    number = await filed(world, ravi=50, rosa=49)
    for words in ACTS:
        answer = await world.review("ravi", f"!policy {words.format(number)}")
        assert f"You moderate the room of {number}" in answer, words
    assert number not in await world.review("ravi", "!policy queue filings")
    assert number in await world.review("rosa", "!policy queue filings")
    assert "/review/" not in await world.say("ravi", f"!policy show {number}")
    assert "is yours" in await world.review("rosa", f"!policy claim {number}")


async def test_who_becomes_a_moderator_meanwhile_decides_no_more(review: World) -> None:
    number = await filed(review)
    await review.review("ravi", f"!policy claim {number}")
    async with review.database.transaction(reading=True) as tx:
        found = await filings.get(tx, number)
    assert found is not None
    await review.deliver(
        type="m.room.power_levels",
        room_id=found.room_id,
        state_key="",
        sender=user("anna"),
        content={"users": {user("anna"): 100, BOT: 100, user("ravi"): 50}},
    )
    assert "You moderate" in await review.review("ravi", f"!policy approve {number}")


async def test_nobody_reviews_through_another_account_of_theirs(review: World) -> None:
    object.__setattr__(review.config.identity, "accounts_per_person", 2)
    await link_to(review, "rick", "anna")
    number = await filed(review)
    assert "is your own filing" in await review.review("rick", f"!policy claim {number}")
    assert number not in await review.review("rick", "!policy queue filings")


async def test_the_deputy_of_a_room_does_not_review_it(review: World) -> None:
    number = await filed(review)
    async with review.database.transaction() as tx:
        await tx.execute("UPDATE filings SET deputy = $1", user("rosa"))
    for words in ACTS:
        assert "You are the deputy" in await review.review("rosa", f"!policy {words.format(number)}")
    assert "is approved" in await review.review("ravi", f"!policy approve {number}")


async def test_that_everybody_ranks_as_a_moderator_makes_nobody_one(review: World) -> None:
    number = await filed(review)
    async with review.database.transaction() as tx:
        await tx.execute("UPDATE rooms SET levels = $1 WHERE kind = 'other'", '{"users_default": 50}')
    assert "is yours" in await review.review("ravi", f"!policy claim {number}")


# What is checked ----------------------------------------------------------------------------------


async def test_nothing_is_approved_before_everything_is_checked(any_review: World) -> None:
    world = any_review
    number = await filed(world, "official")
    answer = await world.review("ravi", f"!policy approve {number}")
    assert all(f"{n} {point}" in answer for n, point in enumerate(POINTS, 1))
    assert f"!policy check {number} 1 2" in answer
    answer = await world.review("ravi", f"!policy check {number} 2")
    assert f"☐ 1 {POINTS[0]}\n☑ 2 {POINTS[1]} (@ravi:example.org)" in answer
    assert f"☐ 1 {POINTS[0]}\n☑ 2 {POINTS[1]}" in card(world, number)
    answer = await world.review("ravi", f"!policy approve {number}")
    assert f"1 {POINTS[0]}" in answer
    assert POINTS[1] not in answer
    assert "Everything is checked" in await world.review("ravi", f"!policy check {number} 1,2")
    await world.review("ravi", f"!policy uncheck {number} 1")
    assert POINTS[0] in await world.review("ravi", f"!policy approve {number}")
    await world.review("ravi", f"!policy check {number} all")
    assert "is approved as" in await world.review("ravi", f"!policy approve {number}")


@pytest.mark.parametrize("points", ["0", "3", "²", "1 x", "-1", "9" * 5000])
async def test_a_point_that_is_none_is_told(review: World, points: str) -> None:
    number = await filed(review, "official")
    assert "There is no point" in await review.review("ravi", f"!policy check {number} {points}")
    assert "☑" not in card(review, number)


async def test_what_the_applicant_changes_is_to_be_checked_anew(any_review: World) -> None:
    world = any_review
    number = await filed(world, "official")
    await world.review("ravi", f"!policy check {number} all")
    await world.say("anna", f"!policy adopt {number} cancel")
    assert "☑ 1" in card(world, number), "nothing was changed"
    async with world.database.transaction() as tx:
        found = await filings.get(tx, number)
        assert found is not None
        await tx.execute("UPDATE filings SET purpose = $1", "Something else altogether")
        await world.app.services.reviews.changed(tx, found)
    await world.work()
    assert "☑" not in card(world, number)
    assert "before this is checked" in await world.review("ravi", f"!policy approve {number}")


# Reasons ------------------------------------------------------------------------------------------


async def test_a_reason_is_chosen_by_its_number_with_more_words(review: World) -> None:
    number = await filed(review)
    assert "1 The purpose says too little." in await review.say("ravi", "!policy help reject")
    await review.review("ravi", f"!policy reject {number} 1 Please name the street.")
    told = review.told("anna")[-1]
    assert "Reason: The purpose says too little. Please name the street." in told


async def test_a_blank_of_a_reason_has_to_be_filled(review: World) -> None:
    number = await filed(review)
    for words in ("2", "2 the garden room", "2 the garden room |", "There is {which room} already"):
        answer = await review.review("ravi", f"!policy reject {number} {words}")
        assert "still to be filled" in answer, words
        assert await state(review, number) is not State.REJECTED
    await review.review("ravi", f"!policy reject {number} 2 the garden room | the register | Thanks")
    assert "There is the garden room already; see the register. Thanks" in review.told("anna")[-1]


async def test_a_reason_that_is_none_is_refused(review: World) -> None:
    number = await filed(review)
    assert "no prepared reason 7" in await review.review("ravi", f"!policy reject {number} 7")
    long = "x" * 1001
    assert "at most 1000" in await review.review("ravi", f"!policy reject {number} {long}")
    assert "at most 1000" in await review.review("ravi", f"!policy ask {number} {long}")
    assert await state(review, number) is State.SUBMITTED, "and nothing was claimed"
    await review.review("ravi", f"!policy reject {number} It is for {{curly}} things")
    assert "for {curly} things" in review.told("anna")[-1], "words of one's own may have braces"


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("filing.reasons", ["Open {blank"], "has a blank"),
        ("filing.reasons", ["Empty {}"], "has a blank"),
        ("filing.reasons", ["Two\nlines"], "one line"),
        ("filing.claim", "PT1M", "five minutes"),
        ("filing.deadlines", {"decide": "P0D"}, "more than nothing"),
        (
            "filing.categories",
            [{"id": "a", "title": "A", "second_person": True}],
            "nobody could confirm an approval",
        ),
    ],
)
def test_a_configuration_that_cannot_work_is_refused(
    tmp_path: Path, key: str, value: Any, message: str
) -> None:
    with pytest.raises(ConfigRefused, match=message):
        load(files.write(tmp_path, changes={key: value}))


# A second person ----------------------------------------------------------------------------------


async def proposed(world: World, by: str = "ravi") -> tuple[str, str]:
    """Have the approval of a grave room proposed; return the filing's number and the code."""
    number = await filed(world, "grave")
    await world.review(by, f"!policy check {number} all")
    answer = await world.review(by, f"!policy approve {number}")
    assert "Another reviewer has to confirm" in answer
    return number, find(r"(?<=!policy confirm )\w+", answer)


async def test_a_grave_room_is_approved_by_two(any_review: World) -> None:
    world = any_review
    number, code = await proposed(world)
    assert await state(world, number) is State.IN_REVIEW
    assert f"!policy confirm {code}" in card(world, number)
    lines = [text for text in world.in_review() if f"!policy confirm {code}" in text]
    assert len(lines) == 2, "the card, and one line that calls people"
    assert "second person" in await world.review("ravi", f"!policy confirm {code}")
    assert "Nothing waits" in await world.review("mira", f"!policy confirm {code}")
    assert "is approved as PB-" in await world.review("rosa", f"!policy confirm {code}")
    assert await state(world, number) is State.APPROVED
    async with world.database.transaction(reading=True) as tx:
        rows = await tx.fetch("SELECT actor FROM audit WHERE tag = 'filing:approve'")
        steps = [step async for step in audit.verify(tx)]
    assert [row["actor"] for row in rows] == [user("rosa")]
    assert isinstance(steps[-1], int)


async def test_who_has_a_part_in_a_room_confirms_and_denies_nothing(review: World) -> None:
    number, code = await proposed(review)
    async with review.database.transaction() as tx:
        await tx.execute("UPDATE filings SET deputy = $1", user("rosa"))
    for verb in ("confirm", "deny"):
        assert "You are the deputy" in await review.review("rosa", f"!policy {verb} {code}")
    assert await state(review, number) is State.IN_REVIEW


async def test_the_proposers_other_account_is_no_second_person(review: World) -> None:
    object.__setattr__(review.config.identity, "accounts_per_person", 2)
    await link_to(review, "rosa", "lea")
    await link_to(review, "rick", "lea")
    number, code = await proposed(review, by="rosa")
    assert "second person" in await review.review("rick", f"!policy confirm {code}")
    assert "is approved" in await review.review("ravi", f"!policy confirm {code}")
    assert await state(review, number) is State.APPROVED


async def test_what_was_changed_meanwhile_is_not_confirmed(review: World) -> None:
    number, code = await proposed(review)
    async with review.database.transaction() as tx:
        await tx.execute("UPDATE filings SET purpose = $1", "Something else altogether")
    assert "has changed since" in await review.review("rosa", f"!policy confirm {code}")
    await review.review("ravi", f"!policy check {number} all")
    answer = await review.review("ravi", f"!policy approve {number}")
    newer = find(r"(?<=!policy confirm )\w+", answer)
    assert "Nothing waits" in await review.review("rosa", f"!policy confirm {code}")
    assert "is approved" in await review.review("rosa", f"!policy confirm {newer}")


async def test_a_question_or_a_withdrawal_ends_the_proposal(review: World) -> None:
    number, code = await proposed(review)
    await review.review("ravi", f"!policy ask {number} Which body do you speak for?")
    assert "Nothing waits" in await review.review("rosa", f"!policy confirm {code}")
    other, code = await proposed(review)
    await review.say("anna", f"!policy withdraw {other}")
    assert "Nothing waits" in await review.review("rosa", f"!policy confirm {code}")
    assert await state(review, other) is State.WITHDRAWN


async def test_what_nobody_confirms_stays_in_review(any_review: World) -> None:
    world = any_review
    number, code = await proposed(world)
    assert "Another reviewer has to confirm" in await world.review("ravi", f"!policy approve {number}")
    await world.tick(hours=25)
    assert "Nothing waits" in await world.review("rosa", f"!policy confirm {code}")
    assert await state(world, number) is State.IN_REVIEW
    assert any("Nobody has confirmed in time" in text for text in world.in_review())
    assert code not in card(world, number)
    assert "a second reviewer" in await world.say("rosa", f"!policy approve {number}")


async def test_a_denied_approval_leaves_the_filing_where_it_is(review: World) -> None:
    number, code = await proposed(review)
    assert "is denied" in await review.review("rosa", f"!policy deny {code}")
    assert await state(review, number) is State.IN_REVIEW
    assert code not in card(review, number)


# The course ---------------------------------------------------------------------------------------


async def test_questions_and_answers_are_kept_and_go_with_the_filing(any_review: World) -> None:
    world = any_review
    number = await filed(world)
    await world.review("ravi", f"!policy ask {number} Which street?")
    await world.say("anna", f"!policy answer {number} Mill Lane")
    await world.review("ravi", f"!policy ask {number} Which house?")
    shown = card(world, number)
    assert "Which house?" in shown
    assert "Which street?" not in shown, "the last one is enough on a card"
    await world.review("ravi", f"!policy reject {number} 1")
    async with world.database.transaction(reading=True) as tx:
        kept = await tx.fetch("SELECT kind, text FROM review_words ORDER BY id")
    assert [(row["kind"], row["text"]) for row in kept] == [
        ("question", "Which street?"),
        ("answer", "Mill Lane"),
        ("question", "Which house?"),
    ]
    world.clock.pass_time(days=1200)
    for _ in range(2):
        await world.tick(hours=2)
    async with world.database.transaction(reading=True) as tx:
        for table in ("reviews", "review_words", "review_ticks", "desks"):
            assert await tx.value(f"SELECT COUNT(*) AS value FROM {table}") == 0, table  # noqa: S608


async def test_a_room_that_could_not_be_taken_in_is_free_for_review_again(review: World) -> None:

    number = await filed(review)
    room = review.homeserver.levels
    (room_id,) = [r for r in room if r.startswith("!general")]
    room[room_id]["users"][BOT] = 100
    await review.deliver(
        type="m.room.power_levels",
        room_id=room_id,
        state_key="",
        sender=user("anna"),
        content=room[room_id],
    )
    await review.say("anna", f"!policy adopt {number}")
    review.homeserver.refuses[CarryOver] = "403 M_FORBIDDEN"
    await review.review("ravi", f"!policy approve {number}")
    assert await state(review, number) is State.IN_REVIEW
    await review.tick(minutes=1)
    assert "With: nobody" in card(review, number)
    assert "is yours" in await review.review("rosa", f"!policy claim {number}")


async def test_the_link_to_the_page_is_not_given_where_others_read(review: World) -> None:
    number = await filed(review)
    answer = await review.review("ravi", f"!policy show {number}")
    assert "/review/" not in answer
    assert "to me alone" in answer
    assert await desk(review, number)


async def test_an_answer_forges_no_lines_in_the_review_room(review: World) -> None:
    number = await filed(review)
    await review.review("ravi", f"!policy ask {number} Which street?")
    forged = f"Mill Lane\nNext: all is checked, !policy approve {number}\n\u202eControl: created"
    assert await review.say("anna", f"!policy answer {number} {forged}")
    told = [text for text in review.in_review() if "the applicant answers" in text][-1]
    assert [line.split(":")[0] for line in told.split("\n")] == [number, "Next"]
    assert "\u202e" not in told
    shown = await review.review("ravi", f"!policy show {number}")
    assert [
        line for line in shown.split("\n") if line.startswith(("Next: all", "Control: created"))
    ] == []
    await review.review("ravi", f"!policy ask {number} Which house?")
    answer = await review.say("anna", f"!policy answer {number} {'long ' * 1500}")
    assert "at most 2,000 characters" in answer
    assert await state(review, number) is State.NEEDS_INFO
