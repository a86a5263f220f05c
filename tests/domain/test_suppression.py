"""I28: no number below the limit is published, and none can be worked out by adding and subtracting."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policybot.domain.suppression import FEWEST, HIDDEN, NOTHING, Cell, crossed, rows, total

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


def _shared_out(number: int, places: int) -> Iterator[tuple[int, ...]]:
    if places == 1:
        yield (number,)
        return
    for one in range(number + 1):
        yield from ((one, *rest) for rest in _shared_out(number - one, places - 1))


@pytest.mark.parametrize(
    ("down", "across", "most", "fewest"),
    [(2, 2, 24, 5), (3, 2, 13, 3), (2, 3, 13, 3), (4, 2, 9, 3), (3, 3, 8, 3)],
)
def test_what_two_tables_and_their_crossing_say_leaves_as_many_ways_as_there_are_small_numbers(
    down: int, across: int, most: int, fewest: int
) -> None:
    """I28, for an attacker who has both tables and what is shown of how they cross: all are tried.

    Of a small row or column any small number stays possible, as without the crossing; of a small
    number within it no fewer values than there are small numbers, and never one alone.
    """
    first, second = ORDER[:down], ORDER[-across:]
    inner = [(place,) for place in range(down * across)]
    lines = [tuple(range(row * across, (row + 1) * across)) for row in range(down)]
    lines += [tuple(range(column, down * across, across)) for column in range(across)]
    alike: dict[object, list[tuple[int, ...]]] = defaultdict(list)
    for numbers in (one for n in range(most + 1) for one in _shared_out(n, down * across)):
        sums = [sum(numbers[place] for place in line) for line in lines]
        rows_ = rows(dict(zip(first, sums[:down], strict=True)), first, fewest)
        columns = rows(dict(zip(second, sums[down:], strict=True)), second, fewest)
        pairs = dict(zip(product(first, second), numbers, strict=True))
        shown = (rows_, columns, crossed(pairs, rows_, columns, fewest))
        key = (total(sum(numbers), fewest), *(tuple(table.values()) for table in shown))
        alike[key].append(numbers)
    for found in alike.values():
        for line in (*inner, *lines):
            possible = {sum(numbers[place] for place in line) for numbers in found}
            if possible.isdisjoint(range(1, fewest)):
                continue
            assert len(possible) >= fewest - 1, (line, found[:3])
            assert line in inner or set(range(1, fewest)) <= possible, (line, found[:3])


def test_a_crossing_is_shown_whole_or_not_at_all_but_for_what_nobody_is_in() -> None:
    first, second = (
        {"a": Cell(11), "b": Cell(7), "c": NOTHING},
        {"x": Cell(12), "y": Cell(6), "z": NOTHING},
    )
    large = {("a", "x"): 5, ("a", "y"): 6, ("b", "x"): 7}
    shown = crossed(large, first, second, 5)
    assert shown == {(r, c): Cell(large.get((r, c), 0)) for r in first for c in second}
    small = {("a", "x"): 7, ("a", "y"): 4, ("b", "x"): 5, ("b", "y"): 2}
    shown = crossed(small, first, second, 5)
    hidden = {pair for pair, cell in shown.items() if cell == HIDDEN}
    assert hidden == {("a", "x"), ("a", "y"), ("b", "x"), ("b", "y")}
    assert {shown[pair] for pair in shown.keys() - hidden} == {NOTHING}
