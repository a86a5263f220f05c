"""Retention: what has had its time goes, a little at each look at the clock."""

from collections.abc import Callable
from datetime import timedelta

from policybot.domain.retention import RULES, Rule
from policybot.services.copies import RULE as COPIES
from policybot.services.copies import Copies
from policybot.services.setting import Setting
from policybot.store import audit, retention
from policybot.store.database import Database, Tx
from policybot.store.retention import Due

_BATCH = 200
"""Rows at a time, so that nobody waits for it."""
_EVERY = timedelta(hours=1)


class Retention:
    """The service for the end of records."""

    def __init__(self, setting: Setting, kept: Copies) -> None:
        """Keep to the times of the configuration; copies have keys that are destroyed."""
        self._copies = kept
        self._setting = setting
        self._spans = setting.config.privacy.spans()
        self._next = setting.now()

    async def due(self, tx: Tx) -> list[Due]:
        """Say how much has had its time, and change nothing."""
        now = self._setting.now()
        appealable = now - self._setting.ladder.appeal_window
        return [
            await retention.due(tx, rule, now - self._spans[rule.name], appealable) for rule in RULES
        ]

    async def sweep(self, tx: Tx, rule: Rule) -> int:
        """Do what a rule says to some rows; return how many there were."""
        now = self._setting.now()
        before = now - self._spans[rule.name]
        if rule.name == COPIES:
            number = await self._copies.sweep(tx, rule, before, _BATCH)
        else:
            number = await retention.apply(tx, rule, before, now, _BATCH)
        if number:
            audit.append(
                tx,
                at=self._setting.now(),
                actor="system:clock",
                tag="privacy:sweep",
                object=rule.name,
                rows=number,
            )
        return number

    async def tick(self, database: Database) -> None:
        """Sweep one batch of each kind: once an hour, and again soon while there is more."""
        if self._setting.now() < self._next:
            return
        more = False
        for rule in RULES:
            async with database.transaction() as tx:
                more |= await self.sweep(tx, rule) == _BATCH
        if not more:
            self._next = self._setting.now() + _EVERY

    async def sweep_all(
        self, database: Database, progress: Callable[[str, int], None]
    ) -> dict[str, int]:
        """Sweep everything that has had its time; return how many rows by the rules' names."""
        swept: dict[str, int] = {}
        for rule in RULES:
            number = _BATCH
            while number == _BATCH:
                async with database.transaction() as tx:
                    number = await self.sweep(tx, rule)
                swept[rule.name] = swept.get(rule.name, 0) + number
                progress(rule.name, number)
        return swept
