"""What the commands of the command line share: the terminal, the configuration, the database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from policybot.config import Config, ConfigRefused, load, load_ladder
from policybot.domain.ladder import Ladder
from policybot.store.database import Database, DatabaseAway

console = Console()
errors = Console(stderr=True)

ConfigFile = Annotated[
    Path, typer.Option("--config", "-c", help="The configuration file.", show_default=True)
]
AsJson = Annotated[bool, typer.Option("--json", help="For machines.")]
DEFAULT = Path("config.yaml")
_OWNER_ONLY = 0o600
MISUSED = 2
"""The exit status of a command that cannot be carried out as given."""


def read_config(path: Path, undone: str = "Nothing was done.") -> Config:
    """Read the configuration, or end with its mistakes, and with what was not done because of them."""
    try:
        return load(path)
    except ConfigRefused as refused:
        raise _mistakes(refused, undone) from None


def read_ladder(path: Path) -> Ladder:
    """Read a ladder, from a file of its own or from a configuration, or end with its mistakes."""
    try:
        return load_ladder(path)
    except ConfigRefused as refused:
        raise _mistakes(refused, "Nothing was done.") from None


def _mistakes(refused: ConfigRefused, undone: str) -> typer.Exit:
    for problem in refused.problems:
        errors.print(escape(str(problem)), soft_wrap=True, highlight=False)
    count = len(refused.problems)
    errors.print(f"{count} mistake{'s' if count != 1 else ''}. {undone}")
    return typer.Exit(MISUSED)


def fail(message: str, status: int = 1) -> typer.Exit:
    """Say why it did not work, and end with a status."""
    errors.print(escape(message), soft_wrap=True, highlight=False)
    return typer.Exit(status)


def write_for_owner(path: Path, text: str) -> None:
    """Write a file that nobody but its owner can read, or end with the reason."""
    try:
        path.touch(_OWNER_ONLY)
        if path.is_file():  # one of before may be open to others
            path.chmod(_OWNER_ONLY)
        path.write_text(text, "utf-8")
    except OSError as error:
        message = f"{path} cannot be written: {error.strerror}"
        raise fail(message, MISUSED) from None


@asynccontextmanager
async def opened(config: Config, *, upgrade: bool = False) -> AsyncIterator[Database]:
    """Open the database for a command, or end with the reason."""
    try:
        database = await Database.open(config.database_url, upgrade=upgrade)
    except DatabaseAway as error:
        raise fail(str(error)) from None
    try:
        if await database.version() == 0:
            message = "The database is empty: there is nothing in it yet."
            raise fail(message)
        yield database
    finally:
        await database.close()
