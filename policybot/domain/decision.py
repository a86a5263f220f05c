"""What a person decided in a case, and the approval of a second person where one is needed.

pending → final → under_appeal → upheld | modified | overturned
   └→ denied | expired
"""

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from policybot.domain import closure, hold
from policybot.domain.closure import Earlier
from policybot.domain.effects import Effect, dump
from policybot.domain.errors import Incomplete, NotPermitted, OutOfOrder
from policybot.domain.ladder import History, Proposal, Scope, Severity
from policybot.domain.measure import Kind, Measure
from policybot.domain.mechanism import MACHINE
from policybot.domain.statement import MIN_FACTS


class State(StrEnum):
    """Where a decision stands."""

    PENDING = "pending"
    FINAL = "final"
    DENIED = "denied"
    EXPIRED = "expired"
    UNDER_APPEAL = "under_appeal"
    UPHELD = "upheld"
    MODIFIED = "modified"
    OVERTURNED = "overturned"


class Nature(StrEnum):
    """What kind of decision it is."""

    DECISION = "decision"
    HOLD = "hold"
    """It only holds a room or a person until somebody decides, and counts for nothing later."""
    REPLACEMENT = "replacement"
    """Somebody else answers for a room."""


IN_FORCE = frozenset({State.FINAL, State.UNDER_APPEAL, State.UPHELD})
"""States in which a decision holds."""

APPROVAL_LIFE = timedelta(hours=24)
"""After this an approval that nobody gave is gone; time never approves anything."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision: which rule, how severe, which measure, on what facts, by whom."""

    id: int
    case_id: int
    state: State
    policy_hash: str
    rule_id: str
    scope: Scope
    scope_key: str
    severity: Severity
    history: History
    measure: Measure
    remove: bool
    """Whether the reported message is removed."""
    facts: str
    explanation: tuple[str, ...]
    """How the ladder came to its proposal, line by line."""
    occurred_at: datetime
    decided_at: datetime
    decider: str
    evidence: str = ""
    """The fingerprints of the kept copies that it rests on; empty where there is none."""
    user_id: str | None = None
    room_id: str | None = None
    approver: str | None = None
    told_at: datetime | None = None
    """When the homeserver took the notice."""
    read_at: datetime | None = None
    """When the person is known to have seen it."""
    supersedes: int | None = None
    span: timedelta | None = None
    """How far back before the act everything of theirs is removed; None for the message alone."""
    nature: Nature = Nature.DECISION
    factors: frozenset[str] = frozenset()
    why: str = ""
    """Why this measure, where it is another than the proposed one or factors moved the proposal."""
    typed: str = ""
    """What was typed as facts, so that the same can be worked out again when it is confirmed."""
    language: str = ""
    """In which its statement is written; empty for English."""
    publish: bool = False
    """Whether other communities are told by our public list."""
    version: int = 1

    @property
    def interim(self) -> bool:
        """Whether it only holds until somebody decides."""
        return self.nature is Nature.HOLD

    @property
    def in_words(self) -> str:
        """What is done, as one says it."""
        match self.nature:
            case Nature.HOLD:
                return hold.in_words(self.scope, self.measure.duration)
            case Nature.REPLACEMENT:
                return "replacement of who answers for the room"
            case Nature.DECISION:
                return self.measure.in_words(self.scope.value)

    @property
    def number(self) -> str:
        """What the decision is called: by its case."""
        return f"C-{self.case_id}"

    @property
    def automatic(self) -> bool:
        """Whether a rule acted by itself, and no person decided."""
        return self.decider == MACHINE

    @property
    def binding(self) -> str:
        """The fingerprint of the terms: what was decided, on which facts, under which ladder."""
        terms = [
            self.case_id,
            self.policy_hash,
            self.rule_id,
            self.scope.value,
            self.scope_key,
            self.severity.value,
            self.history.value,
            str(self.measure),
            self.remove,
            str(self.span),
            self.facts,
            self.user_id,
            self.room_id,
            self.evidence,
            sorted(self.factors),
            self.why,
            self.publish,
        ]
        return hashlib.sha256(json.dumps(terms).encode()).hexdigest()

    def notified_at(self, deemed_after: timedelta) -> datetime | None:
        """Say when the person knew: when they read the notice, at the latest some time after it."""
        if self.told_at is None:
            return None
        deemed = self.told_at + deemed_after
        return deemed if self.read_at is None else min(self.read_at, deemed)

    @property
    def grave(self) -> bool:
        """Whether it asks for a confirmation even when one person may decide it."""
        return self.measure.kind in (Kind.SUSPEND, Kind.CLOSE)


_WHY = re.compile(r"(?:^|\s)//\s+")


def parted(typed: str) -> tuple[str, str]:
    """Part what was typed into facts and, behind ` // `, why this measure."""
    facts, *why = _WHY.split(typed, maxsplit=1)
    return facts.strip(), why[0].strip() if why else ""


_SPAN = re.compile(r"(P[T\d]\S*)\s*", re.IGNORECASE)
_ADDED = re.compile(r"(\+[^\W\d]\S*)\s*")


def joined(measure: str, facts: str) -> tuple[str, str]:
    """Join what was typed apart: `restrict P3D`, as the ladder writes it, or `proposed +newcomer`."""
    facts = facts.lstrip()
    if measure.lower() in {kind.value for kind in Kind if kind.timed} and (span := _SPAN.match(facts)):
        measure, facts = f"{measure}:{span[1]}", facts[span.end() :]
    while added := _ADDED.match(facts):
        measure, facts = measure + added[1], facts[added.end() :]
    return measure, facts


def check_discretion(proposal: Proposal, measure: Measure, factors: frozenset[str], why: str) -> None:
    """Check that whoever leaves what the ladder proposes, or weighs factors, says why.

    Raises:
        Incomplete: they say nothing.
    """
    if len(why) >= MIN_FACTS or (measure == proposal.cell and not factors):
        return
    what = "factors are considered" if measure == proposal.cell else f"not the proposed {proposal.cell}"
    message = (
        f"Please say in a sentence why ({what}); the person will read it. Put it behind the facts: "
        "FACTS // WHY"
    )
    raise Incomplete(message)


def check_tried(lacking: tuple[Earlier, ...], why: str) -> None:
    """Check that whoever closes a room at once says why what comes before it was not tried.

    Raises:
        Incomplete: they say nothing.
    """
    if not lacking or len(why) >= MIN_FACTS:
        return
    message = (
        f"Before a room is closed, the ladder asks for {closure.in_words(lacking)}, and that was not "
        "tried. Try it first, or say in a sentence why it cannot be; the owner will read it. Put it "
        "behind the facts: FACTS // WHY"
    )
    raise Incomplete(message)


def bound(
    decision: Decision,
    effects: Iterable[Effect],
    to: Iterable[str | None],
    notice: str,
    *,
    alone: bool,
) -> str:
    """Give the fingerprint of exactly what will happen, which is what a second person approves.

    Args:
        decision: its terms.
        effects: every change of the homeserver, in its order: removals, then what carries the measure.
        to: who is told: whom it is about, and by which other accounts of theirs.
        notice: what they read, but for the dates that are known once it is carried out.
        alone: whether one person may decide it.
    """
    changes = [dump(effect) for effect in effects]
    parts = [decision.binding, changes, list(to), notice, alone]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Approval:
    """A grave act that waits for its confirmation."""

    code: str
    subject: str
    """What is to be confirmed: `decision 12`, `filing 3`."""
    binding: str
    proposer: str
    needs_other: bool
    """Whether the one who confirms must be another person than the proposer."""
    expires_at: datetime


def confirmable(
    approval: Approval,
    by: str,
    now: datetime,
    excluded: frozenset[str],
    proposers: frozenset[str] = frozenset(),
) -> None:
    """Check that somebody may confirm; `proposers` are other accounts of the one who proposed it.

    Raises:
        NotPermitted: they are the proposer where another is needed, or a party to the matter.
        OutOfOrder: the time for it is over.
    """
    if now >= approval.expires_at:
        message = f"The proposal behind {approval.code} has expired. Nothing was done."
        raise OutOfOrder(message)
    if approval.needs_other and by in proposers | {approval.proposer}:
        message = "This needs a second person: somebody else has to confirm it."
        raise NotPermitted(message)
    deniable(by, excluded)


def deniable(by: str, excluded: frozenset[str]) -> None:
    """Check that somebody who decides on a proposal of another's has no part in the matter.

    Raises:
        NotPermitted: they have.
    """
    if by in excluded:
        message = "You are a party to this matter, so somebody else has to decide it."
        raise NotPermitted(message)
