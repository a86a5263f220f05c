"""Qualifications, reminders and labels: the rules, whatever people write."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policybot.domain import filing, label, number, qualification, validity
from policybot.domain.errors import Incomplete, NotPermitted, OutOfOrder
from policybot.domain.label import Care, Mark
from tests.domain.test_states import a_claim, a_filing

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
spans = st.timedeltas(timedelta(hours=1), timedelta(days=800))


@given(span=spans, steps=st.lists(st.timedeltas(timedelta(0), timedelta(days=40)), max_size=60))
def test_each_reminder_comes_once_whenever_the_clock_is_looked_at(
    span: timedelta, steps: list[timedelta]
) -> None:
    until, now, reminded, sent = NOW + span, NOW, validity.begun(span), []
    for step in steps:
        now += step
        days = validity.reminder(until, reminded, now)
        if days is not None:
            assert now < until, "nobody is reminded of what is over"
            assert until - now <= timedelta(days=days)
            sent.append(days)
            reminded = days
    assert sent == sorted(set(sent), reverse=True)
    assert set(sent) <= set(validity.REMIND_DAYS)


def test_somebody_who_looks_every_day_is_reminded_30_7_and_1_days_before() -> None:
    until, reminded, sent = NOW + 365 * DAY, validity.begun(365 * DAY), []
    for day in range(366):
        days = validity.reminder(until, reminded, NOW + day * DAY)
        if days is not None:
            sent.append((day, days))
            reminded = days
    assert sent == [(335, 30), (358, 7), (364, 1)]


def test_a_grant_for_a_few_days_is_not_reminded_of_at_once() -> None:
    assert validity.begun(5 * DAY) == 7
    assert validity.reminder(NOW + 5 * DAY, 7, NOW) is None
    assert validity.reminder(NOW + 5 * DAY, 7, NOW + 4 * DAY) == 1


@given(state=st.sampled_from(list(qualification.State)))
def test_only_what_is_claimed_is_granted_and_only_for_a_time(state: qualification.State) -> None:
    claim = a_claim(state)
    if state is not qualification.State.CLAIMED:
        with pytest.raises(OutOfOrder):
            qualification.granted(claim, by="@ravi:x", rights=("answer",), now=NOW, valid_for=DAY)
        return
    granted = qualification.granted(claim, by="@ravi:x", rights=("answer",), now=NOW, valid_for=DAY)
    assert (granted.valid_until, granted.rights) == (NOW + DAY, ("answer",))
    assert granted.binding != claim.binding


def test_nobody_decides_about_a_qualification_of_their_own_room() -> None:
    for by, parties in (("@anna:x", []), ("@zoe:x", ["@zoe:x"])):
        with pytest.raises(NotPermitted, match="somebody else decides"):
            qualification.decidable_by(a_claim(), by, parties)


def test_what_stands_on_a_card_is_one_line() -> None:
    assert qualification.said("Licence 4711\n\nNext:  !policy grant Q-9", "it") == (
        "Licence 4711 Next: !policy grant Q-9"
    )
    for text in ("", "short", "\n" * 50, "x" * 1001):
        with pytest.raises(Incomplete):
            qualification.said(text, "it")


@pytest.mark.parametrize("text", ["Q-0", "Q-", "Q-1x", "Q-١", "D-1", "Q--1", "Q-" + "9" * 30])
def test_what_is_no_number_of_a_qualification_is_none(text: str) -> None:
    assert number.parse_qualification(text) is None


# Filings --------------------------------------------------------------------------------------------


def test_an_approval_that_is_over_is_brought_back_by_its_owner_and_a_suspended_one_is_not() -> None:
    expired = a_filing(filing.State.EXPIRED)
    back = filing.renewed(expired, now=NOW, valid_for=365 * DAY)
    assert (back.state, back.valid_until) == (filing.State.APPROVED, NOW + 365 * DAY)
    with pytest.raises(OutOfOrder, match="suspended"):
        filing.renewed(a_filing(filing.State.SUSPENDED), now=NOW, valid_for=DAY)


@given(state=st.sampled_from(list(filing.State)))
def test_a_room_is_handed_over_only_while_that_changes_nothing_else(state: filing.State) -> None:
    before = replace(a_filing(state), deputy="@lea:x")
    if state not in filing.HANDED_OVER:
        with pytest.raises(OutOfOrder):
            filing.handed_over(before, "@tom:x")
        return
    after = filing.handed_over(before, "@tom:x")
    assert after == replace(before, applicant="@tom:x")
    assert filing.handed_over(before, "@lea:x").deputy is None, "a deputy who takes it over is none"


# Labels ---------------------------------------------------------------------------------------------


@given(st.integers(1, 10**7))
def test_a_record_number_reads_back_from_its_alias(serial: int) -> None:
    record = number.record("PB", 2026, serial)
    assert label.number_in(label.alias(record, "example.org"), "example.org") == record


@pytest.mark.parametrize(
    "alias",
    [
        "",
        "#",
        "#_policybot_PB-2026-000001-OE:evil.org",
        "#_policybot_PB-2026-000001-OE:exampleXorg",
        "#_policybot_<b>:example.org",
        "#_policybot_\u202ePB:example.org",
        "#_policybot_" + "9" * 500 + ":example.org",
        "#garden:example.org",
    ],
)
def test_other_aliases_are_none_of_ours(alias: str) -> None:
    assert label.number_in(alias, "example.org") is None


def test_what_is_filled_into_the_operators_words_is_no_template_and_hides_nothing() -> None:
    values = {"number": "{link}", "categories": "<b>\u202eevil\u200b</b>", "link": "L"}
    text = label.filled("{number} {categories} {nothing}\n{link}", values)
    assert text == "{link} <b>evil</b> {nothing}\nL"


def test_a_label_shows_rights_with_their_end() -> None:
    mark = Mark("medical", "Medical advice", ("publish", "answer"), NOW)
    assert label.content("PB-1", ("general",), [mark]) == {
        "record_number": "PB-1",
        "categories": ["general"],
        "qualifications": [
            {
                "id": "medical",
                "title": "Medical advice",
                "rights": ["publish", "answer"],
                "until": "2026-06-01",
            }
        ],
    }
    assert mark.in_words == "Medical advice (publish, answer) until 1 June 2026"


@given(st.lists(st.timedeltas(timedelta(0), timedelta(hours=3)), max_size=80))
def test_a_label_is_set_right_at_most_ten_times_a_day_and_once_a_minute(steps: list[timedelta]) -> None:
    care, now, times = Care("!r:x"), NOW, []
    for step in steps:
        now += step
        if label.may_heal(care, now):
            care = label.healed(care, now)
            times.append(now)
    assert all(after - before >= label.PAUSE for before, after in pairwise(times))
    for start in times:
        # A day may begin anywhere: two of ours touch it at the most.
        assert sum(start <= at < start + DAY for at in times) <= 2 * label.MOST
