"""The database: explicit transactions over SQLite or PostgreSQL.

A transaction is a value that is passed on by hand. It rolls back on every way out but the regular
one, cancellation included, and refuses to be used by another task than the one that opened it.
"""

import asyncio
import os
import re
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Protocol, TypeVar

import asyncpg
from mautrix.util.async_db import Database as Pool

from policybot.store.upgrades import upgrades

_VERSION = "SELECT version AS value FROM policybot_version"

Item = TypeVar("Item")


class Row(Protocol):
    """A result row: values by column name."""

    def __getitem__(self, column: str, /) -> Any:  # noqa: ANN401 - as the column is declared
        """Read a column."""
        ...


class DatabaseAway(Exception):  # noqa: N818 - a condition that passes
    """The database cannot be reached, or could not take the transaction; trying again may help."""


class Stale(DatabaseAway):
    """A row was changed by somebody else since it was read, or two waited for each other."""


_PASSING = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.AdminShutdownError,
    OSError,
)
_CROSSED = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
"""One of two that waited for each other has to begin anew, and can at once."""
_SQLITE_PASSING = frozenset({5, 6, 8, 10, 13, 14})
"""SQLite's BUSY, LOCKED, READONLY, IOERR, FULL, CANTOPEN (sqlite.org/rescode.html)."""


_PATIENCE = 500
"""Hundredths of a second that a transaction waits for another process to end its own."""


def to_ms(at: datetime) -> int:
    """Write an aware time as epoch milliseconds."""
    return round(at.timestamp() * 1000)


def from_ms(value: int) -> datetime:
    """Read epoch milliseconds as a time in UTC."""
    return datetime.fromtimestamp(value / 1000, UTC)


def optional_ms(at: datetime | None) -> int | None:
    """Write a time that may be absent."""
    return None if at is None else to_ms(at)


def optional_time(value: int | None) -> datetime | None:
    """Read a time that may be absent."""
    return None if value is None else from_ms(value)


def span_ms(span: timedelta) -> int:
    """Write a duration as milliseconds."""
    return round(span.total_seconds() * 1000)


@lru_cache(maxsize=512)
def _for_sqlite(sql: str) -> str:
    return re.sub(r"\$(\d+)", r"?\1", sql)


class Tx:
    """One open transaction."""

    def __init__(self, run: "_Runner") -> None:
        """Run statements on a connection that has begun a transaction."""
        self._run = run
        self._task = asyncio.current_task()
        self._deferred: dict[Callable[[Tx, Sequence[Any]], Awaitable[None]], list[Any]] = {}
        self._early: dict[Callable[[Tx, Sequence[Any]], Awaitable[None]], list[Any]] = {}
        self._after: list[Callable[[], None]] = []
        self.traceless = False
        """Whether what was deleted is to be gone from the files, too."""
        self.noted = False
        """Whether something was noted that others keep in memory."""

    def _own(self) -> "_Runner":
        if asyncio.current_task() is not self._task:
            message = "a transaction belongs to the task that opened it"
            raise RuntimeError(message)
        return self._run

    async def fetch(self, sql: str, *values: object) -> Sequence[Row]:
        """Run a statement and return its rows."""
        return await self._own().fetch(sql, values)

    async def first(self, sql: str, *values: object) -> Row | None:
        """Run a statement and return its first row."""
        rows = await self._own().fetch(sql, values)
        return rows[0] if rows else None

    async def shared(self, sql: str, *values: object) -> Row | None:
        """Run a SELECT and return its first row, which nobody changes until this transaction has ended.

        Others may share it meanwhile. Who wants to change it waits for all of them.
        """
        return await self.first(f"{sql}{self._own().sharing}", *values)

    async def value(self, sql: str, *values: object) -> Any:  # noqa: ANN401 - as selected
        """Run a statement and return the column `value` of its first row; None without a row."""
        row = await self.first(sql, *values)
        return None if row is None else row["value"]

    async def execute(self, sql: str, *values: object) -> None:
        """Run a statement whose rows do not matter."""
        await self._own().fetch(sql, values)

    async def many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        """Run a statement once for each row of values, if there are any."""
        if rows:
            await self._own().many(sql, rows)

    @asynccontextmanager
    async def part(self) -> AsyncIterator[None]:
        """Write something whole or not at all: if it is refused, the rest of the transaction stands."""
        early = {write: list(items) for write, items in self._early.items()}
        deferred = {write: list(items) for write, items in self._deferred.items()}
        await self.execute("SAVEPOINT part")
        try:
            yield
        except Exception:
            await self.execute("ROLLBACK TO SAVEPOINT part")
            self._early, self._deferred = early, deferred
            raise
        finally:
            await self.execute("RELEASE SAVEPOINT part")

    def defer(
        self,
        write: Callable[["Tx", Sequence[Item]], Awaitable[None]],
        item: Item,
        *,
        early: bool = False,
    ) -> None:
        """Leave a write for the end of the transaction, where all its kind are written together.

        What locks rows of its own is written `early`, before what everybody waits for, so that two
        transactions never wait for each other.
        """
        kept = self._early if early else self._deferred
        kept.setdefault(write, []).append(item)

    def left(self, write: Callable[["Tx", Sequence[Item]], Awaitable[None]]) -> Sequence[Item]:
        """List what was left to a write so far."""
        return tuple(self._deferred.get(write, ()))

    def leave_no_trace(self) -> None:
        """Have what this transaction deletes go from the database's files as well, where that can be."""
        self.traceless = True

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Call something once the transaction is safely stored; never if it is not."""
        if callback not in self._after:
            self._after.append(callback)

    async def flush(self) -> None:
        """Write what was deferred."""
        while kept := self._early or self._deferred:
            write = next(iter(kept))
            await write(self, kept.pop(write))

    def committed(self) -> None:
        """Tell those who asked to know."""
        for callback in self._after:
            callback()


class _Runner(Protocol):
    """One connection, as a transaction uses it."""

    sharing: str
    """What a SELECT ends with whose rows nobody is to change meanwhile."""

    async def fetch(self, sql: str, values: Sequence[object]) -> Sequence[Row]:
        """Run a statement."""
        ...

    async def many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        """Run a statement once for each row."""
        ...


class _Postgres:
    """A connection to PostgreSQL."""

    sharing = " FOR SHARE"

    def __init__(self, connection: "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]") -> None:
        self._connection = connection

    async def fetch(self, sql: str, values: Sequence[object]) -> Sequence[Row]:
        return await self._connection.fetch(sql, *values)

    async def many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        await self._connection.executemany(sql, rows)


class _Sqlite:
    """The one connection to an SQLite file.

    A statement takes microseconds, less than handing it to a thread would, and so does a commit on
    most disks: both run where they are called. Where the disk is slow everybody waits for it, as they
    would for the one connection. The beginning may have to wait for another process that writes, and
    is tried again.
    """

    sharing = ""  # whoever writes does so alone

    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        # FULL: a commit survives a power cut, for a decision that was announced must not vanish.
        # Secure: what is deleted is overwritten, for a data key that stays in the file forgets nobody.
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "busy_timeout=0",
            "secure_delete=ON",
        ):
            self._connection.execute(f"PRAGMA {pragma}")
        self._turn = asyncio.Lock()

    async def fetch(self, sql: str, values: Sequence[object]) -> Sequence[Row]:
        return self._connection.execute(_for_sqlite(sql), values).fetchall()

    async def many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        self._connection.executemany(_for_sqlite(sql), rows)

    @asynccontextmanager
    async def transaction(self, *, reading: bool) -> AsyncIterator["_Sqlite"]:
        """Run a transaction; another one waits its turn."""
        async with self._turn:
            before = self._connection.total_changes
            try:
                await self._begin("BEGIN" if reading else "BEGIN IMMEDIATE")
                yield self
                if self._connection.total_changes == before:
                    self._connection.rollback()
                else:
                    self._connection.commit()
            except BaseException:
                self._connection.rollback()
                raise

    async def scrub(self) -> None:
        """Empty the write-ahead log, in which older states are; not while somebody else reads them."""
        async with self._turn:
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    async def _begin(self, how: str) -> None:
        for waited in range(_PATIENCE):
            try:
                self._connection.execute(how)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or waited == _PATIENCE - 1:
                    raise
                await asyncio.sleep(0.01)
            else:
                return

    def close(self) -> None:
        self._connection.close()


def _nobody_to_hear() -> None:
    """Stand in until somebody keeps something in memory."""


class Database:
    """Where transactions come from."""

    def __init__(self, pool: Pool, sqlite: _Sqlite | None) -> None:
        """Use a pool that was started, or the connection to an SQLite file."""
        self._pool = pool
        self._sqlite = sqlite
        self.noted: Callable[[], None] = _nobody_to_hear
        """Hears of every commit by which something was noted that others keep in memory."""

    @classmethod
    async def open(cls, url: str, *, upgrade: bool = True) -> "Database":
        """Connect, and bring the schema up to date unless told not to.

        Raises:
            DatabaseAway: nobody answers at that address.
        """
        is_sqlite = url.startswith("sqlite:")
        if is_sqlite:
            _found_or_made(url.removeprefix("sqlite://"), make=upgrade)
        sizes = {"min_size": 1} if is_sqlite else {"min_size": 1, "max_size": 10}
        pool = Pool.create(
            url,
            db_args={**sizes, "meow_exit_on_ice": False} if not is_sqlite else sizes,
            upgrade_table=upgrades() if upgrade else None,
            owner_name="policybot" if upgrade else None,
            ignore_foreign_tables=not upgrade,
        )
        try:
            await pool.start()
        except _PASSING as error:
            raise DatabaseAway(str(error)) from error
        except sqlite3.OperationalError as error:
            raise DatabaseAway(str(error)) from error
        if not is_sqlite:
            return cls(pool, None)
        # mautrix has upgraded the schema; from here on we use a connection of our own.
        await pool.stop()
        return cls(pool, _Sqlite(pool.url.path))

    @property
    def shared(self) -> bool:
        """Whether several processes may work on it at the same time; an SQLite file is for one."""
        return self._sqlite is None

    async def close(self) -> None:
        """Close every connection."""
        if self._sqlite is None:
            await self._pool.stop()
        else:
            self._sqlite.close()

    async def version(self) -> int:
        """Read the version of the schema as it is in the database; 0 for an empty one."""
        try:
            async with self.transaction(reading=True) as tx:
                return int(await tx.value(_VERSION) or 0)
        except (sqlite3.OperationalError, asyncpg.UndefinedTableError):
            return 0

    @asynccontextmanager
    async def transaction(self, *, reading: bool = False) -> AsyncIterator[Tx]:
        """Open a transaction; it is committed when the block ends, and rolled back otherwise.

        One that is for reading alone sees one moment, however long it takes, and keeps no other
        process from writing.

        Raises:
            DatabaseAway: it could not be begun or committed for a reason that passes.
        """
        begin = self._sqlite.transaction if self._sqlite else self._on_postgres
        try:
            async with begin(reading=reading) as runner:
                tx = Tx(runner)
                yield tx
                await tx.flush()
        except _CROSSED as error:
            raise Stale(str(error)) from error
        except _PASSING as error:
            raise DatabaseAway(str(error)) from error
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF in _SQLITE_PASSING:
                raise DatabaseAway(str(error)) from error
            raise
        tx.committed()
        if tx.noted:
            self.noted()
        if tx.traceless and self._sqlite is not None:
            await self._sqlite.scrub()

    @asynccontextmanager
    async def _on_postgres(self, *, reading: bool) -> AsyncIterator[_Runner]:
        async with self._pool.acquire_direct() as connection:
            wrapped: Any = connection.wrapped
            isolation = "repeatable_read" if reading else "read_committed"
            async with wrapped.transaction(readonly=reading, isolation=isolation):
                yield _Postgres(wrapped)


def _found_or_made(path: str, *, make: bool) -> None:
    """See to it that the file is there, for its owner alone: it holds evidence and sealed names."""
    try:
        # SQLite gives the files beside it the same mode (sqlite.org/src, findCreateFileMode).
        os.close(os.open(path, os.O_RDWR | (os.O_CREAT if make else 0), 0o600))
    except OSError as error:
        message = f"{path}: {error.strerror}"
        if isinstance(error, FileNotFoundError) and not make:
            message = "there is no database yet; `policybot run` makes it"
        raise DatabaseAway(message) from error


async def hold_numbers(tx: Tx, name: str) -> None:
    """Let others who want the next number of a counter wait until this transaction has ended."""
    await tx.execute(
        "INSERT INTO counters (name, value) VALUES ($1, 0)"
        " ON CONFLICT (name) DO UPDATE SET value = counters.value",
        name,
    )


async def next_number(tx: Tx, name: str) -> int:
    """Count a counter up; numbers are handed out without gaps, for a rollback gives them back."""
    return int(
        await tx.value(
            "INSERT INTO counters (name, value) VALUES ($1, 1)"
            " ON CONFLICT (name) DO UPDATE SET value = counters.value + 1 RETURNING value",
            name,
        )
    )
