"""Insistence: two people say, with a reason, that what rests during an appeal cannot rest.

Only what is gravest (S4), and revocations; whoever appeals is told why, and the appeal goes on.
"""

from policybot.domain import appeal as rules
from policybot.domain import case as case_rules
from policybot.domain import number
from policybot.domain.appeal import Appeal, Kind
from policybot.domain.decision import Approval, Decision, confirmable, deniable
from policybot.domain.errors import OutOfOrder
from policybot.domain.ladder import Severity
from policybot.domain.party import Why
from policybot.domain.permission import Permission
from policybot.domain.sanction import State as Course
from policybot.services.appeal_reviews import AppealReviews
from policybot.services.cases import Cases
from policybot.services.filing_appeals import FilingAppeals
from policybot.services.hearings import Hearings
from policybot.services.parties import Apart
from policybot.services.proposals import propose
from policybot.services.sanctions import Sanctions
from policybot.services.setting import Setting
from policybot.store import appeals, audit, decisions, members, sanctions
from policybot.store.database import Tx

NOUN = "insist"
"""What the subject of an approval begins with."""


class Insistence:
    """The service by which two people keep in force what would rest."""

    needs = Permission.APPEAL_INSIST

    def __init__(  # noqa: PLR0913, PLR0917 - the services that know what rests, and let it go on
        self,
        setting: Setting,
        casework: Cases,
        measures: Sanctions,
        heard: Hearings,
        reviewing: AppealReviews,
        of_filings: FilingAppeals,
        apart: Apart,
    ) -> None:
        """Work with the services that hold appeals, their parties, and the measures."""
        self._setting = setting
        self._cases = casework
        self._sanctions = measures
        self._hearings = heard
        self._reviews = reviewing
        self._of_filings = of_filings
        self._apart = apart

    async def propose(self, tx: Tx, by: str, text: str, reason: str) -> Approval:
        """Propose that what rests under a number binds while the appeal is decided.

        Raises:
            NotFound: no appeal waits under it, or it is not theirs to know of.
            NotPermitted: they are a party to the matter.
            OutOfOrder: nothing rests there, or not what can be insisted on.
            Incomplete: the reason says nothing.
        """
        text = text.upper()
        appeal, _ = await self._resting(tx, by, text)
        kept = rules.said(reason, "Please say in a sentence why it cannot rest: the person reads it.")
        approval = await propose(tx, self._setting, by=by, subject=f"{NOUN} {text}", binding=kept)
        await self._apart.note(tx, appeal.id, {(by, Why.PROPOSER)})
        self._remember(tx, by, "propose_insist", text, kept)
        return approval

    async def _resting(self, tx: Tx, by: str, text: str) -> tuple[Appeal, Decision | None]:
        """Read the appeal under a number while something rests, for somebody without a part in it.

        With it the decision, if it is against one; else a revocation rests.
        """
        appeal = await self._hearings.find(tx, text)
        decision = await self._checked(tx, by, appeal) if appeal.kind is Kind.DECISION else None
        excluded = await self._hearings.excluded(tx, appeal)
        if decision is None:
            deniable(by, frozenset(one for one, why in excluded if why in (Why.SUBJECT, Why.ROOM)))
            if not appeal.rests:
                message = f"Nothing rests under {text}: what was decided holds."
                raise OutOfOrder(message)
        await self._apart.check_left(tx, by, excluded)
        return appeal, decision

    async def _checked(self, tx: Tx, by: str, appeal: Appeal) -> Decision:
        """Read a decision whose measure rests and may not, for somebody who is no party to its case."""
        decision = await self._reviews.appealed(tx, appeal)
        case = await self._cases.find(tx, decision.case_id, appeal.number)
        case_rules.impartial(case, by, await self._cases.involved(tx, case))
        sanction = await sanctions.of_decision(tx, decision.id)
        if sanction is None or sanction.state is not Course.STAYED:
            message = f"The measure of {appeal.number} does not rest: it binds as it is."
            raise OutOfOrder(message)
        if decision.severity is not Severity.S4:
            message = (
                f"{appeal.number} is {decision.severity}: only what is S4 may go on while appealed."
            )
            raise OutOfOrder(message)
        return decision

    # Confirming: `services.approvals.Act` --------------------------------------------------------

    async def confirm(self, tx: Tx, by: str, approval: Approval) -> str:
        """Let what rested bind again, and tell the person why."""
        text, reason = approval.subject.partition(" ")[2], approval.binding
        proposers = await members.accounts_of(tx, approval.proposer)
        confirmable(approval, by, self._setting.now(), frozenset(), proposers)
        appeal, decision = await self._resting(tx, by, text)
        await decisions.end_approval(tx, approval.code, "given", by)
        await self._apart.note(tx, appeal.id, {(by, Why.APPROVER)})
        if decision is None:
            self._remember(tx, by, "insist", text, reason)
            await self._of_filings.insisted(tx, by, appeal, reason)
            return f"{text}: the revocation holds while the appeal is decided; the owner is told why."
        await self._sanctions.resume(tx, decision)
        after = await self._hastened(tx, appeal, decision, reason)
        self._remember(tx, by, "insist", text, reason)
        said = (
            f"The measure of the decision {text} rested while your appeal is decided. Two people have "
            f"said that it cannot: {reason}\nIt binds again from now. Your appeal is decided as before, "
            f"by somebody who had no part in this, and should be answered by {after.due_at:%-d %B %Y}. "
            "If it succeeds, the measure is void from the beginning."
        )
        await self._reviews.tell(tx, appeal, said)
        return f"{text}: the measure binds while the appeal is decided; the person is told why."

    async def _hastened(self, tx: Tx, appeal: Appeal, decision: Decision, reason: str) -> Appeal:
        """Save why it does not rest, and put the appeal before others if it is urgent now."""
        now, config = self._setting.now(), self._setting.config.appeals
        sanction = await sanctions.of_decision(tx, decision.id)
        urgent = rules.urgency(
            decision.scope,
            decision.measure.kind,
            sanction.ends_at if sanction else None,
            binds=True,
            answer_by=now + config.answer_within,
        )
        after = rules.insisted(appeal, reason, urgent, now + config.urgent_within)
        await appeals.save(tx, after)
        return after

    async def check_denying(self, tx: Tx, by: str, approval: Approval) -> None:
        """Check that no party denies it."""
        text = approval.subject.partition(" ")[2]
        if _is_case(text):
            case = await self._cases.find(tx, number.parse_case(text), text)
            deniable(by, await self._cases.involved(tx, case))
        else:
            await self._resting(tx, by, text)

    async def dropped(self, tx: Tx, by: str, approval: Approval, state: str) -> None:
        """Note that nobody confirmed it: it goes on resting."""
        text = approval.subject.partition(" ")[2]
        self._remember(tx, by, f"insist_{state}", text, approval.binding)
        if state == "expired":
            said = f"The proposal {approval.code} about {text} has expired. It goes on resting."
            self._setting.tell_staff(tx, said, cause=approval.subject)

    def _remember(self, tx: Tx, actor: str, act: str, text: str, reason: str) -> None:
        at, tag = self._setting.now(), f"appeal:{act}"
        audit.append(tx, at=at, actor=actor, tag=tag, object=text, reason=reason)


def _is_case(text: str) -> bool:
    return number.parse_case(text) is not None
