"""Revalidation: from time to time a source is asked whether what it vouched for still holds."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta

from policybot.config.keys import KeyMissing
from policybot.domain.identity import Still, Verification
from policybot.domain.private import Private
from policybot.ports import Revalidating, SourceAway
from policybot.services.members import Members
from policybot.services.setting import Setting
from policybot.store import members
from policybot.store.database import Database, Tx

log = logging.getLogger(__name__)

_AT_ONCE = 5
"""How many are asked about at a time: the clock waits for them, and each may take seconds."""
_ASK_AGAIN_AFTER = timedelta(hours=6)
"""When the source was away, or we were stopped before it answered."""
_WHY = "its source no longer vouches for it"


class Revalidation:
    """The service for revalidation."""

    def __init__(self, setting: Setting, people: Members) -> None:
        """End with the members' service what no longer holds."""
        self._setting = setting
        self._members = people

    async def some(self, database: Database, ways: Sequence[object]) -> int:
        """Ask about some verifications that are due; return how many there were.

        Those by a way that cannot be asked count as asked: they hold until their time is over.
        """
        every = self._setting.config.identity.revalidate_every
        if every is None:
            return 0
        now = self._setting.now()
        # Stamped before they are asked about, so that two processes do not ask the same.
        stamp = now - every + min(_ASK_AGAIN_AFTER, every / 2)
        async with database.transaction() as tx:
            due = await members.take_to_check(tx, now - every, stamp, _AT_ONCE)
            kept = [await self._kept(tx, verification) for verification in due]
        answers = await asyncio.gather(
            *(_ask(ways, one, again) for one, again in zip(due, kept, strict=True))
        )
        for verification, still in zip(due, answers, strict=True):
            if still is not None:
                async with database.transaction() as tx:
                    await self._note(tx, verification, still)
        return len(due)

    async def _kept(self, tx: Tx, verification: Verification) -> Private | None:
        try:
            return await self._members.again(tx, verification)
        except KeyMissing as error:
            log.warning("A verification cannot be checked: %s", error)
            return None

    async def _note(self, tx: Tx, verification: Verification, still: Still) -> None:
        """Note an answer; what is gone ends, unless that becomes too much to be true."""
        now = self._setting.now()
        if still is Still.GONE:
            most = self._setting.config.identity.revalidate_most
            ended = await members.count_ended(tx, _WHY, now - timedelta(days=1))
            if ended >= most:
                return  # it is asked about again later
            if ended + 1 == most:
                self._call(tx, most)
        # Renewed meanwhile, it is another verification, and this answer is not about it.
        current = await members.note_checked(tx, verification.id, now)
        if current and still is Still.GONE:
            await self._members.end_verification(
                tx, verification.person_id, verification.source, verification.realm, _WHY
            )

    def _call(self, tx: Tx, most: int) -> None:
        """Call people: a source that suddenly knows nobody is more likely to be mistaken."""
        self._setting.tell_staff(
            tx,
            f"Sources no longer vouch for {most} persons within a day, and their verifications have "
            "ended. No more of them end today. If that is right, nothing is to be done: it goes on "
            "tomorrow. If not, please tell the operator: identity.revalidate_every can be set to null.",
            cause="revalidation",
        )


async def _ask(ways: Sequence[object], one: Verification, again: Private | None) -> Still | None:
    """Ask the way that a verification came by; None if it cannot be asked now."""
    for way in ways:
        if isinstance(way, Revalidating) and (way.source, way.realm) == (one.source, one.realm):
            try:
                return await way.revalidate(one, again)
            except SourceAway as error:
                log.warning("A verification by %s cannot be checked now: %s", one.source, error)
                return None
    return Still.UNKNOWN
