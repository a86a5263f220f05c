"""What is said of a version of the ladder: what is stricter in it, and what a backtest found."""

from collections.abc import Sequence

from policybot.domain.policy import day
from policybot.store.backtests import Backtest


def compared(old: str, harder: Sequence[str]) -> str:
    """Say what is stricter than in the version in force."""
    if not harder:
        return f"Nothing in it is stricter than in version {old}."
    lines = "".join(f"\n· {one}" for one in harder)
    return f"Stricter than version {old}:{lines}"


def in_words(test: Backtest) -> str:
    """Say what a backtest found."""
    found = test.result
    if not found.decisions:
        return f"{test.number}: nothing was decided since {test.since:%-d %B %Y}, so it shows nothing."
    counts = (
        f"{found.milder:,} more mildly, {found.same:,} the same, {found.harsher:,} more harshly "
        f"({found.share_harsher:.1%})"
    )
    whom = f"{counted(found.people, 'person', 'people')} and {counted(found.rooms, 'room', 'rooms')}"
    head = (
        f"{test.number} of {day(test.at)}, on what was decided since {test.since:%-d %B %Y}: of "
        f"{counted(found.decisions, 'decision', 'decisions')} it would propose {counts}. Another "
        f"measure for {whom}. A second person is needed in {found.two_after:,} of them, so far in "
        f"{found.two_before:,}."
    )
    lines = [head]
    lines += [f"· {one.case}: {one.old} → {one.new}" for one in found.worst]
    if found.no_grid:
        lines.append(f"For {found.no_grid:,} decisions it has no grid.")
    return "\n".join(lines)


def counted(number: int, one: str, many: str) -> str:
    """Write how many there are of something."""
    return f"{number:,} {one if number == 1 else many}"
