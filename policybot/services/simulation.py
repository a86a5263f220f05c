"""One act sent through the ladder, to see how a proposal comes about."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from policybot.domain import closure, ladder, safeguard
from policybot.domain.fading import MILLI
from policybot.domain.ladder import Act, Ladder, Proposal, Scope, Severity, Strike, StrikeState
from policybot.domain.measure import Kind, Measure, duration_in_words

Choice = TypeVar("Choice", bound=StrEnum)

_FORM = "write an earlier decision as S1:30, and behind it :untold, :appealed or :room=NAME"
_LONGEST_AGO = 36500
_FIRST, _LAST = 1970, 2999
"""The years in which an act can be: whatever was before it, and whatever follows, is in the calendar."""
_WHOM = {Scope.ROOM: "the owner", Scope.SERVER: "its people"}
"""Who is told, and appeals; else the person."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the ladder makes of an act."""

    proposal: Proposal
    chosen: Measure
    second_person: tuple[str, ...]
    """Why somebody else has to confirm what is chosen; empty if nobody has to."""
    steps: tuple[str, ...]
    """What comes before and after it."""

    @property
    def lines(self) -> tuple[str, ...]:
        """All of it, line by line."""
        two = self.second_person
        who = f"a second person confirms: {'; '.join(two)}" if two else "one person decides"
        return (*self.proposal.explain(), f"chosen: {self.chosen}", who, *self.steps)

    @property
    def data(self) -> dict[str, object]:
        """All of it, for machines."""
        found, act = self.proposal, self.proposal.act
        return {
            "scope": act.scope.value,
            "severity": act.severity.value,
            "at": act.occurred_at.isoformat(),
            "points": found.milli / MILLI,
            "points_from_rooms": found.spilled / MILLI,
            "history": found.band.value,
            "column": found.column.value,
            "proposed": str(found.cell),
            "permitted": [str(found.mildest), str(found.harshest)],
            "next": str(found.next),
            "counted": [strike.case for strike in found.counted],
            "not_counted": {strike.case: why for strike, why in found.not_counted},
            "chosen": str(self.chosen),
            "second_person": list(self.second_person),
            "steps": list(self.steps),
        }


def simulate(  # noqa: PLR0913 - the parts of an act
    policy: Ladder,
    *,
    severity: str,
    scope: str,
    strikes: Collection[str],
    aggravating: Collection[str],
    mitigating: Collection[str],
    at: datetime,
    measure: str = "",
) -> Outcome:
    """Find what the ladder proposes, and what follows from what is chosen.

    Args:
        policy: the ladder.
        severity: `S0` to `S4`.
        scope: `member`, `account`, `room`, or `server` where the ladder has a grid for it.
        strikes: earlier decisions as `SEVERITY:DAYS_AGO`; behind it `:untold` where its person was not
            told, `:appealed` where an appeal is open, `:room=NAME` for what was decided in a room.
        aggravating: factors of the ladder.
        mitigating: factors of the ladder.
        at: when the act happened and is decided, in a year from 1970 to 2999.
        measure: what is chosen, such as `warn` or `restrict:P3D`; empty for what is proposed.

    Raises:
        ValueError: one of them is none; the message says which.
    """
    if not _FIRST <= at.year <= _LAST:
        message = f"{at:%Y-%m-%d} is too far away: write a day from {_FIRST} to {_LAST}"
        raise ValueError(message)
    _check_factors("aggravating", aggravating, policy.aggravating)
    _check_factors("mitigating", mitigating, policy.mitigating)
    act = Act(
        scope=_one_of(Scope, scope.lower()),
        key="somebody",
        severity=_one_of(Severity, severity.upper()),
        occurred_at=at,
        decided_at=at,
        incident="this act",
        aggravating=frozenset(aggravating),
        mitigating=frozenset(mitigating),
    )
    ledger = [_strike(act, text, number) for number, text in enumerate(strikes, 1)]
    proposal = ladder.propose(policy, act, ledger)
    chosen = Measure.parse(measure) if measure else proposal.cell
    two = safeguard.second_person(policy, proposal, chosen)
    steps = _steps(policy, proposal, chosen)
    if policy.spill is None and any(":room=" in text for text in strikes):
        steps.append("decisions in rooms do not count for the account: this ladder has no spill")
    return Outcome(proposal, chosen, two, tuple(steps))


def _steps(policy: Ladder, proposal: Proposal, chosen: Measure) -> list[str]:
    """Say what comes before and after a decision."""
    act, steps = proposal.act, list[str]()
    whom = _WHOM.get(act.scope, "the person")
    if chosen != proposal.cell or act.aggravating or act.mitigating:
        steps.append(f"whoever decides says in a sentence why, for {whom} to read")
    if act.scope is Scope.ROOM and policy.room_cure and act.severity in ladder.GUARANTEED:
        span = duration_in_words(policy.room_cure)
        steps.append(f"first the owner gets {span} to put it right")
    if lacking := safeguard.untried(policy, act.scope, chosen, ()):
        steps.append(f"first comes {closure.in_words(lacking)}, or the reason why not")
    if chosen.kind is not Kind.NONE:
        steps.append(f"{whom} can appeal for {duration_in_words(policy.appeal_window)}")
    if f"{act.scope.value}:{chosen.kind.value}" in policy.appeal_stay:
        steps.append("it rests while an appeal is decided")
    if chosen.kind in (Kind.NONE, Kind.ADVISE) or not policy.severities[act.severity].points:
        steps.append("it never makes a later measure harsher")
    else:
        until = act.occurred_at + policy.lasts[act.severity]
        steps.append(f"it counts until {until:%-d %B %Y}, once it was told to {whom}")
    return steps


def _strike(act: Act, text: str, number: int) -> Strike:
    severity, days, *more = [*text.split(":"), ""] if ":" not in text else text.split(":")
    rooms = [one.removeprefix("room=") for one in more if one.startswith("room=") and one != "room="]
    known = len(rooms) + more.count("untold") + more.count("appealed")
    if not (days.isascii() and days.isdecimal()) or known != len(more) or len(rooms) > 1:
        message = f"«{text}»: {_FORM}"
        raise ValueError(message)
    if rooms and act.scope is not Scope.ACCOUNT:
        message = (
            f"«{text}»: :room=NAME is for the scope account, for which decisions in rooms can count"
        )
        raise ValueError(message)
    occurred_at = act.occurred_at - timedelta(days=min(int(days[:6]), _LONGEST_AGO))
    return Strike(
        case=f"decision {number}",
        scope=Scope.MEMBER if rooms else act.scope,
        key=act.key,
        severity=_one_of(Severity, severity.upper()),
        occurred_at=occurred_at,
        notified_at=None if "untold" in more else occurred_at,
        incident=f"incident {number}",
        state=StrikeState.UNDER_APPEAL if "appealed" in more else StrikeState.FINAL,
        room=rooms[0] if rooms else "",
    )


def _check_factors(kind: str, factors: Collection[str], known: Collection[str]) -> None:
    if unknown := set(factors) - set(known):
        named = ", ".join(known) or "it has none"
        message = f"«{min(unknown)}» is no {kind} factor of this ladder: {named}"
        raise ValueError(message)


def _one_of(kind: type[Choice], text: str) -> Choice:
    try:
        return kind(text)
    except ValueError:
        message = f"«{text}» is none of {', '.join(kind)}"
        raise ValueError(message) from None
