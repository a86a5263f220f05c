"""Decisions per second, each with its statement, sanction, audit entries and effects committed.

    python -m tests.benchmarks.decisions [statements]

SQLite with synchronous=FULL; one decision is one transaction, as a command makes it. The time of the
processor is that of the best of many short rounds. With `statements` those of one decision are listed.
"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from policybot.domain.case import Case, State, Subject, SubjectKind
from policybot.services.previews import Choice
from policybot.store import audit, cases
from policybot.store.database import Database, next_number
from tests.statements import listened
from tests.world import World, user, world

DECISIONS = 2000
ROUND = 40


async def prepare(made: World, number: int) -> list[int]:
    """Make cases that wait for a decision, with their claims."""
    found = []
    async with made.database.transaction() as tx:
        for n in range(number):
            event = f"$event-{n}"
            subject = Subject(SubjectKind.EVENT, made.room, event, user(f"member{n}"))
            case = Case(await next_number(tx, "case"), subject, State.OPEN, made.clock(), made.clock())
            await cases.add(tx, case)
            found.append(case.id)
    return found


async def decide(made: World, database: Database, case_id: int) -> None:
    """Decide one case in one transaction."""
    async with database.transaction() as tx:
        case = await made.app.services.cases.find(tx, case_id, f"C-{case_id}")
        choice = Choice("R2", "S3", remove=True, facts="Threatened a neighbour in the garden room.")
        await made.app.services.decisions.decide(tx, user("mira"), case, choice)


async def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        async with world(Path(folder)) as made:
            await made.governed_room()
            waiting = await prepare(made, DECISIONS + 1)
            with listened() as sent:
                await decide(made, made.database, waiting.pop())
            if sys.argv[1:] == ["statements"]:
                print("\n".join(sent))
                return
            begun, rounds = time.perf_counter(), []
            for start in range(0, DECISIONS, ROUND):
                worked = time.process_time()
                for case_id in waiting[start : start + ROUND]:
                    await decide(made, made.database, case_id)
                rounds.append(time.process_time() - worked)
            wall = time.perf_counter() - begun
            async with made.database.transaction() as tx:
                entries = await audit.length(tx)
    print(f"decisions: {DECISIONS / wall:,.0f}/s ({entries / wall:,.0f} audit entries/s) on SQLite")
    print(f"each: {len(sent)} statements, {1000 * min(rounds) / ROUND:.2f} ms of one core")


if __name__ == "__main__":
    asyncio.run(main())
