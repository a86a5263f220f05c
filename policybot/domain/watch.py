"""A watch over an account that is to stay suspended: who finds it free sets it right, and not for ever.

What an administrator of the homeserver undoes again and again must not become a war: after three times
within a day people are called, and it rests until the day is over.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from policybot.domain.deviation import DAY, MOST, Answer


@dataclass(frozen=True, slots=True)
class Watch:
    """One account that is to be suspended, and how often it was found free within a day."""

    user_id: str
    count: int = 0
    counted_since: datetime | None = None
    free: bool = False
    """Whether it was found free the last time."""


def looked(watch: Watch, now: datetime, *, suspended: bool, mend: bool) -> tuple[Watch, Answer]:
    """Say what becomes of an account as it was found."""
    if suspended:
        return replace(watch, free=False), Answer.NOTHING
    over = watch.counted_since is None or now - watch.counted_since >= DAY
    count, since = (0, now) if over else (watch.count, watch.counted_since)
    if watch.free and (not mend or count > MOST):
        return watch, Answer.NOTHING  # people know
    counted = Watch(watch.user_id, count + 1, since, free=True)
    if not mend:
        return counted, Answer.TELL if count <= MOST else Answer.NOTHING
    if count >= MOST:
        return counted, Answer.GIVE_UP if count == MOST else Answer.NOTHING
    return counted, Answer.MEND_AND_TELL if count == 0 else Answer.MEND
