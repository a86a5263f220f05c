"""Unfiled rooms: what is due when, and how a list is read that changes meanwhile."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as some

from policybot.domain import unfiled as rules
from policybot.domain.filing import State
from policybot.domain.unfiled import Action, Cursor, Room, Standing, Step

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ROOM = Room("!r:example.org", "Garden", "@anna:example.org", 3, NOW, NOW)
GRACE = timedelta(days=14)


def told(action: Action = Action.UNPUBLISH) -> Room:
    return rules.told(ROOM, rules.day_of_hiding(action, GRACE, NOW), NOW, heard=True)


def after(room: Room, days: float, action: Action = Action.UNPUBLISH) -> Step:
    return rules.step(room, action, NOW + timedelta(days=days))


def test_each_thing_comes_in_its_time() -> None:
    assert after(ROOM, 0) is Step.TELL
    assert [after(told(), days) for days in (0, 10.9, 11)] == [Step.NOTHING, Step.NOTHING, Step.REMIND]
    reminded = rules.reminded(told(), NOW + timedelta(days=11))
    assert reminded.due_at == NOW + GRACE
    assert [after(reminded, days) for days in (13.9, 14)] == [Step.NOTHING, Step.UNPUBLISH]
    assert after(rules.hidden(reminded, NOW), 20) is Step.NOTHING


@pytest.mark.parametrize("days", [0, 11, 14, 400])
def test_without_a_wish_or_with_an_application_nothing_is_done(days: float) -> None:
    for room in (ROOM, told()):
        assert after(room, days, Action.NOTHING) is Step.NOTHING
        assert after(replace(room, applied="F-1"), days) is Step.NOTHING
    assert after(told(Action.TELL), days, Action.TELL) is Step.NOTHING
    assert after(told(Action.TELL), days, Action.UNPUBLISH) is Step.TELL


@given(some.floats(0, 200), some.floats(0, 200), some.floats(3, 60), some.sampled_from([*Action]))
def test_nothing_is_hidden_without_three_days_after_the_last_word(
    first: float, second: float, grace: float, action: Action
) -> None:
    at = NOW
    room = rules.told(ROOM, rules.day_of_hiding(action, timedelta(days=grace), at), at, heard=True)
    last = at
    for span in (first, second, 3.0, 3.0):
        at += timedelta(days=span)
        match rules.step(room, action, at):
            case Step.REMIND:
                room, last = rules.reminded(room, at), at
            case Step.UNPUBLISH:
                assert action is Action.UNPUBLISH
                assert room.due_at is not None
                assert at >= room.due_at >= last + rules.REMIND_BEFORE
                assert at - last <= rules.STALE_AFTER
                return


@pytest.mark.parametrize(
    ("states", "standing"),
    [
        ((), Standing.UNFILED),
        ((State.REJECTED, State.WITHDRAWN), Standing.UNFILED),
        ((State.REJECTED, State.SUBMITTED), Standing.APPLIED),
        ((State.NEEDS_INFO,), Standing.APPLIED),
        ((State.REVOKED, State.SUBMITTED), Standing.KNOWN),
        ((State.EXPIRED,), Standing.KNOWN),
        ((State.APPROVED,), Standing.KNOWN),
    ],
)
def test_what_a_room_is_to_us_follows_from_all_its_filings(
    states: tuple[State, ...], standing: Standing
) -> None:
    assert rules.standing(states) is standing


def test_twenty_a_day_are_the_most_without_a_person() -> None:
    assert rules.by_itself(20, 0)
    assert rules.by_itself(5, 15)
    assert not rules.by_itself(21, 0)
    assert not rules.by_itself(1, 20)


def test_a_link_leads_to_the_room_and_nowhere_else() -> None:
    hostile = replace(ROOM, room_id="!a/../b?c=<d>#e:example.org", name="<b>")
    assert hostile.linked == "«<b>» https://matrix.to/#/!a%2F..%2Fb%3Fc%3D%3Cd%3E%23e:example.org"


@given(some.integers(0, 900), some.integers(0, 2**32), some.floats(0, 0.9))
def test_whatever_comes_and_goes_a_room_that_stays_is_read(count: int, seed: int, wild: float) -> None:
    chance = Random(seed)  # noqa: S311 - a test
    names = [f"{n:05}" for n in range(count)]
    stays = {name for name in names if chance.random() > wild / 2}
    cursor: Cursor | None = Cursor()
    read: set[str] = set()
    pages = 0
    while cursor is not None:
        if pages < 30 and chance.random() < wild:
            gone = {n for n in names if n not in stays and chance.random() < 0.5}
            fresh = [f"{chance.randrange(count + 1):05}x{pages}" for _ in range(chance.randrange(40))]
            names = sorted({*names, *fresh} - gone)
        page = names[cursor.start : cursor.start + rules.PAGE]
        read.update(page)
        cursor = rules.advanced(cursor, page, more=cursor.start + rules.PAGE < len(names))
        pages += 1
        assert pages < 200, "it comes to an end"
    assert stays <= read
