"""Appeals against decisions."""

from datetime import datetime

from policybot.domain.appeal import Appeal, State
from policybot.store.database import Row, Stale, Tx, from_ms, to_ms


async def add(tx: Tx, appeal: Appeal) -> None:
    """Save a new appeal. A second one against the same decision violates a unique column."""
    await tx.execute(
        "INSERT INTO appeals (id, case_id, decision_id, appellant, text, state, submitted_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        appeal.id,
        appeal.case_id,
        appeal.decision_id,
        appeal.appellant,
        appeal.text,
        appeal.state.value,
        to_ms(appeal.submitted_at),
    )


async def save(tx: Tx, appeal: Appeal) -> None:
    """Save what an appeal has become.

    Raises:
        Stale: somebody else decided it meanwhile.
    """
    row = await tx.first(
        "UPDATE appeals SET state = $1, reviewer = $2, reasons = $3, version = version + 1"
        " WHERE id = $4 AND version = $5 RETURNING id",
        appeal.state.value,
        appeal.reviewer,
        appeal.reasons,
        appeal.id,
        appeal.version,
    )
    if row is None:
        raise Stale(str(appeal.id))


async def of_case(tx: Tx, case_id: int) -> list[Appeal]:
    """List the appeals in a case, oldest first."""
    rows = await tx.fetch("SELECT * FROM appeals WHERE case_id = $1 ORDER BY id", case_id)
    return [_appeal(row) for row in rows]


async def waiting_of(tx: Tx, appellant: str) -> list[Appeal]:
    """List somebody's appeals that wait for a reviewer."""
    rows = await tx.fetch(
        "SELECT * FROM appeals WHERE appellant = $1 AND state = 'submitted' ORDER BY id", appellant
    )
    return [_appeal(row) for row in rows]


async def waiting(tx: Tx, limit: int = 50) -> list[Appeal]:
    """List the appeals that wait for a reviewer, oldest first."""
    rows = await tx.fetch(
        "SELECT * FROM appeals WHERE state = 'submitted' ORDER BY submitted_at LIMIT $1", limit
    )
    return [_appeal(row) for row in rows]


# Links -------------------------------------------------------------------------------------------


async def add_link(tx: Tx, token_hash: str, decision_id: int, user_id: str, now: datetime) -> None:
    """Save the key by which somebody appeals against a decision; the same again changes nothing."""
    await tx.execute(
        "INSERT INTO appeal_links (token_hash, decision_id, user_id, made_at) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (token_hash) DO NOTHING",
        token_hash,
        decision_id,
        user_id,
        to_ms(now),
    )


async def linked(tx: Tx, token_hash: str) -> tuple[int, str] | None:
    """Find the decision that a key is for, and to whom it was given."""
    row = await tx.first("SELECT * FROM appeal_links WHERE token_hash = $1", token_hash)
    return None if row is None else (row["decision_id"], row["user_id"])


async def against(tx: Tx, decision_id: int) -> Appeal | None:
    """Read the appeal against a decision, if there is one."""
    row = await tx.first("SELECT * FROM appeals WHERE decision_id = $1", decision_id)
    return None if row is None else _appeal(row)


def _appeal(row: Row) -> Appeal:
    return Appeal(
        id=row["id"],
        case_id=row["case_id"],
        decision_id=row["decision_id"],
        appellant=row["appellant"],
        text=row["text"],
        state=State(row["state"]),
        submitted_at=from_ms(row["submitted_at"]),
        reviewer=row["reviewer"],
        reasons=row["reasons"],
        version=row["version"],
    )
