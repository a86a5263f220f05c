"""The ladder: severity and history of a breach give the measure that is proposed for it.

The severity of *this* act picks the row of a grid, the history of its author the column; the cell is
the proposal, and the neighbours in its row are the permitted range. Points exist only to find the
column, so no sum ever triggers anything. The file it is read from is `ladder_file`.

What counts as history, and what does not:
- a decision counts once its person knows of it, and only for what they do afterwards;
- while it is under appeal it counts from a severity that the operator names, or not at all;
- it must be unexpired both when the new act happened and when it is decided, so that a slow decision
  never hurts;
- of one incident only the worst counts, and what is void counts as if it had never been;
- where the ladder says so, points halve in a given time, and decisions in several rooms count in part
  for the account as a whole, which alone never moves it further than to the second column.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction

from policybot.domain import fading
from policybot.domain.closure import Earlier
from policybot.domain.fading import MILLI
from policybot.domain.measure import Kind, Measure


class Severity(StrEnum):
    """How grave an act is; a row of the grid."""

    S0 = "S0"
    S1 = "S1"
    S2 = "S2"
    S3 = "S3"
    S4 = "S4"


class History(StrEnum):
    """How much went before; a column of the grid."""

    H0 = "H0"
    H1 = "H1"
    H2 = "H2"
    H3 = "H3"


class Scope(StrEnum):
    """Whose ledger an act is counted in."""

    MEMBER = "member"
    """One person in one room."""
    ACCOUNT = "account"
    ROOM = "room"
    SERVER = "server"


class StrikeState(StrEnum):
    """Whether an earlier decision holds."""

    FINAL = "final"
    UNDER_APPEAL = "under_appeal"
    VOID = "void"


_FINAL = StrikeState.FINAL
_SAME = "same incident"
_OVER = "it is over"
_UNTOLD = "its person was not told yet"
ROWS = tuple(Severity)
COLUMNS = tuple(History)
_LAST = len(COLUMNS) - 1
GUARANTEED = (Severity.S0, Severity.S1, Severity.S2)
"""Severities for which the first act of a person brings a warning at most."""
FIRST_AT_MOST = Measure(Kind.WARN)
HOLDS = frozenset({"member_hold", "room_hold"})
"""What can be held for a time without a person."""

Grid = Mapping[Severity, tuple[Measure, ...]]


@dataclass(frozen=True, slots=True)
class Weight:
    """What an act of one severity counts, and for how long."""

    points: int
    expires: timedelta


@dataclass(frozen=True, slots=True)
class Spill:
    """How decisions about a person in single rooms count for their account as a whole."""

    factor: Fraction
    """The part of their points that counts, rounded down to whole points."""
    from_rooms: int
    """In how many rooms there have to be such decisions; below that none counts."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """One version of the operator's ladder; `ladder_file.parse` makes only sound ones."""

    id: str
    version: str
    effective_from: datetime
    notice_days: int
    text_url: str
    severities: Mapping[Severity, Weight]
    bands: Mapping[History, int]
    """The points from which on each column applies."""
    counts_only_if_notified_before_act: bool
    deemed_notified_after: timedelta
    under_appeal_counts_from: Severity | None
    scopes: Mapping[Scope, Grid]
    shift_max: int
    aggravating: tuple[str, ...]
    mitigating: tuple[str, ...]
    second_person_from: Measure
    always_two: frozenset[str]
    automation_may: frozenset[str]
    hold_max: timedelta
    breaker_per_hour: int
    breaker_share: float
    appeal_window: timedelta
    appeal_stay: frozenset[str]
    """Measures that rest while an appeal is decided, as `scope:measure`."""
    half_life: timedelta | None = None
    """In which time points halve; None if a decision counts whole until it expires."""
    spill: Spill | None = None
    room_cure: timedelta | None = None
    """How long the owner of a room has to put a slight breach right; None if the ladder is silent."""
    before_close: tuple[Earlier, ...] = ()
    """What is to be tried before a room is closed."""
    hold_measures: frozenset[str] = HOLDS
    """What a rule may hold by itself."""
    lasts: Mapping[Severity, timedelta] = field(init=False, compare=False, repr=False)
    """For how long a decision of each severity counts, from its act on."""
    left: Mapping[Severity, tuple[int, ...]] = field(init=False, compare=False, repr=False)
    """What it counts after so many whole days, in thousandths of a point; the last stays."""
    steps: tuple[int, ...] = field(init=False, compare=False, repr=False)
    """Where the columns begin, in thousandths of a point."""

    def __post_init__(self) -> None:
        """Work out what every proposal needs."""
        lasts: dict[Severity, timedelta] = {}
        left: dict[Severity, tuple[int, ...]] = {}
        for severity, weight in self.severities.items():
            lasts[severity], left[severity] = weight.expires, (weight.points * MILLI,)
            if not weight.points:
                lasts[severity] = timedelta(0)
            elif self.half_life is not None:
                left[severity] = fading.left(weight.points, self.half_life, weight.expires)
                lasts[severity] = min(weight.expires, timedelta(days=len(left[severity])))
        object.__setattr__(self, "lasts", lasts)
        object.__setattr__(self, "left", left)
        object.__setattr__(self, "steps", tuple(self.bands[column] * MILLI for column in COLUMNS))

    def weight(self, strike: "Strike", now: datetime) -> int:
        """Say what a decision that counts does count at a time, in thousandths of a point."""
        left = self.left[strike.severity]
        if len(left) == 1:
            return left[0]
        days = (now - strike.occurred_at).days
        if days >= len(left):
            return left[-1]
        return left[days] if days > 0 else left[0]

    @property
    def most_spilled(self) -> int:
        """The most that decisions in rooms count for an account: alone not beyond the second column."""
        return self.steps[2] - MILLI


@dataclass(frozen=True, slots=True)
class Strike:
    """An earlier decision, as the ladder counts it."""

    case: str
    scope: Scope
    key: str
    """Whose it is: the ledger of the act, also for what was decided in a room and the act was not."""
    severity: Severity
    occurred_at: datetime
    notified_at: datetime | None
    """When its person knew of it, or is deemed to have known; None if they were never told."""
    incident: str
    state: StrikeState = StrikeState.FINAL
    room: str = ""
    """In which room, for what counts in one room."""


@dataclass(frozen=True, slots=True)
class Act:
    """The act that is to be decided."""

    scope: Scope
    key: str
    severity: Severity
    occurred_at: datetime
    decided_at: datetime
    incident: str
    aggravating: frozenset[str] = field(default=frozenset())
    mitigating: frozenset[str] = field(default=frozenset())

    @property
    def weighed_at(self) -> datetime:
        """When earlier decisions are weighed: neither a late decision nor a late look hurts."""
        return max(self.occurred_at, self.decided_at)


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the ladder proposes, and how it came to it."""

    ladder: Ladder
    act: Act
    milli: int
    """All that counts, in thousandths of a point."""
    band: History
    column: History
    """The column after aggravating and mitigating factors."""
    cell: Measure
    mildest: Measure
    harshest: Measure
    counted: tuple[Strike, ...]
    left: tuple[tuple[Strike, str], ...]
    """What does not count, each with the reason; `not_counted` says it with the day."""
    next: Measure
    """What the same act would bring the next time."""
    spilled: int = 0
    """What counts from decisions in rooms, in thousandths of a point."""

    @property
    def points(self) -> int:
        """All that counts, in whole points."""
        return self.milli // MILLI

    @property
    def not_counted(self) -> tuple[tuple[Strike, str], ...]:
        """Give the earlier decisions that do not count, each with the reason in words."""
        return tuple((s, _over(self.ladder, s) if why is _OVER else why) for s, why in self.left)

    def explain(self) -> tuple[str, ...]:
        """Say line by line how the proposal came about; its subject may read the same."""
        lines = [self._counted(s) for s in sorted(self.counted, key=_in_time)]
        apart = sorted(self.not_counted, key=lambda one: _in_time(one[0]))
        lines += [f"not counted: {s.case} ({why})" for s, why in apart]
        lines = [*lines, *self._from_rooms()] if lines else ["no earlier decisions"]
        lines.append(f"history: {fading.in_words(self.milli)}, column {self.band.value}")
        if self.column is not self.band:
            names = ", ".join(sorted(self.act.aggravating | self.act.mitigating))
            lines.append(f"moved to column {self.column.value} for: {names}")
        lines.append(f"proposed: {self.cell} (row {self.act.severity.value})")
        lines.append(f"permitted: {self.range_in_words}")
        lines.append(f"the same again would be: {self.next}")
        return tuple(lines)

    def _counted(self, strike: Strike) -> str:
        what = f"{strike.severity.value}, {strike.occurred_at:%-d %B %Y}"
        if strike.scope is not self.act.scope:
            what += ", in one room"
        if self.ladder.half_life is not None:
            now = self.ladder.weight(strike, self.act.weighed_at)
            whole = self.ladder.severities[strike.severity].points
            what += f"; {fading.in_words(now)} of {whole} left"
        return f"counted: {strike.case} ({what})"

    def _from_rooms(self) -> list[str]:
        """Say what decisions in rooms count for an account."""
        spill = self.ladder.spill
        if spill is None or all(s.scope is self.act.scope for s in self.counted):
            return []
        said = f"from rooms: {fading.in_words(self.spilled)}, for such decisions count at {spill.factor}"
        if self.spilled == self.ladder.most_spilled:
            said += f", and {fading.in_words(self.spilled)} at the most"
        return [said]

    @property
    def range_in_words(self) -> str:
        """The measures that one person may choose from."""
        if self.mildest == self.harshest:
            return f"{self.cell} alone"
        return f"{self.mildest} to {self.harshest}"

    def permits(self, measure: Measure) -> bool:
        """Say whether one person may choose that measure."""
        return self.mildest <= measure <= self.harshest


def _in_time(strike: Strike) -> tuple[datetime, str]:
    return strike.occurred_at, strike.case


def propose(ladder: Ladder, act: Act, ledger: Iterable[Strike]) -> Proposal:
    """Propose a measure for an act.

    Args:
        ladder: the ladder in force.
        act: the act.
        ledger: earlier decisions, in any order; those of other ledgers are ignored.

    Raises:
        ValueError: the ladder has no such scope, or the act names a factor that it does not know.
    """
    now = act.weighed_at
    counted, in_rooms, left = _sift(ladder, act, now, ledger)
    total, spilled = _sum(ladder, counted, now), 0
    if in_rooms and ladder.spill is not None:
        in_rooms, apart = _in_rooms(ladder, ladder.spill, now, in_rooms)
        spilled = _spilled(ladder, ladder.spill, _sum(ladder, in_rooms, now))
        counted, total, left = counted + in_rooms, total + spilled, left + apart
    place = bisect_right(ladder.steps, total) - 1
    column = _moved(place, _shift(ladder, act))
    whole = _row(ladder, act)
    row = _first(whole, act) if total == 0 else whole
    permitted = row[max(place - ladder.shift_max, 0) : place + ladder.shift_max + 1]
    after = total + ladder.severities[act.severity].points * MILLI
    return Proposal(
        ladder=ladder,
        act=act,
        milli=total,
        band=COLUMNS[place],
        column=COLUMNS[column],
        cell=row[column],
        mildest=permitted[0],
        harshest=permitted[-1],
        counted=tuple(counted),
        left=tuple(left),
        next=whole[bisect_right(ladder.steps, after) - 1],
        spilled=spilled,
    )


def _sift(
    ladder: Ladder, act: Act, now: datetime, ledger: Iterable[Strike]
) -> tuple[list[Strike], list[Strike], list[tuple[Strike, str]]]:
    """Tell the earlier decisions that count, and those in rooms that may, from the rest with reasons."""
    key, incident, occurred_at = act.key, act.incident, act.occurred_at
    must_know, lasts = ladder.counts_only_if_notified_before_act, ladder.lasts
    counted: list[Strike] = []
    in_rooms: list[Strike] = []
    left: list[tuple[Strike, str]] = []
    kinds = {act.scope: counted}
    if ladder.spill is not None and act.scope is Scope.ACCOUNT:
        kinds[Scope.MEMBER] = in_rooms
    for strike in ledger:
        found = kinds.get(strike.scope)
        if found is None or strike.key != key:
            continue
        if strike.state is not _FINAL and (why := _unsettled(ladder, strike)):
            pass
        elif strike.incident == incident:
            why = "it belongs to the same incident"
        elif must_know and ((told := strike.notified_at) is None or told > occurred_at):
            why = _UNTOLD if told is None else "its person knew of it only after this act"
        # The milder clock: neither a late decision nor a late look makes an expired one count.
        elif strike.occurred_at + lasts[strike.severity] <= now:
            why = _OVER
        else:
            found.append(strike)
            continue
        left.append((strike, why))
    counted, same = _worst(ladder, now, counted)
    return counted, in_rooms, left + same


def _worst(
    ladder: Ladder, now: datetime, strikes: list[Strike]
) -> tuple[list[Strike], list[tuple[Strike, str]]]:
    """Let of each incident only the worst count, of equals the first."""
    if len({strike.incident for strike in strikes}) == len(strikes):
        return strikes, []
    worst: dict[str, Strike] = {}
    for strike in sorted(strikes, key=_in_time):
        known = worst.get(strike.incident)
        if known is None or ladder.weight(strike, now) > ladder.weight(known, now):
            worst[strike.incident] = strike
    same = [(s, f"{_SAME} as {worst[s.incident].case}") for s in strikes if s is not worst[s.incident]]
    return list(worst.values()), same


def _in_rooms(
    ladder: Ladder, spill: Spill, now: datetime, strikes: list[Strike]
) -> tuple[list[Strike], list[tuple[Strike, str]]]:
    """Tell the decisions in rooms that count for an account from those that do not."""
    counted, left = _worst(ladder, now, strikes)
    if len({strike.room for strike in strikes}) >= spill.from_rooms:
        return counted, left
    why = f"only from {spill.from_rooms} rooms on such decisions count for the account"
    return [], left + [(strike, why) for strike in counted]


def _spilled(ladder: Ladder, spill: Spill, milli: int) -> int:
    """Say how much of what decisions in rooms count there counts for an account, in whole points."""
    part, of = spill.factor.as_integer_ratio()
    whole = milli * part // (of * MILLI) * MILLI
    return min(whole, ladder.most_spilled)


def _sum(ladder: Ladder, counted: list[Strike], now: datetime) -> int:
    return sum([ladder.weight(strike, now) for strike in counted])


def _unsettled(ladder: Ladder, strike: Strike) -> str:
    """Say why a decision that is not final does not count; empty if it may."""
    if strike.state is StrikeState.VOID:
        return "it was overturned"
    least = ladder.under_appeal_counts_from
    return "it is under appeal" if least is None or strike.severity < least else ""


def _over(ladder: Ladder, strike: Strike) -> str:
    """Say why and since when a decision counts no more."""
    weight, lasts = ladder.severities[strike.severity], ladder.lasts[strike.severity]
    if weight.points == 0:
        return "its severity carries no points"
    what = "expired" if lasts == weight.expires else "had faded away"
    return f"it {what} on {strike.occurred_at + lasts:%-d %B %Y}"


def _moved(place: int, by: int) -> int:
    moved = place + by
    return 0 if moved < 0 else min(moved, _LAST)


def _shift(ladder: Ladder, act: Act) -> int:
    """Find how far the factors move the column: one way, the other, or not at all."""
    if not act.aggravating and not act.mitigating:
        return 0
    unknown = (act.aggravating - set(ladder.aggravating)) | (act.mitigating - set(ladder.mitigating))
    if unknown:
        message = f"unknown factor: {min(unknown)}"
        raise ValueError(message)
    return ladder.shift_max * (bool(act.aggravating) - bool(act.mitigating))


def _row(ladder: Ladder, act: Act) -> tuple[Measure, ...]:
    """Give the row of the grid that an act is in."""
    grid = ladder.scopes.get(act.scope)
    if grid is None:
        message = f"the ladder has no grid for {act.scope.value}"
        raise ValueError(message)
    return grid[act.severity]


def _first(row: tuple[Measure, ...], act: Act) -> tuple[Measure, ...]:
    """Give the row of a first act: a slight one gets a warning at most."""
    return tuple(min(cell, FIRST_AT_MOST) for cell in row) if act.severity in GUARANTEED else row


def milder(first: Proposal, second: Proposal) -> Proposal:
    """Choose between the law of the time of the act and a later one: the milder is used.

    The one of the time of the act stays where both propose the same; the range that one person may
    choose from is that of the one that is used.
    """
    return second if second.cell < first.cell else first
