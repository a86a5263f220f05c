"""Sheets: a case laid out for one moderator, with what a decision in it would be.

Nothing is decided or worked out here: each line is what the services of the commands say.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from policybot.domain.case import Case, State, SubjectKind
from policybot.domain.cure import Cure
from policybot.domain.decision import Approval, Decision
from policybot.domain.decision import State as DecisionState
from policybot.domain.errors import NotFound, Refused
from policybot.domain.filing import Filing
from policybot.domain.identity import FrontClass
from policybot.domain.rules import Rule
from policybot.domain.sanction import Sanction
from policybot.services import cards, foresights, ledgers
from policybot.services.cases import Cases, File
from policybot.services.decisions import Choice
from policybot.services.filings import Filings
from policybot.services.foresights import Foresight, Foresights
from policybot.services.names import Names, View
from policybot.services.setting import Setting
from policybot.store import appeals, cases, consoles, cures, decisions, filings, members, sanctions
from policybot.store.database import Tx

SHOWN = 25
"""Cases that a page of the queue shows."""
_READ = 60
"""Cases that are looked through for them: one's own matters and filtered ones are passed over."""
_RENEWED = timedelta(minutes=10)
"""A claim is renewed when it holds for less than this: each renewal is an audit entry."""
FILTERS = ("", "free", "mine", "confirm")
"""What the queue can be narrowed to; the first is everything."""


class Media(Protocol):
    """Gives the pictures that belong to a kept copy."""

    async def pictures(self, tx: Tx, case: Case) -> int:
        """Say how many there are."""
        ...

    async def picture(self, tx: Tx, by: str, case: Case, place: int, *, clear: bool) -> bytes:
        """Give one as JPEG, counted from 1: blurred, or as it is.

        Raises:
            NotFound: there is none.
        """
        ...


class NoMedia:
    """Stands in until pictures are kept with the copies (`Copies.picture`)."""

    async def pictures(self, tx: Tx, case: Case) -> int:
        """There are none."""
        del self, tx, case
        return 0

    async def picture(self, tx: Tx, by: str, case: Case, place: int, *, clear: bool) -> bytes:
        """There is none."""
        del self, tx, by, case, place, clear
        message = "There is no such picture."
        raise NotFound(message)


@dataclass(frozen=True, slots=True)
class Entry:
    """A case in the queue."""

    case: Case
    holder: str | None
    filing: Filing | None
    """The filing of its room."""
    reports: int
    waits_for: datetime | None
    """Until when its owner has time to put it right."""


@dataclass(frozen=True, slots=True)
class Proposed:
    """A decision that waits for its confirmation."""

    decision: Decision
    approval: Approval
    foresight: Foresight | None
    """What would happen; None if it no longer fits."""
    confirmable: bool
    """Whether this moderator can confirm it."""


@dataclass(frozen=True, slots=True)
class Step:
    """Something that has happened in a case, or to whom or what it is about."""

    at: datetime
    words: str
    here: bool
    """Whether it belongs to this very case."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A case with all that a moderator needs, in the order of the page."""

    file: File
    moderator: str
    holder: str | None
    pictures: int
    view: View | None
    """Under which name others see whom it is about; never the verified one."""
    verified: str
    standing: tuple[tuple[Decision, Sanction | None, datetime | None], ...]
    """The decisions about the account that hold now, each with until when it counts, if it does."""
    filing: Filing | None
    control: str
    categories: str
    cure: Cure | None
    steps: tuple[Step, ...]
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
        return self.case.state in (State.OPEN, State.CLAIMED)

    @property
    def is_mine(self) -> bool:
        """Whether this moderator has it."""
        return self.holder == self.moderator

    @property
    def is_free(self) -> bool:
        """Whether this moderator may decide it: nobody else has it."""
        return self.is_open and self.holder in (None, self.moderator)

    @property
    def of_room(self) -> bool:
        """Whether it is about a room, which can be put on hold."""
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
        foreseen: Foresights,
        applications: Filings,
        fronts: Names,
        media: Media,
    ) -> None:
        """Lay out what these services know, to those whom they let."""
        self._setting = setting
        self._cases = casework
        self._foresights = foreseen
        self._filings = applications
        self._names = fronts
        self._media = media

    def now(self) -> datetime:
        """Read the clock, for what a page says of itself."""
        return self._setting.now()

    # The queue -----------------------------------------------------------------------------------

    async def queue(self, tx: Tx, moderator: str, only: str = "") -> list[Entry]:
        """List the cases that wait for a moderator, the most urgent first; `only` of one kind."""
        now, found = self._setting.now(), []
        for case in await self._listed(tx, moderator, only):
            holder = case.held_by(now)
            free = holder is None and case.state is not State.PENDING_APPROVAL
            fits = {"free": free, "mine": holder == moderator}.get(only, True)
            if fits and moderator not in await self._cases.involved(tx, case):
                found.append(case)
            if len(found) == SHOWN:
                break
        return await self._entries(tx, found)

    async def _listed(self, tx: Tx, moderator: str, only: str) -> list[Case]:
        if only not in ("mine", "confirm"):
            return await self._urgent(tx)
        mine = only == "mine"
        ids = await (consoles.held(tx, moderator, _READ) if mine else consoles.proposed(tx, _READ))
        return [case for id_ in ids if (case := await cases.get(tx, id_)) is not None]

    @staticmethod
    async def _urgent(tx: Tx) -> list[Case]:
        """List undecided cases by urgency; the one place that knows by what they are ordered."""
        return await cases.undecided(tx, _READ)

    async def _entries(self, tx: Tx, found: list[Case]) -> list[Entry]:
        now, ids = self._setting.now(), [case.id for case in found]
        places = sorted({case.subject.room_id for case in found if case.subject.room_id})
        filed = {room_id: await filings.of_room(tx, room_id) for room_id in places}
        counts, times = await consoles.reports(tx, ids), await consoles.given_time(tx, ids)
        return [
            Entry(
                case=case,
                holder=case.held_by(now),
                filing=filed.get(case.subject.room_id or ""),
                reports=counts.get(case.id, 0),
                waits_for=times.get(case.id),
            )
            for case in found
        ]

    async def neighbours(self, tx: Tx, moderator: str, case_id: int) -> tuple[Case | None, Case | None]:
        """Name the cases before and after one in the queue that a moderator could take."""
        now, before, passed = self._setting.now(), None, False
        listed = await self._urgent(tx)
        if not any(case.id == case_id for case in listed):
            passed = True
        for case in listed:
            if case.id == case_id:
                passed = True
                continue
            mine = case.held_by(now) in (None, moderator) and case.state is not State.PENDING_APPROVAL
            if not mine or moderator in await self._cases.involved(tx, case):
                continue
            if passed:
                return before, case
            before = case
        return before, None

    # A case --------------------------------------------------------------------------------------

    async def sheet(self, tx: Tx, moderator: str, number: str) -> Sheet:
        """Lay a case out for a moderator.

        Raises:
            NotFound: there is none that they can see; a party to it sees none.
        """
        case = await self._find(tx, number)
        file = await self._cases.file(tx, moderator, case)
        about, room_id = case.subject.user_id, case.subject.room_id
        filing = await filings.of_room(tx, room_id) if room_id else None
        whose = about or (filing.applicant if filing else None)
        return Sheet(
            file=file,
            moderator=moderator,
            holder=case.held_by(self._setting.now()),
            pictures=await self._media.pictures(tx, case),
            view=await self._names.view(tx, whose, FrontClass.PSEUDONYM_ONLY) if whose else None,
            verified=await cards.standing(tx, whose) if whose else "",
            standing=tuple(await self._standing(tx, about)) if about else (),
            filing=filing,
            control=await self._filings.reach(tx, filing) if filing else "",
            categories=cards.titles(self._setting, filing) if filing else "",
            cure=await cures.of_case(tx, case.id),
            steps=tuple(await self._steps(tx, file)),
            proposed=await self._proposed(tx, moderator, file),
            stamp=await foresights.stamp(tx, file),
            loaded_at=self._setting.now(),
        )

    async def _find(self, tx: Tx, number: str) -> Case:
        serial = number.upper().removeprefix("C-")
        return await self._cases.find(tx, int(serial) if serial.isdecimal() else None, number)

    async def _standing(
        self, tx: Tx, user_id: str
    ) -> list[tuple[Decision, Sanction | None, datetime | None]]:
        found, ladder = await decisions.in_force_on(tx, user_id), self._setting.policy.ladder
        return [
            (one, await sanctions.of_decision(tx, one.id), ledgers.counts_until(one, ladder))
            for one in found
        ]

    async def _steps(self, tx: Tx, file: File) -> list[Step]:
        """Tell what happened, oldest first; the one place where a timeline of the subject is joined."""
        case = file.case
        steps = [Step(case.opened_at, "The case was opened.", here=True)]
        steps += [
            Step(r.received_at, f"{r.receipt} came in: {r.named}.", here=True) for r in file.reports
        ]
        about = case.subject.user_id
        known = [
            *await decisions.of_case(tx, case.id),
            *(await decisions.about(tx, about) if about else []),
        ]
        for decision in {one.id: one for one in known}.values():
            words = f"{decision.in_words} (rule {decision.rule_id}), by {decision.decider}"
            state = decision.state.value.replace("_", " ")
            steps.append(
                Step(
                    decision.decided_at,
                    f"{decision.number}: {words}: {state}.",
                    here=decision.case_id == case.id,
                )
            )
        steps += [
            Step(one.submitted_at, f"{one.state.value} appeal: {one.text}", here=True)
            for one in await appeals.of_case(tx, case.id)
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
                foresight = await self._foresights.proposed(tx, file, decision)
            except Refused:
                foresight = None
            own = moderator in await members.accounts_of(tx, approval.proposer)
            return Proposed(decision, approval, foresight, not (own and approval.needs_other))
        return None

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
        case = await self._find(tx, number)
        file = await self._cases.file(tx, moderator, case)
        if active:
            case = await self._beat(tx, moderator, case)
        return Pulse(
            changed=seen != await foresights.stamp(tx, file),
            holder=case.held_by(self._setting.now()),
            until=case.lease_until,
            others=await self._onlookers(tx, moderator, case),
        )

    async def _beat(self, tx: Tx, moderator: str, case: Case) -> Case:
        """Keep a case with its holder; the one place where a claim's heartbeat is joined."""
        now = self._setting.now()
        held = case.state is State.CLAIMED and case.held_by(now) == moderator
        if held and case.lease_until and case.lease_until - now < _RENEWED:
            return await self._cases.claim(tx, moderator, case)
        return case

    @staticmethod
    async def _onlookers(tx: Tx, moderator: str, case: Case) -> tuple[str, ...]:
        """Name who else looks at a case; the one place where the casework's answer is joined."""
        del tx, moderator, case
        return ()

    async def picture(self, tx: Tx, moderator: str, number: str, place: int, *, clear: bool) -> bytes:
        """Give a picture of a case's copy.

        Raises:
            NotFound: there is none, or the case is not theirs to see.
        """
        case = await self._find(tx, number)
        await self._cases.file(tx, moderator, case)
        return await self._media.picture(tx, moderator, case, place, clear=clear)
