"""The ladder is proportionate, foreseeable and forgetful: its invariants, on the sample's ladder."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from policybot.config.fresh import sample
from policybot.domain import ladder_file
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
    second_person,
)
from policybot.domain.measure import Kind, Measure

LADDER: Ladder = ladder_file.parse(YAML(typ="safe").load(sample("config.sample.yaml"))["ladder"])
NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)

severities = st.sampled_from(list(Severity))
scopes = st.sampled_from([Scope.MEMBER, Scope.ACCOUNT, Scope.ROOM])
ages = st.timedeltas(timedelta(0), timedelta(days=800))


@st.composite
def strikes(draw: st.DrawFn, scope: Scope = Scope.MEMBER, key: str = "tom") -> Strike:
    number = draw(st.integers(1, 10**6))
    occurred_at = NOW - draw(ages)
    notified = draw(st.none() | st.timedeltas(timedelta(0), timedelta(days=10)))
    return Strike(
        case=f"C-{number}",
        scope=scope,
        key=key,
        severity=draw(severities),
        occurred_at=occurred_at,
        notified_at=None if notified is None else occurred_at + notified,
        incident=f"C-{draw(st.sampled_from([number, number, 1, 2]))}",
        state=draw(st.sampled_from(list(StrikeState))),
    )


ledgers = st.lists(strikes(), max_size=8, unique_by=lambda s: s.case)


def act(severity: Severity = Severity.S2, **changes: object) -> Act:
    made = Act(Scope.MEMBER, "tom", severity, NOW, NOW, "this")
    return replace(made, **changes)  # type: ignore[arg-type]  # the fields' own names


def cell(ledger: list[Strike], severity: Severity = Severity.S2, **changes: object) -> Measure:
    return propose(LADDER, act(severity, **changes), ledger).cell


def known(severity: Severity, days: int = 20, number: int = 1) -> Strike:
    at = NOW - timedelta(days=days)
    return Strike(f"C-{number}", Scope.MEMBER, "tom", severity, at, at, f"C-{number}")


@given(ledgers, severities, severities)
def test_a_graver_act_never_gets_a_milder_measure(
    ledger: list[Strike], one: Severity, other: Severity
) -> None:
    low, high = sorted((one, other), key=ROWS.index)
    assert cell(ledger, low) <= cell(ledger, high)


@given(ledgers, strikes(), severities)
def test_one_more_earlier_decision_never_gives_a_milder_measure(
    ledger: list[Strike], more: Strike, severity: Severity
) -> None:
    assert cell(ledger, severity) <= cell([*ledger, replace(more, case="C-0")], severity)


@given(ledgers, st.integers(0, 7), severities)
def test_what_was_overturned_counts_as_if_it_had_never_been(
    ledger: list[Strike], place: int, severity: Severity
) -> None:
    if place >= len(ledger):
        return
    voided = [*ledger]
    voided[place] = replace(voided[place], state=StrikeState.VOID)
    without = ledger[:place] + ledger[place + 1 :]
    assert cell(voided, severity) == cell(without, severity)


@given(ledgers, st.randoms(use_true_random=False), severities)
def test_the_order_of_the_ledger_does_not_matter(
    ledger: list[Strike], chance: object, severity: Severity
) -> None:
    shuffled = [*ledger]
    chance.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis' own Random
    assert cell(shuffled, severity) == cell(ledger, severity)


@given(ledgers, severities)
def test_nobody_is_treated_as_a_repeater_for_what_they_were_not_told_of(
    ledger: list[Strike], severity: Severity
) -> None:
    told = [s for s in ledger if s.notified_at is not None and s.notified_at <= NOW]
    assert cell(ledger, severity) == cell(told, severity)
    untold = [replace(s, notified_at=NOW + timedelta(seconds=1)) for s in ledger]
    assert propose(LADDER, act(severity), untold).band is History.H0


@given(ledgers, severities, ages)
def test_deciding_later_never_hurts_the_person(
    ledger: list[Strike], severity: Severity, delay: timedelta
) -> None:
    assert cell(ledger, severity, decided_at=NOW + delay) <= cell(ledger, severity)


@given(ledgers, severities)
def test_everything_expires(ledger: list[Strike], severity: Severity) -> None:
    later = NOW + timedelta(days=731)
    assert propose(LADDER, act(severity, decided_at=later), ledger).points == 0


@given(st.lists(severities, min_size=1, max_size=6))
def test_a_burst_is_one_strike(found: list[Severity]) -> None:
    burst = [replace(known(s, number=n), incident="C-1") for n, s in enumerate(found, 1)]
    worst = max(found, key=ROWS.index)
    assert propose(LADDER, act(), burst).points == LADDER.severities[worst].points


@given(ledgers, severities)
def test_discretion_moves_the_measure_by_one_column_at_most(
    ledger: list[Strike], severity: Severity
) -> None:
    plain = propose(LADDER, act(severity), ledger)
    worse = propose(LADDER, act(severity, aggravating=frozenset(LADDER.aggravating)), ledger)
    better = propose(LADDER, act(severity, mitigating=frozenset(LADDER.mitigating)), ledger)
    both = replace(act(severity), aggravating=frozenset({"evasion"}), mitigating=frozenset({"newcomer"}))
    columns = list(History)
    assert columns.index(worse.column) - columns.index(plain.column) in (0, 1)
    assert columns.index(plain.column) - columns.index(better.column) in (0, 1)
    assert better.cell <= plain.cell <= worse.cell
    assert plain.mildest <= better.cell
    assert worse.cell <= plain.harshest
    assert propose(LADDER, both, ledger).cell == plain.cell


@given(ledgers, st.lists(strikes(key="somebody else"), max_size=5), severities)
def test_what_others_did_does_not_matter(
    ledger: list[Strike], others: list[Strike], severity: Severity
) -> None:
    elsewhere = [replace(s, scope=Scope.ACCOUNT, incident=f"other {s.case}") for s in ledger]
    assert cell([*ledger, *others, *elsewhere], severity) == cell(ledger, severity)


@given(scopes, st.sampled_from(GUARANTEED), st.booleans())
def test_a_first_slight_act_brings_a_warning_at_most(
    scope: Scope, severity: Severity, aggravated: bool
) -> None:
    factors = frozenset({"evasion"}) if aggravated else frozenset()
    first = propose(LADDER, act(severity, scope=scope, aggravating=factors), [])
    assert first.cell <= Measure(Kind.WARN)
    assert first.harshest <= Measure(Kind.WARN)


@given(ledgers, severities)
def test_a_closure_always_needs_two_people(ledger: list[Strike], severity: Severity) -> None:
    proposal = propose(LADDER, act(severity), ledger)
    assert second_person(LADDER, proposal, Measure(Kind.CLOSE))


@given(ledgers, severities, st.sampled_from(["none", "warn", "restrict P3D", "suspend P90D", "close"]))
def test_what_is_outside_the_range_needs_two_people(
    ledger: list[Strike], severity: Severity, text: str
) -> None:
    proposal, measure = propose(LADDER, act(severity), ledger), Measure.parse(text)
    if not proposal.permits(measure):
        assert second_person(LADDER, proposal, measure)


@given(ledgers, severities)
def test_a_proposal_lies_within_its_own_range(ledger: list[Strike], severity: Severity) -> None:
    proposal = propose(LADDER, act(severity), ledger)
    assert proposal.mildest <= proposal.cell <= proposal.harshest


@given(ledgers, severities)
def test_every_earlier_decision_is_told_as_counted_or_not_with_the_reason(
    ledger: list[Strike], severity: Severity
) -> None:
    proposal = propose(LADDER, act(severity), ledger)
    lines = "\n".join(proposal.explain())
    assert len(proposal.counted) + len(proposal.not_counted) == len(ledger)
    assert all(s.case in lines for s in ledger)
    assert all(why for _, why in proposal.not_counted)


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
        assert (proposal.band, str(proposal.cell)) == (band, measure), found


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
