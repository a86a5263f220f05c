"""Previews: what a decision would be, whom it would tell what, and everything that it would change."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from policybot.domain import decision as rules
from policybot.domain import ladder, list_rule, notice, prepared, removal, safeguard
from policybot.domain import sanction as sanction_rules
from policybot.domain import server as servers
from policybot.domain.case import Case, Subject, SubjectKind
from policybot.domain.closure import Earlier
from policybot.domain.decision import Decision, State
from policybot.domain.effects import Effect, Say, inverse
from policybot.domain.errors import Incomplete, NotFound, OutOfOrder
from policybot.domain.ladder import Act, Proposal, Scope, Severity
from policybot.domain.measure import Measure, duration_in_words
from policybot.domain.notice import Statement
from policybot.domain.rules import Rule
from policybot.services import ledgers, statements
from policybot.services.cases import Cases, origin_of
from policybot.services.sanctions import Sanctions
from policybot.services.served import credit
from policybot.services.setting import Setting
from policybot.store import cases, cures, moves, policies, reports
from policybot.store.database import Tx
from policybot.store.policies import Policy, Shadow

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
        publish = list_rule.WORD in added
        added = [one for one in added if one != list_rule.WORD]
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
    today: str = ""
    """The hash of the ladder that was in force when it was worked out."""
    shadows: tuple[Shadow, ...] = ()
    """What versions on trial would have proposed; without any effect."""

    @property
    def readers(self) -> str:
        """Who reads the notice, as one says it."""
        if self.decision.scope is not Scope.SERVER:
            return self.to or "nobody, for nobody answers for it,"
        return "everybody in these rooms" if self.restraints else "nobody, for we can tell nobody there,"

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


@dataclass(frozen=True, slots=True)
class _Proposed:
    """What is proposed, by which version of the ladder, and what others would have proposed."""

    proposal: Proposal
    policy: Policy
    today: str
    shadows: tuple[Shadow, ...]
    notes: tuple[str, ...]
    law: tuple[str, ...]
    """By which version it was judged, if that is not the one of today."""


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
        served = await credit(tx, self._setting, decision.case_id)
        ends_at = max(now, now + span - served) if span else None
        text = statements.rendered(self._setting, decision, draft.statement, ends_at=ends_at)
        if said := dict.fromkeys(e.text for e in draft.restraints if isinstance(e, Say)):
            text = "\n\n".join(said)  # in the language of each room
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
        tried = await ledgers.tried(tx, key) if scope is Scope.ROOM else frozenset[Earlier]()
        proposed = await self._propose(tx, case, scope, key, severity, choice.factors)
        proposal, policy = proposed.proposal, proposed.policy
        measure = _measure(choice.measure, proposal)
        everywhere = choice.span is not None and scope is Scope.ACCOUNT
        if choice.remove and case.subject.event_id is None and not everywhere:
            message = "There is no message to remove in this case."
            raise Incomplete(message)
        typed = prepared.checked(choice.facts, "the facts")
        facts, why = rules.parted(typed)
        if again is None:
            rules.check_tried(safeguard.untried(policy.ladder, scope, measure, tried), why)
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
            explanation=(*proposal.explain(), *proposed.law),
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
        reasons = safeguard.second_person(
            policy.ladder, proposal, measure, tried, publish=choice.publish
        )
        read = prepared.read(facts, rule.prepared, language)
        draft = await self._worked_out(tx, case, decision, rule, proposal, reasons, read)
        notes = (*draft.notes, *proposed.notes)
        return replace(draft, today=proposed.today, shadows=proposed.shadows, notes=notes)

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
            notes=(*await self._sanctions.reach.notes(tx, decision), *await self._cure(tx, decision)),
        )

    async def _cure(self, tx: Tx, decision: Decision) -> tuple[str, ...]:
        """Say that the ladder gives the owner of a room time first, if nobody gave it to them."""
        span, slight = self._setting.ladder.room_cure, decision.severity in ladder.GUARANTEED
        if span is None or decision.scope is not Scope.ROOM or not slight:
            return ()
        if await cures.of_case(tx, decision.case_id) is not None:
            return ()
        note = (
            f"The ladder gives the owner {duration_in_words(span)} to put such a thing right first: "
            f"!policy cure {decision.number} usual WHAT IS TO BE PUT RIGHT"
        )
        return (note,)

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
        phrases = statements.phrases(self._setting, decision.language)
        say, history = phrases.say, [notice.history(len(proposal.counted), phrases)]
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
    ) -> _Proposed:
        """Ask the ladder of the time of the act, and use today's where it is milder."""
        live, tried = await policies.standing(tx)
        today = self._setting.policy
        if live is not None and live.hash != today.hash:
            today = live  # another process has put it in force
        law = await policies.in_force_at(tx, case.occurred_at)
        then = law or today
        _check_grid(scope, today, then)
        act = Act(
            scope=scope,
            key=key,
            severity=severity,
            occurred_at=case.occurred_at,
            decided_at=max(self._setting.now(), case.occurred_at),
            incident=case.number,
        )
        about = case.subject
        of = about.user_id, about.room_id, case.occurred_at
        spill = any(one.ladder.spill is not None for one in (today, then, *tried))
        ledger = await ledgers.entries(tx, scope, key, *of, spill=spill)
        _check_factors(factors, (today, then))
        chosen, policy = _proposal(today, act, factors, ledger), today
        if then.hash != today.hash:
            first = _proposal(then, act, factors, ledger)
            if ladder.milder(first, chosen) is first:
                chosen, policy = first, then
        shadows = tuple(
            Shadow(one.hash, str(chosen.cell), str(other.cell))
            for one in tried
            if scope in one.ladder.scopes
            for other in (_proposal(one, act, factors, ledger),)
        )
        names = {one.hash: one.ladder.version for one in tried}
        notes = tuple(
            f"Version {names[one.policy]} of the ladder, which is on trial, would propose "
            f"{one.measure}. That has no effect."
            for one in shadows
            if one.measure != one.in_force
        )
        return _Proposed(chosen, policy, today.hash, shadows, notes, _law(law, policy, today))


def _law(law: Policy | None, used: Policy, today: Policy) -> tuple[str, ...]:
    """Say by which version it was judged, if that is not the one of today, or had to be that."""
    if law is None:
        return ("judged by today's version: that of the time of the act cannot be read any more",)
    if used.hash == today.hash:
        return ()
    version = today.ladder.version
    return (f"judged by version {used.ladder.version}, of the time of the act; today's is {version}",)


def _check_grid(scope: Scope, today: Policy, then: Policy) -> None:
    """Check that there are measures on what is decided about, now and when it was done.

    Raises:
        Incomplete: there are none; servers alone can be left out of a ladder.
    """
    for one, when in ((today, ""), (then, " at the time of the act")):
        if scope not in one.ladder.scopes:
            raise Incomplete(servers.NO_GRID.format(when=when))


def _check_factors(factors: frozenset[str], versions: Sequence[Policy]) -> None:
    """Check that every factor is known today, or was at the time of the act.

    Raises:
        NotFound: one is not.
    """
    known = [name for one in versions for name in (*one.ladder.aggravating, *one.ladder.mitigating)]
    if unknown := factors - frozenset(known):
        message = f"There is no factor «{min(unknown)}». Factors: {', '.join(dict.fromkeys(known))}."
        raise NotFound(message)


def _proposal(
    version: Policy, act: Act, factors: frozenset[str], ledger: Sequence[Decision]
) -> Proposal:
    """Ask one version of the ladder; a factor that it does not know moves nothing."""
    policy = version.ladder
    weighed = replace(
        act,
        aggravating=factors & frozenset(policy.aggravating),
        mitigating=factors & frozenset(policy.mitigating),
    )
    return ladder.propose(policy, weighed, ledgers.strikes_of(ledger, policy, act.key))


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
