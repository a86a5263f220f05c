"""A hold: a room is frozen at once and for a short time, while a report on it is looked at.

It decides nothing and counts for nothing later. It ends by itself, cannot be followed by another, and
its time is credited to a timed measure that is decided in the same case.
"""

from datetime import datetime, timedelta

from policybot.domain.errors import OutOfOrder
from policybot.domain.measure import Kind, Measure

LONGEST = timedelta(hours=72)
"""Floor in code: no hold lasts longer, whoever orders it."""
PAUSE = timedelta(hours=72)
"""How long after its end a room cannot be held again: holds are no chain."""
MEASURE = Measure(Kind.SUSPEND, LONGEST)


def check_pause(last_end: datetime | None, now: datetime) -> None:
    """Check that a room may be held, given until when it was held the last time.

    Raises:
        OutOfOrder: that is too short a time ago.
    """
    if last_end is None or now >= last_end + PAUSE:
        return
    free = last_end + PAUSE
    message = (
        f"This room was put on hold already, until {last_end:%-d %B %Y, %H:%M} UTC. Holds are no chain: "
        f"another is possible from {free:%-d %B %Y, %H:%M} UTC on. To go on, decide the case."
    )
    raise OutOfOrder(message)
