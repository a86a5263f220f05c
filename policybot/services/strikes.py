"""Strikes: which decisions count of somebody, until when, and what the same again would bring.

There is no sum and no score: each decision stands for itself, for the person and for moderators alone.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from policybot.domain import ladder
from policybot.domain.decision import Decision, Nature, State
from policybot.domain.ladder import Act, Scope
from policybot.domain.notice import day
from policybot.domain.sanction import BINDING
from policybot.domain.sanction import State as Standing
from policybot.services import ledgers
from policybot.services.setting import Setting
from policybot.store import decisions, members, sanctions
from policybot.store.database import Tx

_VOID = frozenset({State.OVERTURNED, State.MODIFIED})
_UNTIL = ", until"
_BINDS = {
    Standing.PLANNED: _UNTIL,
    Standing.ACTIVE: _UNTIL,
    Standing.STAYED: ", which rests",
    Standing.ENDED: ", which has ended",
    Standing.LIFTED: ", which was lifted",
    Standing.VOID: "",
}
"""What a person reads of where the measure of a decision stands."""
_STANDS = {
    State.UNDER_APPEAL: " (you have appealed)",
    State.UPHELD: " (upheld after your appeal)",
    State.MODIFIED: " (a milder measure took its place)",
    State.OVERTURNED: " (void: it counts for nothing)",
}
"""What a person reads of where a decision stands, if it is not simply in force."""


@dataclass(frozen=True, slots=True)
class Strike:
    """One decision that counts at present."""

    decision: Decision
    counts: str
    """Until when and how it counts, in words."""
    again: str
    """What the same act would bring now, in words."""

    @property
    def in_words(self) -> str:
        """Say it in one line."""
        decision = self.decision
        where = f" in {decision.room_id}" if decision.scope is Scope.MEMBER else ""
        return (
            f"{decision.number}, {decision.rule_id} {decision.severity.value}{where}: {self.counts}; "
            f"the same again before then would bring: {self.again}"
        )


async def own(tx: Tx, setting: Setting, user_id: str) -> list[Strike]:
    """List what counts at present of what somebody's accounts did, the newest first."""
    person_id, now = await members.own_person(tx, user_id), setting.now()
    links = await members.links_of(tx, person_id) if person_id else []
    found = {}
    for account in {user_id, *(link.user_id for link in links)}:
        for decision in await decisions.in_force_on(tx, account):
            how = ledgers.counts(decision, setting.ladder, now)
            if not how:
                continue
            # An account changes hands: what was done on it before is not whose it is now.
            whose = await members.answerable(tx, account, decision.occurred_at)
            if whose in (None, person_id) or (person_id is None and account == user_id):
                found[decision.id] = (decision, how)
    return [
        Strike(decision, how, await _again(tx, setting, decision))
        for _, (decision, how) in sorted(found.items(), reverse=True)
    ]


async def _again(tx: Tx, setting: Setting, decision: Decision) -> str:
    """Ask the ladder what the same act would bring if it happened now."""
    now, key, spill = setting.now(), decision.scope_key, setting.ladder.spill is not None
    user_id = decision.user_id
    person_id = await ledgers.holder(tx, decision.scope, user_id, decision.occurred_at)
    before = await ledgers.entries(tx, decision.scope, key, user_id, person_id, spill=spill)
    act = Act(decision.scope, key, decision.severity, now, now, "the same again")
    proposal = ladder.propose(setting.ladder, act, ledgers.strikes_of(before, setting.ladder, key))
    return proposal.cell.in_words(decision.scope.value)


async def told(tx: Tx, user_id: str) -> list[str]:
    """List what was decided about an account, for its owner: what holds, until when, what is over."""
    lines = []
    found = await decisions.about(tx, user_id, decisions.NEWEST)
    for one in found:
        sanction = await sanctions.of_decision(tx, one.id)
        timed = sanction is not None and sanction.measure.kind.timed and one.state not in _VOID
        how = _BINDS[sanction.state] if sanction is not None and timed else ""
        if sanction is not None and how == _UNTIL:
            how = f", until {day(sanction.ends_at)}" if sanction.ends_at else ""
        lines.append(f"{one.number}: {one.in_words}{how}{_STANDS.get(one.state, '')}")
    return [*lines, "older ones: !policy export"] if len(found) == decisions.NEWEST else lines


async def course(tx: Tx, setting: Setting, found: Iterable[Decision]) -> list[str]:
    """Tell of each decision whether it binds, has ended or is void and how long it counts."""
    lines = []
    for decision in found:
        what = decision.measure if decision.nature is Nature.DECISION else decision.in_words
        head = (
            f"{decision.number} {decision.decided_at:%-d %B %Y}: {decision.rule_id} "
            f"{decision.severity.value} → {what}"
        )
        lines.append(f"{head} ({decision.state.replace('_', ' ')}; {await _now(tx, setting, decision)})")
    return lines


async def _now(tx: Tx, setting: Setting, decision: Decision) -> str:
    if decision.state in _VOID:
        return "void, counts for nothing"
    sanction = await sanctions.of_decision(tx, decision.id)
    said = ""
    if sanction is not None and sanction.measure.kind.timed:
        binds = sanction.state in BINDING
        end = f" until {day(sanction.ends_at)}" if binds and sanction.ends_at else ""
        said = f"{'active' if binds else 'ended'}{end}, "
    until = ledgers.counts_until(decision, setting.ladder)
    if until is None:
        return f"{said}counts for nothing later"
    if how := ledgers.counts(decision, setting.ladder, setting.now()):
        return f"{said}counts {how}"
    return f"{said}counted until {until:%-d %B %Y}"
