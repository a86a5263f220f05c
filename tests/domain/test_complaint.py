"""A reporter who objects is answered once, by reasons, and told what becomes of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policybot.domain import complaint as rules
from policybot.domain.appeal import MIN_TEXT, State, Verdict
from policybot.domain.complaint import About, Complaint
from policybot.domain.errors import Incomplete, OutOfOrder
from policybot.domain.report import MOST_TEXT

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DUE = NOW + timedelta(days=7)
WINDOW = timedelta(days=183)
WHY = "You overlooked the second half"
LEA = "@lea:example.org"
OBJECTED = Complaint(1, 12, About.OUTCOME, LEA, WHY, State.SUBMITTED, NOW, DUE)
BODY = "the body of Examplia"
ENDED = [State.UPHELD, State.MODIFIED, State.OVERTURNED, State.WITHDRAWN]


# Taking it in ------------------------------------------------------------------------------------


def test_what_says_something_is_taken_in_on_one_line() -> None:
    said = rules.admissible(" It was\nno joke ", answered_at=NOW, now=NOW, window=WINDOW)
    assert said == "It was no joke"


def test_an_objection_can_be_made_until_the_last_instant_of_its_time_and_not_after() -> None:
    last = NOW + WINDOW
    assert rules.admissible(WHY, answered_at=NOW, now=last, window=WINDOW) == WHY
    late = last + timedelta(microseconds=1)
    with pytest.raises(OutOfOrder, match="ended on 1 September 2026"):
        rules.admissible(WHY, answered_at=NOW, now=late, window=WINDOW)


@pytest.mark.parametrize("text", ["", " ", "x" * (MIN_TEXT - 1), " \n ".join("abcd"[:2])])
def test_what_says_nothing_is_not_taken_in(text: str) -> None:
    with pytest.raises(Incomplete, match="what was overlooked"):
        rules.admissible(text, answered_at=NOW, now=NOW, window=WINDOW)


def test_the_shortest_that_says_something_is_enough_and_the_longest_is_cut() -> None:
    short = rules.admissible("x" * MIN_TEXT, answered_at=NOW, now=NOW, window=WINDOW)
    assert short == "x" * MIN_TEXT
    long = rules.admissible("x" * 9_999, answered_at=NOW, now=NOW, window=WINDOW)
    assert len(long) <= MOST_TEXT


def test_an_objection_begins_at_its_first_version() -> None:
    """What was read at a version is saved only while nobody else saved it."""
    assert OBJECTED.version == 1


# Deciding it -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verdict", "after"),
    [
        (Verdict.UPHOLD, State.UPHELD),
        (Verdict.MODIFY, State.MODIFIED),
        (Verdict.OVERTURN, State.OVERTURNED),
    ],
)
def test_each_verdict_ends_it_as_it_says_with_its_reasons(verdict: Verdict, after: State) -> None:
    assert rules.decided(OBJECTED, verdict, " I read\nall of it ") == (after, "I read all of it")


@pytest.mark.parametrize("state", ENDED)
@pytest.mark.parametrize("verdict", Verdict)
def test_it_is_decided_once(state: State, verdict: Verdict) -> None:
    with pytest.raises(OutOfOrder, match=f"decided already: {state.value}"):
        rules.decided(replace(OBJECTED, state=state), verdict, WHY)


def test_whoever_decides_says_why() -> None:
    with pytest.raises(Incomplete, match="the person will read them"):
        rules.decided(OBJECTED, Verdict.UPHOLD, "x" * (MIN_TEXT - 1))
    assert rules.decided(OBJECTED, Verdict.UPHOLD, "x" * MIN_TEXT)[1] == "x" * MIN_TEXT


@given(st.sampled_from(Verdict), st.text(max_size=40))
def test_nothing_ends_an_objection_but_a_verdict_with_reasons(verdict: Verdict, text: str) -> None:
    try:
        after, kept = rules.decided(OBJECTED, verdict, text)
    except Incomplete:
        return
    assert after is not State.SUBMITTED
    assert len(kept) >= MIN_TEXT


# Telling of it -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("about", "against"),
    [
        (About.OUTCOME, "the answer"),
        (About.CAUTION, "the warning"),
        (About.PAUSE, "the pause"),
    ],
)
def test_what_stands_is_told_by_its_name_with_the_way_that_is_left(about: About, against: str) -> None:
    one = replace(OBJECTED, about=about)
    assert rules.upheld(one, "It was meant so.", BODY) == (
        f"Your objection about R-12 was decided by another person: {against} stands.\n"
        "Reasons: It was meant so.\nYou can still turn to the body of Examplia."
    )
    assert "turn to" not in rules.upheld(one, WHY, None)


def test_what_succeeded_in_part_says_which() -> None:
    said = rules.modified(OBJECTED, "There was a ground.", None)
    assert said.startswith("Your objection about R-12 succeeded in part: no rule was broken, but")
    assert said.endswith("it no longer counts as that.\nReasons: There was a ground.")
    assert rules.modified(OBJECTED, WHY, BODY).endswith("You can still turn to the body of Examplia.")


@pytest.mark.parametrize(
    ("about", "back"),
    [
        (About.CAUTION, "The warning is taken back and counts for nothing."),
        (About.PAUSE, "The pause is over, and your reports are taken as before."),
    ],
)
def test_what_is_taken_back_is_told_with_what_that_means(about: About, back: str) -> None:
    said = rules.overturned(replace(OBJECTED, about=about), WHY, None)
    assert said == f"Your objection about R-12 succeeded. {back}\nReasons: {WHY}"


def test_a_case_that_is_open_again_is_named_to_whoever_objected_and_to_the_others() -> None:
    said = rules.reopened(receipt="R-12", case_number="C-7", reasons=WHY, appeal_body=BODY)
    assert "case C-7 is open again" in said
    assert said.endswith(f"Reasons: {WHY}\nYou can still turn to the body of Examplia.")
    other = rules.reopened_for_others(receipt="R-13", case_number="C-7")
    assert other.startswith("About your report R-13: another reporter objected")
    assert "C-7" in other
    assert WHY not in other, "what one reporter wrote is not for another"


def test_whoever_asks_hears_where_it_stands() -> None:
    assert rules.in_words(OBJECTED) == (
        "You objected to the answer on 2 March 2026; it waits for another person, who should answer by "
        "9 March 2026."
    )
    upheld = replace(OBJECTED, state=State.UPHELD, decided_at=DUE, reasons=WHY)
    assert rules.in_words(upheld) == (
        "You objected to the answer on 2 March 2026, and that was decided on 9 March 2026: it stands. "
        f"Reasons: {WHY}"
    )
    assert "decided: it stands" in rules.in_words(replace(upheld, decided_at=None))
    assert "not unfounded" in rules.in_words(replace(upheld, state=State.MODIFIED))
    assert "you were right" in rules.in_words(replace(upheld, state=State.OVERTURNED))
