"""A licence of the operator: when its people are reminded that it ends."""

from dataclasses import dataclass
from datetime import date

EXPIRED = -1
"""Stands for the reminder that a licence has ended."""
BEFORE = (90, 30, 7)
"""Days before its end on which people are reminded."""


@dataclass(frozen=True, slots=True)
class Licence:
    """A licence or registration under which the operator works."""

    title: str
    number: str
    issuer: str
    valid_until: date | None
    """Its last day; None if it has no end."""
    link: str | None

    @property
    def key(self) -> str:
        """By what a reminder is remembered: a licence that was renewed is reminded of anew."""
        return f"{self.issuer} {self.number} {self.valid_until}"

    def days_left(self, today: date) -> int | None:
        """Count the days until its last; below zero it has ended, None means that it never does."""
        return None if self.valid_until is None else (self.valid_until - today).days


def due(licence: Licence, today: date) -> int | None:
    """Say which reminder is due: the days before the end, or EXPIRED; of several the latest alone."""
    left = licence.days_left(today)
    if left is None:
        return None
    if left < 0:
        return EXPIRED
    return min((days for days in BEFORE if left <= days), default=None)


def in_words(licence: Licence, today: date) -> str:
    """Write the reminder for the operator's people."""
    left = licence.days_left(today)
    what = f"Your licence «{licence.title}», number {licence.number} of {licence.issuer}"
    if left is None:
        return f"{what}, has no end."
    mend = (
        "When it is renewed, write its new end into operator.licences in the configuration and restart; "
        "until then the public page says what is true."
    )
    if left < 0:
        return f"{what}, ended on {licence.valid_until:%-d %B %Y}. {mend}"
    days = "today" if left == 0 else "in 1 day" if left == 1 else f"in {left} days"
    return f"{what}, ends {days}, on {licence.valid_until:%-d %B %Y}. {mend}"
