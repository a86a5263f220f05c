"""The signed note and its checkpoint: the text by which a log says how long it is and what is in it.

The forms are those of C2SP (c2sp.org/signed-note, c2sp.org/tlog-checkpoint), which other tools read. The
checkpoint has one line of its own after the three that every log has: when it was signed.
"""

import binascii
import re
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

_ED25519 = b"\1"
"""What stands before a public key of Ed25519, which is the only kind that we use."""
_DASH = "\u2014"
_HASH_BYTES = 32
_ID_BYTES = 4
_SIGNED = "Signed: "
_WHEN = f"{_SIGNED}%Y-%m-%dT%H:%M:%SZ"
_NOTE = re.compile(
    rf"^(?P<origin>[^\s+{_DASH}][^\n]*)\n(?P<size>0|[1-9]\d{{0,17}})\n(?P<root>[A-Za-z0-9+/]{{43}}=)\n"
    rf"(?P<more>(?:[^\s{_DASH}][^\n]*\n)*)\n*"
    rf"(?P<signatures>(?:{_DASH} [^\s+]+ [A-Za-z0-9+/=]+\n)+)",
    re.MULTILINE,
)


class NoteRefused(ValueError):  # noqa: N818 - an answer
    """A text that is no signed checkpoint, or a key that is none."""


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key with its name: what everybody may have who wants to check signatures."""

    name: str
    public: bytes

    @property
    def id(self) -> bytes:
        """The four bytes by which a signature names its key."""
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:_ID_BYTES]

    def __str__(self) -> str:
        """Write it in one line: name, ID and key."""
        return f"{self.name}+{self.id.hex()}+{b64encode(_ED25519 + self.public).decode()}"

    @classmethod
    def read(cls, text: str) -> "Verifier":
        """Read such a line.

        Raises:
            NoteRefused: it is none.
        """
        name, _, rest = text.strip().partition("+")
        id_, _, key = rest.partition("+")
        try:
            data = b64decode(key, validate=True)
        except binascii.Error:
            data = b""
        found = cls(name, data[1:])
        if len(data) != 1 + _HASH_BYTES or data[:1] != _ED25519 or found.id.hex() != id_ or not name:
            message = "that is no verifier key: it looks like NAME+8 digits+base64, in one line"
            raise NoteRefused(message)
        return found


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log says of itself: so many entries, under this root."""

    origin: str
    size: int
    root: bytes
    at: datetime | None
    """When it was signed, to the second."""
    others: tuple[str, ...] = ()
    """Lines that other software added; they are signed as well."""

    @property
    def text(self) -> str:
        """What is signed."""
        lines = [self.origin, str(self.size), b64encode(self.root).decode()]
        if self.at is not None:
            lines.append(self.at.astimezone(UTC).strftime(_WHEN))
        return "".join(f"{line}\n" for line in (*lines, *self.others))


@dataclass(frozen=True, slots=True)
class Note:
    """A checkpoint with what was put under it."""

    checkpoint: Checkpoint
    signatures: tuple[tuple[str, bytes, bytes], ...]
    """The name and the ID of each key, and what it signed."""

    def __str__(self) -> str:
        """Write it as it is passed on."""
        signed = "".join(
            f"{_DASH} {name} {b64encode(id_ + signature).decode()}\n"
            for name, id_, signature in self.signatures
        )
        return f"{self.checkpoint.text}\n{signed}"

    def by(self, verifier: Verifier) -> bytes | None:
        """Give what a key signed, whether rightly or not; None if it is not among those who signed."""
        for name, id_, signature in self.signatures:
            if name == verifier.name and id_ == verifier.id:
                return signature
        return None


def notes_in(text: str) -> Iterator[Note]:
    """Find signed checkpoints in a text: a file of them, or what was copied from a room.

    What else stands there is passed over. Nothing is believed by this: signatures are checked later,
    over the text as it has to be.
    """
    plain = "".join(f"{line.strip()}\n" for line in text.splitlines())
    for match in _NOTE.finditer(plain):
        at, others = None, match["more"].splitlines()
        if others and others[0].startswith(_SIGNED):
            try:
                at = datetime.strptime(others[0], _WHEN).replace(tzinfo=UTC)
            except ValueError:
                continue
            others = others[1:]
        root = b64decode(match["root"])
        signatures = tuple(_signature(line) for line in match["signatures"].splitlines())
        checkpoint = Checkpoint(match["origin"], int(match["size"]), root, at, tuple(others))
        yield Note(checkpoint, tuple(one for one in signatures if one is not None))


def note(text: str) -> Note:
    """Read one signed checkpoint.

    Raises:
        NoteRefused: it is none, or more than one.
    """
    found = list(notes_in(text))
    if len(found) != 1 or str(found[0]) != text:
        message = "that is no signed checkpoint"
        raise NoteRefused(message)
    return found[0]


def _signature(line: str) -> tuple[str, bytes, bytes] | None:
    _, name, encoded = line.split(" ")
    try:
        data = b64decode(encoded, validate=True)
    except binascii.Error:
        return None
    return name, data[:_ID_BYTES], data[_ID_BYTES:]
