"""Findings: what rules found by machine, in which events, and what followed."""

import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from policybot.domain.gate import Span
from policybot.store.database import Row, Tx, from_ms, to_ms


class Outcome(StrEnum):
    """What followed a finding."""

    COUNTED = "counted"
    """Nothing: the rule is in shadow."""
    REPORTED = "reported"
    """It is in a case, for people."""
    ACTED = "acted"
    """The rule acted by itself."""
    STOPPED = "stopped"
    """It is in a case because the rule has acted too often to go on by itself."""


@dataclass(frozen=True, slots=True)
class Finding:
    """That a rule applies to an event."""

    event_id: str
    rule_id: str
    room_id: str
    user_id: str
    rule_set: str
    spans: tuple[Span, ...]
    at: datetime
    outcome: Outcome = Outcome.COUNTED
    case_id: int | None = None


@dataclass(frozen=True, slots=True)
class Stats:
    """How often a rule applied since a time, and what people made of it."""

    rule_id: str
    outcomes: dict[str, int]
    people: int
    decided: int
    """Cases in which people or the rule found a breach that still stands."""
    dismissed: int
    """Cases in which people found no breach, or the decision was overturned."""


async def add(tx: Tx, finding: Finding) -> bool:
    """Save a finding; False if it is on record already."""
    row = await tx.first(
        "INSERT INTO findings (event_id, rule_id, room_id, user_id, rule_set, spans, outcome, case_id,"
        " at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
        " ON CONFLICT (event_id, rule_id) DO NOTHING RETURNING id",
        finding.event_id,
        finding.rule_id,
        finding.room_id,
        finding.user_id,
        finding.rule_set,
        json.dumps(finding.spans),
        finding.outcome.value,
        finding.case_id,
        to_ms(finding.at),
    )
    return row is not None


async def settle(tx: Tx, finding: Finding, outcome: Outcome, case_id: int) -> None:
    """Note what followed a finding."""
    await tx.execute(
        "UPDATE findings SET outcome = $1, case_id = $2 WHERE event_id = $3 AND rule_id = $4",
        outcome.value,
        case_id,
        finding.event_id,
        finding.rule_id,
    )


async def incident(tx: Tx, finding: Finding, since: datetime) -> int | None:
    """Find the undecided case that the same rule has led to about the same person in the same room."""
    value = await tx.value(
        "SELECT MAX(c.id) AS value FROM findings f JOIN cases c ON c.id = f.case_id"
        " WHERE f.rule_id = $1 AND f.room_id = $2 AND f.user_id = $3 AND f.at >= $4"
        " AND c.state IN ('open', 'claimed', 'pending_approval')",
        finding.rule_id,
        finding.room_id,
        finding.user_id,
        to_ms(since),
    )
    return None if value is None else int(value)


async def count(tx: Tx, rule_id: str, outcome: Outcome, since: datetime) -> int:
    """Count the findings of a rule that had an outcome since a time."""
    return int(
        await tx.value(
            "SELECT COUNT(*) AS value FROM findings WHERE rule_id = $1 AND outcome = $2 AND at > $3",
            rule_id,
            outcome.value,
            to_ms(since),
        )
    )


async def acted_on(tx: Tx, since: datetime, rule_id: str | None = None) -> set[str]:
    """Name the people on whom rules, or one rule, acted by themselves since a time."""
    rows = await tx.fetch(
        "SELECT DISTINCT user_id FROM findings WHERE outcome = 'acted' AND at > $1"
        " AND rule_id = COALESCE($2, rule_id)",
        to_ms(since),
        rule_id,
    )
    return {row["user_id"] for row in rows}


async def of_case(tx: Tx, case_id: int) -> list[Finding]:
    """List the findings in a case, oldest first."""
    rows = await tx.fetch("SELECT * FROM findings WHERE case_id = $1 ORDER BY id", case_id)
    return [_finding(row) for row in rows]


async def stats(tx: Tx, since: datetime) -> list[Stats]:
    """Count the findings of each rule since a time, and how their cases ended."""
    counted: dict[str, dict[str, int]] = {}
    for row in await tx.fetch(
        "SELECT rule_id, outcome, COUNT(*) AS number FROM findings WHERE at > $1"
        " GROUP BY rule_id, outcome",
        to_ms(since),
    ):
        counted.setdefault(row["rule_id"], {})[row["outcome"]] = int(row["number"])
    people = {
        row["rule_id"]: int(row["number"])
        for row in await tx.fetch(
            "SELECT rule_id, COUNT(DISTINCT user_id) AS number FROM findings WHERE at > $1"
            " GROUP BY rule_id",
            to_ms(since),
        )
    }
    ended: dict[str, tuple[int, int]] = {}
    for row in await tx.fetch(
        "SELECT rule_id, SUM(stands) AS decided, SUM(1 - stands) AS dismissed FROM ("
        " SELECT DISTINCT f.rule_id AS rule_id, f.case_id AS case_id, CASE WHEN EXISTS (SELECT 1"
        " FROM decisions d WHERE d.case_id = f.case_id AND d.state IN ('final', 'under_appeal',"
        " 'upheld')) THEN 1 ELSE 0 END AS stands FROM findings f JOIN cases c ON c.id = f.case_id"
        " WHERE f.at > $1 AND c.state = 'closed') AS x GROUP BY rule_id",
        to_ms(since),
    ):
        ended[row["rule_id"]] = int(row["decided"]), int(row["dismissed"])
    return [
        Stats(rule_id, outcomes, people[rule_id], *ended.get(rule_id, (0, 0)))
        for rule_id, outcomes in sorted(counted.items())
    ]


async def by_rule(tx: Tx) -> dict[str, set[str]]:
    """Name the kept events to which each rule was found to apply."""
    found: dict[str, set[str]] = {}
    for row in await tx.fetch(
        "SELECT f.rule_id, f.event_id FROM findings f JOIN copies e ON e.event_id = f.event_id"
    ):
        found.setdefault(row["rule_id"], set()).add(row["event_id"])
    return found


def _finding(row: Row) -> Finding:
    return Finding(
        event_id=row["event_id"],
        rule_id=row["rule_id"],
        room_id=row["room_id"],
        user_id=row["user_id"],
        rule_set=row["rule_set"],
        spans=tuple((text, begin, end) for text, begin, end in json.loads(row["spans"])),
        at=from_ms(row["at"]),
        outcome=Outcome(row["outcome"]),
        case_id=row["case_id"],
    )
