"""One act sent through the ladder, to see how a proposal comes about."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar

from policybot.domain import ladder
from policybot.domain.ladder import Act, Ladder, Scope, Severity, Strike

Choice = TypeVar("Choice", bound=StrEnum)


def simulate(  # noqa: PLR0913 - the parts of an act
    policy: Ladder,
    *,
    severity: str,
    scope: str,
    strikes: list[str],
    aggravating: list[str],
    mitigating: list[str],
    now: datetime,
) -> tuple[str, ...]:
    """Explain what the ladder proposes.

    Args:
        policy: the ladder.
        severity: `S0` to `S4`.
        scope: `member`, `account` or `room`.
        strikes: earlier decisions as `SEVERITY:DAYS_AGO`; with `:untold` its person was not told.
        aggravating: factors of the ladder.
        mitigating: factors of the ladder.
        now: when the act happened and is decided.

    Raises:
        ValueError: one of them is none; the message says which.
    """
    act = Act(
        scope=_one_of(Scope, scope),
        key="somebody",
        severity=_one_of(Severity, severity.upper()),
        occurred_at=now,
        decided_at=now,
        incident="this act",
        aggravating=frozenset(aggravating),
        mitigating=frozenset(mitigating),
    )
    ledger = [_strike(act, text, number) for number, text in enumerate(strikes, 1)]
    proposal = ladder.propose(policy, act, ledger)
    two = ladder.second_person(policy, proposal, proposal.cell)
    confirmation = f"a second person confirms: {'; '.join(two)}" if two else "one person decides"
    return (*proposal.explain(), confirmation)


def _strike(act: Act, text: str, number: int) -> Strike:
    severity, _, rest = text.partition(":")
    days, _, told = rest.partition(":")
    if not days.isdecimal() or told not in ("", "untold"):
        message = f"«{text}»: write an earlier decision as S1:30, or S1:30:untold"
        raise ValueError(message)
    occurred_at = act.occurred_at - timedelta(days=min(int(days), 36500))
    return Strike(
        case=f"decision {number}",
        scope=act.scope,
        key=act.key,
        severity=_one_of(Severity, severity.upper()),
        occurred_at=occurred_at,
        notified_at=None if told else occurred_at,
        incident=f"incident {number}",
    )


def _one_of(kind: type[Choice], text: str) -> Choice:
    try:
        return kind(text)
    except ValueError:
        message = f"«{text}» is none of {', '.join(kind)}"
        raise ValueError(message) from None
