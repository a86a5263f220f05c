"""The figures of a period as everybody may read them: decided once, the same wherever they are shown.

Longer periods are sums of what was published for shorter ones, so that they say nothing more.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

from policybot.domain.period import Period, parse
from policybot.domain.population import MONTH, POPULATIONS, TIMES, Table, pair
from policybot.domain.suppression import HIDDEN, NOTHING, Cell, crossed, rows, total

Counts = Mapping[str, Mapping[str, int]]
"""By population, then by `table:row`; the whole population under the empty text."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One population as it is published."""

    total: Cell
    tables: Mapping[str, Mapping[str, Cell]]

    def rows(self, table: str) -> Mapping[str, Cell]:
        """Give the rows of a table; none where there is none."""
        return self.tables.get(table, {})

    def has(self, table: str) -> bool:
        """Say whether everything that there is was counted in a table."""
        return table in self.tables or self.total == NOTHING


EMPTY = Shown(NOTHING, {})


@dataclass(frozen=True, slots=True)
class Publication:
    """The figures of one period, or of several together."""

    periods: tuple[Period, ...]
    """Those that were published by themselves, in their order."""
    fewest: int
    """Below which nothing is shown; of several periods the highest."""
    populations: Mapping[str, Shown]

    def of(self, population: str) -> Shown:
        """Give a population."""
        return self.populations.get(population, EMPTY)

    @property
    def reversals(self) -> tuple[Cell, Cell]:
        """How many verdicts changed a decision, and how many there were."""
        verdicts = self.of("verdicts")
        changed = [verdicts.rows("verdict").get(row, NOTHING) for row in ("modify", "overturn")]
        return reduce(add, changed), verdicts.total


def publish(period: Period, counts: Counts, rules: Sequence[str], fewest: int) -> Publication:
    """Decide what is shown of a period.

    Args:
        period: the period; it is over, and all of it is counted.
        counts: what was counted.
        rules: the numbers of the operator's rules, in their order.
        fewest: below which nothing is shown.
    """
    populations = {}
    for population in POPULATIONS:
        found = counts.get(population.key, {})
        tables = {}
        if len(period.months) > 1:
            tables[MONTH] = rows(_split(found, MONTH), period.months, fewest)
        for table in population.tables:
            split = _split(found, table.key)
            if table.of is None:
                tables[table.key] = rows(split, _order(table, split, rules), fewest)
            elif sum(split.values()) == found.get("", 0):
                first, second = (tables[axis] for axis in table.of)
                tables[table.key] = _crossing(split, first, second, fewest)
        populations[population.key] = Shown(total(found.get("", 0), fewest), tables)
    for population in POPULATIONS:
        if any(populations[part].total == HIDDEN for part in population.whole_of):
            shown = populations[population.key].tables
            none = {name: dict.fromkeys(cells, HIDDEN) for name, cells in shown.items()}
            populations[population.key] = Shown(HIDDEN, none)
    return Publication((period,), fewest, populations)


def _crossing(
    split: Mapping[str, int], first: Mapping[str, Cell], second: Mapping[str, Cell], fewest: int
) -> dict[str, Cell]:
    """Publish how two tables cross, by the pairs that somebody is in, or may be."""
    pairs = {(row, column): split.get(pair(row, column), 0) for row in first for column in second}
    shown = crossed(pairs, first, second, fewest)
    return {pair(*key): cell for key, cell in shown.items() if cell != NOTHING}


def _split(found: Mapping[str, int], table: str) -> dict[str, int]:
    prefix = f"{table}:"
    return {row.removeprefix(prefix): n for row, n in found.items() if row.startswith(prefix)}


def _order(table: Table, found: Iterable[str], rules: Sequence[str]) -> list[str]:
    known = [key for key, _ in table.labels] or (list(rules) if table.key == "rule" else [])
    return known + sorted(set(found) - set(known))


def together(parts: Sequence[Publication]) -> Publication:
    """Add up what was published of several periods."""
    keys = dict.fromkeys(key for part in parts for key in part.populations)
    return Publication(
        tuple(period for part in parts for period in part.periods),
        max((part.fewest for part in parts), default=0),
        {key: reduce(_add, (part.of(key) for part in parts)) for key in keys},
    )


def _add(first: Shown, second: Shown) -> Shown:
    # What was not counted yet when one of them was published is not said of both together.
    names = [
        name
        for name in dict.fromkeys([*first.tables, *second.tables])
        if name == MONTH or all(one.has(name) for one in (first, second))
    ]
    return Shown(
        first.total + second.total,
        {name: _add_rows(first.rows(name), second.rows(name)) for name in names},
    )


def _add_rows(first: Mapping[str, Cell], second: Mapping[str, Cell]) -> dict[str, Cell]:
    keys = dict.fromkeys([*first, *second])
    return {key: first.get(key, NOTHING) + second.get(key, NOTHING) for key in keys}


def within(rows: Mapping[str, Cell], share: float) -> str | None:
    """Say within which time a share of something was done; None if that is not said or was nothing.

    Args:
        rows: of a table of times.
        share: between 0 and 1: a half for the median.
    """
    cells = [rows.get(name, HIDDEN) for name in TIMES]
    everything = sum(cell.number for cell in cells)
    if everything == 0 or not all(cell.whole for cell in cells):
        return None
    so_far = 0
    for name, cell in zip(TIMES, cells, strict=True):
        so_far += cell.number
        if so_far >= share * everything:
            return name
    raise AssertionError(rows)


def dump(publication: Publication) -> str:
    """Write it as JSON, in one way only: its fingerprint stands in the audit log."""
    data = {
        "periods": [period.name for period in publication.periods],
        "fewest": publication.fewest,
        "populations": {
            key: {
                "total": _written(shown.total),
                "tables": {
                    name: {row: _written(cell) for row, cell in cells.items()}
                    for name, cells in shown.tables.items()
                },
            }
            for key, shown in publication.populations.items()
        },
    }
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def load(text: str) -> Publication:
    """Read what `dump` wrote."""
    data = json.loads(text)
    return Publication(
        tuple(parse(name) for name in data["periods"]),
        data["fewest"],
        {
            key: Shown(
                _read(shown["total"]),
                {
                    name: {row: _read(cell) for row, cell in cells.items()}
                    for name, cells in shown["tables"].items()
                },
            )
            for key, shown in data["populations"].items()
        },
    )


def _written(cell: Cell) -> int | None:
    assert cell.whole or cell == HIDDEN, "a sum is not kept"
    return cell.number if cell.whole else None


def _read(number: int | None) -> Cell:
    return HIDDEN if number is None else Cell(number)
