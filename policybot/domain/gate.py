"""The one answer to «may this be posted here?»: before it is delivered, and after.

It is a pure function of three things: what is known of people and rooms, the rules as they were
compiled, and the event. Whoever asks decides what is done with the answer.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol, assert_never

from policybot.domain import publishing
from policybot.domain.condition import (
    All,
    Any,
    Condition,
    Files,
    FirstPost,
    Links,
    Media,
    Mentions,
    NewMember,
    NoneOf,
    Patterns,
    Rate,
    Terms,
    Unqualified,
    Unverified,
)
from policybot.domain.mechanism import Mechanism, Stage, Then
from policybot.domain.publishing import Account, Obstacle
from policybot.domain.seen import File, Seen

Span = tuple[int, int, int]
"""Where something was found: which text of those that are seen, and from which character to which."""

MAX_HITS = 64
"""Places that are remembered of one rule in one message."""


class Code(StrEnum):
    """Why something is refused, for machines."""

    UNVERIFIED = "unverified"
    UNSIGNED = "unsigned"
    DUE = "due"
    LIMITED = "limited"
    RULE = "rule"


@dataclass(frozen=True, slots=True)
class Post:
    """What is to be judged: who posts what where."""

    room_id: str
    sender: str
    seen: Seen
    at: datetime
    """When it was sent, as its homeserver says."""
    files: tuple[File, ...] | None = None
    """What those of its files are that could be looked into; None where nobody looked."""
    first: bool | None = None
    """Whether it is its sender's first one there, if that was found out when it was posted."""
    declared: str | None = None
    """A subject that its author declared, and for which the room is not qualified."""


@dataclass(frozen=True, slots=True)
class Room:
    """What counts of a governed room."""

    categories: tuple[str, ...]
    named: bool = False
    """Whether only verified persons publish there who have signed."""
    limited: bool = False
    """Whether it is suspended."""


@dataclass(frozen=True, slots=True)
class Pages:
    """Where people are sent."""

    agreement: str
    rules: str
    contact: str


class View(Protocol):
    """What is known of people and rooms, from memory."""

    @property
    def pages(self) -> Pages:
        """Where people are sent."""

    def room(self, room_id: str) -> Room | None:
        """Describe a governed room; None for any other."""

    def account(self, user_id: str) -> Account:
        """Say what counts of an account."""

    def bound(self) -> int:
        """Say which version of the agreement binds; 0 for none."""

    def entered(self, room_id: str, user_id: str) -> datetime | None:
        """Say when somebody was seen to enter a room."""

    def is_first(self, room_id: str, user_id: str) -> bool:
        """Say whether somebody was seen to enter and has not posted since."""

    def posted(self, room_id: str, user_id: str, within: timedelta, now: datetime) -> int:
        """Count somebody's posts in a room within a time before `now`, the judged one included."""


Places = Mapping[int, Sequence[Span]]
"""Where conditions were found: by the number of the condition in the rule set."""


class Rules(Protocol):
    """Rules as they were compiled."""

    @property
    def version(self) -> str:
        """The fingerprint of all of them."""

    def read(self, seen: Seen) -> tuple[Places, Sequence["Numbered"]]:
        """Find the words and links in something, and which rules could apply to it."""


@dataclass(frozen=True, slots=True)
class Numbered:
    """A rule, and the numbers of its words, patterns and links by their place in the tree."""

    mechanism: Mechanism
    numbers: Mapping[int, int]
    """By the identity of the condition."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why something is not accepted, and what its sender can do."""

    code: Code
    sentence: str
    link: str
    rule_id: str | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule that applies to something."""

    mechanism: Mechanism
    spans: tuple[Span, ...]
    """Where; empty if it does not apply for what it says."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer: refused or not, and every rule that applies."""

    refusal: Refusal | None = None
    hits: tuple[Hit, ...] = ()


ALLOWED = Verdict()

_MISSING = {
    Obstacle.UNVERIFIED: (
        Code.UNVERIFIED,
        (
            "This was not sent: here, people write who are verified. Others go on seeing the name of "
            "your choice. Write to the bot: !policy verify"
        ),
    ),
    Obstacle.UNSIGNED: (
        Code.UNSIGNED,
        "This was not sent: please read and sign the agreement first. Write to the bot: !policy agree",
    ),
    Obstacle.DUE: (
        Code.DUE,
        (
            "This was not sent: the agreement has a new version, which you have not signed yet. Write "
            "to the bot: !policy agree"
        ),
    ),
}


def decide(view: View, rules: Rules, post: Post) -> Verdict:
    """Judge a post; every room that is not governed is none of our business."""
    room = view.room(post.room_id)
    if room is None:
        return ALLOWED
    hits = find(view, rules, post, room)
    account, bound = view.account(post.sender), view.bound()
    why = publishing.obstacle(account, bound, named=room.named)
    if why is not None:
        code, sentence = _MISSING[why]
        return Verdict(Refusal(code, sentence, view.pages.agreement), hits)
    if room.limited:
        text = f"This was not sent: the room is suspended. Questions: {view.pages.contact}"
        return Verdict(Refusal(Code.LIMITED, text, view.pages.rules), hits)
    if not hits:
        return ALLOWED
    for hit in hits:
        if hit.mechanism.stage is Stage.LIVE and Then.REFUSE in hit.mechanism.then:
            return Verdict(_refusal(hit.mechanism, view.pages), hits)
    return Verdict(None, hits)


def _refusal(mechanism: Mechanism, pages: Pages) -> Refusal:
    rule = mechanism.rule
    sentence = (
        f"This was not sent. Rule {rule.id} ({rule.title}): {rule.text} Please change it and send it "
        f"again. If you think that this is a mistake, write to {pages.contact}"
    )
    return Refusal(Code.RULE, sentence, pages.rules, rule.id)


def find(view: View, rules: Rules, post: Post, room: Room) -> tuple[Hit, ...]:
    """Name the rules that apply to a post in a room."""
    places, candidates = rules.read(post.seen)
    if not candidates:
        return ()
    hits = []
    for numbered in candidates:
        mechanism = numbered.mechanism
        if not mechanism.applies_in(room.categories):
            continue
        found = _Found(view, post, places, numbered.numbers)
        if found.holds(mechanism.when):
            hits.append(Hit(mechanism, found.spans()))
    return tuple(hits)


class _Found:
    """One rule held against one post."""

    __slots__ = ("_numbers", "_places", "_post", "_view")

    def __init__(self, view: View, post: Post, places: Places, numbers: Mapping[int, int]) -> None:
        self._view = view
        self._post = post
        self._places = places
        self._numbers = numbers

    def spans(self) -> tuple[Span, ...]:
        """Say where its words and links stand."""
        found = [span for number in self._numbers.values() for span in self._places.get(number, ())]
        return tuple(sorted(set(found))[:MAX_HITS])

    def holds(self, condition: Condition) -> bool | None:  # noqa: C901, PLR0911, PLR0912 - one for each condition
        """Say whether a condition holds; None if that is not known."""
        post, view = self._post, self._view
        match condition:
            case Terms() | Patterns() | Links():
                return self._numbers[id(condition)] in self._places
            case All(parts):
                return joined(self.holds, parts, settles=False)
            case Any(parts):
                return joined(self.holds, parts, settles=True)
            case NoneOf(parts):
                inner = joined(self.holds, parts, settles=True)
                return None if inner is None else not inner
            case Media():
                return _is_such(condition, post)
            case Files(more_than):
                return post.seen.files > more_than
            case Mentions(more_than):
                return post.seen.mentions > more_than
            case Rate(more_than, within):
                return view.posted(post.room_id, post.sender, within, post.at) > more_than
            case FirstPost():
                known = post.first
                return view.is_first(post.room_id, post.sender) if known is None else known
            case NewMember(younger_than):
                entered = view.entered(post.room_id, post.sender)
                return entered is not None and post.at - entered < younger_than
            case Unverified():
                return not view.account(post.sender).verified
            case Unqualified(kinds):
                return post.declared is not None and (not kinds or post.declared in kinds)
            case _:
                assert_never(condition)


def joined(
    holds: Callable[[Condition], bool | None], parts: Sequence[Condition], *, settles: bool
) -> bool | None:
    """Join the answers of `all`, which False settles, or `any`, which True does."""
    known = True
    for part in parts:
        answer = holds(part)
        if answer is settles:
            return settles
        known = known and answer is not None
    return not settles if known else None


def _is_such(media: Media, post: Post) -> bool | None:
    if post.files is None:
        return None if post.seen.files else False
    found = any(
        (not media.kinds or any(_of_kind(file.kind, kind) for kind in media.kinds))
        and (media.larger_than is None or file.size > media.larger_than)
        and (media.animated is None or file.animated is media.animated)
        for file in post.files
    )
    # Those that nobody could look into may be such.
    return True if found else None if len(post.files) < post.seen.files else False


def _of_kind(kind: str, wanted: str) -> bool:
    return kind == wanted or (wanted.endswith("/*") and kind.startswith(wanted[:-1]))
