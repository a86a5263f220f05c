"""Cures: the owner of a room gets time to put something right before a measure is decided.

Nothing is decided by the end of that time: it puts the case in front of the moderators again.
"""

from dataclasses import replace

from policybot.domain import case as case_rules
from policybot.domain import cure as rules
from policybot.domain import notice
from policybot.domain.case import Case, SubjectKind
from policybot.domain.cure import Cure, State
from policybot.domain.errors import Incomplete, NotFound, OutOfOrder
from policybot.domain.filing import Filing
from policybot.services.cases import Cases
from policybot.services.setting import Setting
from policybot.store import cases, cures, filings
from policybot.store.database import Tx

_BATCH = 100


class Cures:
    """The service for times to put something right."""

    def __init__(self, setting: Setting, casework: Cases) -> None:
        """Work with the service that holds cases."""
        self._setting = setting
        self._cases = casework

    async def give(self, tx: Tx, by: str, case: Case, span: str, text: str) -> Cure:
        """Give the owner of a room time; the case is free meanwhile.

        Raises:
            NotFound: that is no such time.
            NotPermitted: they are a party to the case, or somebody else works on it.
            Incomplete: the text says nothing, or nobody answers for the room.
            OutOfOrder: the case is past working on, or a time runs.
        """
        filing = await self._filing(tx, case)
        if filing is None:
            message = (
                f"{case.number} is about {case.subject.in_words}. Only the owner of a filed room can be "
                "given time to put something right."
            )
            raise Incomplete(message)
        usual = self._setting.ladder.room_cure or self._setting.config.filing.cure
        length, words = rules.span_of(span, usual), rules.explained(text)
        named = await self._check_first(tx, by, case, filing.room_id)
        taken = (await self._cases.take(tx, by, case)).case
        before = await cures.of_case(tx, case.id)
        rules.check_over(before)
        now = self._setting.now()
        cure = Cure(case.id, by, words, now, now + length, rules=named)
        await cures.add(tx, cure)
        await cases.save(tx, case_rules.released(taken, by, now))
        self._cases.remember(
            tx, by, "case:cure", case, text=words, until=cure.until.isoformat(), room=filing.room_id
        )
        self._setting.tell(
            tx,
            filing.applicant,
            f"About your room {filing.number} ({case.number}): a moderator asks you to put something "
            f"right.\n{words}\nYou have until {notice.day(cure.until)}. When it is done, write: "
            f"!policy cured {case.number} WHAT YOU DID\nNothing is decided yet, and nothing happens by "
            "itself when the time is over: moderators then look at it again.",
            cause=f"case {case.id}",
        )
        return cure

    async def _check_first(self, tx: Tx, by: str, case: Case, room_id: str) -> frozenset[str]:
        """Check that none of the rules named in a case was put right not long ago; give them back."""
        case_rules.impartial(case, by, await self._cases.involved(tx, case))
        named = frozenset(one for one in await cures.named(tx, case.id) if self._setting.rule_of(one))
        before = await cures.cured(tx, room_id, self._setting.now() - rules.ONCE_IN)
        unseen = set()
        for one in before:
            other = await cases.get(tx, one.case_id)
            if other is None or by in await self._cases.involved(tx, other):
                unseen.add(one.case_id)
        rules.check_first(named, before, case.id, unseen)
        return named

    async def _filing(self, tx: Tx, case: Case) -> Filing | None:
        if case.subject.kind is not SubjectKind.ROOM or case.subject.room_id is None:
            return None
        filing = await filings.of_room(tx, case.subject.room_id)
        return filing if filing is not None and filing.record_number else None

    async def stop(self, tx: Tx, by: str, case: Case, reason: str) -> None:
        """End a time early, with a reason that the owner reads.

        Raises:
            NotFound: none was given.
            NotPermitted: they are a party to the case.
            OutOfOrder: it has ended.
        """
        case_rules.impartial(case, by, await self._cases.involved(tx, case))
        cure = await self._of(tx, case)
        stopped = rules.ended(cure, State.STOPPED, rules.explained(reason))
        await cures.save(tx, stopped)
        self._cases.remember(tx, by, "case:cure_stop", case, reason=stopped.answer)
        filing = await self._filing(tx, case)
        if filing is not None:
            text = (
                f"About your room {filing.number} ({case.number}): the time to put it right was ended "
                f"early. Reason: {stopped.answer}\nModerators look at it now; you hear what they decide."
            )
            self._setting.tell(tx, filing.applicant, text, cause=f"case {case.id}")

    async def _of(self, tx: Tx, case: Case) -> Cure:
        cure = await cures.of_case(tx, case.id)
        if cure is None:
            message = f"No time to put something right was given in {case.number}."
            raise NotFound(message)
        return cure

    async def said(self, tx: Tx, by: str, case_id: int | None, text: str, answer: str) -> Cure:
        """Hear from the owner that it is done.

        Raises:
            NotFound: they were not asked for anything under this number.
            OutOfOrder: the time has ended.
        """
        case = await cases.get(tx, case_id) if case_id is not None else None
        filing = await self._filing(tx, case) if case else None
        cure = await cures.of_case(tx, case.id) if case else None
        if case is None or cure is None or filing is None or filing.applicant != by:
            message = f"You were not asked to put anything right under {text[:40]}."
            raise NotFound(message)
        if cure.state is State.OVER or cure.until <= self._setting.now():
            message = (
                f"The time in {case.number} is over, and moderators look at it. If something is "
                "decided, you are told and can object."
            )
            raise OutOfOrder(message)
        done = rules.ended(cure, State.SAID, rules.answered(answer))
        await cures.save(tx, done)
        self._cases.remember(tx, by, "case:cured", case, answer=done.answer)
        words = f"They write: {done.answer}" if done.answer else "They write nothing more."
        self._back(tx, case, f"the owner of {filing.number} says that it is put right. {words}", cure)
        return done

    def _back(self, tx: Tx, case: Case, what: str, cure: Cure) -> None:
        self._setting.tell_staff(
            tx,
            f"{case.number}: {what}\nThey were asked: {cure.text}\nNothing is decided by this. Next: "
            f"!policy show {case.number} · !policy claim {case.number} · "
            f"!policy dismiss {case.number} REASON",
            cause=f"case {case.id}",
        )

    async def tick(self, tx: Tx) -> None:
        """Remind owners a day before the end, and put cases whose time is over before the moderators."""
        now = self._setting.now()
        for cure in await cures.over(tx, now, _BATCH):
            await cures.save(tx, rules.ended(cure, State.OVER))
            case = await cases.get(tx, cure.case_id)
            if case is not None and case.state in case_rules.UNDECIDED:
                self._cases.remember(tx, "system:clock", "case:cure_over", case)
                what = "the time to put it right is over, and the owner did not say that it is."
                self._back(tx, case, what, cure)
        for cure in await cures.ending(tx, now, _BATCH):
            await cures.save(tx, replace(cure, reminded=True))
            case = await cases.get(tx, cure.case_id)
            filing = await self._filing(tx, case) if case else None
            if case is not None and filing is not None and case.state in case_rules.UNDECIDED:
                self._cases.remember(tx, "system:clock", "case:cure_remind", case)
                text = (
                    f"About your room {filing.number} ({case.number}): your time to put it right ends "
                    f"on {notice.day(cure.until)}. You were asked: {cure.text}\nWhen it is done, write: "
                    f"!policy cured {case.number} WHAT YOU DID"
                )
                self._setting.tell(tx, filing.applicant, text, cause=f"case {case.id}")
