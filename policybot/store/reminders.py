"""What is due to be reminded of: one condition for every table with `valid_until` and `reminded`."""

from datetime import datetime, timedelta

from policybot.domain.validity import REMIND_DAYS
from policybot.store.database import to_ms

DUE = "valid_until > $1 AND valid_until <= $2 AND ({})".format(
    " OR ".join(
        f"(valid_until <= ${place} AND (reminded IS NULL OR reminded > {days}))"
        for place, days in enumerate(REMIND_DAYS, 2)
    )
)
"""Rows of which a reminder is due; its first values are `moments`."""
LIMIT = f"${len(REMIND_DAYS) + 2}"
"""The value after them."""


def moments(now: datetime) -> list[int]:
    """Give the values that the condition asks for."""
    return [to_ms(now), *(to_ms(now + timedelta(days=days)) for days in REMIND_DAYS)]
