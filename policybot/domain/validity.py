"""How long a grant is good, and when its holder is reminded: 30, 7 and 1 days before, each once."""

from datetime import datetime, timedelta

REMIND_DAYS = (30, 7, 1)
"""How many days before the end somebody is reminded, the first reminder first."""


def begun(span: timedelta) -> int | None:
    """Say which reminder counts as sent at the beginning: one that would come at once is none."""
    passed = [days for days in REMIND_DAYS if span <= timedelta(days=days)]
    return min(passed, default=None)


def first_reminder(until: datetime) -> datetime:
    """Say when a holder is reminded first, which is when it can be prolonged."""
    return until - timedelta(days=max(REMIND_DAYS))


def reminder(until: datetime, reminded: int | None, now: datetime) -> int | None:
    """Say which reminder is due, as days before the end; of several the nearest, None for none."""
    passed = [days for days in REMIND_DAYS if now >= until - timedelta(days=days)]
    nearest = min(passed, default=None)
    if nearest is None or now >= until or (reminded is not None and reminded <= nearest):
        return None
    return nearest


def in_words(days: int) -> str:
    """Say how long it still is."""
    return "tomorrow" if days == 1 else f"in {days} days"
