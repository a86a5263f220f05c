"""What machines have posted, by the hash of its ID, so that each post counts once."""

from datetime import datetime

from policybot.store.database import Tx, to_ms


async def take(tx: Tx, id_hash: str, body_hash: str, now: datetime) -> str | None:
    """Note a post; None if it is new, else the hash of the body that came under its ID before."""
    new = await tx.first(
        "INSERT INTO webhooks (id_hash, body_hash, at) VALUES ($1, $2, $3)"
        " ON CONFLICT (id_hash) DO NOTHING RETURNING id_hash",
        id_hash,
        body_hash,
        to_ms(now),
    )
    if new is not None:
        return None
    return str(await tx.value("SELECT body_hash AS value FROM webhooks WHERE id_hash = $1", id_hash))


async def forget_before(tx: Tx, before: datetime) -> None:
    """Forget posts that are too old to be sent again."""
    await tx.execute("DELETE FROM webhooks WHERE at < $1", to_ms(before))
