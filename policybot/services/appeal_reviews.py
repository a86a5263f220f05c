"""Reviews of appeals against decisions: what a reviewer reads of one, and how each can end."""

from dataclasses import replace

from policybot.domain import appeal as rules
from policybot.domain import notice
from policybot.domain.appeal import Appeal, Appealable, Kind, Verdict
from policybot.domain.case import Case
from policybot.domain.decision import IN_FORCE, Decision, State
from policybot.domain.errors import Incomplete, NotFound
from policybot.domain.measure import Measure
from policybot.domain.party import Why
from policybot.services import statements
from policybot.services.appeal_records import AppealRecords
from policybot.services.appeals import Appeals
from policybot.services.briefs import Decided, Ended, Facts
from policybot.services.cases import Cases
from policybot.services.parties import Apart, Parties
from policybot.services.sanctions import Sanctions
from policybot.services.setting import Setting
from policybot.services.unwinding import Unwinding
from policybot.store import appeals, decisions, sanctions
from policybot.store.database import Tx


class AppealReviews:
    """The service for those who decide appeals against decisions: `services.hearings.Reviewing`."""

    def __init__(  # noqa: PLR0913, PLR0917 - the services that know the matter, and that change it
        self,
        setting: Setting,
        records: AppealRecords,
        objections: Appeals,
        apart: Apart,
        casework: Cases,
        measures: Sanctions,
        unwinding: Unwinding,
    ) -> None:
        """Work with the services that hold appeals, cases and sanctions, and with what undoes them."""
        self._setting = setting
        self._records = records
        self._appeals = objections
        self._apart = apart
        self._cases = casework
        self._sanctions = measures
        self._unwinding = unwinding

    @staticmethod
    async def appealed(tx: Tx, appeal: Appeal) -> Decision:
        """Read the decision that an appeal is against."""
        decision = await decisions.get(tx, appeal.matter)
        assert decision is not None
        return decision

    async def _case(self, tx: Tx, decision: Decision) -> Case:
        return await self._cases.find(tx, decision.case_id, decision.number)

    async def lock(self, tx: Tx, appeal: Appeal) -> None:
        """Let nobody else do anything with it until the end."""
        await self._unwinding.lock(tx, await self.appealed(tx, appeal))

    async def excluded(self, tx: Tx, appeal: Appeal) -> Parties:
        """Write down who had a part in it by now; return all who ever had."""
        return await self._appeals.excluded(tx, appeal, await self.appealed(tx, appeal))

    async def concerned(self, tx: Tx, appeal: Appeal) -> frozenset[str]:
        """Name whom it concerns by now, which may not be written down yet."""
        case = await self._case(tx, await self.appealed(tx, appeal))
        return await self._cases.involved(tx, case)

    async def facts(self, tx: Tx, appeal: Appeal, *, outside: bool) -> Facts:  # noqa: ARG002
        """Tell what it is about; whoever writes it to people outside leaves out who decided."""
        decision = await self.appealed(tx, appeal)
        case = await self._case(tx, decision)
        decided = Decided(
            case,
            decision,
            await decisions.statement(tx, decision.id),
            await sanctions.of_decision(tx, decision.id),
            await statements.delivery(tx, decision),
        )
        return Facts(decided, event_id=case.subject.event_id)

    async def tell(self, tx: Tx, appeal: Appeal | Appealable, text: str) -> None:
        """Write to whoever appeals: as a notice it reaches also who can only open their link."""
        if appeal.whom:  # of another server nobody is told that it can still be appealed
            self._setting.tell(tx, appeal.whom, text, cause=f"notice {appeal.matter} after")

    async def withdrawn(self, tx: Tx, who: str, appeal: Appeal) -> None:  # noqa: ARG002 - as others
        """Let the decision stand, and a measure that rested go on."""
        decision = await self.appealed(tx, appeal)
        await decisions.save(tx, replace(decision, state=State.FINAL))
        await self._sanctions.resume(tx, decision)  # whoever takes it back reads that in the answer

    async def _resume(self, tx: Tx, appeal: Appeal, decision: Decision) -> None:
        """Let a measure that rested go on, and say so to whom it binds again."""
        rested = await self._appeals.rests(tx, appeal)
        await self._sanctions.resume(tx, decision)
        if rested:
            await self.tell(tx, appeal, f"{decision.number}: {rules.GOES_ON}")

    async def late(self, tx: Tx, kind: Kind, named: int) -> tuple[Appealable, set[tuple[str, Why]]]:
        """Find what could be appealed in a case, and who has a part in that.

        Raises:
            NotFound: nothing in it could.
        """
        found = [d for d in await decisions.of_case(tx, named) if d.state in IN_FORCE]
        open_ = [d for d in found if rules.can_be_made(await appeals.against(tx, d.id))]
        if not open_:
            message = f"Nothing in C-{named} could still be appealed."
            raise NotFound(message)
        decision = open_[-1]
        whom = await statements.concerned(tx, decision) or ""
        until = await statements.appealable_until(tx, self._setting, decision)
        part = await self._apart.of_decision(tx, decision, whom)
        part |= await self._apart.of_case(tx, await self._case(tx, decision))
        late = Appealable(
            kind, rules.about_of(decision.scope), decision.id, decision.number, whom, until
        )
        return late, part

    # Deciding ------------------------------------------------------------------------------------

    async def end(  # noqa: PLR0913, PLR0917 - as the commands
        self, tx: Tx, reviewer: str, appeal: Appeal, verdict: Verdict, measure: str, reasons: str
    ) -> Ended:
        """End an appeal: the decision stands, is void, or a milder measure takes its place.

        Raises:
            NotFound: that is no measure.
            Incomplete: it is not milder, or no reasons were given.
        """
        decision = await self.appealed(tx, appeal)
        milder = _milder(decision, measure) if verdict is Verdict.MODIFY else None
        done = await self._records.close(tx, reviewer, appeal, verdict, reasons)
        if milder is not None:
            return await self._modify(tx, reviewer, done, decision, milder)
        if verdict is Verdict.OVERTURN:
            return await self._overturn(tx, reviewer, done, decision)
        await decisions.save(tx, replace(decision, state=State.UPHELD))
        text = notice.upheld(
            case_number=done.number,
            reasons=done.reasons,
            appeal_body=self._setting.config.appeal_body,
        )
        await self._answer(tx, done, text)
        await self._resume(tx, done, decision)
        return Ended(f"{done.number}: the decision stands, and the person is told why.")

    async def _overturn(self, tx: Tx, reviewer: str, done: Appeal, decision: Decision) -> Ended:
        """Void a decision from the beginning and take back what it did."""
        text = notice.overturned(
            case_number=done.number,
            reasons=done.reasons,
            removed=decision.remove,
            contact=self._setting.config.operator.contact,
            appeal_body=self._setting.config.appeal_body,
        )
        await self._answer(tx, done, text)
        case = await self._case(tx, decision)
        later = await self._unwinding.undo(tx, decision, case, reviewer, done.appellant)
        return Ended(
            f"{done.number}: the decision is void from the beginning. What it did is being undone, and "
            "everybody who was told of it is told of this.",
            tuple(one.in_words for one in later),
        )

    async def _modify(
        self, tx: Tx, reviewer: str, done: Appeal, decision: Decision, measure: Measure
    ) -> Ended:
        """Put a milder measure in the place of the one that was decided."""
        words = statements.in_words(self._setting, replace(decision, measure=measure, remove=False))
        text = notice.modified(
            case_number=done.number,
            reasons=done.reasons,
            measure=words,
            removed=decision.remove,
            appeal_body=self._setting.config.appeal_body,
        )
        await self._answer(tx, done, text)  # before the notice of the milder one, which it explains
        milder = await self._unwinding.modify(tx, decision, measure, reviewer, done.appellant)
        in_words = milder.measure.in_words(milder.scope.value)
        return Ended(f"{done.number}: in place of the measure there is now {in_words}.")

    async def _answer(self, tx: Tx, appeal: Appeal, text: str) -> None:
        """Tell whoever made an appeal, and who joined it, how it ended."""
        joined = await appeals.joined(tx, appeal.id) if appeal.about is rules.About.SERVER else ()
        for who in (appeal.appellant, *joined):
            self._setting.tell(tx, who, text, cause=f"appeal {appeal.id}")


def _milder(decision: Decision, text: str) -> Measure:
    """Read a measure that takes the place of another.

    Raises:
        NotFound: that is none.
        Incomplete: it is not milder.
    """
    try:
        measure = Measure.parse(text)
    except ValueError as error:
        raise NotFound(str(error)) from None
    if not measure < decision.measure:
        message = "A modified measure must be milder than the one that was appealed."
        raise Incomplete(message)
    return measure
