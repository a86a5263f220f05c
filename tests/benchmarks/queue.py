"""The queue with 100,000 open cases: milliseconds for each page of it, on both databases.

    python -m tests.benchmarks.queue

Each page is asked for as a moderator does, by a command, answered in one transaction.
"""

import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from policybot.domain.priority import HOUR
from policybot.matrix.commands.command import Asked
from policybot.matrix.commands.queues import queue
from policybot.store.database import Database, to_ms
from tests.postgres import fresh_database, postgres
from tests.world import REVIEW, START, World, user, world

CASES = 100_000
ROOMS = 1_000
TIMES = 20
_BATCH = 5_000
_RULES = ("R1", "R1", "R1", "R2", "unsorted")
_PAGES = {
    "first page": "cases",
    "a later page": "cases after C-50000",
    "the last page": "cases after C-{last}",
    "a frequent rule": "cases R1",
    "a rare rule": "cases R3",
    "a rare rule, a later page": "cases R3 after C-50000",
    "a room": "cases !room7:example.org",
    "a room and a rule": "cases !room7:example.org R2",
    "mine": "cases mine",
    "overdue, nearly all": "cases overdue",
    "overdue, hardly any": "cases overdue R3",
}


async def fill(database: Database, owned: Sequence[int]) -> None:
    """Put cases and reports straight into the tables; those about `owned` rooms are the most urgent."""
    dice = random.Random(7)  # noqa: S311 - the same queue each time
    for begin in range(1, CASES + 1, _BATCH):
        await _cases(database, range(begin, begin + _BATCH), dice, set(owned))
    async with database.transaction() as tx:
        await tx.execute("ANALYZE")


async def _cases(database: Database, ids: Sequence[int], dice: random.Random, owned: set[int]) -> None:
    found, subjects, reports, named = [], [], [], []
    for n in ids:
        room, points = n % ROOMS, dice.randrange(20)
        rule = "R3" if n % 10_000 == 77 else _RULES[n % len(_RULES)]
        at = to_ms(START) - dice.randrange(30 * 86_400_000)
        due = at + 86_400_000
        rank = due - points * to_ms_hours(500 if room in owned else 1)
        about = "event", f"!room{room}:example.org", f"$event{n}", f"@member{n % 5000}:example.org"
        key = f"event {about[1]} {about[2]}"
        claimed = user("mira") if n % 5_000 == 55 else None
        rules = rule if rule != "unsorted" else ""
        named += [(n, rule, rank)] if rules else []
        state = "claimed" if claimed else "open"
        lease = to_ms(START) + 1_800_000 if claimed else None
        found.append((n, *about, key, state, at, claimed, lease, due, rank, rules))
        subjects.append((n, *about, key))
        reports.append((n, f"@reader{n % 3000}:example.org", key, rule, "An advert", n, at))
    async with database.transaction() as tx:
        await tx.many(
            "INSERT INTO cases (id, kind, room_id, event_id, user_id, subject_key, state, opened_at,"
            " occurred_at, assignee, lease_until, due_at, rank, rules)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $10, $11, $12, $13)",
            found,
        )
        await tx.many(
            "INSERT INTO case_subjects (case_id, kind, room_id, event_id, user_id, subject_key,"
            " undecided) VALUES ($1, $2, $3, $4, $5, $6, 1)",
            subjects,
        )
        await tx.many("INSERT INTO case_rules (case_id, rule_id, rank) VALUES ($1, $2, $3)", named)
        await tx.many(
            "INSERT INTO reports (id, reporter, subject_key, category, text, case_id, state,"
            " received_at, via) VALUES ($1, $2, $3, $4, $5, $6, 'attached', $7, 'command')",
            reports,
        )


def to_ms_hours(hours: int) -> int:
    """Give hours in milliseconds."""
    return round(hours * HOUR.total_seconds() * 1000)


async def _moderate(made: World, owned: Sequence[int]) -> None:
    """Let Mira moderate some rooms, so that their cases are none of hers."""
    async with made.database.transaction() as tx:
        await tx.many(
            "INSERT INTO rooms (room_id, kind, version, creators, levels, at)"
            " VALUES ($1, 'governed', '11', '[]', $2, 0)",
            [
                (
                    f"!room{n}:example.org",
                    f'{{"users": {{"{user("mira") if n in owned else user("owner")}": 50}}}}',
                )
                for n in range(ROOMS)
            ],
        )


async def measure(what: str, made: World) -> None:
    """Ask for each page, and print how long it took."""
    async with made.database.transaction(reading=True) as tx:
        last = await tx.value(
            "SELECT id AS value FROM cases ORDER BY rank DESC, id DESC LIMIT 1 OFFSET 9"
        )
    for title, words in _PAGES.items():
        times, size = [], 0
        for _ in range(TIMES):
            begun = time.perf_counter()
            async with made.database.transaction() as tx:
                roles = await made.app.setting.roles(tx, user("mira"))
                text = words.format(last=last)
                asked = Asked(tx, user("mira"), roles, None, REVIEW, "$e", None, {"WHAT": text}, {}, {})
                answer = await queue(made.app.services, asked)
            times.append((time.perf_counter() - begun) * 1000)
            size = answer.count("priority")
        p95 = statistics.quantiles(times, n=20)[-1]
        print(
            f"{what}: {title}: {size} cases, median {statistics.median(times):.1f} ms,"
            f" p95 {p95:.1f} ms, most {max(times):.1f} ms"
        )


async def main() -> None:
    """Measure on both databases."""
    owned = range(3)
    with postgres() as socket:
        for what in ("SQLite", "PostgreSQL"):
            with tempfile.TemporaryDirectory() as name:
                url = f"sqlite:///{name}/queue.db"
                if what == "PostgreSQL":
                    url = await fresh_database(socket, "queue")
                async with world(Path(name), url) as made:
                    begun = time.perf_counter()
                    await fill(made.database, owned)
                    await _moderate(made, owned)
                    print(f"{what}: {CASES:,} cases put in, {time.perf_counter() - begun:.0f} s")
                    made.clock.pass_time(days=1)
                    await measure(what, made)


if __name__ == "__main__":
    asyncio.run(main())
