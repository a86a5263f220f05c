"""Following a room that its owner has replaced by another one: what the new room has to be like.

Two sides have to agree: the sign in the old room leads to the new one, and the new one names the old as
its predecessor (Matrix specification, "Room upgrades"). A room that says nothing of the kind is somebody
else's, whoever points to it.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from policybot.domain.rank import Control, Levels, control
from policybot.domain.taking import KNOWN_VERSIONS

A_DAY = timedelta(days=1)
TRIES_A_DAY = 10
"""How often following one room is tried within a day: each try shows in the room that it leads to."""
_ROOM_ID = re.compile(r"![!-~]{1,254}")


@dataclass(frozen=True, slots=True)
class FollowUpgrade:
    """Enter the room that replaces a filed one, and learn whether the filing can go on there."""

    room_id: str
    successor: str
    owner: str
    """Who answers for the room, and has to rank in the new one."""
    shut: bool = False
    """Whether the new room may be one that is entered by invitation: the old one is restricted."""
    known: bool = False
    """Whether the bot was in the new room before; otherwise it leaves one that it cannot follow to."""


@dataclass(frozen=True, slots=True)
class Successor:
    """The new room, as the bot sees it from within."""

    levels: Levels
    encrypted: bool
    join_rule: str
    banned: Collection[str] = ()
    topic: str = ""
    replaced: bool = False
    """Whether it has been replaced itself."""


def is_room(text: str) -> bool:
    """Say whether what a sign leads to is a room ID at all."""
    return _ROOM_ID.fullmatch(text) is not None


def obstacle(effect: FollowUpgrade, seen: Successor) -> str | None:
    """Say why a filing cannot go on in a room; None if it can, once the bot has its rank there."""
    levels = seen.levels
    reasons = (
        (
            levels.predecessor != effect.room_id,
            "the new room does not name the old one as its predecessor, so it may be anybody's",
        ),
        (
            seen.encrypted,
            "the new room is encrypted, and a public room has to be readable for everybody",
        ),
        (seen.replaced, "the new room has been replaced by another one in turn"),
        (levels.version not in KNOWN_VERSIONS, "the new room has a version whose rules I do not know"),
        (
            seen.join_rule != "public" and not effect.shut,
            "the new room is not public: not everybody can enter it",
        ),
        (
            levels.of(effect.owner) < levels.needed_for_state("m.room.power_levels"),
            f"{effect.owner}, who answers for the room, does not lead the new one",
        ),
    )
    return next((reason for wrong, reason in reasons if wrong), None)


def reach(before: Control, levels: Levels, bot: str) -> Control:
    """Say as what the new room is taken in: as the old one, if the bot's rank there reaches as far."""
    now = control(levels, bot)
    return before if now in (Control.CREATED, Control.ADOPTED) else now
