"""What people see of an event: its texts, the places that it links to, whom it mentions, its files.

Everything in an event is written by somebody who may wish us ill: any value can be of any type, nested
as deep as the homeserver lets through, and 64 KiB long. What is not of the right type is not there.
Each step takes time in proportion to the length of the event.
"""

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_MAX_NODES = 512
_MAX_DEPTH = 12
MAX_LENGTH = 65_536
"""Characters of all texts together that are read; an event cannot be longer."""

_TAG = re.compile(r"<[^<>]*>")
"""A tag; one that is never closed ends at the next, so that many of them cost no more than one."""
_QUOTE = re.compile(r"<mx-reply>.*?</mx-reply>", re.DOTALL)
_BLOCK = re.compile(
    r"</?(?:p|div|br|hr|li|ul|ol|h[1-6]|t[rdh]|table|blockquote|pre|details|summary)\b", re.IGNORECASE
)
_ATTRIBUTE = re.compile(
    r"\b(?:href|alt|title|src)\s*=\s*(?:\"([^\"<>]*)\"|'([^'<>]*)'|([^\s\"'<>]+))", re.IGNORECASE
)
_LONG_NUMBER = re.compile(r"&#[0-9]{8,};?")
"""Python refuses to read numbers that are too long, and no character has one."""
_FALLBACK = re.compile(r"> (?:\* )?<@[^>\n]*>")
_SURROGATE = re.compile("[\ud800-\udfff]")
_PERSON = re.compile(r"matrix\.to/#/(?:@|%40)([^\s\"'<>?/()\]]+)", re.IGNORECASE)

_POLLS = ("m.poll.start", "org.matrix.msc3381.poll.start")
_POSTS = frozenset({"m.room.message", "m.sticker", "m.room.encrypted", *_POLLS})
SUBJECT = "org.policybot.subject"
"""The key under which an author says of which subject a post is: the ID of a qualification."""
_SUBJECT = re.compile(r"[a-z0-9_-]{1,40}")
_COMMAND = re.compile(r"!policy(?: [a-z]{2,12})?")
_TEXT_KEYS = frozenset(
    {
        "body",
        "formatted_body",
        "filename",
        "description",
        "m.text",
        "m.html",
        "m.caption",
        "org.matrix.msc1767.text",
        "org.matrix.msc1767.html",
        "org.matrix.msc1767.caption",
    }
)
_HTML_KEYS = frozenset({"formatted_body", "m.html", "org.matrix.msc1767.html"})
_STATE_TEXTS = {
    "m.room.name": ("name",),
    "m.room.topic": ("topic",),
    "m.room.member": ("displayname", "reason"),
}


@dataclass(frozen=True, slots=True)
class File:
    """What a file is, as it was found in the file itself."""

    kind: str
    size: int
    animated: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """What people see of an event."""

    texts: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    """Addresses that stand behind words, as the event has them; those in the texts are there."""
    mentions: int = 0
    files: int = 0


NOTHING = Seen()


def seen(kind: object, content: object) -> Seen:  # noqa: PLR0911 - one for each kind
    """Read an event of a type; an event that says nothing gives nothing."""
    if not isinstance(content, Mapping) or not content:
        return NOTHING
    if kind == "m.room.message":
        replacement = content.get("m.new_content")
        body = content.get("body")
        if isinstance(body, str) and len(content) == 2 and content.get("msgtype") == "m.text":  # noqa: PLR2004
            return Seen((_clean(body),) if body else (), mentions=_named_in(body))
        return _message(content, replacement)
    if isinstance(kind, str) and kind in _STATE_TEXTS:
        found = (content.get(key) for key in _STATE_TEXTS[kind])
        return Seen(tuple(_clean(text) for text in found if isinstance(text, str) and text))
    if kind == "m.reaction":
        relation = content.get("m.relates_to")
        key = relation.get("key") if isinstance(relation, Mapping) else None
        return Seen((_clean(key),)) if isinstance(key, str) and key else NOTHING
    if kind == "m.sticker" or kind in _POLLS:
        return _gather(content)
    return NOTHING


def _message(content: Mapping[str, Any], replacement: object) -> Seen:
    """Read a message; an edit is read as what it becomes, and as what older clients show of it."""
    whole = dict(content)
    relation = content.get("m.relates_to")
    edit = isinstance(replacement, Mapping)
    if edit:
        whole.pop("m.new_content")
    if isinstance(relation, Mapping) and (
        # What is edited may be a reply, and an edit does not say so.
        "m.in_reply_to" in relation or (edit and relation.get("rel_type") == "m.replace")
    ):
        whole["body"] = _without_quote(content.get("body"))
    found = _gather(whole)
    if not isinstance(replacement, Mapping):
        return found
    new = _gather(replacement)
    shown = tuple(text for text in found.texts if text.removeprefix("* ") not in new.texts)
    return Seen(
        new.texts + shown,
        tuple(dict.fromkeys(new.targets + found.targets)),
        max(new.mentions, found.mentions),
        max(new.files, found.files),
    )


def _without_quote(body: object) -> object:
    """Drop the quotation that a reply begins with for clients which know no replies."""
    if not isinstance(body, str) or not _FALLBACK.match(body):
        return body
    lines = body.split("\n")
    first = next((n for n, line in enumerate(lines) if not line.startswith(">")), len(lines))
    return "\n".join(lines[first:]).lstrip("\n")


def _gather(content: Mapping[str, Any]) -> Seen:
    texts: dict[str, None] = {}
    targets: dict[str, None] = {}
    files: set[str] = set()
    named: set[str] = set()
    everybody = False
    left = MAX_LENGTH
    for key, value in _walk(content):
        if key == "url" and value.startswith("mxc://"):
            files.add(value)
            continue
        if key not in _TEXT_KEYS or left <= 0:
            continue
        text = _clean(value[:left])
        left -= len(text)
        named.update(_people(text))
        if key in _HTML_KEYS:
            text, behind = plain(text)
            targets.update(dict.fromkeys(behind))
        if text.strip():
            texts[text] = None
    mentions = content.get("m.mentions")
    if isinstance(mentions, Mapping):
        ids = mentions.get("user_ids")
        named.update(one.lower() for one in ids if isinstance(one, str)) if isinstance(
            ids, list
        ) else None
        everybody = mentions.get("room") is True
    return Seen(tuple(texts), tuple(targets), len(named) + everybody, len(files))


def counts(kind: object, content: object) -> bool:
    """Say whether an event is a post of its own: no edit, no reaction, no answer to a poll."""
    if not (isinstance(kind, str) and kind in _POSTS and isinstance(content, Mapping)):
        return False
    relation = content.get("m.relates_to")
    if not (isinstance(relation, Mapping) and relation.get("rel_type") == "m.replace"):
        return True
    # An encrypted edit says inside what it becomes; any other one that says nothing is shown as a post.
    return kind != "m.room.encrypted" and not isinstance(content.get("m.new_content"), Mapping)


def asks_the_bot(content: object) -> bool:
    """Say whether a message is a bare command of the bot and shows nothing else to anybody.

    Only so can somebody ask how they are verified where they cannot write yet; whatever can be read
    beside it would be a way to write there.
    """
    if not isinstance(content, Mapping) or content.get("msgtype") != "m.text":
        return False
    body, mentions = content.get("body"), content.get("m.mentions", {})
    bare = isinstance(body, str) and _COMMAND.fullmatch(body) is not None
    # Clients add empty mentions to everything.
    return bare and mentions == {} and content.keys() <= {"msgtype", "body", "m.mentions"}


def subject(content: object) -> str | None:
    """Say which subject its author declares a post to be about; of an edit, as what it becomes."""
    if not isinstance(content, Mapping):
        return None
    new = content.get("m.new_content")
    said = new.get(SUBJECT) if isinstance(new, Mapping) else None
    said = content.get(SUBJECT) if said is None else said
    return said if isinstance(said, str) and _SUBJECT.fullmatch(said) else None


def media_of(content: Mapping[str, Any]) -> tuple[str, ...]:
    """Name the files of an event by their addresses (`mxc://…`), each once."""
    found = (value for key, value in _walk(content) if key == "url" and value.startswith("mxc://"))
    return tuple(dict.fromkeys(found))


def _walk(content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Give every string with the key under which it stands, without recursion and within bounds.

    A list, and a map in the place of a text (`m.text: [{body: …}]`), stand under the key of what
    holds them. What an event refers to is not part of it, nor is the small picture of a file another.
    """
    waiting: list[tuple[str, object, int]] = [
        (key, value, 1) for key, value in content.items() if isinstance(key, str)
    ]
    waiting.reverse()
    looked_at = 0
    while waiting and looked_at < _MAX_NODES:
        key, value, deep = waiting.pop()
        looked_at += 1
        if isinstance(value, str):
            yield key, value
        elif deep >= _MAX_DEPTH or key in {"m.relates_to", "m.mentions", "thumbnail_file"}:
            continue
        elif isinstance(value, Mapping):
            inner = [(name, part, deep + 1) for name, part in value.items() if isinstance(name, str)]
            waiting += reversed(inner[:_MAX_NODES])
        elif isinstance(value, list):
            waiting += reversed([(key, part, deep + 1) for part in value[:_MAX_NODES]])


def plain(markup: str) -> tuple[str, tuple[str, ...]]:
    """Read HTML as people see it, with the addresses that stand in its tags."""
    if "<mx-reply>" in markup and "</mx-reply>" in markup:
        markup = _QUOTE.sub("", markup, count=1)
    behind: list[str] = []

    def gone(tag: re.Match[str]) -> str:
        values = _ATTRIBUTE.finditer(tag[0])
        behind.extend(_unescaped(found[1] or found[2] or found[3] or "") for found in values)
        return "\n" if _BLOCK.match(tag[0]) else ""

    text = _TAG.sub(gone, markup)
    return _unescaped(text), tuple(behind)


def _unescaped(text: str) -> str:
    if "&" not in text:
        return text
    return _clean(html.unescape(_LONG_NUMBER.sub("\ufffd", text)))


def _people(text: str) -> set[str]:
    if "matrix.to" not in text:
        return set()
    return {"@" + found.lower().replace("%3a", ":") for found in _PERSON.findall(text)}


def _named_in(text: str) -> int:
    return len(_people(text)) if "matrix.to" in text else 0


def _clean(text: str) -> str:
    """Replace halves of characters, which no encoder takes."""
    if text.isascii():
        return text
    return _SURROGATE.sub("\ufffd", text)
