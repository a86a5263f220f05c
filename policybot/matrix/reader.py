"""A look at a room from within, as its members see it: never at one that the bot is not in."""

from mautrix.api import Path

from policybot.domain.review import Sight
from policybot.domain.taking import View
from policybot.matrix import state
from policybot.matrix.client import Client, Missing
from policybot.matrix.power import Power
from policybot.ports import Impossible, Later

_NOT_YET = "the homeserver is not attached yet"


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

    async def room_of(self, alias: str) -> str | None:
        """Look an alias up; None if nobody knows it.

        Raises:
            Later: the homeserver is away.
        """
        try:
            answer = await self._client.get(Path.v3.directory.room[alias])
        except Impossible:
            return None
        return str(answer["room_id"])

    async def author_of(self, room_id: str, event_id: str) -> str | None:
        """Say who sent an event; None if there is none, empty if it cannot be seen from here.

        Raises:
            Later: the homeserver is away.
        """
        try:
            event = await self._client.get(Path.v3.rooms[room_id].event[event_id])
        except Missing:
            return None
        except Impossible:
            return ""
        return str(event.get("sender") or "")


class NobodyToLook:
    """Stands in until the homeserver is attached: it sees nothing yet."""

    async def view(self, room_id: str) -> View | None:
        """See no room."""
        del room_id
        raise Later(_NOT_YET)

    async def sight(self, room_id: str) -> Sight | None:
        """See no room."""
        del room_id
        raise Later(_NOT_YET)

    async def room_of(self, alias: str) -> str | None:
        """See no address."""
        del alias
        raise Later(_NOT_YET)

    async def author_of(self, room_id: str, event_id: str) -> str | None:
        """See no event."""
        del room_id, event_id
        raise Later(_NOT_YET)
