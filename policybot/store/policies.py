"""The versions of the operator's ladder, where each stands, and which was in force from when to when."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from policybot.domain import ladder_file
from policybot.domain.ladder import Ladder
from policybot.domain.policy import TRIED, State, Term, Version
from policybot.store.audit import canonical
from policybot.store.database import (
    Row,
    Stale,
    Tx,
    from_ms,
    optional_ms,
    optional_time,
    span_ms,
    to_ms,
)

_BINDING = (State.LIVE, *sorted(TRIED))


@dataclass(frozen=True, slots=True)
class Policy:
    """One version of the ladder, and the hash under which decisions name it."""

    hash: str
    ladder: Ladder


def of(policy: Ladder) -> Policy:
    """Compute the hash of a version."""
    return Policy(_fingerprint(canonical(ladder_file.dump(policy))), policy)


def _fingerprint(data: str) -> str:
    return hashlib.sha256(data.encode()).hexdigest()


class Unreadable(Exception):  # noqa: N818 - a condition
    """A recorded ladder cannot be read; the message says which and why, `mend` what to do."""

    def __init__(self, digest: str, why: str, mend: str) -> None:
        """Say it in words."""
        super().__init__(f"The recorded ladder {digest[:8]} {why}")
        self.mend = mend


@lru_cache(maxsize=32)
def _read(digest: str, data: str) -> Ladder:
    """Read a recorded version as strictly as one from the file, and only if it is what was recorded.

    Raises:
        Unreadable: it is not, or breaks a rule that this policybot has for ladders.
    """
    if _fingerprint(data) != digest:
        mend = "Put the table «policies» back from a copy of the database; decisions name its contents."
        raise Unreadable(digest, "was changed in the database.", mend)
    try:
        return ladder_file.parse(json.loads(data))
    except ladder_file.LadderRefused as refused:
        mend = (
            "Run the policybot that recorded it, have a ladder approved that this one can read too, and "
            "come back when that is in force: docs/ladder-versions.md"
        )
        raise Unreadable(digest, f"cannot be read any more: {refused}.", mend) from refused


async def check(tx: Tx) -> None:
    """Check that the version in force can be read.

    Raises:
        Unreadable: it cannot.
    """
    row = await tx.first("SELECT hash, data FROM policies WHERE state = 'live'")
    if row is not None:
        _read(row["hash"], row["data"])


async def add(tx: Tx, policy: Policy, now: datetime) -> bool:
    """Remember a version as a draft; False if it is there, because another process was faster."""
    row = await tx.first(
        "INSERT INTO policies (hash, id, version, data, state, brought_at)"
        " VALUES ($1, $2, $3, $4, 'draft', $5) ON CONFLICT DO NOTHING RETURNING hash",
        policy.hash,
        policy.ladder.id,
        policy.ladder.version,
        canonical(ladder_file.dump(policy.ladder)),
        to_ms(now),
    )
    return row is not None


async def save(tx: Tx, version: Version) -> None:
    """Save where a version stands.

    Raises:
        Stale: somebody else changed it meanwhile.
    """
    row = await tx.first(
        "UPDATE policies SET state = $1, brought_at = $2, proposer = $3, approver = $4, second = $5,"
        " cooling = $6, test = $7, live_from = $8, announced = $9, reason = $10,"
        " revision = revision + 1 WHERE hash = $11 AND revision = $12 RETURNING hash",
        version.state.value,
        to_ms(version.brought_at),
        version.proposer,
        version.approver,
        version.second,
        None if version.cooling is None else span_ms(version.cooling),
        version.test,
        optional_ms(version.live_from),
        int(version.announced),
        version.reason,
        version.hash,
        version.revision,
    )
    if row is None:
        raise Stale(version.name)


async def get(tx: Tx, digest: str) -> Version | None:
    """Read a version by its hash."""
    row = await tx.first("SELECT * FROM policies WHERE hash = $1", digest)
    return None if row is None else _version(row)


async def named(tx: Tx, policy: Ladder) -> Version | None:
    """Read the version on record that has the name and number of a ladder, whatever is in it."""
    row = await tx.first(
        "SELECT * FROM policies WHERE id = $1 AND version = $2", policy.id, policy.version
    )
    return None if row is None else _version(row)


async def every(tx: Tx) -> list[Version]:
    """List all versions, the one that was brought last first."""
    rows = await tx.fetch("SELECT * FROM policies ORDER BY brought_at DESC, version DESC")
    return [_version(row) for row in rows if _readable(row)]


async def standing(tx: Tx) -> tuple[Policy | None, list[Policy]]:
    """Read the version in force, and those that are tried beside it; all in one statement.

    What cannot be read is left out: `check` tells of it.
    """
    places = ", ".join(f"${n}" for n in range(1, len(_BINDING) + 1))
    rows = await tx.fetch(
        f"SELECT hash, data, state FROM policies WHERE state IN ({places}) ORDER BY hash",  # noqa: S608 - numbers alone
        *(state.value for state in _BINDING),
    )
    rows = [row for row in rows if _readable(row)]
    live = [_policy(row) for row in rows if row["state"] == State.LIVE]
    tried = [_policy(row) for row in rows if row["state"] != State.LIVE]
    return (live[0] if live else None), tried


async def live_hash(tx: Tx) -> str | None:
    """Read the hash of the version in force; None before the first."""
    digest = await tx.value("SELECT hash AS value FROM policies WHERE state = 'live'")
    return None if digest is None else str(digest)


async def keep(tx: Tx, digest: str) -> bool:
    """Keep a version in force until this transaction has ended; False if it is in force no more.

    Those who keep it do not wait for each other; who puts another in force waits for them all.
    """
    row = await tx.shared("SELECT hash FROM policies WHERE hash = $1 AND state = 'live'", digest)
    return row is not None


async def hold(tx: Tx, digest: str) -> None:
    """Let others who keep the version in force, or put another in its place, wait for this one's end."""
    await tx.execute("UPDATE policies SET said = said WHERE hash = $1 AND state = 'live'", digest)


async def in_force_at(tx: Tx, at: datetime) -> Policy | None:
    """Read the version that was in force at a time, the first one also before.

    None if none ever was, or if it cannot be read any more.
    """
    row = await tx.first(
        "SELECT p.hash, p.data FROM policy_terms t JOIN policies p ON p.hash = t.hash"
        " WHERE t.since <= $1 ORDER BY t.since DESC LIMIT 1",
        to_ms(at),
    ) or await tx.first(
        "SELECT p.hash, p.data FROM policy_terms t JOIN policies p ON p.hash = t.hash"
        " ORDER BY t.since LIMIT 1"
    )
    return _policy(row) if row is not None and _readable(row) else None


async def begin(tx: Tx, digest: str, since: datetime) -> None:
    """Note that a version is in force from now on; clocks that differ put no term before another."""
    await tx.execute(
        "INSERT INTO policy_terms (since, hash)"
        " SELECT CASE WHEN last >= $1 THEN last + 1 ELSE $1 END, $2"
        " FROM (SELECT COALESCE(MAX(since), 0) AS last FROM policy_terms) latest",
        to_ms(since),
        digest,
    )


async def terms(tx: Tx) -> list[Term]:
    """List the times in which versions were in force, oldest first."""
    rows = await tx.fetch(
        "SELECT t.since, p.version, p.hash, p.data FROM policy_terms t"
        " JOIN policies p ON p.hash = t.hash ORDER BY t.since"
    )
    ends = [from_ms(row["since"]) for row in rows[1:]]
    return [
        Term(row["version"], row["hash"], from_ms(row["since"]), until, url)
        for row, until in zip(rows, [*ends, None], strict=True)
        for url in ([_policy(row).ladder.text_url] if _readable(row) else [""])
    ]


async def ladders(tx: Tx) -> dict[str, Ladder]:
    """Read all versions that can be read, by their hashes."""
    rows = await tx.fetch("SELECT hash, data FROM policies")
    return {row["hash"]: _policy(row).ladder for row in rows if _readable(row)}


async def due(tx: Tx, now: datetime) -> list[Version]:
    """List approved versions whose day has come."""
    rows = await tx.fetch(
        "SELECT * FROM policies WHERE state = 'scheduled' AND live_from <= $1", to_ms(now)
    )
    return [_version(row) for row in rows if _readable(row)]


async def unsaid(tx: Tx) -> list[Version]:
    """Take the drafts of which the review room was not told, and note that it is."""
    rows = await tx.fetch("UPDATE policies SET said = 1 WHERE state = 'draft' AND said = 0 RETURNING *")
    return [_version(row) for row in rows if _readable(row)]


async def say_again(tx: Tx, digest: str) -> None:
    """Have the review room told of a version that has become a draft again."""
    await tx.execute("UPDATE policies SET said = 0 WHERE hash = $1", digest)


# Backtests that were asked for ------------------------------------------------------------------


async def ask_test(tx: Tx, digest: str, by: str) -> None:
    """Note that somebody wants a version to be tested."""
    await tx.execute("UPDATE policies SET tester = $1 WHERE hash = $2", by, digest)


async def tests_wanted(tx: Tx) -> list[tuple[Version, str]]:
    """List the versions that are to be tested, and who asked for it."""
    rows = await tx.fetch("SELECT * FROM policies WHERE tester IS NOT NULL")
    return [(_version(row), row["tester"]) for row in rows if _readable(row)]


async def tested(tx: Tx, digest: str) -> bool:
    """Note that the test was made; False if it was made meanwhile."""
    row = await tx.first(
        "UPDATE policies SET tester = NULL WHERE hash = $1 AND tester IS NOT NULL RETURNING hash",
        digest,
    )
    return row is not None


# What versions on trial would have proposed -----------------------------------------------------


@dataclass(frozen=True, slots=True)
class Shadow:
    """What a version on trial would have proposed, beside what the one in force proposed."""

    policy: str
    in_force: str
    measure: str


async def keep_shadows(tx: Tx, decision_id: int, shadows: Iterable[Shadow]) -> None:
    """Keep them beside a decision."""
    rows = [(decision_id, one.policy, one.in_force, one.measure) for one in shadows]
    if rows:
        await tx.many(
            "INSERT INTO shadow_proposals (decision_id, policy_hash, in_force, measure)"
            " VALUES ($1, $2, $3, $4)",
            rows,
        )


async def shadows(tx: Tx, digest: str) -> Sequence[tuple[str, str, int]]:
    """Count, for a version, how often it would have proposed what instead of what."""
    rows = await tx.fetch(
        "SELECT in_force, measure, COUNT(*) AS number FROM shadow_proposals WHERE policy_hash = $1"
        " GROUP BY in_force, measure",
        digest,
    )
    return [(row["in_force"], row["measure"], int(row["number"])) for row in rows]


def _readable(row: Row) -> bool:
    try:
        _read(row["hash"], row["data"])
    except Unreadable:
        return False
    return True


def _policy(row: Row) -> Policy:
    return Policy(row["hash"], _read(row["hash"], row["data"]))


def _version(row: Row) -> Version:
    return Version(
        hash=row["hash"],
        ladder=_read(row["hash"], row["data"]),
        state=State(row["state"]),
        brought_at=from_ms(row["brought_at"]),
        proposer=row["proposer"],
        approver=row["approver"],
        second=row["second"],
        cooling=None if row["cooling"] is None else timedelta(milliseconds=row["cooling"]),
        test=row["test"],
        live_from=optional_time(row["live_from"]),
        announced=bool(row["announced"]),
        reason=row["reason"],
        revision=row["revision"],
    )
