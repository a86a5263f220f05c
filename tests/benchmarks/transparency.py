"""The figures of 1,000,000 decisions over 3 years: milliseconds for each page.

    python -m tests.benchmarks.transparency

The day figures are put in as those of 1,000,000 decisions are, 913 a day, with as many of the other
acts; the pages are asked for as a browser does, by HTTP, in the process that serves them. The log that
is counted has a report, a decision, its carrying out and its notice for each case.
"""

import asyncio
import json
import random
import statistics
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

import aiohttp
from aiohttp import web

from policybot.demo.synapse import free_port
from policybot.domain.population import POPULATIONS
from policybot.store import figures
from policybot.store.database import Database, to_ms
from tests.postgres import fresh_database, postgres
from tests.world import START, World, world

DECISIONS = 1_000_000
DAYS = 3 * 365
TIMES = 100
CASES = 10_000
_BATCH = 50
_PAGES = {
    "page, all years": "/transparency?period=all",
    "page, a year": "/transparency?period=2028",
    "report of a year": "/transparency/2028",
    "CSV, all years": "/transparency.csv?period=all",
    "JSON, all years": "/transparency.json?period=all",
}


async def fill(made: World) -> int:
    """Put the figures of each day in; give how many rows they are."""
    dice, first, rules = random.Random(7), date(2026, 1, 1), [rule.id for rule in made.config.rules]  # noqa: S311 - the same figures each time
    rows = 0
    for begin in range(0, DAYS, _BATCH):
        numbers: dict[tuple[date, str, str], int] = {}
        for day in (first + timedelta(days=n) for n in range(begin, min(begin + _BATCH, DAYS))):
            for population in POPULATIONS:
                most = DECISIONS // DAYS if population.key == "on_reports" else dice.randrange(1, 1000)
                numbers[day, population.key, ""] = most
                numbers[day, population.key, f"month:{day:%Y-%m}"] = most
                for table in population.tables:
                    if table.of is not None:
                        continue  # numbers by chance would not fit together with those of the others
                    for key in [key for key, _ in table.labels] or rules:
                        share = dice.randrange(most // 10 + 2)
                        numbers[day, population.key, f"{table.key}:{key}"] = share
        async with made.database.transaction() as tx:
            await figures.count(tx, numbers)
        rows += len(numbers)
    return rows


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
                assert answer.status == 200, text
                size = len(text)
            p95 = statistics.quantiles(times, n=20)[-1]
            print(
                f"{what}: {title}: {size:,} characters, median {statistics.median(times):.1f} ms,"
                f" p95 {p95:.1f} ms, most {max(times):.1f} ms"
            )
    await runner.cleanup()


async def log(database: Database, policy: str) -> int:
    """Write a log of cases straight into the tables; give how many entries it has."""
    entries, reports, cases, decided = [], [], [], []
    seq, at = 0, to_ms(START)
    for n in range(1, CASES + 1):
        cases.append((n, f"key{n}", "closed", at, at))
        reports.append((n, f"@p{n}:example.org", f"key{n}", n, at))
        decided.append((n, n, policy, at))
        for tag, of, payload in (
            ("report:receive", f"R-{n}", {}),
            ("case:open", f"C-{n}", {}),
            ("decision:final", f"C-{n}", {"decision": n}),
            ("sanction:enforce", f"C-{n}", {"decision": n}),
            ("notice:arrive", f"C-{n}", {"decision": n}),
        ):
            seq += 1
            entries.append((seq, at + n * 1000, tag, of, json.dumps(payload)))
    async with database.transaction() as tx:
        await tx.many(
            "INSERT INTO cases (id, kind, subject_key, state, opened_at, occurred_at, due_at, rank)"
            " VALUES ($1, 'user', $2, $3, $4, $5, 0, 0)",
            cases,
        )
        await tx.many(
            "INSERT INTO reports (id, reporter, subject_key, category, text, case_id, state,"
            " received_at, via) VALUES ($1, $2, $3, 'R1', 'x', $4, 'attached', $5, 'command')",
            reports,
        )
        await tx.many(
            "INSERT INTO decisions (id, case_id, state, policy_hash, rule_id, scope, scope_key,"
            " severity, history, measure, remove, facts, explanation, statement, occurred_at,"
            " decided_at, decider) VALUES ($1, $2, 'final', $3, 'R1', 'member', 'k', 'S2', 'H0',"
            " 'warn', 0, 'f', '[]', '{}', $4, $4, '@mira:example.org')",
            decided,
        )
        begin = int(await tx.value("SELECT seq AS value FROM audit_head"))
        await tx.many(
            "INSERT INTO audit (seq, at, actor, veil, tag, object, commitment, hash)"
            " VALUES ($1, $2, 'x', '', $3, $4, '', '')",
            [(begin + s, when, tag, of) for s, when, tag, of, _ in entries],
        )
        await tx.many(
            "INSERT INTO audit_payloads (seq, salt, payload) VALUES ($1, '', $2)",
            [(begin + s, payload) for s, _, _, _, payload in entries],
        )
        await tx.execute("UPDATE audit_head SET seq = $1", begin + seq)
        await tx.execute("UPDATE figures_read SET seq = $1", begin)
        await tx.execute("ANALYZE")
    return seq


async def follow(what: str, made: World) -> None:
    """Count a log that is not counted yet."""
    async with made.database.transaction(reading=True) as tx:
        policy = str(await tx.value("SELECT hash AS value FROM policies"))
    number = await log(made.database, policy)
    begun = time.perf_counter()
    for _ in range(20):
        await made.app.services.figures.tick(made.database)
    took = time.perf_counter() - begun
    async with made.database.transaction(reading=True) as tx:
        assert await figures.behind(tx) <= 1
        counted = await tx.value(
            "SELECT SUM(number) AS value FROM figures WHERE population = 'on_reports' AND cell = ''"
        )
    assert counted == CASES
    print(f"{what}: {number:,} entries of the log counted in {took:.1f} s, {number / took:,.0f}/s")


async def main() -> None:
    """Measure on both databases."""
    with postgres() as socket:
        for what in ("SQLite", "PostgreSQL"):
            for part in ("follow", "pages"):
                with tempfile.TemporaryDirectory() as name:
                    url = f"sqlite:///{name}/figures.db"
                    if what == "PostgreSQL":
                        url = await fresh_database(socket, part)
                    async with world(Path(name), url) as made:
                        if part == "follow":
                            await follow(what, made)
                            continue
                        rows = await fill(made)
                        made.clock.pass_time(days=DAYS)
                        begun = time.perf_counter()
                        await made.app.services.figures.tick(made.database)
                        took = time.perf_counter() - begun
                        print(f"{what}: {rows:,} day figures, 12 quarters published in {took:.1f} s")
                        await measure(what, made)


if __name__ == "__main__":
    asyncio.run(main())
