"""Batches: which cases were decided at once, and what came of each."""

from policybot.domain.batch import Batch, State
from policybot.store.database import Row, Stale, Tx, from_ms, to_ms


async def add(tx: Tx, batch: Batch) -> None:
    """Save a new batch."""
    await tx.execute(
        "INSERT INTO batches (id, code, decider, typed, state, at) VALUES ($1, $2, $3, $4, $5, $6)",
        batch.id,
        batch.code,
        batch.by,
        batch.typed,
        batch.state.value,
        to_ms(batch.at),
    )
    await tx.many(
        "INSERT INTO batch_cases (batch_id, case_id, place) VALUES ($1, $2, $3)",
        [(batch.id, case_id, place) for place, case_id in enumerate(batch.case_ids)],
    )


async def move(tx: Tx, batch: Batch, before: State) -> None:
    """Save where a batch stands now.

    Raises:
        Stale: it stood elsewhere than `before`.
    """
    row = await tx.first(
        "UPDATE batches SET state = $1, at = $2 WHERE id = $3 AND state = $4 RETURNING id",
        batch.state.value,
        to_ms(batch.at),
        batch.id,
        before.value,
    )
    if row is None:
        raise Stale(batch.code)


async def decided(tx: Tx, batch: Batch, case_id: int, decision_id: int) -> None:
    """Note by which decision a case of a batch was decided."""
    await tx.execute(
        "UPDATE batch_cases SET decision_id = $1 WHERE batch_id = $2 AND case_id = $3",
        decision_id,
        batch.id,
        case_id,
    )


async def decision_in(tx: Tx, batch: Batch, case_id: int) -> int | None:
    """Read by which decision a case of a batch was decided; None if it was dismissed."""
    found = await tx.value(
        "SELECT decision_id AS value FROM batch_cases WHERE batch_id = $1 AND case_id = $2",
        batch.id,
        case_id,
    )
    return None if found is None else int(found)


async def get(tx: Tx, batch_id: int) -> Batch | None:
    """Read a batch."""
    row = await tx.first("SELECT * FROM batches WHERE id = $1", batch_id)
    return await _batch(tx, row)


async def by_code(tx: Tx, code: str) -> Batch | None:
    """Read a batch by its code."""
    row = await tx.first("SELECT * FROM batches WHERE code = $1", code)
    return await _batch(tx, row)


async def _batch(tx: Tx, row: Row | None) -> Batch | None:
    if row is None:
        return None
    rows = await tx.fetch(
        "SELECT case_id FROM batch_cases WHERE batch_id = $1 ORDER BY place", row["id"]
    )
    return Batch(
        id=row["id"],
        code=row["code"],
        by=row["decider"],
        typed=row["typed"],
        case_ids=tuple(one["case_id"] for one in rows),
        state=State(row["state"]),
        at=from_ms(row["at"]),
    )
