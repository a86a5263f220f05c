"""What binds whom, as the gate is told: never longer than the measure, and the gravest first."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policybot.domain import sanction as rules
from policybot.domain.errors import OutOfOrder
from policybot.domain.ladder import Scope
from policybot.domain.measure import Kind, Measure
from policybot.domain.sanction import BINDING, Sanction, State, Step, curb
from policybot.domain.view import FAST, NONE, Curb, Slow, gravest, slowest

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HERE, TOM = "!garden:x", "@tom:x"
TIMES = st.one_of(st.none(), st.integers(-100, 100).map(lambda hours: NOW + timedelta(hours=hours)))
CURBS = st.lists(
    st.builds(Curb, st.just("C-1"), st.sampled_from(["", HERE, "!other:x"]), st.booleans(), until=TIMES),
    max_size=6,
)


def imposed(scope: Scope, kind: Kind, duration: timedelta | None = timedelta(days=3)) -> Sanction:
    measure = Measure(kind, duration if kind in (Kind.RESTRICT, Kind.SUSPEND) else None)
    room = HERE if scope is not Scope.ACCOUNT else None
    made = rules.restraints(scope, measure, user_id=TOM, room_id=room, governed=[HERE, "!other:x"])
    who = None if scope is Scope.ROOM else TOM
    return Sanction(1, scope, measure, State.PLANNED, who, room, restraints=made)


@pytest.mark.parametrize(
    ("scope", "kind", "expected"),
    [
        (Scope.MEMBER, Kind.RESTRICT, Curb("C-1", HERE)),
        (Scope.MEMBER, Kind.SUSPEND, Curb("C-1", HERE, excluded=True)),
        (Scope.MEMBER, Kind.CLOSE, Curb("C-1", HERE, excluded=True)),
        (Scope.MEMBER, Kind.WARN, None),
        (Scope.ACCOUNT, Kind.RESTRICT, Curb("C-1")),
        (Scope.ACCOUNT, Kind.SUSPEND, Curb("C-1")),
        (Scope.ACCOUNT, Kind.ADVISE, None),
        (Scope.ROOM, Kind.RESTRICT, None),
        (Scope.ROOM, Kind.SUSPEND, None),
    ],
)
def test_a_measure_keeps_somebody_from_writing_or_out(
    scope: Scope, kind: Kind, expected: Curb | None
) -> None:
    assert curb(imposed(scope, kind), "C-1") == expected
    assert curb(replace(imposed(scope, kind), dry=True), "C-1") is None


def test_its_end_is_known_once_its_clock_runs_and_that_of_a_hold_at_once() -> None:
    planned = imposed(Scope.MEMBER, Kind.RESTRICT)
    active = curb(rules.enforced(planned, NOW), "C-1")
    assert active is not None
    assert active.until == NOW + timedelta(days=3)
    again = rules.moved(rules.stopped(rules.enforced(planned, NOW), rules.Step.STAY, NOW), Step.RESUME)
    assert curb(again, "C-1") == Curb("C-1", HERE), "the end that it had before counts no more"
    held = curb(replace(planned, interim=True, ends_at=NOW + timedelta(days=1)), "C-1")
    assert held is not None
    assert held.until == NOW + timedelta(days=1)


@given(
    st.sampled_from([Scope.MEMBER, Scope.ACCOUNT]),
    st.sampled_from([Kind.RESTRICT, Kind.SUSPEND, Kind.CLOSE]),
    st.lists(st.tuples(st.sampled_from(list(Step)), st.integers(0, 48)), max_size=12),
)
def test_nothing_binds_at_the_gate_longer_than_its_measure(
    scope: Scope, kind: Kind, steps: list[tuple[Step, int]]
) -> None:
    sanction, now = imposed(scope, kind), NOW
    for step, hours in steps:
        now += timedelta(hours=hours)
        try:
            if step is Step.ENFORCE:
                sanction = rules.enforced(sanction, now)
            elif step is Step.STAY:
                sanction = rules.stopped(sanction, rules.Step.STAY, now)
            else:
                sanction = rules.moved(sanction, step)
        except OutOfOrder:
            continue
        found = curb(sanction, "C-1")
        assert (found is not None) == (sanction.state in BINDING)
        if found is not None and sanction.state is State.ACTIVE:
            assert found.until == sanction.ends_at
            if found.until is not None:
                assert gravest([found], HERE, found.until) is None
                assert found.until <= now + timedelta(days=3)


@given(CURBS)
def test_the_gravest_curb_that_binds_is_chosen(curbs: list[Curb]) -> None:
    chosen = gravest(curbs, HERE, NOW)
    binding = [c for c in curbs if c.room_id in ("", HERE) and (c.until is None or c.until > NOW)]
    if chosen is None:
        assert binding == []
        return
    assert chosen in binding
    assert chosen.excluded == any(c.excluded for c in binding)
    alike = [c for c in binding if c.excluded == chosen.excluded]
    assert chosen.until is None or all(c.until and c.until <= chosen.until for c in alike)


def test_an_exclusion_that_is_over_hides_no_restriction_that_is_not() -> None:
    over = Curb("C-1", HERE, excluded=True, until=NOW)
    binds = Curb("C-2", HERE, until=NOW + timedelta(hours=1))
    assert gravest([over, binds], HERE, NOW) == binds


SPANS = st.integers(0, 5).map(lambda minutes: timedelta(minutes=minutes))


@given(st.lists(st.builds(Slow, SPANS, SPANS, SPANS), max_size=4))
def test_a_room_of_several_kinds_is_as_slow_as_the_slowest(slows: list[Slow]) -> None:
    joined = slowest(slows)
    assert joined.every == max((s.every for s in slows), default=NONE)
    assert joined.new_every == max((s.new_every for s in slows), default=NONE)
    if not joined.new_every:
        assert joined.new_for == NONE, "which says nothing by itself"
    if not joined.every and not joined.new_every:
        assert joined is FAST
