"""The way of a version into force: no step is left out, no day comes too early."""

import itertools
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policybot.domain.errors import OutOfOrder
from policybot.domain.policy import APPROVERS, State, Step, Version, begins, enough, moved
from tests.domain.test_ladder import NOW
from tests.ladders import LADDER

WAY = (Step.SHADOW, Step.PROPOSE, Step.SCHEDULE, Step.BEGIN)
DRAFT = Version("a" * 64, LADDER, State.DRAFT, NOW)


def test_only_the_whole_way_leads_into_force() -> None:
    """Nothing gets a version in force but each step in its order, whatever else is tried between."""
    for length in range(1, 5):
        for steps in itertools.product(Step, repeat=length):
            version = DRAFT
            for step in steps:
                try:
                    version = replace(version, state=moved(version, step))
                except OutOfOrder:
                    break
            else:
                if version.state is State.LIVE:
                    assert steps == WAY


@pytest.mark.parametrize("state", [State.LIVE, State.RETIRED, State.WITHDRAWN])
def test_what_was_in_force_or_is_given_up_cannot_be_withdrawn(state: State) -> None:
    with pytest.raises(OutOfOrder):
        moved(replace(DRAFT, state=state), Step.WITHDRAW)


@given(
    st.integers(0, 60),
    st.integers(0, 60),
    st.timedeltas(timedelta(days=-90), timedelta(days=90)),
    st.none() | st.timedeltas(timedelta(days=1), timedelta(days=30)),
    st.booleans(),
)
def test_nothing_stricter_binds_before_its_notice(
    mine: int, before: int, effective: timedelta, cooling: timedelta | None, harder: bool
) -> None:
    old = replace(LADDER, notice_days=before)
    new = replace(LADDER, notice_days=mine, effective_from=NOW + effective)
    day = begins(new, old, NOW, harder=harder, cooling=cooling)
    assert day >= max(NOW, new.effective_from)
    assert day >= NOW + (cooling or timedelta(0))
    if harder:
        assert day >= NOW + timedelta(days=before), "a version must not shorten its own notice"
    elif cooling is None and effective <= timedelta(0):
        assert day == NOW


@pytest.mark.parametrize("others", range(4))
def test_a_delay_takes_the_place_of_one_person_and_never_of_two(others: int) -> None:
    assert (enough(others, None) is None) == (others >= APPROVERS)
    assert (enough(others, timedelta(days=7)) is None) == (others >= 1)
