"""Declarations: what the authors of posts say that they are about."""

from dataclasses import dataclass
from datetime import datetime

from policybot.store.database import Tx, from_ms, to_ms


@dataclass(frozen=True, slots=True)
class Declaration:
    """What its author says that a post is about."""

    event_id: str
    room_id: str
    user_id: str
    kind: str
    qualified: bool
    at: datetime


async def save(tx: Tx, declaration: Declaration) -> None:
    """Keep a declaration, in place of an earlier one about the same post."""
    await tx.execute(
        "INSERT INTO declarations (event_id, room_id, user_id, kind, qualified, at)"
        " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (event_id) DO UPDATE SET"
        " kind = $4, qualified = $5, at = $6",
        declaration.event_id,
        declaration.room_id,
        declaration.user_id,
        declaration.kind,
        int(declaration.qualified),
        to_ms(declaration.at),
    )


async def get(tx: Tx, event_id: str) -> Declaration | None:
    """Read what a post was declared to be about."""
    row = await tx.first("SELECT * FROM declarations WHERE event_id = $1", event_id)
    if row is None:
        return None
    return Declaration(
        event_id=row["event_id"],
        room_id=row["room_id"],
        user_id=row["user_id"],
        kind=row["kind"],
        qualified=bool(row["qualified"]),
        at=from_ms(row["at"]),
    )


async def unqualified_since(tx: Tx, room_id: str, kind: str, since: datetime) -> int:
    """Count the posts that were declared of a kind for which their room was not qualified."""
    return int(
        await tx.value(
            "SELECT COUNT(*) AS value FROM declarations WHERE room_id = $1 AND kind = $2"
            " AND qualified = 0 AND at > $3",
            room_id,
            kind,
            to_ms(since),
        )
    )
