"""Reviews: an application is looked at by a person, who approves it, asks, or rejects it."""

from dataclasses import replace

from policybot.domain import filing as rules
from policybot.domain import number, taking
from policybot.domain.errors import Incomplete, OutOfOrder
from policybot.domain.filing import Filing, State, Step
from policybot.services import taking as taking_service
from policybot.services.filings import Filings, cause
from policybot.services.setting import Setting
from policybot.store import filings, members
from policybot.store.database import Tx, next_number


class Reviews:
    """The service for reviews."""

    def __init__(self, setting: Setting, applied: Filings) -> None:
        """Decide about what was applied for."""
        self._setting = setting
        self._filings = applied

    def opened(self, tx: Tx, filing: Filing) -> None:
        """Put a new application before the reviewers."""
        self._setting.tell_staff(tx, self._card(filing), cause=cause(filing))

    def _card(self, filing: Filing) -> str:
        return (
            f"New filing {filing.number}\n"
            f"Room: {filing.place}\n"
            f"Control: {taking.for_reviewer(filing.control)}\n"
            f"Applicant: {filing.applicant} (verified, agreement signed)\n"
            f"Category: {', '.join(filing.categories)}\nPurpose: {filing.purpose}\n"
            f"Next: !policy approve {filing.number} · !policy ask {filing.number} QUESTION · "
            f"!policy reject {filing.number} REASON"
        )

    async def approve(self, tx: Tx, reviewer: str, text: str) -> Filing:
        """Approve a filing: number it, take the room in, label it and publish it."""
        now, config = self._setting.now(), self._setting.config.filing
        filing = await self._for_review(tx, reviewer, text)
        # Moved before the number is drawn: a refusal must come before the first write.
        rules.moved(filing, Step.APPROVE)
        try:
            await self._filings.may_answer(tx, filing)
        except OutOfOrder as missing:
            message = (
                f"{filing.number} cannot be approved as it is. What its applicant has to read: "
                f"«{missing}» To tell them: !policy ask {filing.number} QUESTION"
            )
            raise OutOfOrder(message) from None
        record = filing.record_number  # of an approval whose room could not be taken in
        if record is None:
            serial = await next_number(tx, f"record {now.year}")
            record = number.record(config.prefix, now.year, serial)
        filing = rules.approved(
            filing,
            record_number=record,
            now=now,
            valid_for=config.valid_for,
        )
        await filings.save(tx, filing)
        taking_service.begin(self._setting, tx, filing)
        self._filings.remember(tx, reviewer, "filing:approve", filing, record=filing.number)
        return filing

    async def ask(self, tx: Tx, reviewer: str, text: str, question: str) -> Filing:
        """Ask the applicant something."""
        filing = await self._for_review(tx, reviewer, text)
        check_said(question, "your question")
        filing = replace(rules.moved(filing, Step.ASK), reason=question)
        await filings.save(tx, filing)
        self._setting.tell(
            tx,
            filing.applicant,
            f"About your filing {filing.number}, the reviewer asks: {question}\n"
            f"Please answer with: !policy answer {filing.number} YOUR ANSWER",
            cause=cause(filing),
        )
        self._filings.remember(tx, reviewer, "filing:ask", filing, question=question)
        return filing

    async def reject(self, tx: Tx, reviewer: str, text: str, reason: str) -> Filing:
        """Reject a filing, with the reason that its applicant reads."""
        filing = await self._for_review(tx, reviewer, text)
        check_said(reason, "the reason")
        filing = replace(rules.moved(filing, Step.REJECT), reason=reason)
        await filings.save(tx, filing)
        self._setting.tell(
            tx,
            filing.applicant,
            f"Your filing {filing.number} was rejected. Reason: {reason}\n"
            "You can file the room again once this is mended. If you think it is wrong, ask "
            f"{self._setting.config.operator.contact}.",
            cause=cause(filing),
        )
        self._filings.remember(tx, reviewer, "filing:reject", filing, reason=reason)
        return filing

    async def _for_review(self, tx: Tx, reviewer: str, text: str) -> Filing:
        """Read a filing that somebody takes up for review, claiming it if it is new."""
        filing = await self._filings.visible(tx, reviewer, text, staff=True)
        rules.reviewed_by(filing, reviewer, await members.accounts_of(tx, filing.applicant))
        if filing.state is State.SUBMITTED:
            filing = rules.moved(filing, Step.CLAIM)
        return replace(filing, reviewer=reviewer)


def check_said(text: str, what: str) -> None:
    """Check that somebody has written something.

    Raises:
        Incomplete: they have not.
    """
    if not text.strip():
        message = f"Please write {what} as well."
        raise Incomplete(message)
