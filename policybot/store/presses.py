"""How far the homeserver's lists of reports by button are read, and which of their newest are taken."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from policybot.domain.press import Cursor, Kind, Press
from policybot.store import outbox
from policybot.store.database import Tx, from_ms, optional_ms, to_ms

_SHARD = -1
"""Of the lease under which the lists are read; those of the outbox begin at 0."""


@dataclass(frozen=True, slots=True)
class Place:
    """How far a list is read."""

    kind: Kind
    cursor: Cursor | None = None
    """None until it was read for the first time."""
    problem: str = ""
    """Why it cannot be read."""
    refusals: int = 0
    """How often in a row it could not."""
    version: int = 0


async def lease(tx: Tx, owner: str, now: datetime, life: timedelta) -> datetime | None:
    """Take or renew the right to read the lists; None while another process has it."""
    taken = (await outbox.lease(tx, [_SHARD], owner, now, life)).get(_SHARD)
    return None if taken is None else taken.until


async def place(tx: Tx, kind: Kind) -> Place:
    """Read how far a list is read."""
    row = await tx.first("SELECT * FROM press_places WHERE kind = $1", kind.value)
    if row is None:
        return Place(kind)
    mark = row["mark"]
    cursor = None if mark is None else Cursor(row["start"], from_ms(mark))
    return Place(kind, cursor, row["problem"], row["refusals"], row["version"])


async def save_place(tx: Tx, made: Place) -> bool:
    """Save how far a list is read; False if another process has read on meanwhile."""
    row = await tx.first(
        "INSERT INTO press_places (kind, start, mark, problem, refusals, version)"
        " VALUES ($1, $2, $3, $4, $5, $6)"
        " ON CONFLICT (kind) DO UPDATE SET start = $2, mark = $3, problem = $4, refusals = $5,"
        " version = $6 WHERE press_places.version = $6 - 1 RETURNING version",
        made.kind.value,
        made.cursor.start if made.cursor else 0,
        optional_ms(made.cursor.mark if made.cursor else None),
        made.problem,
        made.refusals,
        made.version + 1,
    )
    return row is not None


async def hold(tx: Tx, place: Place) -> bool:
    """Keep others from reading on until this transaction has ended; False if they have already."""
    row = await tx.first(
        "UPDATE press_places SET version = version WHERE kind = $1 AND version = $2 RETURNING version",
        place.kind.value,
        place.version,
    )
    return row is not None


async def unseen(tx: Tx, kind: Kind, presses: Sequence[Press]) -> list[Press]:
    """Name those that are not taken yet."""
    if not presses:
        return []
    rows = await tx.fetch(
        "SELECT id, at FROM presses_seen WHERE kind = $1 AND at >= $2",
        kind.value,
        to_ms(min(press.at for press in presses)),
    )
    known = {(row["id"], row["at"]) for row in rows}
    return [press for press in presses if (press.id, to_ms(press.at)) not in known]


async def saw(tx: Tx, press: Press) -> bool:
    """Remember that a press is taken; False if it was before."""
    row = await tx.first(
        "INSERT INTO presses_seen (kind, id, at) VALUES ($1, $2, $3)"
        " ON CONFLICT (kind, id, at) DO NOTHING RETURNING id",
        press.kind.value,
        press.id,
        to_ms(press.at),
    )
    return row is not None


async def forget_before(tx: Tx, kind: Kind, mark: datetime) -> None:
    """Forget those that no page can bring again."""
    await tx.execute("DELETE FROM presses_seen WHERE kind = $1 AND at < $2", kind.value, to_ms(mark))
