"""What holds for every review, whatever happens in which order."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policybot.domain import review
from policybot.domain.application import About
from policybot.domain.errors import Incomplete, NotFound, NotPermitted, OutOfOrder
from policybot.domain.filing import Filing, State
from policybot.domain.rank import Levels
from policybot.domain.review import Deadline, Review, Tick

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LEASE = timedelta(minutes=30)
SPANS = {
    Deadline.CLAIM: timedelta(days=2),
    Deadline.DECIDE: timedelta(days=7),
    Deadline.ANSWER: timedelta(days=14),
}
OPEN = st.sampled_from(sorted(review.OPEN))
TIMES = st.timedeltas(timedelta(0), timedelta(days=1000))


def a_filing(state: State = State.SUBMITTED) -> Filing:
    return Filing(1, "!r:x", "@anna:x", "Neighbours talk", ("general",), state, NOW)


@given(OPEN, st.lists(st.tuples(TIMES, st.booleans()), max_size=20))
def test_no_passage_of_time_moves_a_waiting_filing(
    state: State, passed: list[tuple[timedelta, bool]]
) -> None:
    """Whatever is done by the clock: a lease that ends, a deadline that passes, people called."""
    filing, at = a_filing(state), Review(1, asked_at=NOW if state is State.NEEDS_INFO else None)
    filing, now = replace(filing, reviewer="@ravi:x"), NOW
    for span, frees in passed:
        now += span
        late = review.overdue(filing, at, SPANS, now)
        at = replace(at, told=at.told | late, told_at=now)
        if frees:
            filing, at = review.freed(filing, at)
        at = review.followed(filing, at, now)
        assert filing.state is state
        assert filing.record_number is None


@given(OPEN, TIMES, TIMES)
def test_what_is_overdue_stays_so_until_somebody_acts(
    state: State, first: timedelta, more: timedelta
) -> None:
    filing, at = a_filing(state), Review(1, asked_at=NOW)
    earlier = review.overdue(filing, at, SPANS, NOW + first)
    assert earlier <= review.overdue(filing, at, SPANS, NOW + first + more)


@given(st.lists(st.tuples(st.sampled_from(["@a:x", "@b:x", "@c:x"]), TIMES), max_size=30))
def test_a_filing_is_never_anybodys_while_it_is_somebody_elses(
    acts: list[tuple[str, timedelta]],
) -> None:
    filing, at, now = a_filing(), Review(1), NOW
    for who, span in acts:
        now += span / 20_000
        before = review.holder(filing, at, now)
        try:
            filing, at = review.taken(filing, at, who, now, LEASE)
        except NotPermitted:
            assert before not in (None, who)
        else:
            assert before in (None, who)
            assert review.holder(filing, at, now) == who
            assert review.holder(filing, at, now + LEASE) is None


@given(st.lists(TIMES, min_size=1, max_size=10))
def test_time_of_the_applicant_is_never_counted_against_the_reviewers(spans: list[timedelta]) -> None:
    filing, at, now = a_filing(State.IN_REVIEW), Review(1), NOW
    for span in spans:
        at = review.asked(at, now)
        now += span
        at = review.followed(filing, at, now)
    assert review.deadlines(filing, at, SPANS) == [(now + SPANS[Deadline.DECIDE], Deadline.DECIDE)]


@pytest.mark.parametrize("state", sorted(set(State) - review.OPEN))
def test_what_is_decided_is_nobodys_to_take(state: State) -> None:
    with pytest.raises(OutOfOrder):
        review.taken(a_filing(state), Review(1), "@ravi:x", NOW, LEASE)
    at = Review(1, lease_until=NOW + LEASE)
    assert review.holder(replace(a_filing(state), reviewer="@ravi:x"), at, NOW) is None


@pytest.mark.parametrize(
    "changed",
    [
        {"purpose": "Other neighbours"},
        {"categories": ("official",)},
        {"deputy": "@tom:x"},
        {"applicant": "@tom:x"},
        {"about": About(rules="Be kind")},
        {"room_id": "!other:x"},
    ],
    ids=str,
)
def test_a_tick_holds_for_what_was_written_then(changed: dict[str, object]) -> None:
    filing = a_filing()
    ticks = [Tick("a", "@ravi:x", NOW, review.binding(filing))]
    assert review.standing(["a"], ticks, review.binding(filing)) == [("a", ticks[0])]
    other = replace(filing, **changed)  # type: ignore[arg-type]  # one field each
    assert review.standing(["a"], ticks, review.binding(other)) == [("a", None)]


def test_a_tick_holds_while_the_filing_goes_on() -> None:
    filing = a_filing()
    later = replace(filing, state=State.IN_REVIEW, reviewer="@ravi:x", version=7, reason="Why?")
    assert review.binding(filing) == review.binding(later)


@pytest.mark.parametrize(
    ("content", "accounts", "ranks"),
    [
        ({"users": {"@ravi:x": 50}}, frozenset(), True),
        ({"users": {"@ravi:x": 49}}, frozenset(), False),
        ({"users": {"@other:x": 100}}, frozenset({"@other:x"}), True),
        ({"users": {"@ravi:x": 30}, "kick": 30}, frozenset(), True),
        ({"users": {"@ravi:x": "60"}}, frozenset(), True),
        ({"users": {"@ravi:x": []}, "redact": "many"}, frozenset(), True),
        ({"users": "all"}, frozenset(), False),
    ],
)
def test_who_can_remove_messages_or_people_is_no_judge(
    content: dict[str, object], accounts: frozenset[str], ranks: bool
) -> None:
    found = review.conflict(a_filing(), "@ravi:x", accounts, Levels("11", ("@anna:x",), content))
    assert (found is not None) is ranks


def test_the_creator_of_a_new_room_ranks_above_all() -> None:
    levels = Levels("12", ("@ravi:x",), {"users": {}})
    assert review.conflict(a_filing(), "@ravi:x", frozenset(), levels) is not None


def test_what_fills_one_blank_is_never_filled_itself() -> None:
    filled = review.filled("There is {which} already, see {where}.", "{where} | the register")
    assert filled == "There is {where} already, see the register."


WORDS = st.text(st.characters(exclude_characters="{}"), max_size=40)


@given(WORDS, WORDS, st.sampled_from(["1 {}|{}", "{}{{which}}{}", "2 {}{}", "{}{}"]))
def test_nothing_is_sent_with_a_blank_of_a_prepared_reason(one: str, other: str, form: str) -> None:
    presets = ["There is {which} already, see {where}.", "No."]
    try:
        said = review.reason(form.format(one, other), presets)
    except (Incomplete, NotFound):
        return
    assert review.blanks(said) == []


def test_what_a_reviewer_writes_keeps_its_lines_and_nothing_that_hides_or_cannot_be_kept() -> None:
    written = "Which street?\r\n\u202eAnd\x00 which\u2066 house?\n\n"
    assert review.said(written, "your question") == "Which street?\nAnd which house?"
    for nothing in ("\u202e\x00", "\n\u200b\n"):
        with pytest.raises(Incomplete):
            review.said(nothing, "your question")
