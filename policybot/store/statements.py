"""Statements of reasons: one for each decision and language, as data and as it was sent."""

from dataclasses import dataclass
from datetime import datetime

from policybot.domain import statement as rules
from policybot.domain.statement import Reasons
from policybot.store.database import Tx, optional_time, to_ms


@dataclass(frozen=True, slots=True)
class Kept:
    """A statement as it is on record; when it arrived and was read stands with its decision."""

    decision_id: int
    language: str
    reasons: Reasons
    text: str
    """What was sent; before that what was decided to be sent, without its dates."""
    sent_at: datetime | None = None
    """When it was handed to the outbox."""
    deemed_at: datetime | None = None
    """When its person is deemed to know it."""
    event_id: str | None = None
    """The message by which it was told; None before that, and for a server notice."""
    failure: str | None = None
    """Why it could not be delivered."""


async def keep(tx: Tx, kept: Kept) -> None:
    """Save a statement, or what is known better of it by now."""
    await tx.execute(
        "INSERT INTO statements (decision_id, language, data, text) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (decision_id, language) DO UPDATE SET data = $3, text = $4",
        kept.decision_id,
        kept.language,
        rules.dump(kept.reasons),
        kept.text,
    )


async def get(tx: Tx, decision_id: int) -> Kept | None:
    """Read the statement of a decision; of several the first."""
    row = await tx.first(
        "SELECT * FROM statements WHERE decision_id = $1 ORDER BY language LIMIT 1", decision_id
    )
    if row is None:
        return None
    return Kept(
        row["decision_id"],
        row["language"],
        rules.load(row["data"]),
        row["text"],
        optional_time(row["sent_at"]),
        optional_time(row["deemed_at"]),
        row["event_id"],
        row["failure"],
    )


async def untold(tx: Tx, before: datetime) -> list[int]:
    """List what was decided before some time, is not carried out, and was told to nobody yet."""
    rows = await tx.fetch(
        "SELECT s.decision_id FROM sanctions s JOIN decisions d ON d.id = s.decision_id"
        " JOIN statements t ON t.decision_id = s.decision_id"
        " WHERE s.state = 'planned' AND t.sent_at IS NULL AND d.decided_at <= $1"
        " ORDER BY s.decision_id",
        to_ms(before),
    )
    return [row["decision_id"] for row in rows]


async def sent(tx: Tx, decision_id: int, now: datetime) -> None:
    """Note that the notice with a statement was handed to the outbox."""
    await tx.execute(
        "UPDATE statements SET sent_at = COALESCE(sent_at, $1) WHERE decision_id = $2",
        to_ms(now),
        decision_id,
    )


async def delivered(tx: Tx, decision_id: int, deemed_at: datetime, event_id: str | None) -> None:
    """Note when its person is deemed to know it, now that the homeserver has taken the notice."""
    await tx.execute(
        "UPDATE statements SET deemed_at = COALESCE(deemed_at, $1), failure = NULL, event_id = $2"
        " WHERE decision_id = $3",
        to_ms(deemed_at),
        event_id,
        decision_id,
    )


async def failed(tx: Tx, decision_id: int, error: str) -> None:
    """Note why the notice could not be delivered."""
    await tx.execute(
        "UPDATE statements SET failure = $1 WHERE decision_id = $2 AND deemed_at IS NULL",
        error,
        decision_id,
    )
