"""Fixtures for all tests."""

import itertools
import logging
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from playwright.async_api import Browser, Page

from policybot.demo import children, synapse
from policybot.store.database import Database
from tests import browser as browsers
from tests import canary, nursery, provider, ready
from tests.postgres import fresh_database, give_back, postgres, ready_database
from tests.reviewing import reviewing_world
from tests.staffed import Private, staffed_world
from tests.world import World
from tests.world import world as make_world

# How long an example takes says more of what else the machine does than of us.
settings.register_profile("steady", deadline=None, derandomize="SAME_EXAMPLES" in os.environ)
settings.load_profile("steady")

_databases = itertools.count(1)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Work on two more files than there are processors: Synapse and clocks are mostly waited for."""
    return (os.cpu_count() or 1) + 2


@pytest.fixture(scope="session", autouse=True)
def ports_of_its_own() -> Iterator[None]:
    """Let each worker look for free ports apart: until one is used, another could find it too."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    share = synapse._PORTS // workers
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(synapse, "_FIRST_PORT", synapse._FIRST_PORT + worker % workers * share)
        patch.setattr(synapse, "_PORTS", share)
        yield


@pytest.fixture(scope="session", autouse=True)
def no_waiting_for_disks() -> Iterator[None]:
    """Save the time for which commits would wait; processes that tests start wait as in service."""
    with ready.no_waiting_for_disks():
        yield


@pytest.fixture(scope="session", autouse=True)
def no_importing_again() -> Iterator[None]:
    """Fork what stages start from a process that has imported it, which begins when it is needed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(children, "start", nursery.start)
        yield


@pytest.fixture(scope="session")
def postgres_socket() -> Iterator[str]:
    """A PostgreSQL server for the whole run."""
    with postgres() as socket:
        yield socket


@pytest.fixture(scope="session")
def issuer() -> Iterator[str]:
    """A real OpenID provider for the whole run."""
    with provider.provider() as address:
        yield address


@pytest.fixture(params=["sqlite", "postgres"])
async def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database, once of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/test.db"
    socket = request.getfixturevalue("postgres_socket")
    return await fresh_database(socket, f"empty{next(_databases)}")


@pytest.fixture(params=["sqlite", "postgres"])
async def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """The address of a database to work with, once of each kind; PostgreSQL's has the schema."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/test.db"
        return
    socket = request.getfixturevalue("postgres_socket")
    url = await ready_database(socket)
    yield url
    await give_back(socket, url)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A database with the schema, once of each kind."""
    opened = await ready.opened(database_url)
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
async def review(tmp_path: Path) -> AsyncIterator[World]:
    """A world in which Ravi, Rosa and Rick review, on SQLite."""
    async with reviewing_world(tmp_path) as made:
        yield made


@pytest.fixture
async def any_review(tmp_path: Path, database_url: str) -> AsyncIterator[World]:
    """The same, once on SQLite and once on PostgreSQL."""
    async with reviewing_world(tmp_path, database_url) as made:
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


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> browsers.Program:
    """Chromium, unpacked once for the whole run."""
    return browsers.unpack(tmp_path_factory.mktemp("chromium"))


@pytest.fixture
async def chromium(program: browsers.Program) -> AsyncIterator[Browser]:
    """A running browser."""
    async with browsers.chromium(program) as running:
        yield running


@pytest.fixture
async def page(chromium: Browser) -> AsyncIterator[Page]:
    """A page of a running browser."""
    context = await chromium.new_context(viewport=browsers.DESK)
    yield await context.new_page()
    await context.close()


@pytest.fixture(autouse=True)
def no_name_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Look through the log of every test for the marked names."""
    caplog.set_level(logging.DEBUG)
    yield
    assert canary.MARK not in caplog.text
