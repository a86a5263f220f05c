"""Referrals, as values: nobody forges a line of what goes out, nobody waits for ever to be told."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policybot.domain import referral as rules
from policybot.domain.errors import NotFound, OutOfOrder, Refused
from policybot.domain.referral import (
    LONGEST_DELAY,
    LONGEST_IN_ALL,
    Field,
    Ground,
    Material,
    Recipient,
    Referral,
    State,
    Terms,
    Wanted,
)

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
POLICE = Recipient("police", "Police", "the police", "by post", {"order": "An order"}, frozenset(Field))
TERMS = Terms("police", "Police", "the police", "by post", "An order", (Field.MESSAGE,), "They asked")
REFERRAL = Referral(
    id=3,
    case_id=1,
    decision_id=None,
    user_id="@tom:example.org",
    person_id=None,
    terms=TERMS,
    proposer="@mira:example.org",
    state=State.HANDED_OVER,
    proposed_at=NOW,
    binding="",
    handed_over_at=NOW,
    due_at=NOW + timedelta(days=30),
)


@given(
    st.sets(st.sampled_from(Field)),
    st.text(),
    st.text(),
    st.integers(0, 90),
    st.none() | st.integers(1, 9),
)
def test_what_was_agreed_to_is_read_as_it_was_written(
    fields: set[Field], why: str, ground: str, days: int, reveal: int | None
) -> None:
    terms = replace(TERMS, fields=tuple(fields), why=why, ground=ground, reveal=reveal)
    terms = replace(terms, delay=timedelta(days=days))
    assert Terms.load(terms.dump()) == terms


@given(st.text(min_size=1))
def test_nobody_writes_a_line_of_the_document_but_us(said: str) -> None:
    def written(text: str) -> list[str]:
        whole = rules.document(REFERRAL, Material({Field.MESSAGE: text}), "We", "us@example.org")
        return [line for line in whole.splitlines() if not line.startswith("    ")]

    assert written(said) == written("Hello")


@given(st.text())
def test_whatever_is_typed_is_understood_or_refused_in_words(typed: str) -> None:
    try:
        wanted = Wanted.read(typed)
        terms = rules.terms(POLICE, "order", wanted, (), timedelta(0))
    except Refused:
        pass
    else:
        assert set(terms.fields) == wanted.fields
        assert terms.delay == timedelta(0)


@given(st.integers(-10, 200), st.integers(1, 90))
def test_a_ground_allows_what_it_says_and_never_more_than_the_code(days: int, longest: int) -> None:
    grounds = (Ground("x", "X", timedelta(days=longest)),)
    try:
        rules.ground_of(grounds, "x", timedelta(days=days))
    except Refused:
        assert not 0 < days <= longest
    else:
        assert timedelta(0) < timedelta(days=days) <= LONGEST_DELAY
    with pytest.raises(NotFound):
        rules.ground_of(grounds, "y", timedelta(days=1))


@given(st.integers(0, 800), st.integers(0, 90))
def test_a_year_after_the_hand_over_nothing_keeps_anybody_in_the_dark(day: int, more: int) -> None:
    now = NOW + timedelta(days=day)
    late = replace(REFERRAL, terms=replace(TERMS, ground="X"), due_at=now + timedelta(days=1))
    until = now + timedelta(days=more)
    try:
        rules.postponable(late, until, now)
    except OutOfOrder:
        assert more <= 1 or until > NOW + LONGEST_IN_ALL
    else:
        assert until <= NOW + LONGEST_IN_ALL
    with pytest.raises(OutOfOrder):
        rules.postponable(replace(late, told_at=now), until, now)
