"""What the bot's power in a room allows: control levels, and why something cannot be done.

In a room, only somebody below the bot can be restricted. In room version 12 nobody outranks the
room's creator; before it, equal power cannot be taken away (Matrix specification, room versions,
authorization rules).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import isfinite
from typing import Any

_FIRST_WITH_CREATORS_ABOVE_ALL = 12
TOP = 100
"""The level that owners of rooms before version 12 have."""
_LOWEST = 1 - 2**53
"""The lowest level that can be written (Matrix specification, "Canonical JSON")."""
_MESSAGE = "m.room.message"


class Control(StrEnum):
    """How far the bot's rank in a room reaches."""

    CREATED = "created"
    """The bot made the room: everybody, the owner too, is below it."""
    ADOPTED = "adopted"
    """A room of others came under the bot, which made its successor: everybody is below it too."""
    SHARED = "shared"
    """Members are below the bot; the owner is not."""
    NONE = "none"
    """The bot cannot restrict anybody there."""


@dataclass(frozen=True, slots=True)
class Levels:
    """A room's power levels with the room's creators, as far as rank depends on them."""

    version: str
    creators: tuple[str, ...]
    content: Mapping[str, Any]
    """The content of `m.room.power_levels`, as it stands in the room."""
    predecessor: str = ""
    """The room that this one replaces, if it does."""

    @property
    def creators_above_all(self) -> bool:
        """Whether this room's version puts its creators above every power level."""
        number = self.version.partition(".")[0]
        is_number = number.isascii() and number.isdecimal()
        return is_number and int(number[:9]) >= _FIRST_WITH_CREATORS_ABOVE_ALL

    def of(self, user_id: str) -> float:
        """Give a user's power level; infinity for a creator in room version 12 and later."""
        if self.creators_above_all and user_id in self.creators:
            return float("inf")
        users = _mapping(self.content, "users")
        default = self.content.get("users_default", 0)
        if not self.content:
            default = 100 if user_id in self.creators else 0
        return number_of(users.get(user_id, default))

    def mutes(self, user_id: str) -> bool:
        """Say whether somebody cannot write messages there."""
        default = self.content.get("events_default", 0)
        return self.of(user_id) < number_of(_mapping(self.content, "events").get(_MESSAGE, default))

    def ranked(self) -> set[str]:
        """Name those who have a level of their own; in room version 12 its creators among them."""
        above = set(self.creators) if self.creators_above_all or not self.content else set()
        return set(_mapping(self.content, "users")) | above

    def moderators(self) -> set[str]:
        """Name those who can remove other people's messages; creators among them."""
        least = self.needed("redact")
        named = {user for user in _mapping(self.content, "users") if self.of(user) >= least}
        return named | {user for user in self.creators if self.of(user) >= least}

    def needed(self, action: str, default: int = 50) -> float:
        """Give the level that `ban`, `kick`, `redact` or `state_default` asks for."""
        return number_of(self.content.get(action, default))

    def needed_for_state(self, event_type: str) -> float:
        """Give the level that sending a state event of this type asks for."""
        events = _mapping(self.content, "events")
        return number_of(events.get(event_type, self.content.get("state_default", 50)))


def _mapping(content: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = content.get(key)
    return value if isinstance(value, Mapping) else {}


def number_of(value: object) -> float:
    """Read a power level as old rooms have it: an integer, or a string that holds one."""
    try:
        found = float(value)  # type: ignore[arg-type]  # anything may stand in an old room's event
    except (TypeError, ValueError, OverflowError):
        return 0
    return found if isfinite(found) else 0


# What measures raise ---------------------------------------------------------------------------------

MODERATORS = 50
"""The level from which people count as moderators where a room does not say more."""
ASKED = {"events_default": 0, "state_default": 50, "invite": 0}
"""What posting, changing state and inviting ask for where a room does not say."""


def below_everything(levels: Levels) -> int:
    """Find a level that is too low for whatever may be posted in a room."""
    asked = [_whole(level) for level in _mapping(levels.content, "events").values()]
    return max(_LOWEST, min(0, _whole(levels.content.get("events_default", 0)), *asked) - 1)


def frozen_height(levels: Levels, bot: str) -> int:
    """Find the level that nobody below the bot reaches."""
    return int(min(TOP, levels.of(bot)))


def quiet_height(levels: Levels, bot: str) -> int:
    """Find the level of moderators, above what everybody has."""
    everybody = _whole(levels.content.get("users_default", 0))
    return min(frozen_height(levels, bot), max(MODERATORS, everybody + 1))


def asks_everywhere(levels: Levels, least: int) -> bool:
    """Say whether posting, changing state and inviting ask for a level at least."""
    asked = [levels.content.get(key, standard) for key, standard in ASKED.items()]
    asked += _mapping(levels.content, "events").values()
    return all(number_of(level) >= least for level in asked)


def _whole(level: object) -> int:
    return int(number_of(level))


def control(levels: Levels, bot: str) -> Control:
    """Say how far the bot's rank reaches."""
    mine = levels.of(bot)
    if mine < levels.needed_for_state("m.room.power_levels") or mine < levels.needed("redact"):
        return Control.NONE
    others = [levels.of(user) for user in levels.ranked() if user != bot]
    if any(other >= mine for other in [*others, levels.needed("users_default", 0)]):
        return Control.SHARED
    made = bot in levels.creators and not levels.predecessor
    return Control.CREATED if made else Control.ADOPTED


def hindrance(levels: Levels, bot: str, user_id: str) -> str | None:
    """Say why the bot cannot restrict a member, and the way round; None when it can."""
    mine, theirs = levels.of(bot), levels.of(user_id)
    if mine < levels.needed_for_state("m.room.power_levels"):
        return (
            f"My power level in the room is {mine:g}, too low to restrict anybody. "
            f"Ask the owner to give {bot} power level 100, or choose a measure on the account."
        )
    if theirs >= mine:
        return (
            f"{user_id} ranks as high as I do in this room, so I cannot restrict them there. "
            "Choose a measure on the account or on the room instead."
        )
    return None
