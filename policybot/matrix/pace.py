"""The pace: how many commands of one sender are carried out in a minute, and what more of them hear.

In memory, for it guards the database. Nothing is left undone without a word: whoever is too fast is
told once in the minute. Reports, objections and appeals are counted apart, for they must not be lost
among other commands. An event that the homeserver sends again is counted once.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

log = logging.getLogger(__name__)

COMMANDS = 30
COMPLAINTS = 60
"""Reports, objections and appeals; of what somebody has said already each is refused by itself."""
SENDERS = 10_000
"""People who are remembered; of more than that in one minute only complaints are taken."""
_COMPLAINTS = ("report", "object", "appeal")

TOO_MANY = (
    "That was more than thirty commands within a minute. I did nothing with this one, and do nothing "
    "with those after it: please send them again in a minute. Reports, objections and appeals I still "
    "take."
)
TOO_MANY_COMPLAINTS = (
    "That was more than sixty reports, objections and appeals within a minute. I did nothing with this "
    "one, and do nothing with those after it: please send them again in a minute."
)


@dataclass(slots=True)
class _Count:
    """What somebody has sent in this minute, and with which event they were told that it is enough."""

    done: set[str] = field(default_factory=set)
    told: str = ""


class Pace:
    """Counts the commands of everybody."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        """Ask for the time."""
        self._now = now
        self._minute: datetime | None = None
        self._warned = False
        self._counts: dict[tuple[str, bool], _Count] = {}

    def stops(self, sender: str, event_id: str, verb: str) -> str | None:
        """Count a command. None if it is to be carried out, else what to say; mostly nothing."""
        now = self._now()
        if self._minute is None or now - self._minute >= timedelta(minutes=1):
            self._minute, self._counts, self._warned = now, {}, False
        complaint = verb in _COMPLAINTS
        most, words = (COMPLAINTS, TOO_MANY_COMPLAINTS) if complaint else (COMMANDS, TOO_MANY)
        count = self._counts.get((sender, complaint))
        if count is None:
            if len(self._counts) >= SENDERS:
                return None if complaint else self._crowded()
            count = self._counts[sender, complaint] = _Count()
        if event_id in count.done or len(count.done) < most:
            count.done.add(event_id)
            return None
        count.told = count.told or event_id
        return words if event_id == count.told else ""

    def _crowded(self) -> str:
        if not self._warned:
            self._warned = True
            log.warning(
                "So many people give commands that for a minute I take reports and appeals alone"
            )
        return ""
