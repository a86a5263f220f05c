"""Referrals, as values: nobody forges a line of what goes out, nobody waits for ever to be told."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policybot.domain import referral as rules
from policybot.domain.errors import Incomplete, NotFound, OutOfOrder, Refused
from policybot.domain.referral import (
    LONGEST_DELAY,
    LONGEST_IN_ALL,
    Answer,
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


def wanted(typed: str, *, fields: frozenset[Field] = frozenset(Field), basis: str = "order") -> Terms:
    """Check what was typed against what may be handed over to the police."""
    recipient = replace(POLICE, fields=fields)
    return rules.terms(recipient, basis, Wanted.read(typed), [], timedelta(0))


def test_what_a_recipient_may_get_goes_out_and_nothing_more() -> None:
    some = frozenset({Field.RULE, Field.FACTS})
    assert wanted("+facts They asked in writing", fields=some).fields == (Field.FACTS,)
    assert wanted("+facts +rule They asked in writing", fields=some).fields == (Field.RULE, Field.FACTS)
    for typed in (
        "They asked in writing",
        "+message They asked in writing",
        "+facts +message They asked",
    ):
        with pytest.raises(Incomplete, match="For Police there is: \\+rule, \\+facts\\."):
            wanted(typed, fields=some)
    with pytest.raises(NotFound, match="is no basis for Police"):
        wanted("+facts They asked in writing", basis="curiosity")
    assert wanted("+facts 1234567890").why == "1234567890"
    with pytest.raises(Incomplete, match="say in a sentence why"):
        wanted("+facts 123456789")


def test_what_is_lacking_is_said_with_when_it_is_there() -> None:
    asked = replace(REFERRAL, terms=replace(TERMS, fields=(Field.RULE, Field.MESSAGE)))
    with pytest.raises(Incomplete) as lacking:
        rules.document(asked, Material({Field.MESSAGE: "Hello"}), "We", "us@example.org")
    assert str(lacking.value) == (
        "This is not there to be handed over: +rule. The rule and the facts are there once the case is "
        "decided."
    )
    with pytest.raises(Incomplete, match=r"handed over: \+message\.$"):
        rules.document(asked, Material({Field.RULE: "R1"}), "We", "us@example.org")


def test_the_recipient_reads_that_the_decision_is_under_appeal() -> None:
    material = Material({Field.MESSAGE: "Hello"}, appealed=True)
    said = "The decision on which this rests is under appeal."
    assert said in rules.document(REFERRAL, material, "We", "us@example.org")
    assert said not in rules.document(REFERRAL, replace(material, appealed=False), "We", "us")


def test_a_correction_asks_for_no_more_than_is_wrong() -> None:
    """What is void is as if it had not been handed over; of what has changed only the decision is."""
    within = timedelta(days=14)
    gone = "as if it had not been"
    void = replace(REFERRAL, corrects=2, terms=replace(TERMS, why=rules.VOID))
    changed = replace(void, terms=replace(TERMS, why=rules.CHANGED))
    assert gone in rules.correction(void, "We", "us")
    assert "no longer rest on the first decision" in rules.correction(changed, "We", "us")
    assert gone not in rules.correction(changed, "We", "us")
    assert f"REF-2 does not hold, and to treat it {gone}" in rules.notice(void, "us", None, within)
    assert "that REF-2 has changed (REF-3)" in rules.notice(changed, "us", None, within)
    assert rules.told_in_short(void).endswith("Police, that REF-2 does not hold")
    assert rules.told_in_short(changed).endswith("Police, that REF-2 has changed")


def test_the_person_reads_where_else_to_turn_and_why_so_late() -> None:
    within = timedelta(days=1, hours=12)
    said = rules.notice(REFERRAL, "the office", "the Ombudsperson", within)
    assert (
        "answers within 1 day 12 hours. You can also turn to the office, or to the Ombudsperson." in said
    )
    assert "You are told only now" not in said
    late = replace(REFERRAL, terms=replace(TERMS, ground="An investigation"))
    assert "told only now because of this: An investigation." in rules.notice(late, "us", None, within)
    assert rules.told_in_short(REFERRAL).endswith("Police, a copy of the message (An order)")
    upheld = rules.answered(REFERRAL, Answer.UPHELD, "It was an order", "the Ombudsperson")
    assert upheld.endswith("Reasons: It was an order\nYou can also turn to the Ombudsperson.")
    assert "turn to" not in rules.answered(REFERRAL, Answer.UPHELD, "It was an order", None)


def test_only_who_waits_on_a_ground_is_put_off_and_only_to_a_later_day() -> None:
    late = replace(REFERRAL, terms=replace(TERMS, ground="X"))
    until = NOW + timedelta(days=31)
    rules.postponable(late, until, NOW)
    rules.postponable(late, NOW + LONGEST_IN_ALL, NOW)
    for other in (replace(late, handed_over_at=None), replace(late, told_at=NOW), REFERRAL):
        with pytest.raises(OutOfOrder, match="is not waiting to be told"):
            rules.postponable(other, until, NOW)
    with pytest.raises(OutOfOrder, match="on 1 April 2026, 09:00 UTC as it is"):
        rules.postponable(late, NOW + timedelta(days=30), NOW)
    with pytest.raises(OutOfOrder, match="on 2 March 2027, 09:00 UTC at the latest"):
        rules.postponable(late, NOW + timedelta(days=366), NOW)


def test_a_delay_is_bounded_by_the_code_whatever_the_ground_says() -> None:
    ground = Ground("x", "An investigation", timedelta(days=400))
    assert rules.ground_of((ground,), "x", timedelta(days=90)) is ground
    with pytest.raises(Incomplete, match="after 90 days at the latest"):
        rules.ground_of((ground,), "x", timedelta(days=91))
    with pytest.raises(NotFound, match=r"telling the person later: none are configured\."):
        rules.ground_of((), "x", timedelta(days=1))
    read = Wanted.read("delay:x:P3D +rule They asked in writing")
    found = rules.terms(POLICE, "order", read, (ground,), timedelta(days=3))
    assert (read.delay, found.when) == (
        ("x", "P3D"),
        "3 days after it is handed over (An investigation)",
    )
    at_once = rules.terms(POLICE, "order", Wanted.read("+rule They asked in writing"), (), timedelta(9))
    assert (at_once.when, at_once.delay) == ("at once when it is handed over", timedelta(0))


def test_the_document_says_what_was_chosen_line_by_line_and_its_fingerprint_is_its_own() -> None:
    whole = rules.document(REFERRAL, Material({Field.MESSAGE: "Hello\nthere"}), "We", "us@example.org")
    assert "Copy of the message:\n    Hello\n    there\n" in whole
    assert rules.fingerprint(whole) == rules.fingerprint(whole)
    assert len({rules.fingerprint(whole), rules.fingerprint(whole + " ")}) == 2


def test_a_second_person_agrees_to_one_ground_one_day_and_one_reason() -> None:
    wish = rules.Postponement("An investigation", NOW, "It goes on")
    others = (
        replace(wish, ground="Another"),
        replace(wish, until=NOW + timedelta(days=1)),
        replace(wish, reason="It goes on still"),
    )
    assert len({wish.binding, *(one.binding for one in others)}) == 4


def test_it_says_where_it_stands_and_since_when_it_is_out_of_the_house() -> None:
    assert REFERRAL.in_words == "handed over on 2 March 2026, 09:00 UTC"
    waits = replace(REFERRAL, state=State.APPROVED, handed_over_at=None)
    assert waits.in_words == "approved"
    later = replace(REFERRAL, handed_over_at=NOW + timedelta(days=2))
    said = "4 March 2026, 09:00 UTC"
    assert rules.notice(later, "us", None, timedelta(days=14)).startswith(
        f"On {said} something about you"
    )
    assert rules.told_in_short(later).startswith(f"REF-3 of {said}: Police")
    assert (timedelta(days=7), timedelta(minutes=15)) == (rules.HAND_OVER_WITHIN, rules.LINK_LIFE)


def test_of_several_grounds_each_is_named() -> None:
    grounds = [Ground(one, one.title(), timedelta(days=9)) for one in ("x", "y")]
    with pytest.raises(NotFound, match=r"later: x \(X\), y \(Y\)\."):
        rules.ground_of(grounds, "z", timedelta(days=1))


def test_an_account_in_other_hands_is_not_the_persons_any_more() -> None:
    theirs = replace(REFERRAL, person_id="p1")
    assert [theirs.is_of(who) for who in ("p1", None, "p2")] == [True, True, False]
    assert REFERRAL.is_of("p2"), "it was nobody's who is known"


def test_the_name_goes_out_as_the_number_of_a_reveal_alone() -> None:
    read = Wanted.read("+identity:7 +rule They asked")
    assert (read.fields, read.reveal) == (frozenset({Field.IDENTITY, Field.RULE}), 7)
    for typed in ("+identity They asked", "+rule:7 They asked", "+name They asked"):
        with pytest.raises(NotFound, match="is nothing that can be handed over"):
            Wanted.read(typed)
    within = timedelta(days=14)
    assert "Your name was not." in rules.notice(REFERRAL, "the office", None, within)
    named = replace(REFERRAL, terms=replace(TERMS, fields=(Field.IDENTITY,)))
    assert "Your name was not." not in rules.notice(named, "the office", None, within)


def test_whoever_objects_reads_what_came_of_it() -> None:
    said = rules.answered(REFERRAL, Answer.OVERTURNED, "It was a joke", "the Ombudsperson")
    assert said == (
        "Your objection to REF-3 is right. Police will be told that it does not hold.\n"
        "Reasons: It was a joke"
    )
    said = rules.answered(REFERRAL, Answer.UPHELD, "It was none", "the Ombudsperson")
    assert "the referral stands.\nReasons: It was none\nYou can also turn to the Ombudsperson." in said
