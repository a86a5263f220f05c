"""Appeals: take an objection in, have another person decide it, and undo what was wrong."""

from dataclasses import replace
from datetime import timedelta

from policybot.domain import appeal as rules
from policybot.domain import notice
from policybot.domain.appeal import Appeal, Verdict
from policybot.domain.appeal import State as AppealState
from policybot.domain.case import Case
from policybot.domain.decision import IN_FORCE, Decision, State
from policybot.domain.errors import Incomplete, NotFound, OutOfOrder
from policybot.domain.measure import Measure
from policybot.domain.name import one_line
from policybot.domain.sanction import BINDING
from policybot.services import statements
from policybot.services.cases import Cases
from policybot.services.sanctions import Sanctions
from policybot.services.setting import Setting
from policybot.services.unwinding import Unwinding
from policybot.store import (
    appeals,
    audit,
    decisions,
    filings,
    members,
    sanctions,
)
from policybot.store.database import Tx, next_number

_RESTORED = "Restored after appeal"


class Appeals:
    """The service for appeals."""

    def __init__(
        self, setting: Setting, casework: Cases, measures: Sanctions, unwinding: Unwinding
    ) -> None:
        """Work with the services that hold cases and sanctions, and with what undoes a decision."""
        self._setting = setting
        self._cases = casework
        self._sanctions = measures
        self._unwinding = unwinding

    async def submit(
        self, tx: Tx, appellant: str, case_id: int | None, text: str, *, against: int | None = None
    ) -> Appeal:
        """Take in an objection: `against` one decision, or the newest of a case that holds.

        Raises:
            NotFound: nothing was decided about the appellant in that case.
            Incomplete: it says nothing, or too much.
            OutOfOrder: it is too late, or there is one already.
        """
        decision = await self._decision_about(tx, appellant, case_id, against)
        await decisions.lock(tx, decision.id)  # one hand may write in the chat and on the page
        now = self._setting.now()
        if any(a.decision_id == decision.id for a in await appeals.of_case(tx, decision.case_id)):
            message = f"Your appeal on {decision.number} is in already; each decision has one."
            raise OutOfOrder(message)
        window = self._setting.ladder.appeal_window
        decided_at = decision.told_at or decision.decided_at
        rules.admissible(text, decided_at=decided_at, now=now, window=window)
        appeal = Appeal(
            id=await next_number(tx, "appeal"),
            case_id=decision.case_id,
            decision_id=decision.id,
            appellant=appellant,
            text=text.strip(),
            state=AppealState.SUBMITTED,
            submitted_at=now,
        )
        await appeals.add(tx, appeal)
        await decisions.save(tx, replace(decision, state=State.UNDER_APPEAL))
        self._remember(tx, appellant, "appeal:submit", appeal)
        stays = f"{decision.scope.value}:{decision.measure.kind.value}"
        rested = ""
        if stays in self._setting.ladder.appeal_stay and not decision.interim:
            rested = " The measure rests meanwhile." if await self._sanctions.stay(tx, decision) else ""
        self._setting.tell_staff(
            tx,
            f"Appeal on {decision.number} ({decision.in_words}, "
            f"decided by {decision.decider}).{rested}\n"
            f"The person writes: {one_line(appeal.text, rules.MOST_TEXT)}\n"
            f"Next, by somebody who had no part in it: !policy show {decision.number} · "
            f"!policy uphold|overturn {decision.number} REASONS · "
            f"!policy modify {decision.number} MEASURE REASONS",
            cause=f"appeal {appeal.id}",
        )
        return appeal

    async def _decision_about(
        self, tx: Tx, user_id: str, case_id: int | None, against: int | None
    ) -> Decision:
        """Find the decision in force that concerns somebody: their own, or their room's."""
        found = await decisions.of_case(tx, case_id) if case_id is not None else []
        for decision in reversed(found):
            if decision.state not in IN_FORCE or against not in (None, decision.id):
                continue
            if decision.user_id == user_id:
                return decision
            filing = await filings.of_room(tx, decision.room_id) if decision.room_id else None
            if decision.user_id is None and filing is not None and filing.applicant == user_id:
                return decision
        message = "There is no decision about you under this number."
        raise NotFound(message)

    async def waiting_in(self, tx: Tx, case: Case) -> tuple[Appeal, Decision]:
        """Read the appeal that waits in a case, with the decision it is against.

        Raises:
            NotFound: none does.
        """
        for appeal in await appeals.of_case(tx, case.id):
            decision = await decisions.get(tx, appeal.decision_id)
            if appeal.state is AppealState.SUBMITTED and decision is not None:
                return appeal, decision
        message = f"No appeal waits in {case.number}."
        raise NotFound(message)

    async def _open(self, tx: Tx, reviewer: str, case: Case) -> tuple[Appeal, Decision]:
        appeal, decision = await self.waiting_in(tx, case)
        involved = {decision.decider, decision.approver, appeal.appellant, decision.user_id}
        parties = await members.accounts_of_all(tx, {one for one in involved if one})
        rules.decidable_by(appeal, reviewer, parties | await self._cases.involved(tx, case))
        return appeal, decision

    async def _close(
        self, tx: Tx, reviewer: str, appeal: Appeal, verdict: Verdict, reasons: str
    ) -> None:
        state = rules.decided(appeal, verdict, reasons)
        done = replace(appeal, state=state, reviewer=reviewer, reasons=reasons.strip())
        await appeals.save(tx, done)
        self._remember(tx, reviewer, f"appeal:{verdict}", done)

    async def uphold(self, tx: Tx, reviewer: str, case: Case, reasons: str) -> None:
        """Let a decision stand."""
        appeal, decision = await self._open(tx, reviewer, case)
        await self._close(tx, reviewer, appeal, Verdict.UPHOLD, reasons)
        await decisions.save(tx, replace(decision, state=State.UPHELD))
        await self._sanctions.resume(tx, decision)
        text = notice.upheld(
            case_number=case.number,
            reasons=reasons,
            appeal_body=self._setting.config.operator.appeal_body,
        )
        self._setting.tell(tx, appeal.appellant, text, cause=f"appeal {appeal.id}")

    async def overturn(self, tx: Tx, reviewer: str, case: Case, reasons: str) -> list[str]:
        """Void a decision from the beginning and take back what it did.

        Returns a line for each later decision that was made harsher by it.
        """
        appeal, decision = await self._open(tx, reviewer, case)
        await self._close(tx, reviewer, appeal, Verdict.OVERTURN, reasons)
        text = notice.overturned(case_number=case.number, reasons=reasons, removed=decision.remove)
        self._setting.tell(tx, appeal.appellant, text, cause=f"appeal {appeal.id}")
        return await self._unwinding.undo(tx, decision, case, reviewer)

    async def modify(
        self, tx: Tx, reviewer: str, case: Case, measure_text: str, reasons: str
    ) -> Decision:
        """Put a milder measure in the place of the one that was decided.

        Raises:
            NotFound: that is no measure.
            Incomplete: it is not milder.
        """
        appeal, decision = await self._open(tx, reviewer, case)
        try:
            measure = Measure.parse(measure_text)
        except ValueError as error:
            raise NotFound(str(error)) from None
        if not measure < decision.measure:
            message = "A modified measure must be milder than the one that was appealed."
            raise Incomplete(message)
        await self._close(tx, reviewer, appeal, Verdict.MODIFY, reasons)
        old = await sanctions.of_decision(tx, decision.id)
        served = old.served if old else timedelta(0)
        if old and old.starts_at and old.state in BINDING:
            served += self._setting.now() - old.starts_at
        await decisions.save(tx, replace(decision, state=State.MODIFIED))
        milder = replace(
            decision,
            id=await next_number(tx, "decision"),
            state=State.FINAL,
            measure=measure,
            remove=False,
            span=None,
            publish=False,  # that takes two people
            decider=reviewer,
            approver=None,
            supersedes=decision.id,
            decided_at=self._setting.now(),
            version=1,
        )
        statement = await decisions.statement(tx, decision.id)
        words = statements.in_words(self._setting, milder)
        said = statements.phrases(self._setting, decision.language)
        await decisions.add(tx, milder, notice.with_measure(statement, measure, decision.scope, said))
        restraints = await self._sanctions.restraints(tx, milder)
        imposed = await self._sanctions.impose(tx, milder, restraints, served=served)
        await self._sanctions.take_back(tx, decision, reviewer)
        text = notice.modified(case_number=case.number, reasons=reasons, measure=words)
        self._setting.tell(tx, appeal.appellant, text, cause=f"appeal {appeal.id}")
        self._remember(tx, reviewer, "decision:modify", appeal, measure=str(imposed.measure))
        return milder

    def _remember(self, tx: Tx, actor: str, tag: str, appeal: Appeal, **payload: str) -> None:
        audit.append(
            tx,
            at=self._setting.now(),
            actor=actor,
            tag=tag,
            object=f"C-{appeal.case_id}",
            decision=appeal.decision_id,
            text=appeal.reasons or appeal.text,
            **payload,
        )
