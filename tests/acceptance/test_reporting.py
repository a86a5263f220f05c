"""Reports on the real Synapse: receipts in time, an objection, a new look, a warning that arrives."""

import asyncio
import time
from pathlib import Path
from statistics import median, quantiles

from policybot.demo import story
from policybot.demo.stage import stage
from policybot.demo.story import Cast, found

REPORTS = 20
"""Nobody has more than thirty commands a minute."""
BECAUSE = "Reports whatever Tom writes, and nothing of it was one"


async def test_whoever_reports_has_a_receipt_in_time_and_another_look_at_the_answer(
    tmp_path: Path,
) -> None:
    async with stage(tmp_path) as made:
        cast = Cast(made, lambda *_: None)
        for step in (story.verify, story.sign, story.file_room, story.approve):
            await step(cast)
        for name in ("tom", "lea"):
            await cast.people[name].join(cast.known["room"])
        event = await cast.people["tom"].say(
            cast.known["room"], "Anna, tonight I come for your tomatoes"
        )
        link = f"https://matrix.to/#/{cast.known['room']}/{event}"
        answer = await cast.asks("lea", f"!policy report {link} R2 He threatens Anna", "Your receipt is")
        receipt = found(r"R-\d+", answer)
        case = found(r"C-\d+", await cast.hears("mira", cast.review_room, "New case"))
        await cast.asks_in_review("mira", f"!policy dismiss {case} They are friends", "no breach")
        await cast.hears("lea", cast.rooms["lea"], f"!policy object {receipt}")
        await cast.asks("lea", f"!policy object {receipt} They have not spoken for years", "is in")
        await cast.hears("ravi", cast.review_room, f"Objection about {receipt}")
        answer = await cast.asks_in_review(
            "ravi", f"!policy overturn {receipt} Ask them", "is open again"
        )
        assert case in answer
        await cast.hears("lea", cast.rooms["lea"], f"case {case} is open again")
        await cast.asks("lea", f"!policy status {receipt}", "waits for a moderator")
        await cast.asks_in_review(
            "otto", f"!policy decide {case} R2 S1 warn He threatens Anna", "carried"
        )
        await cast.hears("lea", cast.rooms["lea"], "took a measure")
        await check_receipts(cast)
        await check_warning(cast)


async def check_receipts(cast: Cast) -> None:
    """Measure from a report by command to its receipt."""
    room, tom, lea = cast.known["room"], cast.people["tom"], cast.people["lea"]
    events = [await tom.say(room, f"Lovely tomatoes, basket {n}") for n in range(REPORTS)]
    began: list[float] = []
    took: list[float] = []

    async def reporting() -> None:
        for event in events:
            await asyncio.sleep(0.31)
            began.append(time.monotonic())
            link = f"https://matrix.to/#/{room}/{event}"
            await lea.say(cast.rooms["lea"], f"!policy report {link} R1 Another advert of his")

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(reporting())
        for n in range(REPORTS):
            await cast.hears("lea", cast.rooms["lea"], "Your receipt is")
            took.append(time.monotonic() - began[n])
    p95 = quantiles(took, n=20)[-1]
    print(f"receipt after {REPORTS} reports by command: p50 {median(took):.2f} s, p95 {p95:.2f} s")
    assert p95 <= 3


async def check_warning(cast: Cast) -> None:
    """Call reports unfounded until a warning is possible, and see that a pause needs its arrival."""
    chat = cast.rooms["lea"]
    for number in range(2, 5):
        await cast.asks_in_review(
            "mira", f"!policy dismiss C-{number} Tomatoes are allowed", "no breach"
        )
        await cast.hears("lea", chat, f"!policy object R-{number}")
        await cast.asks_in_review("mira", f"!policy unfounded R-{number} {BECAUSE}", "is noted")
    await cast.asks_in_review("mira", f"!policy caution R-4 {BECAUSE}", "is warned")
    await cast.hears("lea", chat, "A warning about your reports")
    event = await cast.people["tom"].say(cast.known["room"], "More tomatoes")
    link = f"https://matrix.to/#/{cast.known['room']}/{event}"
    answer = await cast.asks("lea", f"!policy report {link} R1 Again!", "Your receipt is")
    last = found(r"\d+", found(r"R-\d+", answer))
    await cast.asks_in_review("mira", f"!policy dismiss C-{last} Tomatoes are allowed", "no breach")
    await cast.asks_in_review("mira", f"!policy unfounded R-{last} {BECAUSE}", "is noted")
    await cast.asks_in_review("mira", f"!policy pause R-{last} P7D {BECAUSE}", "are not taken")
    await cast.hears("lea", chat, "Your reports are paused until")
    await cast.asks("lea", f"!policy report {cast.known['room']} R1 All of it", "was not taken")
