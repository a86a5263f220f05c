"""The ladder as it stands in the configuration: read with every mistake named, and written back.

What a ladder may not be is said in `fairness`.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Any

from policybot.domain import cure, list_rule, removal
from policybot.domain.closure import Earlier
from policybot.domain.fairness import (
    ALWAYS_TWO,
    LONGEST_HOLD,
    MAY_BE_AUTOMATIC,
    SHORTEST_APPEAL,
    TWO_FROM_AT_MOST,
    check_bands,
    check_grid,
    check_servers,
    check_weights,
)
from policybot.domain.ladder import (
    COLUMNS,
    HOLDS,
    ROWS,
    Grid,
    Ladder,
    Scope,
    Severity,
    Spill,
    Weight,
)
from policybot.domain.measure import Kind, Measure, format_duration
from policybot.domain.plain import Path, Problem, Reader

_STAYABLE = frozenset(f"{s.value}:{k.value}" for s in Scope for k in Kind if k.rank >= 3)  # noqa: PLR2004 - from restrict on
_LONGEST_HALF_LIFE = timedelta(days=3650)
_WORD = re.compile(r"[\w.-]{1,40}")
"""What can be typed as one word of a command."""
_LONGEST_NOTICE = 365
_ADDED = (removal.WORD, list_rule.WORD)
"""What is added to a measure as factors are, and is none."""


class Window(StrEnum):
    """How long an earlier decision counts."""

    STEP = "step"
    """Whole, until it expires on a date."""
    HALF_LIFE = "half_life"
    """Half as much after each half-life, until next to nothing is left or it expires."""


class LadderRefused(Exception):  # noqa: N818 - an answer
    """A ladder that cannot be used, with all that is wrong with it."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        """Keep the list of mistakes."""
        super().__init__("; ".join(f"{'.'.join(map(str, p.path))}: {p.message}" for p in problems))
        self.problems = problems


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


_APPEALS = {"window": format_duration(SHORTEST_APPEAL), "stay": ["room:close"]}
"""What is so where a ladder does not speak of appeals."""
_OPTIONAL = ("measures", "appeals")


def parse(data: Mapping[str, Any]) -> Ladder:
    """Read a ladder from plain data, as YAML or JSON gives it.

    Raises:
        LadderRefused: with every mistake that is in it.
    """
    reader = Reader()
    top = reader.table(data, (), _TOP)
    for key in _TOP:
        if key not in top and key not in _OPTIONAL:
            reader.wrong((), f"«{key}» is missing")
    _check_measures(reader, top)
    parts: dict[str, Any] = {}
    for key, read in _PARTS.items():
        if key in top or key in _OPTIONAL:
            parts |= read(reader, top.get(key, _APPEALS), (key,))
    if reader.problems:
        raise LadderRefused(tuple(reader.problems))
    return Ladder(**parts)


def _check_measures(reader: Reader, top: Mapping[str, Any]) -> None:
    """Check the list of measures, as words or as maps that also say which are timed."""
    order = [kind.value for kind in Kind]
    listed = top.get("measures", order)
    found = [one if isinstance(one, Mapping) else {"id": one} for one in listed or ()]
    if [one.get("id") for one in found] != order:
        reader.wrong(("measures",), f"the measures and their order are fixed: {', '.join(order)}")
        return
    for kind, one in zip(Kind, found, strict=True):
        here = ("measures", kind.rank)
        if reader.table(one, here, ("id", "timed")).get("timed", kind.timed) is not kind.timed:
            said = "has a duration" if kind.timed else "has no duration"
            reader.wrong((*here, "timed"), f"«{kind.value}» {said}")


def _policy(reader: Reader, data: object, path: Path) -> dict[str, Any]:
    table = reader.table(data, path, ("id", "version", "effective_from", "notice_days", "text_url"))
    version, notice = reader.text(table, path, "version"), reader.number(table, path, "notice_days")
    if isinstance(table.get("version"), str) and not _WORD.fullmatch(version):
        said = f"«{version[:40]}» must be one word, such as «2» or «2027-a»: people type it"
        reader.wrong((*path, "version"), said)
    if not 0 <= notice <= _LONGEST_NOTICE:
        reader.wrong((*path, "notice_days"), f"must be from 0 to {_LONGEST_NOTICE}")
    return {
        "id": reader.text(table, path, "id"),
        "version": version,
        "effective_from": reader.time(table, path, "effective_from"),
        "notice_days": notice,
        "text_url": reader.text(table, path, "text_url"),
    }


def _severities(reader: Reader, data: object, path: Path) -> dict[str, Any]:
    table = reader.table(data, path, tuple(ROWS))
    weights: dict[Severity, Weight] = {}
    for row in ROWS:
        here = (*path, row.value)
        if row.value not in table:
            reader.wrong(path, f"«{row.value}» is missing")
            continue
        told = len(reader.problems)
        inner = reader.table(table[row.value], here, ("points", "expires"))
        weight = Weight(reader.number(inner, here, "points"), reader.span(inner, here, "expires"))
        if len(reader.problems) == told:  # what could not be read is compared with nothing
            weights[row] = weight
    check_weights(reader, weights, path)
    return {"severities": weights}


_HISTORY = (
    "window",
    "half_life",
    "counts_only_if_notified_before_act",
    "deemed_notified_after",
    "under_appeal_counts_from",
    "same_incident",
    "bands",
)


def _history(reader: Reader, data: object, path: Path) -> dict[str, Any]:
    table = reader.table(data, path, _HISTORY)
    if table.get("same_incident", "max") != "max":
        reader.wrong((*path, "same_incident"), "must be «max»: a burst counts once")
    if table.get("counts_only_if_notified_before_act", True) is not True:
        reader.wrong(
            (*path, "counts_only_if_notified_before_act"),
            "must be true: nobody is treated as a repeater for what they were not told of",
        )
    here = (*path, "bands")
    bands = reader.table(table.get("bands"), here, tuple(COLUMNS))
    found = {column: reader.number(bands, here, column.value) for column in COLUMNS}
    if all(column.value in bands for column in COLUMNS):
        check_bands(reader, found, here)
    return {
        "half_life": _half_life(reader, table, path),
        "counts_only_if_notified_before_act": True,
        "deemed_notified_after": reader.span(table, path, "deemed_notified_after"),
        "under_appeal_counts_from": _appeal_severity(reader, table, path),
        "bands": found,
    }


def _half_life(reader: Reader, table: Mapping[str, Any], path: Path) -> timedelta | None:
    window = table.get("window", Window.STEP)
    if window not in tuple(Window):
        reader.wrong((*path, "window"), "must be «step» or «half_life»")
        return None
    if window == Window.STEP:
        if "half_life" in table:
            reader.wrong((*path, "half_life"), "means something with «window: half_life» alone")
        return None
    span = reader.span(table, path, "half_life")
    if span.days < 1 or span != timedelta(days=span.days) or span > _LONGEST_HALF_LIFE:
        reader.wrong((*path, "half_life"), "must be whole days, from P1D to P3650D")
        return None
    return span


def _appeal_severity(reader: Reader, table: Mapping[str, Any], path: Path) -> Severity | None:
    value = table.get("under_appeal_counts_from")
    if value is None:
        return None
    if value not in tuple(ROWS):
        reader.wrong((*path, "under_appeal_counts_from"), "must be one of S0 to S4")
        return None
    return Severity(value)


_OF_SCOPE = {Scope.MEMBER: ("grid", "spill"), Scope.ROOM: ("grid", "cure", "before_close")}


def _scopes(reader: Reader, data: object, path: Path) -> dict[str, Any]:
    table = reader.table(data, path, tuple(Scope))
    grids: dict[Scope, Grid] = {}
    more: dict[str, Any] = {}
    for scope in Scope:
        if scope.value in table:
            here = (*path, scope.value)
            inner = reader.table(table[scope.value], here, _OF_SCOPE.get(scope, ("grid",)))
            grids[scope] = _grid(reader, inner.get("grid"), (*here, "grid"))
            if scope is Scope.SERVER:
                check_servers(reader, grids[scope], (*here, "grid"))
            # What another scope may not say is told already.
            if "spill" in inner:
                more["spill"] = _spill(reader, inner["spill"], (*here, "spill"))
            more |= _room(reader, inner, here)
        elif scope is not Scope.SERVER:
            reader.wrong(path, f"«{scope.value}» is missing")
    return {"scopes": grids, **more}


def _spill(reader: Reader, data: object, path: Path) -> Spill:
    table = reader.table(data, path, ("to", "factor", "from_rooms"))
    if table.get("to") != Scope.ACCOUNT:
        reader.wrong((*path, "to"), "must be «account»: there is nothing else to which it could count")
    rooms = reader.number(table, path, "from_rooms")
    if rooms < 2:  # noqa: PLR2004 - more than one
        reader.wrong((*path, "from_rooms"), "must be 2 or more: one room's matters stay in that room")
    return Spill(reader.part(table, path, "factor"), rooms)


def _room(reader: Reader, table: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Read what owners of rooms are given before something is done, if the ladder says so."""
    found: dict[str, Any] = {}
    if "cure" in table:
        found["room_cure"] = span = reader.span(table, path, "cure")
        if not cure.SHORTEST <= span <= cure.LONGEST:
            least, most = format_duration(cure.SHORTEST), format_duration(cure.LONGEST)
            reader.wrong((*path, "cure"), f"must be from {least} to {most}")
    if "before_close" in table:
        names = reader.names(table, path, "before_close")
        if unknown := set(names) - set(Earlier):
            known = " or ".join(Earlier)
            reader.wrong((*path, "before_close"), f"«{min(unknown)}» is unknown; it can be {known}")
        found["before_close"] = tuple(one for one in Earlier if one in names)
    return found


def _grid(reader: Reader, data: object, path: Path) -> Grid:
    table = reader.table(data, path, tuple(ROWS))
    grid: dict[Severity, tuple[Measure, ...]] = {}
    for row in ROWS:
        cells = table.get(row.value)
        if not isinstance(cells, list) or len(cells) != len(COLUMNS):
            reader.wrong((*path, row.value), f"must be a list of {len(COLUMNS)} measures, H0 to H3")
            continue
        grid[row] = tuple(reader.measure(cell, (*path, row.value, n)) for n, cell in enumerate(cells))
    check_grid(reader, grid, path)
    return grid


def _discretion(reader: Reader, data: object, path: Path) -> dict[str, Any]:
    table = reader.table(data, path, ("shift_max", "aggravating", "mitigating", "outside_range"))
    shift = reader.number(table, path, "shift_max")
    if shift not in (0, 1):
        reader.wrong((*path, "shift_max"), "must be 0 or 1: discretion moves one column at most")
    if "outside_range" in table:
        here = (*path, "outside_range")
        inner = reader.table(table["outside_range"], here, ("needs",))
        if not {"reason_text", "second_person"} <= set(reader.names(inner, here, "needs")):
            reader.wrong(here, "always needs reason_text and second_person")
    worse, better = (
        _factors(reader, table, path, "aggravating"),
        _factors(reader, table, path, "mitigating"),
    )
    if both := set(worse) & set(better):
        reader.wrong((*path, "mitigating"), f"«{min(both)}» is among the aggravating ones, too")
    return {"shift_max": shift, "aggravating": worse, "mitigating": better}


def _factors(reader: Reader, table: Mapping[str, Any], path: Path, key: str) -> tuple[str, ...]:
    """Read factors as people add them to a measure: `proposed+newcomer`."""
    found = reader.names(table, path, key)
    for place, name in enumerate(found):
        if name in _ADDED:
            reader.wrong((*path, key, place), f"«{name}» is a word of the command «decide» already")
        elif name != name.lower() or not _WORD.fullmatch(name):
            said = f"«{name[:40]}» must be one word in small letters: people type +newcomer"
            reader.wrong((*path, key, place), said)
    return found


def _approvals(reader: Reader, data: object, path: Path) -> dict[str, Any]:
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


_SHARE = Fraction(1, 20)


def _automation(reader: Reader, data: object, path: Path) -> dict[str, Any]:
    table = reader.table(data, path, ("may", "interim_hold", "breaker"))
    may = frozenset(reader.names(table, path, "may"))
    if beyond := may - MAY_BE_AUTOMATIC:
        reader.wrong((*path, "may"), f"{', '.join(sorted(beyond))} must be done by people")
    here = (*path, "interim_hold")
    hold = reader.table(table.get("interim_hold"), here, ("max", "measures"))
    longest = reader.span(hold, here, "max")
    if not timedelta(0) < longest <= LONGEST_HOLD:
        reader.wrong((*here, "max"), "must be longer than nothing, and PT72H at most without a person")
    held = frozenset(reader.names(hold, here, "measures")) if "measures" in hold else HOLDS
    if beyond := held - HOLDS:
        reader.wrong((*here, "measures"), f"«{min(beyond)}» is none of {', '.join(sorted(HOLDS))}")
    there = (*path, "breaker")
    breaker = reader.table(table.get("breaker"), there, ("max_per_hour", "max_share"))
    share = reader.part(breaker, there, "max_share") if "max_share" in breaker else _SHARE
    hourly = reader.number(breaker, there, "max_per_hour")
    if hourly < 0:
        reader.wrong((*there, "max_per_hour"), "must not be negative; with 0 no rule acts by itself")
    return {
        "automation_may": may,
        "hold_max": longest,
        "hold_measures": held,
        "breaker_per_hour": hourly,
        "breaker_share": float(share),
    }


def _appeals(reader: Reader, data: object, path: Path) -> dict[str, Any]:
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
    """Write a ladder as plain data; `parse` reads it back as the same ladder.

    What a ladder does not say is left out: its fingerprint stays when the format learns something new.
    """
    hold: dict[str, Any] = {"max": format_duration(ladder.hold_max)}
    if ladder.hold_measures != HOLDS:
        hold["measures"] = sorted(ladder.hold_measures)
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
        "history": _dump_history(ladder),
        "scopes": {scope.value: _dump_scope(ladder, scope) for scope in ladder.scopes},
        "discretion": {
            "shift_max": ladder.shift_max,
            "aggravating": list(ladder.aggravating),
            "mitigating": list(ladder.mitigating),
        },
        "approvals": {
            "second_person_from": _dump_least(ladder.second_person_from),
            "always": sorted(ladder.always_two),
        },
        "automation": {
            "may": sorted(ladder.automation_may),
            "interim_hold": hold,
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


def _dump_history(ladder: Ladder) -> dict[str, Any]:
    history: dict[str, Any] = {
        "deemed_notified_after": format_duration(ladder.deemed_notified_after),
        "bands": {column.value: ladder.bands[column] for column in COLUMNS},
    }
    if ladder.under_appeal_counts_from is not None:
        history["under_appeal_counts_from"] = ladder.under_appeal_counts_from.value
    if ladder.half_life is not None:
        history["window"] = Window.HALF_LIFE.value
        history["half_life"] = format_duration(ladder.half_life)
    return history


def _dump_scope(ladder: Ladder, scope: Scope) -> dict[str, Any]:
    grid = ladder.scopes[scope]
    found: dict[str, Any] = {"grid": {row.value: [str(cell) for cell in grid[row]] for row in ROWS}}
    if scope is Scope.MEMBER and ladder.spill is not None:
        found["spill"] = {
            "to": Scope.ACCOUNT.value,
            "factor": str(ladder.spill.factor),
            "from_rooms": ladder.spill.from_rooms,
        }
    if scope is Scope.ROOM and ladder.room_cure is not None:
        found["cure"] = format_duration(ladder.room_cure)
    if scope is Scope.ROOM and ladder.before_close:
        found["before_close"] = [one.value for one in ladder.before_close]
    return found


def _dump_least(least: Measure) -> dict[str, str]:
    found = {"measure": least.kind.value}
    if least.duration is not None:
        found["duration"] = format_duration(least.duration)
    return found
