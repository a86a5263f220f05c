"""A governed room as it is, read by the bot's own membership, to be compared with its filing."""

from collections.abc import Mapping
from typing import Any

from mautrix.api import Path

from policybot.domain import server as servers
from policybot.domain.drift import Look, Seen
from policybot.matrix import state
from policybot.matrix.client import Client, Missing
from policybot.matrix.power import Power
from policybot.matrix.signs import LABEL
from policybot.matrix.synapse import Synapse
from policybot.ports import Impossible


class Observer:
    """Reads governed rooms; some ten requests each."""

    def __init__(self, client: Client, synapse: Synapse, bot: str) -> None:
        """Read rooms with the bot's own token, not as an administrator; accounts as one."""
        self._client = client
        self._synapse = synapse
        self._bot = bot
        self._power = Power(client, bot)

    async def look(self, asked: Look) -> Seen | None:
        """Look at a room; None if the bot is not in it, whether it exists or not.

        Raises:
            Later: the homeserver is away or busy.
            Impossible: it refuses something that a member may read.
        """
        room_id = asked.room_id
        try:
            me = await state.content(self._client, room_id, "m.room.member", self._bot)
        except Impossible:
            return None
        if me is None or me.get("membership") != "join":
            return None
        tombstone = await state.content(self._client, room_id, "m.room.tombstone")
        topic = await state.content(self._client, room_id, "m.room.topic") if asked.topic else None
        return Seen(
            levels=await self._power.levels(room_id),
            join_rule=_text(
                await state.content(self._client, room_id, "m.room.join_rules"), "join_rule", "invite"
            ),
            encrypted=await state.content(self._client, room_id, "m.room.encryption") is not None,
            successor=None if tombstone is None else _text(tombstone, "replacement_room"),
            published=await self._published(room_id),
            alias=await self._leads_to(asked.alias),
            label=await state.content(self._client, room_id, LABEL, self._bot) or {},
            topic=_text(topic, "topic"),
            notice=asked.notice is None or await self._stands(room_id, asked.notice),
            banner=asked.banner is None or await self._stands(room_id, asked.banner),
            banned=await self._banned(room_id) if asked.bans else frozenset(),
            denied=servers.denied(await state.content(self._client, room_id, servers.ACL))
            if asked.servers
            else frozenset(),
        )

    async def is_suspended(self, user_id: str) -> bool:
        """Ask as an administrator whether an account is suspended; one that is gone counts as that.

        Raises:
            Later: the homeserver is away or busy.
            Impossible: it does not tell us.
        """
        try:
            user = await self._synapse.user(user_id)
        except Missing:
            return True
        return bool(user.get("suspended")) or bool(user.get("deactivated"))

    async def _published(self, room_id: str) -> bool:
        try:
            answer = await self._client.get(Path.v3.directory["list"].room[room_id])
        except Missing:
            return False
        return _text(answer, "visibility") == "public"

    async def _leads_to(self, alias: str) -> str | None:
        try:
            return _text(await self._client.get(Path.v3.directory.room[alias]), "room_id")
        except Missing:
            return None

    async def _stands(self, room_id: str, event_id: str) -> bool:
        """Say whether a message of ours is pinned, and not removed."""
        pinned = (await state.content(self._client, room_id, "m.room.pinned_events") or {}).get("pinned")
        if not isinstance(pinned, list) or event_id not in pinned:
            return False
        return await state.stands(self._client, room_id, event_id)

    async def _banned(self, room_id: str) -> frozenset[str]:
        answer = await self._client.get(Path.v3.rooms[room_id].members, {"membership": "ban"})
        return frozenset(str(event["state_key"]) for event in answer.get("chunk", []))


def _text(content: Mapping[str, Any] | None, key: str, otherwise: str = "") -> str:
    value = (content or {}).get(key)
    return value if isinstance(value, str) else otherwise
