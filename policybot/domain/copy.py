"""A kept copy of an event: what was said, by whom and when, what stood around it, and its media."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from policybot.domain.seen import media_of

MOST_CONTEXT = 10
"""Messages before and after a reported one that can be kept with it."""
EXCERPT = 500
"""Characters of a text that are shown."""
MOST_MEDIA = 8
"""Files of one message that are looked at, quarantined or shown."""

_HIDDEN = "\x02"
_PLACE = re.compile(rf"{_HIDDEN}([^\s{_HIDDEN}]+) ([a-z]+) ([0-9a-f]{{32}}){_HIDDEN}")
_URI = re.compile(r"mxc://([A-Za-z0-9.:\[\]-]{1,255})/([A-Za-z0-9_-]{1,255})")
_STEP, _UNITS = 1000, ("bytes", "kB", "MB", "GB")


@dataclass(frozen=True, slots=True)
class Line:
    """A message that stood near a reported one: it explains, and is no evidence against its author."""

    place: int
    """Messages before (negative) or after the reported one."""
    event_id: str
    sender: str
    sent_at: datetime
    redacted: bool
    text: str = ""
    """Sealed where it is kept; empty if it was removed, or until the vault was asked for it."""


@dataclass(frozen=True, slots=True)
class File:
    """What a file of a message is, by its first bytes and never by its name."""

    kind: str
    """Its media type; empty if it could not be had."""
    size: int

    @property
    def in_words(self) -> str:
        """Say it as people read it."""
        return f"{self.kind}, {size_in_words(self.size)}" if self.kind else "a file that I cannot get"


def size_in_words(size: int) -> str:
    """Write a number of bytes as people read it: `1.2 MB`."""
    number, unit = float(size), 0
    while number >= _STEP and unit < len(_UNITS) - 1:
        number, unit = number / _STEP, unit + 1
    return f"{number:.1f} {_UNITS[unit]}" if unit else f"{size} {_UNITS[0]}"


def files(content: Mapping[str, Any]) -> tuple[str, ...]:
    """List the files of a message by their addresses, as people see them."""
    return tuple(uri for uri in media_of(content) if _URI.fullmatch(uri))[:MOST_MEDIA]


def media(content: Mapping[str, Any]) -> tuple[str, ...]:
    """List the files of a message and their small pictures, by their addresses, each once."""
    found, info = list(files(content)), content.get("info")
    if isinstance(info, Mapping):
        sealed = info.get("thumbnail_file")
        small = (info.get("thumbnail_url"), sealed.get("url") if isinstance(sealed, Mapping) else None)
        found += [uri for uri in small if isinstance(uri, str) and _URI.fullmatch(uri)]
    return tuple(dict.fromkeys(found))


def address(uri: str) -> tuple[str, str]:
    """Read which server has a file, and under which ID.

    Raises:
        ValueError: it is no address of a file.
    """
    if (match := _URI.fullmatch(uri)) is None:
        message = "no address of a file"
        raise ValueError(message)
    return match[1], match[2]


# What is put into an answer when it is sent, and not before -----------------------------------------


def placeholder(event_id: str, what: str, mark: str) -> str:
    """Stand in for a part of a copy in a text that waits to be sent; `mark` proves that it is ours."""
    return f"{_HIDDEN}{event_id} {what} {mark}{_HIDDEN}"


def places(text: str) -> Sequence[tuple[str, str, str]]:
    """List the places in a text: event, part, mark."""
    return [(match[1], match[2], match[3]) for match in _PLACE.finditer(text)]


def filled(text: str, part: Callable[[str, str, str], str]) -> str:
    """Put parts of copies into a text, where their places are."""
    return _PLACE.sub(lambda match: part(match[1], match[2], match[3]), text)


def edited(content: Mapping[str, Any]) -> str | None:
    """Name the message that this one is an edit of; None if it is none."""
    relation = content.get("m.relates_to")
    if not isinstance(relation, dict) or relation.get("rel_type") != "m.replace":
        return None
    return str(relation.get("event_id"))
