"""The queue of cases, as one of the operator's people sees it: without those they have a part in."""

from dataclasses import dataclass

from policybot.domain.case import Case
from policybot.services.cases import Cases
from policybot.store import members, queues
from policybot.store.database import Tx
from policybot.store.queues import Wanted


@dataclass(frozen=True, slots=True)
class Page:
    """Cases in their order, and behind which one the next page begins; None at the end."""

    cases: tuple[Case, ...]
    next: Case | None


class Queues:
    """The service for the queue of cases."""

    def __init__(self, casework: Cases) -> None:
        """Ask the cases' service who is a party."""
        self._cases = casework

    async def page(self, tx: Tx, viewer: str, wanted: Wanted, limit: int) -> Page:
        """List the most urgent cases that somebody may see.

        Those are left out at once that are about one of their accounts or reported by one, and those
        about rooms for which they answer as soon as one is met. Each that is shown was asked about.
        """
        own = await members.accounts_of(tx, viewer)
        rooms: dict[str, bool] = {}
        while True:
            theirs = [room_id for room_id, is_theirs in rooms.items() if is_theirs]
            found = await queues.page(tx, wanted, limit + 1, parties=own, rooms=theirs)
            new = {case.subject.room_id for case in found if case.subject.room_id} - rooms.keys()
            for room_id in sorted(new):
                rooms[room_id] = await self._answers_for(tx, viewer, room_id)
            if not any(rooms[room_id] for room_id in new):
                break
        seen = [case for case in found[:limit] if viewer not in await self._cases.involved(tx, case)]
        return Page(tuple(seen), found[limit - 1] if len(found) > limit else None)

    async def _answers_for(self, tx: Tx, viewer: str, room_id: str) -> bool:
        answering = await self._cases.answering_for(tx, room_id)
        return viewer in await members.accounts_of_all(tx, set(answering))
