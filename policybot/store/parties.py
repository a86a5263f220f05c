"""Who had a part in what an objection is about; the database lets none of them review it."""

from collections.abc import Iterable

from policybot.domain.party import Why
from policybot.store.database import Tx

APPEAL = "appeal_parties"
COMPLAINT = "complaint_parties"
FILING = "filing_appeal_parties"
_TABLES = frozenset({APPEAL, COMPLAINT, FILING})


async def add(tx: Tx, table: str, objection_id: int, parties: Iterable[tuple[str, Why]]) -> None:
    """Note who had a part; who is noted once stays so."""
    assert table in _TABLES
    await tx.many(
        f"INSERT INTO {table} (objection_id, user_id, why) VALUES ($1, $2, $3)"  # noqa: S608 - one of ours
        " ON CONFLICT (objection_id, user_id, why) DO NOTHING",
        [(objection_id, user_id, why.value) for user_id, why in sorted(parties)],
    )


async def of(tx: Tx, table: str, objection_id: int) -> set[tuple[str, Why]]:
    """List who had a part in what an objection is about, and which."""
    assert table in _TABLES
    rows = await tx.fetch(
        f"SELECT user_id, why FROM {table} WHERE objection_id = $1",  # noqa: S608 - one of ours
        objection_id,
    )
    return {(row["user_id"], Why(row["why"])) for row in rows}
