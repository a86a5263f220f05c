"""Care for moderators: when a hint is given, and what it says."""

from hypothesis import given
from hypothesis import strategies as st

from policybot.domain.care import Exposure, Limits, hint

NUMBERS = st.integers(0, 1000)


@given(NUMBERS, NUMBERS, st.integers(1, 1000), st.integers(1, 1000))
def test_a_hint_comes_at_a_limit_and_never_before(cases: int, looks: int, most: int, many: int) -> None:
    said = hint(Exposure(cases, looks), Limits(most, many))
    assert bool(said) == (cases >= most or looks >= many)


@given(NUMBERS, NUMBERS, st.integers(1, 1000))
def test_it_names_no_more_than_was_looked_at(cases: int, looks: int, limit: int) -> None:
    said = hint(Exposure(cases, looks), Limits(limit, limit))
    assert not said or any(f" {n} " in said for n in (cases, looks))
