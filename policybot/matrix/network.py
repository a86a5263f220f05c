"""The network of filed rooms, as clients ask for it: its name, and the room with a record number.

What is asked comes from anybody who has an account anywhere, handed on by the homeserver. A room that
is not in force is not found.
"""

from typing import Any

from policybot.domain import label, number
from policybot.domain.errors import NotFound
from policybot.domain.filing import IN_FORCE
from policybot.services.setting import Setting
from policybot.store import filings
from policybot.store.database import Database

_FIELD = "number"
_LONGEST = 255


class Network:
    """Answers about filed rooms (Matrix, Application Service API, "Third-party networks")."""

    def __init__(self, setting: Setting, database: Database) -> None:
        """Look rooms up in the database."""
        self._setting = setting
        self._database = database

    def protocol(self, name: str) -> dict[str, Any]:
        """Describe the network.

        Raises:
            NotFound: that is another one.
        """
        self._check(name)
        prefix = self._setting.config.filing.prefix
        example = number.record(prefix, 2026, 1)
        form = f"{prefix}-[0-9]{{4}}-[0-9]{{6,}}-[0-9A-Z]{{2}}"
        return {
            "user_fields": [],
            "location_fields": [_FIELD],
            "icon": "",
            "field_types": {_FIELD: {"regexp": form, "placeholder": example}},
            "instances": [{"network_id": label.NETWORK, "desc": "Filed public rooms", "fields": {}}],
        }

    @staticmethod
    def _check(name: str) -> None:
        if name != label.PROTOCOL:
            message = "that network is not ours"
            raise NotFound(message)

    async def by_number(self, name: str, wanted: str) -> list[dict[str, Any]]:
        """Find the room with a record number.

        Raises:
            NotFound: there is none in force; a mistyped number is told as such.
        """
        self._check(name)
        text = wanted.strip().upper() if len(wanted) <= _LONGEST else ""
        if not number.is_record(text):
            message = "that is not a record number: its check characters do not fit"
            raise NotFound(message)
        return await self._room(text)

    async def by_alias(self, alias: str) -> list[dict[str, Any]]:
        """Find the room of an alias by record number; raises as `by_number`."""
        found = label.number_in(alias[:_LONGEST], self._setting.config.homeserver.server_name)
        if found is None or not number.is_record(found):
            message = "that alias is not of a filed room"
            raise NotFound(message)
        return await self._room(found)

    async def _room(self, record_number: str) -> list[dict[str, Any]]:
        async with self._database.transaction(reading=True) as tx:
            filing = await filings.get(tx, record_number)
        if filing is None or filing.state not in IN_FORCE or not filing.room_id:
            message = "no room in force has that record number"
            raise NotFound(message)
        server = self._setting.config.homeserver.server_name
        return [
            {
                "alias": label.alias(record_number, server),
                "protocol": label.PROTOCOL,
                "fields": {_FIELD: record_number, "network": label.NETWORK},
            }
        ]
