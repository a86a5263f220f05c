"""The one answer to «may this be posted here?»: before it is delivered, and after.

It is a pure function of three things: what is known of people and rooms, the rules as they were
compiled, and the event. Whoever asks decides what is done with the answer.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
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
    NewAccount,
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
from policybot.domain.refusal import Code, Refusal, in_words
from policybot.domain.seen import File, Seen, asks_the_bot, counts, seen, subject
from policybot.domain.view import FAST, Curb, House, Room, View

Span = tuple[int, int, int]
"""Where something was found: which text of those that are seen, and from which character to which."""

MAX_HITS = 64
"""Places that are remembered of one rule in one message."""


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
    counts: bool = True
    """Whether it is a post of its own, and not an edit or a reaction: rooms may take those slowly."""
    asks: bool = False
    """Whether it is a bare command of the bot: who lacks something has to be able to ask for it."""
    state: bool = False
    """Whether it is no message, but what the room is called or is about."""


def posted(  # noqa: PLR0913, PLR0917 - the parts of an event
    room_id: str,
    sender: str,
    kind: object,
    content: object,
    at: datetime,
    room: Room | None,
    *,
    state: bool = False,
    said: Seen | None = None,
) -> Post:
    """Read an event, of whatever type and content, as what is to be judged in a room.

    `said` is what people see of it, if that was read before.
    """
    asks = kind == "m.room.message" and not state and asks_the_bot(content)
    return Post(
        room_id,
        sender,
        seen(kind, content) if said is None else said,
        at,
        declared=declared(content, room),
        counts=counts(kind, content) and not asks and not state,
        asks=asks,
        state=state,
    )


def declared(content: object, room: Room | None) -> str | None:
    """Say which subject its author declares a post to be about, if the room is not qualified for it."""
    said = subject(content)
    return None if said is None or (room is not None and said in room.qualified) else said


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
    undecided: tuple[Mechanism, ...] = ()
    """The rules that would apply or not, if more were known."""


ALLOWED = Verdict()

_MISSING = {
    Obstacle.UNVERIFIED: Code.UNVERIFIED,
    Obstacle.UNSIGNED: Code.UNSIGNED,
    Obstacle.DUE: Code.DUE,
}


def decide(view: View, rules: Rules, post: Post) -> Verdict:
    """Judge a post; every room that is not governed is none of our business."""
    room = view.room(post.room_id)
    if room is None or post.sender == view.house.bot:
        return ALLOWED
    found = find(view, rules, post, room)
    account = view.account(post.sender)
    refusal = standing(view, post.room_id, post.sender, room, account, post.at, asks=post.asks)
    if refusal is None:
        refusal = _forbidden(view, found, account.language)
    # The last: who is asked to wait can be sure that it is accepted then.
    if refusal is None and post.counts and room.slow is not FAST:
        refusal = _too_soon(view, post, room, account.language)
    return found if refusal is None else replace(found, refusal=refusal)


def _forbidden(view: View, found: Verdict, language: str) -> Refusal | None:
    for hit in found.hits:
        mechanism = hit.mechanism
        refuses = mechanism.stage is Stage.LIVE and Then.REFUSE in mechanism.then
        if refuses and mechanism.id not in view.stopped:
            return by_rule(mechanism, view.house, language)
    return None


def standing(  # noqa: PLR0913, PLR0917 - who, where, when, and what is known of both
    view: View,
    room_id: str,
    user_id: str,
    room: Room,
    account: Account,
    now: datetime,
    *,
    asks: bool = False,
) -> Refusal | None:
    """Say why somebody may do nothing there, whatever it is: a measure, what is missing, its state.

    Who only asks the bot for something need not have what they may be asking for.
    """
    curb = view.curb(room_id, user_id, now)
    if curb is not None:
        return curbed(curb, view.house, account.language, Code.CURBED)
    why = None if asks else publishing.obstacle(account, view.bound(), named=room.named)
    if why is not None:
        return missing(why, view.house, account.language)
    return suspended(view.house, account.language) if room.limited else None


def missing(why: Obstacle, house: House, language: str) -> Refusal:
    """Say what somebody has to do first."""
    code = _MISSING[why]
    return Refusal(code, house.say(code, language), house.pages.agreement)


def suspended(house: House, language: str) -> Refusal:
    """Say that a room is suspended, and where to ask."""
    return Refusal(Code.LIMITED, house.say(Code.LIMITED, language), house.pages.rules)


def curbed(curb: Curb, house: House, language: str, code: Code) -> Refusal:
    """Say by which decision, until when, and how to object."""
    time = f"{curb.until:%Y-%m-%d %H:%M}" if curb.until else None
    until = house.words.until(language, time)
    said = house.say(code, language, number=curb.number, until=until)
    return Refusal(code, said, house.pages.rules)


def _too_soon(view: View, post: Post, room: Room, language: str) -> Refusal | None:
    slow, every = room.slow, room.slow.every
    if slow.new_every > every:
        entered = view.entered(post.room_id, post.sender)
        if entered is not None and post.at - entered < slow.new_for:
            every = slow.new_every
    last = view.last_post(post.room_id, post.sender)
    # What is still to come by a clock that was set back makes nobody wait.
    if not every or last is None or not timedelta(0) <= post.at - last < every:
        return None
    wait = every - (post.at - last)
    said = view.house.say(Code.SLOW, language, every=in_words(every), wait=in_words(wait))
    return Refusal(Code.SLOW, said, view.house.pages.rules, wait=wait)


def by_rule(mechanism: Mechanism, house: House, language: str) -> Refusal:
    """Say which rule forbids it, and where to turn."""
    rule = mechanism.rule
    title, text = rule.in_language(language)
    said = house.say(Code.RULE, language, id=rule.id, title=title, text=text)
    return Refusal(Code.RULE, said, house.pages.rules, rule.id)


def find(view: View, rules: Rules, post: Post, room: Room) -> Verdict:
    """Name the rules that apply to a post in a room, and those of which that is not known."""
    places, candidates = rules.read(post.seen)
    if not candidates:
        return ALLOWED
    hits, undecided = [], []
    for numbered in candidates:
        mechanism = numbered.mechanism
        if not mechanism.applies_in(room.categories):
            continue
        found = _Found(view, post, places, numbered.numbers)
        if holds := found.holds(mechanism.when):
            hits.append(Hit(mechanism, found.spans()))
        elif holds is None:
            undecided.append(mechanism)
    if not (hits or undecided):
        return ALLOWED
    return Verdict(hits=tuple(hits), undecided=tuple(undecided))


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
            case NewAccount(younger_than):
                made = view.made(post.sender)
                return None if made is None else post.at - made < younger_than
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
        (not media.kinds or any(of_kind(file.kind, kind) for kind in media.kinds))
        and (media.larger_than is None or file.size > media.larger_than)
        and (media.animated is None or file.animated is media.animated)
        for file in post.files
    )
    # Those that nobody could look into may be such.
    return True if found else None if len(post.files) < post.seen.files else False


def of_kind(kind: str, wanted: str) -> bool:
    """Say whether a MIME type is a wanted one: `image/gif`, or `video/*` for all of them."""
    return kind == wanted or (wanted.endswith("/*") and kind.startswith(wanted[:-1]))
