"""Priority: a sum that orders the queue for ever, explains itself, and cannot be shouted up."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from policybot.domain.ladder import Severity
from policybot.domain.priority import Sight, Standard, Voice, in_short, worked_out
from policybot.domain.report import UNSORTED

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
STANDARD = Standard(
    {"R1": (Severity.S2, DAY), "R2": (Severity.S4, 2 * HOUR), "R3": (Severity.S0, 7 * DAY)},
    Severity.S1,
    DAY,
)

rule_ids = st.sampled_from(["R1", "R2", "R3", UNSORTED, "R9"])
moments = st.integers(0, 10_000).map(lambda minutes: NOW - timedelta(minutes=minutes))
voices = st.lists(
    st.builds(
        Voice,
        st.builds("@{}:{}".format, st.integers(0, 40), st.sampled_from(["a.org", "b.org"])),
        rule_ids,
        st.sampled_from(["!one", "!two", None]),
        moments,
        st.floats(0, 1),
        st.booleans(),
    ),
    max_size=30,
)
sights = st.lists(st.builds(Sight, rule_ids, moments), max_size=10)


def said(name: str, rule_id: str = "R1", server: str = "a.org", weight: float = 0.5) -> Voice:
    return Voice(f"@{name}:{server}", rule_id, "!one", NOW, weight)


def test_the_sum_says_where_each_point_comes_from() -> None:
    found = worked_out(STANDARD, NOW, [said("lea"), said("anna", "R2")], [Sight("R1", NOW)], held=True)
    assert found.explained(NOW) == (
        "Priority 19: severity up to S4 (+12), 2 reporters (+2), 1 message found by machine (+1), "
        "was put on hold (+6), due in 2 h (−2)"
    )
    assert found.rules == ("R1", "R2")
    assert found.due_at == NOW + 2 * HOUR, "the shortest of the rules that are named"
    assert "overdue for 3 h (+3)" in found.explained(NOW + 5 * HOUR)
    assert found.explained(NOW + 5 * HOUR).startswith("Priority 24:")
    assert in_short(found.rank, found.due_at, NOW) == "priority 19, due in 2 h"


def test_a_case_without_any_rule_has_what_the_operator_says() -> None:
    alone = worked_out(STANDARD, NOW, [said("lea", UNSORTED)])
    assert (alone.due_at, alone.rules) == (NOW + DAY, ())
    assert alone.parts[0] == ("severity up to S1", 3)
    assert worked_out(STANDARD, NOW, []).due_at == NOW + DAY


@given(voices, sights, voices)
def test_what_is_added_never_makes_a_case_less_urgent(
    heard: list[Voice], seen: list[Sight], more: list[Voice]
) -> None:
    if not heard and not seen:
        return  # what nobody named counts as the operator says, and a milder rule may be less
    fewer = worked_out(STANDARD, NOW, heard, seen)
    later = worked_out(STANDARD, NOW, [*heard, *more], seen)
    assert later.rank <= fewer.rank
    assert later.due_at <= fewer.due_at


@given(voices, voices, st.integers(0, 100_000))
def test_the_order_of_two_cases_stays_while_time_passes(
    one: list[Voice], other: list[Voice], minutes: int
) -> None:
    first, second = worked_out(STANDARD, NOW, one), worked_out(STANDARD, NOW, other)
    later = NOW + timedelta(minutes=minutes)
    urgency = [(later - p.due_at) / HOUR + p.points for p in (first, second)]
    assert (first.rank < second.rank) == (urgency[0] > urgency[1] + 1e-6) or abs(
        urgency[0] - urgency[1]
    ) < 1e-6


def test_a_trusted_flagger_counts_as_much_as_from_the_least_severity_to_the_gravest_and_once() -> None:
    usual = worked_out(STANDARD, NOW, [said("lea", "R3"), said("anna", "R3")])
    bodies = [replace(said(name, "R3"), trusted=True) for name in ("lea", "anna")]
    for voices_of in (bodies, [bodies[0], said("anna", "R3")]):
        found = worked_out(STANDARD, NOW, voices_of)
        assert found.points - usual.points == 12
        assert "2 reporters (+2), reported by a trusted flagger (+12), due in" in found.explained(NOW)
        assert found.due_at == usual.due_at, "it is an order, and gives nobody less time"
    assert in_short(NOW, NOW, NOW, flagged=True) == "priority 0, overdue, reported by a trusted flagger"


def test_one_homeserver_cannot_shout_a_case_up() -> None:
    crowd = [said(f"sock{n}", server="farm.example") for n in range(1000)]
    eight = worked_out(STANDARD, NOW, crowd[:8])
    thousand = worked_out(STANDARD, NOW, crowd)
    assert thousand.rank == eight.rank
    assert "1000 reporters, counted as 8 for many are from one homeserver" in thousand.explained(NOW)
    others = [said(name) for name in ("lea", "anna", "zoe", "tom")]
    assert worked_out(STANDARD, NOW, [*crowd, *others]).rank < thousand.rank


def test_somebody_without_an_account_cannot_shout_a_case_up_by_many_forms() -> None:
    guests = [Voice(f"guest:{n:016x}", "R1", "!one", NOW) for n in range(60)]
    assert worked_out(STANDARD, NOW, guests).rank == worked_out(STANDARD, NOW, guests[:8]).rank
    tools = [Voice(f"tool:{name}", "R1", "!one", NOW) for name in range(9)]
    alone = worked_out(STANDARD, NOW, guests)
    assert worked_out(STANDARD, NOW, [*guests, *tools]).rank < alone.rank, (
        "each program speaks for itself"
    )


def test_who_says_it_ten_times_says_it_once() -> None:
    once, often = [said("lea")], [said("lea") for _ in range(10)]
    assert worked_out(STANDARD, NOW, often).parts == worked_out(STANDARD, NOW, once).parts


@given(st.floats(0, 1))
def test_what_a_reporter_weighs_stands_in_no_text(weight: float) -> None:
    told = worked_out(STANDARD, NOW, [said("lea", weight=weight)]).explained(NOW)
    assert "1 reporter (+" in told
    assert f"{weight:.2f}" not in told
