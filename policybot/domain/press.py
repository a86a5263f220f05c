"""A press of a client's report button, and how far the homeserver's lists of presses are read.

A list is in the order of time, oldest first, and is read by offset. An offset moves when somebody
deletes a report, an ID is given again when the newest one is deleted, and what was noted first may
appear second. So a page has to begin with something that is known; what is near its end is read again
for a while; and a press is known by its ID together with its time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from policybot.domain.case import Subject

PAGE = 50
"""Presses that are read at once."""
SETTLED = timedelta(minutes=1)
"""How long after another a press may appear that was noted before it."""


class Kind(StrEnum):
    """Which list a press stands in."""

    EVENTS = "events"
    USERS = "users"


@dataclass(frozen=True, slots=True)
class Press:
    """One report as the homeserver lists it."""

    kind: Kind
    id: int
    at: datetime
    """When the button was pressed, by the homeserver's clock."""
    reporter: str
    subject: Subject | None
    """None if it is about nothing that could be named."""
    text: str
    """What the reporter wrote, if anything: it can be whatever a client sends."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a list is read on."""

    start: int
    """The offset of the next page; it begins with something from `mark` or before."""
    mark: datetime
    """All that was pressed before is taken."""


def begun(newest: Sequence[Press], total: int, since: datetime) -> Cursor:
    """Begin a list of `total` presses, of which a page of the newest is given, newest first.

    What was pressed before `since` is left alone; what came later is taken, that page at most. The mark
    is the homeserver's time, for its clock may be behind ours.
    """
    later = [press for press in newest if press.at >= since]
    if len(later) < len(newest):
        mark = newest[len(later)].at + timedelta(milliseconds=1)
    else:
        mark = later[-1].at if later else datetime.fromtimestamp(0, UTC)
    return Cursor(max(0, total - len(later) - 1), mark)


def fits(cursor: Cursor, rows: Sequence[Press]) -> bool:
    """Say whether nothing stands between what is known and a page: else reports were deleted."""
    return cursor.start == 0 or (bool(rows) and rows[0].at <= cursor.mark)


def behind(cursor: Cursor, reach: int) -> Cursor:
    """Go back in a list that has become shorter."""
    return replace(cursor, start=max(0, cursor.start - reach))


def fresh(cursor: Cursor, rows: Sequence[Press]) -> list[Press]:
    """Name the presses of a page that may not be taken yet, oldest first."""
    return [press for press in rows if press.at >= cursor.mark]


def advanced(cursor: Cursor, rows: Sequence[Press], *, more: bool) -> Cursor:
    """Go on to where the next page begins, once a page is taken.

    It begins with the last one that is settled; where very many are pressed at once, in the middle of
    the page at least.
    """
    settled = [n for n, press in enumerate(rows) if press.at <= rows[-1].at - SETTLED]
    if more and rows:
        settled.append(min(PAGE // 2, len(rows) - 1))
    if not settled:
        return cursor
    last = max(settled)
    return Cursor(cursor.start + last, max(cursor.mark, rows[last].at))
