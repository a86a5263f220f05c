"""Cards: where in a room the message stands that shows how something is, and what it says now."""

from dataclasses import dataclass

from policybot.store.database import Tx


@dataclass(frozen=True, slots=True)
class Card:
    """A message that was written, and is edited from then on."""

    event_id: str
    shown: str
    """The fingerprint of what it says; empty if that is not known."""


async def get(tx: Tx, room_id: str, subject: str) -> Card | None:
    """Read where a card stands; None if it is still to be written."""
    row = await tx.first("SELECT * FROM cards WHERE room_id = $1 AND subject = $2", room_id, subject)
    return None if row is None else Card(row["event_id"], row["shown"])


async def save(tx: Tx, room_id: str, subject: str, card: Card) -> None:
    """Remember where a card stands now, and what it says."""
    await tx.execute(
        "INSERT INTO cards (room_id, subject, event_id, shown) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (room_id, subject) DO UPDATE SET event_id = $3, shown = $4",
        room_id,
        subject,
        card.event_id,
        card.shown,
    )
