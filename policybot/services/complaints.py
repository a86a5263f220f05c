"""Complaints: a reporter objects to what they were answered, and another person looks at it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from policybot.domain import complaint as rules
from policybot.domain.appeal import State, Verdict
from policybot.domain.case import Case
from policybot.domain.complaint import About, Complaint
from policybot.domain.errors import Incomplete, NotFound, OutOfOrder
from policybot.domain.party import Why
from policybot.domain.report import Outcome, Report
from policybot.domain.reporter import Kind, Step
from policybot.services import answers
from policybot.services.cases import Cases
from policybot.services.parties import Apart, Parties
from policybot.services.reporters import Reporters
from policybot.services.setting import Setting
from policybot.store import audit, cases, complaints, parties, reporters, reports
from policybot.store.database import Tx, next_number


class Complaints:
    """The service for complaints of reporters."""

    def __init__(self, setting: Setting, casework: Cases, people: Reporters, apart: Apart) -> None:
        """Work with the services that hold cases, what was decided about reporters, and the parties."""
        self._setting = setting
        self._cases = casework
        self._apart = apart
        self._reporters = people

    async def object(self, tx: Tx, report: Report, text: str) -> Complaint:
        """Take in an objection of whoever made a report, about the newest that can be objected to.

        Whether the asker is its author is for the caller to know: a guest has a link of their own.

        Raises:
            NotFound: there is no answer yet, or nothing in it to object to.
            Incomplete: it says nothing.
            OutOfOrder: it is too late, or there is one already.
        """
        await cases.lock(tx, report.case_id)  # what is being decided is waited for
        report = await reports.get(tx, report.id) or report
        about, answered_at, answered_by = await self._objectionable(tx, report)
        said = rules.admissible(
            text,
            answered_at=answered_at,
            now=self._setting.now(),
            window=self._setting.ladder.appeal_window,
        )
        complaint = Complaint(
            id=await next_number(tx, "complaint"),
            report_id=report.id,
            about=about,
            complainant=report.reporter,
            text=said,
            state=State.SUBMITTED,
            submitted_at=self._setting.now(),
            due_at=self._setting.now() + self._setting.config.appeals.answer_within,
        )
        await complaints.add(tx, complaint)
        excluded = await self._excluded(tx, report, complaint)
        self._remember(tx, report.reporter, "submit", complaint, said)
        number = f"C-{report.case_id}"
        what = f"Objection about {report.receipt} in {number}, against {rules.AGAINST[about]}"
        by = f" of {answered_by}" if answered_by else ""
        more = (
            f".\nReported was {report.subject.in_words}: {report.text or 'without a word'}\n"
            f"The reporter writes: {said}\n"
            f"Next, by somebody who had no part in it: !policy show {number} · "
            f"!policy uphold|overturn {report.receipt} REASONS"
        )
        cause = f"case {report.case_id}"
        # Who answered is no business of the homeserver of somebody outside.
        await self._apart.call(tx, excluded, f"{what}{more}", f"{what}{by}{more}", cause=cause)
        return complaint

    async def _excluded(self, tx: Tx, report: Report, complaint: Complaint) -> Parties:
        """Write down who had a part in what was objected to by now; return all who ever had."""
        case = await self._cases.find(tx, report.case_id, f"C-{report.case_id}")
        found = await self._apart.of_case(tx, case)
        found |= {(step.by, Why.DECIDER) for step in await reporters.of_report(tx, report.id)}
        found |= {(one, Why.DECIDER) for one in (report.resolved_by,) if one}
        found |= {(one, Why.SUBJECT) for one in (report.account, complaint.complainant) if one}
        return await self._apart.note(tx, parties.COMPLAINT, complaint.id, found)

    async def until(self, tx: Tx, report: Report) -> datetime | None:
        """Say until when whoever made a report can object to something; None if they cannot."""
        try:
            _, answered_at, _ = await self._objectionable(tx, report)
        except (NotFound, OutOfOrder):
            return None
        end = answered_at + self._setting.ladder.appeal_window
        return end if end > self._setting.now() else None

    async def _objectionable(self, tx: Tx, report: Report) -> tuple[About, datetime, str | None]:
        """Find the newest that can be objected to, with when it was said, and by whom."""
        now = self._setting.now()
        found: list[tuple[About, datetime, str | None]] = []
        taken = {step.kind: step for step in await reporters.of_report(tx, report.id)}
        for kind, about in ((Kind.PAUSE, About.PAUSE), (Kind.CAUTION, About.CAUTION)):
            if (step := taken.get(kind)) is not None and step.stands(now):
                found.append((about, step.told_at or step.at, step.by))
        if report.outcome is Outcome.NO_BREACH and report.resolved_at is not None:
            mark = taken.get(Kind.UNFOUNDED)
            answered = max(report.resolved_at, mark.at) if mark else report.resolved_at
            found.append((About.OUTCOME, answered, report.resolved_by))
        if not found:
            message = (
                f"{report.receipt} has no answer yet. Where it stands: !policy status {report.receipt}"
                if report.outcome is None
                else f"There is nothing to object to about {report.receipt}: a measure was taken."
            )
            raise NotFound(message)
        objected = {complaint.about for complaint in await complaints.of_report(tx, report.id)}
        for one in found:
            if one[0] not in objected:
                return one
        message = f"Your objection about {report.receipt} is in already; there is one for each answer."
        raise OutOfOrder(message)

    # Deciding ------------------------------------------------------------------------------------

    async def uphold(self, tx: Tx, reviewer: str, report: Report, reasons: str) -> Complaint:
        """Let stand what was objected to."""
        complaint, _, _ = await self._open(tx, reviewer, report)
        done = await self._close(tx, reviewer, complaint, Verdict.UPHOLD, reasons)
        outside = self._setting.config.appeal_body
        self._answer(tx, report, rules.upheld(done, done.reasons, outside))
        return done

    async def modify(self, tx: Tx, reviewer: str, report: Report, reasons: str) -> Complaint:
        """Let the outcome stand, and take back that the report was manifestly unfounded.

        Raises:
            Incomplete: nobody has said that it was.
        """
        complaint, steps, _ = await self._open(tx, reviewer, report)
        mark = _standing(steps, Kind.UNFOUNDED, self._setting.now())
        if complaint.about is not About.OUTCOME or mark is None:
            message = f"Nobody said that {report.receipt} was unfounded: uphold or overturn."
            raise Incomplete(message)
        done = await self._close(tx, reviewer, complaint, Verdict.MODIFY, reasons)
        self._answer(tx, report, rules.modified(done, done.reasons, self._setting.config.appeal_body))
        await self._reporters.end(tx, mark, reviewer, done.reasons)
        return done

    async def overturn(
        self, tx: Tx, reviewer: str, report: Report, reasons: str
    ) -> tuple[Complaint, Case]:
        """Take back what was objected to: an outcome by a new look, a warning or a pause from now on.

        Returns the complaint, and the case that is looked at anew.
        """
        complaint, steps, case = await self._open(tx, reviewer, report)
        done = await self._close(tx, reviewer, complaint, Verdict.OVERTURN, reasons)
        if done.about is About.OUTCOME:
            return done, await self._reopen(tx, reviewer, case, done)
        step = _standing(steps, Kind(done.about.value), self._setting.now())
        self._answer(tx, report, rules.overturned(done, done.reasons, self._setting.config.appeal_body))
        if step is not None:
            await self._reporters.end(tx, step, reviewer, done.reasons)
        return done, case

    async def _open(self, tx: Tx, reviewer: str, report: Report) -> tuple[Complaint, list[Step], Case]:
        """Read the oldest complaint about a report that waits, with what was decided and its case.

        Raises:
            NotFound: none waits, or it is not theirs to know of.
            NotPermitted: they had a part in the matter.
        """
        waiting = [c for c in await complaints.of_report(tx, report.id) if c.state is State.SUBMITTED]
        case = await cases.get(tx, report.case_id)
        if not waiting or case is None:
            message = f"No objection about {report.receipt} waits."
            raise NotFound(message)
        await self._apart.check(tx, reviewer, await self._excluded(tx, report, waiting[0]))
        return waiting[0], await reporters.of_report(tx, report.id), case

    async def _close(
        self, tx: Tx, reviewer: str, complaint: Complaint, verdict: Verdict, reasons: str
    ) -> Complaint:
        """Save how a complaint ends."""
        state, said = rules.decided(complaint, verdict, reasons)
        done = replace(
            complaint, state=state, reviewer=reviewer, reasons=said, decided_at=self._setting.now()
        )
        await complaints.save(tx, done)
        self._remember(tx, reviewer, verdict.value, done, said)
        return done

    async def _reopen(self, tx: Tx, reviewer: str, case: Case, done: Complaint) -> Case:
        """Open a dismissed case again, or let its reports join the one that is open on its subject."""
        await self._settle_others(tx, reviewer, case, done)
        steps = await reporters.of_case(tx, case.id)
        anew, waiting = await self._cases.reopen(tx, reviewer, case, by_others=True)
        for report in waiting:
            number = f"C-{report.case_id}"
            text = rules.reopened_for_others(receipt=report.receipt, case_number=number)
            if report.id == done.report_id:
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
            f"Reasons: {done.reasons}\nBy somebody else than before: !policy show "
            f"{anew.number} · !policy claim {anew.number}",
            cause=f"case {anew.id}",
        )
        return anew

    async def _settle_others(self, tx: Tx, reviewer: str, case: Case, done: Complaint) -> None:
        """End what else was objected about the same answer: it is taken back for everybody."""
        for other in await complaints.of_case(tx, case.id):
            if other.about is About.OUTCOME and other.state is State.SUBMITTED:
                settled = replace(
                    other,
                    state=State.OVERTURNED,
                    reviewer=reviewer,
                    reasons=done.reasons,
                    decided_at=done.decided_at,
                )
                await complaints.save(tx, settled)
                self._remember(tx, reviewer, "overturn", settled, done.reasons)

    def _answer(self, tx: Tx, report: Report, text: str) -> None:
        answers.tell(tx, self._setting, report, text)

    def _remember(self, tx: Tx, actor: str, act: str, complaint: Complaint, text: str) -> None:
        audit.append(
            tx,
            at=self._setting.now(),
            actor=actor,
            tag=f"complaint:{act}",
            object=complaint.receipt,
            about=complaint.about.value,
            text=text,
        )


def _standing(steps: Sequence[Step], kind: Kind, now: datetime) -> Step | None:
    return next((step for step in steps if step.kind is kind and step.stands(now)), None)
