"""Which numbers of a table may be published, so that no small one appears or can be worked out.

A population (all decisions of a quarter, say) is counted once as a whole and split in several tables;
each of them puts every member of it in one row. Whoever reads them knows the rules below, adds and
subtracts. What they can then say of a small number that is not shown is only that it may be any number
below the limit but zero: `tests/domain/test_suppression.py` tries every table.

Two tables must not split one population along the same line (by rule and by chapter of the rules): each
is protected by itself and by the total that they share. Where two tables cross (by rule and by
measure), they are the margins of a third, which `crossed` shows whole or not at all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

FEWEST = 5
"""A count below it could be traced to persons (invariant I28); an operator may only ask for more."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A number as it is published, or the part of it that is."""

    number: int
    whole: bool = True
    """Whether it is all; otherwise there are more, and how many is not said."""

    def __add__(self, other: "Cell") -> "Cell":
        """Add what is published of two."""
        return Cell(self.number + other.number, self.whole and other.whole)


HIDDEN = Cell(0, whole=False)
NOTHING = Cell(0)


def total(number: int, fewest: int) -> Cell:
    """Publish a number that stands alone: none, or enough."""
    return Cell(number) if number == 0 or number >= fewest else HIDDEN


def rows(counts: Mapping[str, int], order: Sequence[str], fewest: int) -> dict[str, Cell]:
    """Publish the rows of a table whose total is published by `total`.

    A number below the limit is not shown, and neither is the first row that is not small: it covers
    what is left when the others are subtracted from the total. The choice goes by the order of the
    rows and by what everybody can see, so that it says nothing of what it hides. Where that does not
    cover it, no row is shown. Zero is shown: it is about nobody.

    Args:
        counts: the number of each row; a row that is absent is zero.
        order: all rows, in an order that does not depend on the numbers.
        fewest: the limit.
    """
    numbers = {row: counts.get(row, 0) for row in order}
    if sum(numbers.values()) == 0:
        return dict.fromkeys(order, NOTHING)
    small = {row for row, number in numbers.items() if 0 < number < fewest}
    if not small:
        return {row: Cell(number) for row, number in numbers.items()}
    cover = next((row for row in order if numbers[row] >= fewest), None)
    if cover is not None:
        together = numbers[cover] + sum(numbers[row] for row in small)
        if together >= len(small) + 2 * fewest - 2:
            kept_back = small | {cover}
            return {row: HIDDEN if row in kept_back else Cell(n) for row, n in numbers.items()}
    return dict.fromkeys(order, HIDDEN)


def crossed(
    counts: Mapping[tuple[str, str], int],
    first: Mapping[str, Cell],
    second: Mapping[str, Cell],
    fewest: int,
) -> dict[tuple[str, str], Cell]:
    """Publish how two tables of one population cross: all of it, or nothing where one number is small.

    A part of it would not do: whoever subtracts what is shown from both tables finds what the rest
    comes to along each of them, which can leave a single way. What nobody is in is shown as zero.

    Args:
        counts: the number of each pair of rows; one that is absent is zero.
        first: the first table as `rows` publishes it.
        second: the second table as `rows` publishes it.
        fewest: the limit.
    """
    hidden = any(0 < number < fewest for number in counts.values())

    def cell(row: str, column: str) -> Cell:
        if not hidden:
            return Cell(counts.get((row, column), 0))
        return NOTHING if NOTHING in (first[row], second[column]) else HIDDEN

    return {(row, column): cell(row, column) for row in first for column in second}
