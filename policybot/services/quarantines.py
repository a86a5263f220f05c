"""Quarantines: the files of a reported message, withheld while it is looked into and while that holds.

Without a decision a quarantine is interim: it ends with a dismissal, and `show` says that it waits.
"""

from collections.abc import Sequence

from policybot.domain import copy as copies
from policybot.domain import notice
from policybot.domain import quarantine as rules
from policybot.domain.case import UNDECIDED, Case, impartial
from policybot.domain.decision import IN_FORCE
from policybot.domain.errors import Incomplete, NotFound, OutOfOrder
from policybot.domain.quarantine import Quarantine, QuarantineMedia, UnquarantineMedia
from policybot.services.copies import Copies
from policybot.services.setting import Setting
from policybot.store import audit, cases, decisions, quarantines
from policybot.store.database import Tx


class Quarantines:
    """The service for files that are withheld."""

    def __init__(self, setting: Setting, kept: Copies) -> None:
        """Find the files in the kept copies."""
        self._setting = setting
        self._copies = kept

    async def begin(
        self, tx: Tx, by: str, case: Case, reason: str, parties: frozenset[str]
    ) -> list[QuarantineMedia]:
        """Withhold the files of the messages that a case is about; give what will be done.

        Raises:
            NotPermitted: they are a party to the case.
            Incomplete: no reason is given, or there is no file.
            OutOfOrder: no copy is there yet, all of it is in quarantine, or the case is over.
        """
        said = rules.checked(reason)
        impartial(case, by, parties)
        await cases.lock(tx, case.id)  # a dismissal that is under way is waited for
        case = await cases.get(tx, case.id) or case
        found = [one for one in await decisions.of_case(tx, case.id) if one.state in IN_FORCE]
        rules.check_open(case.number, undecided=case.state in UNDECIDED, in_force=bool(found))
        uris = await self._files(tx, case)
        await quarantines.lock(tx, uris)
        now = self._setting.now()
        fresh = [
            QuarantineMedia(uri)
            for uri in uris
            if await quarantines.begin(tx, Quarantine(case.id, uri, by, said, now))
        ]
        if not fresh:
            message = f"The files of {case.number} are in quarantine already."
            raise OutOfOrder(message)
        self._setting.queue(tx, fresh, cause=f"quarantine {case.id}")
        self._remember(tx, by, "media:quarantine", case, reason=said, files=len(fresh))
        if found and case.subject.user_id:
            self._setting.tell(
                tx,
                case.subject.user_id,
                f"The files of your message of {notice.day(case.occurred_at)} cannot be downloaded any "
                f"more: {said}\nThis belongs to the decision {case.number}, and so does your right to "
                f"appeal: !policy appeal {case.number} YOUR REASONS",
                cause=f"quarantine {case.id}",
            )
        return fresh

    async def _files(self, tx: Tx, case: Case) -> tuple[str, ...]:
        events = [one.event_id for one in await cases.subjects(tx, case) if one.event_id]
        found = [await self._files_of(tx, event_id) for event_id in events]
        known = [uris for uris in found if uris is not None]
        if not known:
            message = f"There is no copy of the message of {case.number} yet. Please try in a moment."
            if not events:
                message = f"{case.number} is about no message, so there are no files to withhold."
            raise OutOfOrder(message)
        uris = tuple(dict.fromkeys(uri for of_one in known for uri in of_one))
        if not uris:
            message = f"The message of {case.number} has no file."
            raise Incomplete(message)
        return uris

    async def _files_of(self, tx: Tx, event_id: str | None) -> tuple[str, ...] | None:
        """List the files of a message and of its newest edit; None if there is no copy of it."""
        kept = await self._copies.get(tx, event_id)
        if kept is None:
            return None
        edit = await self._copies.get(tx, kept.edit_id)
        return copies.media(kept.content) + (copies.media(edit.content) if edit else ())

    async def follow(self, tx: Tx, source: Case, target: Case, event_id: str | None) -> None:
        """Let what is withheld of a message go with it into another case."""
        uris = await self._files_of(tx, event_id) or ()
        await quarantines.lock(tx, uris)
        await quarantines.move(tx, source.id, target.id, uris)

    async def release(
        self, tx: Tx, by: str, case: Case, reason: str, parties: frozenset[str]
    ) -> Sequence[UnquarantineMedia]:
        """Let people fetch the files of a case again; give what will be done.

        Raises:
            NotPermitted: they are a party to the case.
            Incomplete: no reason is given.
            NotFound: nothing of it is in quarantine.
        """
        said = rules.checked(reason)
        impartial(case, by, parties)
        if not await quarantines.of_case(tx, case.id):
            message = f"No file of {case.number} is in quarantine."
            raise NotFound(message)
        return await self.end(tx, by, case, said)

    async def end(self, tx: Tx, by: str, case: Case, reason: str) -> Sequence[UnquarantineMedia]:
        """End what is in quarantine because of a case; what another case holds stays so."""
        held = await quarantines.of_case(tx, case.id)
        if not held:
            return ()
        free = [UnquarantineMedia(uri) for uri in await quarantines.end(tx, case.id)]
        self._setting.queue(tx, free, cause=f"quarantine {case.id}")
        self._remember(tx, by, "media:release", case, reason=reason, files=len(held))
        return free

    async def offer(self, tx: Tx, case: Case) -> None:
        """Say after a decision was overturned that its files are still withheld."""
        if await quarantines.of_case(tx, case.id):
            self._setting.tell_staff(
                tx,
                f"{case.number} was overturned, and its files are still in quarantine. To give them "
                f"free: !policy release-media {case.number} REASON",
                cause=f"quarantine {case.id}",
            )

    async def of(self, tx: Tx, case: Case) -> list[Quarantine]:
        """List the files that are withheld because of a case."""
        return await quarantines.of_case(tx, case.id)

    def _remember(self, tx: Tx, by: str, tag: str, case: Case, **payload: str | int) -> None:
        audit.append(tx, at=self._setting.now(), actor=by, tag=tag, object=case.number, **payload)
