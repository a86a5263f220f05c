"""The Merkle tree over a list that only grows: its root, and short proofs that somebody can check.

The hashes are those of RFC 9162, section 2.1 (and RFC 6962): a leaf is SHA-256 of a zero byte and the
entry, a node SHA-256 of a one byte and the two below it. A full subtree of 2^level leaves has a place of
its own, counted from the left among those of its level; its hash never changes once it is full.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

EMPTY = sha256(b"").digest()
"""The root of no entries at all."""


class ProofRefused(ValueError):  # noqa: N818 - an answer
    """A proof that does not prove what it says."""


def leaf(entry: bytes) -> bytes:
    """Hash one entry."""
    return sha256(b"\0" + entry).digest()


def node(left: bytes, right: bytes) -> bytes:
    """Hash two neighbours into the node above them."""
    return sha256(b"\1" + left + right).digest()


def fold(hashes: Sequence[bytes]) -> bytes:
    """Hash full subtrees that stand side by side, the greatest first, into the node above them all."""
    if not hashes:
        return EMPTY
    *left, above = hashes
    for one in reversed(left):
        above = node(one, above)
    return above


def levels(leaves: Sequence[bytes]) -> list[list[bytes]]:
    """Hash leaves into all full subtrees above them: those of level 0 first."""
    found = [list(leaves)]
    while len(found[-1]) > 1:
        below = found[-1]
        # As `node` does: a call for each of a million of them takes longer than the hash.
        found.append(
            [sha256(b"\1" + a + b).digest() for a, b in zip(below[::2], below[1::2], strict=False)]
        )
    return found


def root(leaves: Sequence[bytes]) -> bytes:
    """Compute the root from all leaves."""
    return fold(edge(levels(leaves), len(leaves)))


def edge(above: Sequence[Sequence[bytes]], size: int) -> list[bytes]:
    """Pick from all levels the full subtrees of the first `size` leaves, the greatest first."""
    return [above[level][place] for level, place in parts(0, size)]


def parts(begin: int, end: int) -> list[tuple[int, int]]:
    """Name the full subtrees that make up some leaves, from the left: each by its level and place.

    `begin` is where a subtree at least as great as all of them begins, as it does in every proof.
    """
    found = []
    while begin < end:
        level = (end - begin).bit_length() - 1
        found.append((level, begin >> level))
        begin += 1 << level
    return found


@dataclass(slots=True)
class Growing:
    """A tree of which only the right edge is kept: the full subtrees that are in no greater one."""

    size: int = 0
    edge: list[bytes] = field(default_factory=list)
    """The greatest, and so the leftmost, first."""

    def add(self, one: bytes, level: int = 0) -> Iterable[tuple[int, int, bytes]]:
        """Add a leaf, or a full subtree of 2^level leaves where one of that size begins.

        Gives what became full by it above: level, place and hash of each.
        """
        self.size += 1 << level
        full, rest = [], (self.size >> level) - 1
        while rest & 1:
            one, level, rest = node(self.edge.pop(), one), level + 1, rest >> 1
            full.append((level, rest, one))
        self.edge.append(one)
        return full

    @property
    def root(self) -> bytes:
        """The root over all leaves so far."""
        return fold(self.edge)


Range = tuple[int, int]
"""Leaves of which the common node is asked for: the first, and the one after the last."""


def inclusion(index: int, size: int) -> list[Range]:
    """Name the nodes that prove that a leaf is in a tree, in the order of the proof (2.1.3.1)."""
    begin, end, path = 0, size, []
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((begin, middle))
            begin = middle
    return path[::-1]


def consistency(old: int, size: int) -> list[Range]:
    """Name the nodes that prove that a tree grew from an older one, in the proof's order (2.1.4.1)."""
    begin, end, path, whole = 0, size, [], True
    while end != old:
        middle = begin + _split(end - begin)
        if old <= middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((begin, middle))
            begin, whole = middle, False
    return [*([] if whole else [(begin, end)]), *path[::-1]]


def _split(size: int) -> int:
    """Give the greatest power of two that is smaller than `size`."""
    return 1 << (size - 1).bit_length() - 1


def included(one: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """Compute the root from a leaf and its proof (2.1.3.2).

    Raises:
        ProofRefused: such a proof cannot be for that place.
    """
    if not 0 <= index < size or len(path) != len(inclusion(index, size)):
        message = "the proof is too short or too long for that place in the log"
        raise ProofRefused(message)
    for (begin, _), other in zip(inclusion(index, size), path, strict=True):
        one = node(one, other) if begin > index else node(other, one)
    return one


def check_consistent(old: int, old_root: bytes, size: int, root: bytes, path: Sequence[bytes]) -> None:
    """Check that a tree grew from an older one (2.1.4.2).

    Raises:
        ProofRefused: it did not, or this does not prove it.
    """
    message = "the newer tree did not grow from the older one"
    if not 0 < old <= size:
        raise ProofRefused(message)
    wanted = consistency(old, size)
    if len(path) != len(wanted):
        raise ProofRefused(message)
    known = dict(zip(wanted, path, strict=True))
    if old == size or old & (old - 1) == 0:
        # It is a node of the newer one as it is, so its root is not told again.
        known[0, old] = old_root
    before = [known[part] for part in sorted(known) if part[1] <= old]
    if fold(before) != old_root or _from(known, 0, size) != root:
        raise ProofRefused(message)


def _from(known: dict[Range, bytes], begin: int, end: int) -> bytes:
    """Compute a node from those that are known."""
    if (begin, end) in known:
        return known[begin, end]
    middle = begin + _split(end - begin)
    return node(_from(known, begin, middle), _from(known, middle, end))
