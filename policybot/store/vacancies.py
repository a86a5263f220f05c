"""Vacancies: rooms whose owner no longer answers for them, one row for each as long as it lasts."""

from datetime import datetime

from policybot.domain.filing import Filing
from policybot.domain.vacancy import Stage, Vacancy, Why
from policybot.store import filings
from policybot.store.database import Row, Tx, from_ms, to_ms

_VERIFIED = (
    "EXISTS (SELECT 1 FROM links l JOIN verifications v ON v.person_id = l.person_id"
    " AND v.ended_at IS NULL WHERE l.user_id = f.applicant AND l.ended_at IS NULL)"
)
_LINKED = "EXISTS (SELECT 1 FROM links l WHERE l.user_id = f.applicant AND l.ended_at IS NULL)"
_ENDED = "('revoked', 'rejected', 'withdrawn')"


async def get(tx: Tx, filing_id: int) -> Vacancy | None:
    """Read how it stands with a room; None if its owner answers for it."""
    row = await tx.first("SELECT * FROM vacancies WHERE filing_id = $1", filing_id)
    return None if row is None else _vacancy(row)


async def save(tx: Tx, vacancy: Vacancy) -> None:
    """Save one, or what has become of it; whoever does holds the filing."""
    await tx.execute(
        "INSERT INTO vacancies (filing_id, why, since, stage, away) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (filing_id) DO UPDATE SET why = $2, since = $3, stage = $4, away = $5",
        vacancy.filing_id,
        vacancy.why.value,
        to_ms(vacancy.since),
        vacancy.stage.value,
        int(vacancy.away),
    )


async def forget(tx: Tx, filing_id: int) -> None:
    """Forget one that is over."""
    await tx.execute("DELETE FROM vacancies WHERE filing_id = $1", filing_id)


async def verified(tx: Tx, filing: Filing) -> bool:
    """Say whether the owner of a room is linked to somebody who is verified today."""
    row = await tx.first(f"SELECT 1 FROM filings f WHERE f.id = $1 AND {_VERIFIED}", filing.id)  # noqa: S608 - our own text
    return row is not None


async def unlinked(tx: Tx, since: datetime, limit: int) -> list[int]:
    """List filings whose owner's last link has ended since a day, unless that is noted."""
    rows = await tx.fetch(
        # From the links, which SQLite does only when told so (sqlite.org/optoverview, "CROSS JOIN").
        "SELECT DISTINCT f.id FROM links e CROSS JOIN filings f WHERE e.ended_at > $1"  # noqa: S608 - our own text
        " AND f.applicant = e.user_id AND f.state IN ('approved', 'renewal_due', 'suspended', 'expired')"
        f" AND NOT {_LINKED} AND NOT EXISTS (SELECT 1 FROM vacancies v WHERE v.filing_id = f.id"
        " AND NOT (v.why = 'unverified' AND v.stage = 'noted')) ORDER BY f.id LIMIT $2",
        to_ms(since),
        limit,
    )
    return [row["id"] for row in rows]


async def unverified(tx: Tx, since: datetime, limit: int) -> list[int]:
    """List filings of public rooms whose owner's last verification has ended since a day, unnoted."""
    rows = await tx.fetch(
        "SELECT DISTINCT f.id FROM verifications e CROSS JOIN links k CROSS JOIN filings f"  # noqa: S608 - our own text
        " WHERE e.ended_at > $1 AND k.person_id = e.person_id AND k.ended_at IS NULL"
        " AND f.applicant = k.user_id AND f.state IN ('approved', 'renewal_due', 'suspended')"
        f" AND NOT {_VERIFIED} AND NOT EXISTS (SELECT 1 FROM vacancies v WHERE v.filing_id = f.id)"
        " ORDER BY f.id LIMIT $2",
        to_ms(since),
        limit,
    )
    return [row["id"] for row in rows]


async def moving(tx: Tx, before: datetime) -> list[int]:
    """List filings about which something may have to be done: all but those that wait for people."""
    rows = await tx.fetch(
        "SELECT v.filing_id FROM vacancies v JOIN filings f ON f.id = v.filing_id"  # noqa: S608 - our own text
        f" WHERE v.stage <> 'open' OR f.state IN {_ENDED}"
        f" OR (v.since <= $1 AND v.away = 0 AND {_VERIFIED}) ORDER BY v.filing_id",
        to_ms(before),
    )
    return [row["filing_id"] for row in rows]


async def of_room(tx: Tx, room_id: str) -> tuple[Filing, Vacancy | None] | None:
    """Read the filing of a room, and how it stands with it."""
    filing = await filings.of_room(tx, room_id)
    return None if filing is None else (filing, await get(tx, filing.id))


def _vacancy(row: Row) -> Vacancy:
    return Vacancy(
        filing_id=row["filing_id"],
        why=Why(row["why"]),
        since=from_ms(row["since"]),
        stage=Stage(row["stage"]),
        away=bool(row["away"]),
    )
