"""A backtest: what was decided, proposed anew by a changed ladder, and how the proposals differ.

Each decision is proposed twice on the ledger as it was then: by the version that it was decided by,
which is the law of its time, and by the changed one. What people chose within their discretion is left
aside on both sides. What was overturned since counts as if it had never been; a milder measure takes
the place of its first, and is known since that one is. It counts as `services/ledgers` does. What a
ladder asks for before a closure changes no proposal, and a closure needs two people without it.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from policybot.domain import ladder, safeguard
from policybot.domain.ladder import Act, Ladder, Scope, Severity, Strike, StrikeState
from policybot.domain.measure import Measure

WORST = 10
"""How many of the harshest changes are named by their cases."""
_STEP = 200
"""After how many decisions progress is told."""


@dataclass(frozen=True, slots=True)
class Past:
    """One decision, as far as the ladder looks at it."""

    id: int
    case: str
    scope: Scope
    key: str
    """The ledger in which it counts, by the person as they are known now."""
    owner: str
    """Whose ledgers these are: a person, an account or a room."""
    severity: Severity
    factors: frozenset[str]
    policy: str
    """The hash of the version that it was decided by."""
    occurred_at: datetime
    decided_at: datetime
    told_at: datetime | None
    read_at: datetime | None
    appealed_at: datetime | None
    """Since when it was under appeal; None where nobody appealed."""
    void: bool
    """Whether it was overturned."""
    counts: bool
    """Whether it can count in later decisions: not advice, and not what a rule did by itself."""
    replayed: bool
    """Whether it is proposed anew: a person decided it first, and it was not overturned."""
    answered_at: datetime | None = None
    """When the appeal was answered; None while it waits."""
    supersedes: int | None = None
    """The decision in whose place it is, as the milder one after an appeal."""
    room: str = ""
    """In which room, for what counts in one room."""


@dataclass(frozen=True, slots=True)
class Change:
    """A decision that the changed ladder would answer otherwise."""

    case: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Result:
    """What a backtest found."""

    decisions: int
    milder: int
    same: int
    harsher: int
    people: int
    """Persons and accounts for whom a proposal would be another."""
    rooms: int
    two_before: int
    """Cases that need a second person by the version that they were decided by."""
    two_after: int
    no_grid: int
    """Decisions that cannot be compared; they are counted nowhere else.

    The changed ladder has no grid for their scope, or their own version cannot be read any more.
    """
    matrix: Mapping[tuple[str, str], int]
    """How many decisions went from which measure to which."""
    worst: tuple[Change, ...]

    @property
    def share_harsher(self) -> float:
        """Which share of the decisions would be answered more harshly."""
        return self.harsher / self.decisions if self.decisions else 0.0

    def data(self) -> dict[str, Any]:
        """Write it as plain data."""
        return {
            "decisions": self.decisions,
            "milder": self.milder,
            "same": self.same,
            "harsher": self.harsher,
            "share_harsher": round(self.share_harsher, 4),
            "people": self.people,
            "rooms": self.rooms,
            "two_people_before": self.two_before,
            "two_people_after": self.two_after,
            "no_grid": self.no_grid,
            "matrix": [
                {"old": old, "new": new, "decisions": number}
                for (old, new), number in sorted(self.matrix.items(), key=lambda one: _order(one[0]))
            ],
            "worst": [{"case": one.case, "old": one.old, "new": one.new} for one in self.worst],
        }

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> "Result":
        """Read what `data` wrote."""
        return cls(
            decisions=data["decisions"],
            milder=data["milder"],
            same=data["same"],
            harsher=data["harsher"],
            people=data["people"],
            rooms=data["rooms"],
            two_before=data["two_people_before"],
            two_after=data["two_people_after"],
            no_grid=data["no_grid"],
            matrix={(row["old"], row["new"]): row["decisions"] for row in data["matrix"]},
            worst=tuple(Change(row["case"], row["old"], row["new"]) for row in data["worst"]),
        )


def _order(pair: tuple[str, str]) -> tuple[Any, Any]:
    return Measure.parse(pair[0]).weight, Measure.parse(pair[1]).weight


def _nobody_looks(done: int) -> None:
    """Stand in where nobody looks at the progress."""


def replay(
    pasts: Iterable[Past],
    known: Mapping[str, Ladder],
    new: Ladder,
    since: datetime,
    *,
    told: Callable[[int], None] = _nobody_looks,
) -> Result:
    """Propose again what was decided.

    Args:
        pasts: decisions in the order in which they were made; those before `since` are only history.
        known: the versions on record, by their hashes.
        new: the changed ladder.
        since: from when on decisions are proposed anew.
        told: hears now and then how many decisions it has looked at.
    """
    ledgers: defaultdict[str, list[Past]] = defaultdict(list)
    made: dict[int, Past] = {}
    tally = _Tally()
    for number, past in enumerate(pasts, 1):
        before = ledgers[past.owner]
        first = made.get(past.supersedes) if past.supersedes is not None else None
        if first is not None:
            before[:] = [one for one in before if one is not first]
            past = _since(past, first)  # noqa: PLW2901 - it counts so
        made[past.id] = past
        if past.replayed and past.decided_at >= since:
            if past.scope in new.scopes and past.policy in known:
                tally.add(past, before, known[past.policy], new)
            else:
                tally.no_grid += 1
        if past.counts and not past.void:
            before.append(past)
        if number % _STEP == 0:
            told(number)
    return tally.result()


def _since(past: Past, first: Past) -> Past:
    """Let what took another's place count from when its person knew of that one: it is the same act."""
    return past if first.told_at is None else replace(past, told_at=first.told_at, read_at=first.read_at)


class _Tally:
    """Counts what was proposed."""

    def __init__(self) -> None:
        self.matrix: Counter[tuple[str, str]] = Counter()
        self.milder = self.harsher = self.two_before = self.two_after = self.no_grid = 0
        self.people: set[str] = set()
        self.rooms: set[str] = set()
        self.changes: list[tuple[Measure, Measure, str]] = []

    def add(self, past: Past, before: list[Past], old: Ladder, new: Ladder) -> None:
        was, two_before = _proposed(old, past, before)
        would, two_after = _proposed(new, past, before)
        self.matrix[str(was), str(would)] += 1
        self.two_before += two_before
        self.two_after += two_after
        if was == would:
            return
        (self.rooms if past.scope is Scope.ROOM else self.people).add(past.owner)
        if was < would:
            self.harsher += 1
            self.changes.append((was, would, past.case))
        else:
            self.milder += 1

    def result(self) -> Result:
        total = sum(self.matrix.values())
        worst = sorted(self.changes, key=_harm, reverse=True)[:WORST]
        return Result(
            decisions=total,
            milder=self.milder,
            same=total - self.milder - self.harsher,
            harsher=self.harsher,
            people=len(self.people),
            rooms=len(self.rooms),
            two_before=self.two_before,
            two_after=self.two_after,
            no_grid=self.no_grid,
            matrix=dict(self.matrix),
            worst=tuple(Change(case, str(old), str(new)) for old, new, case in worst),
        )


def _harm(change: tuple[Measure, Measure, str]) -> tuple[Any, ...]:
    """Order changes: how many kinds further, then by what comes out."""
    old, new, _ = change
    return new.kind.rank - old.kind.rank, new.weight


def _proposed(policy: Ladder, past: Past, before: Iterable[Past]) -> tuple[Measure, bool]:
    act = Act(
        scope=past.scope,
        key=past.key,
        severity=past.severity,
        occurred_at=past.occurred_at,
        decided_at=max(past.decided_at, past.occurred_at),
        incident=past.case,
        aggravating=past.factors & frozenset(policy.aggravating),
        mitigating=past.factors & frozenset(policy.mitigating),
    )
    strikes = [_strike(one, policy, past) for one in before if _looked_at(one, policy, past)]
    proposal = ladder.propose(policy, act, strikes)
    return proposal.cell, bool(safeguard.second_person(policy, proposal, proposal.cell))


def _looked_at(one: Past, policy: Ladder, past: Past) -> bool:
    """Say whether an earlier decision of the same owner is in the ledger of a later one."""
    if one.scope is past.scope:
        return one.key == past.key
    return policy.spill is not None and (one.scope, past.scope) == (Scope.MEMBER, Scope.ACCOUNT)


def _strike(one: Past, policy: Ladder, past: Past) -> Strike:
    """Read an earlier decision as the ladder counted it when a later one was decided."""
    known = None if one.told_at is None else one.told_at + policy.deemed_notified_after
    if known is not None and one.read_at is not None:
        known = min(known, one.read_at)
    at = past.decided_at
    appealed = one.appealed_at is not None and one.appealed_at <= at
    waits = appealed and (one.answered_at is None or at < one.answered_at)
    return Strike(
        case=one.case,
        scope=one.scope,
        key=past.key,
        severity=one.severity,
        occurred_at=one.occurred_at,
        notified_at=known,
        incident=one.case,
        state=StrikeState.UNDER_APPEAL if waits else StrikeState.FINAL,
        room=one.room,
    )
