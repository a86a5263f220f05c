"""Handing statements of reasons over: in files of at most a hundred, each once, checked before."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from policybot.domain import statement_export as rules
from policybot.domain.statement_export import Request
from policybot.services.setting import Setting
from policybot.store import audit, names, statement_exports
from policybot.store.database import Tx, next_number
from policybot.store.statement_exports import Waiting


class FactsAs(StrEnum):
    """What is said of the facts."""

    MASKED = "masked"
    """What was written, without IDs, links, addresses and the names by which accounts are seen."""
    RULE = "rule"
    """Only which rule was broken."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Statements that are looked at together."""

    last: int
    """The number of the last decision; the next batch goes on behind it."""
    good: tuple[tuple[int, Request], ...]
    """Decisions, and what is handed over of each."""
    bad: tuple[tuple[str, tuple[str, ...]], ...]
    """Statements that the database would not take, by their numbers, and why."""
    exempt: int
    """Those that do not restrict anything, or of which the law asks none."""


class StatementExports:
    """The service that hands statements over."""

    def __init__(self, setting: Setting) -> None:
        """Work in these surroundings."""
        self._setting = setting

    async def count(self, tx: Tx, since: datetime, until: datetime) -> int:
        """Count what there is to look at."""
        return await statement_exports.count(tx, since, until)

    async def batch(
        self, tx: Tx, since: datetime, until: datetime, after: int, facts: FactsAs
    ) -> Batch | None:
        """Write the next statements as they would be handed over; None when there are no more."""
        found = await statement_exports.waiting(tx, since, until, after, rules.A_CALL)
        if not found:
            return None
        good, bad, exempt = [], [], 0
        for one in found:
            rule = self._setting.rule_of(one.rule_id)
            bulk = rule is not None and rule.deceptive_bulk
            if not one.reasons.restricts or not one.personal or bulk:
                exempt += 1
                continue
            category = (rule.category if rule else None) or one.reasons.category
            said = rules.by_rule(one.reasons.ground_name)
            if facts is FactsAs.MASKED:
                said = rules.masked(one.reasons.facts, await self._names(tx, one))
            request = rules.request(
                one.reasons,
                category=category,
                facts=said,
                keyword=rule.keyword if rule else None,
                title=rule.title if rule else "",
            )
            if faults := rules.faults(request):
                bad.append((one.reasons.puid, faults))
            else:
                good.append((one.decision_id, request))
        return Batch(found[-1].decision_id, tuple(good), tuple(bad), exempt)

    async def _names(self, tx: Tx, one: Waiting) -> tuple[str, ...]:
        """List the words by which those who are concerned are seen: front names, and parts of IDs."""
        local = [account[1:].partition(":")[0] for account in one.accounts]
        fronts = await names.of_accounts(tx, one.accounts)
        return (*local, *(front.text for of in fronts.values() for front in of.values()))

    async def hand_over(self, tx: Tx, batch: Batch, write: Callable[[str, list[Request]], None]) -> str:
        """Have a batch written to a file, and note it; the file is there before the note is.

        If anything breaks between the two, the same statements are written to the same file again.

        Args:
            tx: a transaction.
            batch: what is handed over.
            write: writes a file, whole or not at all, by its name.
        """
        file = f"statements-{await next_number(tx, 'statement_export'):06}.json"
        await statement_exports.handed_over(
            tx, [one for one, _ in batch.good], file, self._setting.now()
        )
        audit.append(
            tx,
            at=self._setting.now(),
            actor="system:cli",
            tag="statement:export",
            object=file,
            number=len(batch.good),
        )
        write(file, [request for _, request in batch.good])
        return file
