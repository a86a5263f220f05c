"""The effects that carry a measure on a room, each with what takes it back.

Three sizes: quiet (its moderators write), frozen (nobody below the bot writes or changes anything),
and with either the entry closed. Quiet and frozen are levels of the same scale: what was there before
is kept once for both. A room that is suspended shows so by a banner. Who leads a room is two levels:
one given to the new owner, one taken from the former.
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


@dataclass(frozen=True, slots=True)
class ShowBanner:
    """Say in a room, pinned, that it is suspended."""

    room_id: str
    text: str


@dataclass(frozen=True, slots=True)
class HideBanner:
    """Take that away again, if it stands there."""

    room_id: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class GiveLevel:
    """Give a member of a room a power level of their own; None for what everybody there has."""

    room_id: str
    user_id: str
    level: int | None
    case: str
    """For which case, for what was there before is remembered for each."""


@dataclass(frozen=True, slots=True)
class ReturnLevel:
    """Give a member the power level back that they had before."""

    room_id: str
    user_id: str
    level: int | None
    case: str


@dataclass(frozen=True, slots=True)
class DeleteRoom:
    """Let all local members out of a closed room for good, and nobody in; what was written is kept."""

    room_id: str
    text: str


@dataclass(frozen=True, slots=True)
class UnblockRoom:
    """Let people enter a deleted room again, if somebody invites them: it gives nobody back."""

    room_id: str
    text: str


@dataclass(frozen=True, slots=True)
class DenyServer:
    """Shut another server out of a room: its accounts read and write there no more."""

    room_id: str
    server: str


@dataclass(frozen=True, slots=True)
class AdmitServer:
    """Let it take part again, unless it was shut out before we did it."""

    room_id: str
    server: str


RoomMeasure = (
    QuietRoom
    | UnquietRoom
    | FreezeRoom
    | UnfreezeRoom
    | CloseRoom
    | ReopenRoom
    | ShowBanner
    | HideBanner
    | GiveLevel
    | ReturnLevel
    | DeleteRoom
    | UnblockRoom
    | DenyServer
    | AdmitServer
)


def inverse(effect: RoomMeasure) -> RoomMeasure:  # noqa: C901, PLR0912 - one line for each
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
        case ShowBanner(room_id, text):
            back = HideBanner(room_id, text)
        case HideBanner(room_id, text):
            back = ShowBanner(room_id, text)
        case GiveLevel(room_id, user_id, level, case):
            back = ReturnLevel(room_id, user_id, level, case)
        case ReturnLevel(room_id, user_id, level, case):
            back = GiveLevel(room_id, user_id, level, case)
        case DeleteRoom(room_id, text):
            back = UnblockRoom(room_id, text)
        case UnblockRoom(room_id, text):
            back = DeleteRoom(room_id, text)
        case DenyServer(room_id, server):
            back = AdmitServer(room_id, server)
        case AdmitServer(room_id, server):
            back = DenyServer(room_id, server)
    return back


def target(effect: RoomMeasure) -> str:
    """Name what an effect changes."""
    match effect:
        case CloseRoom() | ReopenRoom():
            what = "entry"
        case ShowBanner() | HideBanner():
            what = "banner"
        case GiveLevel() | ReturnLevel():
            return f"rank {effect.room_id} {effect.user_id} {effect.case}"
        case DeleteRoom() | UnblockRoom():
            what = "block"
        case DenyServer() | AdmitServer():
            return f"acl {effect.room_id} {effect.server}"
        case _:
            what = "levels"
    return f"{what} {effect.room_id}"


def in_words(effect: RoomMeasure) -> str:  # noqa: C901, PLR0912 - one line for each
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
        case ShowBanner(room_id):
            said = f"pin in {room_id} that it is suspended"
        case HideBanner(room_id):
            said = f"unpin in {room_id} that it is suspended"
        case GiveLevel(room_id, user_id, None):
            said = f"take the power level of {user_id} in {room_id}"
        case GiveLevel(room_id, user_id, level):
            said = f"give {user_id} power level {level} in {room_id}"
        case ReturnLevel(room_id, user_id):
            said = f"give {user_id} back the power level that they had in {room_id}"
        case DeleteRoom(room_id):
            said = f"let everybody out of {room_id} and nobody in"
        case UnblockRoom(room_id):
            said = f"let people into {room_id} again"
        case DenyServer(room_id, server):
            said = f"shut the server {server} out of {room_id}"
        case AdmitServer(room_id, server):
            said = f"let the server {server} take part in {room_id} again"
    return said
