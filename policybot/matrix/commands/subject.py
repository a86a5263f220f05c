"""What a command is about: the links, rooms, users and numbers that people write."""

import re
from collections.abc import Mapping
from urllib.parse import unquote

from policybot.domain import number
from policybot.domain import server as servers
from policybot.domain.case import Subject, SubjectKind
from policybot.domain.errors import NotFound
from policybot.matrix.commands.command import Asked

_MATRIX_TO = re.compile(r"https://matrix\.to/#/([^/?]+)(?:/([^/?]+))?(?:\?.*)?")
_ACCOUNT = re.compile(r"@[!-9;-~]+:[\w.\[\]:-]+", re.ASCII)
_LONGEST_ID = 255
_ALIAS = re.compile(r"#[^\s:,]+:[\w.-]+(?::\d+)?")


def aliases_in(text: str) -> list[str]:
    """Find the room aliases in a message, links included, so that they can be looked up."""
    return _ALIAS.findall(unquote(text))


def room_in(aliases: Mapping[str, str], text: str) -> str:
    """Read a room: its ID, an alias that was looked up, or a link.

    Raises:
        NotFound: it is none, or nobody knows the alias.
    """
    match = _MATRIX_TO.fullmatch(text)
    name = unquote(match[1]) if match else text
    if name.startswith("#"):
        if name not in aliases:
            message = f"I do not find a room named {name}."
            raise NotFound(message)
        return aliases[name]
    if name.startswith("!") and len(name) <= _LONGEST_ID and name.isprintable():
        return name
    message = f"«{text[:_LONGEST_ID]}» is no room. Write its alias, its ID or a link to it."
    raise NotFound(message)


def account_in(text: str) -> str | None:
    """Read an account: its user ID, or a link to it; None if it is none."""
    match = _MATRIX_TO.fullmatch(text)
    name = unquote(match[1]) if match and not match[2] else text
    return name if len(name) <= _LONGEST_ID and _ACCOUNT.fullmatch(name) else None


def reported(asked: Asked, text: str) -> Subject:
    """Read what a report is about: what it replies to, or a link to a message, a room or a user.

    Raises:
        NotFound: it is about nothing.
    """
    if not text:
        if asked.reply_to is None:
            message = (
                "What is it about? Reply to the message with your report, or put a link to the "
                "message, the room or the user, a room's number, or the name of a server, first: "
                "!policy report LINK RULE TEXT"
            )
            raise NotFound(message)
        return Subject(SubjectKind.EVENT, asked.room_id, asked.reply_to)
    match = _MATRIX_TO.fullmatch(text)
    name, event = (unquote(match[1]), unquote(match[2] or "")) if match else (text, "")
    if name.startswith("@"):
        return Subject(SubjectKind.USER, user_id=name)
    if not event and (server := servers.read(name)) is not None:
        return Subject(SubjectKind.SERVER, server=server)
    room_id = room_in(asked.aliases, name)
    if event:
        return Subject(SubjectKind.EVENT, room_id, event)
    return Subject(SubjectKind.ROOM, room_id)


def case_id(text: str) -> int | None:
    """Read a case number; None when it is none."""
    return number.parse_case(text)
