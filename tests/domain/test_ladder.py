"""The ladder is proportionate, foreseeable and forgetful: its invariants, on ladders of all kinds."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policybot.domain import fading
from policybot.domain.closure import Earlier
from policybot.domain.ladder import (
    GUARANTEED,
    ROWS,
    Act,
    History,
    Ladder,
    Proposal,
    Scope,
    Severity,
    Strike,
    StrikeState,
    milder,
    propose,
)
from policybot.domain.measure import Kind, Measure
from policybot.domain.safeguard import second_person, untried
from tests.ladders import FADING, LADDER, LADDERS, SPILLING

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)

laws = st.sampled_from(LADDERS)
severities = st.sampled_from(list(Severity))
scopes = st.sampled_from([Scope.MEMBER, Scope.ACCOUNT])
ages = st.timedeltas(timedelta(0), timedelta(days=800))


@st.composite
def strikes(draw: st.DrawFn, key: str = "tom") -> Strike:
    number = draw(st.integers(1, 10**6))
    occurred_at = NOW - draw(ages)
    notified = draw(st.none() | st.timedeltas(timedelta(0), timedelta(days=10)))
    return Strike(
        case=f"C-{number}",
        scope=draw(scopes),
        key=key,
        severity=draw(severities),
        occurred_at=occurred_at,
        notified_at=None if notified is None else occurred_at + notified,
        incident=f"C-{draw(st.sampled_from([number, number, 1, 2]))}",
        state=draw(st.sampled_from([StrikeState.FINAL, *StrikeState])),
        room=draw(st.sampled_from("abc")),
    )


ledgers = st.lists(strikes(), max_size=8, unique_by=lambda s: s.case)


def act(severity: Severity = Severity.S2, **changes: object) -> Act:
    made = Act(Scope.MEMBER, "tom", severity, NOW, NOW, "this")
    return replace(made, **changes)  # type: ignore[arg-type]  # the fields' own names


acts = st.builds(act, severities, scope=scopes)


def cell(law: Ladder, one: Act, ledger: list[Strike]) -> Measure:
    return propose(law, one, ledger).cell


def known(severity: Severity, days: int = 20, number: int = 1, room: str = "") -> Strike:
    """Give an earlier decision that counts: of the room that is named, or of the room of the act."""
    at = NOW - timedelta(days=days)
    return Strike(f"C-{number}", Scope.MEMBER, "tom", severity, at, at, f"C-{number}", room=room)


@given(laws, ledgers, acts, severities)
def test_i1_a_graver_act_never_gets_a_milder_measure(
    law: Ladder, ledger: list[Strike], one: Act, other: Severity
) -> None:
    low, high = sorted((one.severity, other), key=ROWS.index)
    assert cell(law, replace(one, severity=low), ledger) <= cell(
        law, replace(one, severity=high), ledger
    )


@given(laws, ledgers, strikes(), acts)
def test_i2_one_more_earlier_decision_never_gives_a_milder_measure(
    law: Ladder, ledger: list[Strike], more: Strike, one: Act
) -> None:
    assert cell(law, one, ledger) <= cell(law, one, [*ledger, replace(more, case="C-0")])


@given(laws, ledgers, st.integers(0, 7), acts)
def test_i3_what_was_overturned_counts_as_if_it_had_never_been(
    law: Ladder, ledger: list[Strike], place: int, one: Act
) -> None:
    if place >= len(ledger):
        return
    voided = [*ledger]
    voided[place] = replace(voided[place], state=StrikeState.VOID)
    without = ledger[:place] + ledger[place + 1 :]
    found, missing = propose(law, one, voided), propose(law, one, without)
    assert (found.milli, found.cell, found.next) == (missing.milli, missing.cell, missing.next)


@given(laws, ledgers, st.randoms(use_true_random=False), acts)
def test_i4_the_order_of_the_ledger_does_not_matter(
    law: Ladder, ledger: list[Strike], chance: Random, one: Act
) -> None:
    shuffled = [*ledger]
    chance.shuffle(shuffled)
    assert propose(law, one, shuffled).explain() == propose(law, one, ledger).explain()


@given(laws, ledgers, acts)
def test_i5_nobody_is_treated_as_a_repeater_for_what_they_were_not_told_of(
    law: Ladder, ledger: list[Strike], one: Act
) -> None:
    told = [s for s in ledger if s.notified_at is not None and s.notified_at <= NOW]
    assert cell(law, one, ledger) == cell(law, one, told)
    untold = [replace(s, notified_at=NOW + timedelta(seconds=1)) for s in ledger]
    assert propose(law, one, untold).band is History.H0


@given(laws, ledgers, acts, ages)
def test_i6_i20_deciding_later_never_hurts_the_person(
    law: Ladder, ledger: list[Strike], one: Act, delay: timedelta
) -> None:
    """And so no time that passes makes anything harsher by itself."""
    assert cell(law, replace(one, decided_at=NOW + delay), ledger) <= cell(law, one, ledger)


@given(laws, ledgers, acts)
def test_i7_everything_expires(law: Ladder, ledger: list[Strike], one: Act) -> None:
    later = replace(one, decided_at=NOW + timedelta(days=731))
    assert propose(law, later, ledger).milli == 0


@given(laws, st.lists(severities, min_size=1, max_size=6))
def test_i8_a_burst_is_one_strike(law: Ladder, found: list[Severity]) -> None:
    burst = [replace(known(s, number=n), incident="C-1") for n, s in enumerate(found, 1)]
    worst = known(max(found, key=ROWS.index))
    assert propose(law, act(), burst).milli == propose(law, act(), [worst]).milli


@given(laws, ledgers, acts)
def test_i9_discretion_moves_the_measure_by_one_column_at_most(
    law: Ladder, ledger: list[Strike], one: Act
) -> None:
    plain = propose(law, one, ledger)
    worse = propose(law, replace(one, aggravating=frozenset(law.aggravating)), ledger)
    better = propose(law, replace(one, mitigating=frozenset(law.mitigating)), ledger)
    both = replace(one, aggravating=frozenset({"evasion"}), mitigating=frozenset({"newcomer"}))
    columns = list(History)
    assert columns.index(worse.column) - columns.index(plain.column) in (0, law.shift_max)
    assert columns.index(plain.column) - columns.index(better.column) in (0, law.shift_max)
    assert better.cell <= plain.cell <= worse.cell
    assert plain.mildest <= better.cell
    assert worse.cell <= plain.harshest
    assert propose(law, both, ledger).cell == plain.cell


@given(laws, ledgers, st.lists(strikes(key="somebody else"), max_size=5), acts)
def test_i10_what_others_did_does_not_matter(
    law: Ladder, ledger: list[Strike], others: list[Strike], one: Act
) -> None:
    of_rooms = [replace(s, scope=Scope.ROOM) for s in ledger]
    mixed = propose(law, one, [*ledger, *others, *of_rooms])
    assert mixed.explain() == propose(law, one, ledger).explain()


@given(laws, ledgers, st.sampled_from(GUARANTEED), st.sampled_from(Scope), st.booleans())
def test_i11_a_first_slight_act_brings_a_warning_at_most(
    law: Ladder, ledger: list[Strike], severity: Severity, scope: Scope, aggravated: bool
) -> None:
    if scope not in law.scopes:
        return
    factors = frozenset({"evasion"}) if aggravated else frozenset()
    untold = [replace(s, notified_at=None) for s in ledger]
    first = propose(law, act(severity, scope=scope, aggravating=factors), untold)
    assert first.cell <= Measure(Kind.WARN)
    assert first.harshest <= Measure(Kind.WARN)


@given(laws, ledgers, acts)
def test_i12_a_closure_always_needs_two_people(law: Ladder, ledger: list[Strike], one: Act) -> None:
    reasons = second_person(law, propose(law, one, ledger), Measure(Kind.CLOSE))
    assert reasons[0] == "a closure always needs two people"


@given(laws, ledgers, acts, st.sampled_from(["none", "warn", "restrict P3D", "suspend P90D", "close"]))
def test_what_is_outside_the_range_needs_two_people(
    law: Ladder, ledger: list[Strike], one: Act, text: str
) -> None:
    proposal, measure = propose(law, one, ledger), Measure.parse(text)
    if not proposal.permits(measure):
        assert second_person(law, proposal, measure)


@given(laws, ledgers, acts)
def test_a_proposal_lies_within_its_own_range(law: Ladder, ledger: list[Strike], one: Act) -> None:
    proposal = propose(law, one, ledger)
    assert proposal.mildest <= proposal.cell <= proposal.harshest


@given(laws, ledgers, acts)
def test_every_earlier_decision_is_told_as_counted_or_not_with_the_reason(
    law: Ladder, ledger: list[Strike], one: Act
) -> None:
    proposal = propose(law, one, ledger)
    lines = "\n".join(proposal.explain())
    spills = law.spill is not None and one.scope is Scope.ACCOUNT
    mine = [s for s in ledger if s.scope is one.scope or spills]
    apart = [s for s, _ in proposal.not_counted]
    assert sorted(s.case for s in (*proposal.counted, *apart)) == sorted(s.case for s in mine)
    assert all(s.case in lines for s in mine)
    assert all(why for _, why in proposal.not_counted)


# Rooms and accounts --------------------------------------------------------------------------------


def of_account(severity: Severity = Severity.S2) -> Act:
    return act(severity, scope=Scope.ACCOUNT)


@given(st.lists(strikes(), max_size=8, unique_by=lambda s: s.case), severities)
def test_what_happened_in_rooms_alone_never_moves_an_account_beyond_the_second_column(
    ledger: list[Strike], severity: Severity
) -> None:
    in_rooms = [replace(s, scope=Scope.MEMBER, notified_at=s.occurred_at) for s in ledger]
    for law in LADDERS:
        assert propose(law, of_account(severity), in_rooms).band in (History.H0, History.H1)


@given(st.lists(st.tuples(severities, st.sampled_from("abc")), max_size=6))
def test_decisions_in_rooms_count_at_the_factor_rounded_down_from_as_many_rooms_on(
    found: list[tuple[Severity, str]],
) -> None:
    ledger = [known(s, number=n, room=room) for n, (s, room) in enumerate(found)]
    whole = sum(SPILLING.severities[severity].points for severity, _ in found)
    rooms = {room for severity, room in found if severity is not Severity.S0}
    expected = min(whole // 2, 3) if len(rooms) >= 2 else 0
    assert propose(SPILLING, of_account(), ledger).milli == expected * 1000


def test_what_an_account_did_does_not_count_in_a_room() -> None:
    elsewhere = replace(known(Severity.S4), scope=Scope.ACCOUNT)
    assert propose(SPILLING, act(), [elsewhere]).milli == 0


def test_together_with_what_the_account_did_itself_rooms_can_move_it_further() -> None:
    own = replace(known(Severity.S1, number=9), scope=Scope.ACCOUNT)
    in_rooms = [known(Severity.S2, number=1, room="a"), known(Severity.S2, number=2, room="b")]
    found = propose(SPILLING, of_account(), [own, *in_rooms])
    assert (found.points, found.band) == (4, History.H2)


def test_what_rooms_count_for_an_account_reads_like_this() -> None:
    ledger = [
        known(Severity.S2, 30, number=1, room="a"),
        known(Severity.S3, 20, number=2, room="b"),
        known(Severity.S1, 100, number=3, room="c"),
    ]
    assert propose(SPILLING, of_account(), ledger).explain()[:5] == (
        "counted: C-1 (S2, 2 May 2026, in one room)",
        "counted: C-2 (S3, 12 May 2026, in one room)",
        "not counted: C-3 (it expired on 22 May 2026)",
        "from rooms: 3 points, for such decisions count at 1/2, and 3 points at the most",
        "history: 3 points, column H1",
    )
    assert propose(SPILLING, of_account(), ledger[:1]).explain()[:2] == (
        "not counted: C-1 (only from 2 rooms on such decisions count for the account)",
        "history: 0 points, column H0",
    )


def test_less_than_the_most_says_nothing_of_a_most() -> None:
    ledger = [known(Severity.S1, number=1, room="a"), known(Severity.S1, number=2, room="b")]
    lines = propose(SPILLING, of_account(), ledger).explain()
    assert lines[2] == "from rooms: 1 point, for such decisions count at 1/2"


# Half-lives ----------------------------------------------------------------------------------------


@given(st.integers(1, 40), st.integers(1, 400), st.integers(0, 900))
def test_points_halve_exactly_and_end_at_a_tenth(points: int, half_life: int, days: int) -> None:
    left = fading.left(points, timedelta(days=half_life), timedelta(days=900))
    assert list(left) == sorted(left, reverse=True)
    whole = (1000 * points) ** half_life
    if days < len(
        left
    ):  # the greatest whole number that is not more than 1000 · points · 2^(-days/half-life)
        assert left[days] >= 100
        assert left[days] ** half_life << days <= whole < (left[days] + 1) ** half_life << days
    else:
        assert whole < 100**half_life << days


@given(ledgers, acts)
def test_what_fades_never_counts_more_than_what_stays(ledger: list[Strike], one: Act) -> None:
    assert propose(FADING, one, ledger).milli <= propose(LADDER, one, ledger).milli
    assert cell(FADING, one, ledger) <= cell(LADDER, one, ledger)


def test_a_half_life_later_half_of_it_counts_and_the_next_day_less() -> None:
    found = [propose(FADING, act(), [known(Severity.S3, days)]).milli for days in (0, 1, 90, 91, 180)]
    assert found == [6000, 5953, 3000, 2976, 1500]


def test_where_nothing_went_before_that_is_said() -> None:
    assert propose(LADDER, act(), []).explain()[:2] == (
        "no earlier decisions",
        "history: 0 points, column H0",
    )


def test_before_it_happened_it_weighs_all_and_after_its_last_day_what_it_did_then() -> None:
    """Dates of a simulation may lie before what is on record."""
    assert FADING.weight(known(Severity.S3, -5), NOW) == 6000
    last = FADING.left[Severity.S3][-1]
    assert 0 < last < 6000
    assert FADING.weight(known(Severity.S3, 5000), NOW) == last


def test_what_has_faded_counts_no_more_and_says_since_when() -> None:
    quick = replace(LADDER, half_life=timedelta(days=10))
    assert propose(quick, act(), [known(Severity.S2, 49)]).milli == 100
    gone = propose(quick, act(), [known(Severity.S2, 50)])
    assert gone.not_counted[0][1] == "it had faded away on 1 June 2026"
    old = propose(FADING, act(), [known(Severity.S3, 365)])
    assert old.not_counted[0][1] == "it expired on 1 June 2026"


def test_how_much_is_left_reads_like_this() -> None:
    lines = propose(FADING, act(), [known(Severity.S2, 30), known(Severity.S1, 40, 2)]).explain()
    assert lines[:3] == (
        "counted: C-2 (S1, 22 April 2026; 0.7 points of 1 left)",
        "counted: C-1 (S2, 2 May 2026; 2.3 points of 3 left)",
        "history: 3.1 points, column H1",
    )


@pytest.mark.parametrize(
    ("milli", "said"),
    [
        (0, "0 points"),
        (1000, "1 point"),
        (1099, "1 point"),
        (1100, "1.1 points"),
        (12999, "12.9 points"),
    ],
)
def test_points_are_said_to_a_tenth(milli: int, said: str) -> None:
    assert fading.in_words(milli) == said


# Before a room is closed ---------------------------------------------------------------------------

CAREFUL = replace(LADDER, before_close=(Earlier.REPLACE_OWNER, Earlier.SUSPEND))
CLOSE = Measure(Kind.CLOSE)


def test_a_room_is_closed_after_what_the_ladder_asks_for() -> None:
    assert untried(CAREFUL, Scope.ROOM, CLOSE, ()) == (Earlier.REPLACE_OWNER, Earlier.SUSPEND)
    assert untried(CAREFUL, Scope.ROOM, CLOSE, {Earlier.SUSPEND}) == (Earlier.REPLACE_OWNER,)
    assert untried(CAREFUL, Scope.ROOM, CLOSE, set(Earlier)) == ()
    assert untried(CAREFUL, Scope.ACCOUNT, CLOSE, ()) == ()
    assert untried(CAREFUL, Scope.ROOM, Measure.parse("suspend P90D"), ()) == ()
    assert untried(LADDER, Scope.ROOM, CLOSE, ()) == ()


def test_the_second_person_reads_what_was_not_tried() -> None:
    proposal = propose(CAREFUL, act(Severity.S4, scope=Scope.ROOM), [])
    reasons = second_person(CAREFUL, proposal, CLOSE)
    assert "not tried before: another owner and a suspension of the room" in reasons
    assert len(second_person(CAREFUL, proposal, CLOSE, set(Earlier))) == len(reasons) - 1


# What is fixed -------------------------------------------------------------------------------------


def test_points_find_the_column_and_the_column_the_measure() -> None:
    table: list[tuple[list[Severity], History, str]] = [
        ([], History.H0, "warn"),
        ([Severity.S1], History.H1, "restrict P3D"),
        ([Severity.S2], History.H1, "restrict P3D"),
        ([Severity.S2, Severity.S1], History.H2, "restrict P14D"),
        ([Severity.S3], History.H2, "restrict P14D"),
        ([Severity.S3, Severity.S2], History.H3, "restrict P30D"),
        ([Severity.S4], History.H3, "restrict P30D"),
    ]
    for found, band, measure in table:
        ledger = [known(s, number=n) for n, s in enumerate(found, 1)]
        proposal = propose(LADDER, act(), ledger)
        assert (proposal.band, str(proposal.cell), proposal.spilled) == (band, measure, 0), found


@pytest.mark.parametrize(
    ("strike", "why"),
    [
        (replace(known(Severity.S2), state=StrikeState.VOID), "overturned"),
        (replace(known(Severity.S2), state=StrikeState.UNDER_APPEAL), "under appeal"),
        (replace(known(Severity.S2), notified_at=None), "not told"),
        (replace(known(Severity.S2), notified_at=NOW + timedelta(hours=1)), "only after this act"),
        (known(Severity.S1, days=90), "expired on 1 June 2026"),
        (replace(known(Severity.S2), incident="this"), "same incident"),
        (known(Severity.S0, days=0), "no points"),
    ],
)
def test_what_does_not_count_says_why(strike: Strike, why: str) -> None:
    proposal = propose(LADDER, act(), [strike])
    assert proposal.counted == ()
    assert why in proposal.not_counted[0][1]


def test_what_is_grave_counts_while_it_is_under_appeal() -> None:
    grave = replace(known(Severity.S3), state=StrikeState.UNDER_APPEAL)
    assert propose(LADDER, act(), [grave]).band is History.H2


def test_known_at_the_very_moment_of_the_act_counts_and_a_second_later_does_not() -> None:
    at = replace(known(Severity.S2), notified_at=NOW)
    assert propose(LADDER, act(), [at]).counted == (at,)
    assert propose(LADDER, act(), [replace(at, notified_at=NOW + timedelta(seconds=1))]).counted == ()


def test_what_expires_between_the_act_and_its_decision_does_not_count() -> None:
    strike = known(Severity.S1, days=89)
    assert propose(LADDER, act(), [strike]).counted == (strike,)
    assert propose(LADDER, act(decided_at=NOW + timedelta(days=1)), [strike]).counted == ()


def test_a_second_person_is_needed_from_the_configured_measure_on() -> None:
    proposal = propose(LADDER, act(Severity.S4), [])
    assert second_person(LADDER, proposal, Measure.parse("suspend P30D"))
    just_below = replace(proposal, mildest=Measure.parse("warn"))
    assert not second_person(LADDER, just_below, Measure.parse("suspend P29D"))


def test_of_two_laws_the_milder_is_used() -> None:
    soft, hard = propose(LADDER, act(Severity.S1), []), propose(LADDER, act(Severity.S3), [])
    assert milder(soft, hard) is soft
    assert milder(hard, soft) is soft


def test_where_two_laws_propose_the_same_the_one_of_the_act_stays() -> None:
    then, later = propose(LADDER, act(), []), propose(FADING, act(), [])
    assert then.cell == later.cell
    assert milder(then, later) is then


def test_a_factor_moves_the_column_and_the_explanation_names_it() -> None:
    moved = propose(LADDER, act(aggravating=frozenset({"evasion"})), [known(Severity.S2)])
    assert (moved.band, moved.column, str(moved.cell)) == (History.H1, History.H2, "restrict P14D")
    assert "moved to column H2 for: evasion" in moved.explain()


def test_a_range_of_one_measure_is_said_to_be_that_alone() -> None:
    row = (Measure.parse("warn"),) * 4
    flat = replace(LADDER, scopes={Scope.MEMBER: dict.fromkeys(Severity, row)})
    assert "permitted: warn alone" in propose(flat, act(), []).explain()
    assert propose(flat, act(), []).range_in_words == "warn alone"


def test_of_two_alike_in_one_incident_the_earlier_counts() -> None:
    burst = [replace(known(Severity.S2, n, n), incident="C-1") for n in (20, 30, 10)]
    found = propose(LADDER, act(), burst)
    assert [s.case for s in found.counted] == ["C-30"]
    assert {s.case for s, _ in found.not_counted} == {"C-20", "C-10"}
    assert {why for _, why in found.not_counted} == {"same incident as C-30"}


def test_an_unknown_factor_or_scope_is_refused() -> None:
    with pytest.raises(ValueError, match="bad_mood"):
        propose(LADDER, act(aggravating=frozenset({"bad_mood"})), [])
    with pytest.raises(ValueError, match="server"):
        propose(LADDER, act(scope=Scope.SERVER), [])


def test_the_explanation_reads_like_this() -> None:
    proposal: Proposal = propose(LADDER, act(), [known(Severity.S2), known(Severity.S1, 100, 2)])
    assert proposal.explain() == (
        "counted: C-1 (S2, 12 May 2026)",
        "not counted: C-2 (it expired on 22 May 2026)",
        "history: 3 points, column H1",
        "proposed: restrict P3D (row S2)",
        "permitted: warn to restrict P14D",
        "the same again would be: restrict P14D",
    )
