"""Deputies: who was asked to be one, and who has agreed. Whom the owner named stands in the filing."""

from collections.abc import Collection
from datetime import datetime

from policybot.domain.deputy import Asked
from policybot.domain.filing import Filing
from policybot.store.database import Row, Tx, from_ms, optional_ms, optional_time, to_ms


async def get(tx: Tx, filing_id: int) -> Asked | None:
    """Read who was asked last to be the deputy of a room."""
    row = await tx.first("SELECT * FROM deputies WHERE filing_id = $1", filing_id)
    return None if row is None else _asked(row)


async def has_agreed(tx: Tx, filing: Filing) -> bool:
    """Say whether whom the owner named as the deputy of a room has agreed to it."""
    asked = await get(tx, filing.id) if filing.deputy else None
    return asked is not None and asked.user_id == filing.deputy and asked.agreed_at is not None


async def agreed(tx: Tx, filings: Collection[Filing]) -> set[int]:
    """Give those of some filings whose deputy has agreed to it, as `has_agreed` says of one."""
    named = {filing.id: filing.deputy for filing in filings if filing.deputy}
    if not named:
        return set()
    marks = ", ".join(f"${n}" for n in range(1, len(named) + 1))
    sql = f"SELECT * FROM deputies WHERE agreed_at IS NOT NULL AND filing_id IN ({marks})"  # noqa: S608 - numbers alone
    asked = map(_asked, await tx.fetch(sql, *named))
    return {one.filing_id for one in asked if one.user_id == named[one.filing_id]}


async def save(tx: Tx, asked: Asked) -> None:
    """Save a question, or what has become of it."""
    await tx.execute(
        "INSERT INTO deputies (filing_id, user_id, asked_at, agreed_at) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (filing_id) DO UPDATE SET user_id = $2, asked_at = $3, agreed_at = $4",
        asked.filing_id,
        asked.user_id,
        to_ms(asked.asked_at),
        optional_ms(asked.agreed_at),
    )


async def asked_by(tx: Tx, owner: str, since: datetime) -> int:
    """Count whom an owner has asked after some time to be a deputy, or to take a room over."""
    return int(
        await tx.value(
            "SELECT (SELECT count(*) FROM deputies d JOIN filings f ON f.id = d.filing_id"
            " WHERE f.applicant = $1 AND d.asked_at > $2)"
            " + (SELECT count(*) FROM transfers WHERE asker = $1 AND asked_at > $2) AS value",
            owner,
            to_ms(since),
        )
    )


async def unasked(tx: Tx, limit: int) -> list[int]:
    """List rooms just taken in whose deputy was named before the approval, and not asked yet."""
    return await _ids(
        tx,
        # The newest of the register alone: to look at all would hold up everybody on SQLite.
        "SELECT f.id FROM (SELECT filing_id FROM register ORDER BY entry DESC LIMIT 1000) AS r"
        " CROSS JOIN filings f WHERE f.id = r.filing_id AND f.deputy IS NOT NULL"
        " AND f.state IN ('approved', 'renewal_due')"
        " AND EXISTS (SELECT 1 FROM rooms o WHERE o.room_id = f.room_id AND o.kind = 'governed')"
        " AND NOT EXISTS (SELECT 1 FROM deputies d WHERE d.filing_id = f.id AND d.user_id = f.deputy)"
        " ORDER BY f.id LIMIT $1",
        limit,
    )


async def silent(tx: Tx, before: datetime, limit: int) -> list[int]:
    """List filings of which somebody was asked before a day to be the deputy, without an answer."""
    return await _ids(
        tx,
        "SELECT f.id FROM deputies d JOIN filings f ON f.id = d.filing_id AND f.deputy = d.user_id"
        " WHERE d.agreed_at IS NULL AND d.asked_at <= $1 ORDER BY f.id LIMIT $2",
        to_ms(before),
        limit,
    )


async def unlinked(tx: Tx, since: datetime, limit: int) -> list[int]:
    """List filings whose deputy's last link has ended since a day and after they were asked."""
    return await _ids(
        tx,
        "SELECT DISTINCT f.id FROM links e CROSS JOIN filings f CROSS JOIN deputies d"
        " WHERE e.ended_at > $1 AND f.deputy = e.user_id AND d.filing_id = f.id AND d.user_id = f.deputy"
        " AND e.ended_at >= d.asked_at AND f.state NOT IN ('revoked', 'rejected', 'withdrawn')"
        " AND NOT EXISTS (SELECT 1 FROM links l WHERE l.user_id = f.deputy AND l.ended_at IS NULL)"
        " ORDER BY f.id LIMIT $2",
        to_ms(since),
        limit,
    )


async def suspended(tx: Tx, limit: int) -> list[int]:
    """List filings whose deputy's account is suspended or closed by decision."""
    return await _ids(
        tx,
        "SELECT DISTINCT f.id FROM sanctions s CROSS JOIN filings f WHERE s.state IN"
        " ('planned', 'active') AND s.scope = 'account' AND (s.measure LIKE 'suspend%'"
        " OR s.measure LIKE 'close%') AND f.deputy = s.user_id"
        " AND f.state NOT IN ('revoked', 'rejected', 'withdrawn') ORDER BY f.id LIMIT $1",
        limit,
    )


async def sweep(tx: Tx) -> None:
    """Forget the questions about rooms whose filing has ended."""
    await tx.execute(
        "DELETE FROM deputies WHERE filing_id IN (SELECT d.filing_id FROM deputies d JOIN filings f"
        " ON f.id = d.filing_id WHERE f.state IN ('revoked', 'rejected', 'withdrawn'))"
    )


async def _ids(tx: Tx, sql: str, *values: object) -> list[int]:
    return [row["id"] for row in await tx.fetch(sql, *values)]


def _asked(row: Row) -> Asked:
    return Asked(
        row["filing_id"], row["user_id"], from_ms(row["asked_at"]), optional_time(row["agreed_at"])
    )
