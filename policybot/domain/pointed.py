"""What somebody points at when they report: a link, an address, a number, as they copied it.

Links are those of matrix.to and of the `matrix:` scheme (Matrix specification, appendices, "URIs").
"""

import re
from dataclasses import dataclass
from urllib.parse import unquote

from policybot.domain import number, server
from policybot.domain.case import SubjectKind

LONGEST_ID = 255
"""Bytes of an ID (Matrix specification, appendices, "Common Identifier Format")."""
LONGEST = 2000
"""Characters of a link that are looked at."""
_MATRIX_TO = re.compile(r"https?://matrix\.to/#/([^/?]+)(?:/([^/?]+))?/?(?:\?.*)?")
_MATRIX_URI = re.compile(r"matrix:(r|roomid|u)/([^/?]+)(?:/e(?:vent)?/([^/?]+))?(?:\?.*)?")
_SIGILS = {"r": "#", "roomid": "!", "u": "@"}
_ACCOUNT = re.compile(r"@[!-9;-~]+:[\w.\[\]:-]+", re.ASCII)
_ALIAS = re.compile(r"#[^\s:,]+:[\w.\[\]:-]+")


@dataclass(frozen=True, slots=True)
class Pointed:
    """What was pointed at, as it stands in the text."""

    kind: SubjectKind
    name: str
    """The account; the room, by its ID, alias or record number; or another server."""
    event_id: str | None = None


def read(text: str) -> Pointed | None:
    """Read what somebody points at; None if it is nothing that could be found."""
    text = text.strip()[:LONGEST]
    if (match := _MATRIX_TO.fullmatch(text)) is not None:
        return of(unquote(match[1]), unquote(match[2]) if match[2] else None)
    if (match := _MATRIX_URI.fullmatch(text)) is not None:
        event = f"${unquote(match[3])}" if match[3] else None
        return of(_SIGILS[match[1]] + unquote(match[2]), event)
    return of(text)


def of(name: str, event_id: str | None = None) -> Pointed | None:
    """Put names together, as `read` does."""
    if event_id is not None and not is_id(event_id, "$"):
        return None
    if is_account(name):
        return None if event_id else Pointed(SubjectKind.USER, name)
    kind = SubjectKind.EVENT if event_id else SubjectKind.ROOM
    record = name.upper()
    if number.is_record(record):
        return Pointed(kind, record, event_id)
    if not event_id and (other := server.read(name)) is not None:
        return Pointed(SubjectKind.SERVER, other)
    good = is_id(name, "!") or (_ALIAS.fullmatch(name) and is_id(name, "#"))
    return Pointed(kind, name, event_id) if good else None


def is_account(text: str) -> bool:
    """Say whether a text is a user ID."""
    return len(text) <= LONGEST_ID and _ACCOUNT.fullmatch(text) is not None


def is_id(text: str, sigil: str) -> bool:
    """Say whether a text can be an ID that begins with a sigil."""
    return (
        text.startswith(sigil)
        and len(text) > 1
        and text.isprintable()
        and " " not in text
        and len(text.encode()) <= LONGEST_ID
    )
