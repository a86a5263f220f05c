"""A span of whole days for which figures are published: a month, a quarter, a year, or all of them."""

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

_NAME = re.compile(r"(?P<year>\d{4})(?:-(?:(?P<month>0[1-9]|1[0-2])|[Qq](?P<quarter>[1-4])))?")
_MONTHS_A_YEAR = 12


class Grain(StrEnum):
    """The shortest span for which figures are published."""

    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"

    @property
    def months(self) -> int:
        """How many months it has."""
        return {Grain.MONTH: 1, Grain.QUARTER: 3, Grain.YEAR: 12}[self]


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """One month, quarter or year of the calendar, in UTC."""

    start: date
    grain: Grain

    @property
    def end(self) -> date:
        """The first day after it."""
        return _later(self.start, self.grain.months)

    @property
    def name(self) -> str:
        """What it is called in addresses: `2026`, `2026-Q1`, `2026-03`."""
        match self.grain:
            case Grain.YEAR:
                return f"{self.start:%Y}"
            case Grain.QUARTER:
                return f"{self.start:%Y}-Q{(self.start.month + 2) // 3}"
            case Grain.MONTH:
                return f"{self.start:%Y-%m}"

    @property
    def title(self) -> str:
        """What it is called in a sentence."""
        match self.grain:
            case Grain.YEAR:
                return f"{self.start:%Y}"
            case Grain.QUARTER:
                first = ("January", "April", "July", "October")[(self.start.month - 1) // 3]
                last = ("March", "June", "September", "December")[(self.start.month - 1) // 3]
                return f"{first} to {last} {self.start:%Y}"
            case Grain.MONTH:
                return f"{self.start:%B %Y}"

    @property
    def months(self) -> tuple[str, ...]:
        """The months in it, as `2026-03`."""
        return tuple(f"{_later(self.start, n):%Y-%m}" for n in range(self.grain.months))

    def covers(self, other: "Period") -> bool:
        """Say whether all of another one lies in it."""
        return self.start <= other.start and other.end <= self.end


def _later(day: date, months: int) -> date:
    number = day.month - 1 + months
    return date(day.year + number // _MONTHS_A_YEAR, number % _MONTHS_A_YEAR + 1, 1)


def around(day: date, grain: Grain) -> Period:
    """Give the period in which a day lies."""
    return Period(date(day.year, (day.month - 1) // grain.months * grain.months + 1, 1), grain)


def following(last: Period, wanted: Grain) -> Period:
    """Give the next period to publish: as wanted, once a year, a quarter or a month begins with it."""
    at_once = around(last.end, wanted)
    return at_once if at_once.start == last.end else around(last.end, last.grain)


def parse(text: str) -> Period:
    """Read the name of a period.

    Raises:
        ValueError: it is none.
    """
    match = _NAME.fullmatch(text.strip())
    if match is None or match["year"] == "0000" or match["year"] == "9999":
        message = "A period is a year (2026), a quarter (2026-Q1) or a month (2026-03)."
        raise ValueError(message)
    year = int(match["year"])
    if match["month"]:
        return Period(date(year, int(match["month"]), 1), Grain.MONTH)
    if match["quarter"]:
        return Period(date(year, int(match["quarter"]) * 3 - 2, 1), Grain.QUARTER)
    return Period(date(year, 1, 1), Grain.YEAR)
