"""Languages: the one that somebody wants to be answered in."""

from datetime import datetime

from policybot.store.database import Tx, to_ms


async def get(tx: Tx, user_id: str) -> str | None:
    """Read which language somebody chose last."""
    found = await tx.value("SELECT language AS value FROM languages WHERE user_id = $1", user_id)
    return None if found is None else str(found)


async def save(tx: Tx, user_id: str, language: str, now: datetime) -> None:
    """Remember which language somebody chose."""
    await tx.execute(
        "INSERT INTO languages (user_id, language, chosen_at) VALUES ($1, $2, $3)"
        " ON CONFLICT (user_id) DO UPDATE SET language = $2, chosen_at = $3",
        user_id,
        language,
        to_ms(now),
    )


async def forget(tx: Tx, user_id: str) -> None:
    """Forget which language somebody chose."""
    await tx.execute("DELETE FROM languages WHERE user_id = $1", user_id)
