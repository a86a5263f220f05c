"""Deviations: something that differs in a room, and how often it is set right and told.

What is undone again and again must not become a war, nor a flood of messages: after three times a day
people are called, and it rests until the day is over.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from policybot.domain.drift import Difference, Kind

MOST = 3
"""How often a day the same thing is set right, or told; then it rests until the day is over."""
DAY = timedelta(days=1)


class Answer(StrEnum):
    """What is done about something that differs."""

    NOTHING = "nothing"
    MEND = "mend"
    MEND_AND_TELL = "mend and tell"
    TELL = "tell"
    GIVE_UP = "give up"
    """Tell that it is changed again and again, and leave it for today."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """Something that differs in a room, or did so within the last day."""

    room_id: str
    kind: Kind
    words: str
    since: datetime
    ended_at: datetime | None = None
    """When it was over; None while it differs."""
    mending: bool = False
    """Whether it was to be set right when it was last seen."""
    count: int = 0
    """How often it was set right or told since `counted_since`."""
    counted_since: datetime | None = None


def met(
    known: Deviation | None, room_id: str, found: Difference, now: datetime, *, mend: bool
) -> tuple[Deviation, Answer]:
    """Say what becomes of something that differs.

    Args:
        known: what is known of it, if anything is.
        room_id: the room.
        found: what differs now.
        now: the present.
        mend: whether it can and may be set right.
    """
    open_ = known is not None and known.ended_at is None
    since = known.since if known is not None and open_ else now
    fresh = known is None or known.counted_since is None or now - known.counted_since >= DAY
    count = 0 if known is None or fresh else known.count
    first = Deviation(room_id, found.kind, found.words, since, None, mend, count)
    started = now if fresh or known is None else known.counted_since
    if open_ and known is not None and not mend and not known.mending:
        return replace(first, count=known.count, counted_since=known.counted_since), Answer.NOTHING
    if count > MOST:
        # Counted on only when it comes back, so that its end is told once.
        return replace(first, count=count + (not open_), counted_since=started), Answer.NOTHING
    counted = replace(first, count=count + 1, counted_since=started)
    if counted.count > MOST:
        return counted, Answer.GIVE_UP
    if not mend:
        return counted, Answer.TELL
    return counted, Answer.MEND_AND_TELL if counted.count == 1 else Answer.MEND


def over(known: Deviation, now: datetime) -> tuple[Deviation, bool]:
    """Note that something differs no more; say whether people are told, who were told that it does."""
    told = not known.mending or known.count > MOST
    return replace(known, ended_at=now), told and known.count <= MOST + 1
