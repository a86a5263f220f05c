"""The effects that show a filed room to everybody, each with what takes it back.

In the directory, by its label, under an alias, by a line of its topic and a pinned notice: none of them
is done for a room whose filing is not in force.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Publish:
    """Show a room in the server's directory, and a filed one in the network of filed rooms too."""

    room_id: str
    filed: bool = True


@dataclass(frozen=True, slots=True)
class Unpublish:
    """Take a room out of the server's directory, and a filed one out of that network."""

    room_id: str
    filed: bool = True


@dataclass(frozen=True, slots=True)
class SetLabel:
    """Write the room's label, which nobody but the bot can write; it says what is true then."""

    room_id: str
    record_number: str
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WithdrawLabel:
    """Empty the room's label."""

    room_id: str
    record_number: str
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AddAlias:
    """Let the room be found under an alias by its record number."""

    room_id: str
    record_number: str


@dataclass(frozen=True, slots=True)
class RemoveAlias:
    """Take that alias away, if it still leads to the room."""

    room_id: str
    record_number: str


@dataclass(frozen=True, slots=True)
class ShowTopicLine:
    """Append a line to the room's topic."""

    room_id: str
    line: str


@dataclass(frozen=True, slots=True)
class HideTopicLine:
    """Take the line out of the topic that stands there since it was shown."""

    room_id: str
    line: str = ""


@dataclass(frozen=True, slots=True)
class PinNotice:
    """Write a notice in the room, and pin it."""

    room_id: str
    text: str


@dataclass(frozen=True, slots=True)
class UnpinNotice:
    """Remove that notice again, if it stands there."""

    room_id: str
    text: str = ""


ShowingEffect = (
    Publish
    | Unpublish
    | SetLabel
    | WithdrawLabel
    | AddAlias
    | RemoveAlias
    | ShowTopicLine
    | HideTopicLine
    | PinNotice
    | UnpinNotice
)

SHOWING = (SetLabel, Publish, AddAlias, ShowTopicLine, PinNotice)
"""What is not done for a room that is filed and not in force, whenever it was queued."""


def inverse(effect: ShowingEffect) -> ShowingEffect:  # noqa: C901, PLR0911 - one line for each
    """Name the effect that takes this one back."""
    match effect:
        case Publish(room_id, filed):
            return Unpublish(room_id, filed)
        case Unpublish(room_id, filed):
            return Publish(room_id, filed)
        case SetLabel(room_id, number, categories):
            return WithdrawLabel(room_id, number, categories)
        case WithdrawLabel(room_id, number, categories):
            return SetLabel(room_id, number, categories)
        case AddAlias(room_id, number):
            return RemoveAlias(room_id, number)
        case RemoveAlias(room_id, number):
            return AddAlias(room_id, number)
        case ShowTopicLine(room_id, line):
            return HideTopicLine(room_id, line)
        case HideTopicLine(room_id, line):
            return ShowTopicLine(room_id, line)
        case PinNotice(room_id, text):
            return UnpinNotice(room_id, text)
        case UnpinNotice(room_id, text):
            return PinNotice(room_id, text)
