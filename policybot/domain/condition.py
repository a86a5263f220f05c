"""When a rule that a machine can read applies: a tree of conditions, each answered yes, no or unknown.

What is not known never makes a rule apply: an unknown part makes `all` and `any` unknown unless the
other parts settle them, and `none` of something unknown is unknown.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import assert_never


@dataclass(frozen=True, slots=True)
class Terms:
    """One of the operator's words or phrases stands in it."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Patterns:
    """One of the operator's patterns (RE2) is found in it."""

    patterns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Links:
    """It links to one of the domains in `deny`, or to one that is not in `allow`.

    A domain stands for everything below it. With both lists empty every link counts.
    """

    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Media:
    """A file of it is of one of these kinds, larger than this, or animated; all that is asked for.

    Kinds are those that libmagic finds in the file itself: `image/gif`, `video/*`.
    """

    kinds: tuple[str, ...] = ()
    larger_than: int | None = None
    """Bytes."""
    animated: bool | None = None


@dataclass(frozen=True, slots=True)
class Files:
    """It carries more files than this."""

    more_than: int


@dataclass(frozen=True, slots=True)
class Mentions:
    """It mentions more people than this; a mention of the whole room counts as one."""

    more_than: int


@dataclass(frozen=True, slots=True)
class Rate:
    """Its sender has posted more often than this in the room within a time, this post included."""

    more_than: int
    within: timedelta


@dataclass(frozen=True, slots=True)
class FirstPost:
    """Its sender was seen to enter the room, and has not posted there since."""


@dataclass(frozen=True, slots=True)
class NewMember:
    """Its sender was seen to enter the room less than this ago."""

    younger_than: timedelta


@dataclass(frozen=True, slots=True)
class NewAccount:
    """Its sender's account was made less than this ago."""

    younger_than: timedelta


@dataclass(frozen=True, slots=True)
class Unverified:
    """Its sender is not a verified person."""


@dataclass(frozen=True, slots=True)
class Unqualified:
    """Its author declared a subject for which the room is not qualified: one of these, or any."""

    kinds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Any:
    """At least one part holds."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class NoneOf:
    """No part holds."""

    parts: tuple["Condition", ...]


Leaf = (
    Terms
    | Patterns
    | Links
    | Media
    | Files
    | Mentions
    | Rate
    | FirstPost
    | NewMember
    | NewAccount
    | Unverified
    | Unqualified
)
Condition = Leaf | All | Any | NoneOf

MAX_DEPTH = 8
"""How deep conditions may stand in each other."""


def leaves(condition: Condition) -> Iterator[Leaf]:
    """Name the conditions at the ends of the tree, from the left."""
    if isinstance(condition, All | Any | NoneOf):
        for part in condition.parts:
            yield from leaves(part)
    else:
        yield condition


def depth(condition: Condition) -> int:
    """Say how deep a tree is; a single condition is 1."""
    if isinstance(condition, All | Any | NoneOf):
        return 1 + max(map(depth, condition.parts), default=0)
    return 1


def needs_words(condition: Condition) -> bool:
    """Say whether it can hold only where one of its terms or patterns was found."""
    match condition:
        case Terms() | Patterns():
            return True
        case All(parts):
            return any(map(needs_words, parts))
        case Any(parts):
            return all(map(needs_words, parts))
        case NoneOf():
            return False
        case (
            Links()
            | Media()
            | Files()
            | Mentions()
            | Rate()
            | FirstPost()
            | NewMember()
            | NewAccount()
            | Unverified()
            | Unqualified()
        ):
            return False
        case _:
            assert_never(condition)


WHAT = {
    Terms: "a word on the operator's list",
    Patterns: "a pattern on the operator's list",
    Links: "a link that is not wanted",
    Media: "a file of a kind that is not wanted",
    Files: "too many files",
    Mentions: "too many people mentioned",
    Rate: "too many messages in a short time",
    FirstPost: "the first message of somebody new in the room",
    NewMember: "a message of somebody new in the room",
    NewAccount: "a message of somebody whose account is new",
    Unverified: "a message of somebody who is not verified",
    Unqualified: "a subject for which the room is not qualified",
}
"""What applied, in the words of the notice."""
