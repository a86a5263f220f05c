"""A list rule: a line in a public list of ours by which other communities hear of a decision.

It names another homeserver or an account of one, the rule and the number of the case, and nothing of
what happened (Matrix specification, "Moderation policy lists"). It stands as long as the measure binds.
"""

from dataclasses import dataclass

from policybot.domain.errors import Incomplete
from policybot.domain.ladder import Scope
from policybot.domain.measure import Kind

WORD = "publish"
"""What is added to a measure: `close+publish`."""
PUBLISHED = (Kind.SUSPEND, Kind.CLOSE)
"""Measures that can be published: the lists know no milder word than «ban»."""
TYPES = ("m.policy.rule.user", "m.policy.rule.server")
"""The types of the rules that we write."""
SECOND_PERSON = "it is published to other communities"
"""Why somebody else confirms it, whatever the ladder says."""


@dataclass(frozen=True, slots=True)
class PublishRule:
    """Name an account or a server in our public list."""

    room: str
    """The list, by ID or alias as it was configured when it was decided."""
    entity: str
    """The account, or the server."""
    number: str
    """Of the case."""
    rule_id: str


@dataclass(frozen=True, slots=True)
class WithdrawRule:
    """Take it off the list again, in so far as it still says what we wrote."""

    room: str
    entity: str
    number: str
    rule_id: str


@dataclass(frozen=True, slots=True)
class EnterList:
    """Join the list of another community, to read it."""

    room: str
    """By ID or alias."""
    name: str
    """What it is called here."""


@dataclass(frozen=True, slots=True)
class LeaveList:
    """Leave the list of another community that is watched no more."""

    room_id: str
    name: str
    """What it was called here."""


PublicationEffect = PublishRule | WithdrawRule | EnterList | LeaveList


def inverse(effect: PublicationEffect) -> PublicationEffect | None:
    """Name the effect that takes this one back."""
    match effect:
        case PublishRule(room, entity, number, rule_id):
            return WithdrawRule(room, entity, number, rule_id)
        case WithdrawRule(room, entity, number, rule_id):
            return PublishRule(room, entity, number, rule_id)
        case EnterList() | LeaveList():
            return None


def target(effect: PublishRule | WithdrawRule) -> str:
    """Name what both change: each case has a rule of its own, so that none clobbers another."""
    return f"list {effect.room} {effect.number} {effect.entity}"


def in_words(effect: PublicationEffect) -> str:
    """Say what an effect does."""
    match effect:
        case PublishRule(room, entity):
            return f"name {entity} in our public list {room}"
        case WithdrawRule(room, entity):
            return f"take {entity} off our public list {room}"
        case EnterList(room, name):
            return f"enter {room}, the list «{name}», to read it"
        case LeaveList(room_id, name):
            return f"leave {room_id}, the list «{name}», which is watched no more"


def content(effect: PublishRule | WithdrawRule) -> dict[str, str]:
    """Write the rule as others read it: the facts of a case are nobody else's business."""
    return {
        "entity": effect.entity,
        "recommendation": "m.ban",
        "reason": f"Rule {effect.rule_id}, decision {effect.number}",
    }


def event_type(effect: PublishRule | WithdrawRule) -> str:
    """Name the type of the rule."""
    return TYPES[not effect.entity.startswith("@")]


def state_key(effect: PublishRule | WithdrawRule, server_name: str) -> str:
    """Name the rule in its room; several servers may write in one list."""
    return f"{effect.number} {server_name}"


def check(room: str | None, scope: Scope, kind: Kind, entity: str | None, *, local: bool) -> str:
    """Check that a decision can be published; return the list.

    Raises:
        Incomplete: it cannot; the message says why, and what to do instead.
    """
    if room is None:
        message = "We have no public list: the operator sets policy_lists.publish."
    elif kind not in PUBLISHED:
        message = "A public list knows one word, «ban»: only a suspension or a closing can be published."
    elif scope not in (Scope.ACCOUNT, Scope.SERVER) or entity is None:
        what = "a room" if scope is Scope.ROOM else "a member in one room"
        message = (
            f"This decision is about {what}: only what reaches a whole account or a server can be "
            "published."
        )
    elif local:
        message = (
            f"{entity} is an account of our own homeserver: what we decide reaches it here, and "
            "others need not be told."
        )
    else:
        return room
    message += " Decide it without publishing it."
    raise Incomplete(message)
