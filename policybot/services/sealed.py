"""Sealed texts: what people wrote, in the vault, each under a key of its own that can be destroyed.

It opens nothing else that is in the vault: the IDs that it gives belong to no person.
"""

from collections.abc import Mapping

from policybot.domain.private import Private
from policybot.store.database import Tx
from policybot.store.vault import Vault

_PREFIX = "copy "


class Sealed:
    """What was said in events, by their IDs, in groups."""

    def __init__(self, vault: Vault) -> None:
        """Keep it in this vault."""
        self._vault = vault

    async def keep(self, tx: Tx, event_id: str, group: str, texts: Mapping[str, str]) -> None:
        """Seal texts of an event of which nothing is kept yet."""
        await self._vault.keep_many(tx, group, [(_PREFIX + event_id, texts)])

    async def add(self, tx: Tx, event_id: str, group: str, texts: Mapping[str, str]) -> None:
        """Seal more texts of an event; what was forgotten stays so."""
        await self._vault.amend(tx, _PREFIX + event_id, group, texts)

    async def open(self, tx: Tx, event_id: str, group: str) -> Mapping[str, Private]:
        """Open texts of an event; empty if there are none, or they were forgotten."""
        return await self._vault.open(tx, _PREFIX + event_id, group) or {}

    async def page(
        self, tx: Tx, group: str, after: str, limit: int
    ) -> list[tuple[str, Mapping[str, Private]]]:
        """Open texts of many events, in the order of their IDs, from one on."""
        found = await self._vault.open_page(tx, group, _PREFIX + after, limit)
        return [(key.removeprefix(_PREFIX), texts) for key, texts in found]

    async def forget(self, tx: Tx, event_id: str) -> None:
        """Destroy the key of an event's texts."""
        await self._vault.forget(tx, _PREFIX + event_id)
