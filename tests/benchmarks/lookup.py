"""Finding one person among 1,000,000 by the blind index: milliseconds for each look, on both databases.

    python -m tests.benchmarks.lookup

Argon2 comes before, a third of a second for each person on purpose; it is not in these figures.
"""

import asyncio
import secrets
import statistics
import tempfile
import time
from pathlib import Path

from policybot.config.keys import KeyFile
from policybot.store.database import Database
from policybot.store.vault import Vault
from tests.postgres import fresh_database, postgres

PERSONS = 1_000_000
LOOKS = 2_000
_BATCH = 20_000


async def measure(what: str, url: str, vault: Vault) -> None:
    """Fill the index, look persons up who are there and who are not, and print."""
    database = await Database.open(url)
    known: list[str] = []
    for start in range(0, PERSONS, _BATCH):
        rows = [
            ("roster", f"1.{secrets.token_hex(32)}", f"P-{n:032x}") for n in range(start, start + _BATCH)
        ]
        known += [row[1] for row in rows[: LOOKS * _BATCH // PERSONS]]
        async with database.transaction() as tx:
            await tx.many(
                "INSERT INTO vault_index (purpose, blind, person_id) VALUES ($1, $2, $3)", rows
            )
    times = []
    for blind in [*known, *(f"1.{secrets.token_hex(32)}" for _ in range(LOOKS))]:
        begun = time.perf_counter()
        async with database.transaction(reading=True) as tx:
            await vault.find(tx, "roster", blind)
        times.append((time.perf_counter() - begun) * 1000)
    p95 = statistics.quantiles(times, n=20)[-1]
    print(f"{what}: one of {PERSONS:,}: median {statistics.median(times):.2f} ms, p95 {p95:.2f} ms")
    await database.close()


async def main() -> None:
    """Measure on both databases."""
    with tempfile.TemporaryDirectory() as name, postgres() as socket:
        vault = Vault(KeyFile.make(Path(name) / "vault.key"))
        await measure("SQLite", f"sqlite:///{name}/index.db", vault)
        await measure("PostgreSQL", await fresh_database(socket, "lookup"), vault)


if __name__ == "__main__":
    asyncio.run(main())
