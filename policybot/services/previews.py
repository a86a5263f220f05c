"""Previews: what a decision would be, whom it would tell what, and everything that it would change."""

from dataclasses import dataclass, replace
from datetime import timedelta

from policybot.domain import decision as rules
from policybot.domain import ladder, notice, prepared, publication, removal
from policybot.domain import sanction as sanction_rules
from policybot.domain.case import Case, Subject, SubjectKind
from policybot.domain.decision import Decision, State
from policybot.domain.effects import Effect, inverse
from policybot.domain.errors import Incomplete, NotFound, OutOfOrder
from policybot.domain.ladder import Act, Ladder, Proposal, Scope, Severity, Strike
from policybot.domain.measure import Measure
from policybot.domain.notice import Statement
from policybot.domain.rules import Rule
from policybot.services import ledgers, statements
from policybot.services.cases import Cases, origin_of
from policybot.services.sanctions import Sanctions
from policybot.services.setting import Setting
from policybot.store import cases, moves, policies, reports
from policybot.store.database import Tx
from policybot.store.policies import Policy

PROPOSED = "proposed"
"""What a moderator writes to follow the ladder."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What a moderator typed: rule, severity, measure, factors and facts."""

    rule: str
    severity: str
    measure: str = PROPOSED
    remove: bool = False
    span: timedelta | None = None
    """How far back before the act everything of theirs goes; None for the message alone."""
    factors: frozenset[str] = frozenset()
    facts: str = ""
    """Facts, or the name of a prepared text with what fills its blanks; ` // ` and why may follow."""
    publish: bool = False
    """Whether other communities are told by our public list."""

    @classmethod
    def read(cls, rule: str, severity: str, measure: str, facts: str) -> "Choice":
        """Read what was typed; a measure comes with what is added: `restrict:P3D+remove+newcomer`."""
        kind, *added = measure.lower().split("+")
        publish = publication.WORD in added
        added = [one for one in added if one != publication.WORD]
        read = {one: removal.parse(one) for one in added}
        removed = [span for is_removal, span in read.values() if is_removal]
        factors = frozenset(one for one, (is_removal, _) in read.items() if not is_removal)
        span = max((one for one in removed if one), default=None)
        return cls(rule, severity, kind, bool(removed), span, factors, facts, publish)


@dataclass(frozen=True, slots=True)
class Draft:
    """A decision worked out, with everything that follows from it, before anything is written."""

    decision: Decision
    statement: Statement
    proposal: Proposal
    remove: tuple[Subject, ...]
    """The messages to remove."""
    restraints: tuple[Effect, ...]
    """The effects that carry the measure."""
    second_person: tuple[str, ...]
    """Why somebody else has to confirm it; empty if nobody has to."""
    to: str | None
    """Who is told; None if nobody answers for the room."""
    notice: str
    """What they read, but for the dates that are known once it is carried out."""
    removals: tuple[Effect, ...] = ()
    removed: str = ""
    """Which messages are removed, in words; empty for none."""
    also: tuple[str, ...] = ()
    """Other accounts of the same person that it reaches; not for anybody's eyes."""
    notes: tuple[str, ...] = ()
    """What else is to be known of how far it reaches."""

    @property
    def effects(self) -> tuple[Effect, ...]:
        """Every change of the homeserver, in its order."""
        return (*self.removals, *self.restraints)

    @property
    def binding(self) -> str:
        """The fingerprint of exactly what will happen."""
        alone = not self.second_person
        to = (self.to, *self.also)
        return rules.bound(self.decision, self.effects, to, self.notice, alone=alone)


@dataclass(frozen=True, slots=True)
class Preview:
    """What would come of a choice; nothing of it is written."""

    draft: Draft
    notice: str
    """Exactly what the person will read, if it is carried out at once."""
    answers: tuple[tuple[str, str], ...]
    """What each reporter will read, behind the number of their receipt."""
    effects: tuple[Effect, ...]
    undo: tuple[Effect, ...]
    """What takes the effects back, where anything does."""
    second_person: tuple[str, ...]


class Previews:
    """The service that works decisions out."""

    def __init__(self, setting: Setting, casework: Cases, measures: Sanctions) -> None:
        """Ask the sanctions' service which effects a measure needs."""
        self._setting = setting
        self._cases = casework
        self._sanctions = measures

    async def preview(self, tx: Tx, draft: Draft) -> Preview:
        """Show what a draft would do and say."""
        decision, now = draft.decision, self._setting.now()
        span = decision.measure.duration
        served = await self._sanctions.credit(tx, decision.case_id)
        ends_at = max(now, now + span - served) if span else None
        text = statements.rendered(self._setting, decision, draft.statement, ends_at=ends_at)
        answers = tuple(
            (
                report.receipt,
                notice.actioned(case_number=decision.number, receipt=report.receipt),
            )
            for report in await reports.of_case(tx, decision.case_id)
        )
        undo = tuple(back for effect in draft.effects if (back := inverse(effect)) is not None)
        return Preview(draft, text, answers, draft.effects, undo, draft.second_person)

    async def draft(
        self,
        tx: Tx,
        by: str,
        case: Case,
        choice: Choice,
        *,
        again: Decision | None = None,
    ) -> Draft:
        """Work out a decision; `again` is the same when it was proposed, whose language and ledger stay.

        Raises:
            NotFound: there is no such rule, severity, measure or prepared text.
            Incomplete: something is missing, or rank forbids the measure.
        """
        rule = self._setting.rule(choice.rule)
        severity = _severity(choice.severity, rule)
        scope = ledgers.scope_of(case, rule)
        if case.subject.kind is SubjectKind.EVENT and case.subject.user_id is None:
            message = f"I am still fetching the message of {case.number}. Please try in a moment."
            raise OutOfOrder(message)
        key = again.scope_key if again else await ledgers.key_of(tx, scope, case)
        proposal, policy = await self._propose(tx, case, scope, key, severity, choice.factors)
        measure = _measure(choice.measure, proposal)
        everywhere = choice.span is not None and scope is Scope.ACCOUNT
        if choice.remove and case.subject.event_id is None and not everywhere:
            message = "There is no message to remove in this case."
            raise Incomplete(message)
        typed = prepared.checked(choice.facts, "the facts")
        facts, why = rules.parted(typed)
        if again is None:
            rules.check_discretion(proposal, measure, choice.factors, why)
        room_id = case.subject.room_id
        decision = Decision(
            id=0,
            case_id=case.id,
            state=State.FINAL,
            policy_hash=policy.hash,
            rule_id=rule.id,
            scope=scope,
            scope_key=key,
            severity=severity,
            history=proposal.band,
            measure=measure,
            remove=choice.remove,
            span=choice.span,
            facts=prepared.read(facts, rule.prepared, ""),
            explanation=proposal.explain(),
            occurred_at=case.occurred_at,
            decided_at=self._setting.now(),
            decider=by,
            evidence=await self._cases.fingerprint(tx, case),
            user_id=case.subject.user_id,
            room_id=await moves.now(tx, room_id) if room_id else None,
            factors=choice.factors,
            why=why,
            typed=typed,
            publish=choice.publish,
        )
        language = again.language if again else await statements.language_of(tx, decision)
        decision = replace(decision, language=language)
        reasons = ladder.second_person(policy.ladder, proposal, measure)
        if choice.publish:
            reasons = (*reasons, publication.SECOND_PERSON)
        read = prepared.read(facts, rule.prepared, language)
        return await self._worked_out(tx, case, decision, rule, proposal, reasons, read)

    async def _worked_out(  # noqa: PLR0913, PLR0917 - what was found out so far
        self,
        tx: Tx,
        case: Case,
        decision: Decision,
        rule: Rule,
        proposal: Proposal,
        reasons: tuple[str, ...],
        facts: str,
    ) -> Draft:
        remove = tuple(await cases.subjects(tx, case)) if decision.remove else ()
        restraints = await self._sanctions.restraints(tx, decision)
        said = statements.tombstone(self._setting, decision)
        removals = sanction_rules.removals(remove, said)
        statement = await self._statement(tx, decision, rule, proposal, facts, len(removals))
        return Draft(
            decision=decision,
            statement=statement,
            proposal=proposal,
            remove=remove,
            restraints=restraints,
            second_person=reasons,
            to=await statements.concerned(tx, decision),
            notice=statements.rendered(self._setting, decision, statement),
            removals=removals,
            removed=self._removed(decision, len(removals)),
            also=await self._sanctions.reach.others(tx, decision),
            notes=await self._sanctions.reach.notes(tx, decision),
        )

    def _removed(self, decision: Decision, messages: int) -> str:
        if decision.remove and decision.span is not None:
            most = self._setting.config.measures.most_removed
            return removal.in_words(decision.scope, decision.span, most)
        if not messages:
            return ""
        return "remove the message" if messages == 1 else f"remove {messages} messages"

    async def _statement(  # noqa: PLR0913, PLR0917 - what it says
        self,
        tx: Tx,
        decision: Decision,
        rule: Rule,
        proposal: Proposal,
        facts: str,
        removed: int,
    ) -> Statement:
        say = statements.phrases(self._setting, decision.language).say
        counted = len(proposal.counted)
        history = [say("notice_history", count=str(counted)) if counted else say("notice_no_history")]
        if decision.factors:
            history.append(say("notice_factors", factors=", ".join(sorted(decision.factors))))
        if decision.why:
            history.append(say("notice_why", why=decision.why))
        statement = await statements.written(
            tx,
            self._setting,
            decision,
            rule,
            origin=await origin_of(tx, decision.case_id),
            severity=say("notice_severity", severity=decision.severity.value),
            history="; ".join(history),
            facts=facts,
            removed=removed,
        )
        return notice.complete(statement)

    async def _propose(  # noqa: PLR0913, PLR0917 - the parts of an act
        self,
        tx: Tx,
        case: Case,
        scope: Scope,
        key: str,
        severity: Severity,
        factors: frozenset[str],
    ) -> tuple[Proposal, Policy]:
        """Ask the ladder of the time of the act, and use today's where it is milder."""
        today = self._setting.policy
        then = await policies.in_force_at(tx, case.occurred_at) or today
        found: list[tuple[Proposal, Policy]] = []
        for version in (then, today) if then.hash != today.hash else (today,):
            policy = version.ladder
            act = Act(
                scope=scope,
                key=key,
                severity=severity,
                occurred_at=case.occurred_at,
                decided_at=max(self._setting.now(), case.occurred_at),
                incident=case.number,
                aggravating=factors & frozenset(policy.aggravating),
                mitigating=factors & frozenset(policy.mitigating),
            )
            if unknown := factors - act.aggravating - act.mitigating:
                known = ", ".join((*policy.aggravating, *policy.mitigating))
                message = f"There is no factor «{min(unknown)}». Factors: {known}."
                raise NotFound(message)
            proposal = ladder.propose(policy, act, await self._ledger(tx, act, case, policy))
            found.append((proposal, version))
        first = found[0]
        if len(found) == 1:
            return first
        milder = ladder.milder(first[0], found[1][0])
        return first if milder is first[0] else found[1]

    async def _ledger(self, tx: Tx, act: Act, case: Case, policy: Ladder) -> list[Strike]:
        about = case.subject
        found = await ledgers.entries(
            tx, act.scope, act.key, about.user_id, about.room_id, case.occurred_at
        )
        return ledgers.strikes_of(found, policy, act.key)


def _severity(text: str, rule: Rule) -> Severity:
    try:
        severity = Severity(text.upper())
    except ValueError:
        message = f"«{text}» is no severity. They go from S0 (slight) to S4 (gravest)."
        raise NotFound(message) from None
    if not rule.covers(severity):
        message = f"Rule {rule.id} covers severities {rule.mildest.value} to {rule.harshest.value}."
        raise NotFound(message)
    return severity


def _measure(text: str, proposal: Proposal) -> Measure:
    if text == PROPOSED:
        return proposal.cell
    try:
        return Measure.parse(text)
    except ValueError as error:
        raise NotFound(str(error)) from None


def choice_of(decision: Decision) -> Choice:
    """Give what was typed for a decision, so that it can be worked out again."""
    return Choice(
        rule=decision.rule_id,
        severity=decision.severity.value,
        measure=str(decision.measure),
        remove=decision.remove,
        span=decision.span,
        factors=decision.factors,
        facts=decision.typed,
        publish=decision.publish,
    )
