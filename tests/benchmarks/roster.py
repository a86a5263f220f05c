"""Import of a roster of 100,000 lines: seconds and memory, reading, comparing and writing.

    python -m tests.benchmarks.roster

The import itself stretches nothing: Argon2 is spent when somebody verifies themselves, a third of a
second for each, one at a time. The second import of the same list finds that nothing changes.
"""

import asyncio
import csv
import tempfile
import time
from pathlib import Path

import psutil

from policybot.app import App
from policybot.config import load
from policybot.identity.roster import read
from policybot.store.database import Database
from tests import files
from tests.postgres import fresh_database, postgres

LINES = 100_000


def write(path: Path) -> None:
    """Write a roster with a name and a birth date in each line."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("person", "name", "birthdate", "code"))
        for n in range(LINES):
            writer.writerow((f"M-{n:06d}", f"Person Number {n}", "1980-01-01", f"code-{n:08d}"))


async def measure(what: str, folder: Path, url: str = "") -> None:
    """Import twice into an empty database, and print."""
    config = load(files.write(folder, url))
    process = psutil.Process()
    before = peak = process.memory_info().rss

    def progress(_: int) -> None:
        nonlocal peak
        peak = max(peak, process.memory_info().rss)

    database = await Database.open(config.database_url)
    roster = App(config, database).services.roster
    for time_of_it in ("first", "second"):
        begun = time.perf_counter()
        listing = read(folder.parent / "roster.csv")
        assert not listing.refused
        plan = await roster.plan(database, listing.entries, progress)
        await roster.carry_out(database, plan, progress)
        wall = time.perf_counter() - begun
        grown = (peak - before) / 2**20
        print(f"{what}: {time_of_it} import of {LINES:,} lines {wall:.1f} s, memory +{grown:.0f} MiB")
    await database.close()


async def main() -> None:
    """Measure on both databases."""
    with tempfile.TemporaryDirectory() as name, postgres() as socket:
        folder = Path(name)
        write(folder / "roster.csv")
        await measure("SQLite", folder / "sqlite")
        await measure("PostgreSQL", folder / "postgres", await fresh_database(socket, "roster"))


if __name__ == "__main__":
    asyncio.run(main())
