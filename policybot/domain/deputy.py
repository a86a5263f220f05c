"""The deputy of a room: whom its owner has named to answer for it when they no longer do."""

from dataclasses import dataclass
from datetime import datetime, timedelta

A_DAY, AN_HOUR = timedelta(days=1), timedelta(hours=1)
TO_ONE_PERSON = 3
"""How often somebody is asked within a day to answer for a room or to stand by, whoever asks."""
BY_ONE_OWNER = 3
"""How often an owner asks somebody within an hour, for all their rooms."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The last question whether somebody will be a room's deputy."""

    filing_id: int
    user_id: str
    """Empty once it is over: they declined, were silent, or are no deputy any more."""
    asked_at: datetime
    agreed_at: datetime | None = None
