"""How many messages a second are judged, with few words and with many, and what renewing them stalls."""

import asyncio
import random
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from policybot.domain.condition import Patterns, Terms
from policybot.domain.gate import Post, decide
from policybot.domain.mechanism import Mechanism
from policybot.domain.rules import Rule
from policybot.domain.seen import seen
from policybot.matching.ruleset import RuleSet, compiled
from tests.viewing import NAMED, View

MESSAGES, ROUNDS = 400, 5
WORDS, PATTERNS = 10_000, 200
GOALS = {120: 50_000, 2000: 8_000}
LETTERS = "abcdefghijklmnopqrst"
_DRAW = random.Random(7)  # noqa: S311 - for measuring


def word() -> str:
    """Make a word that means nothing."""
    return "".join(_DRAW.choices(LETTERS, k=_DRAW.randint(5, 10)))


def rules(words: Sequence[str]) -> list[Mechanism]:
    """Spread words over 20 rules, and add 200 patterns in 20 more."""
    share = max(1, len(words) // 20)
    made = [
        Mechanism(Rule(f"W{n}", "t", "t"), Terms(tuple(words[n * share : (n + 1) * share])))
        for n in range(20)
    ]
    for n in range(20):
        patterns = tuple(rf"(?i)\b{word()}-[0-9]+\b" for _ in range(PATTERNS // 20))
        made.append(Mechanism(Rule(f"P{n}", "t", "t"), Patterns(patterns)))
    return made


def messages(length: int, words: Sequence[str]) -> list[dict[str, str]]:
    """Write messages of ordinary length, an eighth of them in other letters; a fifth contain a word."""
    made = []
    for n in range(MESSAGES):
        parts = [f"z{word()}" for _ in range(length // 6)]
        if n % 8 == 0:
            parts[::9] = ["下雨了"] * len(parts[::9])
        if n % 5 == 0:
            parts[0] = words[n % 100]
        made.append({"msgtype": "m.text", "body": " ".join(parts)[:length]})
    return made


def per_second(ruleset: RuleSet, contents: list[dict[str, str]]) -> float:
    """Judge all messages some times; give the best round by time of this process."""
    view, now, best = View(NAMED), datetime.now(UTC), 0.0
    for _ in range(ROUNDS):
        begin = time.process_time()
        for content in contents:
            decide(view, ruleset, Post("!r", "@u:x", seen("m.room.message", content), now))
        best = max(best, len(contents) / (time.process_time() - begin))
    return best


async def stall(made: list[Mechanism]) -> tuple[float, float]:
    """Renew the rules beside a loop that ticks: seconds that it takes, and the longest gap."""
    longest, done = 0.0, False

    async def tick() -> None:
        nonlocal longest
        last = time.perf_counter()
        while not done:
            await asyncio.sleep(0.001)
            now = time.perf_counter()
            longest, last = max(longest, now - last - 0.001), now

    ticking = asyncio.create_task(tick())
    await asyncio.sleep(0.05)
    begin = time.perf_counter()
    await asyncio.to_thread(compiled, made)
    took, done = time.perf_counter() - begin, True
    await ticking
    return took, longest


def main() -> None:
    """Measure and print."""
    words = [word() for _ in range(WORDS)]
    speeds: dict[tuple[int, int], float] = {}
    for length, goal in GOALS.items():
        contents = messages(length, words)
        for number in (100, 1000, WORDS):
            speeds[length, number] = per_second(compiled(rules(words[:number])), contents)
            print(
                f"{length:>5} characters, {number:>6,} words, {PATTERNS} patterns: "
                f"{speeds[length, number]:>8,.0f} decisions/s (goal {goal:,})"
            )
        ratio = speeds[length, 100] / speeds[length, WORDS]
        print(f"{length:>5} characters: 100 words are {ratio:.2f} times as fast as {WORDS:,} (goal 1.5)")
    took, longest = asyncio.run(stall(rules(words)))
    print(f"renewing {WORDS:,} words: {took:.2f} s, the loop stalls {longest * 1000:.0f} ms (goal 50)")


if __name__ == "__main__":
    main()
