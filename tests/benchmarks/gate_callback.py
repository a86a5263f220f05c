"""How long Synapse waits for the module's answer to a message."""

import random
import statistics
import time

from policybot.domain.publishing import Account
from policybot.gate.wire import Head, Page
from tests.benchmarks.rules import messages, rules, word
from tests.feeding import house
from tests.gating import Api, at_once, event, gate
from tests.viewing import NAMED

PEOPLE, MESSAGES = 100_000, 4_000
GOAL = 0.3
"""Milliseconds."""


def main() -> None:
    """Ask for messages of two lengths, with 10,000 words and 200 patterns."""
    words = [word() for _ in range(10_000)]
    people = {f"@user{n}:a.example": Account(True, 1) for n in range(PEOPLE)}
    page = Page(1, Head(house(), 1), True, rooms={"!r:a.example": NAMED}, accounts=people)
    made = gate(Api(), page, *rules(words))
    draw = random.Random(7)  # noqa: S311 - for measuring
    for length in (120, 2000):
        for room in ("!r:a.example", "!private:a.example"):
            written = messages(length, words)
            times = []
            for n in range(MESSAGES):
                sender = f"@user{draw.randrange(PEOPLE)}:a.example"
                post = event(room, sender, **written[n % len(written)])
                begin = time.thread_time()
                at_once(made.check_event_for_spam(post))
                times.append((time.thread_time() - begin) * 1000)
            times.sort()
            what = "governed" if room == "!r:a.example" else "any other"
            print(
                f"{length:4} characters, {what} room: {statistics.mean(times):.4f} ms, "
                f"p99 {times[int(MESSAGES * 0.99)]:.4f} ms (goal {GOAL})"
            )


if __name__ == "__main__":
    main()
