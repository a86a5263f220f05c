"""Merges: what belongs together is worked in one case, and taken apart again; reporters are told."""

from collections.abc import Collection
from dataclasses import replace

from policybot.domain import case as rules
from policybot.domain import notice
from policybot.domain.case import Case, State, Subject, SubjectKind
from policybot.domain.cure import State as CureState
from policybot.domain.decision import Nature
from policybot.domain.errors import Incomplete, NotFound, OutOfOrder
from policybot.domain.name import one_line
from policybot.domain.report import Report
from policybot.services import answers
from policybot.services.cases import Cases
from policybot.services.setting import Setting
from policybot.store import cases, copies, cures, decisions, reports
from policybot.store.database import Tx, next_number

_MOST_REASON = 500


class Merges:
    """The service for cases that become one, and for one that becomes two."""

    def __init__(self, setting: Setting, casework: Cases) -> None:
        """Work with the service that holds cases."""
        self._setting = setting
        self._cases = casework

    async def merge(self, tx: Tx, by: str, source: Case, target: Case, reason: str) -> Case:
        """Put a case into another one: its reports, findings, notes, and what it is about.

        Raises:
            Incomplete: no reason is given.
            NotPermitted: they are a party to one of them, or somebody else works on one.
            OutOfOrder: one of them is past working on, or the two do not belong together.
        """
        text = one_line(reason, _MOST_REASON)
        if len(text) < notice.MIN_FACTS:
            message = "Please note in a sentence why they belong together."
            raise Incomplete(message)
        if source.id == target.id:
            message = f"{source.number} cannot be merged into itself."
            raise OutOfOrder(message)
        source, target = await self._locked(tx, source, target)
        for case in (source, target):
            rules.impartial(case, by, await self._cases.involved(tx, case))
        about = await cases.subjects(tx, source)
        self._check_together(about, source, target)
        await self._check_unheld(tx, source)
        merged = rules.merged(source, target, by, self._setting.now())
        moved = await reports.of_case(tx, source.id)
        await cases.merge(tx, source, target)
        await cases.save(tx, merged)
        target = replace(
            target,
            opened_at=min(source.opened_at, target.opened_at),
            occurred_at=min(source.occurred_at, target.occurred_at),
        )
        await cases.save(tx, target)
        await self._cases.priorities.renew(tx, target)
        self._cases.remember(tx, by, "case:merge", source, into=target.number, reason=text)
        self._cases.remember(tx, by, "case:join", target, merged=source.number)
        self._tell(tx, moved, f"is worked on in case {target.number} now")
        return target

    async def _locked(self, tx: Tx, source: Case, target: Case) -> tuple[Case, Case]:
        """Let others who move one of two cases wait, and read both anew."""
        await cases.lock(tx, source.id, target.id)
        return (
            await self._cases.find(tx, source.id, source.number),
            await self._cases.find(tx, target.id, target.number),
        )

    @staticmethod
    def _check_together(about: Collection[Subject], source: Case, target: Case) -> None:
        everything = (*about, target.subject)
        if any(s.kind is SubjectKind.EVENT and s.user_id is None for s in everything):
            message = "I am still fetching one of the messages. Please try in a moment."
            raise OutOfOrder(message)
        if not rules.together(about, target.subject):
            message = (
                f"{source.number} and {target.number} are not about the same account, nor is "
                f"{target.number} about the room in which it was written. Each person gets a "
                "decision of their own."
            )
            raise OutOfOrder(message)

    async def _check_unheld(self, tx: Tx, source: Case) -> None:
        cure = await cures.of_case(tx, source.id)
        if cure is not None and cure.state is CureState.RUNNING:
            message = f"In {source.number} an owner has time until {notice.day(cure.until)}."
            raise OutOfOrder(message)
        if any(d.nature is Nature.HOLD for d in await decisions.of_case(tx, source.id)):
            message = f"There was a hold in {source.number}, so it ends with a decision of its own."
            raise OutOfOrder(message)

    async def split(self, tx: Tx, by: str, case: Case, report_ids: Collection[int]) -> Case:
        """Take the reports on another subject out of a case, into one of their own.

        All reports on that subject go: it is in one case at a time.

        Raises:
            NotFound: a report is not in the case.
            NotPermitted: they are a party to it, or somebody else works on it.
            OutOfOrder: the case is past working on, or there is nothing to take apart.
        """
        await cases.hold_opening(tx)
        await cases.lock(tx, case.id)
        case = await self._cases.find(tx, case.id, case.number)
        matter = await self._cases.take(tx, by, case)  # also says that it is past working on
        inside = {report.id: report for report in matter.reports}
        if missing := set(report_ids) - inside.keys():
            message = f"R-{min(missing)} is not in {case.number}."
            raise NotFound(message)
        keys = {inside[one].subject.key for one in report_ids}
        if len(keys) != 1:
            message = "Please name reports on one and the same message, room or account."
            raise OutOfOrder(message)
        if keys == {case.subject.key}:
            message = f"That is what {case.number} is about itself: take the rest out of it."
            raise OutOfOrder(message)
        moved = [report for report in inside.values() if report.subject.key in keys]
        made = await self._opened(tx, moved)
        await cases.split(tx, case, made)
        await self._cases.taken_out(tx, case, made)
        for one in (case, made):
            await self._cases.priorities.renew(tx, one)
        await cases.save(tx, case)  # what was prepared for it was prepared for more
        self._cases.remember(tx, by, "case:split", case, into=made.number)
        self._cases.remember(tx, by, "case:open", made, subject=made.subject.key, split=case.number)
        self._tell(tx, moved, f"is worked on in a case of its own now, {made.number}")
        return made

    async def _opened(self, tx: Tx, moved: list[Report]) -> Case:
        """Prepare a case on what reports are about; its clock goes on, for they waited before."""
        subject, opened_at = moved[0].subject, min(report.received_at for report in moved)
        copy = await copies.get(tx, subject.event_id) if subject.event_id else None
        occurred_at = copy.sent_at if copy else opened_at
        return Case(await next_number(tx, "case"), subject, State.OPEN, opened_at, occurred_at)

    def _tell(self, tx: Tx, moved: Collection[Report], what: str) -> None:
        for report in moved:
            answers.tell(
                tx,
                self._setting,
                report,
                f"Your report {report.receipt} {what}. There is nothing for you to do; I will tell you "
                "the outcome here.",
            )
