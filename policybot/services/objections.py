"""Objections: what people say to a referral about them, and when they may be told of one still later."""

from dataclasses import replace

from policybot.domain import referral as rules
from policybot.domain.decision import Approval, deniable
from policybot.domain.errors import Incomplete, NotFound, NotPermitted, OutOfOrder
from policybot.domain.measure import parse_duration
from policybot.domain.name import one_line
from policybot.domain.notice import day
from policybot.domain.number import referral as numbered
from policybot.domain.permission import Permission
from policybot.domain.referral import Answer, Postponement, Referral, State
from policybot.domain.statement import MIN_FACTS
from policybot.services.proposals import propose
from policybot.services.referrals import Referrals
from policybot.services.setting import Setting
from policybot.store import decisions, members, referrals
from policybot.store.database import Tx

_MOST = 2000


class Objections:
    """The service for what follows once something was handed over."""

    needs = Permission.REFERRAL_APPROVE

    def __init__(self, setting: Setting, handed: Referrals) -> None:
        """Work with the referrals' service."""
        self._setting = setting
        self._referrals = handed

    async def own(self, tx: Tx, by: str, number: int | None, text: str) -> Referral:
        """Find a referral about somebody, of which they were told.

        Raises:
            NotFound: there is none.
        """
        referral = await referrals.get(tx, number) if number is not None else None
        own = await members.own_person(tx, by)
        if referral is not None and referral.told_at is not None:
            same = own is not None and own == referral.person_id
            if same or (by == referral.user_id and referral.is_of(own)):
                return referral
        message = f"Nothing about you was handed over under the number {text[:20]}."
        raise NotFound(message)

    async def object(self, tx: Tx, by: str, referral: Referral, text: str) -> Referral:
        """Take an objection in.

        Raises:
            Incomplete: it says nothing.
            OutOfOrder: there is one already, or nothing to object to.
        """
        said = one_line(text, _MOST)
        if not said:
            message = "Please say why: somebody who had no part in it will read it."
            raise Incomplete(message)
        if referral.corrects is not None:
            corrected = numbered(referral.corrects)
            message = f"{referral.number} only says that {corrected} {referral.course}."
            raise OutOfOrder(message)
        if referral.objected_at is not None:
            message = f"Your objection to {referral.number} is in already; there is one for each."
            raise OutOfOrder(message)
        now = self._setting.now()
        due = now + self._setting.config.referrals.answer_within
        taken = replace(referral, objection=said, objected_at=now, answer_due=due)
        await referrals.save(tx, taken)
        self._referrals.remember(tx, by, "referral:object", taken)
        await self._call(tx, taken, f"Their words: {said}")
        return taken

    async def _call(self, tx: Tx, referral: Referral, said: str) -> None:
        """Tell those who can answer, and those who look after privacy, that an objection waits."""
        number, apart = referral.number, await self._part_in(tx, referral)
        who = {
            *await self._referrals.people(tx, Permission.REFERRAL_ANSWER, apart),
            *await self._referrals.people(tx, Permission.REFERRAL_APPROVE, apart),
        }
        due = day(referral.answer_due) if referral.answer_due else ""
        for one in sorted(who):
            self._setting.tell(
                tx,
                one,
                f"An objection to {number} is to be answered by {due}. {said}\nNext, by somebody "
                f"with the role «appeals»: !policy show {number} · "
                f"!policy uphold|overturn {number} REASONS",
                cause=f"referral {referral.id}",
            )

    async def _part_in(self, tx: Tx, referral: Referral) -> frozenset[str]:
        """Name all accounts of those who decided it, handed it over, or are concerned."""
        deciding = {referral.proposer, referral.approver, referral.handed_over_by}
        deciders = await members.accounts_of_all(tx, {one for one in deciding if one})
        return deciders | await self._referrals.parties(tx, referral)

    async def call_late(self, tx: Tx) -> None:
        """Call people once for each objection that nobody has answered in time; nothing is decided."""
        for referral in await referrals.unanswered(tx, self._setting.now()):
            await self._call(tx, referral, "The time for it is over.")

    async def answer(self, tx: Tx, by: str, referral: Referral, answer: Answer, reasons: str) -> None:
        """Answer an objection, as somebody who had no part in the referral.

        Raises:
            NotPermitted: they had a part in it.
            Incomplete: no reasons are given.
            OutOfOrder: no objection waits.
        """
        if by in await self._part_in(tx, referral):
            message = f"You had a part in {referral.number}, so somebody else has to answer."
            raise NotPermitted(message)
        if referral.objected_at is None or referral.answer is not None:
            message = f"No objection to {referral.number} waits."
            raise OutOfOrder(message)
        said = one_line(reasons, _MOST)
        if len(said) < MIN_FACTS:
            message = "Please give the reasons in a sentence; the person will read them."
            raise Incomplete(message)
        done = replace(referral, answer=answer)
        await referrals.save(tx, done)
        verb = "uphold" if answer is Answer.UPHELD else "overturn"
        self._referrals.remember(tx, by, f"referral:{verb}", done, reasons=said)
        text = rules.answered(done, answer, said, self._setting.config.operator.appeal_body)
        self._setting.tell(tx, referral.user_id, text, cause=f"referral {referral.id}")
        if answer is Answer.OVERTURNED:
            why = "The person objected, and somebody who had no part in it found that they are right."
            await self._referrals.correction(tx, done, by, why)

    # Telling the person still later --------------------------------------------------------------

    async def postpone(  # noqa: PLR0913, PLR0917 - what was typed
        self, tx: Tx, by: str, referral: Referral, ground: str, span: str, reason: str
    ) -> str:
        """Propose that the person is told still later; another person has to agree.

        Raises:
            NotFound: there is no such ground, or that is no time.
            NotPermitted: they are not known as a person.
            Incomplete: it is longer than the ground allows, or no reason is given.
            OutOfOrder: the person is told already, or it is longer than anything may be.
        """
        try:
            delay = parse_duration(span.upper())
        except ValueError:
            message = f"«{span[:40]}» is no time: write it like P30D"
            raise NotFound(message) from None
        found = rules.ground_of(self._setting.config.referrals.grounds, ground.lower(), delay)
        now, said = self._setting.now(), one_line(reason, _MOST)
        rules.postponable(referral, now + delay, now)
        if len(said) < MIN_FACTS:
            message = "Please say in a sentence why the person cannot be told yet."
            raise Incomplete(message)
        await self._referrals.check_known(tx, by)
        wish = Postponement(found.title, now + delay, said)
        await referrals.save(tx, replace(referral, postponement=wish))
        approval = await propose(
            tx, self._setting, by=by, subject=f"postponement {referral.id}", binding=wish.binding
        )
        self._referrals.remember(tx, by, "referral:ask_postpone", referral, until=day(wish.until))
        apart = await self._referrals.parties(tx, referral) | await members.accounts_of(tx, by)
        for who in await self._referrals.people(tx, self.needs, apart):
            self._setting.tell(
                tx,
                who,
                f"{by} proposes that the person of {referral.number} is told on {day(wish.until)} "
                f"instead of {day(referral.due_at or now)}: {wish.ground}.\nThey write: {said}\n"
                f"!policy confirm {approval.code} · !policy deny {approval.code}\nIf nobody agrees, the "
                "person is told as planned.",
                cause=f"referral {referral.id}",
            )
        return (
            f"Proposed: the person of {referral.number} is told on {day(wish.until)}. Another person "
            "with the role «privacy» has to agree; until then, and without it, they are told on "
            f"{day(referral.due_at or now)}. To take it back: !policy deny {approval.code}"
        )

    async def confirm(self, tx: Tx, by: str, approval: Approval) -> str:
        """Agree that a person is told later."""
        referral, wish = await self._wished(tx, approval)
        parties = await self._referrals.parties(tx, referral)
        await self._referrals.check_another(tx, by, approval, approval.proposer, parties)
        rules.postponable(referral, wish.until, self._setting.now())
        await decisions.end_approval(tx, approval.code, "given", by)
        later = replace(referral, due_at=wish.until, postponement=None)
        await referrals.save(tx, later)
        self._referrals.remember(
            tx, by, "referral:postpone", later, until=day(wish.until), reason=wish.reason
        )
        return f"Agreed. The person of {referral.number} is told on {day(wish.until)}."

    async def check_denying(self, tx: Tx, by: str, approval: Approval) -> None:
        """Check that no party denies it."""
        referral, _ = await self._wished(tx, approval)
        deniable(by, await self._referrals.parties(tx, referral))

    async def dropped(self, tx: Tx, by: str, approval: Approval, state: str) -> None:
        """Note that nobody agreed: the person is told as planned."""
        referral = await referrals.get(tx, int(approval.subject.partition(" ")[2]))
        if referral is None or referral.postponement is None:
            return
        if referral.postponement.binding == approval.binding:
            await referrals.save(tx, replace(referral, postponement=None))
            self._referrals.remember(tx, by, f"referral:not_postponed_{state}", referral)

    @staticmethod
    async def _wished(tx: Tx, approval: Approval) -> tuple[Referral, Postponement]:
        referral = await referrals.get(tx, int(approval.subject.partition(" ")[2]))
        wish = referral.postponement if referral else None
        if referral is None or wish is None or wish.binding != approval.binding:
            message = f"Nothing waits under the code {approval.code}."
            raise NotFound(message)
        return referral, wish

    async def about(self, tx: Tx, user_id: str) -> list[str]:
        """Say to somebody what was handed over about them, and what came of their objections."""
        lines = []
        for referral in await referrals.told_to(tx, user_id):
            own = await members.own_person(tx, user_id)
            if referral.is_of(own):
                lines.append(rules.told_in_short(referral) + said_to(referral))
        return lines


def said_to(referral: Referral) -> str:
    """Say what came of an objection, or how to make one."""
    if referral.answer is not None:
        came = "found right" if referral.answer is Answer.OVERTURNED else "answered: it stands"
        return f"; your objection was {came}"
    if referral.objected_at is not None:
        due = f", due by {day(referral.answer_due)}" if referral.answer_due else ""
        return f"; your objection waits for an answer{due}"
    if referral.corrects is not None or referral.state is not State.HANDED_OVER:
        return ""
    return f"; to object: !policy object {referral.number} YOUR REASONS"
