"""Licences of the operator: its people are reminded before one ends."""

from policybot.domain import licence as rules
from policybot.services.setting import Setting
from policybot.store import audit, licences
from policybot.store.database import Tx


class Licences:
    """The service for the operator's licences."""

    def __init__(self, setting: Setting) -> None:
        """Look at those of the configuration."""
        self._setting = setting

    async def remind(self, tx: Tx) -> None:
        """Remind of each licence that ends, once for each time before its end."""
        now = self._setting.now()
        for section in self._setting.config.operator.licences:
            licence = section.licence()
            days = rules.due(licence, now.date())
            # Read first: nearly always it was sent long ago, and then nothing is to be written.
            if days is None or await licences.sent(tx, licence.key, days):
                continue
            if not await licences.first_time(tx, licence.key, days, now):
                continue
            self._setting.tell_staff(tx, rules.in_words(licence, now.date()), cause="licence")
            audit.append(
                tx, at=now, actor="system:clock", tag="licence:remind", object=licence.number, days=days
            )
