"""The ladder as it stands in the configuration: read with every mistake named, and written back.

A ladder that could be unfair is refused: a grid that is milder for the graver act or the longer
history, a closure for less than the gravest, more than a warning for a first slight act, one person
where the code asks for two, automation beyond what the code allows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from itertools import pairwise
from typing import Any, TypeVar

from policybot.domain.ladder import (
    COLUMNS,
    FIRST_AT_MOST,
    GUARANTEED,
    ROWS,
    Grid,
    History,
    Ladder,
    Scope,
    Severity,
    Weight,
)
from policybot.domain.measure import Kind, Measure, format_duration, parse_duration

Path = tuple[str | int, ...]
T = TypeVar("T")

ALWAYS_TWO = frozenset(
    {"close", "identity_reveal", "filing_revoke", "qualification_revoke", "server_block"}
)
"""Acts that need two people whatever the configuration says."""
TWO_FROM_AT_MOST = Measure(Kind.SUSPEND, timedelta(days=30))
MAY_BE_AUTOMATIC = frozenset({"acknowledge", "route", "propose", "expire", "lift", "interim_hold"})
LONGEST_HOLD = timedelta(hours=72)
SHORTEST_APPEAL = timedelta(days=183)
"""Six months, as Article 20(1) of Regulation (EU) 2022/2065 asks."""

_STAYABLE = frozenset(f"{s.value}:{k.value}" for s in Scope for k in Kind if k.rank >= 3)  # noqa: PLR2004 - from restrict on


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake, and where it stands."""

    path: Path
    message: str


class LadderRefused(Exception):  # noqa: N818 - an answer
    """A ladder that cannot be used, with all that is wrong with it."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        """Keep the list of mistakes."""
        super().__init__("; ".join(f"{'.'.join(map(str, p.path))}: {p.message}" for p in problems))
        self.problems = problems


class _Reader:
    """Reads values out of plain data and collects what is wrong with them."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def wrong(self, path: Path, message: str) -> None:
        self.problems.append(Problem(path, message))

    def table(self, data: object, path: Path, keys: tuple[str, ...]) -> Mapping[str, Any]:
        """Read a map that has these keys and no others."""
        if not isinstance(data, Mapping):
            self.wrong(path, "must be a map")
            return {}
        for key in data:
            if key not in keys:
                near = get_close_matches(str(key), keys, n=1)
                hint = f"; did you mean «{near[0]}»?" if near else ""
                self.wrong((*path, str(key)), f"unknown key{hint}")
        return data

    def get(self, table: Mapping[str, Any], path: Path, key: str, kind: type[T], default: T) -> T:
        """Read a value of a type; a missing one is a mistake."""
        if key not in table:
            self.wrong(path, f"«{key}» is missing")
            return default
        value = table[key]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            self.wrong((*path, key), f"must be {_TYPES[kind]}, not {value!r}")
            return default
        return value

    def span(self, table: Mapping[str, Any], path: Path, key: str) -> timedelta:
        """Read a duration."""
        text = self.get(table, path, key, str, "P1D")
        try:
            return parse_duration(text)
        except ValueError as error:
            self.wrong((*path, key), str(error))
            return timedelta(days=1)

    def names(self, table: Mapping[str, Any], path: Path, key: str) -> tuple[str, ...]:
        """Read a list of words."""
        found = self.get(table, path, key, list, [])
        if not all(isinstance(name, str) for name in found):
            self.wrong((*path, key), "must be a list of words")
            return ()
        return tuple(found)

    def measure(self, text: object, path: Path) -> Measure:
        """Read a measure."""
        try:
            return Measure.parse(text if isinstance(text, str) else str(text))
        except ValueError as error:
            self.wrong(path, str(error))
            return Measure(Kind.NONE)


_TYPES: dict[type, str] = {str: "text", int: "a whole number", list: "a list", dict: "a map"}

_TOP = (
    "policy",
    "measures",
    "severities",
    "history",
    "scopes",
    "discretion",
    "approvals",
    "automation",
    "appeals",
)


def parse(data: Mapping[str, Any]) -> Ladder:
    """Read a ladder from plain data, as YAML or JSON gives it.

    Raises:
        LadderRefused: with every mistake that is in it.
    """
    reader = _Reader()
    top = reader.table(data, (), _TOP)
    for key in _TOP:
        if key not in top and key != "measures":
            reader.wrong((), f"«{key}» is missing")
    if reader.problems and not isinstance(data, Mapping):
        raise LadderRefused(tuple(reader.problems))
    _check_measures(reader, top)
    parts: dict[str, Any] = {}
    for key, read in _PARTS.items():
        if key in top:
            parts |= read(reader, top[key], (key,))
    if reader.problems:
        raise LadderRefused(tuple(reader.problems))
    return Ladder(**parts)


def _check_measures(reader: _Reader, top: Mapping[str, Any]) -> None:
    listed = top.get("measures")
    order = [k.value for k in Kind]
    if listed is not None and listed != order:
        reader.wrong(("measures",), f"the measures and their order are fixed: {', '.join(order)}")


def _policy(reader: _Reader, data: object, path: Path) -> dict[str, Any]:
    table = reader.table(data, path, ("id", "version", "effective_from", "notice_days", "text_url"))
    return {
        "id": reader.get(table, path, "id", str, ""),
        "version": reader.get(table, path, "version", str, ""),
        "effective_from": _time(reader, table, path),
        "notice_days": reader.get(table, path, "notice_days", int, 0),
        "text_url": reader.get(table, path, "text_url", str, ""),
    }


def _time(reader: _Reader, table: Mapping[str, Any], path: Path) -> datetime:
    value = table.get("effective_from")
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            value = None
    if not isinstance(value, datetime):
        reader.wrong((*path, "effective_from"), "must be a time such as 2026-01-31T00:00:00Z")
        return datetime(2000, 1, 1, tzinfo=UTC)
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _severities(reader: _Reader, data: object, path: Path) -> dict[str, Any]:
    table = reader.table(data, path, tuple(ROWS))
    weights: dict[Severity, Weight] = {}
    for row in ROWS:
        here = (*path, row.value)
        if row.value not in table:
            reader.wrong(path, f"«{row.value}» is missing")
            continue
        inner = reader.table(table[row.value], here, ("points", "expires"))
        points = reader.get(inner, here, "points", int, 0)
        weights[row] = Weight(points, reader.span(inner, here, "expires"))
        if points < 0:
            reader.wrong((*here, "points"), "must not be negative")
    for (low, less), (high, more) in pairwise(weights.items()):
        if more.points < less.points:
            reader.wrong((*path, high.value, "points"), f"must not be less than those of {low.value}")
        if more.expires < less.expires:
            reader.wrong((*path, high.value, "expires"), f"must not be sooner than that of {low.value}")
    return {"severities": weights}


def _history(reader: _Reader, data: object, path: Path) -> dict[str, Any]:
    keys = (
        "window",
        "counts_only_if_notified_before_act",
        "deemed_notified_after",
        "under_appeal_counts_from",
        "same_incident",
        "bands",
    )
    table = reader.table(data, path, keys)
    if table.get("window", "step") != "step":
        reader.wrong((*path, "window"), "only «step» is there: whole decisions expire on a date")
    if table.get("same_incident", "max") != "max":
        reader.wrong((*path, "same_incident"), "must be «max»: a burst counts once")
    if table.get("counts_only_if_notified_before_act", True) is not True:
        reader.wrong(
            (*path, "counts_only_if_notified_before_act"),
            "must be true: nobody is treated as a repeater for what they were not told of",
        )
    return {
        "counts_only_if_notified_before_act": True,
        "deemed_notified_after": reader.span(table, path, "deemed_notified_after"),
        "under_appeal_counts_from": _appeal_severity(reader, table, path),
        "bands": _bands(reader, table.get("bands"), (*path, "bands")),
    }


def _appeal_severity(reader: _Reader, table: Mapping[str, Any], path: Path) -> Severity | None:
    value = table.get("under_appeal_counts_from")
    if value is None:
        return None
    if value not in tuple(ROWS):
        reader.wrong((*path, "under_appeal_counts_from"), "must be one of S0 to S4")
        return None
    return Severity(value)


def _bands(reader: _Reader, data: object, path: Path) -> dict[History, int]:
    table = reader.table(data, path, tuple(COLUMNS))
    bands = {column: reader.get(table, path, column.value, int, 0) for column in COLUMNS}
    if bands[History.H0] != 0:
        reader.wrong((*path, "H0"), "must be 0: everybody begins there")
    for low, high in pairwise(COLUMNS):
        if high.value in table and bands[high] <= bands[low]:
            reader.wrong((*path, high.value), f"must be more than {low.value}")
    return bands


def _scopes(reader: _Reader, data: object, path: Path) -> dict[str, Any]:
    table = reader.table(data, path, tuple(Scope))
    grids: dict[Scope, Grid] = {}
    for scope in Scope:
        if scope.value in table:
            here = (*path, scope.value)
            inner = reader.table(table[scope.value], here, ("grid",))
            grids[scope] = _grid(reader, inner.get("grid"), (*here, "grid"))
        elif scope is not Scope.SERVER:
            reader.wrong(path, f"«{scope.value}» is missing")
    return {"scopes": grids}


def _grid(reader: _Reader, data: object, path: Path) -> Grid:
    table = reader.table(data, path, tuple(ROWS))
    grid: dict[Severity, tuple[Measure, ...]] = {}
    for row in ROWS:
        cells = table.get(row.value)
        if not isinstance(cells, list) or len(cells) != len(COLUMNS):
            reader.wrong((*path, row.value), f"must be a list of {len(COLUMNS)} measures, H0 to H3")
            continue
        grid[row] = tuple(reader.measure(cell, (*path, row.value, n)) for n, cell in enumerate(cells))
    _check_fair(reader, grid, path)
    return grid


def _check_fair(reader: _Reader, grid: Grid, path: Path) -> None:
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


def _left_of(row: Severity, column: History) -> tuple[Severity, History] | None:
    place = COLUMNS.index(column)
    return (row, COLUMNS[place - 1]) if place else None


def _above(row: Severity, column: History) -> tuple[Severity, History] | None:
    place = ROWS.index(row)
    return (ROWS[place - 1], column) if place else None


def _discretion(reader: _Reader, data: object, path: Path) -> dict[str, Any]:
    table = reader.table(data, path, ("shift_max", "aggravating", "mitigating", "outside_range"))
    shift = reader.get(table, path, "shift_max", int, 1)
    if shift not in (0, 1):
        reader.wrong((*path, "shift_max"), "must be 0 or 1: discretion moves one column at most")
    if "outside_range" in table:
        here = (*path, "outside_range")
        needs = reader.table(table["outside_range"], here, ("needs",)).get("needs", [])
        if not isinstance(needs, list) or not {"reason_text", "second_person"} <= set(needs):
            reader.wrong(here, "always needs reason_text and second_person")
    return {
        "shift_max": shift,
        "aggravating": reader.names(table, path, "aggravating"),
        "mitigating": reader.names(table, path, "mitigating"),
    }


def _approvals(reader: _Reader, data: object, path: Path) -> dict[str, Any]:
    table = reader.table(data, path, ("second_person_from", "always"))
    here = (*path, "second_person_from")
    inner = reader.table(table.get("second_person_from"), here, ("measure", "duration"))
    text = f"{inner.get('measure', '')} {inner.get('duration', '')}".strip()
    least = reader.measure(text, here)
    if least > TWO_FROM_AT_MOST:
        reader.wrong(here, f"must not be later than {TWO_FROM_AT_MOST}")
    always = frozenset(reader.names(table, path, "always"))
    if lacking := ALWAYS_TWO - always:
        reader.wrong((*path, "always"), f"must also name {', '.join(sorted(lacking))}")
    return {"second_person_from": least, "always_two": always}


def _automation(reader: _Reader, data: object, path: Path) -> dict[str, Any]:
    table = reader.table(data, path, ("may", "interim_hold", "breaker"))
    may = frozenset(reader.names(table, path, "may"))
    if beyond := may - MAY_BE_AUTOMATIC:
        reader.wrong((*path, "may"), f"{', '.join(sorted(beyond))} must be done by people")
    here = (*path, "interim_hold")
    hold = reader.table(table.get("interim_hold"), here, ("max", "measures"))
    longest = reader.span(hold, here, "max")
    if longest > LONGEST_HOLD:
        reader.wrong((*here, "max"), "must not be longer than PT72H without a person")
    there = (*path, "breaker")
    breaker = reader.table(table.get("breaker"), there, ("max_per_hour", "max_share"))
    share = breaker.get("max_share", 0.05)
    if not isinstance(share, int | float) or not 0 < share <= 1:
        reader.wrong((*there, "max_share"), "must be a share between 0 and 1")
        share = 0.05
    return {
        "automation_may": may,
        "hold_max": longest,
        "breaker_per_hour": reader.get(breaker, there, "max_per_hour", int, 20),
        "breaker_share": float(share),
    }


def _appeals(reader: _Reader, data: object, path: Path) -> dict[str, Any]:
    table = reader.table(data, path, ("window", "stay"))
    window = reader.span(table, path, "window")
    if window < SHORTEST_APPEAL:
        reader.wrong((*path, "window"), "must be P183D or longer")
    stay = frozenset(reader.names(table, path, "stay"))
    if unknown := stay - _STAYABLE:
        reader.wrong((*path, "stay"), f"«{min(unknown)}» is not a scope:measure such as room:close")
    return {"appeal_window": window, "appeal_stay": stay}


_PARTS = {
    "policy": _policy,
    "severities": _severities,
    "history": _history,
    "scopes": _scopes,
    "discretion": _discretion,
    "approvals": _approvals,
    "automation": _automation,
    "appeals": _appeals,
}


def dump(ladder: Ladder) -> dict[str, Any]:
    """Write a ladder as plain data; `parse` reads it back as the same ladder."""
    least = ladder.second_person_from
    approvals: dict[str, str] = {"measure": least.kind.value}
    if least.duration is not None:
        approvals["duration"] = format_duration(least.duration)
    history: dict[str, Any] = {
        "deemed_notified_after": format_duration(ladder.deemed_notified_after),
        "bands": {column.value: ladder.bands[column] for column in COLUMNS},
    }
    if ladder.under_appeal_counts_from is not None:
        history["under_appeal_counts_from"] = ladder.under_appeal_counts_from.value
    return {
        "policy": {
            "id": ladder.id,
            "version": ladder.version,
            "effective_from": ladder.effective_from.isoformat(),
            "notice_days": ladder.notice_days,
            "text_url": ladder.text_url,
        },
        "severities": {
            row.value: {"points": weight.points, "expires": format_duration(weight.expires)}
            for row, weight in ladder.severities.items()
        },
        "history": history,
        "scopes": {
            scope.value: {"grid": {row.value: [str(cell) for cell in grid[row]] for row in ROWS}}
            for scope, grid in ladder.scopes.items()
        },
        "discretion": {
            "shift_max": ladder.shift_max,
            "aggravating": list(ladder.aggravating),
            "mitigating": list(ladder.mitigating),
        },
        "approvals": {"second_person_from": approvals, "always": sorted(ladder.always_two)},
        "automation": {
            "may": sorted(ladder.automation_may),
            "interim_hold": {"max": format_duration(ladder.hold_max)},
            "breaker": {
                "max_per_hour": ladder.breaker_per_hour,
                "max_share": ladder.breaker_share,
            },
        },
        "appeals": {
            "window": format_duration(ladder.appeal_window),
            "stay": sorted(ladder.appeal_stay),
        },
    }
