"""Decisions: what the ladder proposes in a case, what a person decides, who has to confirm it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from policybot.domain import case as case_rules
from policybot.domain import decision as rules
from policybot.domain import notice
from policybot.domain.case import Case, SubjectKind
from policybot.domain.cure import check_over
from policybot.domain.decision import Approval, Decision, State
from policybot.domain.errors import Incomplete, NotFound, OutOfOrder
from policybot.domain.permission import Permission, Role, allowed
from policybot.domain.register import marked
from policybot.services import dossiers, statements
from policybot.services.cases import Cases
from policybot.services.dossiers import Dossier
from policybot.services.filings import Filings
from policybot.services.previews import Choice, Draft, Preview, Previews, choice_of
from policybot.services.proposals import propose
from policybot.services.reach import hold_cases, hold_rooms
from policybot.services.sanctions import Sanctions
from policybot.services.setting import Setting
from policybot.store import audit, cases, cures, decisions, filings, policies
from policybot.store.database import Tx, hold_numbers, next_number
from policybot.store.members import accounts_of

OWN_ACTS = ("decision", "filing")
"""The acts whose approvals are dealt with here; the others see `services.approvals`."""


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
        self._previews = Previews(setting, measures)
        self._setting = setting
        self._cases = casework
        self._sanctions = measures
        self._filings = applications

    async def draft(self, tx: Tx, by: str, case: Case, choice: Choice) -> Draft:
        """Work out a decision; nothing is written."""
        return await self._previews.draft(tx, by, await dossiers.of(tx, self._setting, case), choice)

    async def preview(self, tx: Tx, by: str, case: Case, choice: Choice) -> Preview:
        """Show exactly what a decision would do and say; nothing is written.

        Raises:
            NotPermitted: they are a party to it, or somebody else works on it.
            OutOfOrder: it is past deciding.
        """
        dossier = await self._take(tx, by, case)
        return await self._previews.preview(tx, await self._previews.draft(tx, by, dossier, choice))

    async def shown(self, tx: Tx, draft: Draft) -> Preview:
        """Show exactly what a decision that was worked out does and says."""
        return await self._previews.preview(tx, draft)

    async def proposed(self, tx: Tx, case: Case, decision: Decision) -> Preview:
        """Show again what waits for its confirmation, as it would be carried out now.

        Raises:
            Refused: it could not be decided any more.
        """
        return await self._previews.preview(tx, await self._again(tx, decision, case))

    async def _again(self, tx: Tx, decision: Decision, case: Case) -> Draft:
        """Work out anew what was decided in a case."""
        dossier, choice = await dossiers.of(tx, self._setting, case), choice_of(decision)
        return await self._previews.draft(tx, decision.decider, dossier, choice, again=decision)

    async def _take(self, tx: Tx, by: str, case: Case) -> Dossier:
        """Make sure that a case is somebody's to decide, and that nobody has time to put it right."""
        dossier = await self._cases.take(tx, by, case)
        if case.subject.kind is SubjectKind.ROOM:
            check_over(await cures.of_case(tx, case.id))
        return dossier

    async def decide(self, tx: Tx, by: str, case: Case, choice: Choice) -> Taken:
        """Decide a case, or propose the decision to whoever has to confirm it."""
        dossier = await self._take(tx, by, case)
        taken, draft = dossier.case, await self._previews.draft(tx, by, dossier, choice)
        waits = bool(draft.second_person) or draft.decision.grave
        if not waits:
            made = await self.settle(tx, taken, draft, None)
            return Taken(replace(draft, decision=made), None)
        await _check_in_force(tx, draft)
        await cases.save(tx, case_rules.moved(taken, case_rules.Step.PROPOSE))
        decision = await self._keep(tx, draft, State.PENDING, None)
        draft = replace(draft, decision=decision)
        approval = await propose(
            tx,
            self._setting,
            by=by,
            subject=f"decision {decision.id}",
            binding=draft.binding,
            needs_other=bool(draft.second_person),
        )
        self._remember(tx, by, "decision:propose", decision)
        return Taken(draft, approval)

    async def settle(self, tx: Tx, case: Case, draft: Draft, approver: str | None) -> Decision:
        """Make a decision that was worked out, and have it carried out.

        The ladder is kept first, then what binds in the case, the case, the number and the rooms: so no
        two wait for each other.
        """
        await _check_in_force(tx, draft)
        await hold_cases(tx, case.id)
        await _close(tx, case)
        decision = await self._keep(tx, draft, State.FINAL, approver)
        await self._enforce(tx, replace(draft, decision=decision))
        return decision

    async def hold(self, tx: Tx, case_ids: Collection[int], drafts: Sequence[Draft]) -> None:
        """Let others wait who change cases that are decided together, in the order of `settle`."""
        bound = await hold_cases(tx, *case_ids)
        if drafts:
            await hold_numbers(tx, "decision")
        restraints = [*(one.restraints for one in bound), *(one.restraints for one in drafts)]
        await hold_rooms(tx, [effect for several in restraints for effect in several])

    @staticmethod
    async def _keep(tx: Tx, draft: Draft, state: State, approver: str | None) -> Decision:
        """Save a decision that was worked out, with what ladders on trial would have proposed."""
        number = await next_number(tx, "decision")
        decision = replace(draft.decision, id=number, state=state, approver=approver)
        await decisions.add(tx, decision, draft.statement)
        await policies.keep_shadows(tx, decision.id, draft.shadows)
        return decision

    async def _enforce(self, tx: Tx, draft: Draft) -> None:
        decision = draft.decision
        actor = decision.approver or decision.decider
        self._remember(tx, actor, "decision:final", decision)
        grounds, remove = draft.grounds, draft.remove
        await self._sanctions.impose(tx, decision, grounds, draft.restraints, remove=remove)

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
        draft = await self._unchanged(tx, approval, decision, case)
        final = replace(
            decision,
            state=State.FINAL,
            approver=by if by != decision.decider else None,
            decided_at=self._setting.now(),
        )
        await decisions.end_approval(tx, approval.code, "given", by)
        await hold_cases(tx, case.id, pending=[decision.id])
        await decisions.save(tx, final)
        final = replace(final, version=final.version + 1)
        await _close(tx, case)
        await self._enforce(tx, replace(draft, decision=final))
        measure = statements.in_words(self._setting, decision)
        return f"{decision.number} is decided: {measure}. It is being carried out."

    async def _check_confirmable(self, tx: Tx, by: str, approval: Approval) -> None:
        """Check that another person confirms than who proposed it, and no party."""
        proposers = await accounts_of(tx, approval.proposer)
        parties = await self._parties(tx, approval)
        rules.confirmable(approval, by, self._setting.now(), parties, proposers)

    async def _unchanged(self, tx: Tx, approval: Approval, decision: Decision, case: Case) -> Draft:
        """Refuse to carry out anything else than what was proposed: history may have moved on."""
        try:
            draft = await self._again(tx, decision, case)
        except NotFound as error:
            raise OutOfOrder(_changed(approval.code)) from error
        if draft.binding != approval.binding or draft.decision.binding != decision.binding:
            raise OutOfOrder(_changed(approval.code))
        await _check_in_force(tx, draft)
        return draft

    async def deny(self, tx: Tx, by: str, code: str, roles: frozenset[Role]) -> str:
        """Refuse what waits under a code; nothing happens, and the case goes back to work."""
        approval = await self._waiting(tx, code, roles)
        if by != approval.proposer:
            rules.deniable(by, await self._parties(tx, approval))
        await decisions.end_approval(tx, approval.code, "denied", by)
        waits = await self._undo_proposal(tx, approval, State.DENIED, by)
        return f"The proposal {approval.code} is denied. Nothing was done.{waits}"

    async def _parties(self, tx: Tx, approval: Approval) -> frozenset[str]:
        kind, _, number = approval.subject.partition(" ")
        if kind == "filing":
            filing = await filings.get(tx, number)
            return await accounts_of(tx, filing.applicant) if filing else frozenset()
        decision = await decisions.get(tx, int(number))
        case = await cases.get(tx, decision.case_id) if decision else None
        if case is None:
            return frozenset()
        dossier = await dossiers.of(tx, self._setting, case)
        return await dossiers.involved(tx, self._setting, dossier) | await dossiers.judged(tx, dossier)

    async def expire(self, tx: Tx) -> None:
        """Let approvals go that nobody gave in time: silence decides nothing."""
        for approval in await decisions.overdue_approvals(tx, self._setting.now()):
            if approval.subject.partition(" ")[0] not in OWN_ACTS:
                continue
            await decisions.end_approval(tx, approval.code, "expired", None)
            waits = await self._undo_proposal(tx, approval, State.EXPIRED, "system:clock")
            self._setting.tell_staff(
                tx,
                f"The proposal {approval.code} has expired. Nothing was done.{waits}",
                cause=approval.subject,
            )

    async def _undo_proposal(self, tx: Tx, approval: Approval, state: State, by: str) -> str:
        """Let what was proposed be as if it had not been; say which case waits again."""
        kind, _, number = approval.subject.partition(" ")
        decision = await decisions.get(tx, int(number)) if kind == "decision" else None
        if decision is None:
            return ""
        await decisions.save(tx, replace(decision, state=state))
        case = await cases.get(tx, decision.case_id)
        if case is not None:
            await cases.save(tx, case_rules.moved(case, case_rules.Step.DENY))
        self._remember(tx, by, f"decision:{state}", decision)
        return f" {decision.number} waits again: !policy show {decision.number}"

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


async def _check_in_force(tx: Tx, draft: Draft) -> None:
    """Keep the ladder in force until the decision is saved, or refuse: a retired one judges nobody.

    Raises:
        OutOfOrder: another came into force since the decision was worked out.
    """
    if draft.today and not await policies.keep(tx, draft.today):
        message = "The ladder has changed this moment. Nothing was decided: please look at it anew."
        raise OutOfOrder(message)


async def _close(tx: Tx, case: Case) -> None:
    decided = case_rules.moved(case, case_rules.Step.DECIDE)
    await cases.save(tx, case_rules.moved(decided, case_rules.Step.CLOSE))


def _changed(code: str) -> str:
    return (
        f"What was proposed under {code} no longer fits: something changed since. "
        f"Deny it with !policy deny {code} and decide anew."
    )
