"""The versions of the agreement, who signed which, and how far the telling of a version has come."""

import json
from dataclasses import dataclass
from datetime import datetime

from policybot.domain.agreement import Agreement, Commitment, Version
from policybot.store.audit import canonical
from policybot.store.database import Row, Tx, from_ms, optional_ms, optional_time, to_ms

_SIGNED = (
    " FROM links l JOIN acceptances a ON a.user_id = l.user_id AND a.person_id = l.person_id"
    " JOIN agreements g ON g.hash = a.agreement_hash WHERE l.ended_at IS NULL"
)


async def all_versions(tx: Tx) -> tuple[Version, ...]:
    """Read every version that ever was, in the order in which they came."""
    return tuple(_version(row) for row in await tx.fetch("SELECT * FROM agreements ORDER BY number"))


async def add(tx: Tx, version: Version) -> None:
    """Remember a new version."""
    agreement = version.agreement
    await tx.execute(
        "INSERT INTO agreements (hash, number, version, effective_from, binds_from, stricter,"
        " default_language, texts, commitments, first_seen)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        version.hash,
        version.number,
        agreement.version,
        to_ms(agreement.effective_from),
        to_ms(version.binds_from),
        int(agreement.stricter),
        agreement.default_language,
        canonical(dict(agreement.texts)),
        canonical([[c.id, dict(c.texts)] for c in agreement.commitments]),
        to_ms(version.first_seen),
    )


async def withdraw(tx: Tx, version: Version, now: datetime) -> None:
    """Note that a version was replaced before it ever bound."""
    await tx.execute(
        "UPDATE agreements SET withdrawn_at = $1 WHERE number = $2", to_ms(now), version.number
    )


async def accept(  # noqa: PLR0913 - the columns
    tx: Tx,
    *,
    user_id: str,
    person_id: str,
    agreement_hash: str,
    method: str,
    language: str,
    now: datetime,
) -> None:
    """Remember a signature; signing twice changes nothing."""
    await tx.execute(
        "INSERT INTO acceptances (user_id, agreement_hash, person_id, at, method, language)"
        " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (user_id, person_id, agreement_hash) DO NOTHING",
        user_id,
        agreement_hash,
        person_id,
        to_ms(now),
        method,
        language,
    )


async def signed(tx: Tx, user_id: str) -> int:
    """Give the number of the newest version that an account's person has signed with it; 0 for none."""
    found = await tx.value(
        f"SELECT MAX(g.number) AS value{_SIGNED} AND l.user_id = $1",
        user_id,
    )
    return int(found or 0)


async def signers(tx: Tx, number: int) -> int:
    """Count the linked accounts whose newest signature is under the version with this number."""
    return int(
        await tx.value(
            f"SELECT COUNT(*) AS value FROM (SELECT l.user_id{_SIGNED} GROUP BY l.user_id"  # noqa: S608 - a constant
            " HAVING MAX(g.number) = $1) AS signers",
            number,
        )
    )


# Telling those who signed an earlier version ---------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Announcement:
    """How far the telling of a version on one occasion has come."""

    version_hash: str
    occasion: str
    after_user: str
    told: int
    done_at: datetime | None


@dataclass(frozen=True, slots=True)
class Signer:
    """Somebody who signed an earlier version."""

    user_id: str
    signed: int
    language: str | None


async def announcement(tx: Tx, version_hash: str, occasion: str) -> Announcement:
    """Read how far the telling has come, and begin it if it is new."""
    await tx.execute(
        "INSERT INTO announcements (version_hash, occasion, after_user, told) VALUES ($1, $2, '', 0)"
        " ON CONFLICT (version_hash, occasion) DO NOTHING",
        version_hash,
        occasion,
    )
    # Written to, so that of two processes the second one waits here and then reads what the first did.
    row = await tx.first(
        "UPDATE announcements SET told = told WHERE version_hash = $1 AND occasion = $2 RETURNING *",
        version_hash,
        occasion,
    )
    assert row is not None
    return _announcement(row)


async def announcements(tx: Tx) -> list[Announcement]:
    """List what was told so far."""
    rows = await tx.fetch("SELECT * FROM announcements ORDER BY version_hash, occasion")
    return [_announcement(row) for row in rows]


async def finished(tx: Tx, version_hash: str, occasion: str) -> bool:
    """Say whether everybody was told."""
    row = await tx.first(
        "SELECT told FROM announcements WHERE version_hash = $1 AND occasion = $2"
        " AND done_at IS NOT NULL",
        version_hash,
        occasion,
    )
    return row is not None


async def save_announcement(tx: Tx, announced: Announcement) -> None:
    """Remember how far the telling has come."""
    await tx.execute(
        "UPDATE announcements SET after_user = $1, told = $2, done_at = $3"
        " WHERE version_hash = $4 AND occasion = $5",
        announced.after_user,
        announced.told,
        optional_ms(announced.done_at),
        announced.version_hash,
        announced.occasion,
    )


async def signed_before(tx: Tx, number: int, after_user: str, limit: int) -> list[Signer]:
    """List linked accounts that signed an earlier version than this one and nothing newer."""
    rows = await tx.fetch(
        "SELECT l.user_id, MAX(g.number) AS signed, (SELECT p.language FROM languages p"  # noqa: S608 - a constant
        f" WHERE p.user_id = l.user_id) AS language{_SIGNED} AND l.user_id > $1"
        " GROUP BY l.user_id HAVING MAX(g.number) < $2 ORDER BY l.user_id LIMIT $3",
        after_user,
        number,
        limit,
    )
    return [Signer(row["user_id"], int(row["signed"]), row["language"]) for row in rows]


def _announcement(row: Row) -> Announcement:
    return Announcement(
        version_hash=row["version_hash"],
        occasion=row["occasion"],
        after_user=row["after_user"],
        told=int(row["told"]),
        done_at=optional_time(row["done_at"]),
    )


def _version(row: Row) -> Version:
    agreement = Agreement(
        version=row["version"],
        effective_from=from_ms(row["effective_from"]),
        texts=json.loads(row["texts"]),
        commitments=tuple(Commitment(id_, texts) for id_, texts in json.loads(row["commitments"])),
        default_language=row["default_language"],
        stricter=bool(row["stricter"]),
    )
    return Version(
        number=int(row["number"]),
        hash=row["hash"],
        agreement=agreement,
        first_seen=from_ms(row["first_seen"]),
        binds_from=from_ms(row["binds_from"]),
        withdrawn_at=optional_time(row["withdrawn_at"]),
    )
