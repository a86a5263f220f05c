"""Whether the operator's people are enough for what comes in: figures for them, and for everybody."""

from dataclasses import dataclass
from datetime import date, timedelta

from policybot.config import Config
from policybot.domain.permission import Role
from policybot.ports import Clock
from policybot.store import staffing
from policybot.store.database import Tx
from policybot.store.staffing import Counts

DAYS = 30
"""Days that the figures look back."""
FEWEST = 5
"""A count below it could be traced to persons, so everybody reads only that there were few.

Greater ones go up in steps of it: who reads them every minute would else see each single one.
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """How much there is to do, and how many there are to do it."""

    moderators: int
    counts: Counts
    oldest: timedelta | None
    """For how long the oldest open case is open."""

    @property
    def load(self) -> float:
        """Reports for each moderator and day."""
        return self.counts.reports / DAYS / max(self.moderators, 1)


@dataclass(frozen=True, slots=True)
class Published:
    """The figures as everybody may see them; None where there were too few to say."""

    moderators: int
    reports: int | None
    load: float | None
    open: int | None
    oldest_days: int | None
    decided: int | None
    in_time_percent: int | None


class Staffing:
    """The service for figures about the work."""

    def __init__(self, config: Config, now: Clock) -> None:
        """Compare with the limits of the configuration."""
        self._config = config
        self._now = now

    def today(self) -> date:
        """Read the calendar."""
        return self._now().date()

    async def figures(self, tx: Tx) -> Figures:
        """Count what there is to do."""
        now, limit = self._now(), self._config.operator.staffing.oldest_case
        counts = await staffing.count(tx, now - timedelta(days=DAYS), limit)
        return Figures(
            moderators=sum(Role.MODERATOR in roles for roles in self._config.staff.values()),
            counts=counts,
            oldest=None if counts.oldest is None else now - counts.oldest,
        )

    async def published(self, tx: Tx) -> Published:
        """Count what there is to do, for everybody to see."""
        found = await self.figures(tx)
        counts = found.counts
        reports, waiting = _stepped(counts.reports), _stepped(counts.open)
        return Published(
            moderators=found.moderators,
            reports=reports,
            load=None if reports is None else round(reports / DAYS / max(found.moderators, 1), 2),
            open=waiting,
            oldest_days=found.oldest.days if waiting and found.oldest is not None else None,
            decided=_stepped(counts.decided),
            in_time_percent=_in_time(counts),
        )

    @staticmethod
    def in_words(found: Figures) -> str:
        """Write the figures in one line, for the operator's people."""
        counts = found.counts
        oldest = f", the oldest for {in_days(found.oldest)}" if found.oldest is not None else ""
        return (
            f"{found.load:.1f} reports for each moderator and day over {DAYS} days; {counts.open} open "
            f"cases{oldest}; {counts.decided} decided, {counts.in_time} of them in time"
        )

    def lacks(self, found: Figures) -> list[str]:
        """Say which of the operator's limits are passed."""
        limits, said = self._config.operator.staffing, []
        if found.load > limits.reports_per_moderator_and_day:
            said.append(
                f"{found.load:.1f} reports for each moderator and day, and "
                f"{limits.reports_per_moderator_and_day:g} are your limit"
            )
        if found.oldest is not None and found.oldest > limits.oldest_case:
            said.append(
                f"the oldest case has been open for {in_days(found.oldest)}, and "
                f"{in_days(limits.oldest_case)} are your limit"
            )
        return said


def _stepped(number: int) -> int | None:
    """Round a count down to a step; None where it is too small to be said."""
    return number - number % FEWEST if number >= FEWEST else None


def _in_time(counts: Counts) -> int | None:
    """Say how many of a hundred were in time, in steps; None where a few were, or a few were not."""
    late = counts.decided - counts.in_time
    if counts.decided < FEWEST or any(0 < some < FEWEST for some in (late, counts.in_time)):
        return None
    return FEWEST * round(100 / FEWEST * counts.in_time / counts.decided)


def in_days(span: timedelta) -> str:
    """Write a duration in days, or in hours where it is short."""
    if span < timedelta(days=2):
        return f"{span // timedelta(hours=1)} hours"
    return f"{span.days} days"
