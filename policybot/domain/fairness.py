"""Fairness: what no ladder may be, whatever its operator writes.

A grid that is milder for the graver act or the longer history is refused, as are a closure for less than
the gravest, more than a warning for a first slight act, one person where two are needed, and automation
beyond what may happen without a person.
"""

from datetime import timedelta
from itertools import pairwise

from policybot.domain.ladder import (
    COLUMNS,
    FIRST_AT_MOST,
    GUARANTEED,
    ROWS,
    Grid,
    History,
    Severity,
    Weight,
)
from policybot.domain.measure import Kind, Measure, format_duration
from policybot.domain.plain import Path, Reader

ALWAYS_TWO = frozenset(
    {"close", "identity_reveal", "filing_revoke", "qualification_revoke", "server_block"}
)
"""Acts that need two people whatever the configuration says."""
TWO_FROM_AT_MOST = Measure(Kind.SUSPEND, timedelta(days=30))
MAY_BE_AUTOMATIC = frozenset({"acknowledge", "route", "propose", "expire", "lift", "interim_hold"})
LONGEST_HOLD = timedelta(hours=72)
SHORTEST_APPEAL = timedelta(days=183)
"""Six months, as Article 20(1) of Regulation (EU) 2022/2065 asks."""


def check_weights(reader: Reader, weights: dict[Severity, Weight], path: Path) -> None:
    """Refuse points that fall with the severity, and ones that are gone sooner."""
    for row, weight in weights.items():
        if weight.points < 0:
            reader.wrong((*path, row.value, "points"), "must not be negative")
    for (low, less), (high, more) in pairwise(weights.items()):
        if more.points < less.points:
            reader.wrong((*path, high.value, "points"), f"must not be less than those of {low.value}")
        if more.expires < less.expires:
            reader.wrong((*path, high.value, "expires"), f"must not be sooner than that of {low.value}")


def check_bands(reader: Reader, bands: dict[History, int], path: Path) -> None:
    """Refuse columns that do not rise from nothing."""
    if bands[History.H0] != 0:
        reader.wrong((*path, "H0"), "must be 0: everybody begins there")
    for low, high in pairwise(COLUMNS):
        if bands[high] <= bands[low]:
            reader.wrong((*path, high.value), f"must be more than {low.value}")


def check_grid(reader: Reader, grid: Grid, path: Path) -> None:
    """Refuse a grid in which more is answered with less, or the least with too much.

    Cells that could not be read are told already and compared with nothing.
    """
    unreadable = {problem.path for problem in reader.problems}
    cells = {
        (row, column): cell
        for row, measures in grid.items()
        for place, (column, cell) in enumerate(zip(COLUMNS, measures, strict=True))
        if (*path, row.value, place) not in unreadable
    }
    for (row, column), cell in cells.items():
        here = (*path, row.value, COLUMNS.index(column))
        for other, what in (
            (_left_of(row, column), "longer history"),
            (_above(row, column), "graver act"),
        ):
            before = cells.get(other) if other else None
            if other and before and cell < before:
                reader.wrong(
                    here,
                    f"{row.value}/{column.value} ({cell}) is milder than "
                    f"{other[0].value}/{other[1].value} ({before}): a {what} must not be answered "
                    "more mildly",
                )
        if cell.kind is Kind.CLOSE and row is not Severity.S4:
            reader.wrong(here, "«close» is for S4 alone")
        if column is History.H0 and row in GUARANTEED and cell > FIRST_AT_MOST:
            reader.wrong(here, f"a first {row.value} is answered with a warning at most")


def check_servers(reader: Reader, grid: Grid, path: Path) -> None:
    """Refuse on servers what cannot be done to one."""
    for row, measures in grid.items():
        for place, cell in enumerate(measures):
            if cell.kind is Kind.RESTRICT:
                instead = f"suspend {format_duration(cell.duration)}" if cell.duration else "suspend"
                reader.wrong(
                    (*path, row.value, place),
                    f"«{cell}» is not possible: Matrix can shut a server out of a room or let it in, "
                    f"and nothing between. Write «warn», or «{instead}»",
                )


def _left_of(row: Severity, column: History) -> tuple[Severity, History] | None:
    place = COLUMNS.index(column)
    return (row, COLUMNS[place - 1]) if place else None


def _above(row: Severity, column: History) -> tuple[Severity, History] | None:
    place = ROWS.index(row)
    return (ROWS[place - 1], column) if place else None
