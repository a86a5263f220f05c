"""One measure imposed on one subject from one time to another, and the effects that carry it.

planned → active → ended (by time) | lifted (by decision) | stayed (appeal) → active
             └──────────────────────→ void (overturned, from the beginning)

A hold is an interim sanction: its end is fixed when it is imposed, whatever happens after.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from policybot.domain.case import Subject
from policybot.domain.effects import (
    Effect,
    ExcludeMember,
    LockAccount,
    Redact,
    RestrictMember,
    SuspendAccount,
    inverse,
)
from policybot.domain.errors import OutOfOrder
from policybot.domain.ladder import Scope
from policybot.domain.measure import Kind, Measure
from policybot.domain.room_measure import (
    CloseRoom,
    DenyServer,
    FreezeRoom,
    GiveLevel,
    HideBanner,
    QuietRoom,
    ReopenRoom,
    ShowBanner,
    UnfreezeRoom,
    UnquietRoom,
)
from policybot.domain.showing import Unpublish, WithdrawLabel
from policybot.domain.view import Curb


class State(StrEnum):
    """Where a sanction stands."""

    PLANNED = "planned"
    ACTIVE = "active"
    STAYED = "stayed"
    ENDED = "ended"
    LIFTED = "lifted"
    VOID = "void"


class Step(StrEnum):
    """What can happen to a sanction."""

    ENFORCE = "enforce"
    STAY = "stay"
    RESUME = "resume"
    END = "end"
    LIFT = "lift"
    VOID = "void"


MOVES: dict[tuple[State, Step], State] = {
    (State.PLANNED, Step.ENFORCE): State.ACTIVE,
    (State.PLANNED, Step.STAY): State.STAYED,
    (State.PLANNED, Step.END): State.ENDED,
    (State.PLANNED, Step.LIFT): State.LIFTED,
    (State.PLANNED, Step.VOID): State.VOID,
    (State.ACTIVE, Step.STAY): State.STAYED,
    (State.ACTIVE, Step.END): State.ENDED,
    (State.ACTIVE, Step.LIFT): State.LIFTED,
    (State.ACTIVE, Step.VOID): State.VOID,
    (State.STAYED, Step.RESUME): State.PLANNED,
    (State.STAYED, Step.LIFT): State.LIFTED,
    (State.STAYED, Step.VOID): State.VOID,
    (State.ENDED, Step.VOID): State.VOID,
    (State.LIFTED, Step.VOID): State.VOID,
}

BINDING = frozenset({State.PLANNED, State.ACTIVE})
"""States in which the effects of a sanction are wanted on the homeserver."""
HIDING = frozenset({Kind.SUSPEND, Kind.CLOSE})
"""Measures that take a room out of sight."""
MOMENT = timedelta(minutes=1)
"""The homeserver takes less than this to take something back, unless it is away."""
_CURBING = frozenset({RestrictMember, ExcludeMember, SuspendAccount})
"""The kinds of effect that keep somebody from writing."""


@dataclass(frozen=True, slots=True)
class Sanction:
    """One measure on one subject."""

    decision_id: int
    scope: Scope
    measure: Measure
    state: State
    user_id: str | None = None
    room_id: str | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    served: timedelta = timedelta(0)
    """Time served for the same act: before it (a hold, what is void), and under it once it stopped."""
    restraints: tuple[Effect, ...] = ()
    """The effects that carry it, fixed when it was decided; and the banner, once it says until when."""
    interim: bool = False
    """Whether it only holds until somebody decides; see `hold`."""
    dry: bool = False
    """Whether it was only rehearsed, in a dry run."""
    person_id: str | None = None
    """The person all of whose accounts it reaches; None if it reaches the one account alone."""
    version: int = 1


def hides_room(sanction: Sanction) -> bool:
    """Say whether a sanction takes a room out of sight now."""
    hides = sanction.scope is Scope.ROOM and sanction.measure.kind in HIDING
    return hides and sanction.state in BINDING


def moved(sanction: Sanction, step: Step) -> Sanction:
    """Take a step.

    Raises:
        OutOfOrder: the present state does not allow it.
    """
    after = MOVES.get((sanction.state, step))
    if after is None:
        message = f"The measure is {sanction.state.value}: nothing is left to {step.value}."
        raise OutOfOrder(message)
    return replace(sanction, state=after)


def enforced(sanction: Sanction, at: datetime) -> Sanction:
    """Start the clock: a measure runs from when the homeserver carried it, not from the decision."""
    duration = sanction.measure.duration
    ends_at = None if duration is None else max(at, at + duration - sanction.served)
    if sanction.interim and sanction.ends_at is not None:
        ends_at = sanction.ends_at
    return replace(moved(sanction, Step.ENFORCE), starts_at=at, ends_at=ends_at)


def ran(sanction: Sanction, now: datetime) -> timedelta:
    """Say for how long its subject was bound so far, with what was credited.

    Where nobody was there to end it in time, its subject was bound beyond its end: that counts as well.
    """
    if sanction.state is not State.ACTIVE or sanction.starts_at is None:
        return sanction.served
    return sanction.served + max(now - sanction.starts_at, timedelta(0))


def beyond(sanction: Sanction, stopped_at: datetime | None, now: datetime) -> timedelta:
    """Say for how long its subject is bound beyond its end, as what takes it back waits since then.

    That the homeserver takes a moment each time is no such time.
    """
    if stopped_at is None or sanction.starts_at is None or sanction.state is State.ACTIVE:
        return timedelta(0)
    return now - stopped_at if now - stopped_at >= MOMENT else timedelta(0)


def spent(sanction: Sanction, now: datetime) -> bool:
    """Say whether all of its time was served before it was imposed: then nothing is left to carry."""
    span = sanction.measure.duration
    if sanction.interim:
        return sanction.ends_at is not None and sanction.ends_at <= now
    return span is not None and sanction.served >= span


def bannered(scope: Scope, measure: Measure) -> bool:
    """Say whether a room shows by a banner that this measure binds it."""
    return scope is Scope.ROOM and measure.kind is Kind.SUSPEND


def hides(sanction: Sanction) -> bool:
    """Say whether a room is not to be shown because of this, whoever approves of it."""
    kept = sanction.scope is Scope.ROOM and sanction.measure.kind in (Kind.SUSPEND, Kind.CLOSE)
    return kept and sanction.state in BINDING


def with_banner(sanction: Sanction, text: str | None) -> Sanction:
    """Let a sanction show a banner; None for none."""
    kept = tuple(e for e in sanction.restraints if not isinstance(e, ShowBanner))
    banner = (ShowBanner(sanction.room_id, text),) if text and sanction.room_id else ()
    return replace(sanction, restraints=(*kept, *banner))


def stopped(sanction: Sanction, step: Step, at: datetime) -> Sanction:
    """Let a sanction rest, end, or be void; the time served is kept, for what may take its place."""
    return replace(moved(sanction, step), served=ran(sanction, at))


def curb(sanction: Sanction, number: str) -> Curb | None:
    """Say what a sanction is to the gate; None if it keeps nobody from writing, or out of a room.

    What reaches an account counts in every governed room, in those that are filed later as well.
    """
    reach = {type(effect) for effect in sanction.restraints}
    binds = sanction.state in BINDING and not sanction.dry
    if sanction.user_id is None or not binds or _CURBING.isdisjoint(reach):
        return None
    # Before the homeserver has carried it its clock does not run, but for that of a hold.
    runs = sanction.state is State.ACTIVE or sanction.interim
    return Curb(
        number,
        "" if sanction.scope is Scope.ACCOUNT else sanction.room_id or "",
        excluded=ExcludeMember in reach,
        until=sanction.ends_at if runs else None,
    )


def due(sanction: Sanction, now: datetime) -> bool:
    """Say whether the time of a sanction is over."""
    return sanction.state is State.ACTIVE and sanction.ends_at is not None and sanction.ends_at <= now


@dataclass(frozen=True, slots=True)
class Label:
    """What a governed room's label says."""

    record_number: str
    categories: tuple[str, ...]


def removals(messages: Iterable[Subject], said: str) -> tuple[Effect, ...]:
    """Say which effects remove messages, each with what is said in its place."""
    return tuple(
        Redact(one.room_id, one.event_id, said) for one in messages if one.room_id and one.event_id
    )


def restraints(  # noqa: PLR0911, PLR0913 - one line for each measure
    scope: Scope,
    measure: Measure,
    *,
    user_id: str | None,
    room_id: str | None,
    governed: Iterable[str] = (),
    local: bool = True,
    locks: bool = False,
    label: Label | None = None,
    closing: str = "",
) -> tuple[Effect, ...]:
    """Say which effects carry a measure.

    Args:
        scope: what the measure reaches: one member in one room, an account, or a room.
        measure: the measure; `none`, `advise` and `warn` have no effects.
        user_id: the member or account.
        room_id: the room, for `member` and `room`.
        governed: the governed rooms, for an account that may post in none of them.
        local: whether the account is ours to suspend; another is kept out of the governed rooms.
        locks: whether an account of ours that is closed is locked besides.
        label: what the room's label says, so that it can be set again.
        closing: what is said in a room that is closed, in the operator's words.
    """
    kind = measure.kind
    if kind in (Kind.NONE, Kind.ADVISE, Kind.WARN):
        return ()
    if scope is Scope.MEMBER and room_id and user_id:
        if kind is Kind.RESTRICT:
            return (RestrictMember(room_id, user_id),)
        return (ExcludeMember(room_id, user_id),)
    if scope is Scope.ACCOUNT and user_id:
        if kind is Kind.RESTRICT:
            return tuple(RestrictMember(room, user_id) for room in sorted(governed))
        if not local:
            return tuple(ExcludeMember(room, user_id) for room in sorted(governed))
        locked = (LockAccount(user_id),) if locks and kind is Kind.CLOSE else ()
        return (SuspendAccount(user_id), *locked)
    if scope is Scope.ROOM and room_id:
        if kind is Kind.RESTRICT:
            return (QuietRoom(room_id),)
        closed = (CloseRoom(room_id, closing),) if kind is Kind.CLOSE else ()
        shown = (WithdrawLabel(room_id, label.record_number, label.categories),) if label else ()
        return (FreezeRoom(room_id), Unpublish(room_id), *shown, *closed)
    message = f"a measure on {scope.value} needs its subject"
    raise ValueError(message)


def locks(sanction: Sanction) -> bool:
    """Say whether a sanction takes every way to be told of it."""
    return any(isinstance(effect, LockAccount) for effect in sanction.restraints)


def accounts(sanction: Sanction) -> tuple[str, ...]:
    """Name the accounts that the effects of a sanction bind."""
    kinds = (RestrictMember, ExcludeMember, SuspendAccount)
    bound = [e.user_id for e in sanction.restraints if isinstance(e, kinds)]
    return tuple(dict.fromkeys((*((sanction.user_id,) if sanction.user_id else ()), *bound)))


def in_room(sanction: Sanction, room_id: str) -> tuple[Effect, ...]:
    """Say which effects carry a measure on an account, or a server, into a room that is governed now.

    What the room reads of it comes before that, in its language.
    """
    if sanction.scope not in (Scope.ACCOUNT, Scope.SERVER) or sanction.dry:
        return ()
    kinds = (RestrictMember, ExcludeMember, DenyServer)
    inside = [e for e in sanction.restraints if isinstance(e, kinds)]
    wanted = dict.fromkeys(replace(e, room_id=room_id) for e in inside)
    return tuple(e for e in wanted if e not in sanction.restraints)


def shut_out(sanction: Sanction) -> tuple[DenyServer, ...]:
    """Name the rooms out of which a sanction shuts a server."""
    return tuple(e for e in sanction.restraints if isinstance(e, DenyServer))


def to_release(sanction: Sanction, step: Step) -> bool:
    """Say whether there is something to give back when a sanction takes a step.

    Who leads a room is changed once and for good, so only what voids that gives it back.
    """
    lasting = any(isinstance(e, GiveLevel) for e in sanction.restraints)
    return sanction.state in BINDING or (lasting and step is Step.VOID)


def release(
    sanction: Sanction, others: Iterable[Sanction], also: Iterable[Effect] = ()
) -> tuple[Effect, ...]:
    """Say what to take back when a sanction stops binding, given the others that still bind.

    What another sanction still wants stays: overlapping sanctions run side by side. So does what is
    wanted for another reason (`also`).
    """
    wanted = {effect for other in others if other.state in BINDING for effect in other.restraints}
    wanted.update(also)
    undone = (inverse(effect) for effect in sanction.restraints if effect not in wanted)
    return tuple(_kept_in_scale(undone, wanted))


def _kept_in_scale(undone: Iterable[Effect | None], wanted: set[Effect]) -> Iterator[Effect]:
    """Undo what has to be, where a quiet and a frozen room overlap: both are levels of one scale.

    Of several banners one stands at a time: the next one follows.
    """
    for effect in undone:
        match effect:
            case None:
                continue
            case ReopenRoom(room_id) if any(
                isinstance(e, CloseRoom) and e.room_id == room_id for e in wanted
            ):
                continue  # another closure may say it in other words
            case UnquietRoom(room_id) if FreezeRoom(room_id) in wanted:
                continue  # what is undone last gives back what was there first
            case UnfreezeRoom(room_id) if QuietRoom(room_id) in wanted:
                yield effect
                yield QuietRoom(room_id)
            case HideBanner(room_id):
                yield effect
                others = (e for e in wanted if isinstance(e, ShowBanner) and e.room_id == room_id)
                if (other := min(others, key=lambda e: e.text, default=None)) is not None:
                    yield other
            case _:
                yield effect
