"""A recheck: the look that people take at a later decision once an earlier one that it counted is void.

Nothing is raised by it: a decision that would be harsher today stays as it is. A measure that would be
milder is lifted at once; whether the decision as such still holds is for a person to say, with a reason.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from policybot.domain.decision import Decision
from policybot.domain.errors import Incomplete, NotPermitted
from policybot.domain.ladder import Act, History, Ladder, Proposal, Strike, milder, propose
from policybot.domain.measure import Kind, Measure
from policybot.domain.statement import MIN_FACTS

WEIGHTLESS = frozenset({Kind.NONE, Kind.ADVISE})
"""Measures that count for nothing later."""


@dataclass(frozen=True, slots=True)
class Recheck:
    """What became of one later decision when an earlier one was void."""

    decision_id: int
    """The later decision."""
    case_id: int
    void_id: int
    """The decision that is void, or was made milder."""
    void_case_id: int
    was: History
    """The history with which it was decided."""
    now: History
    """The history that it has without the void one."""
    cell: Measure
    """What the ladder proposes now."""
    lifted: bool
    """Whether its measure was lifted for that."""
    found_at: datetime

    @property
    def number(self) -> str:
        """What the later decision is called."""
        return f"C-{self.case_id}"

    @property
    def in_words(self) -> str:
        """Say what changed, as the operator's people read it."""
        history = f"history was {self.was.value}, is {self.now.value}"
        if self.was is self.now:
            history = f"history is still {self.now.value}, and the ladder proposes {self.cell}"
        return f"{self.number}: {history}{'; its measure was lifted' if self.lifted else ''}"


@dataclass(frozen=True, slots=True)
class Replay:
    """What the ladders of its time say to one act, with and without what is void."""

    before: Proposal
    now: Proposal
    later: Decision

    @property
    def less(self) -> bool:
        """Whether it has less of a history than it was decided with."""
        return self.now.band < min(self.before.band, self.later.history)

    @property
    def differs(self) -> bool:
        """Whether the act would be answered more mildly, or with less of a history, than it was."""
        return self.less or self.too_harsh

    @property
    def too_harsh(self) -> bool:
        """Whether the measure is harsher than what is proposed now, because of what is void.

        Where the proposal is what it was, a harsher measure was somebody's choice, with its reason; so
        it is where the void one was not counted, for more of a history comes out with it than there was.
        """
        counted = self.less or self.before.band <= self.later.history
        return counted and self.now.cell < min(self.before.cell, self.later.measure)

    @property
    def weightless(self) -> bool:
        """Whether it would count for nothing later, if it had been decided as is proposed now."""
        return self.differs and self.now.cell.kind in WEIGHTLESS


Ledger = tuple[Ladder, tuple[Strike, ...], tuple[Strike, ...]]
"""A ladder, and what counts by it before the act: with what is void, and without."""


def replayed(later: Decision, laws: Iterable[Ledger]) -> Replay:
    """Ask the ladders that were asked when it was decided once more; of several the mildest counts.

    Args:
        later: the later decision.
        laws: the ladder under which it was decided first, then the others that might be milder.
    """
    before: Proposal | None = None
    now: Proposal | None = None
    for law, whole, rest in laws:
        act = _act(later, law)
        then, today = propose(law, act, whole), propose(law, act, rest)
        before = then if before is None else milder(before, then)
        now = today if now is None else milder(now, today)
    assert before is not None
    assert now is not None
    return Replay(before, now, later)


def _act(later: Decision, law: Ladder) -> Act:
    return Act(
        scope=later.scope,
        key=later.scope_key,
        severity=later.severity,
        occurred_at=later.occurred_at,
        decided_at=later.decided_at,
        incident=later.number,
        aggravating=later.factors & frozenset(law.aggravating),
        mitigating=later.factors & frozenset(law.mitigating),
    )


def closable(later: Decision, by: str, parties: frozenset[str], reason: str) -> None:
    """Check that somebody may say what becomes of a later decision.

    Args:
        later: the later decision.
        by: who says it.
        parties: those who have a part in its case, and those who decided it, with all their accounts.
        reason: what they found.

    Raises:
        NotPermitted: they had a part in it.
        Incomplete: they say nothing.
    """
    if by in parties:
        message = (
            f"You had a part in {later.number}. Somebody who had none looks at it: please leave it to "
            "another reviewer."
        )
        raise NotPermitted(message)
    if len(reason.strip()) < MIN_FACTS:
        message = "Please say in a sentence what you found; it stays on record."
        raise Incomplete(message)
