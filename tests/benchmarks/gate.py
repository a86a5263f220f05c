"""What the gate costs a message on a real Synapse: without a door, by HTTP callbacks, by the module.

    python -m tests.benchmarks.gate

Four homeservers with a policybot each, on loopback, written to in turn, so that what else the machine
does falls on all alike; how far the two without a door differ is how far such figures can be trusted.
Beside the time of the whole request, what Synapse itself measures of the module's callback (its metric
`synapse_util_metrics_block_time_seconds`).
"""

import asyncio
import random
import re
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median, quantiles

from policybot.demo import story
from policybot.demo.stage import Door, Stage, stage
from policybot.demo.story import Cast
from tests.acceptance.test_publishing import verified_and_signed
from tests.benchmarks.rules import word
from tests.ruled import R1, R2

DOORS: dict[str, tuple[Door, ...]] = {
    "no door": (),
    "no door, again": (),
    "(a) HTTP": ("antispam",),
    "(b) module": ("module",),
}
MESSAGES, WARM = 500, 40
WORDS = 10_000
GOAL = 0.3
"""Milliseconds that the module may add."""
_PAUSE = 0.03
"""Seconds between two messages, in which the homeserver gives the last one to policybot."""
_METRIC = re.compile(r"synapse_util_metrics_block_(time_seconds|count)(?:_total)?\{(.*)\} (\S+)")
_BLOCK = "check_event_for_spam"


async def room_in(made: Stage) -> str:
    """Have a room filed and approved, and return it."""
    cast = Cast(made, lambda *_: None)
    await verified_and_signed(cast, "anna")
    await story.file_room(cast)
    await story.approve(cast)
    return cast.known["room"]


async def send(made: Stage, room: str, text: str) -> float:
    """Write a message; return the milliseconds until it was accepted."""
    begun = time.perf_counter()
    await made.people["anna"].say(room, text)
    return (time.perf_counter() - begun) * 1000


async def measured(made: Stage) -> tuple[float, int]:
    """Read from Synapse how long the module was asked: milliseconds in all, and how often."""
    async with made.session.get(f"{made.synapse.address}/_synapse/metrics") as answer:
        text = await answer.text()
    seconds, count = 0.0, 0.0
    for line in text.splitlines():
        found = re.match(
            r"synapse_util_metrics_block_(time_seconds|count)(?:_total)?\{(.*)\} (\S+)", line
        )
        if found and _BLOCK in found[2]:
            if found[1] == "count":
                count += float(found[3])
            else:
                seconds += float(found[3])
    return seconds * 1000, int(count)


async def main() -> None:
    """Measure and print."""
    words = [word() for _ in range(WORDS)]
    rule = {"when": {"terms": {"words": words}}, "then": ["refuse"]}
    changes = {"rules": [R1 | rule, R2]}
    drawn = random.Random(7)  # noqa: S311 - for measuring
    times: dict[str, list[float]] = {door: [] for door in DOORS}
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stages = {}
        for number, (door, gate) in enumerate(DOORS.items()):
            (folder / str(number)).mkdir()
            made = await stack.enter_async_context(
                stage(folder / str(number), changes=changes, gate=gate, metrics=True)
            )
            stages[door] = made, await room_in(made)
        before: dict[str, tuple[float, int]] = {}
        for number in range(WARM + MESSAGES):
            if number == WARM:
                before = {door: await measured(made) for door, (made, _) in stages.items()}
            for door in drawn.sample(list(stages), len(stages)):
                made, room = stages[door]
                took = await send(
                    made, room, f"zz{number} " + " ".join("zz" + word() for _ in range(15))
                )
                if number >= WARM:
                    times[door].append(took)
                await asyncio.sleep(_PAUSE)
        after = {door: await measured(made) for door, (made, _) in stages.items()}
    plain = median(times["no door"])
    for door, made_of in times.items():
        asked = after[door][1] - before[door][1]
        spent = after[door][0] - before[door][0]
        inside = f"; asked for {spent / asked:.3f} ms each, as Synapse measures it" if asked else ""
        middle, late = median(made_of), quantiles(made_of, n=20)[-1]
        print(
            f"{door:>14}: {middle:6.2f} ms a message (p95 {late:.1f}), {middle - plain:+.2f} ms{inside}"
        )
    print(f"goal for the module: +{GOAL} ms; {MESSAGES} messages each, {WORDS:,} words")


if __name__ == "__main__":
    asyncio.run(main())
