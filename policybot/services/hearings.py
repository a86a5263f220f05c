"""Hearings: what is done with an appeal between its coming in and its end, whatever it is about."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from policybot.domain import appeal as rules
from policybot.domain import number
from policybot.domain.appeal import About, Appeal, Appealable, Kind, Said, State, Verdict, Word
from policybot.domain.errors import NotFound, OutOfOrder
from policybot.domain.name import one_line
from policybot.domain.party import Why, check_apart, hidden
from policybot.domain.permission import Role
from policybot.services.appeal_records import AppealRecords
from policybot.services.briefs import Brief, Ended, Facts
from policybot.services.parties import Apart, Parties
from policybot.services.setting import Setting
from policybot.store import appeals, audit, evidence, filings, members, parties, queues
from policybot.store.database import Tx

_BATCH = 100


class Reviewing(Protocol):
    """What is particular to appeals of one kind."""

    async def lock(self, tx: Tx, appeal: Appeal) -> None:
        """Let nobody else do anything with it until the end."""

    async def excluded(self, tx: Tx, appeal: Appeal) -> Parties:
        """Write down who had a part in it by now; return all who ever had."""

    async def concerned(self, tx: Tx, appeal: Appeal) -> frozenset[str]:
        """Name whom it concerns by now, which may not be written down yet."""

    async def facts(self, tx: Tx, appeal: Appeal, *, outside: bool) -> Facts:
        """Tell what it is about; `outside` they do not read who decided or who reported."""

    async def late(self, tx: Tx, kind: Kind, named: int) -> tuple[Appealable, set[tuple[str, Why]]]:
        """Find what could be appealed under a number, and who has a part in that."""

    async def tell(self, tx: Tx, appeal: Appeal | Appealable, text: str) -> None:
        """Write to whoever appeals, or could."""

    async def withdrawn(self, tx: Tx, who: str, appeal: Appeal) -> None:
        """Let stand what was decided, after the appeal was taken back."""

    async def end(  # noqa: PLR0913, PLR0917 - as the commands
        self, tx: Tx, reviewer: str, appeal: Appeal, verdict: Verdict, measure: str, reasons: str
    ) -> Ended:
        """End it, tell whoever appeals, and do what follows."""


class Hearings:
    """The service for appeals of all kinds while they wait: of those who appeal, and who decide."""

    def __init__(
        self,
        setting: Setting,
        records: AppealRecords,
        apart: Apart,
        reviewing: Mapping[Kind, Reviewing],
    ) -> None:
        """Work with the services that know what each kind is about."""
        self._setting = setting
        self._records = records
        self._apart = apart
        self._reviewing = reviewing

    # What whoever appeals does ---------------------------------------------------------------------

    async def mine(self, tx: Tx, who: str, text: str) -> Appeal:
        """Read somebody's appeal under a number: what asks them, else what waits, else the newest.

        Raises:
            NotFound: there is none.
        """
        if found := await self.all_mine(tx, who, text):
            return nearest(found)
        message = "There is no appeal of yours under this number."
        raise NotFound(message)

    async def all_mine(self, tx: Tx, who: str, text: str) -> list[Appeal]:
        """List what somebody has made under a number with an account of theirs, oldest first.

        An account that was unlinked has made none but its own: it may be in other hands.
        """
        own, found = await members.own_person(tx, who), []
        for appeal in await self._named(tx, text):
            whose = await members.answerable(tx, appeal.appellant, appeal.submitted_at)
            same = own is not None and own == whose
            alone = appeal.appellant == who and None in (own, whose)
            if same or alone or await self._joined(tx, who, appeal):
                found.append(appeal)
        return found

    async def add(self, tx: Tx, who: str, appeal: Appeal, text: str) -> Appeal:
        """Take in what somebody adds to their appeal, or answers to a question about it.

        Raises:
            Incomplete: it says nothing, or too much.
            OutOfOrder: the appeal does not wait any more, or they have added enough.
        """
        appeal = await self._again(tx, appeal)
        now = self._setting.now()
        if await self._joined(tx, who, appeal):
            message = f"You have joined the {appeal.called}, and what you wrote is part of it."
            raise OutOfOrder(message)
        answering = appeal.asked_at is not None
        after = rules.answered(appeal, now)
        kind = Said.ANSWER if answering else Said.ADDITION
        said = rules.said(text, "Please write what you want to add.")
        before = [w for w in await appeals.words(tx, appeal.id) if w.kind is Said.ADDITION]
        if kind is Said.ADDITION and len(before) >= rules.MOST_WORDS:
            message = f"You have added to your appeal {rules.MOST_WORDS} times; that is the most."
            raise OutOfOrder(message)
        after = await appeals.save(tx, after)
        if answering:
            await appeals.called(tx, [appeal.id], None)
        await appeals.add_word(tx, appeal.id, Word(kind, who, said, now))
        self._records.remember(tx, who, kind.value, after, said)
        what = "answers what was asked about" if answering else "adds to"
        await self._tell_reviewers(
            tx,
            after,
            f"{appeal.number}: the person {what} the appeal: {one_line(said, rules.MOST_TEXT)}\n"
            f"All of it: !policy brief {appeal.number}",
        )
        return after

    @staticmethod
    async def _joined(tx: Tx, who: str, appeal: Appeal) -> bool:
        """Say whether somebody has joined an appeal, which only those of servers can be."""
        return appeal.about is About.SERVER and who in await appeals.joined(tx, appeal.id)

    @staticmethod
    async def words(tx: Tx, appeal: Appeal) -> list[Word]:
        """List what was asked, answered and added since an appeal came in."""
        return await appeals.words(tx, appeal.id)

    async def _again(self, tx: Tx, appeal: Appeal) -> Appeal:
        """Read an appeal again, once nobody else does anything with it."""
        await self._reviewing[appeal.kind].lock(tx, appeal)
        return await appeals.get(tx, appeal.id) or appeal

    async def withdraw(self, tx: Tx, who: str, appeal: Appeal) -> Appeal:
        """Take an appeal back: what was decided stands, and what rested goes on.

        Raises:
            OutOfOrder: it is decided.
        """
        after = rules.withdrawn(await self._again(tx, appeal), self._setting.now())
        after = await appeals.save(tx, after)
        await self._reviewing[after.kind].withdrawn(tx, who, after)
        self._records.remember(tx, who, "withdraw", after)
        stands = f"{after.against[0].upper()}{after.against[1:]} stands."
        text = f"{after.number}: the appeal was taken back by whoever made it. {stands}"
        await self._tell_reviewers(tx, after, text)
        return after

    async def _tell_reviewers(self, tx: Tx, appeal: Appeal, text: str) -> None:
        """Write to those who decide an appeal: in the review room, or to people outside."""
        self._setting.tell_staff(tx, text, cause=f"appeal {appeal.id}")
        await self._tell_outside(tx, appeal, text)

    async def _tell_outside(self, tx: Tx, appeal: Appeal, text: str) -> None:
        """Write to the people outside who decide an appeal, if it is for them."""
        known = frozenset(await parties.of(tx, appeal.id))
        for reviewer in self._apart.outsiders(known) if appeal.outside else ():
            self._setting.tell(tx, reviewer, text, cause=f"appeal {appeal.id}")

    # What reviewers do -----------------------------------------------------------------------------

    async def waiting(self, tx: Tx, viewer: str, limit: int) -> list[Appeal]:
        """List the appeals that wait, urgent ones first, but those in which the viewer has a part."""
        found = await appeals.waiting(tx, await queues.accounts_with(tx, viewer), limit)
        # Whoever has come to answer for the room since then is not written down yet.
        return [one for one in found if viewer not in await self._reviewing[one.kind].concerned(tx, one)]

    async def waits(self, tx: Tx, text: str) -> Appeal | None:
        """Read the oldest appeal that waits under a number, if one does."""
        found = await self._named(tx, text)
        return next((one for one in found if one.state is State.SUBMITTED), None)

    async def find(self, tx: Tx, text: str) -> Appeal:
        """Read the appeal that waits under a number; nobody else does anything with it until the end.

        Raises:
            NotFound: none waits.
        """
        if (found := await self.waits(tx, text)) is not None:
            await self._reviewing[found.kind].lock(tx, found)
            found = await self.waits(tx, text)
        if found is None:
            message = f"No appeal waits under {text[:40]}."
            raise NotFound(message)
        return found

    async def _named(self, tx: Tx, text: str) -> Sequence[Appeal]:
        """List the appeals under a number, oldest first."""
        meant = await self._meant(tx, text)
        return await appeals.named(tx, *meant) if meant else ()

    @staticmethod
    async def _meant(tx: Tx, text: str) -> tuple[Kind, int] | None:
        """Say what a number is of; None if there is no such thing."""
        kind, named = Kind.DECISION, number.parse_case(text)
        if named is None:
            kind, named = Kind.REPORT, number.parse_receipt(text)
        if named is None:
            kind, named = Kind.QUALIFICATION, number.parse_qualification(text)
        if named is None:
            filing = await filings.get(tx, text.upper())
            kind, named = Kind.FILING, filing.id if filing else None
        return (kind, named) if named is not None else None

    async def _decidable(self, tx: Tx, reviewer: str, text: str) -> Appeal:
        """Read the appeal that waits under a number, for somebody who may decide it.

        Raises:
            NotFound: none waits, or it is not theirs to know of.
            NotPermitted: they had a part in the matter.
        """
        try:
            appeal = await self.find(tx, text)
        except NotFound:
            if Role.EXTERNAL in await self._setting.roles(tx, reviewer):
                raise hidden() from None
            raise
        await self._apart.check(tx, reviewer, await self.excluded(tx, appeal))
        return appeal

    async def excluded(self, tx: Tx, appeal: Appeal) -> Parties:
        """Write down who had a part in the matter of an appeal by now; return all who ever had."""
        return await self._reviewing[appeal.kind].excluded(tx, appeal)

    async def _taken(self, tx: Tx, reviewer: str, text: str) -> Appeal:
        """Read the appeal that waits under a number, and take it, as each act on it does.

        Raises:
            NotFound: none waits, or it is not theirs to know of.
            NotPermitted: they had a part in the matter, or somebody else has it.
        """
        appeal = await self._decidable(tx, reviewer, text)
        return rules.claimed(appeal, reviewer, self._setting.now(), self._setting.config.appeals.claim)

    async def brief(self, tx: Tx, reviewer: str, text: str) -> Brief:
        """Show a reviewer what an appeal is about; who had a part does not see it.

        Raises:
            NotFound: none waits, or it is not theirs to know of.
            NotPermitted: they had a part in the matter.
        """
        appeal = await self._decidable(tx, reviewer, text)
        outside = Role.EXTERNAL in await self._setting.roles(tx, reviewer)
        return Brief(
            appeal,
            tuple(await appeals.words(tx, appeal.id)),
            tuple(await evidence.of_appeal(tx, appeal.id)),
            await self._reviewing[appeal.kind].facts(tx, appeal, outside=outside),
        )

    async def claim(self, tx: Tx, reviewer: str, text: str) -> Appeal:
        """Take an appeal for a while, so that nobody else does the same."""
        appeal = await appeals.save(tx, await self._taken(tx, reviewer, text))
        self._records.remember(tx, reviewer, "claim", appeal)
        return appeal

    async def release(self, tx: Tx, reviewer: str, text: str) -> Appeal:
        """Give an appeal back."""
        appeal = await self._decidable(tx, reviewer, text)
        appeal = await appeals.save(tx, rules.released(appeal, reviewer, self._setting.now()))
        self._records.remember(tx, reviewer, "release", appeal)
        return appeal

    async def ask(self, tx: Tx, reviewer: str, text: str, question: str) -> Appeal:
        """Ask whoever appeals something; until they answer, the clock stands still."""
        appeal, now = await self._taken(tx, reviewer, text), self._setting.now()
        question = rules.said(question, "Please write your question as well.")
        after = await appeals.save(tx, rules.asked(appeal, now))
        await appeals.add_word(tx, appeal.id, Word(Said.QUESTION, reviewer, question, now))
        self._records.remember(tx, reviewer, "ask", after, question)
        said = (
            f"Somebody who decides your {after.called} asks: {question}\n"
            f"Please answer: !policy add {after.number} YOUR ANSWER. It waits for that."
        )
        await self._reviewing[after.kind].tell(tx, after, said)
        return after

    async def hasten(self, tx: Tx, reviewer: str, text: str, reason: str) -> Appeal:
        """Put an appeal before others because it is urgent."""
        appeal = await self._taken(tx, reviewer, text)
        kept = rules.said(reason, "Please say in a sentence why it is urgent.")
        due_at = self._setting.now() + self._setting.config.appeals.urgent_within
        after = await appeals.save(tx, rules.hastened(appeal, due_at))
        self._records.remember(tx, reviewer, "hasten", after, kept)
        said = (
            f"Your {after.called} is treated as urgent and should be answered by "
            f"{after.due_at:%-d %B %Y}."
        )
        await self._reviewing[after.kind].tell(tx, after, said)
        return after

    async def admit(self, tx: Tx, reviewer: str, text: str, reason: str) -> Appealable:
        """Let somebody appeal after the time for it, for good cause.

        Raises:
            NotFound: nothing under this number could be appealed.
            NotPermitted: they had a part in the matter.
            OutOfOrder: it can be appealed anyway, or was.
        """
        if (meant := await self._meant(tx, text)) is None:
            message = f"Nothing under {text[:40]} could be appealed."
            raise NotFound(message)
        late, part = await self._reviewing[meant[0]].late(tx, *meant)
        check_apart(reviewer, await self._apart.wide(tx, part))
        now = self._setting.now()
        if now <= late.until:
            message = f"{late.number} can be appealed as it is: the time for it is not over."
            raise OutOfOrder(message)
        kept = rules.said(reason, "Please say in a sentence what kept them from it.")
        until = now + rules.LATE_WINDOW
        await appeals.admit(tx, late, by=reviewer, reason=kept, now=now, until=until)
        tag = f"{rules.TAGS[late.kind]}:admit"
        audit.append(tx, at=now, actor=reviewer, tag=tag, object=late.number, text=kept)
        verb = "object" if late.kind is Kind.REPORT else "appeal"
        said = (
            f"You can still {verb} against {rules.AGAINST[late.about]} {late.number}, until "
            f"{until:%-d %B %Y}: !policy {verb} {late.number} YOUR REASONS. Why it is let in after its "
            f"time: {kept}"
        )
        await self._reviewing[late.kind].tell(tx, late, said)
        return late

    async def end(  # noqa: PLR0913, PLR0917 - as the commands
        self, tx: Tx, reviewer: str, text: str, verdict: Verdict, measure: str, reasons: str
    ) -> Ended:
        """End an appeal.

        Raises:
            NotFound: none waits, or it is not theirs to know of.
            NotPermitted: they had a part in the matter, or somebody else has it.
            Incomplete: no reasons were given, or not what takes its place.
            OutOfOrder: it cannot end so.
        """
        appeal = await self._taken(tx, reviewer, text)
        reviewing = self._reviewing[appeal.kind]
        ended = await reviewing.end(tx, reviewer, appeal, verdict, measure, reasons)
        if Role.EXTERNAL in await self._setting.roles(tx, reviewer):  # nobody here has seen it
            said = f"{reviewer} has decided from outside. {ended.said}"
            self._setting.tell_staff(tx, said, cause=f"appeal {appeal.id}")
        if await self.waits(tx, text) is not None:
            more = f"Another appeal waits under {appeal.number}: !policy brief {appeal.number}"
            ended = replace(ended, said=f"{ended.said} {more}")
        return ended

    # By the clock ---------------------------------------------------------------------------------

    async def call(self, tx: Tx) -> None:
        """Say of each appeal that it waits too long, once. Time decides none (I20)."""
        now, patience = self._setting.now(), self._setting.config.appeals.answer_within
        await appeals.drop_admissions(tx, now)
        late = await appeals.overdue(tx, now, patience, _BATCH)
        if not late:
            return
        await appeals.called(tx, [one.id for one in late], now)
        for one in late:
            act = "overdue" if one.asked_at is None else "unanswered"
            tag = f"{rules.TAGS[one.kind]}:{act}"
            audit.append(tx, at=now, actor="system:clock", tag=tag, object=one.number)
            await (self._call_outside(tx, one) if one.asked_at is None else self._remind(tx, one))
        named = ", ".join(
            f"{one.number}{' (urgent)' if one.urgent else ''}" for one in late if one.asked_at is None
        )
        if named:
            said = f"Appeals and objections that should have been answered: {named}. Nothing "
            self._setting.tell_staff(
                tx,
                f"{said}is decided by itself, and whoever objected still waits. To see them: "
                "!policy queue appeals",
                cause="deadlines",
            )

    async def _remind(self, tx: Tx, appeal: Appeal) -> None:
        """Remind whoever was asked something and is silent, and those who wait for the answer."""
        asked = [one for one in await appeals.words(tx, appeal.id) if one.kind is Said.QUESTION]
        n, question = appeal.number, one_line(asked[-1].text, rules.MOST_TEXT) if asked else ""
        await self._reviewing[appeal.kind].tell(
            tx,
            appeal,
            f"Your {appeal.called} still waits for your answer to: {question}\n"
            f"Please answer, even if you have nothing to say to it: !policy add {n} YOUR ANSWER",
        )
        await self._tell_reviewers(
            tx,
            appeal,
            f"{n}: the person was asked on {appeal.asked_at:%-d %B} and has not answered; I have "
            f"reminded them. It can be decided with what there is: !policy brief {n}",
        )

    async def _call_outside(self, tx: Tx, appeal: Appeal) -> None:
        """Remind the people outside who decide an appeal, or ask them once nobody inside is left."""
        text = f"{appeal.number}: the appeal should have been answered by now. Please decide it."
        # Nothing is written of them, which whoever decides has to do before they change the appeal.
        concerned = await self._reviewing[appeal.kind].concerned(tx, appeal)
        excluded = frozenset(await parties.of(tx, appeal.id)) | {(one, Why.ROOM) for one in concerned}
        if appeal.outside or await self._apart.insiders(tx, excluded):
            await self._tell_outside(tx, appeal, text)
            return
        await appeals.save(tx, replace(appeal, outside=True))
        n = appeal.number
        next_ = f"Next: !policy brief {n} · !policy uphold|overturn {n} REASONS"
        await self._apart.call(tx, excluded, f"{text}\n{next_}", cause=f"appeal {appeal.id}")


def nearest(made: Sequence[Appeal]) -> Appeal:
    """Choose among somebody's appeals: what asks them, else what waits, else the newest."""

    def nearness(one: Appeal) -> tuple[bool, bool, int]:
        waits = one.state is State.SUBMITTED
        return waits and one.asked_at is not None, waits, one.id

    return max(made, key=nearness)
