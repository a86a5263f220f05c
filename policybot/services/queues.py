"""The queue of cases, as one of the operator's people sees it: without those they have a part in."""

from dataclasses import dataclass

from policybot.domain.case import Case
from policybot.services.cases import Cases
from policybot.store import queues, reports
from policybot.store.database import Tx
from policybot.store.queues import Wanted


@dataclass(frozen=True, slots=True)
class Page:
    """Cases in their order, and behind which one the next page begins; None at the end."""

    cases: tuple[Case, ...]
    next: Case | None
    flagged: frozenset[int] = frozenset()
    """Those of them that a trusted flagger has reported, by their IDs."""


class Queues:
    """The service for the queue of cases."""

    def __init__(self, casework: Cases) -> None:
        """Ask the cases' service who is a party."""
        self._cases = casework

    async def page(self, tx: Tx, viewer: str, wanted: Wanted, limit: int) -> Page:
        """List the most urgent cases that somebody may see.

        Those are left out at once that are about one of their accounts or reported by one, and those
        about rooms for which they answer as soon as one is met.
        """
        own = await queues.accounts_with(tx, viewer)
        theirs: dict[str, bool] = {}
        while True:
            left_out = [room_id for room_id, is_theirs in theirs.items() if is_theirs]
            found = await queues.page(tx, wanted, limit + 1, parties=own, rooms=left_out)
            rooms = await queues.rooms_in(tx, found)
            new = {room_id for named in rooms.values() for room_id in named} - theirs.keys()
            answering = await self._cases.answering_for(tx, new)
            theirs |= {room_id: not own.isdisjoint(people) for room_id, people in answering.items()}
            if not any(theirs[room_id] for room_id in new):
                break
        # What was written in another room and merged is not known to the list of cases.
        seen = [c for c in found[:limit] if not any(theirs[room_id] for room_id in rooms[c.id])]
        flagged = await reports.flagged(tx, [case.id for case in seen])
        return Page(tuple(seen), found[limit - 1] if len(found) > limit else None, flagged)
