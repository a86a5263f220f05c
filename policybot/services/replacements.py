"""Replacements: somebody else answers for a room, after two people agreed and they have accepted."""

from dataclasses import dataclass, replace

from policybot.domain import case as case_rules
from policybot.domain import decision as decision_rules
from policybot.domain import filing as filing_rules
from policybot.domain import notice
from policybot.domain import replacement as rules
from policybot.domain.case import Case, SubjectKind
from policybot.domain.cure import check_over
from policybot.domain.decision import Approval, Decision, Nature, State
from policybot.domain.effects import RestrictMember
from policybot.domain.errors import Incomplete, NotFound, NotPermitted, OutOfOrder
from policybot.domain.filing import Filing
from policybot.domain.ladder import History, Scope
from policybot.domain.measure import Kind, Measure
from policybot.domain.permission import Permission
from policybot.domain.replacement import Replacement
from policybot.domain.rules import Rule
from policybot.services import dossiers, statements
from policybot.services.cases import Cases
from policybot.services.filings import Filings
from policybot.services.proposals import propose
from policybot.services.sanctions import Sanctions
from policybot.services.setting import Setting
from policybot.services.transfers import Transfers
from policybot.store import (
    audit,
    cases,
    cures,
    decisions,
    filings,
    replacements,
    rooms,
    sanctions,
)
from policybot.store.database import Tx, next_number
from policybot.store.members import accounts_of

_BATCH = 100
_GONE = (
    "Something about this room has changed since you were asked to answer for it, so nothing was done. "
    "You need not do anything."
)


@dataclass(frozen=True, slots=True)
class Proposed:
    """A replacement that waits for a second person."""

    wanted: Replacement
    filing: Filing
    approval: Approval


class Replacements:
    """The service for replacing those who answer for rooms."""

    needs = Permission.CASE_DECIDE

    def __init__(
        self,
        setting: Setting,
        applied: Filings,
        casework: Cases,
        measures: Sanctions,
        handovers: Transfers,
    ) -> None:
        """Work with the services that hold cases and sanctions, and know who may take a room over."""
        self._setting = setting
        self._filings = applied
        self._cases = casework
        self._sanctions = measures
        self._transfers = handovers

    async def propose(  # noqa: PLR0913, PLR0917 - what a moderator types
        self, tx: Tx, by: str, case: Case, rule_id: str, successor: str, facts: str
    ) -> Proposed:
        """Propose that somebody else answers for the room of a case.

        Raises:
            NotFound: there is no such rule.
            NotPermitted: the proposer is a party to the case, or is to get the room.
            Incomplete: the case is about no filed room, or rank forbids it; the reason says nothing.
            OutOfOrder: the case or the room is in no state for it.
        """
        rule = self._setting.rule(rule_id)
        dossier = await self._cases.take(tx, by, case)
        check_over(await cures.of_case(tx, case.id))
        filing, wanted = await self._check(tx, case, successor)
        if successor in await accounts_of(tx, by):
            message = "You cannot give a room to yourself."
            raise NotPermitted(message)
        decision = await self._decision(tx, by, case, rule, wanted, facts)
        wanted = replace(wanted, decision_id=decision.id)
        origin = await dossiers.origin(tx, case.id, dossier.reports)
        written = await statements.written(
            tx, self._setting, decision, rule, filing=filing, origin=origin
        )
        statement = notice.complete(notice.replaced(written, decision.in_words))
        await decisions.add(tx, decision, statement)
        await replacements.save(tx, wanted)
        approval = await propose(
            tx,
            self._setting,
            by=by,
            subject=f"replacement {decision.id}",
            binding=rules.binding(decision, wanted),
        )
        await cases.save(tx, case_rules.moved(dossier.case, case_rules.Step.PROPOSE))
        self._remember(tx, by, "decision:propose", decision, wanted)
        return Proposed(wanted, filing, approval)

    async def _check(self, tx: Tx, case: Case, successor: str) -> tuple[Filing, Replacement]:
        """Look whether it could be done now: room, people, rank."""
        room_id = case.subject.room_id if case.subject.kind is SubjectKind.ROOM else None
        filing = await filings.of_room(tx, room_id) if room_id else None
        room = await rooms.get(tx, room_id) if room_id else None
        if filing is None or room is None or filing.record_number is None:
            message = f"{case.number} is about {case.subject.in_words}: nobody has filed that room."
            raise Incomplete(message)
        bot, former = self._setting.config.bot_user_id, filing.applicant
        if successor in (former, bot):
            message = f"{successor} cannot take {filing.number} over."
            raise OutOfOrder(message)
        rules.taken_over(filing, former, successor)
        if (reason := rules.hindrance(room.levels, bot, former, successor)) is not None:
            raise Incomplete(reason)
        for user_id in (former, successor):
            bound = await sanctions.binding_on(tx, user_id, None)
            if RestrictMember(filing.room_id, user_id) in {e for s in bound for e in s.restraints}:
                message = (
                    f"A measure takes {user_id}'s right to write there, which is a power level too. "
                    "Lift it first, or wait until it has ended."
                )
                raise OutOfOrder(message)
        return filing, Replacement(0, filing.id, former, successor, int(room.levels.of(former)))

    async def _decision(  # noqa: PLR0913, PLR0917 - the parts
        self, tx: Tx, by: str, case: Case, rule: Rule, wanted: Replacement, facts: str
    ) -> Decision:
        return Decision(
            id=await next_number(tx, "decision"),
            case_id=case.id,
            state=State.PENDING,
            policy_hash=(await self._setting.in_force(tx)).hash,
            rule_id=rule.id,
            scope=Scope.ROOM,
            scope_key=str(case.subject.room_id),
            severity=rule.mildest,
            history=History.H0,
            measure=Measure(Kind.NONE),
            remove=False,
            facts=facts.strip(),
            explanation=(),
            occurred_at=case.occurred_at,
            decided_at=self._setting.now(),
            decider=by,
            user_id=wanted.former,
            room_id=case.subject.room_id,
            nature=Nature.REPLACEMENT,
        )

    # Confirming: `services.approvals.Act` --------------------------------------------------------

    async def _proposed(self, tx: Tx, approval: Approval) -> tuple[Decision, Case, Replacement]:
        number = int(approval.subject.partition(" ")[2])
        decision, wanted = await decisions.get(tx, number), await replacements.get(tx, number)
        case = await cases.get(tx, decision.case_id) if decision else None
        if decision is None or wanted is None or case is None:
            message = f"Nothing waits under the code {approval.code}."
            raise NotFound(message)
        return decision, case, wanted

    async def _parties(self, tx: Tx, case: Case, wanted: Replacement) -> frozenset[str]:
        return await self._cases.involved(tx, case) | await accounts_of(tx, wanted.successor)

    async def confirm(self, tx: Tx, by: str, approval: Approval) -> str:
        """Ask the successor, now that a second person agrees; nothing has changed yet."""
        decision, case, wanted = await self._proposed(tx, approval)
        proposers = await accounts_of(tx, approval.proposer)
        parties = await self._parties(tx, case, wanted)
        decision_rules.confirmable(approval, by, self._setting.now(), parties, proposers)
        filing, now_wanted = await self._check(tx, case, wanted.successor)
        now_wanted = replace(now_wanted, decision_id=decision.id)
        if rules.binding(decision, now_wanted) != approval.binding:
            message = (
                f"What was proposed under {approval.code} no longer fits: something changed since. Deny "
                f"it with !policy deny {approval.code} and decide anew."
            )
            raise OutOfOrder(message)
        await decisions.end_approval(tx, approval.code, "given", by)
        await decisions.save(tx, replace(decision, approver=by))
        await replacements.save(tx, replace(wanted, asked_at=self._setting.now()))
        await self._free(tx, case)
        self._remember(tx, by, "decision:confirm", decision, wanted)
        self._setting.tell(
            tx,
            wanted.successor,
            f"Two moderators ask you to answer for the public room {filing.number} "
            f"(https://matrix.to/#/{filing.room_id}) from now on, in place of {wanted.former}. You "
            "would answer for what is published there, lead the room, and renew its approval. If you "
            f"want that: !policy accept {filing.number}\nIf not: !policy decline {filing.number}, or do "
            f"nothing: the question ends after {filing_rules.TRANSFER_LIFE.days} days.",
            cause=f"filing {filing.id}",
        )
        return (
            f"{decision.number} is confirmed: I have asked {wanted.successor} to answer for "
            f"{filing.number}. Nothing changes before they accept, for which they have "
            f"{filing_rules.TRANSFER_LIFE.days} days; the case is free until then, and can be decided "
            "otherwise."
        )

    async def _free(self, tx: Tx, case: Case) -> None:
        """Give a case back to everybody, if it still waits for this."""
        if case.state is case_rules.State.PENDING_APPROVAL:
            back = case_rules.moved(case, case_rules.Step.DENY)
            back = case_rules.moved(back, case_rules.Step.RELEASE)
            await cases.save(tx, replace(back, assignee=None, lease_until=None))

    async def check_denying(self, tx: Tx, by: str, approval: Approval) -> None:
        """Check that no party denies it."""
        _, case, wanted = await self._proposed(tx, approval)
        decision_rules.deniable(by, await self._parties(tx, case, wanted))

    async def dropped(self, tx: Tx, by: str, approval: Approval, state: str) -> None:
        """Note that nobody confirmed it: the case is to be decided."""
        decision, case, wanted = await self._proposed(tx, approval)
        await self._let_go(tx, by, decision, wanted, State(state))
        await self._free(tx, case)
        if state == "expired":
            said = f"The proposal {approval.code} has expired. Nothing was done."
            self._setting.tell_staff(tx, said, cause=approval.subject)

    async def _let_go(
        self, tx: Tx, by: str, decision: Decision, wanted: Replacement, state: State
    ) -> None:
        await replacements.end(tx, wanted.decision_id)
        await decisions.save(tx, replace(decision, state=state))
        self._remember(tx, by, f"decision:{state}", decision, wanted)

    # Accepting -----------------------------------------------------------------------------------

    async def accept(self, tx: Tx, by: str, text: str) -> Filing | None:
        """Let somebody answer for a room in place of its owner; None if nobody asked them for that.

        Raises:
            OutOfOrder: they are not verified or have not signed, or something has changed since.
            NotPermitted: they have as many rooms as one may.
        """
        filing = await filings.get(tx, text.upper())
        wanted = await replacements.asked(tx, filing.id, by) if filing else None
        now = self._setting.now()
        if filing is None or wanted is None or wanted.asked_at is None:
            return None
        if now - wanted.asked_at >= filing_rules.TRANSFER_LIFE:
            return None
        await self._transfers.may_take(tx, by, filing)
        decision = await decisions.get(tx, wanted.decision_id)
        case = await cases.get(tx, decision.case_id) if decision else None
        if decision is None or case is None or case.state not in case_rules.UNDECIDED:
            raise OutOfOrder(_GONE)
        try:
            _, present = await self._check(tx, case, by)
        except (Incomplete, OutOfOrder):
            raise OutOfOrder(_GONE) from None
        if replace(present, decision_id=decision.id, asked_at=wanted.asked_at) != wanted:
            raise OutOfOrder(_GONE)
        if not await replacements.end(tx, wanted.decision_id):
            raise OutOfOrder(_GONE)
        taken = rules.taken_over(filing, wanted.former, by)
        await self._filings.hand_over(tx, by, filing, taken)
        final = replace(decision, state=State.FINAL, decided_at=now)
        await decisions.save(tx, final)
        await self._close(tx, case)
        self._remember(tx, by, "decision:final", final, wanted)
        levels = rules.effects(filing.room_id, wanted, decision.number)
        statement = await decisions.statement(tx, final.id)
        grounds = await statements.grounds_of(tx, self._setting, final, statement)
        await self._sanctions.impose(tx, final, grounds, levels)
        said = f"{decision.number}: {by} has accepted and answers for {filing.number} now."
        self._setting.tell_staff(tx, said, cause=f"case {case.id}")
        return taken

    async def decline(self, tx: Tx, by: str, text: str) -> Filing | None:
        """Let somebody not answer for a room; None if no moderators asked them for that."""
        filing = await filings.get(tx, text.upper())
        wanted = await replacements.asked(tx, filing.id, by) if filing else None
        decision = await decisions.get(tx, wanted.decision_id) if wanted else None
        if wanted is None or decision is None:
            return None
        await self._let_go(tx, by, decision, wanted, State.DENIED)
        self._setting.tell_staff(
            tx,
            f"{decision.number}: {by} does not want to answer for {text.upper()}. Nothing has changed; "
            f"the case is yours to decide. Next: !policy claim {decision.number}",
            cause=f"case {decision.case_id}",
        )
        return filing

    async def _close(self, tx: Tx, case: Case) -> None:
        if case.state is case_rules.State.OPEN:
            case = case_rules.moved(case, case_rules.Step.CLAIM)
        decided = case_rules.moved(case, case_rules.Step.DECIDE)
        await cases.save(tx, case_rules.moved(decided, case_rules.Step.CLOSE))

    async def tick(self, tx: Tx) -> None:
        """Let go what nobody has accepted in time, or what was decided otherwise meanwhile."""
        now = self._setting.now()
        for wanted in await replacements.asked_before(tx, now - filing_rules.TRANSFER_LIFE, _BATCH):
            decision = await decisions.get(tx, wanted.decision_id)
            if decision is None:
                await replacements.end(tx, wanted.decision_id)
                continue
            await self._let_go(tx, "system:clock", decision, wanted, State.EXPIRED)
            self._setting.tell_staff(
                tx,
                f"{decision.number}: {wanted.successor} has not accepted the room. Nothing has changed.",
                cause=f"case {decision.case_id}",
            )

    def _remember(self, tx: Tx, actor: str, tag: str, decision: Decision, wanted: Replacement) -> None:
        audit.append(
            tx,
            at=self._setting.now(),
            actor=actor,
            tag=tag,
            object=decision.number,
            decision=decision.id,
            rule=decision.rule_id,
            measure=decision.nature.value,
            former=wanted.former,
            successor=wanted.successor,
            level=wanted.level,
            binding=rules.binding(decision, wanted),
        )
