"""The entry of a room: its join rule, closed and opened again."""

from typing import Any

from mautrix.api import Path, PathBuilder

from policybot.matrix.client import Client, Missing
from policybot.ports import Result

_SHUT = {"join_rule": "invite"}


class Entry:
    """The join rules of rooms."""

    def __init__(self, client: Client) -> None:
        """Act with the bot's own rank."""
        self._client = client

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


def _path(room_id: str) -> PathBuilder:
    return Path.v3.rooms[room_id].state["m.room.join_rules"]
