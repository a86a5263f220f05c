"""The way of a version into force: no step is left out, no day comes too early."""

import itertools
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policybot.domain.errors import NotPermitted, OutOfOrder
from policybot.domain.policy import (
    APPROVERS,
    COMING,
    State,
    Step,
    Version,
    approved_by,
    begins,
    bound,
    check_approver,
    enough,
    moved,
)
from tests.domain.test_ladder import NOW
from tests.ladders import LADDER

WAY = (Step.SHADOW, Step.PROPOSE, Step.SCHEDULE, Step.BEGIN)
DRAFT = Version("a" * 64, LADDER, State.DRAFT, NOW)


def test_only_the_whole_way_leads_into_force() -> None:
    """Nothing gets a version in force but each step in its order, whatever else is tried between."""
    led = set[tuple[Step, ...]]()
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
                    led.add(steps)
    assert led == {WAY}


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


@pytest.mark.parametrize(
    ("state", "step", "said"),
    [
        (State.DRAFT, Step.PROPOSE, "is a draft. First let it be tried beside the one in force: "),
        (State.DRAFT, Step.SCHEDULE, "is a draft. What is next: !policy ladder 1"),
        (State.SHADOW, Step.SHADOW, "is tried in shadow. What is next: !policy ladder 1"),
        (State.CANDIDATE, Step.PROPOSE, "is proposed. What is next: !policy ladder 1"),
        (State.SCHEDULED, Step.PROPOSE, "is approved. What is next: !policy ladder 1"),
        (State.LIVE, Step.WITHDRAW, "is in force. To leave it, bring another version by the file"),
        (State.LIVE, Step.SHADOW, "is in force."),
        (State.RETIRED, Step.SHADOW, "is no longer in force. Once the file has it again, it is a draft"),
        (State.RETIRED, Step.WITHDRAW, "is no longer in force. Once the file has it again"),
        (State.WITHDRAWN, Step.WITHDRAW, "is withdrawn. It cannot come again: give the ladder a new"),
    ],
)
def test_what_cannot_be_done_is_said_with_what_can(state: State, step: Step, said: str) -> None:
    with pytest.raises(OutOfOrder) as refused:
        moved(replace(DRAFT, state=state), step)
    assert str(refused.value).startswith(f"Version 1 {said}")
    if (state, step) == (State.LIVE, Step.SHADOW):
        assert str(refused.value).endswith(said), "there is nothing to do"


def test_it_says_since_when_it_binds_or_why_it_never_did() -> None:
    words = {
        state: replace(DRAFT, state=state, live_from=NOW, reason="Too strict").in_words
        for state in State
    }
    assert words[State.SCHEDULED] == "approved, and binds from 1 June 2026, 12:00 UTC"
    assert words[State.LIVE] == "in force since 1 June 2026, 12:00 UTC"
    assert words[State.RETIRED] == "no longer in force", "its terms say since when it had been"
    assert words[State.WITHDRAWN] == "withdrawn: Too strict"
    assert words[State.SHADOW] == "tried in shadow"
    assert replace(DRAFT, state=State.LIVE).in_words == "in force"
    assert replace(DRAFT, state=State.WITHDRAWN).in_words == "withdrawn"
    assert (DRAFT.name, DRAFT.short, DRAFT.announced) == ("1", "aaaaaaaa", False)


def test_it_may_come_into_force_until_it_did_or_is_given_up() -> None:
    assert set(State) - COMING == {State.LIVE, State.RETIRED, State.WITHDRAWN}


def test_two_people_approve_it_and_neither_twice() -> None:
    assert APPROVERS == 2
    others = frozenset({"@otto:example.org", "@otto2:example.org"})
    first = replace(DRAFT, state=State.CANDIDATE, approver="@otto:example.org")
    check_approver(replace(first, approver=None), frozenset(), "@otto:example.org")
    check_approver(first, others, "@ravi:example.org")
    for by in others:
        with pytest.raises(NotPermitted, match="You have approved it already"):
            check_approver(first, others, by)
    with pytest.raises(NotPermitted):
        check_approver(first, frozenset(), "@otto:example.org")


def test_the_record_says_who_approved_it_or_what_stood_in_their_place() -> None:
    both = replace(DRAFT, approver="@otto:example.org", second="@ravi:example.org")
    assert approved_by(both) == "@otto:example.org and @ravi:example.org"
    one = replace(both, second=None, cooling=timedelta(days=7))
    assert approved_by(one) == "@otto:example.org, and a delay of 7 days in place of a second person"


def test_where_somebody_is_missing_it_is_said_who() -> None:
    assert "at least one more person" in (enough(0, None) or "")
    assert "set versions.cooling_off" in (enough(1, None) or "")
    assert "here is only one" in (enough(1, None) or "")


def test_what_is_approved_is_this_version_on_this_test() -> None:
    terms: list[tuple[Version, str, int, int, int]] = [
        (DRAFT, "b", 1, 20, 3),
        (replace(DRAFT, hash="c"), "b", 1, 20, 3),
        (DRAFT, "x", 1, 20, 3),
        (DRAFT, "b", 2, 20, 3),
        (DRAFT, "b", 1, 21, 3),
        (DRAFT, "b", 1, 20, 4),
    ]
    assert len({bound(*one) for one in terms}) == len(terms)
    assert bound(*terms[0]) == bound(*terms[0])
