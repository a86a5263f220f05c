"""Referrals: what is handed over to somebody outside, what its person was told, and what they said."""

import json
from datetime import datetime

from policybot.domain.referral import Answer, Postponement, Referral, State, Terms
from policybot.store.database import Row, Stale, Tx, from_ms, optional_ms, optional_time, to_ms


async def add(tx: Tx, referral: Referral) -> None:
    """Save a new referral, or a correction."""
    await tx.execute(
        "INSERT INTO referrals (id, case_id, decision_id, user_id, person_id, recipient, terms,"
        " proposer, state, proposed_at, binding, approved_at, corrects)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        referral.id,
        referral.case_id,
        referral.decision_id,
        referral.user_id,
        referral.person_id,
        referral.terms.recipient,
        referral.terms.dump(),
        referral.proposer,
        referral.state.value,
        to_ms(referral.proposed_at),
        referral.binding,
        optional_ms(referral.approved_at),
        referral.corrects,
    )


async def save(tx: Tx, referral: Referral) -> None:
    """Save what changed of a referral.

    Raises:
        Stale: somebody else has changed it since it was read.
    """
    postponement = referral.postponement
    wish = (
        json.dumps([postponement.ground, postponement.until.isoformat(), postponement.reason])
        if postponement
        else None
    )
    row = await tx.first(
        "UPDATE referrals SET state = $1, approver = $2, approved_at = $3, handed_over_at = $4,"
        " handed_over_by = $5, receipt = $6, accounts = $7, due_at = $8, postponement = $9,"
        " objection = $10, objected_at = $11, answer_due = $12, answer = $13, version = version + 1"
        " WHERE id = $14 AND version = $15 RETURNING id",
        referral.state.value,
        referral.approver,
        optional_ms(referral.approved_at),
        optional_ms(referral.handed_over_at),
        referral.handed_over_by,
        referral.receipt,
        json.dumps(referral.accounts),
        optional_ms(referral.due_at),
        wish,
        referral.objection,
        optional_ms(referral.objected_at),
        optional_ms(referral.answer_due),
        referral.answer.value if referral.answer else None,
        referral.id,
        referral.version,
    )
    if row is None:
        raise Stale(referral.number)


async def get(tx: Tx, referral_id: int) -> Referral | None:
    """Read a referral."""
    row = await tx.first("SELECT * FROM referrals WHERE id = $1", referral_id)
    return None if row is None else _referral(row)


async def of_case(tx: Tx, case_id: int) -> list[Referral]:
    """List the referrals of a case, and their corrections, the oldest first."""
    rows = await tx.fetch("SELECT * FROM referrals WHERE case_id = $1 ORDER BY id", case_id)
    return [_referral(row) for row in rows]


async def waiting(tx: Tx, limit: int) -> list[Referral]:
    """List what waits for somebody: to be agreed to, to be handed over, to be answered."""
    rows = await tx.fetch(
        "SELECT * FROM referrals WHERE state IN ('proposed', 'approved')"
        " OR (objected_at IS NOT NULL AND answer IS NULL) ORDER BY id LIMIT $1",
        limit,
    )
    return [_referral(row) for row in rows]


async def told_to(tx: Tx, user_id: str) -> list[Referral]:
    """List the referrals about an account of which its owner was told, the newest first."""
    rows = await tx.fetch(
        "SELECT * FROM referrals WHERE user_id = $1 AND told_at IS NOT NULL ORDER BY id DESC", user_id
    )
    return [_referral(row) for row in rows]


async def due(tx: Tx, now: datetime, limit: int) -> list[Referral]:
    """List the referrals of which the person is to be told now."""
    rows = await tx.fetch(
        "SELECT * FROM referrals WHERE told_at IS NULL AND due_at <= $1 ORDER BY due_at LIMIT $2",
        to_ms(now),
        limit,
    )
    return [_referral(row) for row in rows]


async def told(tx: Tx, referral_id: int, now: datetime) -> bool:
    """Note that the person is being told; False if another process was faster.

    Which accounts were theirs need not be known any more.
    """
    row = await tx.first(
        "UPDATE referrals SET told_at = $1, accounts = '[]', version = version + 1"
        " WHERE id = $2 AND told_at IS NULL RETURNING id",
        to_ms(now),
        referral_id,
    )
    return row is not None


async def lapsing(tx: Tx, approved_before: datetime) -> list[Referral]:
    """List what was approved, and not handed over in time; corrections stay good."""
    rows = await tx.fetch(
        "SELECT * FROM referrals WHERE state = 'approved' AND corrects IS NULL AND approved_at < $1",
        to_ms(approved_before),
    )
    return [_referral(row) for row in rows]


async def unanswered(tx: Tx, now: datetime) -> list[Referral]:
    """List objections that were not answered in time; each once."""
    rows = await tx.fetch(
        "UPDATE referrals SET called_at = $1 WHERE answer_due < $1 AND answer IS NULL"
        " AND called_at IS NULL RETURNING *",
        to_ms(now),
    )
    return [_referral(row) for row in rows]


# Links -------------------------------------------------------------------------------------------


async def save_link(tx: Tx, token_hash: str, referral_id: int, user_id: str, until: datetime) -> None:
    """Remember a link to a document, in place of an earlier one of the same person."""
    await tx.execute(
        "DELETE FROM referral_links WHERE referral_id = $1 AND user_id = $2", referral_id, user_id
    )
    await tx.execute(
        "INSERT INTO referral_links (token_hash, referral_id, user_id, until) VALUES ($1, $2, $3, $4)",
        token_hash,
        referral_id,
        user_id,
        to_ms(until),
    )


async def by_link(tx: Tx, token_hash: str, now: datetime) -> tuple[int, str] | None:
    """Name the referral that a link shows, and for whom it was made; None if its time is over."""
    row = await tx.first(
        "SELECT referral_id, user_id FROM referral_links WHERE token_hash = $1 AND until > $2",
        token_hash,
        to_ms(now),
    )
    return None if row is None else (row["referral_id"], row["user_id"])


async def drop_links(tx: Tx, before: datetime) -> None:
    """Forget links whose time is over."""
    await tx.execute("DELETE FROM referral_links WHERE until <= $1", to_ms(before))


def _referral(row: Row) -> Referral:
    wish = json.loads(row["postponement"]) if row["postponement"] else None
    return Referral(
        id=row["id"],
        case_id=row["case_id"],
        decision_id=row["decision_id"],
        user_id=row["user_id"],
        person_id=row["person_id"],
        terms=Terms.load(row["terms"]),
        proposer=row["proposer"],
        state=State(row["state"]),
        proposed_at=from_ms(row["proposed_at"]),
        binding=row["binding"],
        approver=row["approver"],
        approved_at=optional_time(row["approved_at"]),
        handed_over_at=optional_time(row["handed_over_at"]),
        handed_over_by=row["handed_over_by"],
        receipt=row["receipt"],
        accounts=tuple(json.loads(row["accounts"])),
        due_at=optional_time(row["due_at"]),
        told_at=optional_time(row["told_at"]),
        postponement=Postponement(wish[0], datetime.fromisoformat(wish[1]), wish[2]) if wish else None,
        objection=row["objection"],
        objected_at=optional_time(row["objected_at"]),
        answer_due=optional_time(row["answer_due"]),
        answer=Answer(row["answer"]) if row["answer"] else None,
        corrects=row["corrects"],
        version=row["version"],
    )
