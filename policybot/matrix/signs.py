"""What a room shows of its filing: label, directory, alias, topic line, pinned notice.

Each thing is read before it is written, and what somebody else has made of it meanwhile is left so.
"""

from contextlib import suppress
from typing import Any

from mautrix.api import Path, PathBuilder

from policybot.domain import label as rules
from policybot.matrix import state
from policybot.matrix.client import Client, Missing
from policybot.ports import Impossible, Result

LABEL = "org.policybot.filing"
"""The state event that labels a room; its state key is the bot, so only the bot can write it."""

_TOPIC, _PINNED = "m.room.topic", "m.room.pinned_events"
_OUTDATED = "This notice no longer stands."
"""Why it is removed: its time is over, or a new one takes its place."""


class Signs:
    """What rooms show, as the bot writes it."""

    def __init__(self, client: Client, bot: str, admin: Client) -> None:
        """Act with the bot's own rank; as an administrator only on rooms that the bot is not in."""
        self._client = client
        self._admin = admin
        self._bot = bot
        self._server = bot.partition(":")[2]

    @staticmethod
    def _path(room_id: str, kind: str, key: str = "") -> PathBuilder:
        return Path.v3.rooms[room_id].state[kind][key]

    # Label and directory ------------------------------------------------------------------------

    async def label(self, room_id: str, label: Result) -> Result:
        """Write a room's label, unless it stands there."""
        if (await state.content(self._client, room_id, LABEL, self._bot) or {}) == label:
            return {}
        answer = await self._client.put(self._path(room_id, LABEL, self._bot), label)
        return {"event_id": answer["event_id"]}

    async def show(self, room_id: str, visibility: str, *, filed: bool) -> Result:
        """Put a room into the directory or take it out; a `filed` one in the network as well."""
        if filed:
            network = Path.v3.directory["list"].appservice[rules.NETWORK][room_id]
            with suppress(Missing):  # another homeserver than Synapse may have no networks
                await self._client.put(network, {"visibility": visibility})
        try:
            await self._list(room_id, visibility, filed=filed)
        except Missing:
            raise
        except Impossible as error:
            message = (
                f"the homeserver does not let me change its directory ({error}); "
                "see room_list_publication_rules in homeserver.yaml"
            )
            raise Impossible(message) from error
        return {}

    async def _list(self, room_id: str, visibility: str, *, filed: bool) -> None:
        path, body = Path.v3.directory["list"].room[room_id], {"visibility": visibility}
        try:
            await self._client.put(path, body)
        except Impossible:
            # Where the bot is no administrator, it cannot speak for a room that it is not in.
            if filed:
                raise
            await self._admin.put(path, body)

    # Alias --------------------------------------------------------------------------------------

    async def _leads_to(self, alias: PathBuilder) -> str | None:
        try:
            return str((await self._client.get(alias))["room_id"])
        except Missing:
            return None

    async def add_alias(self, room_id: str, record_number: str) -> Result:
        """Let an alias by record number lead to a room."""
        alias = Path.v3.directory.room[rules.alias(record_number, self._server)]
        found = await self._leads_to(alias)
        if found not in (None, room_id):
            message = f"the alias of {record_number} leads to another room, {found}"
            raise Impossible(message)
        if found is None:
            await self._client.put(alias, {"room_id": room_id})
        return {}

    async def remove_alias(self, room_id: str, record_number: str) -> Result:
        """Take that alias away, if it still leads there."""
        alias = Path.v3.directory.room[rules.alias(record_number, self._server)]
        if await self._leads_to(alias) == room_id:
            await self._client.delete(alias)
        return {}

    # Topic --------------------------------------------------------------------------------------

    async def observe_topic(self, room_id: str, line: str) -> Result:
        """Read the topic as it is before a line is appended, and remember the line."""
        return {"topic": await state.content(self._client, room_id, _TOPIC), "line": line}

    async def show_line(self, room_id: str, line: str, before: Result | None) -> Result:
        """Append a line to the topic, unless it is there; what stands already keeps its words."""
        line = line if before is None else str(before["line"])
        present = await state.content(self._client, room_id, _TOPIC)
        if line not in _topic(present).split("\n"):
            await self._client.put(self._path(room_id, _TOPIC), _with_line(present, line))
        return {}

    async def hide_line(self, room_id: str, before: Result) -> Result:
        """Give the topic back as it was; if somebody changed it, take out the line alone."""
        former, line = before.get("topic"), str(before["line"])
        present = await state.content(self._client, room_id, _TOPIC)
        if present == _with_line(former, line):
            await self._client.put(self._path(room_id, _TOPIC), former or {"topic": ""})
            return {}
        lines = _topic(present).split("\n")
        # A line that stood there before is not ours.
        if line in lines and line not in _topic(former).split("\n"):
            lines.remove(line)
            content = _plain(present) | {"topic": "\n".join(lines)}
            await self._client.put(self._path(room_id, _TOPIC), content)
        return {}

    # Pinned notice ------------------------------------------------------------------------------

    async def pin(self, room_id: str, event_id: str) -> Result:
        """Pin a message beside what others have pinned."""
        pinned = await self._pinned(room_id)
        if event_id not in pinned:
            await self._write_pinned(room_id, [*pinned, event_id])
        return {"event_id": event_id}

    async def unpin(self, room_id: str, event_id: str, key: str) -> Result:
        """Unpin a message of ours and remove it; what others have pinned stays."""
        pinned = await self._pinned(room_id)
        if event_id in pinned:
            left = [other for other in pinned if other != event_id]
            await self._write_pinned(room_id, left)
        event = await self._client.get(Path.v3.rooms[room_id].event[event_id])
        if "redacted_because" not in event.get("unsigned", {}):
            path = Path.v3.rooms[room_id].redact[event_id][key]
            await self._client.put(path, {"reason": _OUTDATED})
        return {}

    async def _write_pinned(self, room_id: str, pinned: list[Any]) -> None:
        """Change what is pinned, and nothing else that stands in the event."""
        content = await state.content(self._client, room_id, _PINNED) or {}
        await self._client.put(self._path(room_id, _PINNED), content | {"pinned": pinned})

    async def _pinned(self, room_id: str) -> list[Any]:
        pinned = (await state.content(self._client, room_id, _PINNED) or {}).get("pinned")
        return pinned if isinstance(pinned, list) else []


def _topic(content: Result | None) -> str:
    topic = (content or {}).get("topic")
    return topic if isinstance(topic, str) else ""


def _plain(content: Result | None) -> dict[str, Any]:
    """Leave out the richer form of a topic (Matrix 1.15, `m.topic`): clients would show it instead."""
    return {key: value for key, value in (content or {}).items() if key != "m.topic"}


def _with_line(content: Result | None, line: str) -> dict[str, Any]:
    topic = _topic(content)
    return _plain(content) | {"topic": f"{topic}\n{line}" if topic else line}
