"""Policy lists on the homeserver: the rules that we write in ours, and those of others that we read."""

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from mautrix.api import Path

from policybot.domain import list_rule
from policybot.domain.list_rule import PublishRule, WithdrawRule
from policybot.domain.policy_list import KINDS
from policybot.matrix.client import Client, Missing
from policybot.ports import Errand, Impossible, Present, Result

_MOST_BYTES = 64 * 2**20
"""Of the state of a list, its members included."""


class PolicyLists:
    """What is written in our list, and taken off it."""

    def __init__(self, client: Client, bot: str) -> None:
        """Write as the bot, which must be in the room."""
        self._client = client
        self._bot = bot

    async def observe(self, room: str) -> Result:
        """Find the room of a list: an alias may lead elsewhere when a rule is to be taken off again."""
        return {"room_id": await _resolved(self._client, room)}

    async def publish(self, effect: PublishRule, before: Result) -> Result:
        """Write a rule, unless it stands there or somebody else has written under its key."""
        room_id, wanted = str(before["room_id"]), list_rule.content(effect)
        present = await self._rule(room_id, effect)
        if present is not None and present["content"]:
            if present["content"] == wanted:
                return {}
            if present["sender"] != self._bot:
                return {"drift": self._changed(effect, present)}
        await self._put(room_id, effect, wanted)
        return {}

    async def withdraw(self, errand: Errand, effect: WithdrawRule, before: Result) -> Result:
        """Empty a rule of ours, and remove its words from the room's past; leave what others changed."""
        room_id = str(before["room_id"])
        present = await self._rule(room_id, effect)
        if present is None:
            return {}
        if present["content"]:
            if present["sender"] != self._bot or present["content"] != list_rule.content(effect):
                return {"drift": self._changed(effect, present)}
            redact = Path.v3.rooms[room_id].redact[present["event_id"]][errand.key]
            await self._client.put(redact, {"reason": f"Decision {effect.number} holds no more"})
        elif not errand.again:
            return {}
        # For those who do not look at redactions.
        await self._put(room_id, effect, {})
        return {}

    async def enter(self, room: str) -> Result:
        """Join the list of others."""
        answer = await self._client.post(Path.v3.join[room], {})
        return {"room_id": str(answer["room_id"])}

    async def leave(self, room_id: str) -> Result:
        """Leave the list of others; whoever is refused that is not in it any more."""
        with suppress(Impossible):
            await self._client.post(Path.v3.rooms[room_id].leave, {})
        return {}

    async def _rule(self, room_id: str, effect: PublishRule | WithdrawRule) -> dict[str, Any] | None:
        """Read a rule with its sender and ID; None if there never was one."""
        try:
            event = await self._client.get(self._path(room_id, effect), {"format": "event"})
        except Missing:
            return None
        return {key: event[key] for key in ("content", "sender", "event_id")}

    async def _put(self, room_id: str, effect: PublishRule | WithdrawRule, what: dict[str, str]) -> None:
        await self._client.put(self._path(room_id, effect), what)

    def _path(self, room_id: str, effect: PublishRule | WithdrawRule) -> Any:  # noqa: ANN401 - mautrix's path
        key = list_rule.state_key(effect, self._bot.partition(":")[2])
        return Path.v3.rooms[room_id].state[list_rule.event_type(effect)][key]

    @staticmethod
    def _changed(effect: PublishRule | WithdrawRule, present: Mapping[str, Any]) -> str:
        return (
            f"I was to {list_rule.in_words(effect)} ({effect.number}), but {present['sender']} has "
            "changed that rule meanwhile. I left it so: please look at it."
        )


class ListReader:
    """Reads lists of others, and who is in a governed room, by the bot's own membership."""

    def __init__(self, client: Client) -> None:
        """Read with the bot's own token."""
        self._client = client

    async def rules(self, room_id: str) -> list[Any] | None:
        """Read the rules that stand in a list; None if the bot is not in it.

        Raises:
            Later: the homeserver is away or busy.
            Impossible: there is more of it than we read, or it cannot be read.
        """
        path = f"/_matrix/client/v3/rooms/{quote(room_id, safe='')}/state"
        try:
            data, length = await self._client.beginning(path, _MOST_BYTES, {})
        except Missing:
            return None
        if max(len(data), length) >= _MOST_BYTES:
            message = f"it has more than {_MOST_BYTES // 2**20} MiB; only its changes are read"
            raise Impossible(message)
        # Apart: others need not wait for a long list.
        return await asyncio.to_thread(_rules, data)

    async def present(self, room_id: str) -> Present | None:
        """Name who is in a governed room, and what it is called; raises as `rules`."""
        room = Path.v3.rooms[room_id]
        try:
            members = (await self._client.get(room.joined_members)).get("joined", {})
        except Impossible:
            return None
        try:
            called = await self._client.get(room.state["m.room.canonical_alias"])
        except Missing:
            called = {}
        named = [called.get("alias"), *_texts(called.get("alt_aliases"))]
        return Present(tuple(members), tuple(one for one in named if isinstance(one, str) and one))


def _rules(data: bytes) -> list[Any]:
    """Read the rules out of a room's state.

    Raises:
        Impossible: it is no such thing, or too deep.
    """
    try:
        state = json.loads(data)
    except (ValueError, RecursionError) as error:
        message = "the homeserver answers something that cannot be read"
        raise Impossible(message) from error
    found = state if isinstance(state, list) else []
    return [event for event in found if isinstance(event, dict) and event.get("type") in KINDS]


def _texts(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


async def _resolved(client: Client, room: str) -> str:
    """Find the room of an alias.

    Raises:
        Impossible: nobody knows it.
    """
    if room.startswith("!"):
        return room
    try:
        return str((await client.get(Path.v3.directory.room[room]))["room_id"])
    except Missing as error:
        message = f"nobody knows the room {room}: see policy_lists.publish in the configuration"
        raise Impossible(message) from error
