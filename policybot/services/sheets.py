"""Sheets: a case laid out for one moderator, with what a decision in it would be.

Nothing is decided or worked out here: each line is what the services of the commands say.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from policybot.domain.appeal import Kind as AppealKind
from policybot.domain.case import UNDECIDED, Case, State, SubjectKind
from policybot.domain.copy import files
from policybot.domain.cure import Cure
from policybot.domain.decision import Approval, Decision
from policybot.domain.decision import State as DecisionState
from policybot.domain.errors import Refused
from policybot.domain.filing import Filing
from policybot.domain.identity import FrontClass
from policybot.domain.number import parse_case
from policybot.domain.quarantine import Quarantine
from policybot.domain.rules import Rule
from policybot.domain.sanction import Sanction
from policybot.services import cards, foresights, ledgers, statements
from policybot.services.cases import Cases, File
from policybot.services.decisions import Decisions
from policybot.services.filings import Filings
from policybot.services.names import Names, View
from policybot.services.pasts import Pasts, Related
from policybot.services.previews import Choice, Preview
from policybot.services.quarantines import Quarantines
from policybot.services.reporters import Reporters
from policybot.services.setting import Setting
from policybot.store import (
    appeals,
    cases,
    cures,
    decisions,
    filings,
    members,
    rechecks,
    sanctions,
)
from policybot.store.database import Tx
from policybot.store.pasts import About, Moment

_MOMENTS = 25
"""What happened about somebody that a page shows, the newest."""


WORKED_ON = frozenset({State.OPEN, State.CLAIMED})
"""States of a case in which there is something to decide."""


@dataclass(frozen=True, slots=True)
class Proposed:
    """A decision that waits for its confirmation."""

    decision: Decision
    approval: Approval
    preview: Preview | None
    """What would happen; None if it no longer fits."""
    confirmable: bool
    """Whether this moderator can confirm it."""


@dataclass(frozen=True, slots=True)
class Step:
    """Something that has happened in a case."""

    at: datetime
    words: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """A case with all that a moderator needs, in the order of the page."""

    file: File
    moderator: str
    holder: str | None
    view: View | None
    """Under which name others see whom it is about; never the verified one."""
    verified: str
    standing: tuple[tuple[Decision, Sanction | None, str], ...]
    """The decisions about the account that hold now, each with until when it counts, if it does."""
    filing: Filing | None
    control: str
    categories: str
    cure: Cure | None
    withheld: tuple[Quarantine, ...]
    """Its files that nobody can download."""
    priority: str
    """How urgent it is, as a sum; empty once it is decided."""
    steps: tuple[Step, ...]
    reporting: tuple[str, ...]
    """What was decided because of its reports, and what is possible."""
    related: Related
    past: tuple[Moment, ...]
    """What happened about the same account or room, the newest first."""
    earlier: bool
    """Whether there is more of it."""
    proposed: Proposed | None
    stamp: str
    """The fingerprint of what is known of the case, which comes back with what is done."""
    loaded_at: datetime

    @property
    def case(self) -> Case:
        """The case itself."""
        return self.file.case

    @property
    def is_open(self) -> bool:
        """Whether there is something to decide."""
        return self.case.state in WORKED_ON

    @property
    def is_mine(self) -> bool:
        """Whether this moderator has it."""
        return self.holder == self.moderator

    @property
    def is_free(self) -> bool:
        """Whether this moderator may decide it: nobody else has it."""
        return self.is_open and self.holder in (None, self.moderator)

    @property
    def pictures(self) -> tuple[int, ...]:
        """Name the files that are pictures by their first bytes, counted from 1."""
        kept = self.file.copy
        most = len(files(kept.content)) if kept else 0
        known = (kept.files if kept else None) or ()
        return tuple(n for n, one in enumerate(known[:most], 1) if one.kind.startswith("image/"))

    @property
    def of_room(self) -> bool:
        """Whether it is about a room, and not about somebody."""
        return self.case.subject.kind is SubjectKind.ROOM


@dataclass(frozen=True, slots=True)
class Pulse:
    """How a case stands while somebody looks at it."""

    changed: bool
    """Whether it is known otherwise than on their page."""
    holder: str | None
    until: datetime | None
    """Until when its holder has it."""
    others: tuple[str, ...]
    """Who else looks at it."""


class Sheets:
    """The service for what moderators see of cases."""

    def __init__(  # noqa: PLR0913, PLR0917 - the services that know it
        self,
        setting: Setting,
        casework: Cases,
        resolutions: Decisions,
        applications: Filings,
        fronts: Names,
        before: Pasts,
        withheld: Quarantines,
        reporting: Reporters,
    ) -> None:
        """Lay out what these services know, to those whom they let."""
        self._setting = setting
        self._cases = casework
        self._decisions = resolutions
        self._filings = applications
        self._names = fronts
        self._pasts = before
        self._quarantines = withheld
        self._reporters = reporting

    def now(self) -> datetime:
        """Read the clock, for what a page says of itself."""
        return self._setting.now()

    # A case --------------------------------------------------------------------------------------

    async def file(self, tx: Tx, moderator: str, number: str, *, at_work: bool = True) -> File:
        """Gather what is known of a case, and note that a moderator looks at it.

        Their claim goes on if they are `at_work`; a page that asks by itself is not.

        Raises:
            NotFound: there is none that they can see; a party to it sees none.
        """
        case_id = parse_case(number)
        case = await cases.get(tx, case_id) if case_id is not None else None
        if case is None or case.merged_into is not None:
            case = await self._cases.work_on(tx, moderator, case_id, number)  # says where it is
        file = await self._cases.file(tx, moderator, case)
        return replace(file, case=await self._cases.beat(tx, moderator, case)) if at_work else file

    async def sheet(self, tx: Tx, moderator: str, number: str) -> Sheet:
        """Lay a case out for a moderator.

        Raises:
            NotFound: there is none that they can see; a party to it sees none.
        """
        file, now = await self.file(tx, moderator, number), self._setting.now()
        case = file.case
        about, room_id = case.subject.user_id, case.subject.room_id
        filing = await filings.of_room(tx, room_id) if room_id else None
        whose = about or (filing.applicant if filing else None)
        past, earlier = await self._past(tx, moderator, case)
        urgent = file.priority is not None and case.state in UNDECIDED
        return Sheet(
            file=file,
            moderator=moderator,
            holder=case.held_by(now),
            view=await self._names.view(tx, whose, FrontClass.PSEUDONYM_ONLY) if whose else None,
            verified=await cards.standing(tx, whose) if whose else "",
            standing=tuple(await self._standing(tx, moderator, about)) if about else (),
            filing=filing,
            control=await self._filings.reach(tx, filing) if filing else "",
            categories=cards.titles(self._setting, filing) if filing else "",
            cure=await cures.of_case(tx, case.id),
            withheld=tuple(await self._quarantines.of(tx, case)),
            priority=file.priority.explained(now) if urgent and file.priority else "",
            steps=tuple(await self._steps(tx, file)),
            reporting=tuple(await self._reporters.on(tx, case)),
            related=await self._pasts.related(tx, moderator, case, counted=True),
            past=tuple(past),
            earlier=earlier,
            proposed=await self._proposed(tx, moderator, file),
            stamp=await foresights.stamp(tx, file),
            loaded_at=now,
        )

    async def _past(self, tx: Tx, moderator: str, case: Case) -> tuple[list[Moment], bool]:
        of_room = case.subject.kind is SubjectKind.ROOM
        about = About(None if of_room else case.subject.user_id, case.subject.room_id)
        if not of_room and about.user_id is None:
            return [], False
        return await self._pasts.timeline(tx, moderator, about, 1, _MOMENTS)

    async def _standing(
        self, tx: Tx, moderator: str, user_id: str
    ) -> list[tuple[Decision, Sanction | None, str]]:
        """List what holds about an account, but in cases in which the reader has a part."""
        found, ladder = await decisions.in_force_on(tx, user_id), self._setting.ladder
        return [
            (
                one,
                await sanctions.of_decision(tx, one.id),
                ledgers.counts(one, ladder, self._setting.now()),
            )
            for one in await self._pasts.seen(tx, moderator, found)
        ]

    async def _steps(self, tx: Tx, file: File) -> list[Step]:
        """Tell what happened in a case, oldest first."""
        case = file.case
        steps = [Step(case.opened_at, "The case was opened.")]
        steps += [Step(r.received_at, f"{r.receipt} came in: {r.named}.") for r in file.reports]
        for decision in await decisions.of_case(tx, case.id):
            words = f"{decision.in_words} (rule {decision.rule_id}), by {decision.decider}"
            state = decision.state.value.replace("_", " ")
            told = await statements.delivery(tx, decision)
            notified = f" Notice: {told}." if told else ""
            steps.append(Step(decision.decided_at, f"{words}: {state}.{notified}"))
        steps += [
            Step(one.submitted_at, f"{one.state.value} appeal: {one.text}")
            for one in await appeals.named(tx, AppealKind.DECISION, case.id)
        ]
        steps += [
            Step(one.found_at, f"Without C-{one.void_case_id}, which is void, {one.in_words}.")
            for one in await rechecks.of_case(tx, case.id)
        ]
        steps += [
            Step(
                one.submitted_at,
                f"{one.state.value} {one.called} against {one.against}: {one.text}",
            )
            for one in await appeals.of_reports_in(tx, case.id)
        ]
        return sorted(steps, key=lambda step: step.at)

    async def _proposed(self, tx: Tx, moderator: str, file: File) -> Proposed | None:
        for decision in await decisions.of_case(tx, file.case.id):
            if decision.state is not DecisionState.PENDING:
                continue
            approval = await decisions.approval_on(tx, f"decision {decision.id}")
            if approval is None:
                continue
            try:
                preview = await self._decisions.proposed(tx, file.case, decision)
            except Refused:
                preview = None
            own = moderator in await members.accounts_of(tx, approval.proposer)
            return Proposed(decision, approval, preview, not (own and approval.needs_other))
        return None

    async def foresee(self, tx: Tx, moderator: str, file: File, choice: Choice) -> tuple[Preview, bool]:
        """Preview a decision; see `foresights.foresee`."""
        return await foresights.foresee(tx, self._decisions, moderator, file, choice)

    def first_choice(self, sheet: Sheet) -> Choice:
        """Give what a form begins with: the rule that was named, and its mildest severity."""
        known = {rule.id: rule for rule in self._setting.config.rules}
        named = [report.category for report in sheet.file.reports]
        named += [finding.rule_id for finding in sheet.file.findings]
        rule: Rule | None = next((known[id_] for id_ in named if id_ in known), None)
        return Choice(rule.id, rule.mildest.value) if rule else Choice("", "")

    # While somebody looks ------------------------------------------------------------------------

    async def pulse(self, tx: Tx, moderator: str, number: str, seen: str, *, active: bool) -> Pulse:
        """Say how a case stands now; while its holder does something, it stays theirs.

        Raises:
            NotFound: it is not theirs to see (any more).
        """
        file = await self.file(tx, moderator, number, at_work=active)
        return Pulse(
            changed=seen != await foresights.stamp(tx, file),
            holder=file.case.held_by(self._setting.now()),
            until=file.case.lease_until,
            others=tuple(watcher.user_id for watcher in file.others),
        )
