"""Members of rooms: whether somebody is in one, and their exclusion from it."""

from mautrix.api import Path

from policybot.matrix import state
from policybot.matrix.client import Client
from policybot.matrix.power import Power
from policybot.ports import Impossible, Result


class Members:
    """The members of rooms."""

    def __init__(self, client: Client, power: Power, bot: str) -> None:
        """Act as `bot`."""
        self._client = client
        self._power = power
        self.bot = bot

    async def membership(self, room_id: str, user_id: str) -> str:
        """Read somebody's membership in a room; `leave` where there is none."""
        return await state.membership(self._client, room_id, user_id)

    async def exclude(self, room_id: str, user_id: str, before: Result | None) -> Result:
        """Ban somebody from a room, unless they were banned before we came; twice is once."""
        if before is not None and before.get("membership") == "ban":
            return {}
        levels = await self._power.levels(room_id)
        if levels.of(self.bot) <= levels.of(user_id):
            message = f"{user_id} ranks as high as I do in {room_id}"
            raise Impossible(message)
        await self._client.post(Path.v3.rooms[room_id].ban, {"user_id": user_id})
        return {}

    async def readmit(self, room_id: str, user_id: str, before: Result) -> Result:
        """Lift our ban; one that was there before stays."""
        if before.get("membership") == "ban":
            return {}
        if await self.membership(room_id, user_id) != "ban":
            return {"drift": f"{user_id} was readmitted to {room_id} by somebody else already."}
        await self._client.post(Path.v3.rooms[room_id].unban, {"user_id": user_id})
        return {}
