"""Decisions with their statements of reasons, and approvals that wait for a second person."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from policybot.domain.decision import Approval, Decision, Nature, State
from policybot.domain.ladder import History, Scope, Severity
from policybot.domain.measure import Measure
from policybot.domain.notice import Statement
from policybot.store.database import (
    Row,
    Stale,
    Tx,
    from_ms,
    optional_ms,
    optional_time,
    span_ms,
    to_ms,
)


async def add(tx: Tx, decision: Decision, statement: Statement) -> None:
    """Save a new decision with its statement; without one it cannot be saved."""
    await tx.execute(
        "INSERT INTO decisions (id, case_id, state, policy_hash, rule_id, scope, scope_key,"
        " severity, history, measure, remove, facts, explanation, statement, occurred_at,"
        " decided_at, decider, user_id, room_id, supersedes, nature, factors, why, typed, language,"
        " approver, evidence, span, publish)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,"
        " $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29)",
        decision.id,
        decision.case_id,
        decision.state.value,
        decision.policy_hash,
        decision.rule_id,
        decision.scope.value,
        decision.scope_key,
        decision.severity.value,
        decision.history.value,
        str(decision.measure),
        int(decision.remove),
        decision.facts,
        json.dumps(decision.explanation),
        json.dumps({part: getattr(statement, part) for part in Statement.__slots__}),
        to_ms(decision.occurred_at),
        to_ms(decision.decided_at),
        decision.decider,
        decision.user_id,
        decision.room_id,
        decision.supersedes,
        decision.nature.value,
        json.dumps(sorted(decision.factors)),
        decision.why,
        decision.typed,
        decision.language,
        decision.approver,
        decision.evidence,
        None if decision.span is None else span_ms(decision.span),
        int(decision.publish),
    )


async def save(tx: Tx, decision: Decision) -> None:
    """Save what a decision has become.

    Raises:
        Stale: somebody else changed it meanwhile.
    """
    row = await tx.first(
        "UPDATE decisions SET state = $1, approver = $2, told_at = $3, read_at = $4,"
        " decided_at = $5, version = version + 1 WHERE id = $6 AND version = $7 RETURNING id",
        decision.state.value,
        decision.approver,
        optional_ms(decision.told_at),
        optional_ms(decision.read_at),
        to_ms(decision.decided_at),
        decision.id,
        decision.version,
    )
    if row is None:
        raise Stale(decision.number)


async def get(tx: Tx, decision_id: int) -> Decision | None:
    """Read a decision."""
    row = await tx.first("SELECT * FROM decisions WHERE id = $1", decision_id)
    return None if row is None else _decision(row)


async def of_case(tx: Tx, case_id: int) -> list[Decision]:
    """List the decisions in a case, oldest first."""
    rows = await tx.fetch("SELECT * FROM decisions WHERE case_id = $1 ORDER BY id", case_id)
    return [_decision(row) for row in rows]


async def ledger(tx: Tx, scope: Scope, keys: Sequence[str]) -> list[Decision]:
    """List the decisions that were ever final in some ledgers and count there, oldest first."""
    places = ", ".join(f"${n}" for n in range(2, len(keys) + 2))
    rows = await tx.fetch(
        f"SELECT * FROM decisions WHERE scope = $1 AND scope_key IN ({places})"  # noqa: S608 - numbers alone
        " AND nature = 'decision' AND state NOT IN ('pending', 'denied', 'expired') ORDER BY id",
        scope.value,
        *keys,
    )
    return [_decision(row) for row in rows]


async def in_rooms(tx: Tx, user_ids: Sequence[str]) -> list[Decision]:
    """List the decisions that were ever final about some accounts in single rooms, oldest first."""
    places = ", ".join(f"${n}" for n in range(1, len(user_ids) + 1))
    rows = await tx.fetch(
        f"SELECT * FROM decisions WHERE user_id IN ({places}) AND scope = 'member'"  # noqa: S608 - numbers alone
        " AND nature = 'decision' AND state NOT IN ('pending', 'denied', 'expired') ORDER BY id",
        *user_ids,
    )
    return [_decision(row) for row in rows]


async def of_room(tx: Tx, room_id: str) -> list[Decision]:
    """List the decisions about a room that hold, oldest first.

    With them, every attempt to have somebody else answer for it to which two people agreed.
    """
    rows = await tx.fetch(
        "SELECT * FROM decisions WHERE scope_key = $1 AND scope = 'room'"
        " AND (nature IN ('decision', 'replacement') AND state IN ('final', 'under_appeal', 'upheld')"
        " OR nature = 'replacement' AND state IN ('denied', 'expired') AND approver IS NOT NULL)"
        " ORDER BY id",
        room_id,
    )
    return [_decision(row) for row in rows]


async def in_force_on(tx: Tx, user_id: str) -> list[Decision]:
    """List all decisions about an account that hold, oldest first."""
    rows = await tx.fetch(
        "SELECT * FROM decisions WHERE user_id = $1 AND state IN ('final', 'under_appeal', 'upheld')"
        " ORDER BY id",
        user_id,
    )
    return [_decision(row) for row in rows]


NEWEST = 20
"""How many decisions about an account are listed for its owner."""


async def about(tx: Tx, user_id: str, limit: int = 2**31) -> list[Decision]:
    """List the decisions about an account that are or were in force, newest first."""
    rows = await tx.fetch(
        "SELECT * FROM decisions WHERE user_id = $1"
        " AND state NOT IN ('pending', 'denied', 'expired') ORDER BY id DESC LIMIT $2",
        user_id,
        limit,
    )
    return [_decision(row) for row in rows]


async def was_restricted(tx: Tx, user_id: str, room_id: str, decider: str, since: datetime) -> bool:
    """Say whether somebody decided since a time to restrict an account in a room."""
    row = await tx.first(
        "SELECT 1 AS value FROM decisions WHERE user_id = $1 AND room_id = $2 AND decider = $3"
        " AND measure LIKE 'restrict%' AND decided_at > $4 LIMIT 1",
        user_id,
        room_id,
        decider,
        to_ms(since),
    )
    return row is not None


async def statement(tx: Tx, decision_id: int) -> Statement:
    """Read a decision's statement of reasons."""
    data = await tx.value("SELECT statement AS value FROM decisions WHERE id = $1", decision_id)
    return Statement(**json.loads(data))


async def lock(tx: Tx, *decision_ids: int) -> None:
    """Let others who finish effects of the same decisions, or change them, wait for this one's end.

    Otherwise each of two that end at the same time sees the other's effect still waiting, and nobody
    is the last. Whoever locks several has them in their order, and before cases, numbers and rooms.
    """
    for decision_id in sorted(set(decision_ids)):
        await tx.execute("UPDATE decisions SET version = version WHERE id = $1", decision_id)


async def told(tx: Tx, decision_id: int, now: datetime) -> None:
    """Note that the homeserver took the notice of a decision."""
    await tx.execute(
        "UPDATE decisions SET told_at = COALESCE(told_at, $1), version = version + 1 WHERE id = $2",
        to_ms(now),
        decision_id,
    )


async def mark_read(tx: Tx, user_id: str, now: datetime) -> None:
    """Note that somebody who was told of decisions has shown up, so they have seen them.

    All that are about them are locked with these, for what they do next may be about any of them.
    """
    unread = "user_id = $1 AND told_at IS NOT NULL AND read_at IS NULL"
    if await tx.first(f"SELECT id FROM decisions WHERE {unread} LIMIT 1", user_id) is None:  # noqa: S608 - our own text
        return
    await lock(
        tx, *(r["id"] for r in await tx.fetch("SELECT id FROM decisions WHERE user_id = $1", user_id))
    )
    await tx.execute(
        f"UPDATE decisions SET read_at = $2, version = version + 1 WHERE {unread}",  # noqa: S608 - our own text
        user_id,
        to_ms(now),
    )


async def add_approval(tx: Tx, approval: Approval) -> None:
    """Save an act that waits for its confirmation."""
    await tx.execute(
        "INSERT INTO approvals (code, subject, binding, proposer, needs_other, expires_at, state)"
        " VALUES ($1, $2, $3, $4, $5, $6, 'waiting')",
        approval.code,
        approval.subject,
        approval.binding,
        approval.proposer,
        int(approval.needs_other),
        to_ms(approval.expires_at),
    )


async def approval(tx: Tx, code: str) -> Approval | None:
    """Take up an approval that is still waiting; whoever comes at the same time waits, and finds none.

    Otherwise they would compare what was proposed with what has just come of it.
    """
    row = await tx.first(
        "UPDATE approvals SET state = state WHERE code = $1 AND state = 'waiting' RETURNING *", code
    )
    return None if row is None else _approval(row)


async def approval_by(tx: Tx, subject: str, proposer: str) -> Approval | None:
    """Read the approval on a subject that somebody has asked for and that waits."""
    row = await tx.first(
        "SELECT * FROM approvals WHERE subject = $1 AND proposer = $2 AND state = 'waiting'",
        subject,
        proposer,
    )
    return None if row is None else _approval(row)


async def approval_on(tx: Tx, subject: str) -> Approval | None:
    """Read the approval on a subject that waits, whoever asked for it."""
    row = await tx.first("SELECT * FROM approvals WHERE subject = $1 AND state = 'waiting'", subject)
    return None if row is None else _approval(row)


async def proposers(tx: Tx, subject: str) -> set[str]:
    """Name who ever asked for an approval on a subject, whatever became of it."""
    rows = await tx.fetch("SELECT proposer FROM approvals WHERE subject = $1", subject)
    return {row["proposer"] for row in rows}


async def approvers(tx: Tx, subject: str) -> set[str]:
    """Name who ever gave or denied an approval on a subject."""
    rows = await tx.fetch(
        "SELECT approver FROM approvals WHERE subject = $1 AND approver IS NOT NULL", subject
    )
    return {row["approver"] for row in rows}


async def agreed(tx: Tx, subject: str) -> tuple[str, ...]:
    """Name who asked for the newest approval on a subject that was given, and who gave it."""
    row = await tx.first(
        "SELECT proposer, approver FROM approvals WHERE subject = $1 AND state = 'given'"
        " ORDER BY expires_at DESC LIMIT 1",
        subject,
    )
    return () if row is None else (str(row["proposer"]), str(row["approver"]))


async def end_approval(tx: Tx, code: str, state: str, approver: str | None) -> None:
    """Note how an approval ended: `given`, `denied` or `expired`.

    Raises:
        Stale: it ended otherwise meanwhile.
    """
    row = await tx.first(
        "UPDATE approvals SET state = $1, approver = $2 WHERE code = $3 AND state = 'waiting'"
        " RETURNING code",
        state,
        approver,
        code,
    )
    if row is None:
        raise Stale(code)


async def overdue_approvals(tx: Tx, now: datetime) -> list[Approval]:
    """Take up the approvals that nobody gave in time; whoever comes at the same time waits, as above."""
    rows = await tx.fetch(
        "UPDATE approvals SET state = state WHERE state = 'waiting' AND expires_at <= $1 RETURNING *",
        to_ms(now),
    )
    return [_approval(row) for row in rows]


def _approval(row: Row) -> Approval:
    return Approval(
        code=row["code"],
        subject=row["subject"],
        binding=row["binding"],
        proposer=row["proposer"],
        needs_other=bool(row["needs_other"]),
        expires_at=from_ms(row["expires_at"]),
    )


def _decision(row: Row) -> Decision:
    return Decision(
        id=row["id"],
        case_id=row["case_id"],
        state=State(row["state"]),
        policy_hash=row["policy_hash"],
        rule_id=row["rule_id"],
        scope=Scope(row["scope"]),
        scope_key=row["scope_key"],
        severity=Severity(row["severity"]),
        history=History(row["history"]),
        measure=Measure.parse(row["measure"]),
        remove=bool(row["remove"]),
        facts=row["facts"],
        explanation=tuple(json.loads(row["explanation"])),
        occurred_at=from_ms(row["occurred_at"]),
        decided_at=from_ms(row["decided_at"]),
        decider=row["decider"],
        evidence=row["evidence"],
        user_id=row["user_id"],
        room_id=row["room_id"],
        approver=row["approver"],
        told_at=optional_time(row["told_at"]),
        read_at=optional_time(row["read_at"]),
        supersedes=row["supersedes"],
        nature=Nature(row["nature"]),
        span=None if row["span"] is None else timedelta(milliseconds=row["span"]),
        factors=frozenset(json.loads(row["factors"])),
        why=row["why"],
        typed=row["typed"],
        language=row["language"],
        publish=bool(row["publish"]),
        version=row["version"],
    )
