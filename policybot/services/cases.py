"""Cases: open one, hand it to one moderator, gather what is known, close it without a breach."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from policybot.domain import case as rules
from policybot.domain import notice
from policybot.domain import server as servers
from policybot.domain.case import Case, State, Step, Subject, SubjectKind
from policybot.domain.effects import KeepEvidence
from policybot.domain.errors import Incomplete, NotFound, OutOfOrder
from policybot.domain.mechanism import MACHINE
from policybot.domain.name import one_line
from policybot.domain.priority import Priority
from policybot.domain.report import Outcome, Report
from policybot.services import answers, dossiers, places
from policybot.services.copies import Copies
from policybot.services.dossiers import Dossier
from policybot.services.priorities import Priorities
from policybot.services.quarantines import Quarantines
from policybot.services.setting import Setting
from policybot.store import (
    audit,
    cases,
    findings,
    notes,
    reports,
    rooms,
    watchers,
)
from policybot.store.copies import Copy
from policybot.store.database import Tx, next_number
from policybot.store.findings import Finding
from policybot.store.notes import Note
from policybot.store.rooms import Kind as RoomKind
from policybot.store.watchers import Watcher

_LOOKING = timedelta(minutes=5)
"""How long somebody is believed to look at a case who has just done so."""
_MOST_NOTE = 2000


@dataclass(frozen=True, slots=True)
class File:
    """A case with all that a moderator needs to see."""

    case: Case
    reports: tuple[Report, ...]
    copy: Copy | None
    edited: Copy | None
    """The newest edit of it, if there was one."""
    findings: tuple[Finding, ...] = ()
    also: tuple[tuple[Subject, Copy | None], ...] = ()
    """What was merged into it, as far as there are copies."""
    notes: tuple[Note, ...] = ()
    others: tuple[Watcher, ...] = ()
    """Who else looks at it now."""
    priority: Priority | None = None


class Cases:
    """The service for reports and cases."""

    def __init__(self, setting: Setting, kept: Copies, withheld: Quarantines) -> None:
        """Work in a setting, with the kept copies of events, and their files that are withheld."""
        self._setting = setting
        self.priorities = Priorities(setting)
        self._copies = kept
        self._quarantines = withheld

    async def looks_after(self, tx: Tx, room_id: str) -> bool:
        """Say whether a room is one that we look after."""
        room = await rooms.get(tx, room_id)
        return room is not None and room.kind is RoomKind.GOVERNED

    async def about_room(self, tx: Tx, by: str, room_id: str) -> Case:
        """Find the undecided case about a governed room, or open one.

        Raises:
            NotFound: the room is none that we look after.
        """
        if not await self.looks_after(tx, room_id):
            message = "I look after governed rooms only, and this is none."
            raise NotFound(message)
        subject = Subject(SubjectKind.ROOM, room_id)
        return await self.running(tx, subject) or await self.open(tx, subject, by)

    async def about_server(self, tx: Tx, by: str, name: str) -> Case:
        """Find the undecided case about another server, or open one.

        Raises:
            NotFound: it is our own.
        """
        self.check_foreign(name)
        subject = Subject(SubjectKind.SERVER, server=name)
        return await self.running(tx, subject) or await self.open(tx, subject, by)

    def check_foreign(self, name: str) -> None:
        """Check that a server is not our own.

        Raises:
            NotFound: it is.
        """
        if name == servers.of(self._setting.config.bot_user_id):
            message = f"{name} is our own server. Name an account, a room or a message instead."
            raise NotFound(message)

    async def running(self, tx: Tx, subject: Subject) -> Case | None:
        """Find the undecided case that a subject is in; until this has ended nobody decides it.

        Where there is none, nobody else opens one: of many at once, the others find what is opened now.
        """
        known = await cases.open_on(tx, subject)
        if known is None:
            await cases.hold_opening(tx)
            known = await cases.open_on(tx, subject)
        return known

    async def open(
        self,
        tx: Tx,
        subject: Subject,
        by: str = "system:reports",
        *,
        since: datetime | None = None,
        copy: Copy | None = None,
    ) -> Case:
        """Open a case that waits since a time; a copy of its event is fetched if none is at hand."""
        now = self._setting.now()
        case = Case(
            id=await next_number(tx, "case"),
            subject=subject,
            state=State.OPEN,
            opened_at=since or now,
            occurred_at=min(copy.sent_at, now) if copy else now,
        )
        await cases.add(tx, case)
        await self.priorities.renew(tx, case)
        audit.append(
            tx,
            at=now,
            actor=by,
            tag="case:open",
            object=case.number,
            subject=subject.key,
        )
        if copy is None and subject.room_id and subject.event_id:
            keep = KeepEvidence(subject.room_id, subject.event_id)
            self._setting.queue(tx, [keep], cause=f"case {case.id}")
        return case

    async def found(self, tx: Tx, subject: Subject, copy: Copy | None) -> tuple[Case, bool]:
        """Open a case on what a rule found, with a copy of it, or join the one that is open.

        Without a copy at hand one is fetched.

        Returns the case, and whether it is new.
        """
        case = await self.running(tx, subject)
        if copy is not None:
            await self._copies.keep(tx, copy)
        if case is not None:
            return case, False
        return await self.open(tx, subject, MACHINE, copy=copy), True

    async def copy_kept(self, tx: Tx, copy: Copy) -> None:
        """Fill a case with what the homeserver said about its event: who wrote it, and when."""
        await self._copies.keep(tx, copy)
        if copy.edit_id is not None:
            # Who reported it has seen the edit, most probably.
            keep = KeepEvidence(copy.room_id, copy.edit_id)
            self._setting.queue(tx, [keep], cause=f"copy {copy.event_id}")
        await cases.sent_by(tx, copy.event_id, copy.sender)
        about = await cases.about_event(tx, copy.event_id)
        if about and await self.looks_after(tx, copy.room_id):
            await self._copies.ask_around(tx, copy)
        for case in about:
            if case.subject.event_id != copy.event_id:
                continue
            subject = replace(case.subject, user_id=copy.sender)
            known = replace(case, subject=subject, occurred_at=copy.sent_at)
            await cases.save(tx, known)

    async def find(self, tx: Tx, case_id: int | None, text: str) -> Case:
        """Read a case.

        Raises:
            NotFound: there is none.
        """
        case = await cases.get(tx, case_id) if case_id is not None else None
        if case is None:
            message = f"There is no case {text} that you can see."
            raise NotFound(message)
        if case.merged_into is not None:
            message = f"{case.number} was merged into C-{case.merged_into}. All that was in it is there."
            raise OutOfOrder(message)
        return case

    async def work_on(self, tx: Tx, by: str, case_id: int | None, text: str) -> Case:
        """Find the case with which one of the operator's people does something; their claim goes on.

        Raises:
            NotFound: there is none, or they are a party to it.
            OutOfOrder: it was merged into another one.
        """
        case = await cases.get(tx, case_id) if case_id is not None else None
        now_in = await cases.get(tx, case.merged_into) if case and case.merged_into else case
        if now_in is None or by in await self.involved(tx, now_in):
            message = f"There is no case {text} that you can see."
            raise NotFound(message)
        case = await self.find(tx, case_id, text)
        return await self.beat(tx, by, case)

    async def beat(self, tx: Tx, by: str, case: Case) -> Case:
        """Let somebody's claim hold on because they are at work; writes if half of its time is over."""
        lease = self._setting.config.cases.claim
        until = rules.beating(case, by, self._setting.now(), lease)
        if until is None:
            return case
        await cases.renew(tx, case, until)
        return replace(case, lease_until=until)

    async def look(self, tx: Tx, by: str, case: Case) -> None:
        """Note that somebody has a case before them; writes if half of the time of that is over."""
        now = self._setting.now()
        known = next((w for w in await watchers.of_case(tx, case.id, now) if w.user_id == by), None)
        if known is None or known.until - now < _LOOKING / 2:
            await watchers.note(tx, case.id, Watcher(by, now, now + _LOOKING))

    async def watching(self, tx: Tx, case: Case) -> list[Watcher]:
        """List who has a case before them now."""
        return await watchers.of_case(tx, case.id, self._setting.now())

    async def note(self, tx: Tx, by: str, case: Case, text: str) -> Note:
        """Note something in a case, for the operator's people alone.

        Raises:
            Incomplete: the text says nothing.
        """
        note = Note(case.id, by, one_line(text, _MOST_NOTE), self._setting.now())
        if not note.text:
            message = "Please write what is to be noted."
            raise Incomplete(message)
        await notes.add(tx, note)
        self.remember(tx, by, "case:note", case)
        return note

    async def file(self, tx: Tx, viewer: str, case: Case) -> File:
        """Gather what a moderator needs to see of a case, and note that they look at it.

        Raises:
            NotFound: the viewer is a party to it.
        """
        if viewer in await self.involved(tx, case):
            message = f"There is no case {case.number} that you can see."
            raise NotFound(message)
        await self.look(tx, viewer, case)
        others = tuple(w for w in await self.watching(tx, case) if w.user_id != viewer)
        event_id = case.subject.event_id
        kept = await self._copies.with_context(tx, event_id)
        edited = await self._copies.get(tx, kept.edit_id) if kept else None
        found = await findings.of_case(tx, case.id)
        also = [
            (subject, await self._copies.get(tx, subject.event_id))
            for subject in (await cases.subjects(tx, case))[1:]
        ]
        return File(
            case,
            tuple(await reports.of_case(tx, case.id)),
            kept,
            edited,
            tuple(found),
            tuple(also),
            tuple(await notes.of_case(tx, case.id)),
            others,
            await self.priorities.of(tx, case),
        )

    async def reopen(
        self, tx: Tx, by: str, case: Case, *, by_others: bool = False
    ) -> tuple[Case, list[Report]]:
        """Look at a decided case anew; what is reported again meanwhile is looked at where it is now.

        If that is what the case is about itself, all of it goes there.

        Args:
            tx: the transaction.
            by: who has it looked at.
            case: the case.
            by_others: whether whoever found no breach in it does not judge it again.

        Returns:
            The case in which it is now, and the reports, which wait again.
        """
        await cases.hold_opening(tx)
        waiting = [report.id for report in await reports.of_case(tx, case.id)]
        now_in = await cases.open_on(tx, case.subject)
        if now_in is None:
            for subject in (await cases.subjects(tx, case))[1:]:
                if (newer := await cases.open_on(tx, subject)) is not None:
                    await cases.hand_over(tx, case, newer, subject)
                    await self._quarantines.follow(tx, case, newer, subject.event_id)
                    await self._joined(tx, newer)
            now_in = replace(rules.moved(case, Step.REOPEN), opened_at=self._setting.now())
            await cases.reopen(tx, now_in)
            await self.priorities.renew_of(tx, case.id)
            self.remember(tx, by, "case:reopen", now_in)
        else:
            await cases.merge(tx, case, now_in)
            await cases.save(tx, replace(case, state=State.MERGED, merged_into=now_in.id))
            await self._joined(tx, now_in)
            self.remember(tx, by, "case:merge", case, into=now_in.number)
        await reports.reopen(tx, waiting, by_others=by_others)
        return now_in, [found for one in waiting if (found := await reports.get(tx, one))]

    async def _joined(self, tx: Tx, case: Case) -> None:
        """See to a case that more has come to: what was prepared for it was prepared for less."""
        await self.priorities.renew(tx, case)
        await cases.save(tx, case)

    async def involved(self, tx: Tx, case: Case) -> frozenset[str]:
        """Name the parties of a case, who do not judge it, each with all accounts of theirs."""
        dossier = await dossiers.of(tx, self._setting, case)
        return await dossiers.involved(tx, self._setting, dossier)

    async def answering_for(self, tx: Tx, room_ids: AbstractSet[str]) -> dict[str, frozenset[str]]:
        """Name who filed each of some rooms or moderates it: they do not judge what happens there."""
        found = await places.each(tx, self._setting, room_ids)
        return {room_id: place.answering for room_id, place in found.items()}

    async def claim(self, tx: Tx, by: str, case: Case) -> Case:
        """Take a case for as long as the operator says, or go on with it."""
        claimed = (await self.take(tx, by, case)).case
        await cases.save(tx, claimed)
        self.remember(tx, by, "case:claim", claimed)
        return replace(claimed, version=claimed.version + 1)

    async def release(self, tx: Tx, by: str, case: Case) -> Case:
        """Give a case back."""
        released = rules.released(case, by, self._setting.now())
        await cases.save(tx, released)
        self.remember(tx, by, "case:release", released)
        return released

    async def take(self, tx: Tx, by: str, case: Case) -> Dossier:
        """Make sure that a case is somebody's to decide; it is claimed on the way. Give what is known.

        Raises:
            NotPermitted: they are a party to it or judged it before, or somebody else works on it.
            OutOfOrder: it is past deciding.
        """
        dossier = await dossiers.of(tx, self._setting, case)
        rules.impartial(case, by, await dossiers.involved(tx, self._setting, dossier))
        rules.anew(case, by, await dossiers.judged(tx, dossier))
        lease = self._setting.config.cases.claim
        return replace(dossier, case=rules.claimed(case, by, self._setting.now(), lease))

    async def dismiss(self, tx: Tx, by: str, case: Case, reason: str) -> None:
        """Close a case without a breach, and tell the reporters.

        Raises:
            Incomplete: no reason is given.
        """
        if len(reason.strip()) < notice.MIN_FACTS:
            message = "Please note in a sentence why this is no breach."
            raise Incomplete(message)
        taken = await self.take(tx, by, case)
        closed = rules.moved(rules.moved(taken.case, Step.DECIDE), Step.CLOSE)
        await cases.save(tx, closed)
        await answers.give(tx, self._setting, case.number, case.id, Outcome.NO_BREACH, by)
        await self._quarantines.end(tx, by, case, "no breach")
        self.remember(tx, by, "case:dismiss", case, reason=reason)

    async def taken_out(self, tx: Tx, case: Case, made: Case) -> None:
        """Let what is withheld of a message follow it into the case that was made of it."""
        await self._quarantines.follow(tx, case, made, made.subject.event_id)

    async def overturned(self, tx: Tx, case: Case) -> None:
        """Offer what an overturned decision does not take back by itself."""
        await self._quarantines.offer(tx, case)

    def remember(self, tx: Tx, actor: str, tag: str, case: Case, **payload: str) -> None:
        """Write an audit entry about a case."""
        audit.append(tx, at=self._setting.now(), actor=actor, tag=tag, object=case.number, **payload)
