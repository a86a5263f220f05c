"""A later decision is looked at again where it counted what is void, and never made harsher by that."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policybot.domain import recheck as rules
from policybot.domain.decision import Decision, State
from policybot.domain.errors import Incomplete, NotPermitted
from policybot.domain.ladder import History, Ladder, Proposal, Scope, Severity, Strike, propose
from policybot.domain.measure import Measure
from policybot.domain.recheck import Recheck, Replay, replayed
from policybot.domain.statement import MIN_FACTS
from tests.ladders import LADDER, LADDERS

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
TOM = "!room tom"
H = History


def measure(text: str) -> Measure:
    return Measure.parse(text)


def later(
    history: History = H.H1,
    text: str = "restrict P3D",
    severity: Severity = Severity.S2,
    factors: frozenset[str] = frozenset(),
) -> Decision:
    return Decision(
        id=9,
        case_id=7,
        state=State.FINAL,
        policy_hash="hash",
        rule_id="R1",
        scope=Scope.MEMBER,
        scope_key=TOM,
        severity=severity,
        history=history,
        measure=measure(text),
        remove=False,
        facts="facts",
        explanation=(),
        occurred_at=NOW,
        decided_at=NOW + timedelta(hours=1),
        decider="@mira:example.org",
        factors=factors,
    )


def strikes(*severities: Severity) -> tuple[Strike, ...]:
    """Earlier decisions of one room, each known in time."""
    return tuple(
        Strike(
            case=f"C-{number}",
            scope=Scope.MEMBER,
            key=TOM,
            severity=severity,
            occurred_at=NOW - timedelta(days=9),
            notified_at=NOW - timedelta(days=8),
            incident=f"C-{number}",
            room="!room",
        )
        for number, severity in enumerate(severities, 1)
    )


ONE, TWO = strikes(Severity.S2), strikes(Severity.S2, Severity.S2)
"""Three points, and six: in the sample H1 and H2."""


def replay(one: Decision, whole: tuple[Strike, ...], rest: tuple[Strike, ...]) -> Replay:
    return replayed(one, [(LADDER, whole, rest)])


# What a ladder says without what is void ----------------------------------------------------------


def test_what_was_decided_with_a_void_one_has_less_of_a_history_and_is_too_harsh() -> None:
    found = replay(later(), ONE, ())
    assert (found.before.band, found.now.band) == (H.H1, H.H0)
    assert (found.less, found.too_harsh, found.differs, found.weightless) == (True, True, True, False)


def test_where_the_rest_is_enough_nothing_differs() -> None:
    """Nine points and six are both H2 or more, and the same measure."""
    found = replay(later(H.H2, "restrict P14D"), TWO, TWO)
    assert (found.less, found.too_harsh, found.differs) == (False, False, False)


def test_a_milder_measure_that_somebody_chose_stays_and_the_history_is_looked_at() -> None:
    found = replay(later(H.H2, "restrict P1D"), TWO, ONE)
    assert (found.less, found.too_harsh, found.differs) == (True, False, True)


def test_a_measure_just_as_harsh_as_is_proposed_now_is_not_too_harsh() -> None:
    found = replay(later(H.H2, "restrict P3D"), TWO, ONE)
    assert found.now.cell == measure("restrict P3D")
    assert not found.too_harsh


def test_a_harsher_measure_that_somebody_chose_is_not_because_of_what_is_void() -> None:
    found = replay(later(H.H1, "restrict P30D"), ONE, ONE)
    assert (found.less, found.too_harsh, found.differs) == (False, False, False)


def test_where_the_void_one_was_not_counted_a_harsher_measure_was_a_choice() -> None:
    """More of a history comes out with it than the decision had: it was not known yet."""
    found = replay(later(H.H0, "restrict P3D"), TWO, ())
    assert found.before.band is H.H2
    assert (found.less, found.too_harsh, found.differs) == (False, False, False)


def test_with_more_of_a_history_on_record_than_comes_out_what_fell_still_counts() -> None:
    found = replay(later(H.H3, "restrict P14D"), TWO, ONE)
    assert (found.less, found.too_harsh) == (True, True)


def test_with_less_of_a_history_on_record_than_comes_out_what_fell_still_counts() -> None:
    """One more is known by now than was then; even so less is left than was counted."""
    found = replay(later(H.H2, "restrict P14D"), strikes(*[Severity.S2] * 3), ONE)
    assert (found.before.band, found.now.band) == (H.H3, H.H1)
    assert (found.less, found.too_harsh) == (True, True)


def test_the_same_history_can_be_answered_more_mildly_by_another_ladder() -> None:
    same = replay(later(), ONE, ONE)
    milder = Replay(same.before, replace(same.now, cell=measure("restrict P1D")), same.later)
    assert (milder.less, milder.too_harsh, milder.differs) == (False, True, True)
    uncounted = replace(milder, later=later(H.H0))
    assert not uncounted.too_harsh, "it was decided with less than comes out, so by choice"


def test_what_would_have_been_advice_counts_for_nothing_later() -> None:
    slight = later(H.H2, "warn", Severity.S0)
    assert replay(slight, TWO, ()).weightless
    assert replay(slight, TWO, ONE).weightless, "advice is what the sample gives for H1, too"
    assert not replay(slight, TWO, TWO).weightless, "nothing differs"


def test_what_would_have_been_a_warning_still_counts() -> None:
    three = strikes(*[Severity.S2] * 3)
    found = replay(later(H.H3, "warn", Severity.S0), three, TWO)
    assert (found.less, found.now.cell) == (True, measure("warn"))
    assert not found.weightless


def test_advice_that_always_was_advice_is_no_other_one_now() -> None:
    found = replay(later(H.H0, "advise", Severity.S0), (), ())
    assert found.now.cell == measure("advise")
    assert not found.weightless


# Which ladders are asked --------------------------------------------------------------------------


def stricter() -> Ladder:
    """A ladder of which the first step up comes sooner."""
    return replace(LADDER, bands=dict(zip(LADDER.bands, (0, 1, 2, 3), strict=True)))


@pytest.mark.parametrize("turned", [False, True])
def test_of_several_ladders_the_mildest_counts_each_time(turned: bool) -> None:
    laws = [(LADDER, ONE, ()), (stricter(), ONE, ONE)]
    found = replayed(later(), reversed(laws) if turned else laws)
    assert found.before.cell == measure("restrict P3D"), "the sample's, not the stricter one's"
    assert found.now.cell == measure("warn")


def test_without_a_ladder_nothing_can_be_said() -> None:
    with pytest.raises(AssertionError):
        replayed(later(), [])


@pytest.mark.parametrize(
    ("factor", "column"),
    [("evasion", H.H2), ("self_corrected", H.H0), ("of_another_ladder", H.H1)],
)
def test_what_made_it_graver_or_milder_still_does(factor: str, column: History) -> None:
    found = replay(later(factors=frozenset({factor})), ONE, ONE)
    assert found.now.band is H.H1
    assert found.now.column is column


def test_what_belongs_to_the_same_matter_is_no_earlier_one() -> None:
    own = replace(ONE[0], incident="C-7")
    assert replay(later(), (own,), ()).before.band is H.H0


def test_what_somebody_learned_after_the_act_does_not_count() -> None:
    unknown = replace(ONE[0], notified_at=NOW + timedelta(minutes=30))
    assert replay(later(), (unknown,), ()).before.band is H.H0


severities = st.lists(st.sampled_from(Severity), max_size=5)


@given(
    st.sampled_from(LADDERS),
    severities,
    st.integers(0, 5),
    st.sampled_from(History),
    st.sampled_from(Severity),
    st.sampled_from(["advise", "warn", "restrict P1D", "restrict P14D", "suspend P90D"]),
)
def test_i18_nothing_becomes_harsher_and_nothing_differs_where_nothing_fell(
    law: Ladder, went_before: list[Severity], left: int, history: History, act: Severity, text: str
) -> None:
    whole = strikes(*went_before)
    one = later(history, text, act)
    found = replayed(one, [(law, whole, whole[:left])])
    assert found.now.cell <= found.before.cell
    if found.too_harsh:
        assert found.now.cell < one.measure
    if left >= len(whole):
        assert not found.differs


# What is told of it, and by whom it ends ----------------------------------------------------------


def flagged(was: History, now: History, *, lifted: bool) -> Recheck:
    return Recheck(9, 7, 3, 2, was, now, measure("restrict P1D"), lifted, NOW)


def test_what_changed_is_told_with_the_histories() -> None:
    one = flagged(H.H2, H.H1, lifted=False)
    assert one.number == "C-7"
    assert one.in_words == "C-7: history was H2, is H1"
    lifted = flagged(H.H2, H.H1, lifted=True)
    assert lifted.in_words == "C-7: history was H2, is H1; its measure was lifted"


def test_where_the_history_is_the_same_the_measure_is_told() -> None:
    one = flagged(H.H2, H.H2, lifted=True)
    assert one.in_words == (
        "C-7: history is still H2, and the ladder proposes restrict P1D; its measure was lifted"
    )


def test_whoever_had_a_part_does_not_look_at_it_again() -> None:
    with pytest.raises(NotPermitted, match="You had a part in C-7"):
        rules.closable(later(), "@mira:example.org", frozenset({"@mira:example.org"}), "x" * 99)
    rules.closable(later(), "@ravi:example.org", frozenset({"@mira:example.org"}), "x" * 99)


@pytest.mark.parametrize("reason", ["", " " * 99, "x" * (MIN_FACTS - 1), f" {'x' * (MIN_FACTS - 1)} "])
def test_whoever_looks_says_what_they_found(reason: str) -> None:
    with pytest.raises(Incomplete, match="what you found"):
        rules.closable(later(), "@ravi:example.org", frozenset(), reason)


def test_a_short_sentence_is_enough() -> None:
    rules.closable(later(), "@ravi:example.org", frozenset(), "x" * MIN_FACTS)


def test_the_sample_proposes_what_these_tests_take_for_granted() -> None:
    def of(went_before: tuple[Strike, ...]) -> Proposal:
        return propose(LADDER, replay(later(), (), ()).now.act, went_before)

    assert [of(some).band for some in ((), ONE, TWO)] == [H.H0, H.H1, H.H2]
