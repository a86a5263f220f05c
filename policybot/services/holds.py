"""Holds: by one moderator, at once and for a short time, a room is frozen or somebody only reads."""

from policybot.domain import case as case_rules
from policybot.domain import hold as rules
from policybot.domain import notice, prepared
from policybot.domain import server as servers
from policybot.domain.case import Case, Subject, SubjectKind
from policybot.domain.decision import Decision, Nature, State
from policybot.domain.errors import OutOfOrder
from policybot.domain.ladder import History, Scope
from policybot.domain.measure import Kind
from policybot.domain.notice import Origin, Statement
from policybot.domain.rules import Rule
from policybot.domain.statement import Content
from policybot.services import dossiers, ledgers, statements
from policybot.services.cases import Cases
from policybot.services.dossiers import Dossier
from policybot.services.reach import hold_cases
from policybot.services.sanctions import Sanctions
from policybot.services.setting import Setting
from policybot.store import audit, cases, decisions, rooms, sanctions
from policybot.store.database import Tx, next_number

_BINDS = {
    Scope.ROOM: (Kind.SUSPEND, Kind.CLOSE),
    Scope.MEMBER: (Kind.RESTRICT, Kind.SUSPEND, Kind.CLOSE),
    Scope.ACCOUNT: (Kind.RESTRICT, Kind.SUSPEND, Kind.CLOSE),
}
"""Measures beside which a hold would add nothing."""


class Holds:
    """The service for holds on rooms, members and accounts."""

    def __init__(self, setting: Setting, casework: Cases, measures: Sanctions) -> None:
        """Work with the services that hold cases and sanctions."""
        self._setting = setting
        self._cases = casework
        self._sanctions = measures

    async def about_account(self, tx: Tx, by: str, user_id: str) -> Case:
        """Find the undecided case about an account, or open one."""
        subject = Subject(SubjectKind.USER, user_id=user_id)
        return await self._cases.running(tx, subject) or await self._cases.open(tx, subject, by)

    async def impose(self, tx: Tx, by: str, case: Case, rule_id: str, facts: str) -> Decision:
        """Put what an undecided case is about on hold, whoever works on the case.

        Of a message it is its author, in the room or everywhere, as the rule counts.

        Raises:
            NotFound: there is no such rule.
            NotPermitted: they are a party to the case.
            Incomplete: the reason says nothing, or rank forbids it.
            OutOfOrder: the case is decided, or the same is or was a short time ago on hold.
        """
        if case.subject.kind is SubjectKind.SERVER:
            raise OutOfOrder(servers.NO_HOLD)
        rule = self._setting.rule(rule_id)
        await cases.lock(tx, case.id)  # a decision that is being made is waited for
        case = await self._cases.find(tx, case.id, case.number)
        dossier = await dossiers.of(tx, self._setting, case)
        case_rules.impartial(case, by, await dossiers.involved(tx, self._setting, dossier))
        if case.state not in case_rules.UNDECIDED:
            message = f"{case.number} is {case.state}: a hold is for a case that is still to be decided."
            raise OutOfOrder(message)
        if case.subject.kind is SubjectKind.EVENT and case.subject.user_id is None:
            message = f"I am still fetching the message of {case.number}. Please try in a moment."
            raise OutOfOrder(message)
        # Of two who do it at once, the second sees the first one's: the next number waits for it.
        decision = await self._decision(tx, by, dossier, rule, facts)
        await rooms.hold(tx, {dossier.room_id} if dossier.room_id else ())
        await self._check_free(tx, decision)
        origin = await dossiers.origin(tx, case.id, dossier.reports)
        statement = await self._statement(tx, decision, rule, dossier, origin)
        restraints = await self._sanctions.reach.restraints(tx, decision, dossier.place)
        await decisions.add(tx, decision, statement)
        await self._cases.priorities.renew(tx, case)
        audit.append(
            tx,
            at=decision.decided_at,
            actor=by,
            tag="decision:hold",
            object=decision.number,
            decision=decision.id,
            rule=rule.id,
            room=decision.room_id or "",
            account=decision.user_id or "",
            facts=decision.facts,
        )
        kept = await dossiers.copies_of(tx, [case.subject.event_id])
        content = kept[0].kind if kept else Content.OTHER
        grounds = statements.grounds(self._setting, decision, statement, origin, content)
        await self._sanctions.impose(tx, decision, grounds, restraints)
        return decision

    async def _check_free(self, tx: Tx, decision: Decision) -> None:
        """Refuse a hold where a measure binds already, and one after another."""
        scope, user_id, room_id = decision.scope, decision.user_id, decision.room_id
        here = room_id if scope is Scope.MEMBER else None
        for other in await sanctions.binding_on(tx, user_id, None if user_id else room_id):
            if other.interim or other.measure.kind not in _BINDS[scope]:
                continue
            if other.scope is scope and (here is None or other.room_id == here):
                what = {Scope.ROOM: "room", Scope.MEMBER: "member"}.get(scope, "account")
                message = f"A {other.measure.in_words(scope.value)} binds this {what} already."
                raise OutOfOrder(message)
        if user_id is None:
            last = await sanctions.held_until(tx, room_id or "")
        else:
            last = await sanctions.account_held_until(tx, user_id, here)
        rules.check_pause(last, self._setting.now(), scope)

    async def _decision(self, tx: Tx, by: str, dossier: Dossier, rule: Rule, facts: str) -> Decision:
        case, room_id = dossier.case, dossier.room_id
        scope = ledgers.scope_of(case, rule)
        holder = await ledgers.holder(tx, scope, case.subject.user_id, case.occurred_at)
        return Decision(
            id=await next_number(tx, "decision"),
            case_id=case.id,
            state=State.FINAL,
            policy_hash=(await self._setting.in_force(tx)).hash,
            rule_id=rule.id,
            scope=scope,
            scope_key=ledgers.key_of(scope, case.subject, room_id, holder),
            severity=rule.mildest,
            history=History.H0,
            measure=rules.measure(scope),
            remove=False,
            facts=prepared.checked(facts, "the reason"),
            explanation=(),
            occurred_at=case.occurred_at,
            decided_at=self._setting.now(),
            decider=by,
            user_id=None if scope is Scope.ROOM else case.subject.user_id,
            room_id=room_id,
            nature=Nature.HOLD,
        )

    async def _statement(
        self, tx: Tx, decision: Decision, rule: Rule, dossier: Dossier, origin: Origin
    ) -> Statement:
        statement = await statements.written(
            tx, self._setting, decision, rule, filing=dossier.filing, origin=origin
        )
        return notice.complete(notice.held(statement, decision.in_words, rules.LONGEST))

    async def dismiss(self, tx: Tx, by: str, case: Case, reason: str) -> None:
        """Close a case without a breach; a hold in it ends with it."""
        await hold_cases(tx, case.id)
        await self._cases.dismiss(tx, by, case, reason)
        await self._sanctions.end_hold(tx, case.id, by)
