"""The deputy of a room: whom its owner has named to answer for it when they no longer do."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Asked:
    """The last question whether somebody will be a room's deputy."""

    filing_id: int
    user_id: str
    """Empty once it is over: they declined, were silent, or are no deputy any more."""
    asked_at: datetime
    agreed_at: datetime | None = None
