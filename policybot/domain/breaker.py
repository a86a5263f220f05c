"""A breaker: when a rule that acts by itself reaches so many that people have to look at it first."""

from collections.abc import Collection
from datetime import datetime

FEWEST = 5
"""People whom a rule may reach whatever the share: of few writers a share says nothing."""
_MOST = 200_000
"""People who are remembered; beyond it those who wrote longest ago are not."""


class Writers:
    """Who wrote in governed rooms lately: in memory alone, the one who wrote last at the end."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._last: dict[str, datetime] = {}

    def note(self, user_id: str, now: datetime) -> None:
        """Remember that somebody writes."""
        self._last.pop(user_id, None)
        self._last[user_id] = now
        if len(self._last) > _MOST:
            del self._last[next(iter(self._last))]

    def count(self, since: datetime) -> int:
        """Count those who wrote after a time, and forget the others."""
        for user_id, at in list(self._last.items()):
            if at > since:
                break
            del self._last[user_id]
        return len(self._last)


def reaches_too_many(reached: Collection[str], writers: int, share: float) -> bool:
    """Say whether a rule reaches more than a share of those who wrote in the same time."""
    return len(reached) > max(FEWEST, share * writers)
