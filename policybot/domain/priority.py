"""Priority: the order in which cases want to be looked at, as a sum that explains itself.

One point counts as much as one hour: what has eight points and is due in five hours stands before
what has four and is due in two. So the order of two cases stays as it is while time passes, and is kept
as one moment: when a case is due, less an hour for each point. It orders the queue, and decides nothing.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import log2

from policybot.domain.ladder import Severity
from policybot.domain.report import UNSORTED

HOUR = timedelta(hours=1)
_STEP = 3
"""Points of one step of severity: a graver case may be due three hours later."""
_MOST_ALIKE = 8
"""Reporters from one homeserver about one room that count; more of them say nothing new."""
_HOLD = 6
"""Points of a case in which somebody thought that it could not wait."""
_TRUSTED = 12
"""Points of a case that a trusted flagger has reported, however many: as from the least severity to the
gravest (article 22 of Regulation (EU) 2022/2065: their notices are given priority)."""
USUAL = 0.5
"""What a reporter counts of whom nothing is known."""


@dataclass(frozen=True, slots=True)
class Standard:
    """What the operator's rules say of the order: how grave each can be, and when it is due."""

    rules: Mapping[str, tuple[Severity, timedelta]]
    unsorted: Severity
    """What counts where no rule is named."""
    look_within: timedelta


@dataclass(frozen=True, slots=True)
class Voice:
    """A report, as far as it counts here."""

    reporter: str
    rule_id: str
    """The number of the rule that it names, or `UNSORTED`."""
    room_id: str | None
    at: datetime
    weight: float = USUAL
    """Between 0 and 1: how often this reporter was right. It stands in no text."""
    trusted: bool = False
    """Whether it was taken as one of a trusted flagger."""

    @property
    def origin(self) -> tuple[str, str | None]:
        """Tell those apart who hardly act together: by their homeserver and by the room.

        Of those without an account nobody knows how many people they are: they come from one place.
        """
        name, _, server = self.reporter.partition(":")
        return (name if name == "guest" else server), self.room_id


@dataclass(frozen=True, slots=True)
class Sight:
    """A finding by a rule, as far as it counts here."""

    rule_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Priority:
    """What a case has for itself, and when it is due."""

    parts: tuple[tuple[str, int], ...]
    """Words with their points."""
    due_at: datetime
    rules: tuple[str, ...] = ()
    """The rules that are named."""

    @property
    def points(self) -> int:
        """The sum, without time."""
        return sum(points for _, points in self.parts)

    @property
    def rank(self) -> datetime:
        """What cases are ordered by; the earliest is first."""
        return self.due_at - self.points * HOUR

    def explained(self, now: datetime) -> str:
        """Write the sum as a moderator reads it."""
        hours = hours_left(self.due_at, now)
        parts = [*self.parts, (due_in_words(self.due_at, now), -hours)]
        said = ", ".join(f"{words} ({_signed(points)})" for words, points in parts)
        return f"Priority {_plain(self.points - hours)}: {said}"


def worked_out(
    standard: Standard,
    opened_at: datetime,
    voices: Sequence[Voice],
    sights: Sequence[Sight] = (),
    *,
    held: bool = False,
) -> Priority:
    """Work out the priority of a case from what is known of it."""
    usual = standard.unsorted, standard.look_within
    known = [(v.rule_id, v.at) for v in voices] + [(s.rule_id, s.at) for s in sights]
    named = tuple(dict.fromkeys(rule_id for rule_id, _ in known))
    graves = [standard.rules.get(rule_id, usual)[0] for rule_id in named] or [standard.unsorted]
    gravest = max(graves)
    parts = [(f"severity up to {gravest.value}", _STEP * list(Severity).index(gravest))]
    if voices:
        parts.append(_heard(voices))
    if any(voice.trusted for voice in voices):
        parts.append(("reported by a trusted flagger", _TRUSTED))
    if sights:
        number = len(sights)
        what = f"{number} messages" if number > 1 else "1 message"
        parts.append((f"{what} found by machine", round(log2(1 + number))))
    if held:
        parts.append(("was put on hold", _HOLD))
    # What came before it was opened again was answered then.
    dues = [max(at, opened_at) + standard.rules.get(rule_id, usual)[1] for rule_id, at in known]
    due_at = min(dues, default=opened_at + standard.look_within)
    rules = tuple(rule_id for rule_id in named if rule_id != UNSORTED)
    return Priority(tuple(parts), due_at, rules)


def _heard(voices: Sequence[Voice]) -> tuple[str, int]:
    """Count reporters: each once, few of those who may act together, more of them ever less."""
    heaviest: dict[str, Voice] = {}
    for voice in voices:
        if (other := heaviest.get(voice.reporter)) is None or other.weight < voice.weight:
            heaviest[voice.reporter] = voice
    alike: Counter[tuple[str, str | None]] = Counter()
    counted, weight = 0, 0.0
    for voice in sorted(heaviest.values(), key=lambda one: -one.weight):
        alike[voice.origin] += 1
        if alike[voice.origin] <= _MOST_ALIKE:
            counted, weight = counted + 1, weight + voice.weight
    number = len(heaviest)
    words = f"{number} reporters" if number > 1 else "1 reporter"
    if counted < number:
        words += f", counted as {counted} for many are from one homeserver or have no account"
    return words, round(2 * log2(1 + weight))


def hours_left(due_at: datetime, now: datetime) -> int:
    """Give the hours until a case is due; less than nothing when it is overdue."""
    return round((due_at - now) / HOUR)


def due_in_words(due_at: datetime, now: datetime) -> str:
    """Say when a case is due."""
    hours = hours_left(due_at, now)
    if due_at <= now:
        return f"overdue for {-hours} h" if hours else "overdue"
    return f"due in {hours} h" if hours else "due now"


def in_short(rank: datetime, due_at: datetime, now: datetime, *, flagged: bool = False) -> str:
    """Write it for one line of the queue; `flagged` is what a trusted flagger has reported."""
    points = round((due_at - rank) / HOUR)
    said = f"priority {_plain(points - hours_left(due_at, now))}, {due_in_words(due_at, now)}"
    return f"{said}, reported by a trusted flagger" if flagged else said


def _signed(points: int) -> str:
    return f"+{points}" if points >= 0 else _plain(points)


def _plain(points: int) -> str:
    return f"−{-points}" if points < 0 else str(points)
