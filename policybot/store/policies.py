"""The versions of the operator's ladder, so that each act is judged by the law of its time."""

import hashlib
import json
from datetime import datetime

from policybot.domain import ladder_file
from policybot.domain.ladder import Ladder
from policybot.store.audit import canonical
from policybot.store.database import Tx, to_ms


def fingerprint(policy: Ladder) -> str:
    """Compute the hash under which a version is stored and named in decisions."""
    return hashlib.sha256(canonical(ladder_file.dump(policy)).encode()).hexdigest()


async def save(tx: Tx, policy: Ladder) -> str | None:
    """Remember a version; return the hash under which it is known if that differs."""
    known = await tx.value(
        "SELECT hash AS value FROM policies WHERE id = $1 AND version = $2",
        policy.id,
        policy.version,
    )
    mine = fingerprint(policy)
    if known is not None:
        return None if known == mine else str(known)
    await tx.execute(
        "INSERT INTO policies (hash, id, version, effective_from, data) VALUES ($1,$2,$3,$4,$5)",
        mine,
        policy.id,
        policy.version,
        to_ms(policy.effective_from),
        canonical(ladder_file.dump(policy)),
    )
    return None


async def in_force_at(tx: Tx, at: datetime) -> Ladder | None:
    """Read the version that was in force at a time; None before the first."""
    data = await tx.value(
        "SELECT data AS value FROM policies WHERE effective_from <= $1"
        " ORDER BY effective_from DESC LIMIT 1",
        to_ms(at),
    )
    return None if data is None else ladder_file.parse(json.loads(data))
