"""A measure: what is done about a breach, and for how long."""

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

LONGEST = timedelta(days=36500)
"""No duration is longer, so that a time with it is a time."""
_SHOWN = 40
_DURATION = re.compile(r"P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?", re.ASCII)


class Kind(StrEnum):
    """The measures, from the mildest to the harshest."""

    NONE = "none"
    ADVISE = "advise"
    WARN = "warn"
    RESTRICT = "restrict"
    SUSPEND = "suspend"
    CLOSE = "close"

    @property
    def rank(self) -> int:
        """The place in the order of harshness, from 0."""
        return _ORDER.index(self)

    @property
    def timed(self) -> bool:
        """Whether the measure is for a time."""
        return self in (Kind.RESTRICT, Kind.SUSPEND)


_ORDER = tuple(Kind)

_WORDS = {
    Kind.NONE: "no measure",
    Kind.ADVISE: "advice, without any record",
    Kind.WARN: "a warning",
}
_ON = {
    ("member", Kind.RESTRICT): "no posting in the room",
    ("member", Kind.SUSPEND): "exclusion from the room",
    ("member", Kind.CLOSE): "exclusion from the room",
    ("account", Kind.RESTRICT): "no posting in any governed room",
    ("account", Kind.SUSPEND): "suspension of the account",
    ("account", Kind.CLOSE): "closure of the account",
    ("locked", Kind.CLOSE): "closure of the account, which is locked",
    ("remote", Kind.RESTRICT): "no posting in any governed room",
    ("remote", Kind.SUSPEND): "exclusion from all governed rooms",
    ("remote", Kind.CLOSE): "exclusion from all governed rooms",
    ("room", Kind.RESTRICT): "posts by its moderators alone",
    ("room", Kind.SUSPEND): "suspension of the room",
    ("room", Kind.CLOSE): "closure of the room",
    ("server", Kind.SUSPEND): "exclusion of the server from all governed rooms",
    ("server", Kind.CLOSE): "exclusion of the server from all governed rooms",
}


def parse_duration(text: str) -> timedelta:
    """Read an ISO 8601 duration of weeks, days, hours, minutes and seconds, such as `P3D`.

    Raises:
        ValueError: it is none, or longer than a hundred years; years and months are none, because their
            length varies.
    """
    match = _DURATION.fullmatch(text)
    if match is None or not any(match.groups()):
        message = f"«{text[:_SHOWN]}» is no duration; write P3D for three days, PT12H for twelve hours"
        raise ValueError(message)
    try:
        weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
        span = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    except (OverflowError, ValueError):  # more digits than Python counts
        span = timedelta.max
    if span > LONGEST:
        message = f"«{text[:_SHOWN]}» is too long; P{LONGEST.days}D, a hundred years, is the most"
        raise ValueError(message)
    return span


def format_duration(span: timedelta) -> str:
    """Write a duration as `parse_duration` reads it."""
    hours, rest = divmod(span.seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    clock = "".join(f"{n}{unit}" for n, unit in ((hours, "H"), (minutes, "M"), (seconds, "S")) if n)
    days = f"{span.days}D" if span.days or not clock else ""
    return f"P{days}{'T' + clock if clock else ''}"


def duration_in_words(span: timedelta) -> str:
    """Say a duration: `3 days`, `1 day 12 hours`."""
    hours, rest = divmod(span.seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    parts = ((span.days, "day"), (hours, "hour"), (minutes, "minute"), (seconds, "second"))
    said = [f"{n} {unit}{'' if n == 1 else 's'}" for n, unit in parts if n]
    return " ".join(said) or "no time"


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure; measures are ordered by harshness, then by duration."""

    kind: Kind
    duration: timedelta | None = None

    def __post_init__(self) -> None:
        """Refuse a timed measure without a time, and a time for any other."""
        if self.kind.timed and self.duration is None:
            message = f"{self.kind.value} needs a duration, such as {self.kind.value}:P3D"
            raise ValueError(message)
        if not self.kind.timed and self.duration is not None:
            message = f"{self.kind.value} takes no duration"
            raise ValueError(message)
        if self.duration is not None and self.duration <= timedelta(0):
            message = f"{self.kind.value} needs a duration that is longer than nothing"
            raise ValueError(message)

    @classmethod
    def parse(cls, text: str) -> "Measure":
        """Read `warn`, `restrict P3D` or `restrict:P3D`.

        Raises:
            ValueError: it is no measure.
        """
        name, _, span = text.strip().replace(":", " ", 1).partition(" ")
        try:
            kind = Kind(name.lower())
        except ValueError:
            known = ", ".join(k.value for k in Kind)
            message = f"«{name}» is no measure; the measures are {known}"
            raise ValueError(message) from None
        return cls(kind, parse_duration(span.strip().upper()) if span.strip() else None)

    def __str__(self) -> str:
        """Write it as `parse` reads it."""
        if self.duration is None:
            return self.kind.value
        return f"{self.kind.value} {format_duration(self.duration)}"

    @property
    def weight(self) -> tuple[int, timedelta]:
        """What measures are compared by."""
        return self.kind.rank, self.duration or timedelta(0)

    def __lt__(self, other: "Measure") -> bool:
        """Say whether this is milder."""
        return self.weight < other.weight

    def __le__(self, other: "Measure") -> bool:
        """Say whether this is not harsher."""
        return self.weight <= other.weight

    def in_words(self, scope: str) -> str:
        """Say what is done to a `member`, an `account`, a `room` or a `server`."""
        said = _WORDS.get(self.kind) or _ON.get((scope, self.kind), self.kind.value)
        if self.duration is None:
            return said
        return f"{said} for {duration_in_words(self.duration)}"
