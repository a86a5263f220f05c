"""Backtests: what was decided within a time is proposed anew by a changed ladder, and put on record."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from policybot.domain import backtest as rules
from policybot.domain.backtest import Past, Result
from policybot.domain.errors import NotFound, OutOfOrder
from policybot.domain.ladder import Ladder
from policybot.domain.policy import COMING, Version
from policybot.services.policies import NOUN, Policies
from policybot.services.policy_words import in_words
from policybot.services.setting import Setting
from policybot.store import audit, backtests, policies
from policybot.store.backtests import Backtest
from policybot.store.database import Database, Tx, next_number

SINCE = timedelta(days=90)
"""How far back a backtest looks that was asked for by chat."""

Told = Callable[[int, int], None]


def nobody_looks(done: int, total: int) -> None:
    """Stand in where nobody looks at the progress."""


class Backtests:
    """The service for backtests."""

    def __init__(self, setting: Setting, versions: Policies) -> None:
        """Find versions as the service for them does."""
        self._setting = setting
        self._policies = versions

    async def ask(self, tx: Tx, by: str, text: str) -> str:
        """Note that somebody wants a version to be tested; the clock does it.

        Raises:
            OutOfOrder: it is in force, was, or is withdrawn.
        """
        version = await self._policies.find(tx, text)
        check_testable(version)
        await policies.ask_test(tx, version.hash, by)
        return (
            f"I propose anew, by version {version.name}, what was decided within {SINCE.days} days. "
            "What comes of it stands in the review room in a moment. Nothing changes for anybody."
        )

    async def some(self, database: Database) -> None:
        """Make the tests that people asked for."""
        async with database.transaction(reading=True) as tx:
            wanted = await policies.tests_wanted(tx)
        for version, by in wanted:
            since = self._setting.now() - SINCE
            result = await self.run(database, version.ladder, since)
            async with database.transaction() as tx:
                if not await policies.tested(tx, version.hash):
                    continue  # another process has made it meanwhile
                try:
                    test = await self.record(tx, by, version.hash, since, result)
                    said = (
                        f"Version {version.name} of the ladder, tested for {by}.\n{in_words(test)}\n"
                        f"What is next: !policy ladder {version.name}"
                    )
                except OutOfOrder as late:
                    said = str(late)
                self._setting.tell_staff(tx, said, cause=f"{NOUN} {version.short}")

    async def run(
        self, database: Database, ladder: Ladder, since: datetime, told: Told = nobody_looks
    ) -> Result:
        """Propose anew, by a ladder, what was decided since a time; nothing is written."""
        pasts: list[Past] = []
        async with database.transaction(reading=True) as tx:
            known = await policies.ladders(tx)
            versions = [ladder, *known.values()]
            longest = max(weight.expires for one in versions for weight in one.severities.values())
            total = await backtests.count(tx, since - longest)
            async for page in backtests.pasts(tx, since - longest):
                pasts += page
                told(len(pasts) // 2, total)  # the other half is the proposing

        def step(done: int) -> None:
            told((total + done) // 2, total)

        # Apart from everybody who waits for an answer.
        return await asyncio.to_thread(rules.replay, pasts, known, ladder, since, told=step)

    async def record(self, tx: Tx, by: str, digest: str, since: datetime, result: Result) -> Backtest:
        """Put the result for a version on record, by which it can be proposed.

        Raises:
            NotFound: it is no version on record.
            OutOfOrder: it is in force, was, or is withdrawn.
        """
        version, base = await policies.get(tx, digest), await policies.live_hash(tx)
        if version is None or base is None:
            message = "This ladder is not on record."
            raise NotFound(message)
        check_testable(version)
        now = self._setting.now()
        test = Backtest(await next_number(tx, "backtest"), digest, base, since, now, by, result)
        await backtests.add(tx, test)
        audit.append(
            tx,
            at=now,
            actor=by,
            tag=f"{NOUN}:test",
            object=f"{NOUN} {version.name}",
            hash=digest,
            base=base,
            test=test.number,
            decisions=result.decisions,
            milder=result.milder,
            harsher=result.harsher,
        )
        return test


def check_testable(version: Version) -> None:
    """Check that a test of a version could be of use.

    Raises:
        OutOfOrder: it is in force, was, or is withdrawn.
    """
    if version.state not in COMING:
        message = f"Version {version.name} is {version.in_words}, so there is nothing to test."
        raise OutOfOrder(message)
