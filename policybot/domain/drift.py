"""Drift: where a filed room differs from what its filing and its measures say, and what to do about it.

Only what is ours is compared. Who uses a room as rooms are used (names it, writes a topic around our
line, appoints moderators, invites and removes people) changes nothing that anybody has to look at.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from policybot.domain.effects import Effect, ExcludeMember, RestrictMember
from policybot.domain.filing import IN_FORCE, Filing
from policybot.domain.rank import (
    Control,
    Levels,
    asks_everywhere,
    below_everything,
    control,
    frozen_height,
    hindrance,
    quiet_height,
)
from policybot.domain.room_measure import (
    CloseRoom,
    DenyServer,
    FreezeRoom,
    HideBanner,
    QuietRoom,
    ShowBanner,
)
from policybot.domain.server import ACL
from policybot.domain.showing import (
    AddAlias,
    PinNotice,
    Publish,
    RemoveAlias,
    SetLabel,
    ShowTopicLine,
    UnpinNotice,
    Unpublish,
    WithdrawLabel,
)
from policybot.domain.upgrade import FollowUpgrade, is_room

_JOIN_RULES = ("public", "invite", "knock", "restricted", "knock_restricted", "private")
_PUBLIC = "public"
_SHUT = "invite"


class Kind(StrEnum):
    """What differs."""

    ABSENT = "absent"
    """The bot is not in the room any more."""
    REPLACED = "replaced"
    """The room was replaced by another one, and the filing could not go on there."""
    ENCRYPTION = "encryption"
    RANK = "rank"
    """The bot's rank no longer reaches as far as was agreed."""
    JOIN_RULE = "join_rule"
    """A room in force is not open to everybody."""
    MEASURES = "measures"
    """Somebody undid a measure that binds."""
    LABEL = "label"
    DIRECTORY = "directory"
    ALIAS = "alias"
    TOPIC = "topic"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True)
class Look:
    """What is to be read of a room."""

    room_id: str
    alias: str
    topic: bool = False
    notice: str | None = None
    """The event that our pinned notice is."""
    banner: str | None = None
    """The event that says in the room that it is suspended."""
    bans: bool = False
    servers: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """A room as it is."""

    levels: Levels
    join_rule: str
    encrypted: bool
    successor: str | None
    """Where its tombstone leads; empty if nowhere, None if it has none."""
    published: bool
    alias: str | None
    """The room that the alias by record number leads to."""
    label: Mapping[str, Any]
    topic: str = ""
    notice: bool = True
    """Whether our notice stands and is pinned."""
    banner: bool = True
    """Whether what says that the room is suspended does."""
    banned: frozenset[str] = frozenset()
    denied: frozenset[str] = frozenset()
    """The servers that are shut out by name."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A room as it should be."""

    filing: Filing
    bot: str
    alias: str
    label: Mapping[str, Any]
    """Empty for a room that is not in force."""
    label_waits: bool = False
    """Whether somebody keeps changing the label, so that it rests for a while (see services/labels)."""
    restraints: tuple[Effect, ...] = ()
    """The effects of the measures that bind in the room."""
    line: str | None = None
    """Our line of the topic, where one was shown."""
    notice: tuple[str, str] | None = None
    """Our pinned notice, where there was one: its event and its text."""
    banner: str | None = None
    """What says in the room that it is suspended, where it does: its event."""

    @property
    def public(self) -> bool:
        """Whether the room is to be seen."""
        return self.filing.state in IN_FORCE

    @property
    def look(self) -> Look:
        """What has to be read of the room to compare it."""
        bans = any(isinstance(effect, ExcludeMember) for effect in self.restraints)
        acl = any(isinstance(effect, DenyServer) for effect in self.restraints)
        event = self.notice[0] if self.notice else None
        topic = self.line is not None
        return Look(self.filing.room_id, self.alias, topic, event, self.banner, bans, acl)


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs."""

    kind: Kind
    words: str
    """What differs, as a sentence."""
    todo: str
    """What people do about it, if it is not set right by itself."""
    repair: tuple[Effect, ...] = ()
    """What sets it right; empty if nothing does, or rank forbids it."""
    owner: str = ""
    """What the owner has to know; empty if it does not concern them."""


def differences(wanted: Wanted, seen: Seen | None) -> tuple[Difference, ...]:
    """Compare a room as it should be with the room as it is; None stands for one we are not in."""
    bot, number = wanted.bot, wanted.filing.number
    if seen is None:
        return (
            Difference(
                Kind.ABSENT,
                "I am not in the room any more, so I can neither look after it nor carry out measures.",
                f"Ask the owner to invite {bot} again, with its former power level.",
                owner=f"I am not in your room {number} any more, and without me it cannot stay public. "
                f"Please invite {bot} again and give it its former power level.",
            ),
        )
    if seen.successor is not None:
        return (_replaced(wanted, seen.successor),)
    measures = (*_measures(wanted, seen), *_banner(wanted, seen))
    return (*_entry(wanted, seen), *_rank(wanted, seen), *measures, *_signs(wanted, seen))


def _replaced(wanted: Wanted, successor: str) -> Difference:
    filing = wanted.filing
    if not is_room(successor) or successor == filing.room_id:
        return Difference(
            Kind.REPLACED,
            "The room was closed with a sign that leads to no other room.",
            f"Talk to the owner; if the room is over: !policy revoke {filing.number} REASON",
        )
    shut = not wanted.public
    return Difference(
        Kind.REPLACED,
        f"The room was replaced by {successor}.",
        "Talk to the owner.",
        (FollowUpgrade(filing.room_id, successor, filing.applicant, shut),),
    )


def _entry(wanted: Wanted, seen: Seen) -> Iterator[Difference]:
    number = wanted.filing.number
    if seen.encrypted:
        yield Difference(
            Kind.ENCRYPTION,
            "Encryption was turned on, which cannot be turned off again: nobody can look after the "
            "room or read it without having been there.",
            "Talk to the owner: a new room can take this one's place. If none does: "
            f"!policy revoke {number} REASON",
            owner=f"Encryption was turned on in your room {number}, and it cannot be turned off again. "
            "A public room has to be readable for everybody: please replace it by a new, unencrypted "
            "room (in the room's settings, or with /upgraderoom), and I follow you there.",
        )
    if wanted.public and seen.join_rule != _PUBLIC:
        rule = seen.join_rule if seen.join_rule in _JOIN_RULES else "another one"
        yield Difference(
            Kind.JOIN_RULE,
            f"Not everybody can enter the room any more: its join rule is {rule}.",
            f"Talk to the owner. If the room is to be public no longer: !policy revoke {number} REASON",
            owner=f"Your room {number} is filed as a public room, and not everybody can enter it any "
            "more. Please let anybody join again in the room's settings, or tell us that it is not to "
            "be public any longer.",
        )


_REACH = {Control.CREATED: 2, Control.ADOPTED: 2, Control.SHARED: 1, Control.NONE: 0}


def _rank(wanted: Wanted, seen: Seen) -> Iterator[Difference]:
    promised, found = wanted.filing.control, control(seen.levels, wanted.bot)
    if _REACH[found] >= _REACH[promised]:
        return
    mine = f"{seen.levels.of(wanted.bot):g}"
    nobody = found is Control.NONE
    yield Difference(
        Kind.RANK,
        f"My power level in the room is {mine}: "
        + ("I can restrict nobody there." if nobody else "there are others whom I cannot restrict."),
        f"Ask the owner to give {wanted.bot} power level 100"
        + ("." if nobody else ", and nobody else as much.")
        + " Until then only measures on accounts reach everybody.",
        owner=f"In your room {wanted.filing.number} my power level is {mine}, which is less than we "
        f"agreed on. Please give {wanted.bot} power level 100 again"
        + ("." if nobody else ", and nobody else as much."),
    )


# Measures ------------------------------------------------------------------------------------------


def holds(  # noqa: PLR0911, PLR0913, PLR0917 - one line for each, and what is known of a room
    effect: Effect,
    levels: Levels,
    join_rule: str,
    banned: Iterable[str],
    bot: str,
    denied: Iterable[str] = (),
) -> bool:
    """Say whether what an effect of a measure did to a room still stands."""
    match effect:
        case RestrictMember(_, user_id):
            return levels.of(user_id) <= below_everything(levels)
        case ExcludeMember(_, user_id):
            return user_id in set(banned)
        case FreezeRoom():
            return asks_everywhere(levels, frozen_height(levels, bot))
        case QuietRoom():
            return asks_everywhere(levels, quiet_height(levels, bot))
        case CloseRoom():
            return join_rule == _SHUT
        case DenyServer(_, server):
            return server in set(denied)
        case _:
            return True


def _measures(wanted: Wanted, seen: Seen) -> Iterator[Difference]:
    room_id, levels, bot = wanted.filing.room_id, seen.levels, wanted.bot
    undone = [
        effect
        for effect in wanted.restraints
        if not holds(effect, levels, seen.join_rule, seen.banned, bot, seen.denied)
    ]
    if not undone:
        return
    possible = tuple(effect for effect in undone if _possible(effect, levels, bot))
    people = sorted({e.user_id for e in undone if isinstance(e, RestrictMember | ExcludeMember)})
    on_room = any(isinstance(e, FreezeRoom | QuietRoom | CloseRoom) for e in undone)
    said = ["The measure on the room was undone."] if on_room else []
    if people:
        more = f" and {len(people) - 5} more" if len(people) > 5 else ""  # noqa: PLR2004 - as many are read
        said.append(f"A measure in the room was undone for {', '.join(people[:5])}{more}.")
    if let_in := sorted({e.server for e in undone if isinstance(e, DenyServer)}):
        said.append(f"What shuts out {', '.join(let_in)} was taken off the room's server ACL.")
    yield Difference(
        Kind.MEASURES,
        " ".join(said),
        f"Look who has changed the power levels in {room_id}. If they do not respect measures, decide "
        "about their accounts.",
        possible if len(possible) == len(undone) else (),
        owner=f"In your room {wanted.filing.number} a measure was undone that still binds. Please leave "
        "it until it ends. Whoever it concerns can object: !policy appeal"
        if on_room
        else "",
    )


def _banner(wanted: Wanted, seen: Seen) -> Iterator[Difference]:
    shown = [effect for effect in wanted.restraints if isinstance(effect, ShowBanner)]
    if not shown or wanted.banner is None or seen.banner:
        return
    room_id, text = wanted.filing.room_id, min(effect.text for effect in shown)
    writable = seen.levels.of(wanted.bot) >= seen.levels.needed_for_state("m.room.pinned_events")
    yield Difference(
        Kind.NOTICE,
        "What says in the room that it is suspended is not pinned any more.",
        f"Look who has changed that in {room_id}.",
        (HideBanner(room_id, text), ShowBanner(room_id, text)) if writable else (),
    )


def _possible(effect: Effect, levels: Levels, bot: str) -> bool:
    mine = levels.of(bot)
    match effect:
        case RestrictMember(_, user_id):
            return hindrance(levels, bot, user_id) is None
        case ExcludeMember(_, user_id):
            return mine >= levels.needed("ban") and mine > levels.of(user_id)
        case CloseRoom():
            return mine >= levels.needed_for_state("m.room.join_rules")
        case DenyServer():
            return mine >= levels.needed_for_state(ACL)
        case _:
            return mine >= levels.needed_for_state("m.room.power_levels")


# What a room shows ---------------------------------------------------------------------------------


def _signs(wanted: Wanted, seen: Seen) -> Iterator[Difference]:
    filing = wanted.filing
    room_id, number = filing.room_id, filing.number
    if not wanted.label_waits and dict(seen.label) != dict(wanted.label):
        right = SetLabel if wanted.public else WithdrawLabel
        yield Difference(
            Kind.LABEL,
            "The label does not say what is true of the filing.",
            "Look whether I may write state events in the room.",
            (right(room_id, number, filing.categories),),
        )
    yield from _found(wanted, seen)
    able = seen.levels.of(wanted.bot)
    if wanted.public and wanted.line is not None and wanted.line not in seen.topic.split("\n"):
        writable = able >= seen.levels.needed_for_state("m.room.topic")
        yield Difference(
            Kind.TOPIC,
            "The line about the filing is missing in the topic.",
            "Ask the owner to put it back, or to let me write the topic.",
            (ShowTopicLine(room_id, wanted.line),) if writable else (),
        )
    if wanted.public and wanted.notice is not None and not seen.notice:
        writable = able >= seen.levels.needed_for_state("m.room.pinned_events")
        yield Difference(
            Kind.NOTICE,
            "The notice about the filing is not pinned any more.",
            "Ask the owner to pin it again, or to let me pin messages.",
            (UnpinNotice(room_id), PinNotice(room_id, wanted.notice[1])) if writable else (),
        )


def _found(wanted: Wanted, seen: Seen) -> Iterator[Difference]:
    """Compare by what people find a room: the directory, and the alias by its record number."""
    filing = wanted.filing
    room_id, number = filing.room_id, filing.number
    if wanted.public and not seen.published:
        yield Difference(
            Kind.DIRECTORY,
            "The room was taken out of the directory.",
            "Ask the owner whether the room is to be public no longer.",
            (Publish(room_id),),
            owner=f"Your room {number} was taken out of the directory, though its approval is in force.",
        )
    elif seen.published and not wanted.public:
        yield Difference(
            Kind.DIRECTORY,
            f"The room is in the directory, though it is {filing.in_words}.",
            "Look who may publish rooms: room_list_publication_rules in homeserver.yaml.",
            (Unpublish(room_id),),
        )
    if wanted.public and seen.alias != room_id:
        elsewhere = seen.alias is not None
        yield Difference(
            Kind.ALIAS,
            f"The alias {wanted.alias} leads to another room."
            if elsewhere
            else f"The alias {wanted.alias} is gone.",
            "Look with an administrator of the homeserver where the alias leads, and why.",
            () if elsewhere else (AddAlias(room_id, number),),
        )
    elif seen.alias == room_id and not wanted.public:
        yield Difference(
            Kind.ALIAS,
            f"The alias {wanted.alias} leads to the room, though it is {filing.in_words}.",
            "Look with an administrator of the homeserver who has made it.",
            (RemoveAlias(room_id, number),),
        )
