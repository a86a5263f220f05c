"""Refusals: how often what was refused to whom, who was told, and which rules are stopped for a time."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from policybot.store.database import Tx, from_ms, to_ms

_HOUR = int(timedelta(hours=1).total_seconds() * 1000)


@dataclass(frozen=True, slots=True)
class Refused:
    """That something was refused to somebody; nothing of what it was."""

    code: str
    rule_id: str
    """Empty where no rule is why."""
    room_id: str
    """Empty where it was about no room."""
    user_id: str
    at: datetime
    number: int = 1

    @property
    def reason(self) -> str:
        """Why, as far as two refusals have the same reason."""
        return f"{self.code} {self.rule_id}".strip()


@dataclass(frozen=True, slots=True)
class Tally:
    """How often something was refused for one reason."""

    code: str
    rule_id: str
    number: int
    people: int
    rooms: int
    last_at: datetime


async def add(tx: Tx, refused: Iterable[Refused]) -> None:
    """Count refusals."""
    rows = [
        (
            to_ms(one.at) // _HOUR * _HOUR,
            one.code,
            one.rule_id,
            one.room_id,
            one.user_id,
            one.number,
            to_ms(one.at),
        )
        for one in refused
    ]
    # In one order: two transactions that count the same must not wait for each other.
    await tx.many(
        "INSERT INTO refusals (hour, code, rule_id, room_id, user_id, number, last_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (hour, code, rule_id, room_id, user_id)"
        " DO UPDATE SET number = refusals.number + excluded.number,"
        " last_at = CASE WHEN excluded.last_at > refusals.last_at THEN excluded.last_at"
        " ELSE refusals.last_at END",
        sorted(rows),
    )


async def tallies(tx: Tx, since: datetime) -> list[Tally]:
    """Count what was refused since a time, by reason; the most frequent first."""
    rows = await tx.fetch(
        "SELECT code, rule_id, SUM(number) AS number, COUNT(DISTINCT user_id) AS people,"
        " COUNT(DISTINCT NULLIF(room_id, '')) AS rooms, MAX(last_at) AS last_at FROM refusals"
        " WHERE last_at > $1 GROUP BY code, rule_id ORDER BY number DESC, code, rule_id",
        to_ms(since),
    )
    return [
        Tally(
            row["code"],
            row["rule_id"],
            int(row["number"]),
            int(row["people"]),
            int(row["rooms"]),
            from_ms(row["last_at"]),
        )
        for row in rows
    ]


async def of_rule(tx: Tx, rule_id: str, since: datetime) -> tuple[int, int]:
    """Count how often a rule refused something since a time, and to how many people."""
    row = await tx.first(
        "SELECT SUM(number) AS number, COUNT(DISTINCT user_id) AS people FROM refusals"
        " WHERE rule_id = $1 AND last_at > $2",
        rule_id,
        to_ms(since),
    )
    return (int(row["number"] or 0), int(row["people"])) if row else (0, 0)


# Who was told ------------------------------------------------------------------------------------


async def told(tx: Tx, since: datetime) -> dict[tuple[str, str], datetime]:
    """Say who was told of which reason since a time, and when."""
    rows = await tx.fetch("SELECT user_id, reason, at FROM refusal_notices WHERE at > $1", to_ms(since))
    return {(row["user_id"], row["reason"]): from_ms(row["at"]) for row in rows}


async def tells(tx: Tx, refused: Refused, since: datetime, now: datetime) -> bool:
    """Note that somebody is told of a reason now; False if they were told after `since`."""
    row = await tx.first(
        "INSERT INTO refusal_notices (user_id, reason, at) VALUES ($1, $2, $3)"
        " ON CONFLICT (user_id, reason) DO UPDATE SET at = excluded.at WHERE refusal_notices.at <= $4"
        " RETURNING at",
        refused.user_id,
        refused.reason,
        to_ms(now),
        to_ms(since),
    )
    return row is not None


async def forget_told(tx: Tx, before: datetime) -> None:
    """Forget who was told before a time."""
    await tx.execute("DELETE FROM refusal_notices WHERE at < $1", to_ms(before))


# Rules that are stopped --------------------------------------------------------------------------


async def stop(tx: Tx, rule_id: str, until: datetime, now: datetime) -> bool:
    """Stop a rule until a time; False if it is stopped already."""
    row = await tx.first(
        "INSERT INTO refusal_stops (rule_id, until) VALUES ($1, $2) ON CONFLICT (rule_id)"
        " DO UPDATE SET until = excluded.until WHERE refusal_stops.until <= $3 RETURNING until",
        rule_id,
        to_ms(until),
        to_ms(now),
    )
    return row is not None


async def stopped(tx: Tx, now: datetime) -> dict[str, datetime]:
    """Name the rules that are stopped, and until when."""
    rows = await tx.fetch("SELECT rule_id, until FROM refusal_stops WHERE until > $1", to_ms(now))
    return {row["rule_id"]: from_ms(row["until"]) for row in rows}


async def forget_stops(tx: Tx, now: datetime) -> None:
    """Forget the stops that are over."""
    await tx.execute("DELETE FROM refusal_stops WHERE until <= $1", to_ms(now))
