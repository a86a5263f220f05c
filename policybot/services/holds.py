"""Holds: a room is frozen at once and for a short time, by one moderator, while it is looked into."""

from policybot.domain import case as case_rules
from policybot.domain import hold as rules
from policybot.domain import notice
from policybot.domain.case import Case, SubjectKind
from policybot.domain.decision import Decision, Nature, State
from policybot.domain.errors import Incomplete, OutOfOrder
from policybot.domain.ladder import History, Scope
from policybot.domain.measure import Kind
from policybot.domain.notice import Statement
from policybot.domain.rules import Rule
from policybot.services import statements
from policybot.services.cases import Cases, origin_of
from policybot.services.sanctions import Sanctions
from policybot.services.setting import Setting
from policybot.store import audit, cases, decisions, rooms, sanctions
from policybot.store.database import Tx, next_number


class Holds:
    """The service for holds on rooms."""

    def __init__(self, setting: Setting, casework: Cases, measures: Sanctions) -> None:
        """Work with the services that hold cases and sanctions."""
        self._setting = setting
        self._cases = casework
        self._sanctions = measures

    async def impose(self, tx: Tx, by: str, case: Case, rule_id: str, facts: str) -> Decision:
        """Put the room of an undecided case on hold, whoever works on the case.

        Raises:
            NotFound: there is no such rule.
            NotPermitted: they are a party to the case.
            Incomplete: the case is about no room, the reason says nothing, or rank forbids it.
            OutOfOrder: the case is decided, or the room is or was a short time ago on hold.
        """
        rule = self._setting.rule(rule_id)
        room_id = case.subject.room_id
        if case.subject.kind is not SubjectKind.ROOM or room_id is None:
            message = (
                f"{case.number} is about {case.subject.in_words}, and a hold is for a room. To put one "
                "on hold: !policy hold ROOM RULE REASON"
            )
            raise Incomplete(message)
        case_rules.impartial(case, by, await self._cases.involved(tx, case))
        await cases.lock(tx, case.id)  # a decision that is being made is waited for
        case = await self._cases.find(tx, case.id, case.number)
        if case.state not in case_rules.UNDECIDED:
            message = f"{case.number} is {case.state}: a hold is for a case that is still to be decided."
            raise OutOfOrder(message)
        await rooms.hold(tx, {room_id})  # of two who do it at once, the second sees the first one's
        await self._check_free(tx, room_id)
        decision = self._decision(by, case, rule, await next_number(tx, "decision"), facts)
        statement = await self._statement(tx, decision, rule)
        restraints = await self._sanctions.restraints(tx, decision)
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
            room=room_id,
            facts=decision.facts,
        )
        await self._sanctions.impose(tx, decision, restraints)
        return decision

    async def _check_free(self, tx: Tx, room_id: str) -> None:
        for other in await sanctions.binding_on(tx, None, room_id):
            if not other.interim and other.measure.kind in (Kind.SUSPEND, Kind.CLOSE):
                message = f"A {other.measure.in_words('room')} binds this room already."
                raise OutOfOrder(message)
        rules.check_pause(await sanctions.held_until(tx, room_id), self._setting.now())

    def _decision(self, by: str, case: Case, rule: Rule, number: int, facts: str) -> Decision:
        return Decision(
            id=number,
            case_id=case.id,
            state=State.FINAL,
            policy_hash=self._setting.policy.hash,
            rule_id=rule.id,
            scope=Scope.ROOM,
            scope_key=str(case.subject.room_id),
            severity=rule.mildest,
            history=History.H0,
            measure=rules.MEASURE,
            remove=False,
            facts=facts.strip(),
            explanation=(),
            occurred_at=case.occurred_at,
            decided_at=self._setting.now(),
            decider=by,
            room_id=case.subject.room_id,
            nature=Nature.HOLD,
        )

    async def _statement(self, tx: Tx, decision: Decision, rule: Rule) -> Statement:
        origin = await origin_of(tx, decision.case_id)
        statement = await statements.written(tx, self._setting, decision, rule, origin=origin)
        return notice.complete(notice.held(statement, decision.in_words, rules.LONGEST))

    async def dismiss(self, tx: Tx, by: str, case: Case, reason: str) -> None:
        """Close a case without a breach; a hold in it ends with it."""
        await self._cases.dismiss(tx, by, case, reason)
        await self._sanctions.end_hold(tx, case.id, by)
