"""Reviews of appeals: one is taken by somebody who had no part in the matter, and ended with reasons."""

from dataclasses import dataclass, replace

from policybot.domain import appeal as rules
from policybot.domain import notice
from policybot.domain.appeal import Appeal, Said, Verdict, Word
from policybot.domain.appeal import State as AppealState
from policybot.domain.case import Case
from policybot.domain.decision import IN_FORCE, Decision, State
from policybot.domain.errors import Incomplete, NotFound, OutOfOrder
from policybot.domain.evidence import File
from policybot.domain.measure import Measure
from policybot.domain.notice import Statement
from policybot.domain.party import check_apart
from policybot.domain.recheck import Recheck
from policybot.domain.sanction import Sanction
from policybot.services import statements
from policybot.services.appeals import Appeals
from policybot.services.cases import Cases
from policybot.services.parties import Apart
from policybot.services.sanctions import Sanctions
from policybot.services.setting import Setting
from policybot.services.unwinding import Unwinding
from policybot.store import (
    appeals,
    audit,
    complaints,
    decisions,
    evidence,
    filing_appeals,
    filings,
    sanctions,
)
from policybot.store.database import Tx

_BATCH = 100


@dataclass(frozen=True, slots=True)
class Brief:
    """What a reviewer needs to decide an appeal, and no more."""

    appeal: Appeal
    case: Case
    decision: Decision
    statement: Statement
    """What the person was told, and why."""
    sanction: Sanction | None
    words: tuple[Word, ...]
    files: tuple[File, ...]
    """What is shown with it, without names and pictures."""
    delivery: str
    """What became of the notice."""


class AppealReviews:
    """The service for those who decide appeals."""

    def __init__(  # noqa: PLR0913, PLR0917 - the services that know the matter, and that change it
        self,
        setting: Setting,
        objections: Appeals,
        apart: Apart,
        casework: Cases,
        measures: Sanctions,
        unwinding: Unwinding,
    ) -> None:
        """Work with the services that hold appeals, cases and sanctions, and with what undoes them."""
        self._setting = setting
        self._appeals = objections
        self._apart = apart
        self._cases = casework
        self._sanctions = measures
        self._unwinding = unwinding

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
        """Read the appeal that waits in a case, and take it, as each act on it does.

        Raises:
            NotFound: none waits, or it is not theirs to know of.
            NotPermitted: they had a part in the matter, or somebody else has it.
        """
        appeal, decision = await self.waiting_in(tx, case)
        await decisions.lock(tx, decision.id)
        appeal, decision = await self.waiting_in(tx, case)
        await self._apart.check(tx, reviewer, await self._appeals.excluded(tx, appeal, decision))
        now, lease = self._setting.now(), self._setting.config.appeals.claim
        return rules.claimed(appeal, reviewer, now, lease), decision

    async def brief(self, tx: Tx, reviewer: str, case: Case) -> Brief:
        """Show a reviewer what an appeal is about; who had a part does not see it.

        Raises:
            NotFound: none waits, or it is not theirs to know of.
            NotPermitted: they had a part in the matter.
        """
        appeal, decision = await self.waiting_in(tx, case)
        await self._apart.check(tx, reviewer, await self._appeals.excluded(tx, appeal, decision))
        return Brief(
            appeal,
            case,
            decision,
            await decisions.statement(tx, decision.id),
            await sanctions.of_decision(tx, decision.id),
            tuple(await appeals.words(tx, appeal.id)),
            tuple(await evidence.of_appeal(tx, appeal.id)),
            await statements.delivery(tx, decision),
        )

    async def claim(self, tx: Tx, reviewer: str, case: Case) -> Appeal:
        """Take an appeal for a while, so that nobody else does the same."""
        appeal, _ = await self._open(tx, reviewer, case)
        await appeals.save(tx, appeal)
        self._appeals.remember(tx, reviewer, "appeal:claim", appeal)
        return appeal

    async def release(self, tx: Tx, reviewer: str, case: Case) -> None:
        """Give an appeal back."""
        appeal, decision = await self.waiting_in(tx, case)
        await self._apart.check(tx, reviewer, await self._appeals.excluded(tx, appeal, decision))
        await appeals.save(tx, rules.released(appeal, reviewer, self._setting.now()))
        self._appeals.remember(tx, reviewer, "appeal:release", appeal)

    async def ask(self, tx: Tx, reviewer: str, case: Case, text: str) -> Appeal:
        """Ask whoever appeals something; until they answer, the clock stands still."""
        appeal, decision = await self._open(tx, reviewer, case)
        now = self._setting.now()
        question = rules.said(text, "Please write your question as well.")
        after = rules.asked(appeal, now)
        await appeals.save(tx, after)
        await appeals.add_word(tx, appeal.id, Word(Said.QUESTION, reviewer, question, now))
        self._appeals.remember(tx, reviewer, "appeal:ask", after, question)
        said = (
            f"About your appeal on {case.number} somebody who decides it asks: {question}\n"
            f"Please answer: !policy add {case.number} YOUR ANSWER. The appeal waits for it."
        )
        # With the cause of a notice it reaches also who cannot write to me, by the link they have.
        self._setting.tell(tx, appeal.appellant, said, cause=f"notice {decision.id} after")
        return after

    async def hasten(self, tx: Tx, reviewer: str, case: Case, reason: str) -> Appeal:
        """Put an appeal before others because it is urgent."""
        appeal, _ = await self._open(tx, reviewer, case)
        kept = rules.said(reason, "Please say in a sentence why it is urgent.")
        due_at = self._setting.now() + self._setting.config.appeals.urgent_within
        after = rules.hastened(appeal, due_at)
        await appeals.save(tx, after)
        self._appeals.remember(tx, reviewer, "appeal:hasten", after, kept)
        said = (
            f"Your appeal on {case.number} is treated as urgent and should be answered by "
            f"{after.due_at:%-d %B %Y}."
        )
        self._setting.tell(tx, appeal.appellant, said, cause=f"appeal {appeal.id}")
        return after

    async def admit(self, tx: Tx, reviewer: str, case: Case, reason: str) -> Decision:
        """Let somebody appeal after the time for it, for good cause.

        Raises:
            NotFound: nothing in the case holds that could be appealed, or it is not theirs to know of.
            NotPermitted: they had a part in the matter.
            OutOfOrder: it can be appealed anyway.
        """
        found = [d for d in await decisions.of_case(tx, case.id) if d.state in IN_FORCE]
        late = [d for d in found if await appeals.against(tx, d.id) is None]
        if not late:
            message = f"Nothing in {case.number} could still be appealed."
            raise NotFound(message)
        decision, now = late[-1], self._setting.now()
        concerned = await statements.concerned(tx, decision) or ""
        part = await self._apart.of_decision(tx, decision, concerned)
        wide = await self._apart.wide(tx, part | await self._apart.of_case(tx, case))
        check_apart(reviewer, wide)
        if now <= await self._appeals.until(tx, decision):
            message = f"{case.number} can be appealed as it is: the time for it is not over."
            raise OutOfOrder(message)
        kept = rules.said(reason, "Please say in a sentence what kept them from it.")
        until = now + rules.LATE_WINDOW
        await appeals.admit(tx, decision.id, reviewer, kept, now, until)
        audit.append(
            tx,
            at=now,
            actor=reviewer,
            tag="appeal:admit",
            object=case.number,
            decision=decision.id,
            text=kept,
        )
        said = (
            f"You can still appeal the decision {case.number}, until {until:%-d %B %Y}: "
            f"!policy appeal {case.number} YOUR REASONS. Why it is let in after its time: {kept}"
        )
        if concerned:  # of another server nobody is told
            self._setting.tell(tx, concerned, said, cause=f"notice {decision.id} after")
        return decision

    # Deciding ------------------------------------------------------------------------------------

    async def _close(
        self, tx: Tx, reviewer: str, appeal: Appeal, verdict: Verdict, reasons: str
    ) -> Appeal:
        state, kept = rules.decided(appeal, verdict, reasons)
        done = replace(
            appeal,
            state=state,
            reviewer=reviewer,
            reasons=kept,
            decided_at=self._setting.now(),
            holder=None,
            lease_until=None,
        )
        await appeals.save(tx, done)
        self._appeals.remember(tx, reviewer, f"appeal:{verdict}", done)
        return done

    async def uphold(self, tx: Tx, reviewer: str, case: Case, reasons: str) -> None:
        """Let a decision stand."""
        appeal, decision = await self._open(tx, reviewer, case)
        done = await self._close(tx, reviewer, appeal, Verdict.UPHOLD, reasons)
        await decisions.save(tx, replace(decision, state=State.UPHELD))
        await self._sanctions.resume(tx, decision)
        text = notice.upheld(
            case_number=case.number,
            reasons=done.reasons,
            appeal_body=self._setting.config.appeal_body,
        )
        await self._appeals.tell(tx, appeal, text)

    async def overturn(self, tx: Tx, reviewer: str, case: Case, reasons: str) -> list[Recheck]:
        """Void a decision from the beginning and take back what it did.

        Returns the later decisions that would be others without it.
        """
        appeal, decision = await self._open(tx, reviewer, case)
        done = await self._close(tx, reviewer, appeal, Verdict.OVERTURN, reasons)
        text = notice.overturned(
            case_number=case.number,
            reasons=done.reasons,
            removed=decision.remove,
            appeal_body=self._setting.config.appeal_body,
        )
        await self._appeals.tell(tx, appeal, text)
        return await self._unwinding.undo(tx, decision, case, reviewer, appeal.appellant)

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
        done = await self._close(tx, reviewer, appeal, Verdict.MODIFY, reasons)
        milder = await self._unwinding.modify(tx, decision, measure, reviewer, appeal.appellant)
        words = statements.in_words(self._setting, milder)
        text = notice.modified(
            case_number=case.number,
            reasons=done.reasons,
            measure=words,
            removed=decision.remove,
            appeal_body=self._setting.config.appeal_body,
        )
        await self._appeals.tell(tx, appeal, text)
        return milder

    # By the clock ---------------------------------------------------------------------------------

    async def call(self, tx: Tx) -> None:
        """Say of each appeal and objection that it is overdue, once. Time decides none (I20)."""
        now = self._setting.now()
        late = await appeals.overdue(tx, now, _BATCH)
        objections = await complaints.overdue(tx, now, _BATCH)
        of_filings = await filing_appeals.overdue(tx, now, _BATCH)
        if not late and not objections and not of_filings:
            return
        await filing_appeals.called(tx, [one.id for one in of_filings], now)
        await appeals.called(tx, [appeal.id for appeal in late], now)
        await complaints.called(tx, [one.id for one in objections], now)
        for appeal in late:
            audit.append(tx, at=now, actor="system:clock", tag="appeal:overdue", object=appeal.number)
        for one in objections:
            audit.append(tx, at=now, actor="system:clock", tag="complaint:overdue", object=one.receipt)
        named = [f"{a.number}{' (urgent)' if a.urgent else ''}" for a in late]
        named += [one.receipt for one in objections]
        for made in of_filings:
            filing = await filings.by_id(tx, made.filing_id)
            number = filing.number if filing else f"F-{made.filing_id}"
            audit.append(tx, at=now, actor="system:clock", tag="filing-appeal:overdue", object=number)
            named.append(number)
        said = f"Appeals and objections that should have been answered: {', '.join(named)}. Nothing "
        self._setting.tell_staff(
            tx,
            f"{said}is decided by itself, and whoever objected still waits. To see them: "
            "!policy queue appeals",
            cause="deadlines",
        )
        for appeal in late:
            if appeal.outside:
                text = f"{appeal.number}: the appeal should have been answered by now. Please decide it."
                await self._appeals.tell_outside(tx, appeal, text)
