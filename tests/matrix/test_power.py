"""Power levels as very old rooms have them; what rooms of today have is tried on the real homeserver."""

from typing import Any

import pytest

from policybot.domain.rank import Levels, below_everything
from policybot.matrix.power import _copy, levels_of


def test_levels_that_are_texts_are_written_as_numbers_for_the_homeserver_takes_no_others() -> None:
    old = {
        "users": {"@anna:x": "100", "@tom:x": 50, "@eve:x": "much"},
        "events": {"m.room.name": "50"},
        "state_default": " 50 ",
        "notifications": {"room": "20"},
    }
    assert _copy(Levels("3", (), old)) == {
        "users": {"@anna:x": 100, "@tom:x": 50, "@eve:x": 0},
        "events": {"m.room.name": 50},
        "state_default": 50,
        "notifications": {"room": 20},
    }
    assert old["state_default"] == " 50 ", "what was read stays as it was"


@pytest.mark.parametrize("also", [5, "@mallory:x", {"@mallory:x": 1}, None, True])
def test_what_stands_for_creators_in_an_old_room_may_be_anything(also: Any) -> None:
    """Before version 12 no homeserver looks at it, and anybody who makes a room can write it."""
    create = {"sender": "@anna:x", "content": {"room_version": "11", "additional_creators": also}}
    assert levels_of(create, {}).creators == ("@anna:x",)


def test_nobody_makes_themselves_creator_of_an_old_room_by_saying_so() -> None:
    made = {"room_version": "11", "additional_creators": ["@bot:x"]}
    assert levels_of({"sender": "@anna:x", "content": made}, {}).of("@bot:x") == 0
    made["room_version"] = "12"
    assert levels_of({"sender": "@anna:x", "content": made}, {}).of("@bot:x") == float("inf")


def test_who_is_put_below_the_lowest_level_has_one_that_the_homeserver_takes() -> None:
    """Integers of events lie between -(2^53)+1 and (2^53)-1 (Matrix specification, canonical JSON)."""
    lowest = -(2**53) + 1
    assert below_everything(Levels("11", (), {"events": {"org.example": lowest}})) == lowest
    assert below_everything(Levels("11", (), {"events_default": -1e300})) == lowest
    assert below_everything(Levels("11", (), {"events": {"org.example": -7}})) == -8


@pytest.mark.parametrize("version", ["²", "", "org.example.12", "١٢"])
def test_a_version_that_is_no_number_puts_nobody_above_all(version: str) -> None:
    assert not Levels(version, ("@anna:x",), {}).creators_above_all
