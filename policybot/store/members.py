"""Persons without their names, how they were verified, and the accounts linked to them."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime

from policybot.domain.identity import Assurance, Front, Link, Source, Verification
from policybot.store.database import Row, Tx, from_ms, optional_time, to_ms

_LINK = (
    "SELECT l.user_id, l.person_id, l.front, l.created_at, l.ended_at, (SELECT MAX(v.level)"
    " FROM verifications v WHERE v.person_id = l.person_id AND v.ended_at IS NULL) AS level"
    " FROM links l"
)

_EVER = 2**62


@dataclass(frozen=True, slots=True)
class Span:
    """For how long an account was somebody's, or nobody's."""

    person_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    """None if it is theirs now."""

    @classmethod
    def of(cls, link: Link) -> "Span":
        """Give the time of a link; what came before one that still holds is its owner's as well."""
        return cls(link.person_id, link.created_at if link.ended_at else None, link.ended_at)

    @property
    def ms(self) -> tuple[int, int]:
        """Its ends as the database knows them."""
        return to_ms(self.since) if self.since else 0, to_ms(self.until) if self.until else _EVER


async def save_person(tx: Tx, person_id: str, now: datetime) -> None:
    """Save a person, unless they are known."""
    await tx.execute(
        "INSERT INTO persons (id, created_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING",
        person_id,
        to_ms(now),
    )


async def lock_person(tx: Tx, person_id: str) -> bool:
    """Let others who link or erase a person wait for this transaction; False if they are erased."""
    row = await tx.first(
        "UPDATE persons SET created_at = created_at WHERE id = $1 AND erased_at IS NULL RETURNING id",
        person_id,
    )
    return row is not None


async def erase_person(tx: Tx, person_id: str, now: datetime) -> None:
    """Note that a person was erased; what was decided stays under their ID, which names nobody."""
    await tx.execute("UPDATE persons SET erased_at = $1 WHERE id = $2", to_ms(now), person_id)


async def link_of(tx: Tx, user_id: str) -> Link | None:
    """Read the active link of an account."""
    row = await tx.first(f"{_LINK} WHERE l.user_id = $1 AND l.ended_at IS NULL", user_id)
    return None if row is None else _link(row)


async def links_of_accounts(tx: Tx, user_ids: Sequence[str]) -> dict[str, Link]:
    """Read the active links of some accounts at once."""
    if not user_ids:
        return {}
    marks = ", ".join(f"${n}" for n in range(1, len(user_ids) + 1))
    rows = await tx.fetch(f"{_LINK} WHERE l.ended_at IS NULL AND l.user_id IN ({marks})", *user_ids)
    return {row["user_id"]: _link(row) for row in rows}


async def links_of(tx: Tx, person_id: str) -> list[Link]:
    """List the active links of a person."""
    rows = await tx.fetch(
        f"{_LINK} WHERE l.person_id = $1 AND l.ended_at IS NULL ORDER BY l.slot", person_id
    )
    return [_link(row) for row in rows]


async def links_showing(tx: Tx, front: Front, limit: int) -> list[Link]:
    """List active links whose owners chose what others see."""
    rows = await tx.fetch(
        f"{_LINK} WHERE l.front = $1 AND l.ended_at IS NULL LIMIT $2", front.value, limit
    )
    return [_link(row) for row in rows]


async def save_link(tx: Tx, link: Link, places: int) -> bool:
    """Tie an account to a person in the first place that is free; False if none of them is.

    Two requests at the same time cannot have one place, nor link one account twice: the indexes see
    to it, and the second one goes on to the next place.
    """
    for slot in range(1, places + 1):
        row = await tx.first(
            "INSERT INTO links (person_id, user_id, slot, front, created_at)"
            " VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING slot",
            link.person_id,
            link.user_id,
            slot,
            link.front.value,
            to_ms(link.created_at),
        )
        if row is not None:
            return True
    return False


async def save_front(tx: Tx, user_id: str, front: Front) -> None:
    """Note what others see of somebody."""
    await tx.execute(
        "UPDATE links SET front = $1 WHERE user_id = $2 AND ended_at IS NULL", front.value, user_id
    )


async def end_link(tx: Tx, user_id: str, reason: str, now: datetime) -> None:
    """End the active link of an account; it stays countable."""
    await tx.execute(
        "UPDATE links SET ended_at = $1, end_reason = $2 WHERE user_id = $3 AND ended_at IS NULL",
        to_ms(now),
        reason,
        user_id,
    )


async def save_verification(tx: Tx, verification: Verification) -> None:
    """Save how a person was verified, in place of an earlier time by the same way."""
    await end_verification(
        tx,
        verification.person_id,
        verification.source,
        verification.realm,
        "renewed",
        verification.verified_at,
    )
    await tx.execute(
        "INSERT INTO verifications (person_id, source, realm, level, process, verified_at,"
        " expires_at, checked_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $6)",
        verification.person_id,
        verification.source.value,
        verification.realm,
        verification.assurance.level,
        verification.process,
        to_ms(verification.verified_at),
        to_ms(verification.expires_at),
    )


async def end_verification(  # noqa: PLR0913, PLR0917 - which one, and why
    tx: Tx, person_id: str, source: Source, realm: str, reason: str, now: datetime
) -> bool:
    """End a person's verification by one way; False if there is none, or somebody else was faster."""
    row = await tx.first(
        "UPDATE verifications SET ended_at = $1, end_reason = $2 WHERE person_id = $3"
        " AND source = $4 AND realm = $5 AND ended_at IS NULL RETURNING id",
        to_ms(now),
        reason,
        person_id,
        source.value,
        realm,
    )
    return row is not None


async def good_verifications(tx: Tx, person_id: str) -> list[Verification]:
    """List what of a person's verifications is good today, the best first, of equals the newest."""
    rows = await tx.fetch(
        "SELECT * FROM verifications WHERE person_id = $1 AND ended_at IS NULL"
        " ORDER BY level DESC, verified_at DESC, id DESC",
        person_id,
    )
    return [_verification(row) for row in rows]


async def verifications_of(tx: Tx, person_id: str) -> list[Verification]:
    """List how a person was ever verified, newest first."""
    rows = await tx.fetch("SELECT * FROM verifications WHERE person_id = $1 ORDER BY id DESC", person_id)
    return [_verification(row) for row in rows]


async def verifications_due(tx: Tx, now: datetime, limit: int) -> list[Verification]:
    """List verifications whose time is over."""
    rows = await tx.fetch(
        "SELECT * FROM verifications WHERE ended_at IS NULL AND expires_at <= $1"
        " ORDER BY expires_at LIMIT $2",
        to_ms(now),
        limit,
    )
    return [_verification(row) for row in rows]


async def person_behind(tx: Tx, user_id: str) -> str | None:
    """Name the person behind an account, also after they have unlinked it."""
    found = await tx.value(
        "SELECT l.person_id AS value FROM links l JOIN persons p ON p.id = l.person_id"
        " WHERE l.user_id = $1 AND p.erased_at IS NULL"
        " ORDER BY CASE WHEN l.ended_at IS NULL THEN 0 ELSE 1 END, l.id DESC LIMIT 1",
        user_id,
    )
    return None if found is None else str(found)


async def person_at(tx: Tx, user_id: str, at: datetime) -> str | None:
    """Name the person behind an account at a time; None if nobody was, or they are forgotten."""
    found = await tx.value(
        "SELECT l.person_id AS value FROM links l JOIN persons p ON p.id = l.person_id"
        " WHERE l.user_id = $1 AND p.erased_at IS NULL AND l.created_at <= $2"
        " AND (l.ended_at IS NULL OR l.ended_at >= $2) ORDER BY l.id DESC LIMIT 1",
        user_id,
        to_ms(at),
    )
    return None if found is None else str(found)


async def answerable(tx: Tx, user_id: str, at: datetime) -> str | None:
    """Name the person who answers for what an account did at a time.

    Where nobody was behind it then, it is whoever is behind it now, or was last: neither verifying nor
    unlinking leaves a history behind.
    """
    found = await tx.value(
        "SELECT l.person_id AS value FROM links l JOIN persons p ON p.id = l.person_id"
        " WHERE l.user_id = $1 AND p.erased_at IS NULL ORDER BY"
        " CASE WHEN l.created_at <= $2 AND (l.ended_at IS NULL OR l.ended_at >= $2) THEN 0 ELSE 1 END,"
        " CASE WHEN l.ended_at IS NULL THEN 0 ELSE 1 END, l.id DESC LIMIT 1",
        user_id,
        to_ms(at),
    )
    return None if found is None else str(found)


async def own_person(tx: Tx, user_id: str) -> str | None:
    """Name the person as whom an account may speak about itself: whoever it is linked to, now.

    An account that was unlinked speaks for nobody: it may be in other hands.
    """
    link = await link_of(tx, user_id)
    return None if link is None else link.person_id


async def links_ever(tx: Tx, person_id: str) -> list[Link]:
    """List the links that a person has or had: what happened on an account within them is theirs."""
    rows = await tx.fetch(f"{_LINK} WHERE l.person_id = $1 ORDER BY l.id", person_id)
    return [_link(row) for row in rows]


async def accounts_ever(tx: Tx, person_id: str) -> list[str]:
    """List the accounts that are or were a person's, without those that are somebody else's now."""
    rows = await tx.fetch(
        "SELECT DISTINCT l.user_id FROM links l WHERE l.person_id = $1 AND NOT EXISTS (SELECT 1"
        " FROM links o WHERE o.user_id = l.user_id AND o.person_id <> $1 AND o.ended_at IS NULL)"
        " ORDER BY l.user_id",
        person_id,
    )
    return [row["user_id"] for row in rows]


async def accounts_of(tx: Tx, user_id: str) -> frozenset[str]:
    """List an account with all others that are or were the same person's, as far as it is known."""
    return await accounts_of_all(tx, {user_id})


async def accounts_of_all(tx: Tx, user_ids: AbstractSet[str]) -> frozenset[str]:
    """List accounts with all others that are or were the same persons', without those of others now."""
    if not user_ids:
        return frozenset()
    marks = ", ".join(f"${n}" for n in range(1, len(user_ids) + 1))
    rows = await tx.fetch(
        "SELECT DISTINCT l.user_id FROM links l WHERE l.person_id IN"  # noqa: S608 - numbers alone
        # the person behind each of them, as `person_behind` says
        " (SELECT (SELECT b.person_id FROM links b JOIN persons p ON p.id = b.person_id"
        " WHERE b.user_id = a.user_id AND p.erased_at IS NULL"
        " ORDER BY CASE WHEN b.ended_at IS NULL THEN 0 ELSE 1 END, b.id DESC LIMIT 1)"
        f" FROM links a WHERE a.user_id IN ({marks}))"
        " AND NOT EXISTS (SELECT 1 FROM links o WHERE o.user_id = l.user_id"
        " AND o.person_id <> l.person_id AND o.ended_at IS NULL)",
        *sorted(user_ids),
    )
    return frozenset(user_ids).union(row["user_id"] for row in rows)


async def end_all(tx: Tx, person_id: str, reason: str, now: datetime) -> None:
    """End all links and verifications of a person."""
    for table in ("links", "verifications"):
        await tx.execute(
            f"UPDATE {table} SET ended_at = $1, end_reason = $2"  # noqa: S608 - our names
            " WHERE person_id = $3 AND ended_at IS NULL",
            to_ms(now),
            reason,
            person_id,
        )


async def take_to_check(tx: Tx, before: datetime, stamp: datetime, limit: int) -> list[Verification]:
    """Take verifications that were last checked before a time, and stamp them as checked at another."""
    rows = await tx.fetch(
        "UPDATE verifications SET checked_at = $1 WHERE id IN (SELECT id FROM verifications"
        " WHERE ended_at IS NULL AND checked_at <= $2 ORDER BY checked_at LIMIT $3)"
        " AND checked_at <= $2 RETURNING *",
        to_ms(stamp),
        to_ms(before),
        limit,
    )
    return [_verification(row) for row in rows]


async def count_ended(tx: Tx, reason: str, since: datetime) -> int:
    """Count the verifications that ended for a reason since a time."""
    return int(
        await tx.value(
            "SELECT COUNT(*) AS value FROM verifications WHERE ended_at > $1 AND end_reason = $2",
            to_ms(since),
            reason,
        )
    )


async def note_checked(tx: Tx, verification_id: int, now: datetime) -> bool:
    """Note that a verification was checked; False if it has ended meanwhile."""
    row = await tx.first(
        "UPDATE verifications SET checked_at = $1 WHERE id = $2 AND ended_at IS NULL RETURNING id",
        to_ms(now),
        verification_id,
    )
    return row is not None


def _link(row: Row) -> Link:
    level = row["level"]
    return Link(
        user_id=row["user_id"],
        person_id=row["person_id"],
        assurance=None if level is None else Assurance.of_level(level),
        front=Front(row["front"]),
        created_at=from_ms(row["created_at"]),
        ended_at=optional_time(row["ended_at"]),
    )


def _verification(row: Row) -> Verification:
    return Verification(
        person_id=row["person_id"],
        source=Source(row["source"]),
        realm=row["realm"],
        assurance=Assurance.of_level(row["level"]),
        process=row["process"],
        verified_at=from_ms(row["verified_at"]),
        expires_at=from_ms(row["expires_at"]),
        id=row["id"],
        ended_at=optional_time(row["ended_at"]),
    )
