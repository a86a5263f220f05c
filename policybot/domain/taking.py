"""Taking a room in: what must hold before, the steps on the homeserver, and what a new room gets.

created    MakeRoom → it is the filed room
adopted    MakeRoom → CarryOver → MoveAliases → Tombstone → the new room is the filed room
              └──────────┴────────────┴─────────────┴─ refused: ReturnAliases, UnmakeRoom
shared     the bot takes a seat in the room as it is

The old room is not touched before the new one is whole, and only the last step sends people over.
"""

import unicodedata
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from policybot.domain.errors import NotPermitted, OutOfOrder
from policybot.domain.name import cleaned
from policybot.domain.rank import TOP, Control, Levels, number_of

KNOWN_VERSIONS = frozenset(str(n) for n in range(1, 13))
"""Room versions whose rules of power are known (Matrix specification, "Room versions")."""
OWNERS = 50
"""The level that the owner of a created room gets: they lead the room, and do not rank as the bot."""
HIGHEST = TOP - 1
"""The level that nobody in an adopted room is above."""
MOST_INVITED = 1000
"""Members of a room up to which all are invited into the new one; the tombstone leads everybody."""
CARRIED = (
    "m.room.name",
    "m.room.topic",
    "m.room.avatar",
    "m.room.history_visibility",
    "m.room.guest_access",
    "m.room.server_acl",
)
"""State that a new room takes over unchanged; bans, levels, join rule and aliases follow."""
_ASKED = frozenset(
    ("users_default", "events_default", "state_default", "ban", "kick", "redact", "invite")
)
_LONGEST_TOPIC = 1000
_TOMBSTONE = "m.room.tombstone"
_LEVELS = "m.room.power_levels"


@dataclass(frozen=True, slots=True)
class MakeRoom:
    """Make a room that an application is to have; `room_id` is the one that it replaces, if any."""

    room_id: str
    alias: str
    """Random: by it the room is found again when the answer was lost."""
    owner: str
    name: str = ""
    topic: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class UnmakeRoom:
    """Leave such a room again and take its alias away: nobody was sent there."""

    room_id: str
    alias: str


@dataclass(frozen=True, slots=True)
class CarryOver:
    """Give a new room what its old one has: name, topic, avatar, rules, power levels, bans."""

    room_id: str
    alias: str
    successor: str


@dataclass(frozen=True, slots=True)
class MoveAliases:
    """Let the aliases of an old room lead to the new one."""

    room_id: str
    alias: str
    successor: str


@dataclass(frozen=True, slots=True)
class ReturnAliases:
    """Let them lead to the old room again."""

    room_id: str
    alias: str
    successor: str


@dataclass(frozen=True, slots=True)
class Tombstone:
    """Close an old room with a sign that leads to the new one."""

    room_id: str
    alias: str
    successor: str
    text: str


@dataclass(frozen=True, slots=True)
class InviteMembers:
    """Invite those of an old room into the new one, some at a time, beginning behind `after`."""

    room_id: str
    former: str
    after: str = ""


TakingEffect = (
    MakeRoom | UnmakeRoom | CarryOver | MoveAliases | ReturnAliases | Tombstone | InviteMembers
)


def in_words(effect: TakingEffect) -> str:
    """Say what a step does, for people who have to know that it could not be done."""
    match effect:
        case MakeRoom(room_id):
            said = f"make a room to replace {room_id}" if room_id else "make the room"
        case UnmakeRoom(room_id, alias):
            said = f"leave the room that was to replace {room_id or alias}"
        case CarryOver(room_id, _, successor):
            said = f"carry the state of {room_id} over to {successor}"
        case MoveAliases(room_id, _, successor):
            said = f"move the aliases of {room_id} to {successor}"
        case ReturnAliases(room_id):
            said = f"return the aliases of {room_id}"
        case Tombstone(room_id):
            said = f"close {room_id} with a sign to its successor"
        case InviteMembers(room_id, former):
            said = f"invite the members of {former} into {room_id}"
    return said


def called(purpose: str) -> str:
    """Make a name for a new room of its purpose; its owner can change it."""
    whole, name = about(purpose), cleaned(purpose)
    return name if len(name) == len(whole) else f"{name.rsplit(' ', 1)[0]} …"


def about(purpose: str) -> str:
    """Make a topic of a purpose: one paragraph, without what hides or turns round text."""
    shown = (c if unicodedata.category(c)[0] != "C" else " " * c.isspace() for c in purpose)
    return " ".join("".join(shown).split())[:_LONGEST_TOPIC]


@dataclass(frozen=True, slots=True)
class View:
    """A room as the bot sees it from within, before it is filed."""

    room_id: str
    levels: Levels
    encrypted: bool = False
    successor: str | None = None
    """Where its tombstone leads; empty if nowhere, None if it has none."""
    name: str = ""
    """As the room says it."""


def check(view: View, applicant: str, *, bot: str, server_name: str) -> None:
    """Check that a room can be filed by somebody.

    Raises:
        OutOfOrder: something about the room has to change first; the message says what.
        NotPermitted: it is not the applicant's to file.
    """
    if view.successor is not None:
        where = f": file {view.successor} instead" if view.successor else ", so it cannot be filed"
        message = f"That room has been replaced by another one{where}."
        raise OutOfOrder(message)
    if view.encrypted:
        message = (
            "That room is encrypted, and encryption cannot be turned off: a public room has to be "
            "readable for everybody. Let me make a new one: !policy file new"
        )
        raise OutOfOrder(message)
    levels = view.levels
    if levels.version not in KNOWN_VERSIONS:
        message = (
            f"That room has version «{levels.version[:40]}», whose rules I do not know. I know room "
            "versions 1 to 12. Let me make a new one: !policy file new"
        )
        raise OutOfOrder(message)
    if not _owns(levels, applicant):
        message = (
            "Only somebody who owns a room can file it: you need a power level there that lets you "
            f"change power levels ({levels.needed_for_state(_LEVELS):g}), with nobody above you. "
            "Please ask its owner to file it."
        )
        raise NotPermitted(message)
    needed = levels.needed_for_state(_LEVELS)
    owners = levels.ranked() | {applicant}
    ours = (user for user in owners if user.partition(":")[2] == server_name)
    if levels.of(bot) < needed and not any(levels.of(user) >= needed for user in ours):
        message = (
            f"That room lives on other homeservers: nobody of {server_name} owns it, so I would have "
            f"no rank there. Please give {bot} power level {max(needed, TOP):g} in it, then try again."
        )
        raise OutOfOrder(message)


def _owns(levels: Levels, user_id: str) -> bool:
    """Say whether somebody can give the bot its rank, and no level is above theirs."""
    mine = levels.of(user_id)
    beyond = set(levels.creators) if levels.creators_above_all else set()
    named = [levels.of(other) for other in levels.ranked() - beyond]
    return mine >= max(levels.needed_for_state(_LEVELS), *named, levels.of(""))


def check_adoptable(levels: Levels, bot: str) -> None:
    """Check that the bot can close a room, which adopting it ends with.

    Raises:
        OutOfOrder: it needs a rank that only the room's creator can give it.
    """
    needed = levels.needed_for_state(_TOMBSTONE)
    # Before version 12 the homeserver lends the rank of an owner; there, none that is above 100.
    lent = max((levels.of(user) for user in levels.ranked()), default=0)
    if levels.of(bot) < needed and (levels.creators_above_all or lent < needed):
        message = (
            f"To lead people from your room into the new one I need power level {needed:g} in it. "
            f"Please give that to {bot} in the room's settings, then try again."
        )
        raise OutOfOrder(message)


# What a new room gets ------------------------------------------------------------------------------


def created_levels(bot: str, owner: str, version: str) -> dict[str, Any]:
    """Give the power levels of a room that was made for its owner: everybody is below the bot."""
    made = Levels(version, (bot,), {})
    users = {owner: OWNERS} if made.creators_above_all else {bot: TOP, owner: OWNERS}
    led = (_LEVELS, "m.room.name", "m.room.topic", "m.room.avatar", "m.room.canonical_alias")
    kept = ("m.room.history_visibility", "m.room.server_acl", "m.room.encryption", _TOMBSTONE)
    # The owner may appoint moderators; the homeserver lets nobody give more than they have.
    return {
        "users": users,
        "events": dict.fromkeys(led, OWNERS) | dict.fromkeys(kept, TOP),
        "invite": 0,
    }


def carried_levels(levels: Levels, bot: str) -> dict[str, Any]:
    """Give the power levels that an adopted room gets: as before, with everybody below the bot."""
    content: dict[str, Any] = deepcopy(dict(levels.content))
    users = {user: int(min(levels.of(user), HIGHEST)) for user in levels.ranked() - {bot}}
    for key in _ASKED & content.keys():
        content[key] = int(min(number_of(content[key]), HIGHEST if key == "users_default" else TOP))
    events = content.get("events")
    asked = dict(events) if isinstance(events, Mapping) else {}
    asked = {kind: int(min(number_of(level), TOP)) for kind, level in asked.items()}
    # Who could appoint moderators still can.
    asked[_LEVELS] = min(int(levels.needed_for_state(_LEVELS)), HIGHEST)
    if not levels.creators_above_all:
        users[bot] = TOP
    return content | {"users": dict(sorted(users.items())), "events": asked}


def to_invite(members: Mapping[str, str], present: Iterable[str], levels: Levels, bot: str) -> list[str]:
    """Say who of an old room is invited into the new one.

    Args:
        members: the memberships in the old room.
        present: who is in the new one, or invited or banned there.
        levels: the power levels of the new room.
        bot: the bot, which is there.
    """
    wanted = {user for user, membership in members.items() if membership == "invite"}
    joined = {user for user, membership in members.items() if membership == "join"}
    wanted |= joined if len(joined) <= MOST_INVITED else joined & levels.ranked()
    return sorted(wanted - set(present) - {bot})


# What a control level means ------------------------------------------------------------------------


def for_owner(control: Control, levels: Levels | None) -> str:
    """Say to an applicant what a control level will mean."""
    if control is Control.CREATED:
        return (
            "When it is approved I make the room, put it in the directory and invite you with power "
            "level 50: you lead it, name it, appoint moderators and remove people. Only the rules "
            "rank above you: while the room is suspended, nobody can write in it or change it, you "
            "included."
        )
    if control is Control.ADOPTED:
        return (
            "When it is approved I make a new room, put it in the directory, and give it what yours "
            "has: name, topic, picture, rules, aliases, bans and ranks, everybody's just below mine; "
            "members are invited, and a sign in the old room leads there. What was written stays in the "
            "old room. While the room is suspended, nobody can write in it or change it, you included."
        )
    above = ""
    if levels is not None and levels.creators_above_all:
        above = f" Nobody, I included, ranks above its creator ({', '.join(levels.creators)})."
    return (
        "When it is approved I put your room in the directory and take a moderator's rank in it; it "
        f"stays yours.{above} If the room is ever suspended, its members cannot write; owners are asked "
        "to respect it, and their accounts answer for it."
    )


def for_reviewer(control: Control) -> str:
    """Say to a reviewer what a control level will mean for enforcement."""
    return {
        Control.CREATED: "created: I make the room; everybody in it, the owner too, can be restricted",
        Control.ADOPTED: "adopted: a new room takes this one's place; everybody in it, the owner too, "
        "can be restricted",
        Control.SHARED: "shared: the room stays as it is; members can be restricted, the owner only "
        "through the directory or their account",
        Control.NONE: "none: nobody there can be restricted",
    }[control]
