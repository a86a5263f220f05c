"""Persons without their names, the accounts linked to them, and what they signed."""

from dataclasses import dataclass
from datetime import datetime

from policybot.domain.agreement import Agreement
from policybot.domain.identity import MAX_ATTEMPTS, Assurance, Attempt, Front, Link
from policybot.store.audit import canonical
from policybot.store.database import (
    Row,
    Tx,
    from_ms,
    optional_ms,
    optional_time,
    to_ms,
)

_LINK = (
    "SELECT l.user_id, l.person_id, l.front, l.created_at, l.ended_at, p.assurance"
    " FROM links l JOIN persons p ON p.id = l.person_id"
)


@dataclass(frozen=True, slots=True)
class Person:
    """A verified person, known by a keyed hash of the source's reference alone."""

    id: str
    source: str
    subject_hash: str
    assurance: Assurance


async def save_person(tx: Tx, person: Person, now: datetime) -> str:
    """Save a person, or find the one that this subject already is; return its ID."""
    return str(
        await tx.value(
            "INSERT INTO persons (id, source, subject_hash, assurance, verified_at)"
            " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (source, subject_hash) DO UPDATE SET"
            " assurance = $4, verified_at = $5 RETURNING id AS value",
            person.id,
            person.source,
            person.subject_hash,
            person.assurance.value,
            to_ms(now),
        )
    )


async def link_of(tx: Tx, user_id: str) -> Link | None:
    """Read the active link of an account."""
    row = await tx.first(f"{_LINK} WHERE l.user_id = $1 AND l.ended_at IS NULL", user_id)
    return None if row is None else _link(row)


async def taken_slots(tx: Tx, person_id: str) -> frozenset[int]:
    """List the places for accounts that a person has used up."""
    rows = await tx.fetch("SELECT slot FROM links WHERE person_id = $1 AND ended_at IS NULL", person_id)
    return frozenset(row["slot"] for row in rows)


async def save_link(tx: Tx, link: Link, slot: int) -> None:
    """Tie an account to a person, in one of the person's places.

    A place or an account that is taken already violates a unique index: two cannot have it.
    """
    await tx.execute(
        "INSERT INTO links (person_id, user_id, slot, front, created_at) VALUES ($1,$2,$3,$4,$5)",
        link.person_id,
        link.user_id,
        slot,
        link.front.value,
        to_ms(link.created_at),
    )


async def end_link(tx: Tx, user_id: str, reason: str, now: datetime) -> None:
    """End the active link of an account; it stays countable."""
    await tx.execute(
        "UPDATE links SET ended_at = $1, end_reason = $2 WHERE user_id = $3 AND ended_at IS NULL",
        to_ms(now),
        reason,
        user_id,
    )


async def save_attempt(tx: Tx, token_hash: str, attempt: Attempt) -> None:
    """Remember a one-time link, by the hash of its token."""
    await tx.execute(
        "INSERT INTO verification_attempts (token_hash, user_id, expires_at, wrong_codes, used_at)"
        " VALUES ($1, $2, $3, $4, $5)",
        token_hash,
        attempt.user_id,
        to_ms(attempt.expires_at),
        attempt.wrong_codes,
        optional_ms(attempt.used_at),
    )


async def attempt(tx: Tx, token_hash: str) -> Attempt | None:
    """Read a one-time link."""
    row = await tx.first("SELECT * FROM verification_attempts WHERE token_hash = $1", token_hash)
    return None if row is None else _attempt(row)


def _attempt(row: Row) -> Attempt:
    return Attempt(
        user_id=row["user_id"],
        expires_at=from_ms(row["expires_at"]),
        wrong_codes=row["wrong_codes"],
        used_at=optional_time(row["used_at"]),
    )


async def spend_try(tx: Tx, token_hash: str, now: datetime) -> Attempt | None:
    """Count a try before its code is looked at, so that tries at the same time cannot share one.

    None if the link is used up; until the transaction ends, other tries wait.
    """
    row = await tx.first(
        "UPDATE verification_attempts SET wrong_codes = wrong_codes + 1 WHERE token_hash = $1"
        " AND used_at IS NULL AND expires_at > $2 AND wrong_codes < $3 RETURNING *",
        token_hash,
        to_ms(now),
        MAX_ATTEMPTS,
    )
    return None if row is None else _attempt(row)


async def use_up(tx: Tx, token_hash: str, now: datetime) -> None:
    """Note that a link has done its work; the try that succeeded was no wrong one."""
    await tx.execute(
        "UPDATE verification_attempts SET used_at = $1, wrong_codes = wrong_codes - 1"
        " WHERE token_hash = $2",
        to_ms(now),
        token_hash,
    )


async def wrong_codes_since(tx: Tx, user_id: str, since: datetime) -> int:
    """Count the wrong codes that an account gave through links that ended after `since`."""
    return int(
        await tx.value(
            "SELECT COALESCE(SUM(wrong_codes), 0) AS value FROM verification_attempts"
            " WHERE user_id = $1 AND expires_at > $2",
            user_id,
            to_ms(since),
        )
    )


async def save_agreement(tx: Tx, agreement: Agreement) -> str | None:
    """Remember a version; return the hash under which it is known if that differs."""
    known = await tx.value("SELECT hash AS value FROM agreements WHERE version = $1", agreement.version)
    if known is not None:
        return None if known == agreement.hash else str(known)
    await tx.execute(
        "INSERT INTO agreements (hash, version, effective_from, text, commitments)"
        " VALUES ($1, $2, $3, $4, $5)",
        agreement.hash,
        agreement.version,
        to_ms(agreement.effective_from),
        agreement.text,
        canonical([[c.id, c.text] for c in agreement.commitments]),
    )
    return None


async def accept(  # noqa: PLR0913 - the columns
    tx: Tx, *, user_id: str, person_id: str, agreement_hash: str, method: str, now: datetime
) -> None:
    """Remember a signature; signing twice changes nothing."""
    await tx.execute(
        "INSERT INTO acceptances (user_id, agreement_hash, person_id, at, method)"
        " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (user_id, agreement_hash) DO NOTHING",
        user_id,
        agreement_hash,
        person_id,
        to_ms(now),
        method,
    )


async def signed(tx: Tx, user_id: str) -> frozenset[str]:
    """List the hashes of the versions that an account has signed."""
    rows = await tx.fetch("SELECT agreement_hash FROM acceptances WHERE user_id = $1", user_id)
    return frozenset(row["agreement_hash"] for row in rows)


def _link(row: Row) -> Link:
    return Link(
        user_id=row["user_id"],
        person_id=row["person_id"],
        assurance=Assurance(row["assurance"]),
        front=Front(row["front"]),
        created_at=from_ms(row["created_at"]),
        ended_at=optional_time(row["ended_at"]),
    )
