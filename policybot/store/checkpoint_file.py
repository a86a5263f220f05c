"""The file beside the database to which each signed checkpoint is added: no old copy takes it back."""

import fcntl
import os
from collections.abc import Sequence
from pathlib import Path

from policybot.config.log_key import signed_by
from policybot.domain.note import Note, Verifier, notes_in

_TAIL = 1 << 16
"""Bytes at the end in which the newest checkpoints are looked for."""
_OWNER_WRITES = 0o644


class FileAway(Exception):  # noqa: N818 - a condition
    """The file cannot be read or written; the message says why."""


def newest(path: Path) -> list[Note]:
    """Read the checkpoints at the end of the file, the oldest of them first; none if there is no file.

    Raises:
        FileAway: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
            return list(notes_in(file.read().decode("utf-8", "replace")))
    except FileNotFoundError:
        return []
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise FileAway(message) from None


def add(path: Path, notes: Sequence[Note], verifiers: Sequence[Verifier]) -> list[Note]:
    """Add checkpoints that are not there yet, and wait until they are on disk.

    Returns what is found there that none of these keys has signed: by that nothing is left out.

    Raises:
        FileAway: it cannot be written.
    """
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, _OWNER_WRITES)
        with os.fdopen(handle, "a", encoding="utf-8") as file:
            # Another process of this machine may write, too.
            fcntl.flock(handle, fcntl.LOCK_EX)
            there = newest(path)
            ours = [one for one in there if signed_by(one, verifiers)]
            known = max((one.checkpoint.size for one in ours), default=0)
            file.write("".join(f"{one}\n" for one in notes if one.checkpoint.size > known))
            file.flush()
            os.fsync(handle)
            return [one for one in there if one not in ours]
    except OSError as error:
        message = f"{path} cannot be written: {error.strerror}"
        raise FileAway(message) from None
