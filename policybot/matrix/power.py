"""Power levels, read and rewritten: who may post in a room, and how that is taken and given back."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import replace
from time import monotonic
from typing import Any

from mautrix.api import Path

from policybot.domain.rank import (
    ASKED,
    Levels,
    below_everything,
    frozen_height,
    hindrance,
    quiet_height,
)
from policybot.matrix.client import Client, Missing
from policybot.ports import Impossible, Result

Height = Callable[[Levels, str], int]
"""Says how high what a room asks for is raised, given its levels and the bot."""


_MOST = 5000
"""Rooms of which something is kept in memory."""
_MOMENT = 1.0
"""Seconds within which what was observed is written upon; between the two lies one commit."""


class Power:
    """The power levels of rooms."""

    def __init__(self, client: Client, bot: str) -> None:
        """Act with the bot's own rank."""
        self._client = client
        self._bot = bot
        self._made: dict[str, Any] = {}
        """The creation events of rooms, which never change."""
        self._looked: dict[tuple[str, str], tuple[float, Levels]] = {}
        """What was read a moment ago for a member about to be restricted, and when."""

    async def levels(self, room_id: str) -> Levels:
        """Read a room's levels and creators from the homeserver."""
        state = Path.v3.rooms[room_id].state
        if room_id not in self._made:
            if len(self._made) >= _MOST:
                self._made.clear()
            create = await self._client.get(state["m.room.create"], {"format": "event"})
            self._made[room_id] = create
        try:
            content = await self._client.get(state["m.room.power_levels"])
        except Missing:
            content = {}
        return levels_of(self._made[room_id], content)

    async def _write(self, room_id: str, content: dict[str, Any]) -> None:
        await self._client.put(Path.v3.rooms[room_id].state["m.room.power_levels"], content)

    async def observe_member(self, room_id: str, user_id: str) -> Result:
        """Read the level that a member has of their own; None if they have the default."""
        levels = await self.levels(room_id)
        if len(self._looked) >= _MOST:
            self._looked.clear()
        self._looked[room_id, user_id] = (monotonic(), levels)
        return {"level": _users(levels).get(user_id)}

    async def _just_read(self, room_id: str, user_id: str) -> Levels:
        """Give the levels as they were observed a moment ago, else read them: a request costs 25 ms."""
        at, levels = self._looked.pop((room_id, user_id), (0.0, None))
        return levels if levels and monotonic() - at < _MOMENT else await self.levels(room_id)

    async def observe_room(self, room_id: str) -> Result:
        """Read what posting and changing state ask for in a room."""
        content = _copy(await self.levels(room_id))
        return {key: deepcopy(content[key]) for key in (*ASKED, "events") if key in content}

    async def restrict(self, room_id: str, user_id: str) -> Result:
        """Put a member below what posting asks for."""
        levels = await self._just_read(room_id, user_id)
        mute = below_everything(levels)
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
        if levels.of(user_id) > below_everything(levels):
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

    async def give(self, room_id: str, user_id: str, level: int | None) -> Result:
        """Give a member a level of their own; None for everybody's. Who ranks there already stays so."""
        levels = await self.levels(room_id)
        self._check(levels, user_id)
        content, users = _copy(levels), _users(levels)
        if level is None:
            if levels.of(user_id) <= _int(content.get("users_default", 0)):
                return {}
            del content["users"][user_id]
        else:
            if levels.of(user_id) >= level:
                return {}
            content["users"] = users | {user_id: level}
        await self._write(room_id, content)
        return {}

    async def give_back(self, room_id: str, user_id: str, level: int | None, before: Result) -> Result:
        """Give a member the level back that they had, unless somebody changed it meanwhile."""
        levels = await self.levels(room_id)
        present, former = _users(levels).get(user_id), before.get("level")
        if present == former:
            return {}
        if present != level:
            return {
                "drift": f"{user_id} was to have the power level back that they had in {room_id}, but "
                f"somebody has set it to {present} meanwhile. I left it so."
            }
        self._check(levels, user_id)
        content = _copy(levels)
        if former is None:
            del content["users"][user_id]
        else:
            content["users"][user_id] = former
        await self._write(room_id, content)
        return {}

    async def freeze(self, room_id: str) -> Result:
        """Let nobody below the bot post, change state or invite."""
        return await self._raise(await self.levels(room_id), room_id, frozen_height)

    async def quiet(self, room_id: str) -> Result:
        """Let nobody below a moderator post, change state or invite."""
        return await self._raise(await self.levels(room_id), room_id, quiet_height)

    async def unfreeze(self, room_id: str, before: Result) -> Result:
        """Give a room its levels back, but for those that somebody changed meanwhile."""
        return await self._lower(await self.levels(room_id), room_id, before, frozen_height)

    async def unquiet(self, room_id: str, before: Result) -> Result:
        """Do the same in a room whose moderators alone could write."""
        return await self._lower(await self.levels(room_id), room_id, before, quiet_height)

    async def _raise(self, levels: Levels, room_id: str, height: Height) -> Result:
        least = height(levels, self._bot)
        content = _copy(levels)
        for key, standard in ASKED.items():
            content[key] = _raised(content.get(key, standard), least)
        events = content.get("events")
        if isinstance(events, dict):
            content["events"] = {kind: _raised(level, least) for kind, level in events.items()}
        if content != levels.content:
            await self._write(room_id, content)
        return {}

    async def _lower(self, levels: Levels, room_id: str, before: Result, height: Height) -> Result:
        """Compare what was, what we made of it, and what is now; give back what is still ours."""
        least = height(levels, self._bot)
        content, changed = _copy(levels), []
        for key, standard in ASKED.items():
            if content.get(key, standard) == _raised(before.get(key, standard), least):
                _restore(content, key, before)
            elif content.get(key) != before.get(key):
                changed.append(key)
        former, events = before.get("events", {}), content.get("events", {})
        for kind in sorted({*former, *events}):
            was, now = former.get(kind), events.get(kind)
            if was is not None and now == _raised(was, least):
                events[kind] = was
            elif now != was:
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


def facts(levels: Levels) -> dict[str, Any]:
    """Write who ranks how in a room as plain JSON values, for whoever remembers the room."""
    return {
        "version": levels.version,
        "creators": list(levels.creators),
        "levels": dict(levels.content),
        "predecessor": levels.predecessor,
    }


def levels_of(create: dict[str, Any], content: dict[str, Any]) -> Levels:
    """Read a room's creation event and its power levels."""
    made = create.get("content", {})
    before = made.get("predecessor")
    predecessor = before.get("room_id") if isinstance(before, dict) else None
    levels = Levels(
        str(made.get("room_version", "1")),
        (create.get("sender", ""),),
        content,
        predecessor if isinstance(predecessor, str) else "",
    )
    also = made.get("additional_creators")
    # Before version 12 it means nothing, so no homeserver looks at what somebody writes there.
    if not levels.creators_above_all or not isinstance(also, list):
        return levels
    return replace(levels, creators=(*levels.creators, *(u for u in also if isinstance(u, str))))


def _users(levels: Levels) -> dict[str, Any]:
    users = levels.content.get("users")
    return _written(users) if isinstance(users, dict) else {}


def _copy(levels: Levels) -> dict[str, Any]:
    content = _written(levels.content)
    content["users"] = _users(levels)
    return content


def _written(content: Mapping[str, Any]) -> dict[str, Any]:
    """Copy levels as the homeserver takes them: very old rooms have texts, which it refuses today."""
    return {
        key: _int(value)
        if isinstance(value, str)
        else _written(value)
        if isinstance(value, dict)
        else deepcopy(value)
        for key, value in content.items()
    }


def _int(value: object) -> int:
    return int(replace(Levels("", (), {"x": value})).needed("x"))


def _raised(level: object, least: int) -> Any:  # noqa: ANN401 - as it stands in the room
    """Raise a level; one that is high enough stays as it is written."""
    return level if _int(level) >= least else least


def _restore(content: dict[str, Any], key: str, before: Result) -> None:
    if key in before:
        content[key] = before[key]
    else:
        content.pop(key, None)
