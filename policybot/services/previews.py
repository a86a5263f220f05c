"""Previews: what a decision would be, whom it would tell what, and everything that it would change."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from policybot.domain import cure, ladder, list_rule, notice, prepared, removal, safeguard
from policybot.domain import decision as rules
from policybot.domain import sanction as sanction_rules
from policybot.domain import server as servers
from policybot.domain.case import Subject, SubjectKind
from policybot.domain.closure import Earlier
from policybot.domain.decision import Decision, State
from policybot.domain.effects import Effect, Say, inverse
from policybot.domain.errors import Incomplete, NotFound, OutOfOrder
from policybot.domain.filing import Filing
from policybot.domain.ladder import Act, Proposal, Scope, Severity
from policybot.domain.measure import Measure, duration_in_words
from policybot.domain.notice import Origin, Statement
from policybot.domain.rules import Rule
from policybot.domain.statement import Content
from policybot.services import dossiers, ledgers, statements
from policybot.services.dossiers import Dossier
from policybot.services.sanctions import Sanctions
from policybot.services.served import credit
from policybot.services.setting import Setting
from policybot.services.statements import Grounds
from policybot.store import cures, policies, reports, sanctions
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
    grounds: Grounds
    """Why, in the words that its person reads, and what else goes on record."""
    proposal: Proposal
    remove: tuple[Subject, ...]
    """The messages to remove."""
    restraints: tuple[Effect, ...]
    """The effects that carry the measure."""
    second_person: tuple[str, ...]
    """Why somebody else has to confirm it; empty if nobody has to."""
    to: str | None
    """Who is told; None if nobody answers for the room."""
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
    def statement(self) -> Statement:
        """Why it is decided, in the words that its person reads."""
        return self.grounds.statement

    @property
    def notice(self) -> str:
        """What they read, but for the dates that are known once it is carried out."""
        return self.grounds.text

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

    def __init__(self, setting: Setting, measures: Sanctions) -> None:
        """Ask the sanctions' service which effects a measure needs."""
        self._setting = setting
        self._sanctions = measures

    async def preview(self, tx: Tx, draft: Draft) -> Preview:
        """Show what a draft would do and say."""
        decision, now = draft.decision, self._setting.now()
        span = decision.measure.duration
        served = await credit(tx, self._setting, await sanctions.of_case(tx, decision.case_id))
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
        dossier: Dossier,
        choice: Choice,
        *,
        again: Decision | None = None,
    ) -> Draft:
        """Work out a decision; `again` is the same when it was proposed, whose language and ledger stay.

        Raises:
            NotFound: there is no such rule, severity, measure or prepared text.
            Incomplete: something is missing, or rank forbids the measure.
        """
        case, room_id, now = dossier.case, dossier.room_id, self._setting.now()
        rule = self._setting.rule(choice.rule)
        severity = _severity(choice.severity, rule)
        scope = ledgers.scope_of(case, rule)
        if case.subject.kind is SubjectKind.EVENT and case.subject.user_id is None:
            message = f"I am still fetching the message of {case.number}. Please try in a moment."
            raise OutOfOrder(message)
        holder = await ledgers.holder(tx, scope, case.subject.user_id, case.occurred_at)
        new_key = ledgers.key_of(scope, case.subject, room_id, holder)
        key = again.scope_key if again else new_key
        tried = await ledgers.tried(tx, key) if scope is Scope.ROOM else frozenset[Earlier]()
        at = case.occurred_at
        act = Act(scope, key, severity, occurred_at=at, decided_at=max(now, at), incident=case.number)
        proposed = await self._propose(tx, act, case.subject.user_id, holder, choice.factors)
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
        kept = await dossiers.copies_of(tx, [one.event_id for one in dossier.about])
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
            decided_at=now,
            decider=by,
            evidence=" ".join(one.sha256 for one in kept),
            user_id=case.subject.user_id,
            room_id=room_id,
            factors=choice.factors,
            why=why,
            typed=typed,
            publish=choice.publish,
        )
        to = statements.whom(decision, dossier.filing)
        language = again.language if again else await statements.language_of(tx, to)
        decision = replace(decision, language=language)
        read = prepared.read(facts, rule.prepared, language)
        reasons = safeguard.second_person(
            policy.ladder, proposal, measure, tried, publish=choice.publish
        )
        content = next((c.kind for c in kept if c.event_id == case.subject.event_id), Content.OTHER)
        return await self._worked_out(tx, dossier, decision, rule, proposed, reasons, read, content)

    async def _worked_out(  # noqa: PLR0913, PLR0917 - what was found out so far
        self,
        tx: Tx,
        dossier: Dossier,
        decision: Decision,
        rule: Rule,
        proposed: _Proposed,
        reasons: tuple[str, ...],
        facts: str,
        content: Content,
    ) -> Draft:
        setting, reach, filing = self._setting, self._sanctions.reach, dossier.filing
        remove = dossier.about if decision.remove else ()
        removals = sanction_rules.removals(remove, statements.tombstone(setting, decision))
        restraints = await reach.restraints(tx, decision, dossier.place)
        origin = await dossiers.origin(tx, decision.case_id, dossier.reports)
        counted, removed = len(proposed.proposal.counted), len(removals)
        statement = await self._statement(tx, decision, rule, filing, origin, counted, facts, removed)
        also = await reach.others(tx, decision)
        notes = *await reach.notes(tx, decision, also), *await self._cure(tx, decision)
        return Draft(
            decision=decision,
            grounds=statements.grounds(setting, decision, statement, origin, content),
            proposal=proposed.proposal,
            remove=remove,
            restraints=restraints,
            second_person=reasons,
            to=statements.whom(decision, filing),
            removals=removals,
            removed=self._removed(decision, removed),
            also=also,
            notes=(*notes, *proposed.notes),
            today=proposed.today,
            shadows=proposed.shadows,
        )

    async def _cure(self, tx: Tx, decision: Decision) -> tuple[str, ...]:
        """Say that the ladder gives the owner of a room time first, if nobody gave it to them."""
        span, slight = self._setting.ladder.room_cure, decision.severity in ladder.GUARANTEED
        if span is None or decision.scope is not Scope.ROOM or not slight:
            return ()
        since = self._setting.now() - cure.ONCE_IN
        if await cures.had(tx, decision.case_id, decision.room_id or "", since):
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
        filing: Filing | None,
        origin: Origin,
        counted: int,
        facts: str,
        removed: int,
    ) -> Statement:
        phrases = statements.phrases(self._setting, decision.language)
        say, history = phrases.say, [notice.history(counted, phrases)]
        if decision.factors:
            history.append(say("notice_factors", factors=", ".join(sorted(decision.factors))))
        if decision.why:
            history.append(say("notice_why", why=decision.why))
        statement = await statements.written(
            tx,
            self._setting,
            decision,
            rule,
            filing=filing,
            origin=origin,
            severity=say("notice_severity", severity=decision.severity.value),
            history="; ".join(history),
            facts=facts,
            removed=removed,
        )
        return notice.complete(statement)

    async def _propose(
        self, tx: Tx, act: Act, user_id: str | None, holder: str | None, factors: frozenset[str]
    ) -> _Proposed:
        """Ask the ladder of the time of the act, and use today's where it is milder."""
        live, tried = await policies.standing(tx)
        today = self._setting.policy
        if live is not None and live.hash != today.hash:
            today = live  # another process has put it in force
        law = await policies.in_force_at(tx, act.occurred_at)
        then = law or today
        _check_grid(act.scope, today, then)
        spill = any(one.ladder.spill is not None for one in (today, then, *tried))
        ledger = await ledgers.entries(tx, act.scope, act.key, user_id, holder, spill=spill)
        _check_factors(factors, (today, then))
        chosen, policy = _proposal(today, act, factors, ledger), today
        if then.hash != today.hash:
            first = _proposal(then, act, factors, ledger)
            if ladder.milder(first, chosen) is first:
                chosen, policy = first, then
        shadows = tuple(
            Shadow(one.hash, str(chosen.cell), str(other.cell))
            for one in tried
            if act.scope in one.ladder.scopes
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
