"""The ladder: severity and history of a breach give the measure that is proposed for it.

The severity of *this* act picks the row of a grid, the history of its author the column; the cell is
the proposal, and the neighbours in its row are the permitted range. Points exist only to find the
column, so no sum ever triggers anything. The file it is read from is `ladder_file`.

What counts as history, and what does not:
- a decision counts once its person knows of it, and only for what they do afterwards;
- while it is under appeal it counts from a severity that the operator names, or not at all;
- it must be unexpired both when the new act happened and when it is decided, so that a slow decision
  never hurts;
- of one incident only the worst counts, and what is void counts as if it had never been.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

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


ROWS = tuple(Severity)
COLUMNS = tuple(History)
GUARANTEED = (Severity.S0, Severity.S1, Severity.S2)
"""Severities for which the first act of a person brings a warning at most."""
FIRST_AT_MOST = Measure(Kind.WARN)

Grid = Mapping[Severity, tuple[Measure, ...]]


@dataclass(frozen=True, slots=True)
class Weight:
    """What an act of one severity counts, and for how long."""

    points: int
    expires: timedelta


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


@dataclass(frozen=True, slots=True)
class Strike:
    """An earlier decision, as the ladder counts it."""

    case: str
    scope: Scope
    key: str
    severity: Severity
    occurred_at: datetime
    notified_at: datetime | None
    """When its person knew of it, or is deemed to have known; None if they were never told."""
    incident: str
    state: StrikeState = StrikeState.FINAL


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


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the ladder proposes, and how it came to it."""

    act: Act
    points: int
    band: History
    column: History
    """The column after aggravating and mitigating factors."""
    cell: Measure
    mildest: Measure
    harshest: Measure
    counted: tuple[Strike, ...]
    not_counted: tuple[tuple[Strike, str], ...]
    next: Measure
    """What the same act would bring the next time."""

    def explain(self) -> tuple[str, ...]:
        """Say line by line how the proposal came about; its subject may read the same."""
        lines = [
            f"counted: {s.case} ({s.severity.value}, {s.occurred_at:%-d %B %Y})" for s in self.counted
        ]
        lines += [f"not counted: {s.case} ({why})" for s, why in self.not_counted]
        if not lines:
            lines = ["no earlier decisions"]
        lines.append(f"history: {self.points} points, column {self.band.value}")
        if self.column is not self.band:
            names = ", ".join(sorted(self.act.aggravating | self.act.mitigating))
            lines.append(f"moved to column {self.column.value} for: {names}")
        lines.append(f"proposed: {self.cell} (row {self.act.severity.value})")
        lines.append(f"permitted: {self.range_in_words}")
        lines.append(f"the same again would be: {self.next}")
        return tuple(lines)

    @property
    def range_in_words(self) -> str:
        """The measures that one person may choose from."""
        if self.mildest == self.harshest:
            return f"{self.cell} alone"
        return f"{self.mildest} to {self.harshest}"

    def permits(self, measure: Measure) -> bool:
        """Say whether one person may choose that measure."""
        return self.mildest <= measure <= self.harshest


def propose(ladder: Ladder, act: Act, ledger: Iterable[Strike]) -> Proposal:
    """Propose a measure for an act.

    Args:
        ladder: the ladder in force.
        act: the act.
        ledger: earlier decisions, in any order; those of other ledgers are ignored.

    Raises:
        ValueError: the ladder has no such scope, or the act names a factor that it does not know.
    """
    counted, not_counted = _sift(ladder, act, ledger)
    points = sum(ladder.severities[s.severity].points for s in counted)
    band = _band(ladder, points)
    shift = _shift(ladder, act)
    column = _moved(band, shift)
    reach = ladder.shift_max
    first = not counted
    return Proposal(
        act=act,
        points=points,
        band=band,
        column=column,
        cell=_cell(ladder, act, column, first=first),
        mildest=_cell(ladder, act, _moved(band, -reach), first=first),
        harshest=_cell(ladder, act, _moved(band, reach), first=first),
        counted=counted,
        not_counted=not_counted,
        next=_next(ladder, act, points),
    )


def _sift(
    ladder: Ladder, act: Act, ledger: Iterable[Strike]
) -> tuple[tuple[Strike, ...], tuple[tuple[Strike, str], ...]]:
    """Tell the earlier decisions that count from those that do not, with the reason."""
    worst: dict[str, Strike] = {}
    left: list[tuple[Strike, str]] = []
    mine = [s for s in ledger if s.scope is act.scope and s.key == act.key]
    for strike in sorted(mine, key=lambda s: (s.occurred_at, s.case)):
        if (why := _why_not(ladder, act, strike)) is not None:
            left.append((strike, why))
        elif (other := worst.get(strike.incident)) is None:
            worst[strike.incident] = strike
        else:
            keep, drop = sorted((other, strike), key=lambda s: _points(ladder, s), reverse=True)
            worst[strike.incident] = keep
            left.append((drop, f"same incident as {keep.case}"))
    return tuple(worst.values()), tuple(left)


def _points(ladder: Ladder, strike: Strike) -> int:
    return ladder.severities[strike.severity].points


def _why_not(ladder: Ladder, act: Act, strike: Strike) -> str | None:  # noqa: PLR0911 - one line a reason
    """Say why an earlier decision does not count; None if it does."""
    if strike.state is StrikeState.VOID:
        return "it was overturned"
    if strike.state is StrikeState.UNDER_APPEAL:
        least = ladder.under_appeal_counts_from
        if least is None or strike.severity < least:
            return "it is under appeal"
    if strike.incident == act.incident:
        return "it belongs to the same incident"
    if ladder.counts_only_if_notified_before_act:
        if strike.notified_at is None:
            return "its person was not told yet"
        if strike.notified_at > act.occurred_at:
            return "its person knew of it only after this act"
    expires_at = strike.occurred_at + ladder.severities[strike.severity].expires
    # The milder clock: neither a late decision nor a late look makes an expired one count.
    if expires_at <= max(act.occurred_at, act.decided_at):
        return f"it expired on {expires_at:%-d %B %Y}"
    if _points(ladder, strike) == 0:
        return "its severity carries no points"
    return None


def _band(ladder: Ladder, points: int) -> History:
    return max((h for h in COLUMNS if ladder.bands[h] <= points), key=COLUMNS.index)


def _moved(column: History, by: int) -> History:
    place = COLUMNS.index(column) + by
    return COLUMNS[max(0, min(len(COLUMNS) - 1, place))]


def _shift(ladder: Ladder, act: Act) -> int:
    """Find how far the factors move the column: one way, the other, or not at all."""
    unknown = (act.aggravating - set(ladder.aggravating)) | (act.mitigating - set(ladder.mitigating))
    if unknown:
        message = f"unknown factor: {min(unknown)}"
        raise ValueError(message)
    return ladder.shift_max * (bool(act.aggravating) - bool(act.mitigating))


def _cell(ladder: Ladder, act: Act, column: History, *, first: bool) -> Measure:
    grid = ladder.scopes.get(act.scope)
    if grid is None:
        message = f"the ladder has no grid for {act.scope.value}"
        raise ValueError(message)
    cell = grid[act.severity][COLUMNS.index(column)]
    if first and act.severity in GUARANTEED:
        return min(cell, FIRST_AT_MOST)
    return cell


def _next(ladder: Ladder, act: Act, points: int) -> Measure:
    """Find what the same act would bring once its person knows of this decision."""
    weight = ladder.severities[act.severity].points
    band = _band(ladder, points + weight)
    return _cell(ladder, act, band, first=points + weight == 0)


def second_person(ladder: Ladder, proposal: Proposal, chosen: Measure) -> tuple[str, ...]:
    """Say why a second person has to confirm a measure; nothing if nobody has to."""
    reasons = []
    if chosen.kind is Kind.CLOSE:
        reasons.append("a closure always needs two people")
    elif ladder.second_person_from <= chosen:
        reasons.append(f"from {ladder.second_person_from} on two people decide")
    if not proposal.permits(chosen):
        reasons.append(f"it is outside what is permitted ({proposal.range_in_words})")
    return tuple(reasons)


def milder(first: Proposal, second: Proposal) -> Proposal:
    """Choose between the law of the time of the act and a later one: the milder is used."""
    return second if second.cell < first.cell else first
