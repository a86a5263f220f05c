"""Reporters: what the rules allow for any history of theirs."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policybot.domain import reporter as rules
from policybot.domain.case import Subject, SubjectKind
from policybot.domain.errors import Incomplete, OutOfOrder, Refused
from policybot.domain.report import Outcome, Report
from policybot.domain.reporter import Kind, Step, Tally

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MOMENTS = st.integers(-800, 0).map(lambda days: NOW + timedelta(days=days))


@st.composite
def steps(draw: st.DrawFn) -> list[Step]:
    """Draw anything that may have been decided about somebody, in the order of its numbers."""
    found = []
    for number in range(draw(st.integers(0, 12))):
        kind, at = draw(st.sampled_from(Kind)), draw(MOMENTS)
        span = draw(st.integers(1, 400)) if kind is not Kind.UNFOUNDED else None
        found.append(
            Step(
                id=number,
                kind=kind,
                report_id=draw(st.integers(1, 5)),
                account="@lea:example.org",
                person_id=None,
                by="@mira:example.org",
                reason="Had no ground at all",
                at=at,
                until=None if span is None else at + timedelta(days=span),
                told_at=draw(st.none() | st.just(at + timedelta(minutes=1))),
                ended_at=draw(st.none() | st.just(at + timedelta(days=1))),
            )
        )
    return found


def report(number: int, at: datetime) -> Report:
    subject = Subject(SubjectKind.ROOM, "!garden:example.org")
    return Report(
        number, "@lea:example.org", subject, "R1", "", 1, at, outcome=Outcome.NO_BREACH, resolved_at=at
    )


@given(st.integers(0, 100), st.integers(0, 100))
def test_weight_begins_in_the_middle_never_reaches_an_end_and_follows_what_was_right(
    agreed: int, disagreed: int
) -> None:
    here = rules.weight(Tally(agreed + disagreed, agreed, disagreed))
    assert 0 < here < 1
    assert rules.weight(Tally(0, agreed + 1, disagreed)) > here
    assert rules.weight(Tally(0, agreed, disagreed + 1)) < here
    assert rules.weight(Tally()) == 0.5


@given(steps(), st.integers(1, 5), MOMENTS)
def test_nobody_is_paused_but_for_an_unfounded_report_after_a_warning_that_arrived(
    found: list[Step], number: int, at: datetime
) -> None:
    try:
        rules.check_pause(report(number, at), found, NOW)
    except OutOfOrder:
        return
    standing = [step for step in found if step.stands(NOW)]
    assert any(s.kind is Kind.UNFOUNDED and s.report_id == number for s in standing)
    assert any(s.kind is Kind.CAUTION and s.told_at and s.told_at < at for s in standing)
    assert not any(s.kind is Kind.PAUSE for s in standing)


@given(steps(), st.integers(0, 100))
def test_nobody_is_warned_but_for_many_and_not_twice(found: list[Step], unfounded: int) -> None:
    tally = Tally(100, 0, 100, unfounded)
    try:
        rules.check_caution("R-1", found, tally, NOW)
    except OutOfOrder:
        return
    standing = [step for step in found if step.stands(NOW)]
    assert unfounded >= rules.FREQUENT
    assert not any(s.kind is Kind.CAUTION for s in standing)
    assert any(s.kind is Kind.UNFOUNDED and s.report_id == 1 for s in standing)


@given(steps())
def test_what_rests_on_nothing_ends_and_then_nothing_else_does(found: list[Step]) -> None:
    gone = rules.groundless(found, NOW)
    assert all(step.kind is not Kind.UNFOUNDED and step.stands(NOW) for step in gone)
    after = [replace(step, ended_at=NOW) if step in gone else step for step in found]
    assert rules.groundless(after, NOW) == []
    standing = [step for step in after if step.stands(NOW)]
    marked = {step.report_id for step in standing if step.kind is Kind.UNFOUNDED}
    for step in standing:
        assert step.report_id in marked
        if step.kind is Kind.PAUSE:
            assert any(other.kind is Kind.CAUTION for other in standing)


@given(st.text())
def test_a_pause_is_between_an_hour_and_thirty_days_whatever_is_written(text: str) -> None:
    try:
        span = rules.span_of(text)
    except Refused:
        return
    assert timedelta(hours=1) <= span <= timedelta(days=30)


@pytest.mark.parametrize(
    ("text", "days"), [("P7D", 7), ("p30d", 30), ("P1W", 7), ("P31D", None), ("PT59M", None)]
)
def test_spans_of_a_pause(text: str, days: int | None) -> None:
    if days is None:
        with pytest.raises(Refused, match="1 hour to 30 days"):
            rules.span_of(text)
    else:
        assert rules.span_of(text) == timedelta(days=days)


def decided(kind: Kind, number: int, told_at: datetime | None = None) -> Step:
    """Something decided about Lea's reports, because of one of them."""
    until = NOW + timedelta(days=30) if kind is not Kind.UNFOUNDED else None
    who = ("@lea:example.org", None, "@mira:example.org", "Had no ground at all")
    return Step(number, kind, number, *who, NOW, until, told_at)


def test_moderators_read_what_they_may_do_next_about_a_reporter() -> None:
    often, marks = Tally(answered=9, unfounded=3), [decided(Kind.UNFOUNDED, n) for n in (1, 2, 3)]
    assert often.in_words == "3 of the last 9 answered reports (33 %)"
    assert rules.possible(report(1, NOW), marks, often, NOW) == "caution R-1 REASON"
    assert rules.possible(report(1, NOW), marks, Tally(answered=9, unfounded=2), NOW) is None
    assert rules.possible(report(4, NOW), marks, often, NOW) is None, "it is not marked"
    warned = [*marks, decided(Kind.CAUTION, 2, told_at=NOW)]
    later = NOW + timedelta(seconds=1)
    assert rules.possible(report(3, NOW), warned, often, later) is None, "it came no later than that"
    assert rules.possible(report(3, later), warned, often, later) == "pause R-3 P7D REASON"


def test_a_reason_is_a_sentence() -> None:
    assert rules.reason_of(" ten signs\n!") == "ten signs !"
    assert rules.reason_of("ten signs!") == "ten signs!"
    with pytest.raises(Incomplete, match="in a sentence"):
        rules.reason_of("not enough"[:-1])
