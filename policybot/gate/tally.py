"""What was refused, counted until policybot has heard of it, and no longer."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from policybot.domain.refusal import Refusal
from policybot.gate.wire import ms

BATCH = 200
"""Entries that are told at once."""
_MOST = 10_000
"""Entries that wait for policybot; what is refused beyond them is refused all the same, and not told."""
_What = tuple[str, str | None, str, str]
"""Code, rule, room, and person."""


class Tally:
    """Refusals by what they are: the same thing again counts, and takes no more room."""

    def __init__(self) -> None:
        """Count nothing yet."""
        self._waiting: dict[_What, tuple[datetime, int]] = {}
        self._told: dict[_What, tuple[datetime, int]] = {}
        self.number = 0
        """Of the batch that is being told; the same until policybot has heard it."""

    def __len__(self) -> int:
        """Count the entries that policybot has not heard of."""
        return len(self._waiting) + len(self._told)

    def add(self, refusal: Refusal, room_id: str, user_id: str, at: datetime) -> None:
        """Count a refusal."""
        what = (refusal.code.value, refusal.rule_id, room_id, user_id)
        known = self._waiting.get(what)
        if known is None and len(self._waiting) >= _MOST:
            return
        self._waiting[what] = (at, known[1] + 1 if known else 1)

    def batch(self) -> list[Mapping[str, Any]]:
        """Write what is to be told now: the batch before, as long as nobody has heard it."""
        if not self._told and self._waiting:
            chosen = list(self._waiting)[:BATCH]
            self._told = {what: self._waiting.pop(what) for what in chosen}
            self.number += 1
        return [
            {"code": code, "rule": rule, "room": room, "user": user, "at": ms(at), "count": count}
            for (code, rule, room, user), (at, count) in self._told.items()
        ]

    def heard(self, number: int) -> None:
        """Forget a batch that policybot has heard."""
        if number == self.number:
            self._told = {}
