"""Notes in cases: what the operator's people write to each other."""

from dataclasses import dataclass
from datetime import datetime

from policybot.store.database import Tx, from_ms, to_ms


@dataclass(frozen=True, slots=True)
class Note:
    """What somebody noted in a case."""

    case_id: int
    author: str
    text: str
    at: datetime


async def add(tx: Tx, note: Note) -> None:
    """Save a note."""
    await tx.execute(
        "INSERT INTO case_notes (case_id, author, text, at) VALUES ($1, $2, $3, $4)",
        note.case_id,
        note.author,
        note.text,
        to_ms(note.at),
    )


async def of_case(tx: Tx, case_id: int) -> list[Note]:
    """List the notes in a case, oldest first."""
    rows = await tx.fetch("SELECT * FROM case_notes WHERE case_id = $1 ORDER BY id", case_id)
    return [Note(row["case_id"], row["author"], row["text"], from_ms(row["at"])) for row in rows]
