"""A hold: a room is frozen, or somebody kept from posting, at once, while a report on it is looked at.

It decides nothing and counts for nothing later. It ends by itself, cannot be followed by another, and
its time is credited to a timed measure that is decided in the same case.
"""

from datetime import datetime, timedelta

from policybot.domain.errors import OutOfOrder
from policybot.domain.ladder import Scope
from policybot.domain.measure import Kind, Measure, duration_in_words

LONGEST = timedelta(hours=72)
"""Floor in code: no hold lasts longer, whoever orders it."""
PAUSE = timedelta(hours=72)
"""How long after its end the same cannot be held again: holds are no chain."""
_ROOM = Measure(Kind.SUSPEND, LONGEST)
_PERSON = Measure(Kind.RESTRICT, LONGEST)
_ON = {
    Scope.MEMBER: "hold on posting in the room",
    Scope.ACCOUNT: "hold on posting in all governed rooms",
    Scope.ROOM: "hold on the room",
}
_HELD = {Scope.MEMBER: "This member", Scope.ACCOUNT: "This account", Scope.ROOM: "This room"}


def measure(scope: Scope) -> Measure:
    """Say what a hold does: a room is frozen, a person only reads."""
    return _ROOM if scope is Scope.ROOM else _PERSON


def in_words(scope: Scope, span: timedelta | None) -> str:
    """Say what is held, and for how long at most."""
    return f"{_ON.get(scope, 'hold')} for at most {duration_in_words(span or timedelta(0))}"


def check_pause(last_end: datetime | None, now: datetime, scope: Scope = Scope.ROOM) -> None:
    """Check that something may be held, given until when it was held the last time.

    Raises:
        OutOfOrder: that is too short a time ago.
    """
    if last_end is None or now >= last_end + PAUSE:
        return
    free = last_end + PAUSE
    message = (
        f"{_HELD.get(scope, 'This')} was put on hold already, until {last_end:%-d %B %Y, %H:%M} UTC. "
        f"Holds are no chain: another is possible from {free:%-d %B %Y, %H:%M} UTC on. To go on, decide "
        "the case."
    )
    raise OutOfOrder(message)
