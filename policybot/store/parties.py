"""Who had a part in what an appeal is about; the database lets none of them review it."""

from collections.abc import Iterable

from policybot.domain.party import Why
from policybot.store.database import Tx


async def add(tx: Tx, appeal_id: int, parties: Iterable[tuple[str, Why]]) -> None:
    """Note who had a part; who is noted once stays so."""
    await tx.many(
        "INSERT INTO appeal_parties (appeal_id, user_id, why) VALUES ($1, $2, $3)"
        " ON CONFLICT (appeal_id, user_id, why) DO NOTHING",
        [(appeal_id, user_id, why.value) for user_id, why in sorted(parties)],
    )


async def of(tx: Tx, appeal_id: int) -> set[tuple[str, Why]]:
    """List who had a part in what an appeal is about, and which."""
    rows = await tx.fetch("SELECT user_id, why FROM appeal_parties WHERE appeal_id = $1", appeal_id)
    return {(row["user_id"], Why(row["why"])) for row in rows}
