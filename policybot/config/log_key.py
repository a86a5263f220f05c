"""The key of the audit log: a file with the keys that sign checkpoints, and how a signature is checked.

Each line is a key in the form that tools for signed notes read (c2sp.org/signed-note, and Go's
golang.org/x/mod/sumdb/note). The last private one signs; all of them say whose signatures are good.
"""

import secrets
import stat
from base64 import b64decode, b64encode
from collections.abc import Sequence
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from policybot.config.keys import KeyMissing, write_keys
from policybot.domain.note import Checkpoint, Note, NoteRefused, Verifier

_PRIVATE = "PRIVATE+KEY+"
_ED25519 = b"\1"
_SEED_BYTES = 32
_HEADER = "# Signs the checkpoints of the audit log. Who has it can sign another log in your name.\n"


def log_name(server_name: str) -> str:
    """Name the log of a homeserver, as it stands in its checkpoints."""
    return f"{server_name}/policybot"


def signed_by(note: Note, verifiers: Sequence[Verifier]) -> Verifier | None:
    """Name the key, of those given, that has signed a checkpoint; None if none of them has."""
    for verifier in verifiers:
        signature = note.by(verifier)
        if signature is None or note.checkpoint.origin != verifier.name:
            continue
        try:
            key = Ed25519PublicKey.from_public_bytes(verifier.public)
            key.verify(signature, note.checkpoint.text.encode())
        except (InvalidSignature, ValueError):
            continue
        return verifier
    return None


class LogKey:
    """The keys in the file; it is read anew each time, for that is seldom."""

    def __init__(self, path: Path) -> None:
        """Use this file."""
        self.path = path

    def make(self, name: str) -> None:
        """Write a new file with a fresh key, or add a fresh key, which signs from now on.

        Args:
            name: the log's, which stands in its checkpoints: no spaces, no +.
        """
        seed = secrets.token_bytes(_SEED_BYTES)
        public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
        verifier = Verifier(name, public)
        line = f"{_PRIVATE}{name}+{verifier.id.hex()}+{b64encode(_ED25519 + seed).decode()}\n"
        before = self.path.read_text("utf-8") if self.path.exists() else _HEADER
        write_keys(self.path, before + line)

    def trust(self, verifier: Verifier) -> None:
        """Count signatures of another key as good, too: of one whose private half was lost."""
        write_keys(self.path, f"{verifier}\n{self.path.read_text('utf-8')}")

    def check(self) -> None:
        """Make sure that the file is there and is nobody else's.

        Raises:
            KeyMissing: it is not; the message says the mend.
        """
        self.verifier  # noqa: B018 - reads the file
        if self.path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            message = f"{self.path} can be read by others: chmod 400 {self.path}"
            raise KeyMissing(message)

    @property
    def verifiers(self) -> list[Verifier]:
        """The public keys of all that may have signed; the one that signs now comes last.

        Raises:
            KeyMissing: the file is not there, or has no key.
        """
        known, (signing, _) = [], self._signing()
        for line in self._lines():
            if line.startswith(_PRIVATE):
                known.append(_own(line, self.path))
            else:
                known.append(_public(line, self.path))
        return [*(one for one in known if one != signing), signing]

    @property
    def verifier(self) -> Verifier:
        """The public key of the one that signs now.

        Raises:
            KeyMissing: the file is not there, or has no key.
        """
        return self._signing()[0]

    def sign(self, checkpoint: Checkpoint) -> Note:
        """Sign a checkpoint.

        Raises:
            KeyMissing: the file is not there, or has no key.
        """
        verifier, key = self._signing()
        signature = key.sign(checkpoint.text.encode())
        return Note(checkpoint, ((verifier.name, verifier.id, signature),))

    def _signing(self) -> tuple[Verifier, Ed25519PrivateKey]:
        private = [line for line in self._lines() if line.startswith(_PRIVATE)]
        try:
            return _private(private[-1])
        except (IndexError, ValueError):
            message = f"{self.path} has no key that signs; put the file back from your copy"
            raise KeyMissing(message) from None

    def _lines(self) -> list[str]:
        try:
            text = self.path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is no text"
            message = f"{self.path} cannot be read: {reason}. `policybot audit key --new` makes one."
            raise KeyMissing(message) from None
        return [line for line in text.splitlines() if line and not line.startswith("#")]


def _private(line: str) -> tuple[Verifier, Ed25519PrivateKey]:
    name, id_, encoded = line.removeprefix(_PRIVATE).split("+", 2)
    data = b64decode(encoded, validate=True)
    key = Ed25519PrivateKey.from_private_bytes(data[1:])
    verifier = Verifier(name, key.public_key().public_bytes_raw())
    if data[:1] != _ED25519 or verifier.id.hex() != id_:
        message = "no key of Ed25519"
        raise ValueError(message)
    return verifier, key


def _own(line: str, path: Path) -> Verifier:
    try:
        return _private(line)[0]
    except ValueError:
        message = f"{path}: a private key is damaged"
        raise KeyMissing(message) from None


def _public(line: str, path: Path) -> Verifier:
    try:
        return Verifier.read(line)
    except NoteRefused:
        message = f"{path}: a line is neither a private key nor a verifier key"
        raise KeyMissing(message) from None
