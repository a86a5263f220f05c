"""Transactions: all or nothing, whatever happens to them; on both databases."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from policybot.store import audit, tries
from policybot.store.database import Database, DatabaseAway, Tx, next_number
from policybot.store.upgrades import statements
from tests.postgres import fresh_database, give_back, ready_database

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


async def count(database: Database) -> int:
    async with database.transaction() as tx:
        return int(await tx.value("SELECT count(*) AS value FROM counters"))


async def test_a_transaction_is_stored_when_its_block_ends(database: Database) -> None:
    async with database.transaction() as tx:
        assert await next_number(tx, "case") == 1
        assert await next_number(tx, "case") == 2
    async with database.transaction() as tx:
        assert await next_number(tx, "case") == 3


async def test_an_error_leaves_nothing_behind(database: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        async with database.transaction() as tx:
            await next_number(tx, "case")
            raise ZeroDivisionError
    assert await count(database) == 0


async def test_a_cancelled_transaction_leaves_nothing_behind_and_the_next_one_works(
    database: Database,
) -> None:
    reached = asyncio.Event()

    async def hangs() -> None:
        async with database.transaction() as tx:
            await next_number(tx, "case")
            reached.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(hangs())
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await count(database) == 0
    async with database.transaction() as tx:
        assert await next_number(tx, "case") == 1


async def test_cancelling_at_every_instant_never_leaves_a_half_transaction(
    database: Database,
) -> None:
    """A pair of rows is written each time; never must there be one without the other."""

    async def pair(number: int) -> None:
        async with database.transaction() as tx:
            await next_number(tx, f"left {number}")
            await asyncio.sleep(0)
            await next_number(tx, f"right {number}")

    for number in range(60):
        task = asyncio.create_task(pair(number))
        for _ in range(number % 15):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    async with database.transaction() as tx:
        rows = await tx.fetch("SELECT name FROM counters")
    sides = [row["name"].split() for row in rows]
    assert {n for side, n in sides if side == "left"} == {n for side, n in sides if side == "right"}


async def test_a_child_task_cannot_use_its_parents_transaction(database: Database) -> None:
    async with database.transaction() as tx:
        task = asyncio.create_task(next_number(tx, "case"))
        with pytest.raises(RuntimeError, match="belongs to the task"):
            await task


async def test_what_was_asked_to_follow_a_commit_follows_only_a_commit(database: Database) -> None:
    called = []
    with pytest.raises(ZeroDivisionError):
        async with database.transaction() as tx:
            tx.after_commit(lambda: called.append("rolled back"))
            raise ZeroDivisionError
    async with database.transaction() as tx:
        tx.after_commit(lambda: called.append("committed"))
        assert not called
    assert called == ["committed"]


async def test_deferred_writes_are_made_together_at_the_end(database: Database) -> None:
    written: list[list[int]] = []

    async def write(tx: Tx, items: object) -> None:
        assert isinstance(items, list)
        written.append(items)

    async with database.transaction() as tx:
        tx.defer(write, 1)
        tx.defer(write, 2)
        assert not written
    assert written == [[1, 2]]


async def test_numbers_of_a_rolled_back_transaction_are_given_out_again(database: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        async with database.transaction() as tx:
            assert await next_number(tx, "record 2026") == 1
            raise ZeroDivisionError
    async with database.transaction() as tx:
        assert await next_number(tx, "record 2026") == 1


async def test_opening_a_database_again_finds_it_up_to_date(empty_url: str) -> None:
    for _ in range(2):
        opened = await Database.open(empty_url)
        assert await opened.version() == 1
        await opened.close()


def test_a_schema_file_is_split_into_statements_for_each_database() -> None:
    script = (
        "-- v0 -> v1: x\nCREATE TABLE a (\n    id SERIAL_KEY, -- a key;\n    b TEXT\n);\n\n"
        "-- only: sqlite\nCREATE TRIGGER t BEFORE UPDATE ON a\n    BEGIN SELECT 1; END;\n"
        "-- only: postgres\nCREATE INDEX i ON a (b);\n"
    )
    lite, post = statements(script, sqlite=True), statements(script, sqlite=False)
    assert [len(lite), len(post)] == [2, 2]
    assert "AUTOINCREMENT" in lite[0]
    assert "TRIGGER" in lite[1]
    assert "BIGSERIAL" in post[0]
    assert "INDEX" in post[1]


async def test_a_lost_connection_is_told_as_such_and_the_next_one_works(
    postgres_socket: str,
) -> None:
    database = await Database.open(await fresh_database(postgres_socket, "lost"))
    try:
        with pytest.raises(DatabaseAway):
            async with database.transaction() as tx:
                await next_number(tx, "case")
                await tx.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        async with database.transaction() as tx:
            assert await next_number(tx, "case") == 1
    finally:
        await database.close()


async def test_a_database_that_nobody_serves_is_away(tmp_path: Path) -> None:
    with pytest.raises(DatabaseAway):
        await Database.open(f"postgres://postgres@/nothing?host={tmp_path}")
    with pytest.raises(DatabaseAway, match="policybot run"):
        await Database.open(f"sqlite:///{tmp_path}/nothing.db", upgrade=False)


async def test_of_two_that_wait_for_each_other_one_begins_anew_at_once(postgres_socket: str) -> None:
    database = await Database.open(await fresh_database(postgres_socket, "crossed"))
    async with database.transaction() as tx:
        await tx.execute("INSERT INTO counters (name, value) VALUES ('one', 0), ('two', 0)")
    both_have_one, begun = asyncio.Barrier(2), list[str]()

    async def count(first: str, second: str) -> None:
        async def write(tx: Tx) -> None:
            begun.append(first)
            await tx.execute("SET LOCAL deadlock_timeout = '10ms'")
            add = "UPDATE counters SET value = value + 1 WHERE name = $1"
            await tx.execute(add, first)
            if len(begun) <= 2:
                await both_have_one.wait()
            await tx.execute(add, second)

        await tries.anew(database, write)

    try:
        await asyncio.gather(count("one", "two"), count("two", "one"))
        async with database.transaction(reading=True) as tx:
            rows = await tx.fetch("SELECT value FROM counters WHERE name IN ('one', 'two')")
        assert [row["value"] for row in rows] == [2, 2]
        assert len(begun) == 3, "one of them had to begin anew"
    finally:
        await database.close()


async def test_a_locked_file_is_away_and_comes_back(tmp_path: Path) -> None:
    one = await Database.open(f"sqlite:///{tmp_path}/shared.db")
    two = await Database.open(f"sqlite:///{tmp_path}/shared.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("policybot.store.database._PATIENCE", 2)
        async with one.transaction() as tx:
            await next_number(tx, "case")
            with pytest.raises(DatabaseAway, match="locked"):
                async with two.transaction() as other:
                    await next_number(other, "case")
            async with two.transaction(reading=True) as other:
                assert await other.value("SELECT count(*) AS value FROM counters") == 0
    async with two.transaction() as tx:
        assert await next_number(tx, "case") == 2
    await one.close()
    await two.close()


async def test_a_database_of_a_test_is_as_new_for_the_next(postgres_socket: str) -> None:
    seen = []
    for _ in range(2):
        url = await ready_database(postgres_socket)
        database = await Database.open(url)
        async with database.transaction() as tx:
            audit.append(tx, at=NOW, actor="system:clock", tag="sanction:end", object="1")
        async with database.transaction(reading=True) as tx:
            seen.append((url, await audit.length(tx), await database.version()))
        await database.close()
        await give_back(postgres_socket, url)
    assert seen[0] == seen[1]
    assert seen[0][1:] == (1, 1)


async def test_a_database_whose_tables_a_test_changed_is_lent_to_nobody_else(
    postgres_socket: str,
) -> None:
    url = await ready_database(postgres_socket)
    database = await Database.open(url)
    async with database.transaction() as tx:
        await tx.execute("DROP TRIGGER audit_no_change ON audit")
    await database.close()
    await give_back(postgres_socket, url)
    assert await ready_database(postgres_socket) != url
