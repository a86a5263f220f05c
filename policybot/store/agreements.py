"""The versions of the agreement, and who signed which."""

from datetime import datetime

from policybot.domain.agreement import Agreement
from policybot.store.audit import canonical
from policybot.store.database import Tx, to_ms


async def save(tx: Tx, agreement: Agreement) -> str | None:
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
