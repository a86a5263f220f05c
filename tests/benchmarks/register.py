"""The public register with 100,000 filings: milliseconds for each page, on both databases.

    python -m tests.benchmarks.register

The pages are asked for as a browser does, by HTTP, in the process that serves them.
"""

import asyncio
import json
import random
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import aiohttp
from aiohttp import web

from policybot.demo.synapse import free_port
from policybot.domain import number
from policybot.domain.register import words
from policybot.store.database import Database, to_ms
from tests.postgres import fresh_database, postgres
from tests.world import START, World, world

FILINGS = 100_000
PEOPLE = 5_000
TIMES = 60
_BATCH = 5_000
_STATES = ("approved", "approved", "approved", "approved", "renewal_due", "suspended", "revoked")
_STANDINGS = {"approved": "in_force", "renewal_due": "in_force"}
_COMMON = ("room", "for", "neighbours", "who", "talk", "about", "gardens", "news", "of", "the", "town")
_PAGES = {
    "first page": "/register",
    "deep page": "/register?before=4000",
    "filter, frequent": "/register?category=general&state=in_force",
    "filter, rare": "/register?category=rare&state=suspended",
    "search, one hit": f"/register?q=topic{FILINGS // 2}",
    "search, a record number": f"/register?q={number.record('PB', 2026, FILINGS // 3)}",
    "search, frequent words": "/register?q=neighbours+gardens",
    "search, frequent words and a filter": "/register?q=neighbours+gardens&state=revoked",
    "search, many beginnings": "/register?q=t+n+g+r",
    "search, frequent words that never meet": "/register?q=even+odd",
    "search, frequent words that never meet, deep": "/register?q=even+odd&before=50000",
    "search, a front name": "/register?q=name777",
    "search, miss": "/register?q=nothingofthekind",
    "one entry": f"/register/{number.record('PB', 2026, FILINGS // 2)}",
    "a mistyped number": "/register/PB-2026-050000-XX",
    "feed": "/register.atom",
}


def _text(serial: int, dice: random.Random) -> str:
    parity = "even" if serial % 2 else "odd"
    return f"{' '.join(dice.sample(_COMMON, 8))} {parity} topic{serial} {dice.randrange(5000)}"


async def fill(database: Database) -> None:
    """Put persons and filings straight into the tables."""
    dice, now = random.Random(7), to_ms(START)  # noqa: S311 - the same register each time
    people = [(f"P-{n}", f"@person{n}:example.org", f"name{n}") for n in range(PEOPLE)]
    async with database.transaction() as tx:
        await tx.many(
            "INSERT INTO persons (id, created_at) VALUES ($1, $2)", [(one, now) for one, _, _ in people]
        )
        await tx.many(
            "INSERT INTO links (person_id, user_id, slot, front, created_at) VALUES ($1, $2, 1, $3, $4)",
            [(one, account, "pseudonym", now) for one, account, _ in people],
        )
        await tx.many(
            "INSERT INTO verifications (person_id, source, realm, level, process, verified_at,"
            " expires_at, checked_at) VALUES ($1, 'roster', 'roster', 2, 'code', $2, $3, $2)",
            [(one, now, now * 2) for one, _, _ in people],
        )
        await tx.many(
            "INSERT INTO front_names (user_id, front, name, look, since)"
            " VALUES ($1, 'pseudonym', $2, $3, $4)",
            [(account, name, f"look-{name}", now) for _, account, name in people],
        )
    for begin in range(1, FILINGS + 1, _BATCH):
        await _filings(database, range(begin, begin + _BATCH), dice)
    async with database.transaction() as tx:
        await tx.execute("INSERT INTO counters (name, value) VALUES ('register', $1)", FILINGS)
        await tx.execute("ANALYZE")


async def _filings(database: Database, serials: Sequence[int], dice: random.Random) -> None:
    filings, entries, states, found = [], [], [], []
    for serial in serials:
        at, state = to_ms(START) + serial * 1000, _STATES[serial % len(_STATES)]
        record, who = number.record("PB", 2026, serial), serial % PEOPLE
        purpose = _text(serial, dice)
        category = "rare" if serial % 10_000 == 0 else "general"
        filings.append(
            (
                serial,
                record,
                f"!room{serial}:example.org",
                f"@person{who}:example.org",
                purpose,
                json.dumps([category]),
                state,
                at,
            )
        )
        entries.append((serial, serial, at, "voluntary"))
        states += [(serial, "approved", at, "after a review"), (serial, state, at, "by decision")]
        text = f"{record} {purpose} !room{serial} @person{who} name{who}"
        own = [f"category={category}", f"state={_STANDINGS.get(state, state)}"]
        found += [(word, serial) for word in {*words(text), *own}]
    async with database.transaction() as tx:
        await tx.many(
            "INSERT INTO filings (id, record_number, room_id, applicant, purpose, categories, state,"
            " submitted_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            filings,
        )
        await tx.many(
            "INSERT INTO register (entry, filing_id, approved_at, shows) VALUES ($1, $2, $3, $4)",
            entries,
        )
        await tx.many(
            "INSERT INTO filing_states (filing_id, state, at, why) VALUES ($1, $2, $3, $4)", states
        )
        await tx.many("INSERT INTO filing_words (word, entry) VALUES ($1, $2)", found)


async def measure(what: str, made: World) -> None:
    """Ask for each page, and print how long it took."""
    runner, port = web.AppRunner(made.app.pages(), access_log=None), free_port()
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    async with aiohttp.ClientSession(headers={"Host": "policybot.example.org"}) as session:
        for title, path in _PAGES.items():
            times, size = [], 0
            for _ in range(TIMES):
                begun = time.perf_counter()
                async with session.get(f"http://127.0.0.1:{port}{path}") as answer:
                    text = await answer.text()
                times.append((time.perf_counter() - begun) * 1000)
                assert answer.status in {200, 404}, text
                size = text.count("<li>\n<h3>")
            p95 = statistics.quantiles(times, n=20)[-1]
            print(
                f"{what}: {title}: {size} entries, median {statistics.median(times):.1f} ms,"
                f" p95 {p95:.1f} ms, most {max(times):.1f} ms"
            )
    await runner.cleanup()


async def main() -> None:
    """Measure on both databases."""
    kinds = [{"id": "general", "title": "General"}, {"id": "rare", "title": "Rare"}]
    with postgres() as socket:
        for what in ("SQLite", "PostgreSQL"):
            with tempfile.TemporaryDirectory() as name:
                url = f"sqlite:///{name}/register.db"
                if what == "PostgreSQL":
                    url = await fresh_database(socket, "register")
                async with world(Path(name), url, **{"filing.categories": kinds}) as made:
                    begun = time.perf_counter()
                    await fill(made.database)
                    print(f"{what}: {FILINGS:,} filings put in, {time.perf_counter() - begun:.0f} s")
                    await measure(what, made)


if __name__ == "__main__":
    asyncio.run(main())
