"""Files that people show with filings and appeals, without what is in them: that is in the vault."""

from datetime import datetime

from policybot.domain.evidence import File
from policybot.store.database import Row, Tx, from_ms, to_ms

_READ = "SELECT p.*, a.number FROM evidence_files p LEFT JOIN appeals a ON a.id = p.appeal_id"


async def add(tx: Tx, file: File) -> int:
    """Save a file; return its ID."""
    return int(
        await tx.value(
            "INSERT INTO evidence_files (filing_id, appeal_id, user_id, vault_id, pictures, size,"
            " added_at) VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id AS value",
            file.filing_id,
            file.appeal_id,
            file.user_id,
            file.vault_id,
            file.pictures,
            file.size,
            to_ms(file.added_at),
        )
    )


async def of_filing(tx: Tx, filing_id: int) -> list[File]:
    """List the files of a filing, in the order in which they came."""
    rows = await tx.fetch(f"{_READ} WHERE p.filing_id = $1 ORDER BY p.id", filing_id)
    return [_file(row) for row in rows]


async def of_appeal(tx: Tx, appeal_id: int) -> list[File]:
    """List the files of an appeal, in the order in which they came."""
    rows = await tx.fetch(f"{_READ} WHERE p.appeal_id = $1 ORDER BY p.id", appeal_id)
    return [_file(row) for row in rows]


async def of_account(tx: Tx, user_id: str) -> list[File]:
    """List the files that were sent from an account."""
    rows = await tx.fetch(f"{_READ} WHERE p.user_id = $1 ORDER BY p.id", user_id)
    return [_file(row) for row in rows]


async def decided_before(tx: Tx, before: datetime, limit: int) -> list[File]:
    """List the files of what was decided or taken back before a time, unless under a hold."""
    rows = await tx.fetch(
        f"{_READ} LEFT JOIN filings f ON f.id = p.filing_id"  # noqa: S608 - our own text
        " WHERE p.user_id NOT IN (SELECT user_id FROM held_accounts) AND (a.decided_at <= $1"
        " OR (f.state NOT IN ('draft', 'submitted', 'in_review', 'needs_info')"
        " AND COALESCE((SELECT MIN(s.at) FROM filing_states s WHERE s.filing_id = f.id"
        " AND s.state IN ('approved', 'rejected', 'withdrawn')), f.submitted_at) <= $1)) LIMIT $2",
        to_ms(before),
        limit,
    )
    return [_file(row) for row in rows]


async def remove(tx: Tx, file_id: int) -> None:
    """Forget that there was a file."""
    await tx.execute("DELETE FROM evidence_files WHERE id = $1", file_id)


def _file(row: Row) -> File:
    return File(
        id=row["id"],
        filing_id=row["filing_id"],
        appeal_id=row["appeal_id"],
        number=f"F-{row['filing_id']}" if row["filing_id"] is not None else row["number"],
        user_id=row["user_id"],
        vault_id=row["vault_id"],
        pictures=row["pictures"],
        size=row["size"],
        added_at=from_ms(row["added_at"]),
    )
