"""Plain data, as YAML or JSON gives it, read with every mistake named by its place."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from fractions import Fraction
from typing import Any, TypeVar

from policybot.domain.measure import Kind, Measure, parse_duration

Path = tuple[str | int, ...]
T = TypeVar("T")
LEAST = timedelta(days=1)
"""What stands in for a duration that cannot be read."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake, and where it stands."""

    path: Path
    message: str


class Reader:
    """Reads values out of plain data and collects what is wrong with them."""

    def __init__(self) -> None:
        """Begin without a mistake."""
        self.problems: list[Problem] = []

    def wrong(self, path: Path, message: str) -> None:
        """Note a mistake."""
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

    def get(self, table: Mapping[str, Any], path: Path, key: str, kind: type[T]) -> T | None:
        """Read a value of a type; a missing one is a mistake."""
        if key not in table:
            self.wrong(path, f"«{key}» is missing")
            return None
        value = table[key]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            self.wrong((*path, key), f"must be {_NAMES[kind]}, not {value!r}")
            return None
        return value

    def number(self, table: Mapping[str, Any], path: Path, key: str) -> int:
        """Read a whole number."""
        return self.get(table, path, key, int) or 0

    def text(self, table: Mapping[str, Any], path: Path, key: str) -> str:
        """Read a text."""
        return self.get(table, path, key, str) or ""

    def span(self, table: Mapping[str, Any], path: Path, key: str) -> timedelta:
        """Read a duration."""
        text = self.get(table, path, key, str)
        try:
            return LEAST if text is None else parse_duration(text)
        except ValueError as error:
            self.wrong((*path, key), str(error))
            return LEAST

    def time(self, table: Mapping[str, Any], path: Path, key: str) -> datetime:
        """Read a time, of UTC if it names no zone."""
        value = table.get(key)
        try:
            value = datetime.fromisoformat(value) if isinstance(value, str) else value
            if isinstance(value, datetime):
                return in_utc(value)
        except ValueError:
            pass
        self.wrong((*path, key), "must be a time such as 2026-01-31T00:00:00Z")
        return datetime(2000, 1, 1, tzinfo=UTC)

    def part(self, table: Mapping[str, Any], path: Path, key: str) -> Fraction:
        """Read a part of one, such as `1/2` or `0.05`: more than nothing, and one at the most."""
        value = table.get(key)
        try:
            part = None if isinstance(value, bool) else Fraction(str(value))
        except (ValueError, ZeroDivisionError):
            part = None
        if part is None or not 0 < part <= 1:
            self.wrong((*path, key), "must be a share such as 1/2, more than 0 and 1 at the most")
            return Fraction(1)
        return part

    def names(self, table: Mapping[str, Any], path: Path, key: str) -> tuple[str, ...]:
        """Read a list of words."""
        found = self.get(table, path, key, list) or []
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


def in_utc(value: datetime) -> datetime:
    """Give a time as one of UTC, also if it names no zone.

    Raises:
        ValueError: in UTC it is before the first year, or behind the last one.
    """
    try:
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError:
        message = "must be a time such as 2026-01-31T00:00:00Z"
        raise ValueError(message) from None


_NAMES: dict[type, str] = {str: "text", int: "a whole number", list: "a list", dict: "a map"}
