"""A policy list of 100,000 rules: read, kept, and held against 10,000 people; on both databases.

python -m tests.benchmarks.lists
"""

import asyncio
import tempfile
import time
from datetime import UTC, datetime

from policybot.domain.policy_list import MOST, MOST_WILD, Kind, glob, hashed, literal, read_all
from policybot.store import policy_lists
from policybot.store.database import Database
from tests.lists import rule
from tests.postgres import fresh_database, postgres

NOW = datetime(2026, 3, 2, tzinfo=UTC)
PEOPLE = [f"@member{n}:server{n % 300}.net" for n in range(10_000)]


async def measure(what: str, url: str) -> None:
    """Fill a list, change one rule, and ask for everybody."""
    database = await Database.open(url)
    third = MOST // 3
    events = [rule(f"@spam{n}:bad{n % 900}.net", f"Spam, wave {n}") for n in range(third)]
    events += [rule(f"@*:bad{n}.net") for n in range(third - MOST_WILD)]
    events += [rule(f"*sp?m{n}*") for n in range(MOST_WILD)]
    for n in range(third):
        content = {"hashes": {"sha256": hashed(f"@h{n}:x.net").partition(":")[2]}}
        events.append({**rule("", **content), "state_key": f"h{n}"})  # type: ignore[arg-type]  # more keys
    begun = time.perf_counter()
    found, left_out = read_all(events, "example.org")
    print(f"{what}: read {len(found):,} rules in {time.perf_counter() - begun:.2f} s, {left_out} left")
    async with database.transaction() as tx:
        await policy_lists.keep(tx, {"big": "!big:x.net"}, NOW)
    begun = time.perf_counter()
    async with database.transaction() as tx:
        await policy_lists.put(tx, "big", found, NOW)
    print(f"{what}: keep them: {time.perf_counter() - begun:.2f} s")
    begun = time.perf_counter()
    async with database.transaction(reading=True) as tx:
        outright = await policy_lists.naming(tx, Kind.USER, PEOPLE)
        globs = await policy_lists.globs(tx, Kind.USER, {one.partition(":")[2] for one in PEOPLE})
    asked = time.perf_counter() - begun
    begun = time.perf_counter()
    parts = [(one.rule.entity, literal(one.rule.entity)) for one in globs]
    hits = sum(part in who and glob(pattern, who) for pattern, part in parts for who in PEOPLE)
    tried = time.perf_counter() - begun
    print(f"{what}: 10,000 people: asked {asked:.2f} s, {len(globs)} globs tried {tried:.2f} s")
    assert (len(outright), hits) == (0, 0)
    begun = time.perf_counter()
    async with database.transaction(reading=True) as tx:
        await policy_lists.naming(tx, Kind.USER, PEOPLE[:1])
        await policy_lists.globs(tx, Kind.USER, {"server0.net"})
    print(f"{what}: one who enters: {(time.perf_counter() - begun) * 1000:.1f} ms")
    await database.close()


async def main() -> None:
    """Measure on both databases."""
    with tempfile.TemporaryDirectory() as name, postgres() as socket:
        await measure("SQLite", f"sqlite:///{name}/lists.db")
        await measure("PostgreSQL", await fresh_database(socket, "lists"))


if __name__ == "__main__":
    asyncio.run(main())
