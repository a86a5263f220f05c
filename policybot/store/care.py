"""What moderators had to look at: cases and pictures, by day."""

from datetime import datetime

from policybot.domain.care import Exposure
from policybot.store.database import Tx, to_ms


async def opened(tx: Tx, moderator: str, day: datetime, case_id: int) -> None:
    """Note that somebody opened a case; once a day is enough."""
    await tx.execute(
        "INSERT INTO exposures (moderator, day, case_id) VALUES ($1, $2, $3)"
        " ON CONFLICT (moderator, day, case_id) DO NOTHING",
        moderator,
        to_ms(day),
        case_id,
    )


async def looked(tx: Tx, moderator: str, day: datetime, case_id: int) -> None:
    """Note that somebody looked at a picture clearly."""
    await tx.execute(
        "INSERT INTO exposures (moderator, day, case_id, looks) VALUES ($1, $2, $3, 1)"
        " ON CONFLICT (moderator, day, case_id) DO UPDATE SET looks = exposures.looks + 1",
        moderator,
        to_ms(day),
        case_id,
    )


async def of(tx: Tx, moderator: str, day: datetime) -> Exposure:
    """Sum up what one moderator looked at since the beginning of a day."""
    row = await tx.first(
        "SELECT COUNT(*) AS cases, COALESCE(SUM(looks), 0) AS looks FROM exposures"
        " WHERE moderator = $1 AND day >= $2",
        moderator,
        to_ms(day),
    )
    return Exposure(0, 0) if row is None else Exposure(int(row["cases"]), int(row["looks"]))


async def of_all(tx: Tx, day: datetime) -> Exposure:
    """Sum up what all moderators together looked at since the beginning of a day."""
    row = await tx.first(
        "SELECT COUNT(*) AS cases, COALESCE(SUM(looks), 0) AS looks FROM exposures WHERE day >= $1",
        to_ms(day),
    )
    return Exposure(0, 0) if row is None else Exposure(int(row["cases"]), int(row["looks"]))
