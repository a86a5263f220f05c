"""A measure is said in words, and is harsher than another by its kind, then by its duration."""

from datetime import timedelta

import pytest

from policybot.domain.measure import Kind, Measure, duration_in_words, format_duration


@pytest.mark.parametrize(
    ("text", "scope", "said"),
    [
        ("none", "member", "no measure"),
        ("warn", "room", "a warning"),
        ("restrict P3D", "account", "no posting in any governed room for 3 days"),
        ("suspend P1DT12H", "member", "exclusion from the room for 1 day 12 hours"),
        ("close", "room", "closure of the room"),
        ("close", "locked", "closure of the account, which is locked"),
        ("suspend P1D", "server", "exclusion of the server from all governed rooms for 1 day"),
    ],
)
def test_a_measure_says_what_is_done_and_for_how_long(text: str, scope: str, said: str) -> None:
    assert Measure.parse(text).in_words(scope) == said


@pytest.mark.parametrize("text", ["P3D", "PT12H", "P1DT2H3M4S", "P0D"])
def test_a_duration_is_written_as_it_is_read(text: str) -> None:
    measure = "restrict " + text
    if text == "P0D":
        assert format_duration(timedelta(0)) == text
        assert duration_in_words(timedelta(0)) == "no time"
    else:
        assert str(Measure.parse(measure)) == measure


def test_what_has_no_duration_can_be_compared_with_its_like() -> None:
    close, warn = Measure(Kind.CLOSE), Measure(Kind.WARN)
    assert close <= Measure(Kind.CLOSE)
    assert not close < Measure(Kind.CLOSE)
    assert warn < Measure.parse("restrict PT1S") < Measure.parse("restrict PT2S") < close
