"""I28: no number below the limit is published, and none can be worked out by adding and subtracting."""

from collections import defaultdict
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policybot.domain.suppression import FEWEST, HIDDEN, Cell, rows, total

tables = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 60), max_size=8)
ORDER = tuple("abcdefgh")


@pytest.mark.parametrize(("size", "most", "fewest"), [(2, 22, 5), (3, 17, 5), (4, 11, 3), (5, 8, 3)])
def test_a_small_number_can_still_be_any_small_number(size: int, most: int, fewest: int) -> None:
    """I28, for an attacker who knows the rules: every table that looks the same is tried."""
    order = ORDER[:size]
    alike: dict[object, list[tuple[int, ...]]] = defaultdict(list)
    for numbers in product(range(most + 1), repeat=size):
        shown = rows(dict(zip(order, numbers, strict=True)), order, fewest)
        alike[total(sum(numbers), fewest), tuple(shown.values())].append(numbers)
    for same, found in alike.items():
        for place in range(size):
            possible = {numbers[place] for numbers in found}
            for numbers in found:
                if 0 < numbers[place] < fewest and sum(numbers) <= most:
                    assert set(range(1, fewest)) <= possible, (numbers, same)


@given(tables, st.integers(FEWEST, 12))
def test_no_number_below_the_limit_is_published(counts: dict[str, int], fewest: int) -> None:
    """I28."""
    shown = rows(counts, ORDER, fewest)
    for row, cell in shown.items():
        number = counts.get(row, 0)
        assert cell == HIDDEN or (cell == Cell(number) and (number == 0 or number >= fewest))
        assert not (0 < number < fewest) or cell == HIDDEN
    whole = total(sum(counts.values()), fewest)
    assert whole == HIDDEN or whole.number >= fewest or not any(counts.values())


@given(tables, st.integers(FEWEST, 12))
def test_what_is_left_after_subtraction_says_nothing_of_one(counts: dict[str, int], fewest: int) -> None:
    """I28: an attacker who solves for what is not shown finds each of them as wide as it can be."""
    shown, whole = rows(counts, ORDER, fewest), total(sum(counts.values()), fewest)
    kept_back = [row for row, cell in shown.items() if not cell.whole]
    if not kept_back or not whole.whole:
        return
    left = whole.number - sum(cell.number for cell in shown.values())
    for row in kept_back:
        if 0 < counts.get(row, 0) < fewest:
            others = len(kept_back) - 1
            assert others > 0
            assert left >= fewest, "so that any small number leaves something for the others"
            assert left - (fewest - 1) >= (0 if len(kept_back) == len(ORDER) else others)


@given(tables)
def test_a_table_without_small_numbers_is_shown_whole(counts: dict[str, int]) -> None:
    large = {row: number for row, number in counts.items() if number == 0 or number >= FEWEST}
    assert rows(large, ORDER, FEWEST) == {row: Cell(large.get(row, 0)) for row in ORDER}


def test_what_is_kept_back_is_told_from_nothing_at_all() -> None:
    """I28: no more is kept back than is needed, up to the last number."""
    assert not HIDDEN.whole
    assert [total(number, 5) for number in (0, 1, 4, 5)] == [Cell(0), HIDDEN, HIDDEN, Cell(5)]
    shown = {"c": Cell(7), "d": Cell(0)}
    for small, cover in ((1, 8), (2, 7), (4, 5)):
        found = rows({"a": small, "b": cover, "c": 7}, "abcd", 5)
        assert found == {"a": HIDDEN, "b": HIDDEN, **shown}, (small, cover)
    assert rows({"a": 2, "b": 6, "c": 7}, "abcd", 5) == dict.fromkeys("abcd", HIDDEN)
    assert rows({"a": 2, "d": 1}, "abcd", 5) == dict.fromkeys("abcd", HIDDEN)


def test_a_sum_is_whole_only_where_all_its_parts_are() -> None:
    assert Cell(3) + Cell(4) == Cell(7)
    assert Cell(3) + HIDDEN == HIDDEN + Cell(3) == Cell(3, whole=False)
