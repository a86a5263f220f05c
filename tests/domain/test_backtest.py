"""A backtest shows what a changed ladder would do, and nothing else."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policybot.domain.backtest import Past, Result, replay
from policybot.domain.decision import Decision, State
from policybot.domain.ladder import Act, History, Ladder, Scope, Severity, propose
from policybot.domain.measure import Kind
from policybot.domain.stricter import stricter
from policybot.services import ledgers
from tests.domain.test_ladder import NOW
from tests.laddering import FIRST_HARSHER, MILDER, STRICTER, ladder
from tests.ladders import GRID, LADDER, LADDERS

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
        id=0,
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
    lambda found: [
        replace(one, id=number)
        for number, one in enumerate(sorted(found, key=lambda one: one.decided_at), 1)
    ]
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
    id=1,
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
NEXT = replace(ONE, id=2, case="C-2", occurred_at=NOW, decided_at=NOW, replayed=True)


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
        (
            replace(ONE, appealed_at=NOW - timedelta(days=2), answered_at=NOW - timedelta(days=1)),
            "restrict P3D",
        ),
        (
            replace(ONE, appealed_at=NOW - timedelta(days=2), answered_at=NOW + timedelta(days=1)),
            "warn",
        ),
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
    unreadable = replace(first, policy="gone")
    assert replay([unreadable], {"old": LADDER}, new, SINCE).no_grid == 1


def test_who_would_be_answered_more_mildly_and_who_more_harshly_is_counted_apart() -> None:
    """Tom by a room of his own, Lea by her account, and a room; only what is harsher is named."""
    again = [
        replace(NEXT, id=n, case=f"C-{n}", owner=who, key=f"!room {who}")
        for n, who in ((3, "a"), (4, "b"))
    ]
    befores = [replace(ONE, id=one.id + 10, owner=one.owner, key=one.key) for one in again]
    room = replace(ONE, scope=Scope.ROOM, owner="!room", key="!room")
    late = replace(room, case="C-21", occurred_at=NOW, decided_at=NOW, replayed=True)
    rooms = [replace(room, id=20), replace(late, id=21)]
    harsher = result([*befores, *rooms, *again], ladder("2", STRICTER))
    assert (harsher.decisions, harsher.milder, harsher.same, harsher.harsher) == (3, 0, 1, 2)
    assert (harsher.people, harsher.rooms) == (2, 0)
    assert harsher.share_harsher == pytest.approx(2 / 3)
    assert [(one.case, one.old, one.new) for one in harsher.worst] == [
        ("C-3", "restrict P3D", "restrict P7D"),
        ("C-4", "restrict P3D", "restrict P7D"),
    ]
    milder = result([*befores, *again], ladder("2", MILDER))
    assert (milder.milder, milder.same, milder.harsher, milder.worst) == (2, 0, 0, ())
    stricter_rooms = ladder(
        "2", {"scopes.room.grid.S2": ["warn", "restrict P9D", "suspend P14D", "suspend P30D"]}
    )
    assert (result(rooms, stricter_rooms).people, result(rooms, stricter_rooms).rooms) == (0, 1)


def test_the_further_a_change_goes_the_sooner_it_is_named_and_ten_are() -> None:
    cells = ["restrict P14D", "restrict P30D", "suspend P30D", "suspend P90D"]
    account = ["suspend P1D", "suspend P30D", "suspend P90D", "suspend P90D"]
    new = ladder("2", {"scopes.member.grid.S3": cells, "scopes.account.grid.S3": account})
    acts = [
        replace(NEXT, id=n, case=f"C-{n}", owner=f"p{n}", key=f"!room p{n}", severity=Severity.S3)
        for n in range(3, 15)
    ]
    further = replace(acts[0], id=20, case="C-20", scope=Scope.ACCOUNT, owner="zoe", key="zoe")
    worst = result([*acts, further], new).worst
    assert len(worst) == 10
    assert (worst[0].case, worst[0].new) == ("C-20", "suspend P1D"), "another kind of measure"


def test_a_milder_measure_stands_in_the_place_of_its_first_since_that_one_was_known() -> None:
    """One act is one strike, known since its person read of it first; also where they never did."""
    first = replace(ONE, told_at=NOW - timedelta(days=10), read_at=NOW - timedelta(days=9))
    second = replace(ONE, id=5, case="C-1", supersedes=1, told_at=NOW - timedelta(hours=1), read_at=None)
    assert result([first, second, NEXT], LADDER).matrix == {("restrict P3D", "restrict P3D"): 1}
    graver = replace(first, severity=Severity.S3)
    assert result([graver, second, NEXT], LADDER).matrix == {("restrict P3D", "restrict P3D"): 1}
    untold = replace(first, told_at=None, read_at=None)
    known = replace(second, told_at=NOW - timedelta(days=8))
    assert result([untold, known, NEXT], LADDER).matrix == {("restrict P3D", "restrict P3D"): 1}


def test_only_what_was_decided_since_is_proposed_anew_and_progress_is_told() -> None:
    seen: list[int] = []
    acts = [
        replace(
            NEXT,
            id=n,
            case=f"C-{n}",
            owner=f"p{n}",
            key=f"!r p{n}",
            decided_at=SINCE + timedelta(days=n),
        )
        for n in range(-100, 300)
    ]
    tested = replay(acts, {"old": LADDER}, LADDER, SINCE, told=seen.append)
    assert tested.decisions == 300, "from the first moment on"
    assert seen == [200, 400]


def test_to_shut_a_server_out_takes_two_people_in_a_backtest_as_anywhere() -> None:
    """However short it is for, by the old ladder and by the new one."""
    grid = GRID["server"]["grid"]
    old = ladder("1", {"scopes.server": GRID["server"]})
    shorter = ["suspend P2D", "suspend P3D", "suspend P14D", "suspend P30D"]
    milder = ladder("2", {"scopes.server": {"grid": grid | {"S4": shorter}}})
    past = replace(NEXT, scope=Scope.SERVER, key="elsewhere.net", severity=Severity.S4)
    tested = replay([past], {"old": old}, milder, SINCE)
    assert (tested.two_before, tested.two_after) == (1, 1)
    warned = replay([replace(past, severity=Severity.S3)], {"old": old}, milder, SINCE)
    assert (warned.two_before, warned.two_after) == (0, 0)


acts = st.tuples(
    st.sampled_from(["", "!a", "!b", "!c"]),
    st.sampled_from(list(Severity)),
    st.timedeltas(timedelta(hours=1), timedelta(days=40)),
    st.timedeltas(timedelta(0), timedelta(days=5)),
    st.none() | st.timedeltas(timedelta(0), timedelta(days=2)),
)
"""In which room if in one, how severe, how long after the last, decided and told after what time."""


def made(policy: Ladder, before: list[Decision], act: Any) -> Decision:
    """Decide an act as it is proposed, by the ledger that those who decide are given."""
    room, severity, later, slow, told = act
    at = (before[-1].decided_at if before else NOW - timedelta(days=190)) + later
    scope, key = (Scope.MEMBER, f"{room} tom") if room else (Scope.ACCOUNT, "tom")
    found = [one for one in before if one.scope_key == key]
    if policy.spill is not None and not room:
        found += [one for one in before if one.scope is Scope.MEMBER]
    number, when = len(before) + 1, at + slow
    weighed = Act(scope, key, severity, at, when, f"C-{number}")
    proposal = propose(policy, weighed, ledgers.strikes_of(found, policy, key))
    return Decision(
        id=number,
        case_id=number,
        state=State.FINAL,
        policy_hash="old",
        rule_id="R1",
        scope=scope,
        scope_key=key,
        severity=severity,
        history=History.H0,
        measure=proposal.cell,
        remove=False,
        facts="",
        explanation=(),
        occurred_at=at,
        decided_at=when,
        decider="mira",
        told_at=None if told is None else when + told,
    )


def read(one: Decision) -> Past:
    return replace(
        ONE,
        id=one.id,
        case=one.number,
        scope=one.scope,
        key=one.scope_key,
        severity=one.severity,
        occurred_at=one.occurred_at,
        decided_at=one.decided_at,
        told_at=one.told_at,
        counts=one.measure.kind not in (Kind.NONE, Kind.ADVISE),
        replayed=True,
        room=one.scope_key.partition(" ")[0] if one.scope is Scope.MEMBER else "",
    )


@settings(max_examples=60)
@given(st.sampled_from(LADDERS), st.lists(acts, max_size=10))
def test_what_was_decided_as_proposed_is_proposed_again(policy: Ladder, drawn: list[Any]) -> None:
    """Whatever the ladder: whole, fading or spilling."""
    decided: list[Decision] = []
    for act in drawn:
        decided.append(made(policy, decided, act))
    again = replay([read(one) for one in decided], {"old": policy}, policy, NOW - timedelta(days=900))
    assert again.matrix == Counter((str(one.measure), str(one.measure)) for one in decided)
