"""What is due by the clock: measures that end, notices that are owed, what is forgotten in time."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial

from policybot.matrix.commands.command import Services
from policybot.ports import IdentityProvider, ListReader, RoomLook
from policybot.services.revalidation import Revalidation
from policybot.services.setting import Setting
from policybot.store import standing
from policybot.store.database import Database, DatabaseAway, Stale, Tx

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
        """Do what is due by the clock; what fails holds up nothing else, and is tried at the next tick.

        Raises:
            DatabaseAway: the database is, and nothing can be done.
            Exception: what failed; several as one group.
        """
        failed: list[Exception] = []
        for work in self._due():
            try:
                await work()
            except Exception as error:
                if isinstance(error, DatabaseAway) and not isinstance(error, Stale):
                    raise
                failed.append(error)
        if len(failed) > 1:
            message = "several things that are due"
            raise ExceptionGroup(message, failed)
        if failed:
            raise failed[0]

    def _due(self) -> Iterator[Callable[[], Awaitable[object]]]:
        """Name what may be due, each with transactions of its own; what protects people comes first."""
        services, database = self._services, self._database
        yield partial(self._once, services.policies.tick)
        for end in (
            services.sanctions.end_due,
            services.filings.expire,
            services.qualifications.expire,
            services.deadlines.free,
        ):
            yield partial(self._all, end)
        for due in (
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
            services.approvals.expire,
            services.members.lapse,
            services.names.obey,
            services.names.tell_alike,
            services.licences.remind,
            services.verifications.sweep,
            services.results.sweep,
            services.roster.strike_off,
            self._forget_changes,
            services.refusals.sweep,
            services.documents.expire,
            services.documents.sweep,
            services.evidence.sweep,
            services.drafts.sweep,
            services.openings.sweep,
            services.desks.sweep,
            services.intake.sweep,
            services.consoles.sweep,
        ):
            yield partial(self._once, due)
        yield partial(services.messages.sweep, database)
        yield self._announce
        yield self._tell
        yield partial(services.backtests.some, database)
        yield partial(services.figures.tick, database)
        yield partial(services.retention.tick, database)
        yield partial(services.checkpoints.tick, database)
        # Last, for the homeserver and the sources are asked over the network.
        if self.look is not None:
            yield partial(services.drift.some, database, self.look)
            yield partial(services.watches.some, database, self.look)
        yield self._revalidate
        if self.lists is not None:
            yield partial(services.policy_lists.some, database, self.lists)

    async def _once(self, due: Due) -> None:
        """Do something in a transaction of its own."""
        async with self._database.transaction() as tx:
            await due(tx)

    async def _all(self, end: Callable[[Tx], Awaitable[int]]) -> None:
        """Do something until nothing of it is left, some at a time."""
        while True:
            async with self._database.transaction() as tx:
                if await end(tx) == 0:
                    return

    async def _revalidate(self) -> None:
        """Ask the sources of identities again."""
        await self._revalidation.some(self._database, self._ways())

    async def _forget_changes(self, tx: Tx) -> None:
        """Forget what changed of who may publish where: all have heard of it by then."""
        await standing.forget_before(tx, self._setting.now() - _REMEMBER_CHANGES)

    async def _announce(self) -> None:
        """Tell the next people of a changed agreement, if the outbox has room."""
        announcements = self._services.announcements
        async with self._database.transaction(reading=True) as tx:
            occasion = await announcements.due(tx)
        if occasion is not None:
            async with self._database.transaction() as tx:
                await announcements.tell(tx, occasion)

    async def _tell(self) -> None:
        """Tell the next people of a changed ladder, if the outbox has room."""
        async with self._database.transaction(reading=True) as tx:
            version = await self._services.tellings.due(tx)
        if version is not None:
            async with self._database.transaction() as tx:
                await self._services.tellings.tell(tx, version)
