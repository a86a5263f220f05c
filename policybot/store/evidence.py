"""Files that applicants show with their filings, without what is in them: that is in the vault."""

from datetime import datetime

from policybot.domain.evidence import File
from policybot.store.database import Row, Tx, from_ms, to_ms


async def add(tx: Tx, file: File) -> int:
    """Save a file; return its ID."""
    return int(
        await tx.value(
            "INSERT INTO filing_files (filing_id, user_id, vault_id, pictures, size, added_at)"
            " VALUES ($1, $2, $3, $4, $5, $6) RETURNING id AS value",
            file.filing_id,
            file.user_id,
            file.vault_id,
            file.pictures,
            file.size,
            to_ms(file.added_at),
        )
    )


async def of_filing(tx: Tx, filing_id: int) -> list[File]:
    """List the files of a filing, in the order in which they came."""
    rows = await tx.fetch("SELECT * FROM filing_files WHERE filing_id = $1 ORDER BY id", filing_id)
    return [_file(row) for row in rows]


async def get(tx: Tx, filing_id: int, file_id: int) -> File | None:
    """Read one file of a filing."""
    row = await tx.first(
        "SELECT * FROM filing_files WHERE filing_id = $1 AND id = $2", filing_id, file_id
    )
    return None if row is None else _file(row)


async def of_account(tx: Tx, user_id: str) -> list[File]:
    """List the files that were sent from an account."""
    rows = await tx.fetch("SELECT * FROM filing_files WHERE user_id = $1 ORDER BY id", user_id)
    return [_file(row) for row in rows]


async def decided_before(tx: Tx, before: datetime, limit: int) -> list[File]:
    """List the files of filings that were decided or withdrawn before a time, unless under a hold."""
    rows = await tx.fetch(
        "SELECT p.* FROM filing_files p JOIN filings f ON f.id = p.filing_id"
        " WHERE f.state NOT IN ('draft', 'submitted', 'in_review', 'needs_info')"
        " AND p.user_id NOT IN (SELECT user_id FROM held_accounts)"
        " AND COALESCE((SELECT MIN(s.at) FROM filing_states s WHERE s.filing_id = f.id"
        " AND s.state IN ('approved', 'rejected', 'withdrawn')), f.submitted_at) <= $1 LIMIT $2",
        to_ms(before),
        limit,
    )
    return [_file(row) for row in rows]


async def remove(tx: Tx, file_id: int) -> None:
    """Forget that there was a file."""
    await tx.execute("DELETE FROM filing_files WHERE id = $1", file_id)


def _file(row: Row) -> File:
    return File(
        id=row["id"],
        filing_id=row["filing_id"],
        user_id=row["user_id"],
        vault_id=row["vault_id"],
        pictures=row["pictures"],
        size=row["size"],
        added_at=from_ms(row["added_at"]),
    )
