"""The schema: its file as statements for each of the two databases, and as steps between versions."""

import re
from collections.abc import Awaitable, Callable
from importlib import resources
from typing import Any

from mautrix.util.async_db import Scheme, UpgradeTable

VERSION_TABLE = "policybot_version"


def statements(script: str, *, sqlite: bool) -> list[str]:
    """Split a schema file into statements for one of the two databases.

    A statement ends with a semicolon at the end of a line. `-- only: sqlite` or `-- only: postgres`
    before a statement keeps it from the other.
    """
    kept = []
    for statement in re.split(r"(?<=;)[ \t]*(?:--[^\n]*)?\n(?=\S|\n|$)", script):
        only = re.search(r"^-- only: (\w+)$", statement, re.MULTILINE)
        if only and (only[1] == "sqlite") is not sqlite:
            continue
        if re.sub(r"--[^\n]*", "", statement).strip():
            kept.append(statement.strip())
    if not sqlite:
        return [statement.replace("SERIAL_KEY", "BIGSERIAL PRIMARY KEY") for statement in kept]
    # Spelt just so, the key is the row's own number and needs no index (sqlite.org/rowidtable.html).
    return [
        statement.replace("SERIAL_KEY", "INTEGER PRIMARY KEY AUTOINCREMENT").replace(
            "BIGINT PRIMARY KEY", "INTEGER PRIMARY KEY"
        )
        for statement in kept
    ]


def upgrades() -> UpgradeTable:
    """Read `schema/*.sql` as steps from version to version.

    Each file begins `-- vFROM -> vTO: what it does`; `00-latest.sql` makes a new database at once.
    """
    table = UpgradeTable(version_table_name=VERSION_TABLE, database_name="policybot")
    folder = resources.files("policybot.store") / "schema"
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if not file.name.endswith(".sql"):
            continue
        script = file.read_text("utf-8")
        header = re.match(r"-- v(\d+) -> v(\d+): (.+)", script)
        if header is None:
            message = f"schema/{file.name}: the first line must be `-- vFROM -> vTO: …`"
            raise ValueError(message)
        table.register(
            _step(script),
            index=int(header[1]),
            upgrades_to=int(header[2]),
            description=header[3],
        )
    return table


def _step(script: str) -> Callable[[Any, Scheme], Awaitable[None]]:
    async def upgrade(connection: Any, scheme: Scheme) -> None:  # noqa: ANN401 - untyped
        for statement in statements(script, sqlite=scheme == Scheme.SQLITE):
            await connection.execute(statement)

    return upgrade
