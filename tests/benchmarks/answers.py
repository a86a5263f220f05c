"""From a report to its receipt, from a decision to its effect and to the notice, on a real Synapse.

    python -m tests.benchmarks.answers [--cases 40]

At light load: one report and one decision at a time, on loopback, the service as it runs. A report is a
command in the direct chat; a decision removes the message and takes Tom's right to post; the effect is
there when another member sees both; the notice is there when Tom's client has it.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Awaitable
from pathlib import Path
from statistics import median, quantiles

from policybot.demo import story
from policybot.demo.stage import stage
from policybot.demo.story import Cast, found
from tests.benchmarks.publishing import until

_PAUSE = 7
"""Seconds between two cases: who types more than thirty commands a minute is told to wait."""


async def report(cast: Cast, number: int) -> tuple[str, str, float]:
    """Report a message; return its event, its case and the seconds until the receipt was there."""
    room = cast.known["room"]
    event = await cast.people["tom"].say(room, f"Anna, tonight I come for your tomatoes ({number})")
    command = f"!policy report https://matrix.to/#/{room}/{event} R2 He threatens Anna"
    began = time.perf_counter()
    await cast.asks("lea", command, "Your receipt is")
    took = time.perf_counter() - began
    card = await cast.hears("mira", cast.review_room, "New case")
    case = found(r"C-\d+", card)
    await cast.asks_in_review("mira", f"!policy claim {case}", "is yours until")
    return event, case, took


async def decide(cast: Cast, event: str, case: str) -> tuple[float, float]:
    """Decide a case; return the seconds until the effect and until the notice."""
    room, tom, anna = cast.known["room"], cast.people["tom"], cast.people["anna"]
    began = time.perf_counter()

    async def is_removed() -> bool:
        return "redacted_because" in (await anna.event(room, event)).get("unsigned", {})

    async def is_restricted() -> bool:
        return bool((await anna.power_levels(room))["users"].get(tom.user_id, 0) < 0)

    async def done() -> bool:
        return await is_removed() and await is_restricted()

    async def is_free() -> bool:
        return not await is_restricted()

    async def timed(wait: Awaitable[object]) -> float:
        await wait
        return time.perf_counter() - began

    said = f"!policy decide {case} R2 S3 restrict:P7D+remove He announced to break in at night"
    await cast.people["mira"].say(cast.review_room, said)
    effect, notice = await asyncio.gather(
        until(done, began),
        timed(cast.hears("tom", cast.rooms["tom"], f"Decision {case}")),
    )
    await cast.asks_in_review("mira", f"!policy lift {case} They are friends again", "is lifted")
    await until(is_free, began)
    return effect, notice


def shown(times: list[float]) -> str:
    """Write figures."""
    return (
        f"p50 {median(times):.2f} s, p95 {quantiles(times, n=20)[-1]:.2f} s, at worst {max(times):.2f} s"
    )


async def main() -> None:
    """Measure and print."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--cases", type=int, default=40)
    given = asked.parse_args()
    alone = {"ladder.approvals.second_person_from": {"measure": "suspend", "duration": "P30D"}}
    with tempfile.TemporaryDirectory() as folder:
        async with stage(Path(folder), changes=alone) as made:
            cast = Cast(made, lambda *_: None)
            for step in (story.verify, story.sign, story.file_room, story.approve):
                await step(cast)
            for name in ("tom", "lea"):
                await cast.people[name].join(cast.known["room"])
            receipts, effects, notices = list[float](), list[float](), list[float]()
            for number in range(given.cases):
                event, case, receipt = await report(cast, number)
                await asyncio.sleep(_PAUSE)
                effect, notice = await decide(cast, event, case)
                receipts.append(receipt)
                effects.append(effect)
                notices.append(notice)
    print(f"from a report by command to its receipt: {shown(receipts)}")
    print(f"from a decision until others see its effect: {shown(effects)}")
    print(f"from a decision until its notice is there: {shown(notices)}")


if __name__ == "__main__":
    asyncio.run(main())
