"""Files in quarantine, by the cases because of which they are."""

from collections.abc import Iterable

from policybot.domain.quarantine import Quarantine
from policybot.store.database import Tx, from_ms, to_ms


async def begin(tx: Tx, quarantine: Quarantine) -> bool:
    """Note that a file is put in quarantine; False if it is already because of this case."""
    row = await tx.first(
        "INSERT INTO quarantines (case_id, uri, by_whom, reason, since) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (case_id, uri) DO NOTHING RETURNING uri",
        quarantine.case_id,
        quarantine.uri,
        quarantine.by,
        quarantine.reason,
        to_ms(quarantine.since),
    )
    return row is not None


async def of_case(tx: Tx, case_id: int) -> list[Quarantine]:
    """List the files that are in quarantine because of a case."""
    rows = await tx.fetch("SELECT * FROM quarantines WHERE case_id = $1 ORDER BY since, uri", case_id)
    return [
        Quarantine(row["case_id"], row["uri"], row["by_whom"], row["reason"], from_ms(row["since"]))
        for row in rows
    ]


async def end(tx: Tx, case_id: int) -> list[str]:
    """End the quarantines of a case; name the files that are in none any more."""
    await lock(tx, [one.uri for one in await of_case(tx, case_id)])
    ended = await tx.fetch("DELETE FROM quarantines WHERE case_id = $1 RETURNING uri", case_id)
    return [
        row["uri"]
        for row in ended
        if await tx.first("SELECT uri FROM quarantines WHERE uri = $1 LIMIT 1", row["uri"]) is None
    ]


async def move(tx: Tx, source_id: int, target_id: int, uris: Iterable[str]) -> None:
    """Let files be in quarantine because of another case, if they are because of one."""
    for uri in sorted(set(uris)):
        await tx.execute(
            "DELETE FROM quarantines WHERE case_id = $1 AND uri = $3 AND EXISTS"
            " (SELECT 1 FROM quarantines o WHERE o.case_id = $2 AND o.uri = $3)",
            source_id,
            target_id,
            uri,
        )
        await tx.execute(
            "UPDATE quarantines SET case_id = $2 WHERE case_id = $1 AND uri = $3",
            source_id,
            target_id,
            uri,
        )


async def lock(tx: Tx, uris: Iterable[str]) -> None:
    """Let others who change the quarantine of the same files wait until this transaction has ended."""
    for uri in sorted(set(uris)):
        await tx.execute("UPDATE quarantines SET since = since WHERE uri = $1", uri)
