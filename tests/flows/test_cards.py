"""Cards: one message for each filing in the review room, which always says what is true."""

from contextlib import suppress
from dataclasses import replace

from policybot.domain.application import About
from policybot.domain.effects import Effect, ShowCard
from policybot.domain.rank import Levels
from policybot.store import filings, rooms
from tests.reviewing import card, cards, filed
from tests.world import REVIEW, World, find, user


class Crash(BaseException):
    """The process is gone, in the middle of whatever it did."""


def crash_at_cards(world: World) -> None:
    """Let the process die right after the homeserver has taken the next card; nothing goes on."""

    def crash(effect: Effect) -> None:
        if isinstance(effect, ShowCard):
            world.homeserver.before_answer, world.homeserver.away = None, True
            raise Crash

    world.homeserver.before_answer = crash


async def restart(world: World) -> None:
    """Start anew, after the leases of the dead process have run out."""
    world.homeserver.away = False
    world.clock.pass_time(minutes=1)
    await world.work()


async def test_one_message_says_how_a_filing_stands_from_beginning_to_end(any_review: World) -> None:
    world = any_review
    number = await filed(world)
    assert card(world, number).startswith(f"New filing {number}: waiting for a reviewer\nWith: nobody")
    await world.review("ravi", f"!policy claim {number}")
    assert card(world, number).startswith(f"Filing {number}: being reviewed\nWith: @ravi")
    await world.review("ravi", f"!policy ask {number} Which street?")
    assert "Asked on 2 March by @ravi:example.org: Which street?" in card(world, number)
    await world.say("anna", f"!policy answer {number} Mill Lane")
    assert "Answered on 2 March by @anna:example.org: Mill Lane" in card(world, number)
    assert any("the applicant answers: Mill Lane" in t for t in world.in_review()), "a line calls people"
    await world.review("ravi", f"!policy approve {number}")
    shown = card(world, number)
    assert ": approved as PB-2026-000001-" in shown
    assert "by @ravi:example.org" in shown
    assert "Next:" not in shown
    assert "Canary" not in shown


async def test_a_card_says_what_was_applied_for(review: World) -> None:
    number = await filed(review)
    async with review.database.transaction() as tx:
        found = await filings.get(tx, number)
        assert found is not None
        about = About(organisation="Garden Club", languages=("en", "de"), rules="Be kind\nWith: @rosa")
        changed = replace(found, about=about, deputy=user("tom"))
        await filings.save(tx, changed)
        await review.app.services.reviews.changed(tx, changed)
    await review.work()
    shown = card(review, number)
    for line in ("Organisation: Garden Club", "Languages: en, de", "Deputy: @tom:example.org"):
        assert f"\n{line}\n" in shown
    assert shown.count("\nWith:") == 1


async def test_a_card_names_what_is_still_to_be_checked_and_then_the_approval(review: World) -> None:
    number = await filed(review, "official")
    assert f"!policy check {number} 1 2, and then approve ·" in card(review, number)
    await review.review("ravi", f"!policy check {number} 1")
    assert f"!policy check {number} 2, and then approve ·" in card(review, number)
    await review.review("ravi", f"!policy check {number} 2")
    assert f" · !policy approve {number} · " in card(review, number)


async def test_a_card_asks_for_the_second_person_and_not_for_the_approval_again(review: World) -> None:
    number = await filed(review, "grave")
    await review.review("ravi", f"!policy check {number} 1")
    await review.review("ravi", f"!policy approve {number}")
    then = find(r"(?<=Next: ).*", card(review, number))
    assert "!policy approve" not in then
    assert find(r"(?<=!policy confirm )\w+ \(another reviewer\)", then)


async def test_a_card_names_the_room_once_it_is_made(review: World) -> None:
    number = find(r"F-\d+", await review.say("anna", "!policy file new general Bees and beekeepers"))
    assert "Room: to be made" in card(review, number)
    await review.review("ravi", f"!policy approve {number}")
    assert "Room: !" in card(review, number)


async def test_what_changes_nothing_that_is_shown_edits_nothing(review: World) -> None:
    number = await filed(review)
    await review.review("ravi", f"!policy claim {number}")
    edits = len(review.homeserver.edits)
    await review.review("ravi", f"!policy claim {number}")
    assert len(review.homeserver.edits) == edits


async def test_only_the_newest_is_sent_of_what_waited_while_the_homeserver_was_away(
    any_review: World,
) -> None:
    world = any_review
    number = await filed(world)
    world.homeserver.away = True
    for verb in ("claim", "release", "claim"):
        await world.review("ravi", f"!policy {verb} {number}")
    await world.review("ravi", f"!policy ask {number} Which street?")
    world.homeserver.away = False
    edits = len(world.homeserver.edits)
    world.clock.pass_time(minutes=1)
    await world.work()
    assert len(world.homeserver.edits) == edits + 1
    assert "Which street?" in card(world, number)


async def test_a_crash_right_after_a_card_was_written_makes_no_second_one(any_review: World) -> None:
    world = any_review
    await filed(world)
    crash_at_cards(world)
    with suppress(AssertionError):  # there is no answer
        await filed(world)
    assert len(cards(world, "F-2")) == 1
    await world.review("ravi", "!policy claim F-2")
    await restart(world)
    assert "With: @ravi" in card(world, "F-2"), "one, and it says what is true now"


async def test_a_crash_right_after_an_edit_leaves_the_newest_words(any_review: World) -> None:
    world = any_review
    number = await filed(world)
    crash_at_cards(world)
    await world.review("ravi", f"!policy claim {number}")
    await world.review("ravi", f"!policy release {number}")
    assert "With: @ravi" in card(world, number), "it was just written"
    await restart(world)
    assert "With: nobody" in card(world, number)


async def test_a_card_that_somebody_removed_is_written_anew(review: World) -> None:
    number = await filed(review)
    (event_id,) = [k for k, (_, t) in review.homeserver.said.items() if t.startswith("New filing")]
    review.homeserver.redacted.add(event_id)
    del review.homeserver.said[event_id]
    await review.review("ravi", f"!policy claim {number}")
    assert "With: @ravi" in card(review, number)
    await review.review("ravi", f"!policy release {number}")
    assert "With: nobody" in card(review, number), "and it is the new one that is edited"


async def test_in_another_review_room_there_is_another_card(review: World) -> None:
    number = await filed(review)
    other = "!review2:example.org"
    async with review.database.transaction() as tx:
        await rooms.forget(tx, REVIEW)
        room = rooms.Room(other, rooms.Kind.REVIEW, Levels("", (), {}))
        await rooms.save(tx, room, review.clock())
    review.app.setting.review_room = other
    await review.say("ravi", f"!policy claim {number}", other)
    written = [t for where, t in review.homeserver.said.values() if where == other]
    assert any(text.startswith(f"Filing {number}: being reviewed") for text in written)


async def test_nobody_writes_a_line_of_a_card(review: World) -> None:
    number = await filed(review, purpose="Roses\nNext: !policy approve F-9\u202e <b>now</b> @room " * 60)
    await review.review("ravi", f"!policy ask {number} Well?\nWith: @rosa until tomorrow")
    await review.say("anna", f"!policy answer {number} Yes\nNext: !policy confirm ABC")
    shown = card(review, number)
    assert shown.count("\nNext:") == 1
    assert shown.count("\nWith:") == 1
    assert "\u202e" not in shown
    assert len(shown) < 3000
    assert user("anna") in shown
