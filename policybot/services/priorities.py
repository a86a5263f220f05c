"""Priorities: worked out anew whenever something is known of a case that was not known before."""

from collections.abc import Awaitable, Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace

from policybot.domain import priority as rules
from policybot.domain.case import Case
from policybot.domain.decision import Nature
from policybot.domain.priority import Priority, Sight, Standard
from policybot.services.setting import Setting
from policybot.store import cases, decisions, findings, reports
from policybot.store.database import Tx

Weigh = Callable[[Tx, AbstractSet[str]], Awaitable[Mapping[str, float]]]
"""Says of reporters, by name, how often they were right, between 0 and 1; of whom it says nothing, the
usual counts."""


async def _nothing_known(tx: Tx, reporters: AbstractSet[str]) -> Mapping[str, float]:
    """Stand in until somebody counts how often reporters were right."""
    del tx, reporters
    return {}


class Priorities:
    """The service for the order of the queue."""

    def __init__(self, setting: Setting) -> None:
        """Work in a setting."""
        self._setting = setting
        self.weigh: Weigh = _nothing_known

    async def of(self, tx: Tx, case: Case) -> Priority:
        """Work out how urgent a case is, from what is known of it now."""
        voices = await reports.voices(tx, case.id)
        weights = await self.weigh(tx, {voice.reporter for voice in voices})
        return rules.worked_out(
            self._standard(),
            case.opened_at,
            [replace(v, weight=weights.get(v.reporter, rules.USUAL)) for v in voices],
            [Sight(finding.rule_id, finding.at) for finding in await findings.of_case(tx, case.id)],
            held=any(d.nature is Nature.HOLD for d in await decisions.of_case(tx, case.id)),
        )

    async def renew(self, tx: Tx, case: Case) -> None:
        """Put a case into its place in the queue."""
        await cases.rank(tx, case.id, await self.of(tx, case))

    async def renew_of(self, tx: Tx, case_id: int) -> None:
        """Put a case into its place in the queue, by its number."""
        if (case := await cases.get(tx, case_id)) is not None:
            await self.renew(tx, case)

    def _standard(self) -> Standard:
        config = self._setting.config
        return Standard(
            {r.id: (r.harshest, r.look_within or config.cases.look_within) for r in config.rules},
            config.cases.unsorted,
            config.cases.look_within,
        )
