"""Cases: take reports in, hand a case to one moderator, decide it."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from policybot.domain import case as rules
from policybot.domain import notice
from policybot.domain.case import (
    MOST_TEXT,
    UNSORTED,
    Case,
    Outcome,
    Report,
    State,
    Step,
    Subject,
    SubjectKind,
    Via,
)
from policybot.domain.effects import KeepEvidence
from policybot.domain.errors import Incomplete, NotFound, OutOfOrder
from policybot.domain.mechanism import MACHINE
from policybot.domain.name import one_line
from policybot.domain.press import Press
from policybot.services.setting import Setting
from policybot.store import audit, cases, deputies, filings, findings, members, moves, outbox, rooms
from policybot.store.cases import Evidence
from policybot.store.database import Tx, next_number
from policybot.store.findings import Finding
from policybot.store.rooms import Kind as RoomKind

_MIN_REPORT = 3
_EXCERPT = 500
_TOLD_EACH = 5
"""Reports in a case that are announced each; of further ones every fifth is."""
_ANSWERED = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class File:
    """A case with all that a moderator needs to see."""

    case: Case
    reports: tuple[Report, ...]
    evidence: Evidence | None
    edited: Evidence | None
    """The newest edit of it, if there was one."""
    findings: tuple[Finding, ...] = ()


class Cases:
    """The service for reports and cases."""

    def __init__(self, setting: Setting) -> None:
        """Work in a setting."""
        self._setting = setting

    async def report(self, tx: Tx, reporter: str, subject: Subject, category: str, text: str) -> Report:
        """Take in a complaint; it joins the open case on its subject, or opens one.

        Raises:
            NotFound: the category is no rule, or the subject is nothing we look after.
            Incomplete: the text says nothing.
            OutOfOrder: the reporter has reported it already, or it is their own.
        """
        rule = next((r for r in self._setting.config.rules if r.id == category.upper()), None)
        if rule is None:
            known = ", ".join(f"{r.id} ({r.title})" for r in self._setting.config.rules)
            message = f"Please name the rule that is broken. Rules: {known}."
            raise NotFound(message)
        if len(one_line(text, MOST_TEXT)) < _MIN_REPORT:
            message = "Please say in a few words what is wrong."
            raise Incomplete(message)
        await self._check_ours(tx, reporter, subject)
        case = await cases.open_on(tx, subject)
        if case and (earlier := await cases.report_of(tx, case.id, reporter)):
            message = f"You have reported this already; your receipt is {earlier.receipt}."
            raise OutOfOrder(message)
        made = Report(0, reporter, subject, rule.id, text, 0, self._setting.now())
        return await self._receive(tx, case, made)

    async def pressed(self, tx: Tx, press: Press) -> Report | None:
        """Take in what was reported with the client's button, and answer the reporter.

        Nothing is kept of what is none of our business, and of what they have reported already.
        """
        reporter, subject, bot = press.reporter, press.subject, self._setting.config.bot_user_id
        if subject is None or bot in (reporter, subject.user_id):
            return None
        if subject.kind is SubjectKind.USER and subject.user_id == reporter:
            await self._answer_once(
                tx, reporter, notice.own_account(self._setting.config.operator.contact)
            )
            return None
        if subject.room_id is not None and not await self._looked_after(tx, subject.room_id):
            return None
        case = await cases.open_on(tx, subject)
        if case and await cases.report_of(tx, case.id, reporter):
            return None
        made = Report(0, reporter, subject, UNSORTED, press.text, 0, press.at, Via.BUTTON)
        report = await self._receive(tx, case, made)
        self._setting.tell(
            tx, reporter, notice.received(receipt=report.receipt), cause=f"receipt {report.id}"
        )
        return report

    async def _answer_once(self, tx: Tx, user_id: str, text: str) -> None:
        """Answer somebody who pressed in vain, once a day however often they press."""
        cause = f"receipt {user_id}"
        if not await outbox.queued_since(tx, cause, self._setting.now() - _ANSWERED):
            self._setting.tell(tx, user_id, text, cause=cause)

    async def _receive(self, tx: Tx, case: Case | None, made: Report) -> Report:
        """Save a report in the case on its subject, which is opened if there is none."""
        now = self._setting.now()
        if case is None:
            case = await self._open(tx, made.subject, now)
        report = replace(
            made,
            id=await next_number(tx, "report"),
            text=one_line(made.text, MOST_TEXT),
            case_id=case.id,
            received_at=min(made.received_at, now),
        )
        await cases.add_report(tx, report)
        audit.append(
            tx,
            at=now,
            actor=report.reporter,
            tag="report:receive",
            object=report.receipt,
            case=case.number,
            category=report.category,
        )
        self._announce(tx, case, report, await cases.count_reports(tx, case.id))
        return report

    async def _looked_after(self, tx: Tx, room_id: str) -> bool:
        room = await rooms.get(tx, room_id)
        return room is not None and room.kind is RoomKind.GOVERNED

    async def _check_ours(self, tx: Tx, reporter: str, subject: Subject) -> None:
        if subject.user_id == reporter and subject.kind is SubjectKind.USER:
            message = "That is your own account."
            raise OutOfOrder(message)
        if subject.user_id == self._setting.config.bot_user_id:
            message = f"To complain about me, please write to {self._setting.config.operator.contact}."
            raise NotFound(message)
        if subject.room_id is None:
            return
        if not await self._looked_after(tx, subject.room_id):
            message = (
                "I look after governed rooms only, and this is none. For anything else please "
                f"write to {self._setting.config.operator.contact}."
            )
            raise NotFound(message)

    async def about_room(self, tx: Tx, by: str, room_id: str) -> Case:
        """Find the undecided case about a governed room, or open one.

        Raises:
            NotFound: the room is none that we look after.
        """
        if not await self._looked_after(tx, room_id):
            message = "I look after governed rooms only, and this is none."
            raise NotFound(message)
        subject = Subject(SubjectKind.ROOM, room_id)
        await rooms.hold(tx, {room_id})  # of two who open one at once, the second finds it
        known = await cases.open_on(tx, subject)
        return known or await self._open(tx, subject, self._setting.now(), by)

    async def _open(self, tx: Tx, subject: Subject, now: datetime, by: str = "system:reports") -> Case:
        case = Case(
            id=await next_number(tx, "case"),
            subject=subject,
            state=State.OPEN,
            opened_at=now,
            occurred_at=now,
        )
        await cases.add(tx, case)
        audit.append(
            tx,
            at=now,
            actor=by,
            tag="case:open",
            object=case.number,
            subject=subject.key,
        )
        if subject.kind is SubjectKind.EVENT and subject.room_id and subject.event_id:
            keep = KeepEvidence(subject.room_id, subject.event_id)
            self._setting.queue(tx, [keep], cause=f"case {case.id}")
        return case

    async def found(self, tx: Tx, subject: Subject, evidence: Evidence | None) -> tuple[Case, bool]:
        """Open a case on what a rule found, with a copy of it, or join the one that is open.

        Without a copy at hand one is fetched.

        Returns the case, and whether it is new.
        """
        case = await cases.open_on(tx, subject)
        if evidence is not None:
            await cases.keep(tx, evidence)
        if case is not None:
            return case, False
        now = self._setting.now()
        occurred = min(evidence.sent_at, now) if evidence else now
        case = Case(await next_number(tx, "case"), subject, State.OPEN, now, occurred)
        await cases.add(tx, case)
        self.remember(tx, MACHINE, "case:open", case, subject=subject.key)
        if evidence is None and subject.room_id and subject.event_id:
            keep = KeepEvidence(subject.room_id, subject.event_id)
            self._setting.queue(tx, [keep], cause=f"case {case.id}")
        return case, True

    def _announce(self, tx: Tx, case: Case, report: Report, count: int) -> None:
        if count > _TOLD_EACH and count % _TOLD_EACH:
            return  # `show` says it all; what is read by people must not drown in it
        heading = f"New case {case.number}" if count == 1 else f"{case.number}: report {count}"
        about_room = case.subject.kind is SubjectKind.ROOM
        urgent = f" · if it cannot wait: !policy hold {case.number} RULE REASON" if about_room else ""
        self._setting.tell_staff(
            tx,
            f"{heading}: {case.subject.in_words}\n"
            f"{_said(report)}\n"
            f"Next: !policy show {case.number} · !policy claim {case.number}{urgent}",
            cause=f"case {case.id}",
        )

    async def evidence_kept(self, tx: Tx, evidence: Evidence) -> None:
        """Fill a case with what the homeserver said about its event: who wrote it, and when."""
        await cases.keep(tx, evidence)
        if evidence.edit_id is not None:
            # Who reported it has seen the edit, most probably.
            keep = KeepEvidence(evidence.room_id, evidence.edit_id)
            self._setting.queue(tx, [keep], cause=f"evidence {evidence.event_id}")
        for case in await cases.about_event(tx, evidence.event_id):
            subject = replace(case.subject, user_id=evidence.sender)
            known = replace(case, subject=subject, occurred_at=evidence.sent_at)
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
        return case

    async def file(self, tx: Tx, viewer: str, case: Case) -> File:
        """Gather what a moderator needs to see of a case.

        Raises:
            NotFound: the viewer is a party to it.
        """
        if viewer in await self.involved(tx, case):
            message = f"There is no case {case.number} that you can see."
            raise NotFound(message)
        event_id = case.subject.event_id
        kept = await cases.evidence(tx, event_id) if event_id else None
        edited = await cases.evidence(tx, kept.edit_id) if kept and kept.edit_id else None
        found = await findings.of_case(tx, case.id)
        return File(case, tuple(await cases.reports(tx, case.id)), kept, edited, tuple(found))

    async def involved(self, tx: Tx, case: Case) -> frozenset[str]:
        """Name the parties of a case: the reporters, its subject, those who answer for the room.

        With each all accounts that are known to be theirs: who judges must be another person.
        """
        parties = {report.reporter for report in await cases.reports(tx, case.id)}
        if case.subject.user_id:
            parties.add(case.subject.user_id)
        if case.subject.room_id:
            parties |= await self._answering_for(tx, case.subject.room_id)
        return await members.accounts_of_all(tx, parties)

    async def _answering_for(self, tx: Tx, room_id: str) -> frozenset[str]:
        """Name who filed a room and who moderates it: they do not judge what happens there."""
        filing = await filings.of_room(tx, await moves.now(tx, room_id))
        room = await rooms.get(tx, room_id)
        found = {filing.applicant} if filing else set()
        if filing is not None and filing.deputy and await deputies.has_agreed(tx, filing):
            found.add(filing.deputy)  # it would be theirs next
        if room is not None:
            found |= room.levels.moderators()
        return frozenset(found - {self._setting.config.bot_user_id})

    async def claim(self, tx: Tx, by: str, case: Case) -> Case:
        """Take a case for half an hour, or go on with it."""
        rules.impartial(case, by, await self.involved(tx, case))
        claimed = rules.claimed(case, by, self._setting.now())
        await cases.save(tx, claimed)
        self.remember(tx, by, "case:claim", claimed)
        return replace(claimed, version=claimed.version + 1)

    async def release(self, tx: Tx, by: str, case: Case) -> Case:
        """Give a case back."""
        released = rules.released(case, by, self._setting.now())
        await cases.save(tx, released)
        self.remember(tx, by, "case:release", released)
        return released

    async def take(self, tx: Tx, by: str, case: Case) -> Case:
        """Make sure that a case is somebody's to decide; it is claimed on the way.

        Raises:
            NotPermitted: they are a party to it, or somebody else works on it.
            OutOfOrder: it is past deciding.
        """
        rules.impartial(case, by, await self.involved(tx, case))
        return rules.claimed(case, by, self._setting.now())

    async def dismiss(self, tx: Tx, by: str, case: Case, reason: str) -> None:
        """Close a case without a breach, and tell the reporters.

        Raises:
            Incomplete: no reason is given.
        """
        if len(reason.strip()) < notice.MIN_FACTS:
            message = "Please note in a sentence why this is no breach."
            raise Incomplete(message)
        taken = await self.take(tx, by, case)
        closed = rules.moved(rules.moved(taken, Step.DECIDE), Step.CLOSE)
        await cases.save(tx, closed)
        for report in await cases.reports(tx, case.id):
            text = notice.no_breach(case_number=case.number, receipt=report.receipt)
            self._setting.tell(tx, report.reporter, text, cause=f"report {report.id}")
        await cases.resolve_reports(tx, case.id, Outcome.NO_BREACH)
        self.remember(tx, by, "case:dismiss", case, reason=reason)

    async def receipt(self, tx: Tx, reporter: str, report_id: int | None, text: str) -> Report:
        """Read a report that somebody made themselves.

        Raises:
            NotFound: it is not theirs, or there is none.
        """
        report = await cases.report(tx, report_id) if report_id is not None else None
        if report is None or report.reporter != reporter:
            message = f"There is no {text} that you can see."
            raise NotFound(message)
        return report

    def remember(self, tx: Tx, actor: str, tag: str, case: Case, **payload: str) -> None:
        """Write an audit entry about a case."""
        audit.append(tx, at=self._setting.now(), actor=actor, tag=tag, object=case.number, **payload)


def _said(report: Report) -> str:
    """Tell in a line what a report names and says."""
    named = (
        "Reported with the client's button"
        if report.category == UNSORTED
        else f"Rule named: {report.category}"
    )
    more = "…" if len(report.text) > _EXCERPT else ""
    said = (
        f"The reporter writes: {report.text[:_EXCERPT]}{more}"
        if report.text
        else "The reporter wrote nothing."
    )
    return f"{named}. {said}"


async def origin_of(tx: Tx, case_id: int) -> notice.Origin:
    """Say how a case came to our knowledge, for a decision by a person."""
    if await cases.reports(tx, case_id):
        return notice.Origin.REPORT
    return notice.Origin.RULE if await findings.of_case(tx, case_id) else notice.Origin.OURS
