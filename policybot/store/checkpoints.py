"""Checkpoints: what was signed of the audit log, how far it was shown, and the hashes that prove it."""

from collections.abc import Sequence
from dataclasses import dataclass

from policybot.domain import merkle
from policybot.domain.merkle import Growing, Range
from policybot.store import audit
from policybot.store.audit import KEPT_LEVELS
from policybot.store.database import Tx


class Damaged(Exception):  # noqa: N818 - a condition
    """The log lacks entries or hashes that it must have; the message says which."""


@dataclass(frozen=True, slots=True)
class State:
    """How the signing stands."""

    shown: int
    """The size of the last checkpoint that was posted."""
    trouble: str
    """Why none is signed; empty if all is well."""


async def state(tx: Tx) -> State:
    """Read how the signing stands."""
    row = await tx.first("SELECT shown, trouble FROM checkpointing WHERE one = 1")
    return State(0, "") if row is None else State(int(row["shown"]), str(row["trouble"]))


async def take_turn(tx: Tx) -> None:
    """Keep other processes from signing until this transaction ends."""
    await tx.execute("UPDATE checkpointing SET shown = shown WHERE one = 1")


async def in_trouble(tx: Tx, trouble: str) -> None:
    """Remember why nothing is signed; empty once it is again."""
    await tx.execute("UPDATE checkpointing SET trouble = $1 WHERE one = 1", trouble)


async def was_shown(tx: Tx, size: int) -> None:
    """Remember up to which checkpoint they were posted."""
    await tx.execute("UPDATE checkpointing SET shown = $1 WHERE one = 1", size)


async def keep(tx: Tx, size: int, note: str) -> None:
    """Keep a signed checkpoint; of each size there can only be one."""
    await tx.execute("INSERT INTO checkpoints (size, note) VALUES ($1, $2)", size, note)


async def last(tx: Tx) -> str | None:
    """Read the newest one."""
    found = await tx.value("SELECT note AS value FROM checkpoints ORDER BY size DESC LIMIT 1")
    return None if found is None else str(found)


async def since(tx: Tx, size: int, limit: int) -> list[tuple[int, str]]:
    """Read those that are greater than a size, the least first, with the sizes that they stand under."""
    sql = "SELECT size, note FROM checkpoints WHERE size > $1 ORDER BY size LIMIT $2"
    return [(int(row["size"]), str(row["note"])) for row in await tx.fetch(sql, size, limit)]


async def covering(tx: Tx, seq: int) -> str | None:
    """Read the newest one if it covers an entry."""
    sql = "SELECT note AS value FROM checkpoints WHERE size >= $1 ORDER BY size DESC LIMIT 1"
    found = await tx.value(sql, seq)
    return None if found is None else str(found)


async def hashes(tx: Tx, ranges: Sequence[Range]) -> list[bytes]:
    """Compute the nodes of a proof from what is kept.

    Raises:
        Damaged: something that must be there is not.
    """
    return [merkle.fold([await _subtree(tx, *part) for part in merkle.parts(*one)]) for one in ranges]


async def edge(tx: Tx, size: int) -> list[bytes]:
    """Compute the right edge of the tree as it was at a size.

    Raises:
        Damaged: something that must be there is not.
    """
    return [await _subtree(tx, *part) for part in merkle.parts(0, size)]


async def _subtree(tx: Tx, level: int, place: int) -> bytes:
    """Compute the hash of a full subtree from the kept ones below it, or from the entries."""
    base = max((kept for kept in KEPT_LEVELS if kept <= level), default=0)
    number = 1 << (level - base)
    begin = place * number
    if base:
        sql = (
            "SELECT hash FROM audit_nodes WHERE level = $1 AND place >= $2 AND place < $3 ORDER BY place"
        )
        rows = await tx.fetch(sql, base, begin, begin + number)
    else:
        sql = "SELECT hash FROM audit WHERE seq > $1 AND seq <= $2 ORDER BY seq"
        rows = await tx.fetch(sql, begin, begin + number)
    try:
        below = [bytes.fromhex(row["hash"]) for row in rows]
    except ValueError:
        below = []
    if len(below) != number:
        message = f"entries {(begin << base) + 1} to {(begin + number) << base} are not all there"
        raise Damaged(message)
    return merkle.root(below)


async def grown(tx: Tx, size: int, root: bytes, head: audit.Head) -> bytes:
    """Make sure that the log has only grown since it had this size and root; give its root of now.

    What was added is hashed anew, so that the new root rests on the old one and on entries that hold.

    Raises:
        Damaged: it was rewritten.
    """
    known = await edge(tx, size)
    if merkle.fold(known) != root:
        message = f"the first {size} entries are not those that were signed"
        raise Damaged(message)
    tree = Growing(size, known)
    while tree.size < head.seq:
        new = await audit.leaves(tx, tree.size, min(tree.size + audit.TOGETHER, head.seq))
        if isinstance(new, audit.Fault):
            message = f"entry {new.seq}: {new.what}"
            raise Damaged(message)
        for leaf in new:
            tree.add(leaf)
    if audit.joined_edge(tree.edge) != head.edge:
        message = "the tree in the log's head is not that of its entries"
        raise Damaged(message)
    now = tree.root
    if size:
        path = await hashes(tx, merkle.consistency(size, head.seq))
        try:
            merkle.check_consistent(size, root, head.seq, now, path)
        except merkle.ProofRefused as refused:
            raise Damaged(str(refused)) from None
    return now
