"""What tests begin with is what it says: the schema is there before anything is opened."""

import sqlite3
from contextlib import closing
from pathlib import Path

from policybot.store.upgrades import VERSION_TABLE
from tests import ready


async def test_a_new_file_has_the_schema_before_it_is_opened(tmp_path: Path) -> None:
    file = tmp_path / "new.db"
    ready._begin(file, await ready._new_file())
    with closing(sqlite3.connect(file)) as connection:
        ((version,),) = connection.execute(f"SELECT version FROM {VERSION_TABLE}")  # noqa: S608 - a name of ours
    assert version >= 1
