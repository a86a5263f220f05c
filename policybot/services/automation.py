"""What a rule does by itself: removal with a warning, or a hold of three days at most."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from policybot.domain import case as case_rules
from policybot.domain import notice
from policybot.domain.breaker import Writers, reaches_too_many
from policybot.domain.case import Case
from policybot.domain.decision import Decision, State
from policybot.domain.ladder import History, Scope
from policybot.domain.measure import Kind, Measure
from policybot.domain.mechanism import (
    BETWEEN_HOLDS,
    LONGEST_HOLD,
    MACHINE,
    MOST_SUBJECTS,
    Mechanism,
    Then,
)
from policybot.domain.notice import Origin
from policybot.domain.rank import Control, Levels, control
from policybot.domain.statement import Content
from policybot.services import dossiers, ledgers, places, statements
from policybot.services.places import Place
from policybot.services.sanctions import Sanctions
from policybot.services.setting import Setting
from policybot.store import audit, cases, decisions, filings, findings, members, refusals, rooms
from policybot.store.copies import Copy
from policybot.store.database import Tx, next_number
from policybot.store.findings import Finding, Outcome

HOUR = timedelta(hours=1)
ACTING = frozenset({Then.REFUSE, Then.REDACT, Then.HOLD})


@dataclass(frozen=True, slots=True)
class Hindrance:
    """Why a rule does not act by itself this time."""

    why: str
    breaker: bool = False
    """Whether it is because it has acted too often."""


class Automation:
    """The service for what rules do by themselves."""

    def __init__(self, setting: Setting, measures: Sanctions) -> None:
        """Impose through the sanctions' service, as people do."""
        self._setting = setting
        self._sanctions = measures
        self.writers = Writers()

    async def hindrance(self, tx: Tx, mechanism: Mechanism, finding: Finding) -> Hindrance | None:
        """Say why people have to decide instead; None if the rule may act."""
        config = self._setting.config
        room = await rooms.get(tx, finding.room_id)
        if room is None or control(room.levels, config.bot_user_id) is Control.NONE:
            return Hindrance("I have no rank in the room")
        if why := await self._stopped(tx, mechanism) or await self._spares(tx, finding, room.levels):
            return Hindrance(why)
        if Then.HOLD in mechanism.then and (why := await self._no_hold(tx, mechanism, finding)):
            return Hindrance(why)
        why = await self._breaker(tx, mechanism, finding)
        return Hindrance(why, breaker=True) if why else None

    async def _breaker(self, tx: Tx, mechanism: Mechanism, finding: Finding) -> str:
        """Say that a rule, or all of them, have acted too often or on too many; empty if not."""
        ladder, since = self._setting.ladder, self._setting.now() - HOUR
        acted = await findings.count(tx, mechanism.id, Outcome.ACTED, since)
        if acted >= ladder.breaker_per_hour or await findings.count(
            tx, mechanism.id, Outcome.STOPPED, since
        ):
            return "the rule has acted too often within an hour"
        if len(await findings.acted_on(tx, since) | {finding.user_id}) > MOST_SUBJECTS:
            return f"rules have acted on {MOST_SUBJECTS} people within an hour"
        reached = await findings.acted_on(tx, since, mechanism.id) | {finding.user_id}
        if reaches_too_many(reached, self.writers.count(since), ladder.breaker_share):
            share = f"{ladder.breaker_share:.1%}".replace(".0%", "%")
            return f"within an hour the rule would reach more than {share} of those who wrote"
        return ""

    async def _stopped(self, tx: Tx, mechanism: Mechanism) -> str:
        """Say that the gate has stopped the rule: what refuses too much removes nothing either."""
        stopped = mechanism.id in await refusals.stopped(tx, self._setting.now())
        return "the gate has stopped it, for it refused something to too many people" if stopped else ""

    async def _spares(self, tx: Tx, finding: Finding, levels: Levels) -> str:
        """Say why nothing befalls its author by itself; empty if there is no such reason."""
        spared = levels.moderators() | set(self._setting.config.staff)
        filing = await filings.of_room(tx, finding.room_id)
        if filing is not None:
            spared |= {user for user in (filing.applicant, filing.deputy) if user is not None}
        if finding.user_id in spared:
            return "it was written by somebody who moderates or answers for the room"
        if not spared.isdisjoint(await members.accounts_of(tx, finding.user_id)):
            return "this one is for people to decide"  # whose other account it is, is nobody's business
        return ""

    async def _no_hold(self, tx: Tx, mechanism: Mechanism, finding: Finding) -> str:
        """Say why a rule that holds has to be left to people; empty if it has not."""
        ladder = self._setting.ladder
        if "interim_hold" not in ladder.automation_may or "member_hold" not in ladder.hold_measures:
            return "the ladder lets nobody be held without a person"
        only_held = mechanism.then.isdisjoint(ACTING - {Then.HOLD})
        if only_held and await self._was_held(tx, finding.user_id, finding.room_id):
            return "a rule has held this person in this room lately, so people decide now"
        return ""

    async def act(self, tx: Tx, mechanism: Mechanism, case: Case, what: str) -> Decision:
        """Decide a case by machine, and have it carried out.

        Who was held lately is not held again: holds in a row would be a longer one.

        Raises:
            Incomplete: rank forbids it; nothing was written.
        """
        user_id, room_id = case.subject.user_id or "", case.subject.room_id or ""
        if Then.HOLD in mechanism.then and await self._was_held(tx, user_id, room_id):
            mechanism = replace(mechanism, then=mechanism.then - {Then.HOLD})
        remove = bool(mechanism.then & {Then.REFUSE, Then.REDACT})
        place = await places.of(tx, self._setting, case.subject.room_id)
        kept = await dossiers.copies_of(tx, [case.subject.event_id])
        decision = await self._draft(tx, mechanism, case, place, kept, what, remove=remove)
        restraints = await self._sanctions.reach.restraints(tx, decision, place)
        statement = await self._statement(tx, mechanism, decision, place)
        claimed = case_rules.moved(case, case_rules.Step.CLAIM)
        decided = case_rules.moved(claimed, case_rules.Step.DECIDE)
        await cases.save(tx, case_rules.moved(decided, case_rules.Step.CLOSE))
        decision = replace(decision, id=await next_number(tx, "decision"))
        await decisions.add(tx, decision, statement)
        audit.append(
            tx,
            at=self._setting.now(),
            actor=MACHINE,
            tag="decision:automatic",
            object=decision.number,
            decision=decision.id,
            rule=decision.rule_id,
            severity=decision.severity.value,
            measure=str(decision.measure),
            binding=decision.binding,
            evidence=decision.evidence,
        )
        message = (case.subject,) if remove else ()
        content = kept[0].kind if kept else Content.OTHER
        grounds = statements.grounds(self._setting, decision, statement, Origin.MACHINE, content)
        await self._sanctions.impose(tx, decision, grounds, restraints, remove=message)
        return decision

    async def _was_held(self, tx: Tx, user_id: str, room_id: str) -> bool:
        since = self._setting.now() - BETWEEN_HOLDS
        return await decisions.was_restricted(tx, user_id, room_id, MACHINE, since)

    async def _draft(  # noqa: PLR0913, PLR0917 - the act, and what is known of it
        self,
        tx: Tx,
        mechanism: Mechanism,
        case: Case,
        place: Place | None,
        kept: Sequence[Copy],
        what: str,
        *,
        remove: bool,
    ) -> Decision:
        hold = min(mechanism.hold_for, LONGEST_HOLD, self._setting.ladder.hold_max)
        held = Then.HOLD in mechanism.then
        measure = Measure(Kind.RESTRICT, hold) if held else Measure(Kind.WARN)
        about, room_id = case.subject, place.room_id if place else None
        holder = await ledgers.holder(tx, Scope.MEMBER, about.user_id, case.occurred_at)
        return Decision(
            id=0,
            case_id=case.id,
            state=State.FINAL,
            policy_hash=(await self._setting.in_force(tx)).hash,
            rule_id=mechanism.id,
            scope=Scope.MEMBER,
            scope_key=ledgers.key_of(Scope.MEMBER, about, room_id, holder),
            severity=mechanism.rule.mildest,
            history=History.H0,
            measure=measure,
            remove=remove,
            facts=f"Your message of {notice.day(case.occurred_at)} has what the rule looks for: {what}.",
            explanation=(f"rule {mechanism.id} acted by itself", "it never counts as history"),
            occurred_at=case.occurred_at,
            decided_at=self._setting.now(),
            decider=MACHINE,
            evidence=" ".join(one.sha256 for one in kept),
            user_id=about.user_id,
            room_id=about.room_id,
            language=await statements.language_of(tx, about.user_id),
        )

    async def _statement(
        self, tx: Tx, mechanism: Mechanism, decision: Decision, place: Place | None
    ) -> notice.Statement:
        say = statements.phrases(self._setting, decision.language).say
        return notice.complete(
            await statements.written(
                tx,
                self._setting,
                decision,
                mechanism.rule,
                filing=place.filing if place else None,
                origin=Origin.MACHINE,
                severity=say("notice_mildest", severity=decision.severity.value),
                history=say("notice_not_looked"),
            )
        )
