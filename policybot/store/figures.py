"""Figures for everybody: how much happened on each day, and what was published of it."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import lru_cache
from typing import Any

from policybot.domain import publication as rules
from policybot.domain.decision import Nature
from policybot.domain.figures import COUNTED, TOUCHES, Facts, Report
from policybot.domain.ladder import Scope, Severity
from policybot.domain.measure import Measure
from policybot.domain.mechanism import MACHINE
from policybot.domain.period import Period, parse
from policybot.domain.publication import Counts, Publication
from policybot.store.database import Row, Tx, from_ms, optional_time, to_ms


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the audit log that counts."""

    seq: int
    at: datetime
    tag: str
    object: str
    payload: Mapping[str, Any]
    """Empty where it was forgotten before it was counted."""

    @property
    def decision(self) -> int | None:
        """The decision that it is about, if it is about one."""
        if self.object.startswith("sanction "):
            return int(self.object.removeprefix("sanction "))
        found = self.payload.get("decision")
        return found if isinstance(found, int) else None

    @property
    def number(self) -> int:
        """The number in what it is about: of `C-12` or `R-12`."""
        return int(self.object.partition("-")[2])


# How far the log is counted ----------------------------------------------------------------------


async def behind(tx: Tx) -> int:
    """Say how many entries are not counted yet."""
    sql = "SELECT h.seq - r.seq AS value FROM audit_head h, figures_read r WHERE h.one = 1 AND r.one = 1"
    return int(await tx.value(sql))


async def take(tx: Tx, most: int) -> tuple[Entry, ...]:
    """Take the next entries to count, and note that they are; nobody else takes them."""
    # The row is locked first, so that of two processes the second sees what the first has taken.
    begin = int(await tx.value("UPDATE figures_read SET seq = seq WHERE one = 1 RETURNING seq AS value"))
    head = int(await tx.value("SELECT seq AS value FROM audit_head WHERE one = 1"))
    end = min(begin + most, head)
    await tx.execute("UPDATE figures_read SET seq = $1 WHERE one = 1", end)
    tags = sorted(COUNTED)
    rows = await tx.fetch(
        "SELECT a.seq, a.at, a.tag, a.object, p.payload FROM audit a"  # noqa: S608 - numbers alone
        " LEFT JOIN audit_payloads p ON p.seq = a.seq"
        f" WHERE a.seq > $1 AND a.seq <= $2 AND a.tag IN ({_places(3, tags)}) ORDER BY a.seq",
        begin,
        end,
        *tags,
    )
    return tuple(
        Entry(r["seq"], from_ms(r["at"]), r["tag"], r["object"], json.loads(r["payload"] or "{}"))
        for r in rows
    )


def _places(first: int, values: Collection[object]) -> str:
    return ", ".join(f"${n}" for n in range(first, first + len(values)))


async def facts(tx: Tx, ids: Collection[int]) -> dict[int, Facts]:
    """Read what counts of decisions."""
    if not ids:
        return {}
    rows = await tx.fetch(
        "SELECT d.id, d.nature, d.rule_id, d.scope, d.measure, d.severity, d.remove, d.publish,"  # noqa: S608 - numbers alone
        " d.approver, d.decider, d.decided_at, c.opened_at, s.ends_at, a.submitted_at,"
        " EXISTS (SELECT 1 FROM reports r WHERE r.case_id = d.case_id) AS reported,"
        " EXISTS (SELECT 1 FROM reports r WHERE r.case_id = d.case_id"
        " AND r.flagger IS NOT NULL) AS flagged,"
        " EXISTS (SELECT 1 FROM appeals o JOIN reports r ON r.id = o.report_id"
        " WHERE r.case_id = d.case_id AND o.about = 'outcome' AND o.state = 'overturned') AS objected,"
        " EXISTS (SELECT 1 FROM findings f WHERE f.case_id = d.case_id) AS found"
        " FROM decisions d JOIN cases c ON c.id = d.case_id"
        " LEFT JOIN sanctions s ON s.decision_id = d.id"
        " LEFT JOIN (SELECT decision_id, MAX(submitted_at) AS submitted_at FROM appeals"
        " GROUP BY decision_id) a ON a.decision_id = d.id"
        f" WHERE d.id IN ({_places(1, ids)})",
        *ids,
    )
    return {
        row["id"]: Facts(
            nature=Nature(row["nature"]),
            rule=row["rule_id"],
            scope=Scope(row["scope"]),
            kind=Measure.parse(row["measure"]).kind,
            severity=Severity(row["severity"]),
            removed=bool(row["remove"]),
            confirmed=row["approver"] is not None,
            listed=bool(row["publish"]),
            found=_found(row),
            opened_at=from_ms(row["opened_at"]),
            decided_at=from_ms(row["decided_at"]),
            ends_at=optional_time(row["ends_at"]),
            appealed_at=optional_time(row["submitted_at"]),
            flagged=bool(row["flagged"]),
            objected=bool(row["objected"]),
        )
        for row in rows
    }


def _found(row: Row) -> str:
    if row["decider"] == MACHINE:
        return "machine"
    if row["reported"]:
        return "report"
    return "rule" if row["found"] else "ours"


async def reports(tx: Tx, ids: Collection[int]) -> dict[int, Report]:
    """Read what counts of reports."""
    if not ids:
        return {}
    rows = await tx.fetch(
        "SELECT id, via, category, received_at, flagger FROM reports"  # noqa: S608 - numbers alone
        f" WHERE id IN ({_places(1, ids)})",
        *ids,
    )
    return {
        r["id"]: Report(r["via"], r["category"], from_ms(r["received_at"]), r["flagger"] is not None)
        for r in rows
    }


async def objected(tx: Tx, ids: Collection[int]) -> dict[tuple[int, object], datetime]:
    """Read when something about reports was objected to the last time, by report and what it was."""
    if not ids:
        return {}
    rows = await tx.fetch(
        "SELECT report_id, about, MAX(submitted_at) AS since FROM appeals"  # noqa: S608 - numbers alone
        f" WHERE report_id IN ({_places(1, ids)}) GROUP BY report_id, about",
        *ids,
    )
    return {(row["report_id"], row["about"]): from_ms(row["since"]) for row in rows}


async def first_touches(tx: Tx, ids: Collection[int]) -> dict[int, datetime]:
    """Of entries by which cases are taken up, find the first of their cases, and when those opened."""
    if not ids:
        return {}
    tags = sorted(TOUCHES)
    rows = await tx.fetch(
        "SELECT a.seq, c.opened_at FROM audit a"  # noqa: S608 - numbers alone
        " JOIN cases c ON c.id = CAST(SUBSTR(a.object, 3) AS INTEGER)"
        f" WHERE a.seq IN ({_places(len(tags) + 1, ids)}) AND NOT EXISTS (SELECT 1 FROM audit b"
        f" WHERE b.object = a.object AND b.seq < a.seq AND b.tag IN ({_places(1, tags)}))",
        *tags,
        *ids,
    )
    return {row["seq"]: from_ms(row["opened_at"]) for row in rows}


async def count(tx: Tx, numbers: Mapping[tuple[date, str, str], int]) -> None:
    """Let figures of days grow."""
    await tx.many(
        "INSERT INTO figures (day, population, cell, number) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (day, population, cell) DO UPDATE SET number = figures.number + excluded.number",
        [(_day(day), *cell, n) for (day, *cell), n in sorted(numbers.items())],
    )


def _day(day: date) -> int:
    return to_ms(datetime.combine(day, time(), UTC))


# What was published ------------------------------------------------------------------------------


async def first_day(tx: Tx) -> date | None:
    """Find the first day on which something happened; None if nothing ever did."""
    found = await tx.value("SELECT MIN(day) AS value FROM figures")
    return None if found is None else from_ms(found).date()


async def counts(tx: Tx, period: Period) -> Counts:
    """Add up the figures of a period."""
    rows = await tx.fetch(
        "SELECT population, cell, SUM(number) AS number FROM figures"
        " WHERE day >= $1 AND day < $2 GROUP BY population, cell",
        _day(period.start),
        _day(period.end),
    )
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for row in rows:
        found[row["population"]][row["cell"]] = int(row["number"])
    return found


async def last_period(tx: Tx) -> Period | None:
    """Name the last period that was published."""
    found = await tx.value("SELECT period AS value FROM publications ORDER BY start DESC LIMIT 1")
    return None if found is None else parse(found)


async def publish(tx: Tx, publication: Publication, at: datetime) -> str | None:
    """Keep what is published of a period; give its fingerprint, or None if another process was first."""
    (period,) = publication.periods
    text = rules.dump(publication)
    fingerprint = hashlib.sha256(text.encode()).hexdigest()
    row = await tx.first(
        "INSERT INTO publications (start, period, data, hash, at) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (start) DO NOTHING RETURNING start",
        _day(period.start),
        period.name,
        text,
        fingerprint,
        to_ms(at),
    )
    return None if row is None else fingerprint


async def published(tx: Tx) -> list[Publication]:
    """Read all that was published, the oldest first."""
    rows = await tx.fetch("SELECT data FROM publications ORDER BY start")
    return [_read(row["data"]) for row in rows]


@lru_cache(maxsize=256)
def _read(data: str) -> Publication:
    return rules.load(data)
