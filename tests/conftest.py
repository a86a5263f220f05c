"""Fixtures for all tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.world import World
from tests.world import world as make_world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A world on SQLite."""
    async with make_world(tmp_path) as made:
        yield made
