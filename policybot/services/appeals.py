"""Appeals: take an objection in, with all that its author says, and note who may not decide it."""

from dataclasses import replace
from datetime import datetime

from policybot.domain import appeal as rules
from policybot.domain import server as servers
from policybot.domain.appeal import Appeal, Said, Word
from policybot.domain.appeal import State as AppealState
from policybot.domain.decision import IN_FORCE, Decision, State
from policybot.domain.errors import NotFound, OutOfOrder
from policybot.domain.ladder import Scope, Severity
from policybot.domain.name import one_line
from policybot.domain.notice import day
from policybot.domain.sanction import BINDING
from policybot.services.parties import Apart, Parties
from policybot.services.sanctions import Sanctions
from policybot.services.setting import Setting
from policybot.store import appeals, audit, cases, decisions, filings, members, parties, sanctions
from policybot.store.database import Tx, next_number


class Appeals:
    """The service for those who appeal."""

    def __init__(self, setting: Setting, apart: Apart, measures: Sanctions) -> None:
        """Work with the services that know the parties, and that let a measure rest."""
        self._setting = setting
        self._apart = apart
        self._sanctions = measures

    async def until(self, tx: Tx, decision: Decision) -> datetime:
        """Say until when a decision can be appealed."""
        told = decision.told_at or decision.decided_at
        end = told + self._setting.ladder.appeal_window
        return max(end, await appeals.admitted_until(tx, decision.id) or end)

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
        now, config = self._setting.now(), self._setting.config
        if (earlier := await appeals.against(tx, decision.id)) is not None:
            waits = earlier.state is AppealState.SUBMITTED
            if decision.scope is Scope.SERVER and waits and earlier.appellant != appellant:
                return await self._join(tx, appellant, earlier, text)
            taken_back = earlier.state is AppealState.WITHDRAWN
            how = "was taken back" if taken_back else "is in already"
            message = f"Your appeal on {decision.number} {how}; each decision has one."
            raise OutOfOrder(message)
        until = await self.until(tx, decision)
        said, pleads = rules.admissible(text, until=until, now=now, contact=config.operator.contact)
        stays = f"{decision.scope.value}:{decision.measure.kind.value}"
        may_rest = stays in self._setting.ladder.appeal_stay and not decision.interim
        rests = may_rest and await self._sanctions.stay(tx, decision)
        sanction = await sanctions.of_decision(tx, decision.id)
        urgent = rules.urgency(
            decision.scope,
            decision.measure.kind,
            sanction.ends_at if sanction else None,
            rests=rests,
            answer_by=now + config.appeals.answer_within,
        )
        within = config.appeals.urgent_within if urgent else config.appeals.answer_within
        appeal = Appeal(
            id=await next_number(tx, "appeal"),
            case_id=decision.case_id,
            decision_id=decision.id,
            appellant=appellant,
            text=said,
            state=AppealState.SUBMITTED,
            submitted_at=now,
            due_at=now + within,
            urgent=urgent,
            pleads=pleads and urgent is None,
        )
        await appeals.add(tx, appeal)
        excluded = await self.excluded(tx, appeal, decision)
        if not await self._apart.insiders(tx, excluded):
            appeal = replace(appeal, outside=True)
            await appeals.save(tx, appeal)
            appeal = replace(appeal, version=appeal.version + 1)
        await decisions.save(tx, replace(decision, state=State.UNDER_APPEAL))
        self.remember(tx, appellant, "appeal:submit", appeal)
        await self._call(tx, appeal, decision, excluded, rests=rests)
        return appeal

    async def _join(self, tx: Tx, who: str, appeal: Appeal, text: str) -> Appeal:
        """Add to the appeal of a server what another account there says: it is good for all of them.

        Raises:
            Incomplete: it says nothing, or too much.
            OutOfOrder: they have joined before, or enough others have.
        """
        now, joined = self._setting.now(), await self.joined(tx, appeal)
        said, _ = rules.admissible(text, until=now, now=now)
        if who in joined or len(joined) >= rules.MOST_JOINED:
            whose = "You have" if who in joined else f"{rules.MOST_JOINED} others have"
            message = (
                f"{whose} joined the appeal on {appeal.number} already. Somebody looks at it, and the "
                "outcome is good for all of you."
            )
            raise OutOfOrder(message)
        await appeals.add_word(tx, appeal.id, Word(Said.JOINED, who, said, now))
        self.remember(tx, who, f"appeal:{Said.JOINED}", appeal, said)
        await self.tell_reviewers(
            tx,
            appeal,
            f"{appeal.number}: another account of that server joins the appeal: "
            f"{one_line(said, rules.MOST_TEXT)}\nAll of it: !policy brief {appeal.number}",
        )
        return appeal

    @staticmethod
    async def joined(tx: Tx, appeal: Appeal) -> list[str]:
        """Name the accounts that have joined an appeal."""
        return [one.author for one in await appeals.words(tx, appeal.id) if one.kind is Said.JOINED]

    async def tell(self, tx: Tx, appeal: Appeal, text: str) -> None:
        """Tell whoever made an appeal, and who joined it, how it ended."""
        for who in (appeal.appellant, *await self.joined(tx, appeal)):
            self._setting.tell(tx, who, text, cause=f"appeal {appeal.id}")

    @staticmethod
    async def retractable(tx: Tx, appeal: Appeal) -> bool:
        """Say whether an appeal can be taken back: not where it is good for all accounts of a server."""
        decision = await decisions.get(tx, appeal.decision_id)
        return decision is not None and decision.scope is not Scope.SERVER

    async def excluded(self, tx: Tx, appeal: Appeal, decision: Decision) -> Parties:
        """Write down who had a part in an appealed decision by now; return all who ever had."""
        found = await self._apart.of_decision(tx, decision, appeal.appellant)
        case = await cases.get(tx, appeal.case_id)
        found |= await self._apart.of_case(tx, case) if case else set()
        return await self._apart.note(tx, parties.APPEAL, appeal.id, found)

    async def _call(
        self, tx: Tx, appeal: Appeal, decision: Decision, excluded: Parties, *, rests: bool
    ) -> None:
        """Tell those who can decide an appeal that it waits; say so where nobody can."""
        urgent = f" Urgent: {rules.URGENT[appeal.urgent]}." if appeal.urgent else ""
        pleads = " Its author says that it is urgent." if appeal.pleads else ""
        n = decision.number
        hasten = f" · !policy hasten {n} REASON" if appeal.pleads else ""
        insist = f" If that cannot be, two people can say so: !policy insist {n} REASON."
        grave = decision.severity is Severity.S4
        rested = f" The measure rests meanwhile.{insist if grave else ''}" if rests else ""
        what, by = f"Appeal on {n} ({decision.in_words}", f", decided by {decision.decider}"
        more = (
            f").{urgent}{pleads} To be answered by {appeal.due_at:%-d %B %H:%M} UTC.{rested}\n"
            f"The person writes: {one_line(appeal.text, rules.MOST_TEXT)}\n"
            f"Next, by somebody who had no part in it: !policy brief {n} · "
            f"!policy uphold|overturn {n} REASONS · !policy modify {n} MEASURE REASONS{hasten}"
        )
        own = f"{what}{by}{more}"
        # Who decided it is no business of the homeserver of somebody outside.
        await self._apart.call(tx, excluded, f"{what}{more}", own, cause=f"appeal {appeal.id}")

    async def _decision_about(
        self, tx: Tx, user_id: str, case_id: int | None, against: int | None
    ) -> Decision:
        """Find the decision in force that concerns somebody: their own, their room's, their server's."""
        found = await decisions.of_case(tx, case_id) if case_id is not None else []
        for decision in reversed(found):
            if decision.state not in IN_FORCE or against not in (None, decision.id):
                continue
            if decision.user_id == user_id:
                return decision
            if decision.scope is Scope.SERVER and servers.of(user_id) == decision.scope_key:
                return decision
            filing = await filings.of_room(tx, decision.room_id) if decision.room_id else None
            if decision.user_id is None and filing is not None and filing.applicant == user_id:
                return decision
        message = "There is no decision about you under this number."
        raise NotFound(message)

    # What its author does -------------------------------------------------------------------------

    async def mine(self, tx: Tx, who: str, case_id: int | None) -> Appeal:
        """Read the newest appeal in a case that somebody has made with an account of theirs.

        An account that was unlinked has made none but its own: it may be in other hands.

        Raises:
            NotFound: there is none.
        """
        own = await members.own_person(tx, who)
        found = await appeals.of_case(tx, case_id) if case_id is not None else []
        for appeal in reversed(found):
            whose = await members.answerable(tx, appeal.appellant, appeal.submitted_at)
            if own is not None and own == whose:
                return appeal
            if appeal.appellant == who and None in (own, whose):
                return appeal
            if who in await self.joined(tx, appeal):
                return appeal
        message = "There is no appeal of yours under this number."
        raise NotFound(message)

    async def add(self, tx: Tx, who: str, appeal: Appeal, text: str) -> Appeal:
        """Take in what somebody adds to their appeal, or answers to a question about it.

        Raises:
            Incomplete: it says nothing, or too much.
            OutOfOrder: the appeal does not wait any more, or they have added enough.
        """
        appeal = await self._again(tx, appeal)
        now = self._setting.now()
        if who in await self.joined(tx, appeal):
            message = f"You have joined the appeal on {appeal.number}, and what you wrote is part of it."
            raise OutOfOrder(message)
        answering = appeal.asked_at is not None
        after = rules.answered(appeal, now)
        kind = Said.ANSWER if answering else Said.ADDITION
        said = rules.said(text, "Please write what you want to add.")
        before = [w for w in await appeals.words(tx, appeal.id) if w.kind is Said.ADDITION]
        if kind is Said.ADDITION and len(before) >= rules.MOST_WORDS:
            message = f"You have added to your appeal {rules.MOST_WORDS} times; that is the most."
            raise OutOfOrder(message)
        await appeals.save(tx, after)
        await appeals.add_word(tx, appeal.id, Word(kind, who, said, now))
        self.remember(tx, who, f"appeal:{kind}", after, said)
        what = "answers what was asked about" if answering else "adds to"
        await self.tell_reviewers(
            tx,
            after,
            f"{appeal.number}: the person {what} the appeal: {one_line(said, rules.MOST_TEXT)}\n"
            f"All of it: !policy brief {appeal.number}",
        )
        return after

    @staticmethod
    async def _again(tx: Tx, appeal: Appeal) -> Appeal:
        """Read an appeal again, once nobody else does anything with it."""
        await decisions.lock(tx, appeal.decision_id)
        return await appeals.against(tx, appeal.decision_id) or appeal

    async def withdraw(self, tx: Tx, who: str, appeal: Appeal) -> Appeal:
        """Take an appeal back: the decision stands, and a measure that rested goes on.

        Raises:
            OutOfOrder: it is decided, or is not theirs alone.
        """
        after = rules.withdrawn(await self._again(tx, appeal), self._setting.now())
        decision = await decisions.get(tx, appeal.decision_id)
        assert decision is not None
        if decision.scope is Scope.SERVER:
            message = (
                f"The appeal on {appeal.number} is good for all accounts of {decision.scope_key}, so "
                "nobody takes it back for the others. Somebody looks at it."
            )
            raise OutOfOrder(message)
        await appeals.save(tx, after)
        await decisions.save(tx, replace(decision, state=State.FINAL))
        await self._sanctions.resume(tx, decision)
        self.remember(tx, who, "appeal:withdraw", after)
        text = f"{appeal.number}: the appeal was taken back by whoever made it. The decision stands."
        await self.tell_reviewers(tx, after, text)
        return after

    async def course(self, tx: Tx, appeal: Appeal) -> list[str]:
        """Say to its author where an appeal stands, what was asked and what to do next."""
        n, ended = appeal.number, appeal.decided_at
        lines = [f"Your appeal on {n} of {appeal.submitted_at:%-d %B %Y} {_STANDS[appeal.state]}"]
        lines[0] += f" on {ended:%-d %B %Y}." if ended else "."
        if appeal.state is not AppealState.SUBMITTED:
            return [*lines, *([f"Reasons: {appeal.reasons}"] if appeal.reasons else [])]
        questions = [w for w in await appeals.words(tx, appeal.id) if w.kind is Said.QUESTION]
        if appeal.asked_at is not None and questions:
            lines.append(f"It waits for your answer to: {questions[-1].text}")
            lines.append(f"To answer: !policy add {n} YOUR ANSWER")
        else:
            late = appeal.overdue(self._setting.now())
            should = "should have been" if late else "should be"
            lines.append(
                f"{'It is urgent and' if appeal.urgent else 'It'} {should} answered by "
                f"{appeal.due_at:%-d %B %Y}, by somebody who had no part in the decision."
                + (" Your moderators were reminded." if late else "")
            )
            lines.append(f"To add something: !policy add {n} TEXT")
        if appeal.insisted:
            lines.append(f"The measure does not rest meanwhile, because: {appeal.insisted}")
        if await self.retractable(tx, appeal):
            lines.append(f"To take it back: !policy withdraw {n}")
        return lines

    async def appealable(self, tx: Tx, who: str, case_id: int | None) -> str:
        """Say to somebody who has not appealed what was decided about them, and how to appeal.

        Raises:
            NotFound: nothing was.
        """
        decision = await self._decision_about(tx, who, case_id, None)
        sanction = await sanctions.of_decision(tx, decision.id)
        ends = sanction.ends_at if sanction is not None and sanction.state in BINDING else None
        until, n = await self.until(tx, decision), decision.number
        over = f"The time to appeal ended on {until:%-d %B %Y}."
        can = f"You can appeal until {until:%-d %B %Y}: !policy appeal {n} YOUR REASONS"
        return (
            f"{n} was decided on {decision.decided_at:%-d %B %Y}: {decision.in_words}"
            f"{f', until {day(ends)}' if ends else ''}.\n{can if until > self._setting.now() else over}"
        )

    async def tell_reviewers(self, tx: Tx, appeal: Appeal, text: str) -> None:
        """Write to those who decide an appeal: in the review room, or to people outside."""
        self._setting.tell_staff(tx, text, cause=f"appeal {appeal.id}")
        await self.tell_outside(tx, appeal, text)

    async def tell_outside(self, tx: Tx, appeal: Appeal, text: str) -> None:
        """Write to the people outside who decide an appeal, if it is for them."""
        known = frozenset(await parties.of(tx, parties.APPEAL, appeal.id))
        for reviewer in self._apart.outsiders(known) if appeal.outside else ():
            self._setting.tell(tx, reviewer, text, cause=f"appeal {appeal.id}")

    def remember(self, tx: Tx, actor: str, tag: str, appeal: Appeal, text: str = "") -> None:
        """Put an act on an appeal on record, with what was said, or else its reasons or its own text."""
        audit.append(
            tx,
            at=self._setting.now(),
            actor=actor,
            tag=tag,
            object=appeal.number,
            decision=appeal.decision_id,
            text=text or appeal.reasons or appeal.text,
        )


_STANDS = {
    AppealState.SUBMITTED: "waits to be decided",
    AppealState.UPHELD: "was decided: the decision stands",
    AppealState.MODIFIED: "succeeded in part: a milder measure was put in its place",
    AppealState.OVERTURNED: "succeeded: the decision is void from the beginning",
    AppealState.WITHDRAWN: "was taken back by you",
}
