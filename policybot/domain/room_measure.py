"""The effects that carry a measure on a room, each with what takes it back.

Three sizes: quiet (its moderators write), frozen (nobody below the bot writes or changes anything),
and with either the entry closed. Quiet and frozen are levels of the same scale: what was there before
is kept once for both.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class QuietRoom:
    """Let nobody but a room's owner and moderators post in it or change its state."""

    room_id: str


@dataclass(frozen=True, slots=True)
class UnquietRoom:
    """Let everybody post again who could before."""

    room_id: str


@dataclass(frozen=True, slots=True)
class FreezeRoom:
    """Let nobody below the bot post in a room, change its state or invite."""

    room_id: str


@dataclass(frozen=True, slots=True)
class UnfreezeRoom:
    """Give a room back the levels that it had."""

    room_id: str


@dataclass(frozen=True, slots=True)
class CloseRoom:
    """Let nobody enter a room any more, and say so in it, in the operator's words."""

    room_id: str
    text: str


@dataclass(frozen=True, slots=True)
class ReopenRoom:
    """Give a room the join rule back that it had."""

    room_id: str
    text: str


RoomMeasure = QuietRoom | UnquietRoom | FreezeRoom | UnfreezeRoom | CloseRoom | ReopenRoom


def inverse(effect: RoomMeasure) -> RoomMeasure:
    """Name the effect that takes this one back."""
    match effect:
        case QuietRoom(room_id):
            back: RoomMeasure = UnquietRoom(room_id)
        case UnquietRoom(room_id):
            back = QuietRoom(room_id)
        case FreezeRoom(room_id):
            back = UnfreezeRoom(room_id)
        case UnfreezeRoom(room_id):
            back = FreezeRoom(room_id)
        case CloseRoom(room_id, text):
            back = ReopenRoom(room_id, text)
        case ReopenRoom(room_id, text):
            back = CloseRoom(room_id, text)
    return back


def target(effect: RoomMeasure) -> str:
    """Name what an effect changes."""
    what = "entry" if isinstance(effect, CloseRoom | ReopenRoom) else "levels"
    return f"{what} {effect.room_id}"


def in_words(effect: RoomMeasure) -> str:
    """Say what an effect does."""
    match effect:
        case QuietRoom(room_id):
            said = f"let the moderators of {room_id} alone write there"
        case UnquietRoom(room_id):
            said = f"let everybody write in {room_id} again"
        case FreezeRoom(room_id):
            said = f"freeze {room_id}"
        case UnfreezeRoom(room_id):
            said = f"unfreeze {room_id}"
        case CloseRoom(room_id):
            said = f"close {room_id}"
        case ReopenRoom(room_id):
            said = f"open {room_id} again"
    return said
