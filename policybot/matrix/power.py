"""Power levels, read and rewritten: who may post in a room, and how that is taken and given back."""

from copy import deepcopy
from dataclasses import replace
from typing import Any

from mautrix.api import Path

from policybot.domain.rank import Levels, hindrance
from policybot.matrix.client import Client, Missing
from policybot.ports import Impossible, Result

_TOP = 100
"""The level that owners of rooms before version 12 have."""


class Power:
    """The power levels of rooms."""

    def __init__(self, client: Client, bot: str) -> None:
        """Act with the bot's own rank."""
        self._client = client
        self._bot = bot

    async def levels(self, room_id: str) -> Levels:
        """Read a room's levels and creators from the homeserver."""
        state = Path.v3.rooms[room_id].state
        create = await self._client.get(state["m.room.create"], {"format": "event"})
        try:
            content = await self._client.get(state["m.room.power_levels"])
        except Missing:
            content = {}
        return levels_of(create, content)

    async def _write(self, room_id: str, content: dict[str, Any]) -> None:
        await self._client.put(Path.v3.rooms[room_id].state["m.room.power_levels"], content)

    async def observe_member(self, room_id: str, user_id: str) -> Result:
        """Read the level that a member has of their own; None if they have the default."""
        levels = await self.levels(room_id)
        return {"level": _users(levels).get(user_id)}

    async def observe_room(self, room_id: str) -> Result:
        """Read what posting and changing state ask for in a room."""
        content = (await self.levels(room_id)).content
        kept = ("events_default", "state_default", "events")
        return {key: deepcopy(content[key]) for key in kept if key in content}

    async def restrict(self, room_id: str, user_id: str) -> Result:
        """Put a member below what posting asks for."""
        levels = await self.levels(room_id)
        mute = _below_everything(levels)
        if levels.of(user_id) <= mute:
            return {}
        self._check(levels, user_id)
        content = _copy(levels)
        content["users"][user_id] = mute
        await self._write(room_id, content)
        return {}

    async def release(self, room_id: str, user_id: str, before: Result) -> Result:
        """Give a member the level back that they had, unless somebody changed it meanwhile."""
        levels = await self.levels(room_id)
        present, former = _users(levels).get(user_id), before.get("level")
        if present == former:
            return {}
        if levels.of(user_id) > _below_everything(levels):
            return {
                "drift": f"{user_id} was to be released in {room_id}, but somebody has set their "
                f"power level to {present} meanwhile. I left it so."
            }
        content = _copy(levels)
        if former is None:
            del content["users"][user_id]
        else:
            content["users"][user_id] = former
        await self._write(room_id, content)
        return {}

    async def freeze(self, room_id: str) -> Result:
        """Let nobody below the bot post or change state."""
        levels = await self.levels(room_id)
        top = _frozen(levels, self._bot)
        content = _copy(levels)
        content["events_default"] = content["state_default"] = top
        content["events"] = {
            kind: max(_int(level), top) for kind, level in content.get("events", {}).items()
        }
        if content != levels.content:
            await self._write(room_id, content)
        return {}

    async def unfreeze(self, room_id: str, before: Result) -> Result:
        """Give a room its levels back, but for those that somebody changed meanwhile."""
        levels = await self.levels(room_id)
        top = _frozen(levels, self._bot)
        content, changed = _copy(levels), []
        for key, standard in (("events_default", 0), ("state_default", 50)):
            if content.get(key, standard) == top:
                _restore(content, key, before)
            elif content.get(key) != before.get(key):
                changed.append(key)
        former = before.get("events", {})
        events = content.get("events", {})
        for kind, level in former.items():
            if events.get(kind) == max(_int(level), top):
                events[kind] = level
            elif events.get(kind) != level:
                changed.append(kind)
        if content != levels.content:
            await self._write(room_id, content)
        if changed:
            return {
                "drift": f"{room_id} is open again. Somebody changed {', '.join(changed)} "
                "meanwhile; I left that so."
            }
        return {}

    def _check(self, levels: Levels, user_id: str) -> None:
        if (reason := hindrance(levels, self._bot, user_id)) is not None:
            raise Impossible(reason)


def levels_of(create: dict[str, Any], content: dict[str, Any]) -> Levels:
    """Read a room's creation event and its power levels."""
    made = create.get("content", {})
    also = made.get("additional_creators", [])
    creators = (create.get("sender", ""), *(u for u in also if isinstance(u, str)))
    return Levels(str(made.get("room_version", "1")), creators, content)


def _users(levels: Levels) -> dict[str, Any]:
    users = levels.content.get("users")
    return users if isinstance(users, dict) else {}


def _copy(levels: Levels) -> dict[str, Any]:
    content: dict[str, Any] = deepcopy(dict(levels.content))
    content["users"] = dict(_users(levels))
    return content


def _int(value: object) -> int:
    return int(replace(Levels("", (), {"x": value})).needed("x"))


def _below_everything(levels: Levels) -> int:
    """Find a level that is too low for whatever may be posted in the room."""
    events = levels.content.get("events")
    asked = [_int(v) for v in events.values()] if isinstance(events, dict) else []
    return min(0, _int(levels.content.get("events_default", 0)), *asked) - 1


def _frozen(levels: Levels, bot: str) -> int:
    return int(min(_TOP, levels.of(bot)))


def _restore(content: dict[str, Any], key: str, before: Result) -> None:
    if key in before:
        content[key] = before[key]
    else:
        content.pop(key, None)
