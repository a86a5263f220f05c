"""Figures for everybody: counted from the audit log as it grows, and published when a period is over."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from policybot.domain import figures as rules
from policybot.domain import publication
from policybot.domain.errors import NotFound
from policybot.domain.figures import Counted, Facts, Report
from policybot.domain.period import Grain, Period, around, following, parse
from policybot.domain.publication import Publication
from policybot.domain.sanction import State
from policybot.services.setting import Setting
from policybot.store import audit, figures
from policybot.store.database import Database, Tx
from policybot.store.figures import Entry

BATCH = 1000
"""Entries that are counted in one transaction."""
_MOST = 50
"""Transactions of that kind in one tick."""
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_SETTLED = timedelta(days=1)
"""How long after its end a period is published: whatever was begun in it is recorded by then."""
ALL = "all"
_OVER = frozenset({State.ENDED.value, State.LIFTED.value})
"""Where a measure stands that binds no more; it can still be void."""


@dataclass(frozen=True, slots=True)
class View:
    """What everybody may read of a period."""

    name: str
    title: str
    publication: Publication
    offered: tuple[tuple[str, str], ...]
    """The periods that can be read, each by its name and title, the newest first."""
    complete: bool
    """Whether all of it is published."""


class Figures:
    """The service for figures."""

    def __init__(self, setting: Setting) -> None:
        """Work in these surroundings."""
        self._setting = setting

    # Counting ------------------------------------------------------------------------------------

    async def tick(self, database: Database) -> None:
        """Count what is new in the audit log, and publish what is over."""
        for _ in range(_MOST):
            async with database.transaction(reading=True) as tx:
                behind = await figures.behind(tx)
            if behind == 0:
                break
            async with database.transaction() as tx:
                await self.follow(tx)
        else:
            return  # what is not counted cannot be published
        async with database.transaction(reading=True) as tx:
            if await self._next(tx) is None:
                return
        async with database.transaction() as tx:
            await self.publish_due(tx)

    async def follow(self, tx: Tx) -> int:
        """Count the next entries, each once; give how many were looked at."""
        entries = await figures.take(tx, BATCH)
        numbers: Counter[tuple[date, str, str]] = Counter()
        for entry, counted in await _counted(tx, entries):
            day = entry.at.date()
            numbers.update((day, *key) for key in counted.keys(day))
        await figures.count(tx, numbers)
        return len(entries)

    # Publishing ----------------------------------------------------------------------------------

    async def publish_due(self, tx: Tx) -> None:
        """Publish every period that is over, once."""
        while (period := await self._next(tx)) is not None:
            config = self._setting.config
            made = publication.publish(
                period,
                await figures.counts(tx, period),
                [*(rule.id for rule in config.rules), "unsorted"],
                config.transparency.fewest,
            )
            now = self._setting.now()
            fingerprint = await figures.publish(tx, made, now)
            if fingerprint is None:
                return
            audit.append(
                tx,
                at=now,
                actor="system:clock",
                tag="figures:publish",
                object=period.name,
                sha256=fingerprint,
            )

    async def _next(self, tx: Tx) -> Period | None:
        wanted = self._setting.config.transparency.finest
        last = await figures.last_period(tx)
        if last is not None:
            period = following(last, wanted)
        else:
            first = await figures.first_day(tx)
            if first is None:
                return None
            period = around(first, wanted)
        settled = (self._setting.now() - _SETTLED).date()
        return period if period.end <= settled else None

    def due(self) -> date:
        """Say when the running period is published."""
        running = around(self._setting.now().date(), self._setting.config.transparency.finest)
        return running.end + _SETTLED

    # Reading -------------------------------------------------------------------------------------

    async def view(self, tx: Tx, text: str = "") -> View | None:
        """Show the figures of a period: of the last year if none is named; None before the first.

        Raises:
            NotFound: there are none of that period.
        """
        found = await figures.published(tx)
        if not found:
            return None
        offered = _offered(found)
        name = text.strip().upper().replace("ALL", ALL) or offered[0][0]
        if name == ALL:
            return View(ALL, "All years", publication.together(found), offered, complete=True)
        if name not in dict(offered):
            known = ", ".join(one for one, _ in offered[:6])
            message = f"There are no figures of that period. There are some of: {known}."
            raise NotFound(message)
        period = parse(name)
        parts = [one for one in found if period.covers(one.periods[0])]
        complete = parts[-1].periods[0].end == period.end
        return View(period.name, period.title, publication.together(parts), offered, complete)


async def _counted(tx: Tx, entries: Sequence[Entry]) -> list[tuple[Entry, Counted]]:
    """Look up what the entries are about, all at once, and say where each counts."""
    decided = await figures.facts(tx, {e.decision for e in entries if e.decision is not None})
    about = {"report:receive", *rules.OBJECTIONS}
    reports = await figures.reports(tx, {e.number for e in entries if e.tag in about})
    objected = await figures.objected(tx, {e.number for e in entries if e.tag in rules.OBJECTIONS})
    touched = await figures.first_touches(tx, [e.seq for e in entries if e.tag in rules.TOUCHES])

    def of(entry: Entry) -> Iterable[Counted]:
        if (opened := touched.get(entry.seq)) is not None:
            yield rules.of_touch(opened, entry.at)
        facts = decided.get(entry.decision or 0)
        if entry.tag in rules.OBJECTIONS:
            # Of one that is forgotten nobody knows when it came, but that it was long ago.
            since = objected.get((entry.number, entry.payload.get("about")), _LONG_AGO)
            yield rules.of_objection(entry.tag, reports.get(entry.number), entry.at - since)
        elif (alone := _alone(entry, facts, reports)) is not None:
            yield alone
        elif facts is not None and entry.payload.get("was") not in _OVER:
            # What had stopped binding before was counted then.
            yield from rules.of_decision(entry.tag, facts, entry.at)

    return [(entry, one) for entry in entries for one in of(entry)]


def _alone(entry: Entry, facts: Facts | None, reports: Mapping[int, Report]) -> Counted | None:
    """Say where an entry counts that counts in one place, whatever is decided."""
    if entry.tag == rules.APPEALED:
        return rules.of_appeal(facts)
    if entry.tag == "referral:hand_over":
        return rules.of_referral(entry.payload)
    if entry.tag == "report:receive" and (report := reports.get(entry.number)) is not None:
        return rules.of_report(report, entry.at)
    return rules.plain(entry.tag)


def _offered(found: Sequence[Publication]) -> tuple[tuple[str, str], ...]:
    periods = [one.periods[0] for one in found]
    longer = {
        around(p.start, grain) for p in periods for grain in Grain if grain.months >= p.grain.months
    }
    ordered = sorted(longer, key=lambda p: (-p.start.year, -p.grain.months, -p.start.month))
    return (*((p.name, p.title) for p in ordered), (ALL, "All years"))
