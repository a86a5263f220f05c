"""Reporters: what people do about reports without any ground, and whose reports are paused."""

from collections.abc import Set as AbstractSet
from datetime import datetime

from policybot.domain import reporter as rules
from policybot.domain.appeal import About
from policybot.domain.appeal import Kind as AppealKind
from policybot.domain.case import Case
from policybot.domain.errors import Incomplete, NotFound, OutOfOrder
from policybot.domain.report import Report
from policybot.domain.reporter import Kind, Paused, Step, Tally
from policybot.services.cases import Cases
from policybot.services.setting import Setting
from policybot.store import appeals, audit, cases, members, reporters, reports
from policybot.store.database import Tx, next_number

NOUN = "reporter"
"""What the cause of a message about a step begins with."""
_NUMBER = 20
"""Characters of what somebody took for a number that are said back."""
_WEIGHED = 20
"""Reporters of one case whose former reports are looked up."""
_RESTED = "what it rested on was taken back"


class Reporters:
    """The service for what people decide about reports that are manifestly unfounded."""

    def __init__(self, setting: Setting, casework: Cases) -> None:
        """Work with the service that knows who is a party to a case."""
        self._setting = setting
        self._cases = casework

    async def find(self, tx: Tx, by: str, report_id: int | None, text: str) -> tuple[Report, Case]:
        """Read a report with its case, for one of the operator's people; the case stays as it is.

        Raises:
            NotFound: there is none, or they are a party to its case.
        """
        report = await reports.get(tx, report_id) if report_id is not None else None
        if report is not None:
            await cases.lock(tx, report.case_id)
            report = await reports.get(tx, report.id)
        case = await cases.get(tx, report.case_id) if report is not None else None
        if report is None or case is None or by in await self._cases.involved(tx, case):
            message = f"There is no {text[:_NUMBER]} that you can see."
            raise NotFound(message)
        return report, case

    # What people decide --------------------------------------------------------------------------

    async def unfounded(self, tx: Tx, by: str, report: Report, reason: str) -> Step:
        """Note that a report was manifestly unfounded, and tell its author.

        Raises:
            Incomplete: the reason says too little.
            OutOfOrder: it did not end without a breach, it is noted already, or somebody objected.
        """
        said = rules.reason_of(reason)
        objected = await appeals.named(tx, AppealKind.REPORT, report.id)
        rules.check_unfounded(report, objected=any(c.about is About.OUTCOME for c in objected))
        step = await self._take(tx, Kind.UNFOUNDED, by, report, said)
        self._tell(tx, step, rules.marked(step, self._window))
        return step

    async def caution(self, tx: Tx, by: str, report: Report, reason: str) -> Step:
        """Warn somebody who often makes unfounded reports.

        Raises:
            Incomplete: the reason says too little, or the report was made without an account.
            OutOfOrder: it is not marked, there were too few, or they were warned already.
        """
        said, now = rules.reason_of(reason), self._setting.now()
        await _hold_author(tx, report)
        steps, tally = await self._steps(tx, report), await self._tally(tx, report)
        rules.check_caution(report.receipt, steps, tally, now)
        step = await self._take(tx, Kind.CAUTION, by, report, said, now + rules.COUNTS)
        self._tell(tx, step, rules.cautioned(step, tally, self._window))
        return step

    async def pause(self, tx: Tx, by: str, report: Report, span: str, reason: str) -> Step:
        """Not take somebody's reports for a time, because unfounded ones went on after a warning.

        Raises:
            NotFound: that is no time.
            Incomplete: it is too short or too long, or the reason says too little.
            OutOfOrder: the report is not marked, or no warning arrived before it.
        """
        length, said, now = rules.span_of(span), rules.reason_of(reason), self._setting.now()
        await _hold_author(tx, report)
        rules.check_pause(report, await self._steps(tx, report), now)
        step = await self._take(tx, Kind.PAUSE, by, report, said, now + length)
        self._tell(tx, step, rules.paused(step, self._always, self._window))
        return step

    async def resume(self, tx: Tx, by: str, report: Report, reason: str) -> Step:
        """End a pause before its time.

        Raises:
            NotFound: there is none because of this report.
            Incomplete: the reason says too little.
        """
        said, now = rules.reason_of(reason), self._setting.now()
        running = rules.pause(await reporters.of_report(tx, report.id), now)
        if running is None:
            message = f"No pause runs because of {report.receipt}."
            raise NotFound(message)
        await self.end(tx, running, by, said)
        self._tell(tx, running, rules.lifted(running, said))
        return running

    async def _take(  # noqa: PLR0913, PLR0917 - the parts of a step
        self,
        tx: Tx,
        kind: Kind,
        by: str,
        report: Report,
        reason: str,
        until: datetime | None = None,
    ) -> Step:
        """Record a step."""
        if any(step.kind is kind for step in await reporters.of_report(tx, report.id)):
            message = f"That was decided about {report.receipt} already."
            raise OutOfOrder(message)
        step = Step(
            id=await next_number(tx, "reporter_step"),
            kind=kind,
            report_id=report.id,
            account=report.reporter,
            person_id=await _person(tx, report),
            by=by,
            reason=reason,
            at=self._setting.now(),
            until=until,
        )
        await reporters.add(tx, step)
        self._remember(tx, by, step, kind.value, reason)
        return step

    # What follows from them ----------------------------------------------------------------------

    async def check(self, tx: Tx, reporter: str, category: str) -> None:
        """Check that somebody's reports are taken now; those that name certain rules always are.

        Raises:
            Paused: they are not; the message says until when, why, and how to object.
        """
        if not reporter.startswith("@") or category in self._setting.config.reporters.never_paused:
            return
        step = await self.running(tx, reporter)
        if step is None:
            return
        made = await appeals.named(tx, AppealKind.REPORT, step.report_id)
        about = [one for one in made if one.about is About.PAUSE]
        raise Paused(step, rules.not_taken(step, self._always, about[-1].state if about else None))

    async def running(self, tx: Tx, reporter: str) -> Step | None:
        """Give the pause of somebody's reports, if one runs."""
        return rules.pause(await self._own(tx, reporter), self._setting.now())

    async def about(self, tx: Tx, user_id: str) -> list[str]:
        """Say to somebody what was decided about their reports and counts now."""
        now = self._setting.now()
        return [rules.in_words(step) for step in await self._own(tx, user_id) if step.stands(now)]

    async def on(self, tx: Tx, case: Case) -> list[str]:
        """Say to moderators what was decided because of the reports in a case, and what is possible.

        What others of somebody's reports were like is said only where one of these was unfounded.
        """
        now, lines = self._setting.now(), []
        for step in await reporters.of_case(tx, case.id):
            ended = "" if step.stands(now) else f" (ended: {step.end_reason or 'its time is over'})"
            until = f" until {step.until:%-d %B %Y}" if step.until else ""
            lines.append(f"{step.receipt}: {step.kind.value}{until}, by {step.by}: {step.reason}{ended}")
            if step.kind is Kind.UNFOUNDED and step.stands(now):
                report = await reports.get(tx, step.report_id)
                possible = await self.possible(tx, report) if report else None
                lines += [possible] if possible else []
        return lines

    async def possible(self, tx: Tx, report: Report) -> str | None:
        """Say what a moderator may do about whoever made an unfounded report, and on which numbers."""
        if report.account is None:
            return None
        steps, tally = await self._steps(tx, report), await self._tally(tx, report)
        act = rules.possible(report, steps, tally, self._setting.now())
        if act is None:
            return None
        found = f"Of the person who made {report.receipt}, manifestly unfounded: {tally.in_words}."
        return f"{found} You can: !policy {act}"

    async def end(self, tx: Tx, step: Step, by: str, reason: str) -> None:
        """End a step, and what rested on it; those whom that frees are told."""
        now = self._setting.now()
        if not await reporters.end(tx, step.id, reason, now):
            return
        self._remember(tx, by, step, f"end_{step.kind.value}", reason)
        theirs = await reporters.of_person(tx, {step.account}, step.person_id)
        for other in rules.groundless(theirs, now):
            if await reporters.end(tx, other.id, _RESTED, now):
                self._remember(tx, by, other, f"end_{other.kind.value}", _RESTED)
                self._tell(tx, other, rules.lifted(other, _RESTED))

    async def end_due(self, tx: Tx) -> None:
        """End the pauses whose time is over, and say so."""
        now = self._setting.now()
        for step in await reporters.pauses_due(tx, now):
            if await reporters.end(tx, step.id, "its time is over", now):
                self._remember(tx, "system:clock", step, "end_pause", "its time is over")
                self._tell(tx, step, rules.over(step))

    async def weight(self, tx: Tx, reporter: str) -> float:
        """Say how much a report of theirs moves a case up in the queue; nothing else hangs on it."""
        return rules.weight(await reporters.counts(tx, await members.accounts_of(tx, reporter)))

    async def weights(self, tx: Tx, names: AbstractSet[str]) -> dict[str, float]:
        """Say for which part the reports of each of these accounts count in the order of the queue.

        Of very many only the first are looked up: more reports hardly make a case more urgent.
        """
        accounts = sorted(name for name in names if name.startswith("@"))[:_WEIGHED]
        return {account: await self.weight(tx, account) for account in accounts}

    # Whose they are ------------------------------------------------------------------------------

    @staticmethod
    async def _own(tx: Tx, user_id: str) -> list[Step]:
        """List what was decided about the reports of whoever has an account now."""
        person_id = await members.own_person(tx, user_id)
        links = await members.links_of(tx, person_id) if person_id else []
        return await reporters.of_person(tx, {user_id, *(link.user_id for link in links)}, person_id)

    @staticmethod
    async def _steps(tx: Tx, report: Report) -> list[Step]:
        """List what was decided about the reports of whoever made this one."""
        return await reporters.of_person(tx, {report.reporter}, await _person(tx, report))

    @staticmethod
    async def _tally(tx: Tx, report: Report) -> Tally:
        return await reporters.counts(tx, await members.accounts_of(tx, report.reporter))

    @property
    def _window(self) -> int:
        return self._setting.ladder.appeal_window.days

    @property
    def _always(self) -> str:
        """Say which reports are always taken."""
        wanted = self._setting.config.reporters.never_paused
        named = [f"{rule.id} ({rule.title})" for rule in self._setting.config.rules if rule.id in wanted]
        if not named:
            return ""
        return (
            f"\nReports that name one of these rules are taken all the same: {', '.join(named)}. Write: "
            f"!policy report LINK {wanted[0]} TEXT"
        )

    def _tell(self, tx: Tx, step: Step, text: str) -> None:
        if step.account.startswith("@"):
            self._setting.tell(tx, step.account, text, cause=f"{NOUN} {step.id}")

    def _remember(self, tx: Tx, actor: str, step: Step, act: str, reason: str) -> None:
        audit.append(
            tx,
            at=self._setting.now(),
            actor=actor,
            tag=f"{NOUN}:{act}",
            object=step.receipt,
            reason=reason,
            until=step.until.isoformat() if step.until else None,
        )


async def _person(tx: Tx, report: Report) -> str | None:
    """Name the person who answers for a report."""
    if report.account is None:
        return None
    return await members.answerable(tx, report.account, report.received_at)


async def _hold_author(tx: Tx, report: Report) -> None:
    """Let others who decide about the same person wait until this transaction has ended.

    Raises:
        Incomplete: nobody is known who made the report.
    """
    if report.account is None:
        message = (
            f"{report.receipt} was made without an account: there is nobody to warn, and nobody's "
            "reports to pause."
        )
        raise Incomplete(message)
    if (person_id := await _person(tx, report)) is not None:
        await members.lock_person(tx, person_id)
    await reporters.hold(tx, report.account)
