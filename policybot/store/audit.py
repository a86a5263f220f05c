"""The audit chain: one entry for every change, each sealed with the hash of the one before.

An entry carries a commitment to its payload, HMAC-SHA256 under a salt of its own. Destroying the
payload and its salt forgets what was in it, and the chain still verifies.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from policybot.store.database import Tx, to_ms

Value = str | int | bool | None | Sequence[str]

_BATCH = 1000
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Entry:
    """What is to be remembered of one change."""

    at: datetime
    actor: str
    """A user ID, or `system:…` for what happens by itself."""
    tag: str
    """The act, as `noun:verb`."""
    object: str
    payload: Mapping[str, Value]


def canonical(value: object) -> str:
    """Write JSON in one way only: sorted keys, no spaces (RFC 8785, for texts and integers)."""
    return _ENCODER.encode(value)


def commitment(salt: str, payload: str) -> str:
    """Commit to a payload without showing it."""
    return hmac.new(bytes.fromhex(salt), payload.encode(), hashlib.sha256).hexdigest()


def seal(seq: int, at: int, actor: str, tag: str, obj: str, committed: str, previous: str) -> str:  # noqa: PLR0913, PLR0917 - the columns
    """Compute the hash of one entry over all its columns and the hash before it."""
    entry = {
        "seq": seq,
        "at": at,
        "actor": actor,
        "tag": tag,
        "object": obj,
        "commitment": committed,
        "previous": previous,
    }
    return hashlib.sha256(canonical(entry).encode()).hexdigest()


def append(
    tx: Tx,
    *,
    at: datetime,
    actor: str,
    tag: str,
    object: str,  # noqa: A002 - named as the column
    **payload: Value,
) -> None:
    """Add an entry; it is written at the end of the transaction, where the chain is locked briefly."""
    tx.defer(_write, Entry(at, actor, tag, object, payload))


async def _write(tx: Tx, entries: Sequence[Entry]) -> None:
    head = await tx.first(
        "UPDATE audit_head SET seq = seq + $1 WHERE one = 1 RETURNING seq, hash", len(entries)
    )
    if head is None:
        message = "the audit head is missing"
        raise RuntimeError(message)
    seq, previous = int(head["seq"]) - len(entries), str(head["hash"])
    links: list[tuple[object, ...]] = []
    payloads: list[tuple[object, ...]] = []
    for entry in entries:
        seq += 1
        salt, payload, at = secrets.token_hex(16), canonical(entry.payload), to_ms(entry.at)
        committed = commitment(salt, payload)
        sealed = seal(seq, at, entry.actor, entry.tag, entry.object, committed, previous)
        links.append((seq, at, entry.actor, entry.tag, entry.object, committed, previous, sealed))
        payloads.append((seq, salt, payload))
        previous = sealed
    await tx.many(
        "INSERT INTO audit (seq, at, actor, tag, object, commitment, previous, hash)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        links,
    )
    await tx.many("INSERT INTO audit_payloads (seq, salt, payload) VALUES ($1, $2, $3)", payloads)
    await tx.execute("UPDATE audit_head SET hash = $1 WHERE one = 1", previous)


@dataclass(frozen=True, slots=True)
class Fault:
    """The first entry at which the chain does not hold, and what is wrong there."""

    seq: int
    what: str


async def length(tx: Tx) -> int:
    """Count the entries that the chain says it has."""
    return int(await tx.value("SELECT seq AS value FROM audit_head WHERE one = 1") or 0)


async def count(tx: Tx, actor: str, tag: str, since: datetime) -> int:
    """Count what somebody did since a time."""
    sql = "SELECT COUNT(*) AS value FROM audit WHERE at >= $1 AND actor = $2 AND tag = $3"
    return int(await tx.value(sql, to_ms(since), actor, tag))


async def head(tx: Tx) -> str:
    """Read the hash of the last entry."""
    return str(await tx.value("SELECT hash AS value FROM audit_head WHERE one = 1") or "")


async def verify(tx: Tx) -> AsyncIterator[int | Fault]:
    """Walk the chain from its beginning.

    Yields the number of entries that hold so far, and a `Fault` as the last thing if one does not.
    """
    seq, previous = 0, ""
    while True:
        rows = await tx.fetch(
            "SELECT a.seq, a.at, a.actor, a.tag, a.object, a.commitment, a.previous, a.hash,"
            " p.salt, p.payload FROM audit a LEFT JOIN audit_payloads p ON p.seq = a.seq"
            " WHERE a.seq > $1 ORDER BY a.seq LIMIT $2",
            seq,
            _BATCH,
        )
        for row in rows:
            seq += 1
            if row["seq"] != seq:
                yield Fault(seq, f"the entry is missing; the next one there is {row['seq']}")
                return
            if row["previous"] != previous:
                yield Fault(seq, "it does not follow the entry before it")
                return
            columns = (row["at"], row["actor"], row["tag"], row["object"], row["commitment"])
            if seal(seq, *columns, previous) != row["hash"]:
                yield Fault(seq, "it was changed after it was written")
                return
            payload = row["payload"]
            if payload is not None and commitment(row["salt"], payload) != row["commitment"]:
                yield Fault(seq, "its payload was changed after it was written")
                return
            previous = row["hash"]
        yield seq
        if len(rows) < _BATCH:
            break
    if seq != await length(tx) or previous != await head(tx):
        yield Fault(seq + 1, f"the chain should go on to entry {await length(tx)}, and ends before")


async def shred(tx: Tx, seq: int) -> None:
    """Forget what is in one entry; that it was, and its place in the chain, remain."""
    await tx.execute("DELETE FROM audit_payloads WHERE seq = $1", seq)
