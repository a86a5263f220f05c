"""Care for moderators: what each had to look at today is counted, for their eyes and for planning."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from policybot.domain import care as rules
from policybot.domain.care import Exposure
from policybot.services.setting import Setting
from policybot.store import care
from policybot.store.database import Tx

_WEEK = timedelta(days=6)
"""The six days before today."""


@dataclass(frozen=True, slots=True)
class Load:
    """What a moderator reads of their own days, with the sum of all for planning."""

    today: Exposure
    week: Exposure
    team: Exposure
    """Of all moderators today; no other person's number is ever shown."""
    hint: str


class Care:
    """The service for the care of moderators."""

    def __init__(self, setting: Setting) -> None:
        """Count by the days of the clock, in UTC."""
        self._setting = setting

    def _day(self) -> datetime:
        return self._setting.now().replace(hour=0, minute=0, second=0, microsecond=0)

    async def opened(self, tx: Tx, moderator: str, case_id: int) -> None:
        """Count a case that somebody opened, once a day."""
        await care.opened(tx, moderator, self._day(), case_id)

    async def looked(self, tx: Tx, moderator: str, case_id: int) -> None:
        """Count a picture that somebody looked at clearly."""
        await care.looked(tx, moderator, self._day(), case_id)

    async def hint(self, tx: Tx, moderator: str) -> str:
        """Say whether somebody else might go on; nothing while there is no need to."""
        return rules.hint(await care.of(tx, moderator, self._day()), self._setting.config.care.limits())

    async def load(self, tx: Tx, moderator: str) -> Load:
        """Sum up what somebody looked at, and all together."""
        day = self._day()
        today = await care.of(tx, moderator, day)
        return Load(
            today=today,
            week=await care.of(tx, moderator, day - _WEEK),
            team=await care.of_all(tx, day),
            hint=rules.hint(today, self._setting.config.care.limits()),
        )
