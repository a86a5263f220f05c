"""The aliases of rooms: which lead to a room, and how they are led to another one.

An application service may change the aliases of its own namespace alone. For those that people have
made, the bot logs in as an ordinary administrator and out again; where that cannot be, as under the
Matrix Authentication Service, the configured token of an administrator is used.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress

from mautrix.api import Path

from policybot.matrix.client import Client, Missing
from policybot.ports import Impossible, Later

_DEVICE = "POLICYBOT_ALIASES"
_OURS = "#_policybot_"


class Aliases:
    """The directory of aliases of this homeserver."""

    def __init__(self, client: Client, admin: Client, bot: str) -> None:
        """Act as the bot; `admin` is used where the bot cannot log in."""
        self._client = client
        self._admin = admin
        self._bot = bot

    async def of(self, room_id: str) -> list[str]:
        """List the aliases of a room on this homeserver."""
        answer = await self._client.get(Path.v3.rooms[room_id].aliases)
        return sorted(alias for alias in answer.get("aliases", []) if isinstance(alias, str))

    async def resolve(self, alias: str) -> str | None:
        """Say where an alias leads; None if nowhere."""
        try:
            return str((await self._client.get(Path.v3.directory.room[alias]))["room_id"])
        except Missing:
            return None

    async def lead(self, aliases: Iterable[str], former: str, room_id: str) -> list[str]:
        """Lead aliases from one room to another; return those that lead to a third one by now."""
        elsewhere, wrong = [], []
        for alias in aliases:
            present = await self.resolve(alias)
            if present in (former, None):
                wrong.append((alias, present))
            elif present != room_id:
                elsewhere.append(alias)
        if wrong:
            async with self._ordinary() as ordinary:
                for alias, present in wrong:
                    # Those of our namespace are beyond everybody else, administrators too.
                    client = self._client if alias.startswith(_OURS) else ordinary
                    if present is not None:
                        with suppress(Missing):
                            await client.delete(Path.v3.directory.room[alias])
                    await client.put(Path.v3.directory.room[alias], {"room_id": room_id})
        return elsewhere

    async def remove(self, alias: str) -> None:
        """Remove an alias of our own namespace."""
        with suppress(Missing):
            await self._client.delete(Path.v3.directory.room[alias])

    @asynccontextmanager
    async def _ordinary(self) -> AsyncIterator[Client]:
        """Act as an account like any other, for a moment."""
        body = {
            "type": "m.login.application_service",
            "identifier": {"type": "m.id.user", "user": self._bot},
            "device_id": _DEVICE,
        }
        try:
            token = str((await self._client.post(Path.v3.login, body))["access_token"])
        except Impossible:
            yield self._admin
            return
        ordinary = self._client.with_token(token)
        try:
            yield ordinary
        finally:
            # The next login under this device ends the token otherwise.
            with suppress(Impossible, Later):
                await ordinary.post(Path.v3.logout, {})
