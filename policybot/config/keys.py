"""The key file: keys that never enter the database, and how a text is sealed under a key.

Each line is a key's name and 32 bytes in base64. The last one is in use; the others open what was
sealed before it was made.
"""

import fcntl
import os
import secrets
import stat
import tempfile
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_KEY_BYTES = 32
_NONCE_BYTES = 12
_READ_ONLY = 0o400
_HEADER = "# The keys of the vault. Who has them and the database can read the names: keep them apart.\n"


class KeyMissing(LookupError):  # noqa: N818 - a condition
    """The key under which something was sealed is not there, or does not open it."""


def seal(key: bytes, text: bytes, bound: str) -> str:
    """Encrypt with AES-256-GCM under a fresh nonce; it opens only with the same `bound`."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return b64encode(nonce + AESGCM(key).encrypt(nonce, text, bound.encode())).decode()


def unseal(key: bytes, sealed: str, bound: str) -> bytes:
    """Decrypt what `seal` made.

    Raises:
        KeyMissing: it was sealed under another key, for another place, or was changed since.
    """
    data = b64decode(sealed)
    try:
        return AESGCM(key).decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], bound.encode())
    except InvalidTag:
        message = "a sealed record does not open: it was changed, or moved, or its key is another"
        raise KeyMissing(message) from None


class KeyFile:
    """The keys in a file that its owner alone can read."""

    def __init__(self, path: Path) -> None:
        """Read the file when first asked, and again when it changes."""
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._keys: dict[str, bytes] = {}

    @classmethod
    def make(cls, path: Path) -> "KeyFile":
        """Write a new file with one fresh key."""
        made = cls(path)
        made._write({"k1": secrets.token_bytes(_KEY_BYTES)})
        return made

    def check(self) -> None:
        """Make sure that the file is there and is nobody else's.

        Raises:
            KeyMissing: it is not; the message says the mend.
        """
        self._read()
        if self._path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            message = f"{self._path} can be read by others: chmod 400 {self._path}"
            raise KeyMissing(message)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep others from changing the file: of two keys added at once, one would be lost.

        Raises:
            BlockingIOError: somebody else is changing it.
        """
        # The file itself is replaced when it changes, so its folder stands for it.
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        finally:
            os.close(folder)

    @property
    def names(self) -> list[str]:
        """The names of the keys, the one in use last."""
        return list(self._read())

    def wrap(self, data_key: bytes, bound: str) -> tuple[str, str]:
        """Seal a data key under the key in use; return that key's name and what was sealed."""
        name = self.names[-1]
        return name, seal(self._read()[name], data_key, f"{bound}|{name}")

    def unwrap(self, name: str, wrapped: str, bound: str) -> bytes:
        """Open a data key.

        Raises:
            KeyMissing: there is no key of that name, or it does not open it.
        """
        key = self._read().get(name)
        if key is None:
            message = f"the key {name} is not in {self._path.name}"
            raise KeyMissing(message)
        return unseal(key, wrapped, f"{bound}|{name}")

    def add(self) -> str:
        """Add a fresh key, which is in use from now on; return its name."""
        keys = self._read()
        name = f"k{max(int(known[1:]) for known in keys) + 1}"
        self._write({**keys, name: secrets.token_bytes(_KEY_BYTES)})
        return name

    def remove(self, name: str) -> None:
        """Destroy a key: what is still sealed under it, in backups too, can never be read again."""
        self._write({known: key for known, key in self._read().items() if known != name})

    def _read(self) -> dict[str, bytes]:
        try:
            seen = self._path.stat()
            if (seen.st_mtime_ns, seen.st_ino) != self._stamp:
                lines = self._path.read_text("ascii").splitlines()
                pairs = (line.split() for line in lines if line and not line.startswith("#"))
                self._keys = {name: b64decode(key, validate=True) for name, key in pairs}
                self._stamp = seen.st_mtime_ns, seen.st_ino
        except OSError as error:
            message = f"{self._path} cannot be read: {error.strerror}. `policybot init` makes one."
            raise KeyMissing(message) from None
        except ValueError:
            self._keys = {}
        if not self._keys or any(len(key) != _KEY_BYTES for key in self._keys.values()):
            message = f"{self._path} is no key file; `policybot init` makes one"
            raise KeyMissing(message)
        return self._keys

    def _write(self, keys: dict[str, bytes]) -> None:
        text = _HEADER + "".join(f"{name} {b64encode(key).decode()}\n" for name, key in keys.items())
        write_keys(self._path, text)


def write_keys(path: Path, text: str) -> None:
    """Write a key file beside the old one, to disk, and rename: a key in use must never be lost.

    It is for its owner alone; that is the old one's owner, for the service has to read it, whoever
    rotates.
    """
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        os.fchmod(handle, _READ_ONLY)
        _keep_owner(path, handle)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
        _to_disk(path.parent)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _keep_owner(path: Path, handle: int) -> None:
    """Give a new file to the old one's owner."""
    with suppress(FileNotFoundError):
        owner = path.stat()
        if owner.st_uid != os.geteuid():
            os.fchown(handle, owner.st_uid, owner.st_gid)


def _to_disk(folder: Path) -> None:
    """Have a renaming survive a power cut: what is sealed under a new key may be on disk already."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
