"""A backtest counts as people do who decide: what was decided as proposed is proposed again."""

import random
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from policybot.domain.backtest import Result
from policybot.store import backtests
from tests.flows.test_ladder import SECOND, SPILL, governed
from tests.world import World, find, user

THIRD = "!third:example.org"
HALF_LIFE = {"window": "half_life", "half_life": "P30D"}


async def reported(world: World, room: str) -> str:
    """Have Tom reported for a message, or for his account if no room is named; return the case."""
    what = user("tom")
    if room:
        event = await world.message("tom", f"Buy my spades, {world.clock()}!", room)
        what = f"https://matrix.to/#/{room}/{event}"
    await world.say("lea", f"!policy report {what} R1 These are adverts")
    return find(r"(?<=New case )C-\d+", world.in_review()[-1])


async def as_proposed(world: World, case: str) -> None:
    """Decide a case as the ladder proposes, with whomever that takes."""
    answer = await world.decided(case, "proposed")
    if "!policy confirm" in answer:
        code = find(r"(?<=!policy confirm )\w+", answer)
        await world.review("otto", f"!policy confirm {code}")
    await world.tick(minutes=5)


async def tried_on(world: World) -> tuple[Result, Counter[str]]:
    """Test the ladder in force on all that was decided; give what was decided first, too."""
    ladder = world.app.setting.ladder
    result = await world.app.services.backtests.run(
        world.database, ladder, world.clock() - timedelta(days=400)
    )
    async with world.database.transaction(reading=True) as tx:
        rows = await tx.fetch(
            "SELECT measure FROM decisions WHERE supersedes IS NULL AND state <> 'overturned'"
            " AND nature = 'decision'"
        )
        assert await backtests.count(tx, world.clock() - timedelta(days=400)) >= len(rows)
    return result, Counter(row["measure"] for row in rows)


@pytest.mark.parametrize("history", [{}, HALF_LIFE], ids=["whole", "fading"])
async def test_what_was_decided_as_proposed_is_proposed_again(
    tmp_path: Path, history: dict[str, str]
) -> None:
    dice = random.Random(6)  # noqa: S311 - the same story each time
    async with governed(tmp_path, member={"spill": SPILL}, history=history) as world:
        await world.governed_room("zoe", SECOND)
        await world.governed_room("lea", THIRD)
        for n in range(12):
            case = await reported(world, dice.choice(["", world.room, SECOND, THIRD]))
            if n in {3, 7}:
                await world.verified("tom") if n == 3 else await world.say("tom", "!policy unlink")
            await as_proposed(world, case)
            await world.tick(days=dice.randrange(2, 12))
        result, decided = await tried_on(world)
    assert len(decided) > 2, f"the story has too few turns: {decided}"
    assert result.matrix == {(one, one): number for one, number in decided.items()}


async def test_a_milder_measure_counts_since_its_first_was_known(tmp_path: Path) -> None:
    async with governed(tmp_path) as world:
        await as_proposed(world, await reported(world, world.room))
        await world.tick(days=5)
        case = await reported(world, world.room)
        await as_proposed(world, case)
        await world.tick(days=5)
        await world.say("tom", f"!policy appeal {case} These were spades for the common garden")
        between = await reported(world, world.room)
        await as_proposed(world, between)
        await world.review("ravi", f"!policy modify {case} warn A warning is enough for this one")
        later = await reported(world, world.room)
        await as_proposed(world, later)
        result, decided = await tried_on(world)
    assert result.matrix == {(one, one): number for one, number in decided.items()}
