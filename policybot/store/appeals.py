"""Appeals against decisions, with what is written to them and who may appeal after the time for it."""

from collections.abc import Collection
from datetime import datetime

from policybot.domain.appeal import Appeal, Said, State, Urgent, Word
from policybot.store.database import Row, Stale, Tx, from_ms, optional_ms, optional_time, to_ms

_PARTY = "SELECT 1 FROM appeal_parties p WHERE p.objection_id = appeals.id"


async def add(tx: Tx, appeal: Appeal) -> None:
    """Save a new appeal. A second one against the same decision violates a unique column."""
    await tx.execute(
        "INSERT INTO appeals (id, case_id, decision_id, appellant, text, state, submitted_at, due_at,"
        " urgent, pleads, outside) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        appeal.id,
        appeal.case_id,
        appeal.decision_id,
        appeal.appellant,
        appeal.text,
        appeal.state.value,
        to_ms(appeal.submitted_at),
        to_ms(appeal.due_at),
        appeal.urgent.value if appeal.urgent else None,
        int(appeal.pleads),
        int(appeal.outside),
    )


async def save(tx: Tx, appeal: Appeal) -> None:
    """Save what an appeal has become.

    Raises:
        Stale: somebody else decided it meanwhile.
    """
    row = await tx.first(
        "UPDATE appeals SET state = $1, reviewer = $2, reasons = $3, due_at = $4, urgent = $5,"
        " outside = $6, asked_at = $7, holder = $8, lease_until = $9, decided_at = $10,"
        " insisted = $11, version = version + 1 WHERE id = $12 AND version = $13 RETURNING id",
        appeal.state.value,
        appeal.reviewer,
        appeal.reasons,
        to_ms(appeal.due_at),
        appeal.urgent.value if appeal.urgent else None,
        int(appeal.outside),
        optional_ms(appeal.asked_at),
        appeal.holder,
        optional_ms(appeal.lease_until),
        optional_ms(appeal.decided_at),
        appeal.insisted,
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


async def waiting(tx: Tx, without: Collection[str] = (), limit: int = 50) -> list[Appeal]:
    """List the appeals that are not decided, the urgent ones first, then by when they are due.

    Those are left out in which one of the accounts `without` had a part.
    """
    named = ", ".join(f"${n}" for n in range(2, len(without) + 2))
    apart = f" AND NOT EXISTS ({_PARTY} AND p.user_id IN ({named}))" if without else ""
    rows = await tx.fetch(
        f"SELECT * FROM appeals WHERE state = 'submitted'{apart}"  # noqa: S608 - numbers alone
        " ORDER BY CASE WHEN urgent IS NULL THEN 1 ELSE 0 END, due_at, id LIMIT $1",
        limit,
        *sorted(without),
    )
    return [_appeal(row) for row in rows]


async def overdue(tx: Tx, now: datetime, limit: int) -> list[Appeal]:
    """List the appeals that should have been answered and for which nobody was called yet."""
    rows = await tx.fetch(
        "SELECT * FROM appeals WHERE state = 'submitted' AND asked_at IS NULL AND called_at IS NULL"
        " AND due_at <= $1 ORDER BY due_at LIMIT $2",
        to_ms(now),
        limit,
    )
    return [_appeal(row) for row in rows]


async def called(tx: Tx, appeal_ids: Collection[int], now: datetime) -> None:
    """Note that people were called for appeals that are overdue."""
    await tx.many(
        "UPDATE appeals SET called_at = $1 WHERE id = $2", [(to_ms(now), one) for one in appeal_ids]
    )


# What is written to them -------------------------------------------------------------------------


async def add_word(tx: Tx, appeal_id: int, word: Word) -> None:
    """Save a question, an answer or an addition."""
    await tx.execute(
        "INSERT INTO appeal_words (appeal_id, kind, author, text, at) VALUES ($1, $2, $3, $4, $5)",
        appeal_id,
        word.kind.value,
        word.author,
        word.text,
        to_ms(word.at),
    )


async def words(tx: Tx, appeal_id: int) -> list[Word]:
    """List what was written to an appeal, oldest first."""
    rows = await tx.fetch("SELECT * FROM appeal_words WHERE appeal_id = $1 ORDER BY id", appeal_id)
    return [Word(Said(r["kind"]), r["author"], r["text"], from_ms(r["at"])) for r in rows]


# After the time for them -------------------------------------------------------------------------


async def admit(  # noqa: PLR0913, PLR0917 - the columns
    tx: Tx, decision_id: int, by: str, reason: str, now: datetime, until: datetime
) -> None:
    """Note that an appeal is taken in after its time; the same again changes until when."""
    await tx.execute(
        "INSERT INTO appeal_admissions (decision_id, admitted_by, reason, at, until)"
        " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (decision_id) DO UPDATE SET admitted_by = $2,"
        " reason = $3, at = $4, until = $5",
        decision_id,
        by,
        reason,
        to_ms(now),
        to_ms(until),
    )


async def admitted_until(tx: Tx, decision_id: int) -> datetime | None:
    """Say until when an appeal is taken in after its time, if it is."""
    return optional_time(
        await tx.value(
            "SELECT until AS value FROM appeal_admissions WHERE decision_id = $1", decision_id
        )
    )


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
        due_at=from_ms(row["due_at"]),
        urgent=Urgent(row["urgent"]) if row["urgent"] else None,
        pleads=bool(row["pleads"]),
        outside=bool(row["outside"]),
        insisted=row["insisted"],
        asked_at=optional_time(row["asked_at"]),
        holder=row["holder"],
        lease_until=optional_time(row["lease_until"]),
        reviewer=row["reviewer"],
        reasons=row["reasons"],
        decided_at=optional_time(row["decided_at"]),
        version=row["version"],
    )
