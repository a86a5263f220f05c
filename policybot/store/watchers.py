"""Watchers: who has a case before them now."""

from dataclasses import dataclass
from datetime import datetime

from policybot.store.database import Tx, from_ms, to_ms


@dataclass(frozen=True, slots=True)
class Watcher:
    """Somebody who looks at a case, since when, and until when that is believed."""

    user_id: str
    since: datetime
    until: datetime


async def note(tx: Tx, case_id: int, watcher: Watcher) -> None:
    """Note that somebody looks at a case; whoever has stopped looking is forgotten."""
    await tx.execute("DELETE FROM case_watchers WHERE until < $1", to_ms(watcher.since))
    await tx.execute(
        "INSERT INTO case_watchers (case_id, user_id, since, until) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (case_id, user_id) DO UPDATE SET until = $4",
        case_id,
        watcher.user_id,
        to_ms(watcher.since),
        to_ms(watcher.until),
    )


async def of_case(tx: Tx, case_id: int, now: datetime) -> list[Watcher]:
    """List who looks at a case, the first one first."""
    rows = await tx.fetch(
        "SELECT * FROM case_watchers WHERE case_id = $1 AND until >= $2 ORDER BY since, user_id",
        case_id,
        to_ms(now),
    )
    return [Watcher(row["user_id"], from_ms(row["since"]), from_ms(row["until"])) for row in rows]
