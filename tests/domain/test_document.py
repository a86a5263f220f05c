"""Documents: who may decide what in which state, and what a form has to say."""

import time
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policybot.domain import document as rules
from policybot.domain import particulars
from policybot.domain.document import MOVES, Document, State, Step
from policybot.domain.errors import NotPermitted, OutOfOrder
from policybot.domain.identity import Assurance, Claim
from policybot.domain.particulars import Mistaken

NOW = datetime(2026, 3, 2, tzinfo=UTC)
WAITING = Document(
    12,
    "@anna:example.org",
    "passport",
    "KE",
    Assurance.SUBSTANTIAL,
    State.WAITING,
    NOW,
    "P-1",
    "1.ab",
)
TYPED = {
    "name": "Anna Ahrens",
    "kind": "passport",
    "country": "ke",
    "number": "A-12 345 67",
    "birthdate": "1984-05-31",
}


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("step", Step)
def test_what_is_decided_is_decided(state: State, step: Step) -> None:
    document = replace(WAITING, state=state)
    if state is State.WAITING:
        assert rules.moved(document, step).state is MOVES[state, step]
    else:
        with pytest.raises(OutOfOrder, match=f"D-12 is {state} already"):
            rules.moved(document, step)


def test_nobody_reviews_their_own_document() -> None:
    rules.reviewable_by(WAITING, "@ravi:example.org", same_person=False)
    for who, same in (("@anna:example.org", False), ("@ravi:example.org", True)):
        with pytest.raises(NotPermitted, match="your own document"):
            rules.reviewable_by(WAITING, who, same_person=same)


def test_nobody_approves_what_they_have_not_seen() -> None:
    with pytest.raises(OutOfOrder, match="look at D-12 before you approve"):
        rules.approvable_by(WAITING, "@ravi:example.org")
    rules.approvable_by(replace(WAITING, seen_by=("@ravi:example.org",)), "@ravi:example.org")


def read(**changes: str) -> particulars.Particulars:
    return particulars.read(
        TYPED | changes,
        kept={Claim.NAME, Claim.BIRTHDATE},
        kinds=["passport", "id-card"],
        today=date(2026, 3, 2),
    )


def test_a_form_without_mistakes_is_read() -> None:
    typed = read()
    assert (typed.kind, typed.country) == ("passport", "KE")
    assert typed.claims[Claim.NAME].reveal() == "Anna Ahrens"
    assert "Ahrens" not in repr(typed)
    assert "12 345" not in repr(typed)


@pytest.mark.parametrize(
    "name", ["Ö", "José María", "O’Brien-Smith", "علی\u200cرضا", "王秀英", "Nguyễn"]
)
def test_names_of_all_kinds_are_taken(name: str) -> None:
    assert read(name=name).claims[Claim.NAME].reveal() == name


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "   "),
        ("name", "12345"),
        ("name", "x" * 201),
        ("name", "Anna\u202eanerhA"),
        ("name", "Anna\x00"),
        ("name", "Anna\u2066"),
        ("birthdate", "31.05.1984"),
        ("birthdate", "1984-02-31"),
        ("birthdate", "2026-03-03"),
        ("birthdate", "1884-02-01"),
        ("birthdate", ""),
        ("kind", "driving"),
        ("kind", ""),
        ("country", "KEN"),
        ("country", "K1"),
        ("country", ""),
        ("number", ""),
        ("number", "---"),
        ("number", "AB1"),
        ("number", "9" * 41),
    ],
)
def test_a_mistake_is_told_at_its_field(field: str, value: str) -> None:
    with pytest.raises(Mistaken) as caught:
        read(**{field: value})
    assert list(caught.value.faults) == [field]
    assert not value.strip() or value not in str(caught.value)


def test_a_form_that_is_heaped_up_to_take_long_does_not() -> None:
    begin = time.thread_time()
    with pytest.raises(Mistaken) as caught:
        read(name="\u0315\u0300\u05ae\u0345" * 10_000)
    assert list(caught.value.faults) == ["name"]
    assert time.thread_time() - begin < 1


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(Mistaken) as caught:
        read(name="", country="", number="", kind="", birthdate="")
    assert set(caught.value.faults) == set(TYPED)


@given(st.dictionaries(st.sampled_from([*TYPED, "other"]), st.text()))
def test_whatever_is_typed_is_read_or_told(typed: Any) -> None:
    try:
        found = particulars.read(typed, kept={Claim.NAME}, kinds=["passport"], today=NOW.date())
    except Mistaken as mistaken:
        assert mistaken.faults  # noqa: PT017 - both are right
    else:
        assert len(found.country) == 2


@pytest.mark.parametrize(
    ("kept", "asked"),
    [
        ({Claim.NAME}, ["name"]),
        ({Claim.FAMILY_NAME, Claim.GIVEN_NAME}, ["given_name", "family_name"]),
        (set(), ["name"]),
        ({Claim.BIRTHDATE}, ["name", "birthdate"]),
    ],
)
def test_the_form_asks_for_what_is_kept_and_a_name_to_compare_with(
    kept: set[Claim], asked: list[str]
) -> None:
    assert [claim.value for claim in particulars.asked_for(kept)] == asked
