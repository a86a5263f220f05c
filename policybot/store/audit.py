"""The audit log: one entry for every change, each sealed with the hash of the one before.

The seal of an entry is also its leaf in a Merkle tree over all of them (`domain.merkle`), so that a
signed root binds every entry, and one can be proved without the others. It carries a commitment to its
payload, under a salt of its own (`domain.entry`). Destroying the payload and its salt forgets what
was in it, and the log still verifies.
"""

import asyncio
import gc
import json
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from hashlib import sha256
from typing import Any

from policybot.domain.entry import canonical as canonical  # noqa: PLC0414 - others write by it, too
from policybot.domain.entry import commitment, fingerprint, following, line
from policybot.domain.merkle import Growing, edge, fold, levels, parts
from policybot.store.database import Database, Row, Tx, from_ms, to_ms

Value = str | int | bool | None | Sequence[str]

LOW, HIGH = KEPT_LEVELS = (8, 16)
"""The full subtrees of 256 and of 65,536 entries are kept: others are soon hashed from them."""
_HASH_HEX = 64


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


@dataclass(frozen=True, slots=True)
class Kept:
    """An entry as it stands in the log."""

    seq: int
    at: datetime
    actor: str
    tag: str
    object: str
    payload: Mapping[str, Value] | None
    """None once it was forgotten."""


def append(
    tx: Tx,
    *,
    at: datetime,
    actor: str,
    tag: str,
    object: str,  # noqa: A002 - named as the column
    **payload: Value,
) -> None:
    """Add an entry; it is written at the end of the transaction, where the log is locked briefly."""
    tx.defer(_write, Entry(at, actor, tag, object, payload))


async def _write(tx: Tx, entries: Sequence[Entry]) -> None:
    head = await tx.first(
        "UPDATE audit_head SET seq = seq + $1 WHERE one = 1 RETURNING seq, hash, edge", len(entries)
    )
    if head is None:
        message = "the audit head is missing"
        raise RuntimeError(message)
    tree = Growing(int(head["seq"]) - len(entries), split_edge(head["edge"]))
    if len(tree.edge) != tree.size.bit_count():
        message = "the audit head is damaged: put the newest copy of the database back"
        raise RuntimeError(message)
    previous = str(head["hash"])
    links: list[tuple[object, ...]] = []
    payloads: list[tuple[object, ...]] = []
    nodes: list[tuple[object, ...]] = []
    for entry in entries:
        seq = tree.size + 1
        salt, payload, at = secrets.token_hex(16), canonical(entry.payload), to_ms(entry.at)
        committed = commitment(salt, payload)
        veil = secrets.token_hex(16)
        columns = (seq, at, entry.actor, veil, entry.tag, entry.object, committed)
        leaf = _leaf(*columns, previous)
        full = tree.add(leaf)
        nodes += [(level, place, one.hex()) for level, place, one in full if level in KEPT_LEVELS]
        previous = leaf.hex()
        links.append((*columns, previous))
        payloads.append((seq, salt, payload))
    await tx.many(
        "INSERT INTO audit (seq, at, actor, veil, tag, object, commitment, hash)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        links,
    )
    await tx.many("INSERT INTO audit_payloads (seq, salt, payload) VALUES ($1, $2, $3)", payloads)
    if nodes:
        await tx.many("INSERT INTO audit_nodes (level, place, hash) VALUES ($1, $2, $3)", nodes)
    await tx.execute(
        "UPDATE audit_head SET hash = $1, edge = $2 WHERE one = 1", previous, joined_edge(tree.edge)
    )


def _leaf(  # noqa: PLR0913, PLR0917 - the columns
    seq: int, at: int, actor: str, veil: str, tag: str, obj: str, committed: str, previous: str
) -> bytes:
    text = line(seq, at, fingerprint(veil, actor), tag, obj, committed, previous)
    return sha256(f"\0{text}".encode()).digest()


def split_edge(text: str) -> list[bytes]:
    """Read the right edge of the tree as the head has it."""
    return [bytes.fromhex(text[at : at + _HASH_HEX]) for at in range(0, len(text), _HASH_HEX)]


def joined_edge(edge: Sequence[bytes]) -> str:
    """Write the right edge of the tree."""
    return "".join(one.hex() for one in edge)


@dataclass(frozen=True, slots=True)
class Head:
    """Where the log ends."""

    seq: int
    hash: str
    edge: str


async def where_it_ends(tx: Tx) -> Head:
    """Read the head; a log without one has no entries."""
    row = await tx.first("SELECT seq, hash, edge FROM audit_head WHERE one = 1")
    return Head(0, "", "") if row is None else Head(int(row["seq"]), str(row["hash"]), str(row["edge"]))


_KEPT = (
    "SELECT a.seq, a.at, a.actor, a.tag, a.object, p.payload FROM audit a"
    " LEFT JOIN audit_payloads p ON p.seq = a.seq "
)


async def after(tx: Tx, seq: int, limit: int) -> list[Kept]:
    """Read the entries that follow one, in their order, up to a number of them."""
    sql = f"{_KEPT} WHERE a.seq > $1 ORDER BY a.seq LIMIT $2"
    return [_kept(row) for row in await tx.fetch(sql, seq, limit)]


async def about(tx: Tx, obj: str, limit: int) -> list[Kept]:
    """Read the entries about something, the newest first, up to a number of them."""
    sql = f"{_KEPT} WHERE a.object = $1 ORDER BY a.seq DESC LIMIT $2"
    return [_kept(row) for row in await tx.fetch(sql, obj, limit)]


def _kept(row: Row) -> Kept:
    return Kept(
        seq=int(row["seq"]),
        at=from_ms(row["at"]),
        actor=str(row["actor"]),
        tag=str(row["tag"]),
        object=str(row["object"]),
        payload=None if row["payload"] is None else json.loads(row["payload"]),
    )


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


async def columns(tx: Tx, seq: int) -> Row | None:
    """Read one entry, with the hash before it, and its payload and salt if they are still there."""
    return await tx.first(
        "SELECT a.*, COALESCE(b.hash, '') AS previous, salt, payload FROM audit a"
        " LEFT JOIN audit b ON b.seq = a.seq - 1"
        " LEFT JOIN audit_payloads p ON p.seq = a.seq WHERE a.seq = $1",
        seq,
    )


async def shred(tx: Tx, seq: int) -> None:
    """Forget what is in one entry; that it was, and its place in the chain, remain."""
    await tx.execute("DELETE FROM audit_payloads WHERE seq = $1", seq)


STRETCH = 1 << 14
"""Entries that are verified in one go: a full subtree, between the two that are kept."""
TOGETHER = 1024
"""Entries that are read at once: few enough to stay in the processor's cache."""
_COLUMNS = (
    "SELECT seq, at, actor, veil, tag, object, commitment, hash FROM audit"
    " WHERE seq > $1 AND seq <= $2 ORDER BY seq"
)


@dataclass(frozen=True, slots=True)
class Fault:
    """The first entry at which the log does not hold, and what is wrong there."""

    seq: int
    what: str


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some entries that hold."""

    begin: int
    """The entry before the first."""
    end: int
    edges: Mapping[int, Sequence[bytes]]
    """The full subtrees of this stretch up to each size that was asked for, and up to its end."""


async def stretch(
    tx: Tx, begin: int, end: int, sizes: Sequence[int] = (), *, payloads: bool = True
) -> Stretch | Fault:
    """Verify the entries after `begin`, where a stretch begins, up to `end`: seals, order, low nodes.

    Payloads that are still there are compared with what the entries commit to, unless told not to.
    """
    found: list[bytes] = []
    for start in range(begin, end, TOGETHER):
        new = await leaves(tx, start, min(start + TOGETHER, end), payloads=payloads)
        if isinstance(new, Fault):
            return new
        found += new
    above = levels(found)
    low = above[LOW] if len(above) > LOW else ()
    if (fault := await _nodes_hold(tx, LOW, begin >> LOW, low)) is not None:
        return fault
    edges = {size: edge(above, size - begin) for size in {*sizes, end}}
    return Stretch(begin, end, edges)


def stretch_apart(
    url: str, begin: int, end: int, sizes: Sequence[int], *, payloads: bool
) -> Stretch | Fault:
    """Verify a stretch in another process than the one that wants to know."""
    runner, database = _opened(url)

    async def verified() -> Stretch | Fault:
        async with database.transaction(reading=True) as tx:
            return await stretch(tx, begin, end, sizes, payloads=payloads)

    return runner.run(verified())


@cache
def _opened(url: str) -> tuple[asyncio.Runner, Database]:
    """Open the database for as long as this process is there, which is for this alone."""
    gc.disable()  # of millions of values none is in a cycle
    runner = asyncio.Runner()
    return runner, runner.run(Database.open(url, upgrade=False))


async def leaves(tx: Tx, start: int, upto: int, *, payloads: bool = True) -> list[bytes] | Fault:
    """Verify a few entries, and that they follow the one before them; give their hashes."""
    rows: Sequence[Any] = await tx.fetch(_COLUMNS, start, upto)
    before = await tx.value("SELECT hash AS value FROM audit WHERE seq = $1", start) if start else ""
    found = following(rows, before or "")
    if (held := start + len(found)) != upto:
        there = rows[len(found)]["seq"] if len(found) < len(rows) else None
        missing = "the entry is missing" + (f"; the next one there is {there}" if there else "")
        changed = "it was changed after it was written"
        return Fault(held + 1, changed if there == held + 1 else missing)
    if not payloads:
        return found
    return await _payloads_hold(tx, [row["commitment"] for row in rows], start, upto) or found


async def _payloads_hold(tx: Tx, committed: Sequence[str], start: int, upto: int) -> Fault | None:
    """Compare what entries say with what they commit to; what was forgotten is no fault."""
    kept: Sequence[Any] = await tx.fetch(
        "SELECT seq, salt, payload FROM audit_payloads WHERE seq > $1 AND seq <= $2 ORDER BY seq",
        start,
        upto,
    )
    for seq, salt, payload in kept:
        try:
            good = commitment(salt, payload) == committed[seq - start - 1]
        except (TypeError, ValueError, AttributeError):
            good = False
        if not good:
            return Fault(seq, "its payload was changed after it was written")
    return None


async def _nodes_hold(tx: Tx, level: int, first: int, full: Sequence[bytes]) -> Fault | None:
    """Compare the kept nodes of a level, from a place on, with what the entries below them say."""
    rows = await tx.fetch(
        "SELECT place, hash FROM audit_nodes WHERE level = $1 AND place >= $2 AND place < $3",
        level,
        first,
        first + len(full),
    )
    kept = {int(row["place"]): row["hash"] for row in rows}
    wrong = next((place for place, one in enumerate(full, first) if kept.get(place) != one.hex()), None)
    if wrong is None:
        return None
    return Fault((wrong << level) + 1, f"the tree above it was changed, at level {level}")


class Whole:
    """The tree put together from its stretches, in their order."""

    def __init__(self, head: Head, begin: int = 0, known: Sequence[bytes] = ()) -> None:
        """Compare with the head in the end; begin at the beginning, or where all before it is known."""
        self._head = head
        self._tree = Growing(begin, list(known))
        self._first, self._high = begin >> HIGH, list[bytes]()
        self.roots: dict[int, bytes] = {}
        """The root at each size that was asked for, and where stretches end."""

    def take(self, found: Stretch) -> None:
        """Add the next stretch."""
        self.roots |= {size: fold([*self._tree.edge, *part]) for size, part in found.edges.items()}
        for (level, _), one in zip(
            parts(0, found.end - found.begin), found.edges[found.end], strict=True
        ):
            above = self._tree.add(one, level)
            self._high += [full for reached, _, full in above if reached == HIGH]

    @property
    def root(self) -> bytes:
        """The root so far."""
        return self._tree.root

    async def end(self, tx: Tx) -> Fault | None:
        """Compare with the head and the high nodes, once all is there, and look for what is beyond."""
        head = self._head
        if (wrong := await _nodes_hold(tx, HIGH, self._first, self._high)) is not None:
            return wrong
        if (strange := await _beyond(tx, head)) is not None:
            return strange
        last = await tx.value("SELECT hash AS value FROM audit WHERE seq = $1", head.seq)
        if head.hash != (last or ""):
            return Fault(head.seq + 1, "the log's head does not follow its last entry")
        if joined_edge(self._tree.edge) != head.edge:
            return Fault(head.seq + 1, "the tree in the log's head is not that of the entries")
        return None


async def _beyond(tx: Tx, head: Head) -> Fault | None:
    """Look for what is there before the first entry or after the last one that the head knows."""
    for table in ("audit", "audit_payloads"):
        strange = await tx.value(
            f"SELECT MIN(seq) AS value FROM {table} WHERE seq < 1 OR seq > $1",  # noqa: S608 - our own names
            head.seq,
        )
        if strange is not None:
            return Fault(int(strange), f"the log's head knows {head.seq} entries and not this one")
    strange = await tx.value(
        "SELECT MIN(place) AS value FROM audit_nodes WHERE level NOT IN ($1, $2) OR place < 0"
        " OR (level = $1 AND place >= $3) OR (level = $2 AND place >= $4)",
        LOW,
        HIGH,
        head.seq >> LOW,
        head.seq >> HIGH,
    )
    return None if strange is None else Fault(head.seq + 1, "the tree has nodes that no entry is below")


async def verify(tx: Tx) -> AsyncIterator[int | Fault]:
    """Verify the whole log, as the transaction sees it.

    Yields the number of entries that hold so far, and a `Fault` as the last thing if one does not.
    """
    head = await where_it_ends(tx)
    whole = Whole(head)
    for begin in range(0, head.seq, STRETCH):
        found = await stretch(tx, begin, min(begin + STRETCH, head.seq))
        if isinstance(found, Fault):
            yield found
            return
        whole.take(found)
        yield min(begin + STRETCH, head.seq)
    if (fault := await whole.end(tx)) is not None:
        yield fault
    elif head.seq == 0:
        yield 0
