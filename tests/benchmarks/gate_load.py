"""Minutes of load on a real Synapse with the module, while policybot is reloaded, killed and slow.

    python -m tests.benchmarks.gate_load [--minutes 10]

Verified people write what is fine and what a rule forbids, and somebody who is not verified tries. Every
answer of the homeserver is compared with what it should be. The rule changes its word back and forth
(SIGHUP): within WINDOW seconds of that, and at no other time, either answer counts for those two words.
"""

import argparse
import asyncio
import os
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from policybot.demo import story
from policybot.demo.person import Person, Refused
from policybot.demo.stage import Stage, stage
from policybot.demo.story import Cast
from tests.acceptance.test_publishing import NAMED, verified_and_signed
from tests.ruled import R1, R2

WINDOW = 3.0
"""Seconds after a reload in which the old rules may still be applied, or the new ones already."""
_FIRST, _SECOND = "frobnitz", "wobble"
_PAUSE = 0.02
_BETWEEN = 6.0
"""Seconds between two disturbances."""


@dataclass
class Tally:
    """What came of it."""

    answers: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    within: int = 0
    """Answers within a window, whatever they were."""
    word: str = _FIRST
    """The word that is forbidden now."""
    changed: float = 0.0
    disturbed: Counter[str] = field(default_factory=Counter)
    window: float = WINDOW
    between: float = _BETWEEN

    def note(self, who: str, what: str, *, sent: float, passed: bool, expected: bool) -> None:
        """Count an answer, and keep it if it is wrong."""
        words = _FIRST in what or _SECOND in what
        if words and (sent < self.changed + self.window and time.monotonic() > self.changed):
            self.within += 1
            return
        self.answers[f"{who}: {'passed' if passed else 'refused'}"] += 1
        if passed is not expected:
            self.wrong.append(f"{who} «{what}» {'passed' if passed else 'was refused'}")


async def passes(person: Person, room: str, text: str) -> bool:
    """Write, and say whether it was accepted; what is refused says by whom."""
    try:
        await person.say(room, text)
    except Refused as refused:
        if refused.errcode != "M_FORBIDDEN" or "not accepted" not in str(refused):
            raise
        return False
    return True


async def writes(person: Person, room: str, tally: Tally, until: float, *, verified: bool) -> None:
    """Write one thing after another."""
    number = 0
    while time.monotonic() < until:
        number += 1
        text = (f"tulips {number}", f"a {_FIRST} {number}", f"a {_SECOND} {number}")[number % 3]
        sent, word = time.monotonic(), tally.word
        passed = await passes(person, room, text)
        who = "verified" if verified else "not verified"
        tally.note(who, text, sent=sent, passed=passed, expected=verified and word not in text)
        await asyncio.sleep(_PAUSE)


async def disturbs(made: Stage, tally: Tally, until: float) -> None:
    """Reload, kill, stop and hold policybot, in turn."""

    async def reload() -> None:
        new = _SECOND if tally.word == _FIRST else _FIRST
        text = made.config.read_text("utf-8")
        assert tally.word in text
        made.config.write_text(text.replace(tally.word, new), "utf-8")
        tally.changed = time.monotonic()
        tally.word = new
        os.kill(made.bot_pid, signal.SIGHUP)
        await asyncio.sleep(tally.window)

    async def restart(how: signal.Signals) -> None:
        made.stop_bot(how)
        await asyncio.sleep(2)
        await made.start_bot()

    async def hold() -> None:
        os.kill(made.bot_pid, signal.SIGSTOP)
        await asyncio.sleep(4)
        os.kill(made.bot_pid, signal.SIGCONT)

    ways: dict[str, Callable[[], Awaitable[None]]] = {
        "reloaded": reload,
        "killed": lambda: restart(signal.SIGKILL),
        "reloaded again": reload,
        "stopped": lambda: restart(signal.SIGTERM),
        "held": hold,
    }
    while True:
        for name, way in ways.items():
            await asyncio.sleep(tally.between)
            if time.monotonic() > until:
                return
            await way()
            tally.disturbed[name] += 1


def changes() -> dict[str, Any]:
    """Give the configuration: a rule with one word, in rooms of verified people."""
    rule = {"when": {"terms": {"words": [_FIRST]}}, "then": ["refuse"]}
    return {"rules": [R1 | rule, R2], "filing.categories": NAMED}


async def load(folder: Path, seconds: float, window: float = WINDOW, between: float = _BETWEEN) -> Tally:
    """Set everything up, load it, and say what came of it; no answer counts in `window` seconds."""
    async with stage(folder, changes=changes(), gate=("module",)) as made:
        cast = Cast(made, lambda *_: None)
        for name in ("anna", "tom"):
            await verified_and_signed(cast, name)
        await story.file_room(cast)
        await story.approve(cast)
        room, tally = cast.known["room"], Tally(window=window, between=between)
        for name in ("tom", "lea"):
            await made.people[name].join(room)
        async with asyncio.timeout(20):
            while await passes(made.people["anna"], room, f"a {_FIRST}"):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.2)
        until = time.monotonic() + seconds
        await asyncio.gather(
            *(writes(made.people[n], room, tally, until, verified=True) for n in ("anna", "tom")),
            writes(made.people["lea"], room, tally, until, verified=False),
            disturbs(made, tally, until),
        )
    return tally


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=10)
    minutes = parser.parse_args().minutes
    with tempfile.TemporaryDirectory() as folder:
        tally = asyncio.run(load(Path(folder), minutes * 60))
    print(f"{minutes:g} minutes: {sum(tally.answers.values()):,} answers outside the windows")
    for what, number in sorted(tally.answers.items()):
        print(f"  {what}: {number:,}")
    print(f"  within {WINDOW:g} s of a reload, not counted: {tally.within:,}")
    print("policybot was " + ", ".join(f"{n} {number} times" for n, number in tally.disturbed.items()))
    print(f"wrong answers: {len(tally.wrong)} (goal 0)")
    for wrong in tally.wrong[:20]:
        print(f"  {wrong}")


if __name__ == "__main__":
    main()
