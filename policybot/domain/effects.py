"""What the bot may do to the homeserver, as data: one change that can be told, queued and undone.

An effect is a value. Services put it into the outbox in the transaction that records the reason;
the Matrix side performs it later. `inverse` says which effect takes it back. An effect that
*stands* (a restriction, a suspension) remembers what was there before, so that its inverse restores
exactly that.
"""

from dataclasses import dataclass, fields
from typing import Any

from policybot.domain import list_rule, quarantine, room_measure, showing
from policybot.domain.list_rule import EnterList, PublicationEffect, PublishRule, WithdrawRule
from policybot.domain.quarantine import MediaEffect, QuarantineMedia, UnquarantineMedia
from policybot.domain.room_measure import (
    AdmitServer,
    CloseRoom,
    DenyServer,
    FreezeRoom,
    GiveLevel,
    HideBanner,
    QuietRoom,
    ReopenRoom,
    ReturnLevel,
    RoomMeasure,
    ShowBanner,
    UnfreezeRoom,
    UnquietRoom,
)
from policybot.domain.showing import (
    AddAlias,
    HideTopicLine,
    PinNotice,
    Publish,
    RemoveAlias,
    SetLabel,
    ShowingEffect,
    ShowTopicLine,
    UnpinNotice,
    Unpublish,
    WithdrawLabel,
)
from policybot.domain.taking import (
    InviteMembers,
    MakeRoom,
    MoveAliases,
    ReturnAliases,
    TakingEffect,
    UnmakeRoom,
)
from policybot.domain.upgrade import FollowUpgrade


@dataclass(frozen=True, slots=True)
class Say:
    """A message of the bot in a room."""

    room_id: str
    text: str
    reply_to: str | None = None


@dataclass(frozen=True, slots=True)
class ShowCard:
    """A message of the bot in the review room that is edited in place as its subject changes.

    It has no text of its own: what it says is read when it is sent, so the newest alone is ever sent.
    """

    room_id: str
    subject: str
    """What it is about: `filing 3`."""


@dataclass(frozen=True, slots=True)
class Notify:
    """A message to one person: in their direct room, by server notice if they cannot enter one."""

    user_id: str
    text: str


@dataclass(frozen=True, slots=True)
class JoinRoom:
    """Follow an invitation and learn what kind of room it leads to."""

    room_id: str
    inviter: str
    direct: bool = False


@dataclass(frozen=True, slots=True)
class TakeSeat:
    """Join a room that is becoming governed, with the rank that moderation needs."""

    room_id: str


@dataclass(frozen=True, slots=True)
class KeepEvidence:
    """Keep a copy of an event, as the homeserver has it, for the people who decide about it."""

    room_id: str
    event_id: str


@dataclass(frozen=True, slots=True)
class KeepContext:
    """Keep what stood around an event of which a copy is kept, or what its files are."""

    room_id: str
    event_id: str
    most: int
    """Messages before it, and after it; 0 asks what its files are, which may take longer."""


@dataclass(frozen=True, slots=True)
class Redact:
    """Remove an event's content; a copy is kept first, the tombstone names the case."""

    room_id: str
    event_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class FindMessages:
    """Find what somebody has written in a room, so that it can be removed."""

    room_id: str
    user_id: str
    since: int
    """Milliseconds."""
    most: int
    """How many of the newest are asked for."""


@dataclass(frozen=True, slots=True)
class Restore:
    """Post the kept text of a removed event again, with its author and time."""

    room_id: str
    event_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class RestrictMember:
    """Take one member's right to post in one room."""

    room_id: str
    user_id: str


@dataclass(frozen=True, slots=True)
class ReleaseMember:
    """Give one member back the power level that they had."""

    room_id: str
    user_id: str


@dataclass(frozen=True, slots=True)
class ExcludeMember:
    """Ban one member from one room."""

    room_id: str
    user_id: str


@dataclass(frozen=True, slots=True)
class ReadmitMember:
    """Lift that ban, if it is still ours."""

    room_id: str
    user_id: str


@dataclass(frozen=True, slots=True)
class LearnAuthor:
    """Read who has written an event."""

    room_id: str
    event_id: str


@dataclass(frozen=True, slots=True)
class LearnMore:
    """Find out what rules ask about a message and it does not say itself."""

    room_id: str
    event_id: str
    first: bool
    """Whether it was its sender's first one there."""
    files: bool = True
    """Whether what its files are is asked."""
    account: str = ""
    """The account of which it is asked when it was made; empty for none."""


@dataclass(frozen=True, slots=True)
class SuspendAccount:
    """Suspend an account: it can read, export and leave, and do nothing else."""

    user_id: str


@dataclass(frozen=True, slots=True)
class UnsuspendAccount:
    """End the suspension of an account."""

    user_id: str


@dataclass(frozen=True, slots=True)
class LockAccount:
    """Lock an account: whatever its devices ask is refused, until it is unlocked; nothing is lost."""

    user_id: str


@dataclass(frozen=True, slots=True)
class UnlockAccount:
    """Let an account be used again."""

    user_id: str


@dataclass(frozen=True, slots=True)
class LearnName:
    """Read the display name of an account."""

    user_id: str


@dataclass(frozen=True, slots=True)
class SetProfileField:
    """Show on a profile that its owner is verified; their name too if `real`, read at that moment."""

    user_id: str
    field: str
    real: bool = False


@dataclass(frozen=True, slots=True)
class ClearProfileField:
    """Take that off the profile again."""

    user_id: str
    field: str
    real: bool = False


Effect = (
    Say
    | ShowCard
    | Notify
    | JoinRoom
    | TakeSeat
    | KeepEvidence
    | KeepContext
    | Redact
    | FindMessages
    | Restore
    | RestrictMember
    | ReleaseMember
    | ExcludeMember
    | ReadmitMember
    | LearnAuthor
    | LearnMore
    | SuspendAccount
    | UnsuspendAccount
    | LockAccount
    | UnlockAccount
    | LearnName
    | SetProfileField
    | ClearProfileField
    | ShowingEffect
    | RoomMeasure
    | MediaEffect
    | TakingEffect
    | FollowUpgrade
    | PublicationEffect
)

STANDING = (
    RestrictMember,
    ExcludeMember,
    QuietRoom,
    FreezeRoom,
    CloseRoom,
    GiveLevel,
    SuspendAccount,
    LockAccount,
    QuarantineMedia,
    MoveAliases,
    ShowTopicLine,
    PublishRule,
    DenyServer,
)
"""Effects that last and whose inverse must restore what was there before."""

RESTORING = (
    ReleaseMember,
    ReadmitMember,
    UnquietRoom,
    UnfreezeRoom,
    ReopenRoom,
    ReturnLevel,
    UnsuspendAccount,
    UnlockAccount,
    UnquarantineMedia,
    ReturnAliases,
    HideTopicLine,
    UnpinNotice,
    HideBanner,
    WithdrawRule,
    AdmitServer,
)
"""Their inverses; and those of what is pinned, of which is remembered where it stands."""

PINNED = (PinNotice, ShowBanner)
"""Messages that are pinned: where one stands is remembered once it does."""

_KINDS: dict[str, type[Effect]] = {kind.__name__: kind for kind in Effect.__args__}


def inverse(effect: Effect) -> Effect | None:  # noqa: C901, PLR0911, PLR0912 - one line for each pair
    """Name the effect that takes this one back; None for a word once said or a door once entered."""
    match effect:
        case RestrictMember(room_id, user_id):
            return ReleaseMember(room_id, user_id)
        case ReleaseMember(room_id, user_id):
            return RestrictMember(room_id, user_id)
        case ExcludeMember(room_id, user_id):
            return ReadmitMember(room_id, user_id)
        case ReadmitMember(room_id, user_id):
            return ExcludeMember(room_id, user_id)
        case MoveAliases(room_id, alias, successor):
            return ReturnAliases(room_id, alias, successor)
        case ReturnAliases(room_id, alias, successor):
            return MoveAliases(room_id, alias, successor)
        case _ if isinstance(effect, RoomMeasure):
            return room_measure.inverse(effect)
        case QuarantineMedia() | UnquarantineMedia():
            return quarantine.inverse(effect)
        case SuspendAccount(user_id):
            return UnsuspendAccount(user_id)
        case UnsuspendAccount(user_id):
            return SuspendAccount(user_id)
        case LockAccount(user_id):
            return UnlockAccount(user_id)
        case UnlockAccount(user_id):
            return LockAccount(user_id)
        case Redact(room_id, event_id, reason):
            return Restore(room_id, event_id, reason)
        case Restore(room_id, event_id, reason):
            return Redact(room_id, event_id, reason)
        case SetProfileField(user_id, field, real):
            return ClearProfileField(user_id, field, real)
        case ClearProfileField(user_id, field, real):
            return SetProfileField(user_id, field, real)
        case SetLabel() | WithdrawLabel() | AddAlias() | RemoveAlias() | Publish() | Unpublish():
            return showing.inverse(effect)
        case ShowTopicLine() | HideTopicLine() | PinNotice() | UnpinNotice():
            return showing.inverse(effect)
        case _ if isinstance(effect, PublicationEffect):
            return list_rule.inverse(effect)
        case ShowCard():
            return None
        case Say() | Notify() | JoinRoom() | TakeSeat() | KeepEvidence() | KeepContext():
            return None
        case LearnName() | LearnAuthor() | LearnMore() | FindMessages():
            return None
        case _:  # the other steps of taking a room in, and following it; see services/taking.py
            return None


def target(effect: Effect) -> str:  # noqa: C901, PLR0911 - one line for each
    """Name what a standing effect or its inverse changes; both name the same thing."""
    match effect:
        case RestrictMember(room_id, user_id) | ReleaseMember(room_id, user_id):
            return f"level {room_id} {user_id}"
        case ExcludeMember(room_id, user_id) | ReadmitMember(room_id, user_id):
            return f"membership {room_id} {user_id}"
        case _ if isinstance(effect, RoomMeasure):
            return room_measure.target(effect)
        case QuarantineMedia() | UnquarantineMedia():
            return quarantine.target(effect)
        case MoveAliases(room_id) | ReturnAliases(room_id):
            return f"aliases {room_id}"
        case SuspendAccount(user_id) | UnsuspendAccount(user_id):
            return f"suspension {user_id}"
        case LockAccount(user_id) | UnlockAccount(user_id):
            return f"lock {user_id}"
        case ShowTopicLine(room_id) | HideTopicLine(room_id):
            return f"topic {room_id}"
        case PinNotice(room_id) | UnpinNotice(room_id):
            return f"notice {room_id}"
        case PublishRule() | WithdrawRule():
            return list_rule.target(effect)
        case _:
            message = f"{type(effect).__name__} does not stand"
            raise ValueError(message)


def lane(effect: Effect) -> str:  # noqa: C901, PLR0911 - one for each
    """Name the subject within which effects keep their order: the room, else the user."""
    match effect:
        case Notify(user_id) | SuspendAccount(user_id) | UnsuspendAccount(user_id):
            return user_id
        case LockAccount(user_id) | UnlockAccount(user_id):
            return user_id
        case LearnName(user_id) | SetProfileField(user_id) | ClearProfileField(user_id):
            # Apart, for a measure or a message must not wait for what is only shown.
            return f"profile {user_id}"
        case MakeRoom(room_id, alias) | UnmakeRoom(room_id, alias):
            return room_id or alias
        case KeepContext(room_id, _, most) if most:
            return f"context {room_id}"
        case LearnMore(room_id) | KeepContext(room_id):
            # Apart, for a measure must not wait for another server's file.
            return f"files {room_id}"
        case InviteMembers(room_id):
            # Apart, for a measure must not wait until everybody is invited.
            return f"members {room_id}"
        case QuarantineMedia() | UnquarantineMedia():
            return quarantine.target(effect)
        case PublishRule(room) | WithdrawRule(room) | EnterList(room):
            return room
        case FollowUpgrade(room_id):
            # Apart: a room far away must not hold up what is done in the one that we are in.
            return f"upgrade {room_id}"
        case _:
            return effect.room_id


def dump(effect: Effect) -> tuple[str, dict[str, Any]]:
    """Write an effect as its kind and plain JSON values."""
    return type(effect).__name__, {field.name: getattr(effect, field.name) for field in fields(effect)}


def load(kind: str, data: dict[str, Any]) -> Effect:
    """Read what `dump` wrote.

    Raises:
        KeyError: no effect has that kind.
        TypeError: the values are not that effect's.
    """
    made = _KINDS[kind]
    names = {field.name for field in fields(made)}
    if unknown := data.keys() - names:
        message = f"{kind} has no {', '.join(sorted(unknown))}"
        raise TypeError(message)
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in data.items()
    }
    return made(**values)
