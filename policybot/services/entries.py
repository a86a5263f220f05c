"""Entries: the queue of cases as a moderator's page shows it, and which case comes after another."""

from dataclasses import dataclass
from datetime import datetime

from policybot.domain.case import Case, State
from policybot.domain.filing import Filing
from policybot.domain.priority import in_short
from policybot.services.cases import Cases
from policybot.services.queues import Queues
from policybot.services.setting import Setting
from policybot.store import cases, consoles, filings, reports
from policybot.store.database import Tx
from policybot.store.queues import Wanted

SHOWN = 25
"""Cases that a page of the queue shows."""
FILTERS = ("", "free", "mine", "overdue", "confirm")
"""What the queue can be narrowed to; the first is everything."""


@dataclass(frozen=True, slots=True)
class Narrowed:
    """What of the queue somebody wants to see; all of it holds at once."""

    only: str = ""
    """One of `FILTERS`."""
    rule: str = ""
    room_id: str = ""
    after: int | None = None
    """The case behind which it begins."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A case in the queue."""

    case: Case
    holder: str | None
    filing: Filing | None
    """The filing of its room."""
    reports: int
    urgency: str
    """How urgent it is and when it is due, in short."""
    overdue: bool
    waits_for: datetime | None
    """Until when its owner has time to put it right."""


class Entries:
    """The service for the queue on the moderators' pages."""

    def __init__(self, setting: Setting, casework: Cases, waiting: Queues) -> None:
        """Show what the queue's service lets somebody see."""
        self._setting = setting
        self._cases = casework
        self._queues = waiting

    async def page(self, tx: Tx, moderator: str, asked: Narrowed) -> tuple[list[Entry], Case | None]:
        """List cases that wait, the most urgent first; and behind which one the next page begins."""
        if asked.only == "confirm":
            return await self._entries(tx, await self._proposed(tx, moderator)), None
        now = self._setting.now()
        after = await cases.get(tx, asked.after) if asked.after is not None else None
        wanted = Wanted(
            rule=asked.rule,
            room_id=asked.room_id,
            assignee=moderator if asked.only == "mine" else "",
            overdue_at=now if asked.only == "overdue" else None,
            after=after,
        )
        page = await self._queues.page(tx, moderator, wanted, SHOWN)
        found = [case for case in page.cases if self._fits(case, moderator, asked.only, now)]
        return await self._entries(tx, found), page.next

    @staticmethod
    def _fits(case: Case, moderator: str, only: str, now: datetime) -> bool:
        """Say of a claim what the store does not: whether its time is over."""
        holder = case.held_by(now)
        match only:
            case "free":
                return holder is None and case.state is not State.PENDING_APPROVAL
            case "mine":
                return holder == moderator
            case _:
                return True

    async def _proposed(self, tx: Tx, moderator: str) -> list[Case]:
        found = []
        for case_id in await consoles.proposed(tx, SHOWN):
            case = await cases.get(tx, case_id)
            if case is not None and moderator not in await self._cases.involved(tx, case):
                found.append(case)
        return found

    async def _entries(self, tx: Tx, found: list[Case]) -> list[Entry]:
        now, ids = self._setting.now(), [case.id for case in found]
        places = sorted({case.subject.room_id for case in found if case.subject.room_id})
        filed = {room_id: await filings.of_room(tx, room_id) for room_id in places}
        counts, times = await consoles.reports(tx, ids), await consoles.given_time(tx, ids)
        flagged = await reports.flagged(tx, ids)

        def urgency(case: Case) -> str:
            rank = case.rank or case.opened_at
            return in_short(rank, case.due_at or rank, now, flagged=case.id in flagged)

        return [
            Entry(
                case=case,
                holder=case.held_by(now),
                filing=filed.get(case.subject.room_id or ""),
                reports=counts.get(case.id, 0),
                urgency=urgency(case),
                overdue=case.due_at is not None and case.due_at <= now,
                waits_for=times.get(case.id),
            )
            for case in found
        ]

    async def following(self, tx: Tx, moderator: str, case: Case) -> Case | None:
        """Give the next case of the queue that a moderator could take; after the last one the first."""
        now = self._setting.now()
        for after in (case, None):
            page = await self._queues.page(tx, moderator, Wanted(after=after), SHOWN)
            for one in page.cases:
                mine = one.held_by(now) in (None, moderator) and one.state is not State.PENDING_APPROVAL
                if mine and one.id != case.id:
                    return one
        return None
