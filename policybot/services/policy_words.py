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
    head = (
        f"{test.number} of {day(test.at)}: of {found.decisions:,} decisions since "
        f"{test.since:%-d %B %Y} it would propose {counts}; another measure for "
        f"{found.people:,} people and {found.rooms:,} rooms. Two people: needed in "
        f"{found.two_before:,} of them before, in {found.two_after:,} with it."
    )
    lines = [head]
    lines += [f"· {one.case}: {one.old} → {one.new}" for one in found.worst]
    if found.no_grid:
        lines.append(f"For {found.no_grid:,} decisions it has no grid.")
    return "\n".join(lines)
