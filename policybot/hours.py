"""What is due by the clock: measures that end, notices that are owed, what is forgotten in time."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from policybot.matrix.commands.command import Services
from policybot.ports import IdentityProvider, ListReader, RoomLook
from policybot.services.revalidation import Revalidation
from policybot.services.setting import Setting
from policybot.store import standing
from policybot.store.database import Database, Tx
from policybot.store.policies import Unreadable

TICK = 15.0
"""Seconds between looks at the clock: a sanction ends at most this late, and a little."""
_REMEMBER_CHANGES = timedelta(days=1)

Due = Callable[[Tx], Awaitable[object]]


class Hours:
    """Does what is due, in the order in which it protects people."""

    def __init__(
        self,
        setting: Setting,
        database: Database,
        services: Services,
        ways: Callable[[], Sequence[IdentityProvider]],
    ) -> None:
        """Work with all services; `ways` gives the sources of identities, which are asked again."""
        self._setting = setting
        self._database = database
        self._services = services
        self._ways = ways
        self._revalidation = Revalidation(setting, services.members)
        self.look: RoomLook | None = None
        """Looks at governed rooms, once there is a homeserver."""
        self.lists: ListReader | None = None
        """Reads policy lists of others, once there is a homeserver."""

    async def tick(self) -> None:
        """Do what is due by the clock."""
        services = self._services
        ending: tuple[Callable[[Tx], Awaitable[int]], ...] = (
            services.sanctions.end_due,
            services.filings.expire,
            services.qualifications.expire,
            services.deadlines.free,
        )
        unreadable = await self._policies()
        for end in ending:
            while True:
                async with self._database.transaction() as tx:
                    if await end(tx) == 0:
                        break
        # Each in a transaction of its own: a notice that is owed must not wait for anything else.
        owed: tuple[Callable[[Tx], Awaitable[object]], ...] = (
            services.sanctions.tell_late,
            services.looks.tell_due,
            services.referrals.tell_due,
            services.referrals.watch,
            services.objections.call_late,
            services.reveals.watch,
            services.privacy.end_holds,
            services.privacy.erase_due,
            services.labels.mend,
            services.filings.remind,
            services.qualifications.remind,
            services.transfers.forget_unanswered,
            services.cures.tick,
            services.replacements.tick,
            services.deletions.tick,
            services.deputies.watch,
            services.vacancies.watch,
            services.deadlines.call,
            services.deadlines.call_for_cases,
            services.hearings.call,
            services.reporters.end_due,
        )
        for due in owed:
            async with self._database.transaction() as tx:
                await due(tx)
        async with self._database.transaction() as tx:
            await services.approvals.expire(tx)
            await services.members.lapse(tx)
            await services.names.obey(tx)
            await services.names.tell_alike(tx)
            await services.licences.remind(tx)
            await services.verifications.sweep(tx)
            await services.results.sweep(tx)
            await services.roster.strike_off(tx)
            await standing.forget_before(tx, self._setting.now() - _REMEMBER_CHANGES)
            await services.refusals.sweep(tx)
            await services.documents.expire(tx)
            await services.documents.sweep(tx)
            await services.evidence.sweep(tx)
            await services.drafts.sweep(tx)
            await services.openings.sweep(tx)
            await services.desks.sweep(tx)
            await services.intake.sweep(tx)
            await services.consoles.sweep(tx)
        await services.messages.sweep(self._database)
        await self._announce()
        await services.backtests.some(self._database)
        await services.figures.tick(self._database)
        await services.retention.tick(self._database)
        await services.checkpoints.tick(self._database)
        # Last, for the homeserver and the sources are asked over the network.
        if self.look is not None:
            await services.drift.some(self._database, self.look)
            await services.watches.some(self._database, self.look)
        await self._revalidation.some(self._database, self._ways())
        if self.lists is not None:
            await services.policy_lists.some(self._database, self.lists)
        if unreadable is not None:
            raise unreadable

    async def _policies(self) -> Unreadable | None:
        """Look after the ladder; that the one in force cannot be read stops nothing else."""
        try:
            async with self._database.transaction() as tx:
                await self._services.policies.tick(tx)
        except Unreadable as problem:
            return problem
        return None

    async def _announce(self) -> None:
        """Tell the next people of a changed agreement or ladder, if the outbox has room."""
        announcements = self._services.announcements
        async with self._database.transaction(reading=True) as tx:
            occasion = await announcements.due(tx)
        if occasion is not None:
            async with self._database.transaction() as tx:
                await announcements.tell(tx, occasion)
        async with self._database.transaction(reading=True) as tx:
            version = await self._services.tellings.due(tx)
        if version is not None:
            async with self._database.transaction() as tx:
                await self._services.tellings.tell(tx, version)
