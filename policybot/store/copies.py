"""Kept copies of events, for the people who decide about them; what was said in them is in the vault."""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from policybot.domain.copy import File, Line
from policybot.domain.effects import KeepEvidence
from policybot.domain.statement import Content, content_of
from policybot.store.audit import canonical
from policybot.store.database import Row, Tx, from_ms, to_ms


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of an event as the homeserver had it."""

    event_id: str
    room_id: str
    sender: str
    sent_at: datetime
    content: Mapping[str, Any]
    """Empty until the vault was asked for it."""
    sha256: str
    """The fingerprint of the content."""
    captured_at: datetime
    redacted: bool = False
    """Whether it was removed from its room before this copy was taken."""
    edit_id: str | None = None
    """The newest edit of it at that time."""
    kind: Content = Content.OTHER
    """What it is, in the law's words: a text, a picture, a film."""
    files: tuple[File, ...] | None = None
    """What its files are; None if nobody has looked."""
    context: tuple[Line, ...] = field(default=())
    """What stood around it, without the texts until the vault was asked for them."""

    @property
    def encrypted(self) -> bool:
        """Whether nobody but the members of its room can read it."""
        return "ciphertext" in self.content

    @property
    def body(self) -> str:
        """The text of the message, or the name or topic of a room; empty where there is none."""
        texts = (self.content.get(key) for key in ("body", "name", "topic"))
        return next((text for text in texts if isinstance(text, str) and text), "")


def storable(content: Mapping[str, Any]) -> dict[str, Any]:
    """Give the content of an event as it can be kept: halves of characters are replaced."""
    text = json.dumps(content, ensure_ascii=False)
    whole: dict[str, Any] = json.loads(text.encode("utf-8", "replace"))
    return whole


def fingerprint(content: Mapping[str, Any]) -> str:
    """Make the fingerprint of what was said."""
    return hashlib.sha256(canonical(content).encode()).hexdigest()


def sent_at(event: Mapping[str, Any], now: datetime) -> datetime:
    """Say when an event was sent, as its homeserver says; a time that cannot be is now.

    What was written while we were away arrives at once, and was not written at once.
    """
    sent = event.get("origin_server_ts")
    try:
        return min(from_ms(sent), now) if isinstance(sent, int) else now
    except (OverflowError, ValueError, OSError):
        return now


def copy_of(keep: KeepEvidence, result: Mapping[str, Any], now: datetime) -> Copy:
    """Read what the homeserver said of an event as copy."""
    content = storable(result["content"])
    return Copy(
        event_id=keep.event_id,
        room_id=keep.room_id,
        sender=str(result["sender"]),
        sent_at=sent_at(result, now),
        content=content,
        sha256=fingerprint(content),
        captured_at=now,
        redacted=bool(result.get("redacted")),
        edit_id=result.get("edit_id"),
        kind=content_of(content.get("msgtype")),
    )


async def keep(tx: Tx, copy: Copy) -> bool:
    """Keep a copy of an event without what was said; False if there was one: the first counts."""
    row = await tx.first(
        "INSERT INTO copies (event_id, room_id, sender, sent_at, sha256, captured_at,"
        " redacted, edit_id, kind) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
        " ON CONFLICT (event_id) DO NOTHING RETURNING event_id",
        copy.event_id,
        copy.room_id,
        copy.sender,
        to_ms(copy.sent_at),
        copy.sha256,
        to_ms(copy.captured_at),
        int(copy.redacted),
        copy.edit_id,
        copy.kind.value,
    )
    return row is not None


async def get(tx: Tx, event_id: str) -> Copy | None:
    """Read the kept copy of an event, without what was said."""
    row = await tx.first("SELECT * FROM copies WHERE event_id = $1", event_id)
    return None if row is None else _copy(row)


async def some(tx: Tx, event_ids: Collection[str]) -> dict[str, Copy]:
    """Read the kept copies of some events at once, without what was said."""
    if not event_ids:
        return {}
    marks = ", ".join(f"${n}" for n in range(1, len(event_ids) + 1))
    rows = await tx.fetch(f"SELECT * FROM copies WHERE event_id IN ({marks})", *event_ids)  # noqa: S608 - numbers alone
    return {row["event_id"]: _copy(row) for row in rows}


async def page(tx: Tx, after: str, limit: int) -> list[str]:
    """Name the events of which there are copies, from one on."""
    rows = await tx.fetch(
        "SELECT event_id FROM copies WHERE event_id > $1 ORDER BY event_id LIMIT $2", after, limit
    )
    return [row["event_id"] for row in rows]


async def forget(tx: Tx, event_id: str) -> None:
    """Delete a copy, with what stood around it."""
    await tx.execute("DELETE FROM context_lines WHERE copy_id = $1", event_id)
    await tx.execute("DELETE FROM copies WHERE event_id = $1", event_id)


# What is found out later -----------------------------------------------------------------------------


async def add_context(tx: Tx, event_id: str, lines: Sequence[Line]) -> None:
    """Keep what stood around an event, without the texts."""
    await tx.many(
        "INSERT INTO context_lines (copy_id, place, event_id, sender, sent_at, redacted)"
        " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (copy_id, place) DO NOTHING",
        [
            (event_id, one.place, one.event_id, one.sender, to_ms(one.sent_at), int(one.redacted))
            for one in lines
        ],
    )


async def context(tx: Tx, event_id: str) -> list[Line]:
    """List what stood around an event in its order, without the texts."""
    rows = await tx.fetch("SELECT * FROM context_lines WHERE copy_id = $1 ORDER BY place", event_id)
    return [
        Line(
            place=row["place"],
            event_id=row["event_id"],
            sender=row["sender"],
            sent_at=from_ms(row["sent_at"]),
            redacted=bool(row["redacted"]),
        )
        for row in rows
    ]


async def set_files(tx: Tx, event_id: str, files: Sequence[File]) -> None:
    """Note what the files of an event are."""
    text = json.dumps([[file.kind, file.size] for file in files])
    await tx.execute("UPDATE copies SET files = $1 WHERE event_id = $2", text, event_id)


def _copy(row: Row) -> Copy:
    return Copy(
        event_id=row["event_id"],
        room_id=row["room_id"],
        sender=row["sender"],
        sent_at=from_ms(row["sent_at"]),
        content={},
        sha256=row["sha256"],
        captured_at=from_ms(row["captured_at"]),
        redacted=bool(row["redacted"]),
        edit_id=row["edit_id"],
        kind=Content(row["kind"]),
        files=None
        if row["files"] is None
        else tuple(File(kind, size) for kind, size in json.loads(row["files"])),
    )
