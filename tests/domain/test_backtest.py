"""A backtest shows what a changed ladder would do, and nothing else."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policybot.domain.backtest import Past, Result, replay
from policybot.domain.ladder import Scope, Severity
from policybot.domain.stricter import stricter
from tests.domain.test_ladder import NOW
from tests.laddering import FIRST_HARSHER, MILDER, STRICTER, ladder
from tests.ladders import LADDER

CHANGED = [ladder("2", change) for change in (STRICTER, MILDER, FIRST_HARSHER)]
SINCE = NOW - timedelta(days=200)


@st.composite
def past(draw: st.DrawFn) -> Past:
    who = draw(st.sampled_from(["tom", "lea"]))
    scope = draw(st.sampled_from([Scope.MEMBER, Scope.ACCOUNT, Scope.ROOM]))
    at = NOW - draw(st.timedeltas(timedelta(0), timedelta(days=400)))
    decided = at + draw(st.timedeltas(timedelta(0), timedelta(days=9)))
    told = draw(st.none() | st.timedeltas(timedelta(0), timedelta(days=1)))
    return Past(
        case=f"C-{draw(st.integers(1, 10**6))}",
        scope=scope,
        key="!room" if scope is Scope.ROOM else f"!room {who}" if scope is Scope.MEMBER else who,
        owner="!room" if scope is Scope.ROOM else who,
        severity=draw(st.sampled_from(list(Severity))),
        factors=draw(st.sampled_from([frozenset(), frozenset({"evasion"}), frozenset({"unknown"})])),
        policy="old",
        occurred_at=at,
        decided_at=decided,
        told_at=None if told is None else decided + told,
        read_at=None,
        appealed_at=draw(st.none() | st.just(decided + timedelta(days=2))),
        void=draw(st.booleans()),
        counts=draw(st.booleans()),
        replayed=draw(st.booleans()),
    )


histories = st.lists(past(), max_size=12).map(
    lambda found: sorted(found, key=lambda one: one.decided_at)
)


def result(found: list[Past], new: Any) -> Result:
    return replay(found, {"old": LADDER}, new, SINCE)


@settings(max_examples=40)
@given(histories)
def test_the_same_ladder_changes_nothing(found: list[Past]) -> None:
    same = result(found, replace(LADDER, version="2"))
    assert same.decisions == same.same == sum(one.replayed and one.decided_at >= SINCE for one in found)
    assert (same.people, same.rooms, same.worst) == (0, 0, ())
    assert same.two_before == same.two_after


@settings(max_examples=40)
@given(histories, st.sampled_from(CHANGED))
def test_the_figures_add_up_and_survive_the_record(found: list[Past], new: Any) -> None:
    tested = result(found, new)
    assert tested.milder + tested.same + tested.harsher == tested.decisions
    assert sum(tested.matrix.values()) == tested.decisions
    assert (tested.people + tested.rooms > 0) == (tested.milder + tested.harsher > 0)
    assert Result.read(tested.data()) == tested
    if not stricter(LADDER, new):
        assert tested.harsher == 0


@settings(max_examples=40)
@given(histories, st.sampled_from(CHANGED))
def test_what_was_overturned_counts_as_if_it_had_never_been(found: list[Past], new: Any) -> None:
    """I3: voided is absent, for both ladders."""
    void = [replace(one, replayed=one.replayed and not one.void) for one in found]
    assert result(void, new) == result([one for one in void if not one.void], new)


ONE = Past(
    case="C-1",
    scope=Scope.MEMBER,
    key="!room tom",
    owner="tom",
    severity=Severity.S2,
    factors=frozenset(),
    policy="old",
    occurred_at=NOW - timedelta(days=20),
    decided_at=NOW - timedelta(days=20),
    told_at=NOW - timedelta(days=20),
    read_at=None,
    appealed_at=None,
    void=False,
    counts=True,
    replayed=False,
)
"""An act of which its author knows."""
NEXT = replace(ONE, case="C-2", occurred_at=NOW, decided_at=NOW, replayed=True)


@pytest.mark.parametrize(
    ("before", "measure"),
    [
        (ONE, "restrict P3D"),
        (replace(ONE, void=True), "warn"),
        (replace(ONE, counts=False), "warn"),
        (replace(ONE, told_at=None), "warn"),
        (replace(ONE, told_at=NOW - timedelta(days=2)), "warn"),
        (replace(ONE, told_at=NOW - timedelta(days=2), read_at=NOW - timedelta(days=1)), "restrict P3D"),
        (replace(ONE, appealed_at=NOW - timedelta(days=1)), "warn"),
        (replace(ONE, appealed_at=NOW + timedelta(days=1)), "restrict P3D"),
        (replace(ONE, owner="lea", key="!room lea"), "warn"),
        (replace(ONE, key="!other tom"), "warn"),
    ],
)
def test_the_ledger_is_that_of_the_time(before: Past, measure: str) -> None:
    assert result([before, NEXT], LADDER).matrix == {(measure, measure): 1}


def test_the_worst_change_comes_first_and_a_missing_grid_is_said() -> None:
    grids = {"S1": ["warn", "restrict P1D", "restrict P3D", "restrict P7D"]}
    first = replace(NEXT, severity=Severity.S3)
    cells = ["suspend P1D", "suspend P7D", "suspend P30D", "suspend P90D"]
    s2 = ["warn", "restrict P7D", "restrict P14D", "restrict P30D"]
    new = ladder(
        "2", {"scopes.member.grid": {**grids, "S0": ["advise"] * 4, "S2": s2, "S3": cells, "S4": cells}}
    )
    worst = replay(
        [first, replace(first, case="C-2", owner="lea", key="!room lea")], {"old": LADDER}, new, SINCE
    )
    assert [(one.old, one.new) for one in worst.worst] == [("restrict P7D", "suspend P1D")] * 2
    assert worst.people == 2
    elsewhere = replace(first, scope=Scope.SERVER)
    assert replay([elsewhere], {"old": LADDER}, new, SINCE).no_grid == 1
