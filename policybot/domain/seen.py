"""What people see of an event: its texts, the places that it links to, whom it mentions, its files.

Everything in an event is written by somebody who may wish us ill: any value can be of any type, nested
as deep as the homeserver lets through, and 64 KiB long. What is not of the right type is not there.
Each step takes time in proportion to the length of the event.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from policybot.domain.markup import clean, plain

_MAX_NODES = 65_536
"""Parts of an event that are looked at; an event cannot have more."""
_MAX_DEPTH = 12
_LONG, _PART = 2_500, 8
"""Characters from which on an event is a long one; a part that is no text counts as so many."""
MAX_LENGTH = 65_536
"""Characters of all texts together that are read; an event cannot be longer."""

_FALLBACK = re.compile(r"> (?:\* )?<@[^>\n]*>")
_OVERRIDE = "\u202e"
_BACKWARDS = re.compile("\u202e([^\u202c\n]*)")
"""What is shown from right to left, letter by letter: what stands there reads the other way round."""
_PERSON = re.compile(r"matrix\.to/#/(?:@|%40)([^\s\"'<>?/()\]]+)", re.IGNORECASE)

_POLLS = ("m.poll.start", "org.matrix.msc3381.poll.start")
_POSTS = frozenset({"m.room.message", "m.sticker", "m.room.encrypted", *_POLLS})
_NO_POSTS = frozenset({"m.reaction", "m.poll.end", "org.matrix.msc3381.poll.end"})
SUBJECT = "org.policybot.subject"
"""The key under which an author says of which subject a post is: the ID of a qualification."""
_SUBJECT = re.compile(r"[a-z0-9_-]{1,40}")
_COMMAND = re.compile(
    "!policy(?: (?:about|agree|erase|export|help|language|me|name|register|report|status|unlink"
    "|verify))?"
)
"""What members ask; any other word behind «!policy» would be one that somebody says to the room."""
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
_REFERENCES = frozenset({"m.relates_to", "m.mentions", "thumbnail_file"})
_HTML_KEYS = frozenset({"formatted_body", "m.html", "org.matrix.msc1767.html"})
OF_THE_ROOM = frozenset({"m.room.name", "m.room.topic"})
"""What the room is called, and what it is about: changes of state that people publish by."""
_STATE_TEXTS = {
    "m.room.name": ("name",),
    "m.room.topic": ("topic", "m.topic"),
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
        plain_text = len(content) == 2 and content.get("msgtype") == "m.text"  # noqa: PLR2004
        if isinstance(body, str) and plain_text and _OVERRIDE not in body:
            return Seen((clean(body),) if body else (), mentions=_named_in(body))
        return _message(content, replacement)
    if not isinstance(kind, str):
        return NOTHING
    if kind in _STATE_TEXTS:
        # Each stands where a text stands: the topic can also be written in the new form of texts.
        return _gather({"body": [content.get(key) for key in _STATE_TEXTS[kind]]})
    if kind == "m.reaction":
        relation = content.get("m.relates_to")
        key = relation.get("key") if isinstance(relation, Mapping) else None
        return Seen((clean(key),)) if isinstance(key, str) and key else NOTHING
    # Clients that do not know a kind of event show the text that stands in it.
    return NOTHING if kind.startswith("m.room.") else _gather(content)


def _message(content: Mapping[str, Any], replacement: object) -> Seen:
    """Read a message; an edit is read as what it becomes, and as what older clients show of it."""
    whole = dict(content)
    relation = content.get("m.relates_to")
    edit = isinstance(replacement, Mapping)
    if edit:
        whole.pop("m.new_content")
    # What is edited may be a reply, and an edit does not say so.
    reply = _is_reply(relation) or (
        edit and isinstance(relation, Mapping) and relation.get("rel_type") == "m.replace"
    )
    if reply:
        whole["body"] = _without_quote(content.get("body"))
    found = _gather(whole, reply=reply)
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


def _is_reply(relation: object) -> bool:
    """Say whether clients take a message for a reply, whose quotation they leave out."""
    if not isinstance(relation, Mapping):
        return False
    to = relation.get("m.in_reply_to")
    answered = to.get("event_id") if isinstance(to, Mapping) else None
    if not (isinstance(answered, str) and answered.startswith("$")):
        return False
    # In a thread it is for older clients alone, unless it says otherwise.
    return not (relation.get("rel_type") == "m.thread" and relation.get("is_falling_back") is True)


def _without_quote(body: object) -> object:
    """Drop the quotation that a reply begins with for clients which know no replies.

    Where there is nothing else, the quotation is what somebody says.
    """
    if not isinstance(body, str) or not _FALLBACK.match(body):
        return body
    lines = body.split("\n")
    first = next((n for n, line in enumerate(lines) if not line.startswith(">")), len(lines))
    return "\n".join(lines[first:]).lstrip("\n") or body


def _gather(content: Mapping[str, Any], *, reply: bool = False) -> Seen:
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
        text = clean(value[:left])
        left -= len(text)
        named.update(_people(text))
        if key in _HTML_KEYS:
            text, behind = plain(text, reply=reply)
            targets.update(dict.fromkeys(behind))
        if text.strip():
            texts[text] = None
        if _OVERRIDE in text:
            texts[_BACKWARDS.sub(lambda found: found[1][::-1], text)] = None
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
    if not (isinstance(kind, str) and isinstance(content, Mapping)):
        return False
    if kind not in _POSTS:
        return kind not in _NO_POSTS and not kind.startswith("m.room.") and publishes(kind, content)
    relation = content.get("m.relates_to")
    if not (isinstance(relation, Mapping) and relation.get("rel_type") == "m.replace"):
        return True
    # An encrypted edit says inside what it becomes; any other one that says nothing is shown as a post.
    return kind != "m.room.encrypted" and not isinstance(content.get("m.new_content"), Mapping)


def publishes(kind: object, content: object, *, state: bool = False) -> bool:
    """Say whether people see something of an event; what is encrypted counts by who posts it."""
    if not (isinstance(kind, str) and isinstance(content, Mapping)):
        return False
    if state:
        return kind in OF_THE_ROOM
    if kind in {"m.room.message", "m.reaction", "m.room.encrypted"}:
        return True
    return not kind.startswith("m.room.") and _gather(content) != NOTHING


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


def is_long(content: object) -> bool:
    """Say whether reading an event may take longer than somebody should be kept waiting by it."""
    left, waiting = _LONG, [content]
    while waiting and left > 0:
        value = waiting.pop()
        left -= len(value) if isinstance(value, str) else _PART
        if isinstance(value, Mapping):
            waiting += value.values()
        elif isinstance(value, list | tuple):
            waiting += value
    return left <= 0


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
    """Give every text and address with the key under which it stands, without recursion.

    A list, and a map in the place of a text (`m.text: [{body: …}]`), stand under the key of what
    holds them. What an event refers to is not part of it, nor is the small picture of a file another.
    """
    waiting: list[tuple[str, object, int]] = [("", content, 0)]
    looked_at = 0
    while waiting and looked_at < _MAX_NODES:
        key, value, deep = waiting.pop()
        looked_at += 1
        if isinstance(value, str):
            yield key, value
        elif deep > _MAX_DEPTH:
            continue
        elif isinstance(value, Mapping):
            hypertext = value.get("mimetype") == "text/html"
            inner = (
                ("m.html" if hypertext and name == "body" else name, part, deep + 1)
                for name, part in value.items()
                if isinstance(name, str) and name not in _REFERENCES
            )
            waiting += reversed([one for one in inner if _may_say(*one[:2])])
        elif isinstance(value, list | tuple):
            waiting += reversed([(key, part, deep + 1) for part in value if _may_say(key, part)])


def _may_say(key: str, value: object) -> bool:
    """Say whether there can be a text or an address in something; most of it is put aside at once."""
    if isinstance(value, str):
        return key in _TEXT_KEYS or key == "url"
    return bool(value) and not isinstance(value, int | float)


def _people(text: str) -> set[str]:
    if "matrix.to" not in text:
        return set()
    return {"@" + found.lower().replace("%3a", ":") for found in _PERSON.findall(text)}


def _named_in(text: str) -> int:
    return len(_people(text)) if "matrix.to" in text else 0
