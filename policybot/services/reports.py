"""Reports: what people complain of is taken in, gets a number, and joins the case on its subject."""

from dataclasses import replace
from datetime import timedelta

from policybot.domain import notice
from policybot.domain.case import Case, Subject, SubjectKind
from policybot.domain.errors import Incomplete, NotFound, OutOfOrder
from policybot.domain.name import one_line
from policybot.domain.press import Press
from policybot.domain.report import MOST_TEXT, UNSORTED, Report, Via
from policybot.services.cases import Cases
from policybot.services.setting import Setting
from policybot.store import audit, cases, outbox, reports
from policybot.store.database import Tx, next_number

_MIN_REPORT = 3
_EXCERPT = 500
_TOLD_EACH = 5
"""Reports in a case that are announced each; of further ones every fifth is."""
_ANSWERED = timedelta(days=1)


class Reports:
    """The service for reports, by whichever way they come."""

    def __init__(self, setting: Setting, casework: Cases) -> None:
        """Put reports into cases."""
        self._setting = setting
        self._cases = casework

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
        if subject.kind is SubjectKind.USER and subject.user_id == reporter:
            await self._answer_once(
                tx, reporter, notice.own_account(self._setting.config.operator.contact)
            )
            return None
        if subject.room_id is not None and not await self._cases.looks_after(tx, subject.room_id):
            return None
        made = Report(0, reporter, subject, UNSORTED, press.text, 0, press.at, Via.BUTTON)
        report, is_new = await self.receive(tx, made)
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

        Returns it with its number, and True; or what the same reporter has reported of it, and False.
        """
        now = self._setting.now()
        await cases.hold_opening(tx)  # of many at once one opens it
        case = await cases.open_on(tx, made.subject)
        if case is None:
            case = await self._cases.open(tx, made.subject)
        elif (earlier := await reports.by(tx, case.id, made.reporter, made.subject)) is not None:
            return earlier, False
        report = replace(
            made,
            id=await next_number(tx, "report"),
            text=one_line(made.text, MOST_TEXT),
            case_id=case.id,
            received_at=min(made.received_at, now),
        )
        await reports.add(tx, report)
        audit.append(
            tx,
            at=now,
            actor=report.reporter,
            tag="report:receive",
            object=report.receipt,
            case=case.number,
            category=report.category,
        )
        await self._cases.priorities.renew(tx, case)
        self._announce(tx, case, report, await reports.count(tx, case.id))
        return report, True

    async def _check_ours(self, tx: Tx, reporter: str, subject: Subject) -> None:
        if subject.user_id == reporter and subject.kind is SubjectKind.USER:
            message = "That is your own account."
            raise OutOfOrder(message)
        if subject.user_id == self._setting.config.bot_user_id:
            message = f"To complain about me, please write to {self._setting.config.operator.contact}."
            raise NotFound(message)
        if subject.room_id is None:
            return
        if not await self._cases.looks_after(tx, subject.room_id):
            message = (
                "I look after governed rooms only, and this is none. For anything else please "
                f"write to {self._setting.config.operator.contact}."
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
        """Read a report that somebody made themselves.

        Raises:
            NotFound: it is not theirs, or there is none.
        """
        report = await reports.get(tx, report_id) if report_id is not None else None
        if report is None or report.reporter != reporter:
            message = f"There is no {text} that you can see."
            raise NotFound(message)
        return report


def _said(report: Report) -> str:
    """Tell in a line what a report names and says."""
    named = f"Rule named: {report.category}"
    if report.category == UNSORTED or report.came:
        named = report.named[0].upper() + report.named[1:]
    more = "…" if len(report.text) > _EXCERPT else ""
    said = (
        f"The reporter writes: {report.text[:_EXCERPT]}{more}"
        if report.text
        else "The reporter wrote nothing."
    )
    return f"{named}. {said}"
