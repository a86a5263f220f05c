"""Complaints: a reporter objects to what they were answered, and another person looks at it."""

from collections.abc import Sequence
from datetime import datetime

from policybot.domain import appeal as appeal_rules
from policybot.domain import complaint as rules
from policybot.domain import notice
from policybot.domain.appeal import About, Appeal, Appealable, State, Verdict
from policybot.domain.appeal import Kind as AppealKind
from policybot.domain.case import Case
from policybot.domain.errors import Incomplete, NotFound, OutOfOrder
from policybot.domain.name import one_line
from policybot.domain.party import Why
from policybot.domain.report import Outcome, Report
from policybot.domain.reporter import Kind, Step
from policybot.services import answers
from policybot.services.appeal_records import AppealRecords
from policybot.services.briefs import Ended, Facts
from policybot.services.cases import Cases
from policybot.services.parties import Apart, Parties
from policybot.services.reporters import Reporters
from policybot.services.setting import Setting
from policybot.store import appeals, cases, reporters, reports
from policybot.store.database import Tx

FOUNDED = "founded"
"""What is written in place of a measure where a report was without a breach, and not unfounded."""


class Complaints:
    """The service for complaints of reporters: `services.hearings.Reviewing`."""

    def __init__(
        self,
        setting: Setting,
        records: AppealRecords,
        casework: Cases,
        people: Reporters,
        apart: Apart,
    ) -> None:
        """Work with the services that hold cases, what was decided about reporters, and the parties."""
        self._setting = setting
        self._records = records
        self._cases = casework
        self._apart = apart
        self._reporters = people

    async def object(self, tx: Tx, report: Report, text: str) -> Appeal:
        """Take in an objection of whoever made a report, about the newest that can be objected to.

        Whether the asker is its author is for the caller to know: a guest has a link of their own.

        Raises:
            NotFound: there is no answer yet, or nothing in it to object to.
            Incomplete: it says nothing.
            OutOfOrder: it is too late, or there is one already.
        """
        await cases.lock(tx, report.case_id)  # what is being decided is waited for
        report = await reports.get(tx, report.id) or report
        about, answered_at, answered_by, ends_at = await self._objectionable(tx, report)
        made = [one for one in await self.made(tx, report) if one.about is about]
        now, config = self._setting.now(), self._setting.config
        until, contact = await self._until(tx, report, about, answered_at), config.operator.contact
        said, pleads = appeal_rules.admissible(text, until=until, now=now, contact=contact)
        ends = ends_at is not None and ends_at <= now + config.appeals.answer_within
        urgent = appeal_rules.Urgent.ENDS if ends else None
        of = Appealable(AppealKind.REPORT, about, report.id, report.receipt, report.reporter, until)
        complaint = await self._records.begin(tx, of, said, urgent=urgent, pleads=pleads)
        found = await self._part_in(tx, report.reporter, report)
        complaint, excluded = await self._records.enter(tx, complaint, made, found)
        number = f"C-{report.case_id}"
        what = f"Objection about {report.receipt} in {number}, against {complaint.against}"
        by, n = f" of {answered_by}" if answered_by else "", report.receipt
        hasten = f" Its author says that it is urgent: !policy hasten {n} REASON."
        due = f"{complaint.due_at:%-d %B %H:%M} UTC.{hasten if complaint.pleads else ''}"
        more = (
            f", to be answered by {due}\n"
            f"Reported was {report.subject.in_words}: {report.text or 'without a word'}\n"
            f"The reporter writes: {one_line(said, appeal_rules.MOST_TEXT)}\n"
            f"Next, by somebody who had no part in it: !policy brief {n} · "
            f"!policy uphold|overturn {n} REASONS"
        )
        cause = f"case {report.case_id}"
        # Who answered is no business of the homeserver of somebody outside.
        await self._apart.call(tx, excluded, f"{what}{more}", f"{what}{by}{more}", cause=cause)
        return complaint

    @staticmethod
    async def made(tx: Tx, report: Report) -> list[Appeal]:
        """List what was objected about a report, oldest first."""
        return await appeals.named(tx, AppealKind.REPORT, report.id)

    async def course(self, tx: Tx, report: Report) -> list[str]:
        """Say to whoever made a report where their objections about it stand."""
        made = await self.made(tx, report)
        return [line for one in made for line in await self._records.course(tx, one)]

    async def _part_in(self, tx: Tx, author: str, report: Report) -> set[tuple[str, Why]]:
        """Name who had a part in what is objected to."""
        found = await self._apart.of_case(tx, await self._case(tx, report))
        found |= {(step.by, Why.DECIDER) for step in await reporters.of_report(tx, report.id)}
        found |= {(one, Why.DECIDER) for one in (report.resolved_by,) if one}
        found |= {(one, Why.SUBJECT) for one in (report.account, author) if one}
        return found

    async def _case(self, tx: Tx, report: Report) -> Case:
        return await self._cases.find(tx, report.case_id, f"C-{report.case_id}")

    @staticmethod
    async def report(tx: Tx, complaint: Appeal | Appealable) -> Report:
        """Read the report that a complaint is about."""
        report = await reports.get(tx, complaint.matter)
        assert report is not None
        return report

    async def until(self, tx: Tx, report: Report) -> datetime | None:
        """Say until when whoever made a report can object to something; None if they cannot."""
        try:
            about, answered_at, _, _ = await self._objectionable(tx, report)
        except (NotFound, OutOfOrder):
            return None
        end = await self._until(tx, report, about, answered_at)
        return end if end > self._setting.now() else None

    async def _until(self, tx: Tx, report: Report, about: About, answered_at: datetime) -> datetime:
        end = answered_at + self._setting.ladder.appeal_window
        return await appeals.open_until(tx, AppealKind.REPORT, about, report.id, end)

    async def late(
        self, tx: Tx, kind: AppealKind, named: int
    ) -> tuple[Appealable, set[tuple[str, Why]]]:
        """Find what could be objected to about a report, and who has a part in that.

        Raises:
            NotFound: there is no such report, or nothing could.
        """
        report = await reports.get(tx, named)
        if report is None:
            message = f"There is no R-{named} that you can see."
            raise NotFound(message)
        try:
            about, answered_at, _, _ = await self._objectionable(tx, report)
        except OutOfOrder:
            message = f"Nothing about {report.receipt} could still be appealed."
            raise NotFound(message) from None
        until = await self._until(tx, report, about, answered_at)
        late = Appealable(kind, about, report.id, report.receipt, report.reporter, until)
        return late, await self._part_in(tx, report.reporter, report)

    async def _objectionable(
        self, tx: Tx, report: Report
    ) -> tuple[About, datetime, str | None, datetime | None]:
        """Find the newest that can be objected to, with when it was said, by whom, and when it ends.

        Raises:
            NotFound: there is no answer yet, or nothing in it to object to.
            OutOfOrder: all that can be objected to was.
        """
        now = self._setting.now()
        found: list[tuple[About, datetime, str | None, datetime | None]] = []
        taken = {step.kind: step for step in await reporters.of_report(tx, report.id)}
        for kind, about in ((Kind.PAUSE, About.PAUSE), (Kind.CAUTION, About.CAUTION)):
            if (step := taken.get(kind)) is not None and step.stands(now):
                found.append((about, step.told_at or step.at, step.by, step.until))
        if report.outcome is Outcome.NO_BREACH and report.resolved_at is not None:
            mark = taken.get(Kind.UNFOUNDED)
            answered = max(report.resolved_at, mark.at) if mark else report.resolved_at
            found.append((About.OUTCOME, answered, report.resolved_by, None))
        if not found:
            message = (
                f"{report.receipt} has no answer yet. Where it stands: !policy status {report.receipt}"
                if report.outcome is None
                else f"There is nothing to object to about {report.receipt}: a measure was taken."
            )
            raise NotFound(message)
        made = await self.made(tx, report)
        refusal: OutOfOrder | None = None
        for one in found:
            try:
                appeal_rules.check_again([c for c in made if c.about is one[0]])
            except OutOfOrder as refused:
                refusal = refusal or refused
            else:
                return one
        assert refusal is not None
        raise refusal

    # `services.hearings.Reviewing` ------------------------------------------------------------------

    async def lock(self, tx: Tx, appeal: Appeal) -> None:
        """Let nobody else do anything with it until the end."""
        await cases.hold_opening(tx)  # its case may be opened again
        await cases.lock(tx, (await self.report(tx, appeal)).case_id)

    async def excluded(self, tx: Tx, appeal: Appeal) -> Parties:
        """Write down who had a part in it by now; return all who ever had."""
        found = await self._part_in(tx, appeal.appellant, await self.report(tx, appeal))
        return await self._apart.note(tx, appeal.id, found)

    async def concerned(self, tx: Tx, appeal: Appeal) -> frozenset[str]:
        """Name whom it concerns by now, which may not be written down yet."""
        return await self._cases.involved(tx, await self._case(tx, await self.report(tx, appeal)))

    async def facts(self, tx: Tx, appeal: Appeal, *, outside: bool) -> Facts:
        """Tell what was reported, what its author was answered, and what was decided because of it."""
        report = await self.report(tx, appeal)
        known = [("Reported", report.subject.in_words), ("The report", report.named)]
        known.append(("The reporter wrote", report.text or "nothing"))
        if report.outcome is not None and report.resolved_at is not None:
            by = f" by {report.resolved_by}" if report.resolved_by and not outside else ""
            answer = report.outcome.value.replace("_", " ")
            known.append(("Answered", f"{answer}, on {notice.day(report.resolved_at)}{by}"))
        steps = await reporters.of_report(tx, report.id)
        for step in steps:
            by = "" if outside else f" by {step.by}"
            until = f", until {notice.day(step.until)}" if step.until else ""
            known.append(
                (step.kind.value.capitalize(), f"on {notice.day(step.at)}{by}{until}: {step.reason}")
            )
        founded = _standing(steps, Kind.UNFOUNDED, self._setting.now()) is not None
        return Facts(known=tuple(known), event_id=report.subject.event_id, between=founded)

    async def tell(self, tx: Tx, appeal: Appeal | Appealable, text: str) -> None:
        """Write to whoever objects; a guest reads it on the page of their report."""
        self._answer(tx, await self.report(tx, appeal), text)

    async def withdrawn(self, tx: Tx, who: str, appeal: Appeal) -> None:
        """Let it stand: nothing rests while it is decided."""

    # Deciding ------------------------------------------------------------------------------------

    async def end(  # noqa: PLR0913, PLR0917 - as the commands
        self, tx: Tx, reviewer: str, appeal: Appeal, verdict: Verdict, measure: str, reasons: str
    ) -> Ended:
        """End a complaint: what was objected to stands, or is taken back, at once or by a new look.

        Raises:
            Incomplete: no reasons were given, or nobody has said that the report was unfounded.
            OutOfOrder: it cannot end so.
        """
        report, outside = await self.report(tx, appeal), self._setting.config.appeal_body
        steps, now = await reporters.of_report(tx, report.id), self._setting.now()
        mark = _standing(steps, Kind.UNFOUNDED, now)
        if verdict is Verdict.MODIFY and (mark is None or measure.lower() != FOUNDED):
            message = (
                f"Nobody said that {report.receipt} was unfounded: uphold or overturn."
                if mark is None
                else f"Write «{FOUNDED}» in place of a measure: no breach, but not unfounded either."
            )
            raise Incomplete(message)
        done = await self._records.close(tx, reviewer, appeal, verdict, reasons)
        if verdict is Verdict.UPHOLD:
            self._answer(tx, report, rules.upheld(done, outside))
            return Ended(f"{done.number}: {done.against} stands, and the reporter is told why.")
        if verdict is Verdict.MODIFY and mark is not None:
            self._answer(tx, report, rules.modified(done, outside))
            await self._reporters.end(tx, mark, reviewer, done.reasons)
            return Ended(f"{done.number}: no breach, but not unfounded either; the reporter is told.")
        if done.about is About.OUTCOME:
            anew = await self._reopen(tx, reviewer, await self._case(tx, report), done)
            said = f"{done.number}: {anew.number} is open again; reporters and moderators are told."
            return Ended(said)
        step = _standing(steps, Kind(done.about.value), now)
        self._answer(tx, report, rules.overturned(done, outside))
        if step is not None:
            await self._reporters.end(tx, step, reviewer, done.reasons)
        return Ended(f"{done.number}: {done.against} is taken back, and the reporter is told.")

    async def _reopen(self, tx: Tx, reviewer: str, case: Case, done: Appeal) -> Case:
        """Open a dismissed case again, or let its reports join the one that is open on its subject."""
        await self._settle_others(tx, reviewer, case, done)
        steps = await reporters.of_case(tx, case.id)
        anew, waiting = await self._cases.reopen(tx, reviewer, case, by_others=True)
        for report in waiting:
            number = f"C-{report.case_id}"
            text = rules.reopened_for_others(receipt=report.receipt, case_number=number)
            if report.id == done.matter:
                text = rules.reopened(
                    receipt=report.receipt,
                    case_number=number,
                    reasons=done.reasons,
                    appeal_body=self._setting.config.appeal_body,
                )
            self._answer(tx, report, text)
        for step in steps:
            if step.kind is Kind.UNFOUNDED:
                await self._reporters.end(tx, step, reviewer, done.reasons)
        self._setting.tell_staff(
            tx,
            f"{anew.number} is open again after an objection: {anew.subject.in_words}\n"
            f"Reasons: {one_line(done.reasons, appeal_rules.MOST_TEXT)}\n"
            f"By somebody else than before: !policy show {anew.number} · !policy claim {anew.number}",
            cause=f"case {anew.id}",
        )
        return anew

    async def _settle_others(self, tx: Tx, reviewer: str, case: Case, done: Appeal) -> None:
        """End what else was objected about the same answer: it is taken back for everybody."""
        for other in await appeals.of_reports_in(tx, case.id):
            if other.about is About.OUTCOME and other.state is State.SUBMITTED:
                await self._records.close(tx, reviewer, other, Verdict.OVERTURN, done.reasons)

    def _answer(self, tx: Tx, report: Report, text: str) -> None:
        answers.tell(tx, self._setting, report, text)


def _standing(steps: Sequence[Step], kind: Kind, now: datetime) -> Step | None:
    return next((step for step in steps if step.kind is kind and step.stands(now)), None)
