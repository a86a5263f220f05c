"""Fading: what is left of a decision's points, day by day, where they halve in a given time.

Whole numbers alone, in thousandths of a point: the same on every machine, and never more on a later
day than on an earlier one.
"""

from datetime import timedelta
from functools import lru_cache
from math import isqrt

MILLI = 1000
"""Thousandths in a point."""
LEAST = 100
"""Thousandths of a point below which nothing counts any more: a tenth."""
_BITS = 40
_ONE = 1 << 64


def _roots() -> tuple[int, ...]:
    """Compute 2 to the power of -1/2, -1/4, -1/8 and so on, as parts of `_ONE`."""
    roots = [isqrt(_ONE // 2 * _ONE)]
    while len(roots) < _BITS:
        roots.append(isqrt(roots[-1] * _ONE))
    return tuple(roots)


_ROOTS = _roots()


def left(points: int, half_life: timedelta, expires: timedelta) -> tuple[int, ...]:
    """Say in thousandths of a point what is left after 0, 1, 2, … whole days, as long as it counts.

    Args:
        points: what counts at first.
        half_life: in which time a half of them goes; whole days, one at least.
        expires: after which time nothing counts, however much is left.
    """
    parts, found = _parts(half_life.days), list[int]()
    for days in range(expires.days + 1):
        halvings, rest = divmod(days, half_life.days)
        value = (points * MILLI * parts[rest] // _ONE) >> halvings
        if value < LEAST:
            break
        found.append(value)
    return tuple(found)


@lru_cache(maxsize=32)
def _parts(whole: int) -> tuple[int, ...]:
    """Compute 2 to the power of 0, -1/whole, -2/whole and so on down to a half, as parts of `_ONE`."""
    return tuple(_part(rest, whole) for rest in range(whole))


def _part(rest: int, whole: int) -> int:
    value = _ONE
    for root in _ROOTS:  # one for each binary digit of rest/whole
        rest *= 2
        if rest >= whole:
            rest -= whole
            value = value * root // _ONE
    return value


def in_words(milli: int) -> str:
    """Say an amount: `3 points`, `2.4 points`; what is behind a tenth is dropped."""
    tenths = milli // LEAST
    whole, part = divmod(tenths, 10)
    number = f"{whole}.{part}" if part else str(whole)
    return f"{number} point{'' if number == '1' else 's'}"
