"""Power levels as very old rooms have them; what rooms of today have is tried on the real homeserver."""

from policybot.domain.rank import Levels
from policybot.matrix.power import _copy


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
