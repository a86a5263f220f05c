"""The versions of the operator's ladder, so that each act is judged by the law of its time."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from policybot.domain import ladder_file
from policybot.domain.ladder import Ladder
from policybot.store.audit import canonical
from policybot.store.database import Tx, to_ms


@dataclass(frozen=True, slots=True)
class Policy:
    """One version of the ladder, and the hash under which decisions name it."""

    hash: str
    ladder: Ladder


def of(policy: Ladder) -> Policy:
    """Compute the hash of a version."""
    return Policy(_fingerprint(policy), policy)


@lru_cache(maxsize=32)
def _read(data: str) -> Ladder:
    return ladder_file.parse(json.loads(data))


def _fingerprint(policy: Ladder) -> str:
    return hashlib.sha256(canonical(ladder_file.dump(policy)).encode()).hexdigest()


async def save(tx: Tx, policy: Policy) -> str | None:
    """Remember a version; return the hash under which it is known if that differs."""
    known = await tx.value(
        "SELECT hash AS value FROM policies WHERE id = $1 AND version = $2",
        policy.ladder.id,
        policy.ladder.version,
    )
    if known is not None:
        return None if known == policy.hash else str(known)
    await tx.execute(
        "INSERT INTO policies (hash, id, version, effective_from, data) VALUES ($1,$2,$3,$4,$5)",
        policy.hash,
        policy.ladder.id,
        policy.ladder.version,
        to_ms(policy.ladder.effective_from),
        canonical(ladder_file.dump(policy.ladder)),
    )
    return None


async def get(tx: Tx, hash_: str) -> Policy | None:
    """Read the version that decisions name by its hash."""
    row = await tx.first("SELECT hash, data FROM policies WHERE hash = $1", hash_)
    return None if row is None else Policy(row["hash"], _read(row["data"]))


async def in_force_at(tx: Tx, at: datetime) -> Policy | None:
    """Read the version that was in force at a time; None before the first."""
    row = await tx.first(
        "SELECT hash, data FROM policies WHERE effective_from <= $1"
        " ORDER BY effective_from DESC LIMIT 1",
        to_ms(at),
    )
    return None if row is None else Policy(row["hash"], _read(row["data"]))
