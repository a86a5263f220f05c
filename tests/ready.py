"""SQLite files that have the schema already, as `tests.postgres` has databases that do."""

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from policybot.store.database import Database, _Sqlite

_made: list[bytes] = []
"""What a new file holds, once one was made."""


async def opened(url: str) -> Database:
    """Open a database; a file that is not there begins as a copy of one that was made as usual.

    Making the tables takes several times as long as copying them.
    """
    if url.startswith("sqlite:"):
        _begin(Path(url.removeprefix("sqlite://")), await _new_file())
    return await Database.open(url)


def _begin(file: Path, content: bytes) -> None:
    if not file.exists():
        file.write_bytes(content)
        file.chmod(0o600)


async def _new_file() -> bytes:
    if not _made:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "new.db"
            database = await Database.open(f"sqlite://{file}")
            await database.close()
            # What was logged can keep a connection open, and then most is not in the file itself yet.
            with closing(sqlite3.connect(file)) as reading:
                _made.append(reading.serialize())
    return _made[0]


@contextmanager
def no_waiting_for_disks() -> Iterator[None]:
    """Leave it to the system when files reach the disk, SQLite's and keys: no test cuts the power."""
    begin = _Sqlite.__init__

    def hurried(self: _Sqlite, path: str) -> None:
        begin(self, path)
        self._connection.execute("PRAGMA synchronous=OFF")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_Sqlite, "__init__", hurried)
        patch.setattr(os, "fsync", lambda _: None)
        yield
