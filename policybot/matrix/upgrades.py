"""Entering the room that replaces a filed one: never by force, and only to stay if it belongs together.

Whoever closes a room can name any other one as its successor. So the bot enters as everybody could, or
by invitation, reads whether the new room names the old one, and leaves again if anything is amiss. Only
then does it ask the homeserver for its rank.
"""

from mautrix.api import Path

from policybot.domain.upgrade import FollowUpgrade, Successor, obstacle
from policybot.matrix import state
from policybot.matrix.client import Client
from policybot.matrix.power import Power, facts
from policybot.matrix.synapse import Synapse
from policybot.ports import Impossible, Result


class Upgrades:
    """What is done with rooms that replace filed ones."""

    def __init__(self, client: Client, synapse: Synapse, bot: str) -> None:
        """Act as the bot; Synapse lends it an owner's rank in a room that fits."""
        self._client = client
        self._synapse = synapse
        self._power = Power(client, bot)
        self._bot = bot

    async def follow(self, effect: FollowUpgrade) -> Result:
        """Enter the new room with the rank that moderation needs, and say what is to be known of it.

        Raises:
            Impossible: the filing cannot go on there; the message says why.
        """
        room_id = effect.successor
        try:
            await self._client.post(Path.v3.join[room_id], {})
        except Impossible as error:
            message = f"I cannot enter the new room, it is private or lives elsewhere ({error})"
            raise Impossible(message) from error
        try:
            return await self._checked(effect)
        except Impossible:
            if not effect.known:
                await self._client.post(Path.v3.rooms[room_id].leave, {})
            raise

    async def _checked(self, effect: FollowUpgrade) -> Result:
        room_id = effect.successor
        levels = await self._power.levels(room_id)
        # Of a room that does not name the old one, nothing else is read.
        seen = Successor(levels, encrypted=False, join_rule="public")
        if levels.predecessor == effect.room_id:
            rule = (await state.content(self._client, room_id, "m.room.join_rules") or {}).get(
                "join_rule"
            )
            seen = Successor(
                levels,
                encrypted=await state.content(self._client, room_id, "m.room.encryption") is not None,
                join_rule=str(rule),
                replaced=await state.content(self._client, room_id, "m.room.tombstone") is not None,
            )
        if (reason := obstacle(effect, seen)) is not None:
            raise Impossible(reason)
        if levels.of(self._bot) < levels.needed_for_state("m.room.power_levels"):
            try:
                await self._synapse.make_room_admin(room_id, self._bot)
            except Impossible as error:
                message = f"nobody in the new room could give me my rank there ({error})"
                raise Impossible(message) from error
            levels = await self._power.levels(room_id)
        banned = await self._client.get(Path.v3.rooms[room_id].members, {"membership": "ban"})
        return {
            "room_id": room_id,
            **facts(levels),
            "join_rule": seen.join_rule,
            "banned": [str(event["state_key"]) for event in banned.get("chunk", [])],
            "topic": (await state.content(self._client, room_id, "m.room.topic") or {}).get("topic"),
            "name": (await state.content(self._client, room_id, "m.room.name") or {}).get("name"),
            "alias": (await state.content(self._client, room_id, "m.room.canonical_alias") or {}).get(
                "alias"
            ),
        }
