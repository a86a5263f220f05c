"""The entry of a room: its join rule, closed and opened again, and the servers that are shut out."""

from typing import Any

from mautrix.api import Path, PathBuilder

from policybot.domain import server as servers
from policybot.domain.server import ACL
from policybot.matrix import state
from policybot.matrix.client import Client, Missing
from policybot.ports import Impossible, Result

_SHUT = {"join_rule": "invite"}


class Entry:
    """The join rules of rooms, and their server ACLs."""

    def __init__(self, client: Client, bot: str) -> None:
        """Act as the bot, with its own rank; its server is never shut out."""
        self._client = client
        self._own = servers.of(bot)

    async def observe(self, room_id: str) -> Result:
        """Read the join rule; a room without one is entered by invitation."""
        return {"rule": await self._rule(room_id)}

    async def _rule(self, room_id: str) -> dict[str, Any]:
        try:
            return dict(await self._client.get(_path(room_id)))
        except Missing:
            return _SHUT

    async def close(self, room_id: str) -> None:
        """Let people enter by invitation alone."""
        if await self._rule(room_id) != _SHUT:
            await self._client.put(_path(room_id), _SHUT)

    async def reopen(self, room_id: str, before: Result) -> Result:
        """Give the join rule back, unless somebody changed it meanwhile."""
        present, former = await self._rule(room_id), before.get("rule", _SHUT)
        if present == former:
            return {}
        if present != _SHUT:
            return {
                "drift": f"{room_id} was to be opened again, but somebody has set its join rule to "
                f"{present.get('join_rule')} meanwhile. I left it so."
            }
        await self._client.put(_path(room_id), former)
        return {}

    # Servers -------------------------------------------------------------------------------------

    async def observe_server(self, room_id: str, server: str) -> Result:
        """Read whether a server is shut out by its name."""
        return {"denied": server in servers.denied(await state.content(self._client, room_id, ACL))}

    async def deny(self, room_id: str, server: str) -> Result:
        """Shut a server out; what else the ACL says stays.

        Raises:
            Impossible: it is our own.
        """
        if server == self._own:
            message = f"{server} is our own server: nobody here could take part in {room_id}"
            raise Impossible(message)
        present = await state.content(self._client, room_id, ACL)
        if server not in servers.denied(present):
            await self._client.put(Path.v3.rooms[room_id].state[ACL], servers.without(present, server))
        return {}

    async def admit(self, room_id: str, server: str, before: Result) -> Result:
        """Take a server off the ACL as it is now, unless it stood there before we wrote it.

        If somebody has taken it off meanwhile nothing is left to do, and nothing else is touched.
        """
        present = await state.content(self._client, room_id, ACL)
        if present is not None and not before["denied"] and server in servers.denied(present):
            await self._client.put(Path.v3.rooms[room_id].state[ACL], servers.again(present, server))
        return {}


def _path(room_id: str) -> PathBuilder:
    return Path.v3.rooms[room_id].state["m.room.join_rules"]
