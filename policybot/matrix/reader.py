"""A look at a room from within, as its members see it: never at one that the bot is not in."""

from mautrix.api import Path

from policybot.domain.review import Sight
from policybot.domain.taking import View
from policybot.matrix import state
from policybot.matrix.client import Client
from policybot.matrix.power import Power
from policybot.ports import Impossible


class Reader:
    """Reads rooms by the bot's own membership."""

    def __init__(self, client: Client, bot: str) -> None:
        """Read with the bot's own token, not as an administrator."""
        self._client = client
        self._bot = bot
        self._power = Power(client, bot)

    async def view(self, room_id: str) -> View | None:
        """Look at a room; None if the bot is not in it, whether it exists or not.

        Raises:
            Later: the homeserver is away.
        """
        try:
            me = await state.content(self._client, room_id, "m.room.member", self._bot)
            if me is None or me.get("membership") != "join":
                return None
            levels = await self._power.levels(room_id)
            encryption = await state.content(self._client, room_id, "m.room.encryption")
            tombstone = await state.content(self._client, room_id, "m.room.tombstone")
            named = await state.content(self._client, room_id, "m.room.name") or {}
        except Impossible:
            return None
        successor = None if tombstone is None else str(tombstone.get("replacement_room", ""))
        name = str(named.get("name") or "")
        return View(room_id, levels, encryption is not None, successor, name)

    async def sight(self, room_id: str) -> Sight | None:
        """Look at how a room presents itself; None if the bot is not in it, whether it exists or not.

        Raises:
            Later: the homeserver is away.
        """
        try:
            me = await state.content(self._client, room_id, "m.room.member", self._bot)
            if me is None or me.get("membership") != "join":
                return None
            # The summary of a space of one room: it counts the members without listing them.
            found = await self._client.get(Path.v1.rooms[room_id].hierarchy, {"limit": "1"})
            room = found["rooms"][0]
            levels = await self._power.levels(room_id)
            encryption = await state.content(self._client, room_id, "m.room.encryption")
        except Impossible:
            return None
        return Sight(
            name=str(room.get("name") or ""),
            topic=str(room.get("topic") or ""),
            members=int(room.get("num_joined_members", 0)),
            version=levels.version,
            join_rule=str(room.get("join_rule") or ""),
            encrypted=encryption is not None,
        )
