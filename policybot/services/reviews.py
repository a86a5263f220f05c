"""Reviews: an application is taken by a person, who checks it, asks, approves it, or rejects it."""

from collections.abc import Sequence
from dataclasses import replace

from policybot.config.filing import FilingSection
from policybot.domain import filing as filing_rules
from policybot.domain import number
from policybot.domain import review as rules
from policybot.domain.appeal import Kind
from policybot.domain.decision import Approval, confirmable
from policybot.domain.errors import Incomplete, NotFound, NotPermitted, OutOfOrder
from policybot.domain.filing import Filing, State, Step
from policybot.domain.permission import Permission
from policybot.domain.review import NOUN, Review, Said, Tick, Word
from policybot.domain.sanction import hides
from policybot.services import cards
from policybot.services import taking as taking_service
from policybot.services.filings import Filings, cause, objecting
from policybot.services.proposals import propose
from policybot.services.setting import Setting
from policybot.store import (
    appeals,
    audit,
    decisions,
    filings,
    members,
    reviews,
    rooms,
    sanctions,
)
from policybot.store.database import Tx, next_number


class Reviews:
    """The service for reviews."""

    needs = Permission.FILING_REVIEW

    def __init__(self, setting: Setting, applied: Filings) -> None:
        """Decide about what was applied for."""
        self._setting = setting
        self._filings = applied

    @property
    def _config(self) -> FilingSection:
        return self._setting.config.filing

    # What the applicant does ---------------------------------------------------------------------

    def opened(self, tx: Tx, filing: Filing) -> None:
        """Put a new application before the reviewers."""
        cards.show(self._setting, tx, filing)

    async def changed(self, tx: Tx, filing: Filing) -> None:
        """Follow an application that its applicant has changed, answered or taken back.

        An approval that waits for a second person is void if it was for something else.
        """
        review, now = await reviews.get(tx, filing.id), self._setting.now()
        after = rules.followed(filing, review, now)
        if after != review:
            await reviews.save(tx, after)
            if filing.state is State.IN_REVIEW:
                word = Word(Said.ANSWER, filing.applicant, filing.reason, now)
                await reviews.add_word(tx, filing.id, word)
        await self._void(tx, filing)
        cards.show(self._setting, tx, filing)

    async def _void(self, tx: Tx, filing: Filing) -> None:
        """Let a proposed approval go that no longer fits what would be approved."""
        approval = await cards.proposal(tx, filing)
        if approval is None:
            return
        if filing.state is not State.IN_REVIEW or approval.binding != await cards.binding(tx, filing):
            await decisions.end_approval(tx, approval.code, "denied", None)

    # Whose it is ---------------------------------------------------------------------------------

    async def find(self, tx: Tx, text: str) -> Filing:
        """Read a filing that was handed in.

        Raises:
            NotFound: there is none of that number.
        """
        filing = await self._filings.visible(tx, "", text, staff=True)
        if filing.state is State.DRAFT:
            message = f"There is no filing {text} that you can see."
            raise NotFound(message)
        return filing

    async def conflict(self, tx: Tx, reviewer: str, filing: Filing) -> str | None:
        """Say why somebody is no judge of an application; None if nothing is known against it."""
        accounts = await members.accounts_of(tx, reviewer)
        if not accounts.isdisjoint(await appeals.refused_wrongly(tx, Kind.FILING, filing.id)):
            return (
                f"You refused {filing.number} before, and the appeal against that was right: somebody "
                "else reviews it."
            )
        room = await rooms.get(tx, filing.room_id) if filing.room_id else None
        return rules.conflict(filing, reviewer, accounts, room.levels if room else None)

    async def check_impartial(self, tx: Tx, reviewer: str, filing: Filing) -> None:
        """Check that somebody may judge an application.

        Raises:
            NotPermitted: it is their own, or they have a part in its room.
        """
        if (why := await self.conflict(tx, reviewer, filing)) is not None:
            raise NotPermitted(why)

    async def waiting(self, tx: Tx, reviewer: str, limit: int) -> list[tuple[Filing, str]]:
        """List the applications that somebody may review, oldest first, each with how it stands."""
        now, found = self._setting.now(), []
        spans = self._config.deadlines.spans
        for filing in await filings.waiting(tx, 2 * limit):
            if await self.conflict(tx, reviewer, filing) is not None:
                continue
            review = await reviews.get(tx, filing.id)
            holder = rules.holder(filing, review, now)
            late = " (overdue)" if rules.overdue(filing, review, spans, now) else ""
            found.append((filing, f"{filing.in_words}{f', with {holder}' if holder else ''}{late}"))
        return found[:limit]

    async def take(
        self, tx: Tx, reviewer: str, text: str, step: Step = Step.CLAIM
    ) -> tuple[Filing, Review]:
        """Make an application somebody's for a while, as each act on it does; return how it stands.

        Nothing is saved of the filing yet: a refusal may still follow.

        Raises:
            NotFound: there is none.
            NotPermitted: somebody else has it, or it is not theirs to judge.
            OutOfOrder: it is decided.
        """
        filing = await self.find(tx, text)
        # Of two at the same time, the second one reads what the first has made of it.
        await reviews.lock(tx, filing.id)
        filing = await self.find(tx, text)
        await self.check_impartial(tx, reviewer, filing)
        review, now = await reviews.get(tx, filing.id), self._setting.now()
        return rules.taken(filing, review, reviewer, now, self._config.claim, step)

    async def _keep(self, tx: Tx, filing: Filing, review: Review) -> Filing:
        """Save how an application stands, and show it."""
        await filings.save(tx, filing)
        await reviews.save(tx, review)
        cards.show(self._setting, tx, filing)
        return replace(filing, version=filing.version + 1)

    async def claim(self, tx: Tx, reviewer: str, text: str) -> tuple[Filing, Review]:
        """Take an application, or keep it for longer."""
        filing, review = await self.take(tx, reviewer, text)
        earlier = await reviews.get(tx, filing.id)
        if earlier.lease_until is None or earlier.lease_until <= self._setting.now():
            self._remember(tx, reviewer, "filing:claim", filing)
        filing = await self._keep(tx, filing, review)
        return filing, review

    async def release(self, tx: Tx, reviewer: str, text: str) -> Filing:
        """Give an application back; its state stays as it is."""
        filing = await self.find(tx, text)
        await reviews.lock(tx, filing.id)
        filing = await self.find(tx, text)
        review, now = await reviews.get(tx, filing.id), self._setting.now()
        filing = await self._keep(tx, *rules.released(filing, review, reviewer, now))
        self._remember(tx, reviewer, "filing:release", filing)
        return filing

    # What is checked -----------------------------------------------------------------------------

    async def check(
        self, tx: Tx, reviewer: str, text: str, wanted: str, *, done: bool
    ) -> tuple[Filing, list[tuple[str, Tick | None]]]:
        """Tick points of the checklist by their numbers, or take ticks back; return how it stands."""
        filing, review = await self.take(tx, reviewer, text)
        chosen = rules.chosen(wanted, cards.points(self._setting, filing))
        return await self._check(tx, reviewer, filing, review, chosen if done else [], chosen)

    async def check_off(self, tx: Tx, reviewer: str, text: str, numbers: Sequence[int]) -> None:
        """Let exactly these points of the checklist be ticked, as a form says it."""
        filing, review = await self.take(tx, reviewer, text)
        points = cards.points(self._setting, filing)
        ticked = [point for n, point in enumerate(points, 1) if n in numbers]
        await self._check(tx, reviewer, filing, review, ticked, points)

    async def _check(  # noqa: PLR0913, PLR0917 - who, what, and which of which
        self,
        tx: Tx,
        reviewer: str,
        filing: Filing,
        review: Review,
        ticked: Sequence[str],
        among: Sequence[str],
    ) -> tuple[Filing, list[tuple[str, Tick | None]]]:
        now, bound = self._setting.now(), await cards.binding(tx, filing)
        known = dict(await cards.checklist(tx, self._setting, filing))
        for point in among:
            if point in ticked and known[point] is None:
                await reviews.tick(tx, filing.id, Tick(point, reviewer, now, bound))
                self._remember(tx, reviewer, "filing:check", filing, point=point)
            elif point not in ticked and known[point] is not None:
                await reviews.untick(tx, filing.id, point)
                self._remember(tx, reviewer, "filing:uncheck", filing, point=point)
        filing = await self._keep(tx, filing, review)
        return filing, await cards.checklist(tx, self._setting, filing)

    # Deciding ------------------------------------------------------------------------------------

    async def approve(self, tx: Tx, reviewer: str, text: str) -> tuple[Filing, Approval | None]:
        """Approve an application, or propose that where a second person has to confirm it.

        Approval numbers it, takes the room in, labels it and publishes it.
        """
        filing, review = await self.take(tx, reviewer, text, Step.APPROVE)
        await self._check_approvable(tx, filing)
        if cards.needs_second(self._setting, filing):
            return await self._propose(tx, reviewer, filing, review)
        return await self._approved(tx, reviewer, filing, review), None

    async def _check_approvable(self, tx: Tx, filing: Filing) -> None:
        # Moved before anything is written: a refusal must come before the first write.
        filing_rules.moved(filing, Step.APPROVE)
        await self._check_unbound(tx, filing)
        rules.check_checked(filing, await cards.checklist(tx, self._setting, filing))
        try:
            await self._filings.may_answer(tx, filing)
        except OutOfOrder as missing:
            message = (
                f"{filing.number} cannot be approved as it is. What its applicant has to read: "
                f"«{missing}» To tell them: !policy ask {filing.number} QUESTION"
            )
            raise OutOfOrder(message) from None

    @staticmethod
    async def _check_unbound(tx: Tx, filing: Filing) -> None:
        """Check that no measure hides the room, from a time before it was filed anew."""
        for sanction in await sanctions.binding_on(tx, None, filing.room_id or None):
            decision = await decisions.get(tx, sanction.decision_id)
            if decision is not None and hides(sanction):
                message = (
                    f"{filing.number} cannot be approved now: {decision.number} still binds its room "
                    f"({decision.in_words}). Wait until that has ended, or lift it: "
                    f"!policy lift {decision.number} REASON"
                )
                raise OutOfOrder(message)

    async def _approved(self, tx: Tx, by: str, filing: Filing, review: Review, **second: str) -> Filing:
        now, config = self._setting.now(), self._config
        record = filing.record_number  # of an approval whose room could not be taken in
        if record is None:
            serial = await next_number(tx, f"record {now.year}")
            record = number.record(config.prefix, now.year, serial)
        filing = filing_rules.approved(filing, record_number=record, now=now, valid_for=config.valid_for)
        # Nobody's, in case it comes back because the room cannot be taken in.
        await self._keep(tx, filing, replace(review, lease_until=None))
        taking_service.begin(self._setting, tx, filing)
        self._filings.remember(tx, by, "filing:approve", filing, record=filing.number, **second)
        return filing

    async def ask(self, tx: Tx, reviewer: str, text: str, question: str) -> Filing:
        """Ask the applicant something."""
        filing, review = await self.take(tx, reviewer, text, Step.ASK)
        question, now = rules.said(question, "your question"), self._setting.now()
        filing = replace(filing_rules.moved(filing, Step.ASK), reason=question)
        filing = await self._keep(tx, filing, rules.asked(review, now))
        await reviews.add_word(tx, filing.id, Word(Said.QUESTION, reviewer, question, now))
        await self._void(tx, filing)
        self._setting.tell(
            tx,
            filing.applicant,
            f"About your filing {filing.number}, the reviewer asks: {question}\n"
            f"Please answer with: !policy answer {filing.number} YOUR ANSWER\n"
            f"Or on the form, where you can mend the rest as well: !policy file {filing.number}",
            cause=cause(filing),
        )
        self._filings.remember(tx, reviewer, "filing:ask", filing, question=question)
        return filing

    async def reject(self, tx: Tx, reviewer: str, text: str, reason: str) -> Filing:
        """Reject an application: by the number of a prepared reason, or in words of one's own."""
        filing, review = await self.take(tx, reviewer, text, Step.REJECT)
        reason = rules.reason(reason, self._config.reasons)
        filing = replace(filing_rules.moved(filing, Step.REJECT), reason=reason)
        now = self._setting.now()
        review = replace(rules.followed(filing, review, now), lease_until=None)
        filing = await self._keep(tx, filing, review)
        await self._void(tx, filing)
        self._setting.tell(
            tx,
            filing.applicant,
            f"Your filing {filing.number} was rejected. Reason: {reason}\n"
            f"To apply again with what you wrote, once this is mended: !policy file {filing.number}\n"
            f"{objecting(filing.number, self._setting.ladder.appeal_window.days)}",
            cause=cause(filing),
        )
        self._filings.remember(tx, reviewer, "filing:reject", filing, reason=reason)
        return filing

    # A second person -----------------------------------------------------------------------------

    async def _propose(self, tx: Tx, by: str, filing: Filing, review: Review) -> tuple[Filing, Approval]:
        earlier = await cards.proposal(tx, filing)
        if earlier is not None and earlier.binding == await cards.binding(tx, filing):
            message = f"{filing.number}: {cards.waits(earlier)}"
            raise OutOfOrder(message)
        if earlier is not None:
            await decisions.end_approval(tx, earlier.code, "denied", None)
        approval = await propose(
            tx,
            self._setting,
            by=by,
            subject=f"{NOUN} F-{filing.id}",
            binding=await cards.binding(tx, filing),
        )
        filing = await self._keep(tx, filing, review)
        self._remember(tx, by, "filing:propose", filing)
        self._setting.tell_staff(
            tx, f"{filing.number}: {cards.waits(approval)}", cause=f"review {filing.id}"
        )
        return filing, approval

    async def confirm(self, tx: Tx, by: str, approval: Approval) -> str:
        """Approve what another reviewer proposed to approve, if it is still the same."""
        text, now = approval.subject.partition(" ")[2], self._setting.now()
        filing = await self.find(tx, text)
        await reviews.lock(tx, filing.id)
        filing = await self.find(tx, text)
        await self.check_impartial(tx, by, filing)
        proposers = await members.accounts_of(tx, approval.proposer)
        confirmable(approval, by, now, frozenset(), proposers)
        review = await reviews.get(tx, filing.id)
        if rules.holder(filing, review, now) != approval.proposer:
            rules.check_free(filing, review, by, now)
        if await cards.binding(tx, filing) != approval.binding:
            message = f"{filing.number} has changed since. Please look at it, and approve it anew."
            raise OutOfOrder(message)
        await self._check_approvable(tx, filing)
        await decisions.end_approval(tx, approval.code, "given", by)
        filing = await self._approved(
            tx, by, replace(filing, reviewer=by), review, proposer=approval.proposer
        )
        return f"{text} is approved as {filing.number}; the owner is told."

    async def deny(self, tx: Tx, by: str, approval: Approval) -> None:
        """Refuse what another reviewer proposed to approve, or take one's own proposal back."""
        if by != approval.proposer:
            await self.check_denying(tx, by, approval)
        await decisions.end_approval(tx, approval.code, "denied", by)
        await self.dropped(tx, by, approval, "denied")

    async def check_denying(self, tx: Tx, by: str, approval: Approval) -> None:
        """Check that nobody denies it who is no judge of it."""
        await self.check_impartial(tx, by, await self.find(tx, approval.subject.partition(" ")[2]))

    async def dropped(self, tx: Tx, by: str, approval: Approval, state: str) -> None:
        """Note that nobody confirmed it: it is being reviewed, as it was."""
        filing = await self.find(tx, approval.subject.partition(" ")[2])
        self._remember(tx, by, f"filing:propose-{state}", filing)
        cards.show(self._setting, tx, filing)
        if state == "expired":
            said = (
                f"Nobody has confirmed in time that {filing.number} is approved. Nothing was done; it "
                f"is still {filing.in_words}. To propose it anew: !policy approve {filing.number}"
            )
            self._setting.tell_staff(tx, said, cause=f"review {filing.id}")

    def _remember(self, tx: Tx, actor: str, tag: str, filing: Filing, **payload: str) -> None:
        """Write an audit entry about what changes nothing of the filing's state."""
        audit.append(tx, at=self._setting.now(), actor=actor, tag=tag, object=filing.number, **payload)


def check_said(text: str, what: str) -> None:
    """Check that somebody has written something.

    Raises:
        Incomplete: they have not.
    """
    if not text.strip():
        message = f"Please write {what} as well."
        raise Incomplete(message)
