"""A policy list of another community: rules that name accounts, rooms and servers, as hostile input.

It is a source of reports and never of measures. A rule names its entity outright, by a glob of `*` and
`?`, or by the SHA-256 of it (Matrix specification, "Moderation policy lists"; MSC4204, MSC4205).
"""

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from policybot.domain.name import QUOTES, one_line


class Kind(StrEnum):
    """What a rule names."""

    USER = "user"
    ROOM = "room"
    SERVER = "server"


KINDS: Mapping[str, Kind] = {
    f"{prefix}.{kind}": kind
    for prefix in ("m.policy.rule", "m.room.rule", "org.matrix.mjolnir.rule")
    for kind in Kind
}
"""The types of rules: as they are, and as they were before."""
STABLE = "m.policy.rule."
"""Where one stands under an old and under this type, the old one counts no more."""
_BAN = frozenset({"m.ban", "org.matrix.mjolnir.ban"})
_TAKEDOWN = frozenset({"m.takedown", "org.matrix.msc4204.takedown"})
_HASHES = ("hashes", "org.matrix.msc4205.hashes")
_HASH = re.compile(r"[A-Za-z0-9+/_-]{43}=?", re.ASCII)
_HASHED = "sha256:"

MOST = 100_000
"""Floor in code: rules of one list that are kept."""
MOST_WILD = 500
"""Globs of one list that are kept, but for those of whole servers: each is tried on many."""
LONGEST = 255
"""Bytes of an entity: no ID has more (Matrix specification, "Size limits")."""
MOST_REASON = 300
"""Characters of what a list says why, in words that are not ours."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a list."""

    kind: Kind
    key: str
    """The key under which it stands there."""
    entity: str
    """An ID, a glob, or `sha256:` and the hash."""
    reason: str
    takedown: bool = False
    ignored: str = ""
    """Why we take no notice of it; empty if we do."""

    @property
    def hashed(self) -> bool:
        """Whether it names nobody until one meets them."""
        return self.entity.startswith(_HASHED)

    @property
    def wild(self) -> bool:
        """Whether it is a glob."""
        return not self.hashed and ("*" in self.entity or "?" in self.entity)

    @property
    def tail(self) -> str:
        """The server that a glob of accounts or rooms says outright; empty where it does not."""
        server = self.entity.partition(":")[2]
        return "" if not self.wild or "*" in server or "?" in server else server

    @property
    def costly(self) -> bool:
        """Whether it has to be tried on one after the other; not so `@*:elsewhere.net`."""
        return self.wild and not self.ignored and not (self.tail and self.entity.startswith("@*:"))

    @property
    def recommends(self) -> str:
        """What the list recommends, in words."""
        return "to take down" if self.takedown else "to ban"


def literal(pattern: str) -> str:
    """Give the longest part of a glob that stands in whatever it names."""
    return max(re.split(r"[*?]+", pattern), key=len)


def hashed(entity: str) -> str:
    """Write an entity as a hashed rule names it."""
    digest = hashlib.sha256(entity.encode(errors="replace")).digest()
    return f"{_HASHED}{base64.b64encode(digest).decode().rstrip('=')}"


def glob(pattern: str, text: str) -> bool:
    """Match `*` (anything) and `?` (one character).

    Only the last star is ever tried again, so it takes at most length times length steps.
    """
    at = place = 0
    star, mark = -1, 0
    while at < len(text):
        if place < len(pattern) and pattern[place] == "*":
            star, mark = place, at
            place += 1
        elif place < len(pattern) and pattern[place] in (text[at], "?"):
            at, place = at + 1, place + 1
        elif star >= 0:
            mark += 1
            at, place = mark, star + 1
        else:
            return False
    return not pattern[place:].strip("*")


def server_of(entity: str) -> str:
    """Give the server of an ID or alias, without its port."""
    server = entity.partition(":")[2]
    return server if server.startswith("[") else server.partition(":")[0]


def quoted(rule: Rule) -> str:
    """Write what a rule names between our quotation marks, which it cannot end."""
    return f"«{rule.entity.translate(QUOTES)}»"


def said(rule: Rule, entity: str) -> str:
    """Say what a rule says of an entity, with its reason marked as not ours."""
    way = ""
    if rule.hashed:
        way = " by its hash"
    elif rule.wild:
        way = f" by {quoted(rule)}"
    why = (
        f"In its words, not ours: «{rule.reason.translate(QUOTES)}»"
        if rule.reason
        else "It says no reason"
    )
    return f"It names {entity}{way} and recommends {rule.recommends}. {why}."


# Reading -----------------------------------------------------------------------------------------


def read(event: Any, server_name: str) -> Rule | None:  # noqa: ANN401 - JSON of others
    """Read an event of a list; None if it is no rule, or one that was taken back.

    Args:
        event: a state event, in which anything may stand.
        server_name: our own server, which no glob names as a whole.
    """
    if not isinstance(event, Mapping):
        return None
    kind, key, content = KINDS.get(str(event.get("type"))), event.get("state_key"), event.get("content")
    if kind is None or not isinstance(key, str) or not isinstance(content, dict) or not _sound(key):
        return None
    recommends = content.get("recommendation")
    if not isinstance(recommends, str) or recommends not in _BAN | _TAKEDOWN:
        return None
    entity = _entity(content)
    if entity is None:
        return None
    said = content.get("reason")
    reason = one_line(said[: 4 * MOST_REASON], MOST_REASON) if isinstance(said, str) else ""
    found = Rule(kind, key, entity, reason, recommends in _TAKEDOWN)
    return replace(found, ignored=_too_broad(found, server_name))


def _entity(content: Mapping[str, Any]) -> str | None:
    entity = content.get("entity")
    if isinstance(entity, str) and entity:
        return entity if _sound(entity) and not entity.startswith(_HASHED) else None
    for key in _HASHES:
        found = content.get(key)
        digest = found.get("sha256") if isinstance(found, dict) else None
        if isinstance(digest, str) and _HASH.fullmatch(digest):
            standard = digest.rstrip("=").replace("-", "+").replace("_", "/")
            return f"{_HASHED}{standard}"
    return None


def _sound(text: str) -> bool:
    """Say whether a text can be an ID: no other could be met, nor said in a message."""
    return text.isprintable() and len(text) <= LONGEST and len(text.encode()) <= LONGEST


def _too_broad(rule: Rule, server_name: str) -> str:
    """Say why a rule is no use: it names everybody, or everybody of ours."""
    if not rule.wild:
        ours = rule.kind is Kind.SERVER and rule.entity == server_name
        return "it names our own server" if ours else ""
    if not re.sub(r"[*?@!#:.]", "", rule.entity):
        return "it names everybody"
    if rule.kind is Kind.SERVER:
        return "it names our own server" if glob(rule.entity, server_name) else ""
    local, _, server = rule.entity.partition(":")
    everyone = not local.strip("@!#*?")
    return "it names everybody on our own server" if everyone and glob(server, server_name) else ""


def read_all(events: Iterable[Any], server_name: str) -> tuple[list[Rule], int]:
    """Read what stands in a list; return its rules, and how many more there are than we keep."""
    found: dict[tuple[Kind, str], tuple[bool, Rule | None]] = {}
    for event in events:
        kind = KINDS.get(str(event.get("type"))) if isinstance(event, Mapping) else None
        if kind is None or not isinstance(event.get("state_key"), str):
            continue
        place, stable = (kind, event["state_key"]), str(event["type"]).startswith(STABLE)
        if stable or not found.get(place, (False, None))[0]:
            found[place] = (stable, read(event, server_name))
    rules = [rule for _, rule in found.values() if rule is not None]
    kept: list[Rule] = []
    wild = 0
    for rule in rules:
        wild += rule.costly
        if len(kept) < MOST and not (rule.costly and wild > MOST_WILD):
            kept.append(rule)
    return kept, len(rules) - len(kept)
