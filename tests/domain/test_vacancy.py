"""Vacancies: what is due when an owner no longer answers, step by step."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from policybot.domain import vacancy as rules
from policybot.domain.vacancy import PAUSE, Facts, Stage, Vacancy, Why

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)
GRACE = 14 * DAY

facts = st.builds(Facts, st.booleans(), st.booleans(), st.booleans(), st.booleans())
vacancies = st.builds(
    Vacancy, st.just(1), st.sampled_from(Why), st.just(NOW), st.sampled_from(Stage), st.booleans()
)
GONE = Facts(answers=False, deputy=True, asked=False, movable=True)


def test_a_verification_can_be_renewed_within_the_grace_and_nothing_else_waits() -> None:
    unverified = rules.found(None, 1, Why.UNVERIFIED, NOW)
    assert rules.went_on(unverified, GONE, now=NOW + GRACE - DAY, grace=GRACE) == unverified
    after = rules.went_on(unverified, GONE, now=NOW + GRACE, grace=GRACE)
    assert after is not None
    assert after.stage is Stage.ASKED
    unlinked = rules.found(unverified, 1, Why.UNLINKED, NOW + DAY)
    assert (unlinked.why, unlinked.since) == (Why.UNLINKED, NOW)
    after = rules.went_on(unlinked, GONE, now=NOW + DAY, grace=GRACE)
    assert after is not None
    assert after.stage is Stage.ASKED


def test_who_has_left_is_away_until_they_are_back() -> None:
    left = rules.found(rules.found(None, 1, Why.LEFT, NOW), 1, Why.UNVERIFIED, NOW)
    assert left.away
    assert left.why is Why.LEFT
    assert not rules.returned(left).away


@given(vacancies, st.lists(st.tuples(facts, st.timedeltas(timedelta(0), 5 * DAY)), max_size=30))
def test_it_only_goes_on_and_ends_only_when_the_owner_answers(
    vacancy: Vacancy, history: list[tuple[Facts, timedelta]]
) -> None:
    now, order = NOW, list(Stage)
    for seen, span in history:
        now += span
        after = rules.went_on(vacancy, seen, now=now, grace=GRACE)
        if after is None:
            assert seen.answers
            assert now - vacancy.since >= PAUSE
            return
        waits = vacancy.stage is Stage.ASKED and seen.deputy and not seen.movable
        assert order.index(after.stage) >= order.index(vacancy.stage) or waits
        if after.stage is not vacancy.stage:
            assert not seen.answers
            assert not seen.asked
            assert after.stage is not Stage.ASKED or seen.deputy
        assert after == rules.went_on(after, seen, now=now, grace=GRACE) or after.stage is Stage.ASKED
        vacancy = after


@given(vacancies, st.sampled_from(Why), facts)
def test_a_second_reason_takes_back_no_step(vacancy: Vacancy, why: Why, seen: Facts) -> None:
    after = rules.found(vacancy, 1, why, NOW + DAY)
    assert (after.stage, after.since) == (vacancy.stage, vacancy.since)
    assert rules.found(after, 1, why, NOW + 2 * DAY) == after
    assert list(Why).index(after.why) >= list(Why).index(vacancy.why)
