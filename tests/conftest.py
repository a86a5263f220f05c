"""Fixtures for all tests."""

import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from policybot.store.database import Database
from tests.postgres import fresh_database, postgres
from tests.staffed import Private, staffed_world
from tests.world import World
from tests.world import world as make_world

_databases = itertools.count(1)


@pytest.fixture(scope="session")
def postgres_socket() -> Iterator[str]:
    """A PostgreSQL server for the whole run."""
    with postgres() as socket:
        yield socket


@pytest.fixture(params=["sqlite", "postgres"])
async def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database, once of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/test.db"
    socket = request.getfixturevalue("postgres_socket")
    return await fresh_database(socket, f"test{next(_databases)}")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A database with the schema, once of each kind."""
    opened = await Database.open(database_url)
    yield opened
    await opened.close()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A world on SQLite."""
    async with make_world(tmp_path) as made:
        yield made


@pytest.fixture
async def any_world(tmp_path: Path, database_url: str) -> AsyncIterator[World]:
    """A world, once on SQLite and once on PostgreSQL."""
    async with make_world(tmp_path, database_url) as made:
        yield made


@pytest.fixture
async def staffed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Private]:
    """A world with verified staff, and a case about somebody."""
    async with staffed_world(tmp_path, monkeypatch) as made:
        yield made


@pytest.fixture
async def any_staffed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str
) -> AsyncIterator[Private]:
    """The same, once on SQLite and once on PostgreSQL."""
    async with staffed_world(tmp_path, monkeypatch, database_url) as made:
        yield made
