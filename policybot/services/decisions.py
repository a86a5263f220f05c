"""Decisions: what the ladder proposes in a case, what a person decides, who has to confirm it."""

from dataclasses import dataclass, replace
from datetime import timedelta

from policybot.domain import case as case_rules
from policybot.domain import decision as rules
from policybot.domain import ladder, notice
from policybot.domain.case import Case, SubjectKind
from policybot.domain.cure import check_over
from policybot.domain.decision import Approval, Decision, State
from policybot.domain.effects import Effect
from policybot.domain.errors import Incomplete, NotFound, OutOfOrder
from policybot.domain.ladder import Act, Ladder, Proposal, Scope, Severity, Strike
from policybot.domain.measure import Measure
from policybot.domain.notice import Statement
from policybot.domain.permission import Permission, Role, allowed
from policybot.domain.register import marked
from policybot.domain.rules import Rule
from policybot.services import ledgers, statements
from policybot.services.cases import Cases, origin_of
from policybot.services.filings import Filings
from policybot.services.proposals import propose
from policybot.services.sanctions import Sanctions
from policybot.services.setting import Setting
from policybot.store import audit, cases, cures, decisions, filings, moves, policies
from policybot.store.database import Tx, next_number
from policybot.store.members import accounts_of
from policybot.store.policies import Policy

OWN_ACTS = ("decision", "filing")
"""The acts whose approvals are dealt with here; the others see `services.approvals`."""
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


@dataclass(frozen=True, slots=True)
class Draft:
    """A decision worked out, with everything that follows from it, before anything is written."""

    decision: Decision
    statement: Statement
    proposal: Proposal
    restraints: tuple[Effect, ...]
    """The effects that carry the measure."""
    second_person: tuple[str, ...]
    """Why somebody else has to confirm it; empty if nobody has to."""
    notes: tuple[str, ...] = ()
    """What else is to be known of how far it reaches."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of a decision: final, or waiting for the confirmation under a code."""

    draft: Draft
    approval: Approval | None


class Decisions:
    """The service for decisions in cases."""

    def __init__(
        self, setting: Setting, casework: Cases, measures: Sanctions, applications: Filings
    ) -> None:
        """Work with the services that hold cases, sanctions and filings."""
        self._setting = setting
        self._cases = casework
        self._sanctions = measures
        self._filings = applications

    async def draft(
        self, tx: Tx, by: str, case: Case, choice: Choice, *, key: str | None = None
    ) -> Draft:
        """Work out a decision; with the key of its ledger, if that was settled before.

        Raises:
            NotFound: there is no such rule, severity or measure.
            Incomplete: something is missing, or rank forbids the measure.
        """
        rule = self._setting.rule(choice.rule)
        severity = _severity(choice.severity, rule)
        scope = _scope(case, rule)
        if case.subject.kind is SubjectKind.EVENT and case.subject.user_id is None:
            message = f"I am still fetching the message of {case.number}. Please try in a moment."
            raise OutOfOrder(message)
        key = key or await ledgers.key_of(tx, scope, case)
        proposal, policy = await self._propose(tx, case, scope, key, severity, choice.factors)
        measure = _measure(choice.measure, proposal)
        everywhere = choice.span is not None and scope is Scope.ACCOUNT
        if choice.remove and case.subject.event_id is None and not everywhere:
            message = "There is no message to remove in this case."
            raise Incomplete(message)
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
            facts=choice.facts.strip(),
            explanation=proposal.explain(),
            occurred_at=case.occurred_at,
            decided_at=self._setting.now(),
            decider=by,
            evidence=await self._cases.fingerprint(tx, case),
            user_id=case.subject.user_id,
            room_id=await moves.now(tx, room_id) if room_id else None,
        )
        restraints = await self._sanctions.restraints(tx, decision)
        reasons = ladder.second_person(policy.ladder, proposal, measure)
        statement = await self._statement(tx, decision, rule, proposal)
        notes = await self._sanctions.reach.notes(tx, decision)
        return Draft(decision, statement, proposal, restraints, reasons, notes)

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

    async def _statement(self, tx: Tx, decision: Decision, rule: Rule, proposal: Proposal) -> Statement:
        counted = len(proposal.counted)
        statement = await statements.written(
            tx,
            self._setting,
            decision,
            rule,
            origin=await origin_of(tx, decision.case_id),
            severity=f"severity {decision.severity.value} on a scale from S0 to S4",
            history="no earlier decision counted"
            if not counted
            else f"{counted} earlier decision{'s' if counted > 1 else ''} counted",
        )
        return notice.complete(statement)

    async def decide(self, tx: Tx, by: str, case: Case, choice: Choice) -> Taken:
        """Decide a case, or propose the decision to whoever has to confirm it."""
        taken = await self._cases.take(tx, by, case)
        check_over(await cures.of_case(tx, case.id))
        draft = await self.draft(tx, by, taken, choice)
        waits = bool(draft.second_person) or draft.decision.grave
        decision = replace(
            draft.decision,
            id=await next_number(tx, "decision"),
            state=State.PENDING if waits else State.FINAL,
        )
        draft = replace(draft, decision=decision)
        await decisions.add(tx, decision, draft.statement)
        if not waits:
            await self._enforce(tx, taken, decision, draft.restraints)
            return Taken(draft, None)
        approval = await propose(
            tx,
            self._setting,
            by=by,
            subject=f"decision {decision.id}",
            binding=decision.binding,
            needs_other=bool(draft.second_person),
        )
        await cases.save(tx, case_rules.moved(taken, case_rules.Step.PROPOSE))
        self._remember(tx, by, "decision:propose", decision)
        return Taken(draft, approval)

    async def _enforce(
        self, tx: Tx, case: Case, decision: Decision, restraints: tuple[Effect, ...]
    ) -> None:
        decided = case_rules.moved(case, case_rules.Step.DECIDE)
        await cases.save(tx, case_rules.moved(decided, case_rules.Step.CLOSE))
        actor = decision.approver or decision.decider
        self._remember(tx, actor, "decision:final", decision)
        remove = await cases.subjects(tx, case) if decision.remove else ()
        await self._sanctions.impose(tx, decision, restraints, remove=remove)

    async def confirm(self, tx: Tx, by: str, code: str, roles: frozenset[Role]) -> str:
        """Confirm what waits under a code; say what was confirmed.

        Raises:
            NotFound: nothing waits under it.
            NotPermitted: somebody else has to confirm it.
            OutOfOrder: it expired, or what would happen has changed since.
        """
        approval = await self._waiting(tx, code, roles)
        kind, _, number = approval.subject.partition(" ")
        if kind == "filing":
            return await self._confirm_revocation(tx, by, approval, number)
        decision = await decisions.get(tx, int(number))
        case = await cases.get(tx, decision.case_id) if decision else None
        if decision is None or case is None:
            message = f"Nothing waits under the code {code}."
            raise NotFound(message)
        await self._check_confirmable(tx, by, approval)
        restraints = await self._check_unchanged(tx, approval, decision, case)
        final = replace(
            decision,
            state=State.FINAL,
            approver=by if by != decision.decider else None,
            decided_at=self._setting.now(),
        )
        await decisions.end_approval(tx, approval.code, "given", by)
        await decisions.save(tx, final)
        await self._enforce(tx, case, replace(final, version=final.version + 1), restraints)
        measure = statements.in_words(self._setting, decision)
        return f"{decision.number} is decided: {measure}. It is being carried out."

    async def _check_confirmable(self, tx: Tx, by: str, approval: Approval) -> None:
        """Check that another person confirms than who proposed it, and no party."""
        proposers = await accounts_of(tx, approval.proposer)
        parties = await self._parties(tx, approval)
        rules.confirmable(approval, by, self._setting.now(), parties, proposers)

    async def _check_unchanged(
        self, tx: Tx, approval: Approval, decision: Decision, case: Case
    ) -> tuple[Effect, ...]:
        """Refuse to carry out anything else than what was proposed: history may have moved on."""
        choice = Choice(
            rule=decision.rule_id,
            severity=decision.severity.value,
            measure=str(decision.measure),
            remove=decision.remove,
            span=decision.span,
            facts=decision.facts,
        )
        now = await self.draft(tx, decision.decider, case, choice, key=decision.scope_key)
        if now.decision.binding != approval.binding or decision.binding != approval.binding:
            message = (
                f"What was proposed under {approval.code} no longer fits: something changed since. "
                f"Deny it with !policy deny {approval.code} and decide anew."
            )
            raise OutOfOrder(message)
        return now.restraints

    async def deny(self, tx: Tx, by: str, code: str, roles: frozenset[Role]) -> str:
        """Refuse what waits under a code; nothing happens, and the case goes back to work."""
        approval = await self._waiting(tx, code, roles)
        if by != approval.proposer:
            rules.deniable(by, await self._parties(tx, approval))
        await decisions.end_approval(tx, approval.code, "denied", by)
        await self._undo_proposal(tx, approval, State.DENIED, by)
        return f"The proposal {approval.code} is denied. Nothing was done."

    async def _parties(self, tx: Tx, approval: Approval) -> frozenset[str]:
        kind, _, number = approval.subject.partition(" ")
        if kind == "filing":
            filing = await filings.get(tx, number)
            return await accounts_of(tx, filing.applicant) if filing else frozenset()
        decision = await decisions.get(tx, int(number))
        case = await cases.get(tx, decision.case_id) if decision else None
        return await self._cases.involved(tx, case) if case else frozenset()

    async def expire(self, tx: Tx) -> None:
        """Let approvals go that nobody gave in time: silence decides nothing."""
        for approval in await decisions.overdue_approvals(tx, self._setting.now()):
            if approval.subject.partition(" ")[0] not in OWN_ACTS:
                continue
            await decisions.end_approval(tx, approval.code, "expired", None)
            await self._undo_proposal(tx, approval, State.EXPIRED, "system:clock")
            self._setting.tell_staff(
                tx,
                f"The proposal {approval.code} has expired. Nothing was done.",
                cause=approval.subject,
            )

    async def _undo_proposal(self, tx: Tx, approval: Approval, state: State, by: str) -> None:
        kind, _, number = approval.subject.partition(" ")
        if kind != "decision":
            return
        decision = await decisions.get(tx, int(number))
        if decision is None:
            return
        await decisions.save(tx, replace(decision, state=state))
        case = await cases.get(tx, decision.case_id)
        if case is not None:
            await cases.save(tx, case_rules.moved(case, case_rules.Step.DENY))
        self._remember(tx, by, f"decision:{state}", decision)

    async def _waiting(self, tx: Tx, code: str, roles: frozenset[Role]) -> Approval:
        """Find what waits under a code, for somebody who could decide such a thing themselves."""
        approval = await decisions.approval(tx, code.upper())
        about_filing = approval is not None and approval.subject.startswith("filing ")
        needed = Permission.FILING_REVOKE if about_filing else Permission.CASE_DECIDE
        if approval is None or not allowed(roles, needed):
            message = f"Nothing waits under the code {code}."
            raise NotFound(message)
        return approval

    async def propose_revocation(self, tx: Tx, by: str, text: str, reason: str) -> Approval:
        """Propose to revoke an approval; a second person always has to confirm it."""
        filing = await self._filings.visible(tx, by, text, staff=True)
        if len(marked(reason)[0]) < notice.MIN_FACTS:
            message = "Please give the reason in a sentence; the owner will read it."
            raise Incomplete(message)
        await self._filings.check_revocable(tx, by, filing)
        return await propose(
            tx, self._setting, by=by, subject=f"filing {filing.number}", binding=reason.strip()
        )

    async def _confirm_revocation(self, tx: Tx, by: str, approval: Approval, number: str) -> str:
        filing = await filings.get(tx, number)
        if filing is None:
            message = f"Nothing waits under the code {approval.code}."
            raise NotFound(message)
        await self._check_confirmable(tx, by, approval)
        await self._filings.check_revocable(tx, by, filing)
        await decisions.end_approval(tx, approval.code, "given", by)
        await self._filings.revoked(tx, by, filing, approval.binding)
        return f"{filing.number} is revoked."

    def _remember(self, tx: Tx, actor: str, tag: str, decision: Decision) -> None:
        audit.append(
            tx,
            at=self._setting.now(),
            actor=actor,
            tag=tag,
            object=decision.number,
            decision=decision.id,
            rule=decision.rule_id,
            severity=decision.severity.value,
            measure=str(decision.measure),
            binding=decision.binding,
            evidence=decision.evidence,
        )


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


def _scope(case: Case, rule: Rule) -> Scope:
    match case.subject.kind:
        case SubjectKind.ROOM:
            return Scope.ROOM
        case SubjectKind.USER:
            return Scope.ACCOUNT
        case SubjectKind.EVENT:
            return rule.scope


def _measure(text: str, proposal: Proposal) -> Measure:
    if text == PROPOSED:
        return proposal.cell
    try:
        return Measure.parse(text)
    except ValueError as error:
        raise NotFound(str(error)) from None
