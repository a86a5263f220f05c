"""What travels between policybot and the module in the homeserver: JSON of a versioned shape.

A page of the view, which answers `POST /gate/view`:

    protocol   PROTOCOL
    clock      how far this holds: a number to ask from the next time
    whole      whether it is part of everything, from the beginning
    more       where everything goes on; null on its last page, and where it is only what changed
    head       house, bound, stopped, and the fingerprint of the rules
    rooms      by room ID; null for a room that is governed no more
    accounts   by user ID; null for a stranger
    curbs      by user ID; an empty list where nothing keeps somebody from writing
    newcomers  [room ID, user ID, entered (ms) or null, posted]
    now        what time it is at policybot (ms)

What a reader does not know it leaves out: fields may be added. What changes a meaning raises PROTOCOL.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from policybot.domain import condition as conditions
from policybot.domain.condition import MAX_DEPTH, Condition
from policybot.domain.mechanism import Mechanism, Stage, Then
from policybot.domain.publishing import Account
from policybot.domain.refusal import Words
from policybot.domain.rules import Rule
from policybot.domain.view import FAST, Creation, Curb, House, Pages, Room, Slow, Upload

PROTOCOL = 1
"""Raised when an older module would misunderstand what a newer policybot sends, or the reverse."""

Json = Mapping[str, Any]


class Garbage(Exception):  # noqa: N818 - what came
    """What came is not what was agreed on."""


@dataclass(frozen=True, slots=True)
class Head:
    """What counts for everybody."""

    house: House
    bound: int = 0
    stopped: frozenset[str] = frozenset()
    rules: str = ""
    """The fingerprint of the rules."""


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Somebody who was seen to enter a room; None where that is forgotten."""

    room_id: str
    user_id: str
    entered_at: datetime | None
    posted: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """A part of the view, or what changed of it."""

    clock: int
    head: Head
    whole: bool = False
    more: str | None = None
    rooms: Mapping[str, Room | None] | None = None
    accounts: Mapping[str, Account | None] | None = None
    curbs: Mapping[str, tuple[Curb, ...]] | None = None
    newcomers: Sequence[Newcomer] = ()
    now: datetime | None = None
    """What time it is at policybot."""


# The view ------------------------------------------------------------------------------------------


def page_out(page: Page) -> dict[str, Any]:
    """Write a page."""
    return {
        "protocol": PROTOCOL,
        "clock": page.clock,
        "whole": page.whole,
        "more": page.more,
        "head": _head_out(page.head),
        "rooms": {i: None if r is None else _room_out(r) for i, r in (page.rooms or {}).items()},
        "accounts": {
            i: None if a is None else [int(a.verified), a.signed, a.language]
            for i, a in (page.accounts or {}).items()
        },
        "curbs": {i: [_curb_out(curb) for curb in c] for i, c in (page.curbs or {}).items()},
        "newcomers": [[n.room_id, n.user_id, ms(n.entered_at), int(n.posted)] for n in page.newcomers],
        "now": ms(page.now),
    }


def page_in(data: object) -> Page:
    """Read a page.

    Raises:
        Garbage: it is none, or of another protocol.
    """
    try:
        return _page_in(data)
    except (KeyError, ValueError, TypeError, IndexError, AttributeError, OverflowError) as error:
        # Of values nothing is said: they are about people.
        missing = f": {error}"[:40] if isinstance(error, KeyError) else ""
        message = f"not a page of the view ({type(error).__name__}{missing})"
        raise Garbage(message) from None


def _page_in(data: Any) -> Page:  # noqa: ANN401 - whatever came
    if not isinstance(data, dict):
        message = "no map"
        raise TypeError(message)
    if data["protocol"] != PROTOCOL:
        message = f"policybot speaks protocol {data['protocol']!r:.20} here, and this module {PROTOCOL}"
        raise Garbage(message)
    more = data["more"]
    return Page(
        clock=int(data["clock"]),
        head=_head_in(data["head"]),
        whole=bool(data["whole"]),
        more=None if more is None else str(more),
        rooms={str(i): None if r is None else _room_in(r) for i, r in data["rooms"].items()},
        accounts={
            str(i): None if a is None else Account(bool(a[0]), int(a[1]), str(a[2]))
            for i, a in data["accounts"].items()
        },
        curbs={str(i): tuple(_curb_in(curb) for curb in c) for i, c in data["curbs"].items()},
        newcomers=[Newcomer(str(n[0]), str(n[1]), _time(n[2]), bool(n[3])) for n in data["newcomers"]],
        now=_time(data.get("now")),
    )


def _head_out(head: Head) -> dict[str, Any]:
    house, pages = head.house, head.house.pages
    return {
        "bot": house.bot,
        "pages": [pages.agreement, pages.rules, pages.contact, pages.register],
        "languages": {code: dict(said) for code, said in house.words.languages.items()},
        "creation": house.creation.value,
        "listed": house.listed,
        "prefix": house.prefix,
        "upload": None if house.upload is None else [house.upload.kinds, house.upload.larger_than],
        "bound": head.bound,
        "stopped": sorted(head.stopped),
        "rules": head.rules,
    }


def _head_in(data: Json) -> Head:
    upload, languages = data["upload"], data["languages"]
    house = House(
        bot=str(data["bot"]),
        pages=Pages(*(str(address) for address in data["pages"][:4])),
        words=Words(
            {str(c): {str(k): str(v) for k, v in said.items()} for c, said in languages.items()}
        ),
        creation=Creation(data["creation"]),
        listed=bool(data["listed"]),
        prefix=str(data["prefix"]),
        upload=None if upload is None else Upload(tuple(upload[0]), upload[1]),
    )
    return Head(house, int(data["bound"]), frozenset(map(str, data["stopped"])), str(data["rules"]))


def _room_out(room: Room) -> list[Any]:
    slow = [span.total_seconds() for span in (room.slow.every, room.slow.new_every, room.slow.new_for)]
    flags = [int(room.named), int(room.limited), int(room.guarded)]
    return [list(room.categories), *flags, slow, list(room.qualified)]


def _room_in(data: Sequence[Any]) -> Room:
    categories, named, limited, guarded, spans, qualified = data[:6]
    slow = Slow(*(timedelta(seconds=float(span)) for span in spans[:3]))
    return Room(
        categories=tuple(map(str, categories)),
        named=bool(named),
        limited=bool(limited),
        guarded=bool(guarded),
        slow=FAST if slow == FAST else slow,
        qualified=tuple(map(str, qualified)),
    )


def _curb_out(curb: Curb) -> list[Any]:
    return [curb.number, curb.room_id, int(curb.excluded), ms(curb.until)]


def _curb_in(data: Sequence[Any]) -> Curb:
    return Curb(str(data[0]), str(data[1]), bool(data[2]), _time(data[3]))


def ms(at: datetime | None) -> int | None:
    """Write a time: milliseconds since 1970; None for none."""
    return None if at is None else int(at.timestamp() * 1000)


def _time(ms: Any) -> datetime | None:  # noqa: ANN401 - whatever came
    return None if ms is None else datetime.fromtimestamp(int(ms) / 1000, UTC)


# The rules -----------------------------------------------------------------------------------------

_KINDS: dict[str, type[Any]] = {
    kind.__name__: kind
    for kind in (
        conditions.Terms,
        conditions.Patterns,
        conditions.Links,
        conditions.Media,
        conditions.Files,
        conditions.Mentions,
        conditions.Rate,
        conditions.FirstPost,
        conditions.NewMember,
        conditions.NewAccount,
        conditions.Unverified,
        conditions.Unqualified,
        conditions.All,
        conditions.Any,
        conditions.NoneOf,
    )
}
_SPANS = frozenset({"within", "younger_than"})
_SINGLE: dict[str, tuple[type, ...]] = {
    "more_than": (int,),
    "larger_than": (int, type(None)),
    "animated": (bool, type(None)),
}


def rules_out(version: str, mechanisms: Iterable[Mechanism]) -> dict[str, Any]:
    """Write the rules that can refuse something; what only reports is for afterwards."""
    sent = [_rule_out(m) for m in mechanisms if m.stage is Stage.LIVE and Then.REFUSE in m.then]
    return {"protocol": PROTOCOL, "version": version, "rules": sent}


def rules_in(data: object) -> tuple[str, tuple[Mechanism, ...], tuple[str, ...]]:
    """Read rules: their fingerprint, those that are understood, and the numbers of the others.

    Raises:
        Garbage: they are none.
    """
    if not isinstance(data, dict) or data.get("protocol") != PROTOCOL:
        message = "not the rules, or of another protocol"
        raise Garbage(message)
    rules, version = data.get("rules"), data.get("version")
    if not isinstance(rules, list) or not isinstance(version, str):
        message = "not the rules"
        raise Garbage(message)
    understood, others = [], []
    for rule in rules:
        try:
            understood.append(_rule_in(rule))
        except (KeyError, ValueError, TypeError, IndexError, AttributeError, OverflowError):
            others.append(str(rule.get("id", "?")) if isinstance(rule, dict) else "?")
    return version, tuple(understood), tuple(others)


def _rule_out(mechanism: Mechanism) -> dict[str, Any]:
    rule = mechanism.rule
    return {
        "id": rule.id,
        "title": rule.title,
        "text": rule.text,
        "translations": [list(words) for words in rule.translations],
        "when": _condition_out(mechanism.when),
        "where": sorted(mechanism.where),
    }


def _rule_in(data: Json) -> Mechanism:
    translations = tuple((str(c), str(title), str(text)) for c, title, text in data["translations"])
    rule = Rule(str(data["id"]), str(data["title"]), str(data["text"]), translations=translations)
    when = _condition_in(data["when"])
    if conditions.depth(when) > MAX_DEPTH:
        message = "too deep"
        raise ValueError(message)
    where = frozenset(map(str, data["where"]))
    return Mechanism(rule, when, Stage.LIVE, where, frozenset({Then.REFUSE}))


def _condition_out(condition: Condition) -> dict[str, Any]:
    said = {f.name: _value_out(getattr(condition, f.name)) for f in fields(condition)}
    return {"is": type(condition).__name__, **said}


def _value_out(value: object) -> object:
    if isinstance(value, tuple):
        return [_value_out(part) for part in value]
    if is_dataclass(value) and not isinstance(value, type):
        return _condition_out(value)  # type: ignore[arg-type]
    return value.total_seconds() if isinstance(value, timedelta) else value


def _condition_in(data: Json, deep: int = 0) -> Condition:
    if deep > MAX_DEPTH:
        message = "too deep"
        raise ValueError(message)
    kind = _KINDS[data["is"]]
    known = {f.name for f in fields(kind)}
    if unknown := data.keys() - known - {"is"}:
        message = f"unknown: {min(unknown)}"
        raise ValueError(message)
    values = {name: _value_in(name, data[name], deep) for name in known}
    made: Condition = kind(**values)
    return made


def _value_in(name: str, value: object, deep: int) -> object:
    """Read a value; what is of another type than here is a rule that is not understood."""
    if name in _SPANS:
        return timedelta(seconds=float(value))  # type: ignore[arg-type]
    if isinstance(value, list):
        if name == "parts":
            return tuple(_condition_in(part, deep + 1) for part in value)
        if all(isinstance(part, str) for part in value):
            return tuple(value)
    elif type(value) in _SINGLE.get(name, ()):
        return value
    message = f"{name}: of another type"
    raise ValueError(message)
