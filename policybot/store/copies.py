"""Kept copies of events, for the people who decide about them."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from policybot.domain.effects import KeepEvidence
from policybot.store.audit import canonical
from policybot.store.database import Tx, from_ms, to_ms


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of an event as the homeserver had it; the fingerprint is of its content."""

    event_id: str
    room_id: str
    sender: str
    sent_at: datetime
    content: dict[str, Any]
    captured_at: datetime
    redacted: bool = False
    """Whether it was removed from its room before this copy was taken."""
    edit_id: str | None = None
    """The newest edit of it at that time."""

    @property
    def encrypted(self) -> bool:
        """Whether nobody but the members of its room can read it."""
        return "ciphertext" in self.content

    @property
    def sha256(self) -> str:
        """The fingerprint of what was said."""
        return hashlib.sha256(canonical(self.content).encode()).hexdigest()

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


def copy_of(keep: KeepEvidence, result: Mapping[str, Any], now: datetime) -> Copy:
    """Read what the homeserver said of an event as copy."""
    return Copy(
        event_id=keep.event_id,
        room_id=keep.room_id,
        sender=str(result["sender"]),
        sent_at=from_ms(int(result["origin_server_ts"])),
        content=storable(result["content"]),
        captured_at=now,
        redacted=bool(result.get("redacted")),
        edit_id=result.get("edit_id"),
    )


async def keep(tx: Tx, copy: Copy) -> None:
    """Keep a copy of an event; the first copy counts."""
    await tx.execute(
        "INSERT INTO copies (event_id, room_id, sender, sent_at, content, sha256, captured_at,"
        " redacted, edit_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
        " ON CONFLICT (event_id) DO NOTHING",
        copy.event_id,
        copy.room_id,
        copy.sender,
        to_ms(copy.sent_at),
        canonical(copy.content),
        copy.sha256,
        to_ms(copy.captured_at),
        int(copy.redacted),
        copy.edit_id,
    )


async def get(tx: Tx, event_id: str) -> Copy | None:
    """Read the kept copy of an event."""
    row = await tx.first("SELECT * FROM copies WHERE event_id = $1", event_id)
    if row is None:
        return None
    return Copy(
        event_id=row["event_id"],
        room_id=row["room_id"],
        sender=row["sender"],
        sent_at=from_ms(row["sent_at"]),
        content=json.loads(row["content"]),
        captured_at=from_ms(row["captured_at"]),
        redacted=bool(row["redacted"]),
        edit_id=row["edit_id"],
    )
