"""Which statements of reasons were handed over, and in which file: each once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from policybot.domain import statement as rules
from policybot.domain.statement import Reasons
from policybot.store.database import Tx, to_ms


@dataclass(frozen=True, slots=True)
class Waiting:
    """A statement that was told and not handed over."""

    decision_id: int
    rule_id: str
    reasons: Reasons
    accounts: tuple[str, ...]
    """Who is named in it at the most: whom it is about, and who decided."""
    personal: bool = True
    """Whether it is about somebody: a server is nobody, and the law asks for no statement."""


_WAITING = (
    " FROM statements t JOIN decisions d ON d.id = t.decision_id"
    " LEFT JOIN sanctions s ON s.decision_id = d.id"
    " LEFT JOIN statement_exports e ON e.decision_id = d.id"
    " WHERE t.sent_at IS NOT NULL AND e.decision_id IS NULL AND COALESCE(s.dry, 0) = 0"
    " AND d.state NOT IN ('pending', 'denied', 'expired', 'overturned')"
    " AND d.decided_at >= $1 AND d.decided_at < $2"
)
"""What was told to somebody, is not void, and was not rehearsed only."""


async def count(tx: Tx, since: datetime, until: datetime) -> int:
    """Count the statements of decisions of a time that were not handed over."""
    sql = f"SELECT COUNT(*) AS value{_WAITING}"
    return int(await tx.value(sql, to_ms(since), to_ms(until)))


async def waiting(tx: Tx, since: datetime, until: datetime, after: int, most: int) -> Sequence[Waiting]:
    """List statements that were not handed over, by the number of their decision."""
    rows = await tx.fetch(
        "SELECT t.decision_id, t.data, d.rule_id, d.user_id, d.decider, d.approver, d.scope"
        f"{_WAITING} AND t.decision_id > $3 ORDER BY t.decision_id LIMIT $4",
        to_ms(since),
        to_ms(until),
        after,
        most,
    )
    return [
        Waiting(
            row["decision_id"],
            row["rule_id"],
            rules.load(row["data"]),
            tuple(one for one in (row["user_id"], row["decider"], row["approver"]) if one),
            row["scope"] != "server",
        )
        for row in rows
    ]


async def handed_over(tx: Tx, ids: Sequence[int], file: str, at: datetime) -> None:
    """Note in which file statements were handed over."""
    await tx.many(
        "INSERT INTO statement_exports (decision_id, file, at) VALUES ($1, $2, $3)",
        [(one, file, to_ms(at)) for one in ids],
    )
