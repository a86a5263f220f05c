"""How many proposals the ladder makes in a second, with ten earlier decisions each.

    python -m tests.benchmarks.ladder [SECONDS]

One process, one thread, by the time that its processor worked. Ladders: the sample's; one where
decisions in rooms count for accounts, half of the decisions in rooms; one whose points halve; and one
with both. Each is measured in many short rounds, of which the best is printed: that is what the code
takes where nothing else disturbs it.
"""

import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from policybot.domain.ladder import Act, Ladder, Scope, Severity, Strike, propose
from tests.ladders import FADING, LADDER, SPILLING

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
ROUND = 400
_GRAVE = (Severity.S1, Severity.S2, Severity.S3, Severity.S1, Severity.S2)


def ledger(*, in_rooms: bool) -> list[Strike]:
    """Make ten earlier decisions of all ages; two of them do not count any more."""
    found = []
    for number in range(10):
        at = NOW - timedelta(days=25 * (number + 1))
        room = f"room {number % 3}" if in_rooms and number % 2 else ""
        scope = Scope.MEMBER if room else Scope.ACCOUNT
        severity = _GRAVE[number % len(_GRAVE)]
        found.append(Strike(f"C-{number}", scope, "tom", severity, at, at, f"C-{number}", room=room))
    return found


def rate(law: Ladder, strikes: list[Strike], seconds: float) -> float:
    """Count the proposals of a second in the best round."""
    act = Act(Scope.ACCOUNT, "tom", Severity.S2, NOW, NOW, "this")
    ends, best = time.process_time() + seconds, 0.0
    while (begun := time.process_time()) < ends:
        for _ in range(ROUND):
            propose(law, act, strikes)
        best = max(best, ROUND / (time.process_time() - begun))
    return best


def main() -> None:
    """Measure and print."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 2.0
    both = replace(SPILLING, half_life=FADING.half_life)
    for name, law, in_rooms in (
        ("sample", LADDER, False),
        ("rooms count for accounts", SPILLING, True),
        ("points halve in 90 days", FADING, False),
        ("both", both, True),
    ):
        print(f"{name:26} {rate(law, ledger(in_rooms=in_rooms), seconds):10,.0f} proposals/s")


if __name__ == "__main__":
    main()
