"""Looks: whoever looked behind a pseudonym is on record, and its owner is told, sooner or later."""

from collections.abc import Iterable

from policybot.domain import reveal as rules
from policybot.domain.reveal import Look
from policybot.services.setting import Setting
from policybot.store import looks, members
from policybot.store.database import Tx

_BATCH = 100


class Looks:
    """The service for who looked."""

    def __init__(self, setting: Setting) -> None:
        """Work in a setting."""
        self._setting = setting

    async def record(self, tx: Tx, look: Look) -> None:
        """Put a look on record; if the person is to be told at once, they are, in this transaction."""
        await looks.add(tx, look)
        await self.tell_due(tx)

    async def whom_to_tell(self, tx: Tx, person_id: str) -> tuple[str, ...]:
        """List the accounts that are linked to a person: one that was unlinked may be anybody's."""
        return tuple(link.user_id for link in await members.links_of(tx, person_id))

    async def tell_due(self, tx: Tx) -> int:
        """Tell those whose delay is over; return how many there were.

        They are told on the accounts that they had then and on those that they have now. Who had none
        and has none is told once they have one.
        """
        now, told = self._setting.now(), 0
        for look in await looks.due(tx, now, _BATCH):
            if not await looks.told(tx, look.id, now):
                continue  # by another process, at the same moment
            current = await self.whom_to_tell(tx, look.person_id)
            self.tell(tx, look, {*look.accounts, *current}, shown=bool(current))
            told += 1
        return told

    def tell(self, tx: Tx, look: Look, accounts: Iterable[str], *, shown: bool) -> None:
        """Tell somebody that it was looked, and how to complain."""
        operator = self._setting.config.operator
        text = rules.notice(look, operator.contact, self._setting.config.appeal_body, shown=shown)
        for account in sorted(accounts):
            self._setting.tell(tx, account, text, cause=f"look {look.id or look.case}")
