"""Reports: what people complain of is taken in, gets a number, and joins the case on its subject."""

from dataclasses import replace
from datetime import timedelta

from policybot.domain import notice
from policybot.domain.case import Case, Subject, SubjectKind
from policybot.domain.errors import Incomplete, NotFound, OutOfOrder
from policybot.domain.flagger import speaking
from policybot.domain.name import one_line
from policybot.domain.press import Press
from policybot.domain.report import MOST_TEXT, UNSORTED, Report, Via, stands
from policybot.domain.reporter import Paused, in_words
from policybot.services.cases import Cases
from policybot.services.reporters import Reporters
from policybot.services.setting import Setting
from policybot.store import (
    appeals,
    audit,
    cases,
    copies,
    members,
    outbox,
    reporters,
    reports,
)
from policybot.store.database import Tx, next_number

_MIN_REPORT = 3
_EXCERPT = 500
_TOLD_EACH = 5
"""Reports in a case that are announced each; of further ones every fifth is."""
_ANSWERED = timedelta(days=1)
_NUMBER = 20
"""Characters of what somebody took for a number that are said back."""
_OWN_MESSAGE = (
    "That is your own message, so nothing was opened. To remove it, use your client. If something else "
    "is wrong with it, please write to {contact}."
)


class Reports:
    """The service for reports, by whichever way they come."""

    def __init__(self, setting: Setting, casework: Cases, people: Reporters) -> None:
        """Put reports into cases, but those of people whose reports are paused."""
        self._setting = setting
        self._cases = casework
        self._reporters = people

    async def report(self, tx: Tx, reporter: str, subject: Subject, category: str, text: str) -> Report:
        """Take in a complaint; it joins the open case on its subject, or opens one.

        Raises:
            NotFound: the category is no rule, or the subject is nothing we look after.
            Incomplete: the text says nothing.
            OutOfOrder: they have reported it already, it is their own, or their reports are paused.
        """
        rule = self._setting.rule_of(category.upper())
        if rule is None:
            known = ", ".join(f"{r.id} ({r.title})" for r in self._setting.config.rules)
            message = f"Please name the rule that is broken. Rules: {known}."
            raise NotFound(message)
        if len(one_line(text, MOST_TEXT)) < _MIN_REPORT:
            message = "Please say in a few words what is wrong."
            raise Incomplete(message)
        await self._check_ours(tx, reporter, subject)
        made = Report(0, reporter, subject, rule.id, text, 0, self._setting.now())
        report, is_new = await self.receive(tx, made)
        if not is_new:
            message = f"You have reported this already; your receipt is {report.receipt}."
            raise OutOfOrder(message)
        return report

    async def pressed(self, tx: Tx, press: Press) -> Report | None:
        """Take in what was reported with the client's button, and answer the reporter.

        Nothing is kept of what is none of our business, and of what they have reported already.
        """
        reporter, subject, bot = press.reporter, press.subject, self._setting.config.bot_user_id
        if subject is None or bot in (reporter, subject.user_id):
            return None
        if subject.room_id is not None and not await self._cases.looks_after(tx, subject.room_id):
            return None
        if await self._is_own(tx, reporter, subject):
            text = notice.own_account(self._setting.config.operator.contact)
            if subject.kind is SubjectKind.EVENT:
                text = _OWN_MESSAGE.format(contact=self._setting.config.operator.contact)
            await self._answer_once(tx, reporter, text)
            return None
        made = Report(0, reporter, subject, UNSORTED, press.text, 0, press.at, Via.BUTTON)
        try:
            report, is_new = await self.receive(tx, made)
        except Paused as refusal:
            await self._answer_once(tx, reporter, str(refusal))
            return None
        if not is_new:
            return None
        self._setting.tell(
            tx, reporter, notice.received(receipt=report.receipt), cause=f"receipt {report.id}"
        )
        return report

    async def _answer_once(self, tx: Tx, user_id: str, text: str) -> None:
        """Answer somebody who pressed in vain, once a day however often they press."""
        cause = f"receipt {user_id}"
        if not await outbox.queued_since(tx, cause, self._setting.now() - _ANSWERED):
            self._setting.tell(tx, user_id, text, cause=cause)

    async def receive(self, tx: Tx, made: Report) -> tuple[Report, bool]:
        """Save a report, however it came, in the case on its subject; that is opened if there is none.

        Returns it with its number, and True; or what the same person has reported of it, and False.

        Raises:
            Paused: reports of this person are not taken now, and nothing is kept of this one.
        """
        now = self._setting.now()
        await self._reporters.check(tx, made.reporter, made.category)
        case = await self._cases.running(tx, made.subject)
        if case is None:
            case = await self._cases.open(tx, made.subject, since=min(made.received_at, now))
        if (earlier := await self._earlier(tx, case, made)) is not None:
            return earlier, False
        report = replace(
            made,
            id=await next_number(tx, "report"),
            text=one_line(made.text, MOST_TEXT),
            case_id=case.id,
            received_at=min(made.received_at, now),
            flagger=await self._flagger(tx, made),
        )
        await reports.add(tx, report)
        marked = {} if report.flagger is None else {"flagger": True}
        audit.append(
            tx,
            at=now,
            actor=report.reporter,
            tag="report:receive",
            object=report.receipt,
            case=case.number,
            category=report.category,
            **marked,
        )
        await self._cases.priorities.renew(tx, case)
        self._announce(tx, case, report, await reports.count(tx, case.id))
        return report, True

    async def _flagger(self, tx: Tx, made: Report) -> str | None:
        """Name the trusted flagger whose report it is; of somebody whose reports are paused none is."""
        name = speaking(self._setting.config.reports.flaggers, made.reporter, made.category)
        if name is None or (made.account and await self._reporters.running(tx, made.reporter)):
            return None
        return name

    async def _earlier(self, tx: Tx, case: Case, made: Report) -> Report | None:
        """Find what somebody has reported of the same, by this account or another of their own."""
        reporter, subject = made.reporter, made.subject
        if (same := await reports.by(tx, case.id, reporter, subject)) is not None:
            return same
        person_id = await members.own_person(tx, reporter)
        links = await members.links_ever(tx, person_id) if person_id else []
        for account in sorted({link.user_id for link in links}):
            found = await reports.by(tx, case.id, account, subject)
            if found is not None and await self._is_theirs(tx, reporter, found):
                return found
        return None

    @staticmethod
    async def _is_theirs(tx: Tx, user_id: str, report: Report) -> bool:
        """Say whether a report is somebody's own, who may know which other accounts are theirs.

        An account that is linked to nobody now speaks for nobody else: it may be in other hands.
        """
        if report.reporter == user_id:
            return True
        person_id = await members.own_person(tx, user_id)
        if person_id is None or report.account is None:
            return False
        return await members.answerable(tx, report.account, report.received_at) == person_id

    async def _is_own(self, tx: Tx, reporter: str, subject: Subject) -> bool:
        """Say whether somebody reports themselves, by whichever account of theirs."""
        about = subject.user_id
        if about is None and subject.event_id is not None:
            kept = await copies.get(tx, subject.event_id)
            about = kept.sender if kept is not None else None
        if about is None or about == reporter:
            return about is not None
        person_id = await members.own_person(tx, reporter)
        return person_id is not None and await members.own_person(tx, about) == person_id

    async def _check_ours(self, tx: Tx, reporter: str, subject: Subject) -> None:
        contact = self._setting.config.operator.contact
        if subject.user_id == self._setting.config.bot_user_id:
            message = f"To complain about me, please write to {contact}."
            raise NotFound(message)
        if subject.server is not None:
            self._cases.check_foreign(subject.server)
        if await self._is_own(tx, reporter, subject):
            is_event = subject.kind is SubjectKind.EVENT
            message = _OWN_MESSAGE.format(contact=contact) if is_event else "That is your own account."
            raise OutOfOrder(message)
        if subject.room_id is None:
            return
        if not await self._cases.looks_after(tx, subject.room_id):
            message = (
                "I look after governed rooms only, and this is none. For anything else please "
                f"write to {contact}."
            )
            raise NotFound(message)

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

    async def receipt(self, tx: Tx, reporter: str, report_id: int | None, text: str) -> Report:
        """Read a report that somebody made themselves, by this account or another of their own.

        Raises:
            NotFound: it is not theirs, or there is none.
        """
        report = await reports.get(tx, report_id) if report_id is not None else None
        if report is None or not await self._is_theirs(tx, reporter, report):
            message = f"There is no {text[:_NUMBER]} that you can see."
            raise NotFound(message)
        return report

    async def status(self, tx: Tx, report: Report) -> str:
        """Say to whoever reported where it stands, since when, and how it ended.

        Raises:
            NotFound: it is kept no more.
        """
        case = await cases.get(tx, report.case_id)
        if case is None:
            message = f"There is no {report.receipt} that you can see."
            raise NotFound(message)
        again = await appeals.reopened_at(tx, case.id)
        heading = f"{report.receipt} of {report.received_at:%-d %B %Y} (case {case.number})"
        return "\n".join((f"{heading}: {stands(report, case, again)}", *await self.course(tx, report)))

    async def course(self, tx: Tx, report: Report) -> list[str]:
        """Tell whoever reported what was decided because of it."""
        now, taken = self._setting.now(), await reporters.of_report(tx, report.id)
        return [in_words(step) for step in taken if step.stands(now)]


def _said(report: Report) -> str:
    """Tell in a line what a report names and says."""
    named = f"Rule named: {report.category}"
    if report.category == UNSORTED or report.came:
        named = report.named[0].upper() + report.named[1:]
    if report.via is Via.LIST:
        return f"{named}. {report.text}"
    more = "…" if len(report.text) > _EXCERPT else ""
    said = (
        f"The reporter writes: {report.text[:_EXCERPT]}{more}"
        if report.text
        else "The reporter wrote nothing."
    )
    return f"{named}. {said}"
