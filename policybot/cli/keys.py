"""The command line for the keys of the vault: list them, rotate, remove one that is no longer needed."""

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from policybot.cli.terminal import (
    DEFAULT,
    MISUSED,
    AsJson,
    ConfigFile,
    console,
    errors,
    fail,
    opened,
    read_config,
)
from policybot.config import Config
from policybot.config.keys import KeyFile, KeyMissing
from policybot.store.database import DatabaseAway

if TYPE_CHECKING:
    from policybot.services.keyring import Key, Keyring
    from policybot.store.database import Database

keys_app = typer.Typer(help="The keys under which names are encrypted.", no_args_is_help=True)


@asynccontextmanager
async def _at_hand(settings: Config) -> AsyncIterator[tuple["Keyring", "Database"]]:
    """Open the database and the key file, or end with the reason."""
    from policybot.app import App, CannotStart

    async with opened(settings) as database:
        try:
            yield App(settings, database).keyring, database
        except (CannotStart, KeyMissing) as error:
            raise fail(str(error)) from None


@keys_app.command("list")
def keys_list(config: ConfigFile = DEFAULT, *, as_json: AsJson = False) -> None:
    """List the keys, and how many data keys each of them wraps."""
    keys = asyncio.run(_list(read_config(config)))
    if as_json:
        rows = [{"name": k.name, "wraps": k.wraps, "there": k.there, "in_use": k.in_use} for k in keys]
        typer.echo(json.dumps(rows))
    else:
        table = Table("key", "data keys", "", box=None)
        for key in keys:
            said = "in use" if key.in_use else "" if key.there else "missing: these cannot be read"
            table.add_row(escape(key.name), f"{key.wraps:,}", said)
        console.print(table)
    raise typer.Exit(0 if all(key.there for key in keys) else 1)


async def _list(settings: Config) -> "list[Key]":
    async with _at_hand(settings) as (keyring, database), database.transaction(reading=True) as tx:
        return await keyring.keys(tx)


@keys_app.command("rotate")
def keys_rotate(config: ConfigFile = DEFAULT) -> None:
    """Add a fresh key and wrap all data keys under it; stopped in the middle, run it again."""
    settings = read_config(config)
    _alone(settings, _rotate(settings))


async def _rotate(settings: Config) -> None:
    async with _at_hand(settings) as (keyring, database):
        rotation = await keyring.begin(database)
        if rotation.resumed:
            console.print(f"An earlier rotation to {rotation.new} goes on.")
        with Progress(console=errors, transient=True) as progress:
            task = progress.add_task("Wrapping", total=rotation.todo)
            await keyring.carry_out(database, rotation, lambda n: progress.advance(task, n))
        async with database.transaction(reading=True) as tx:
            keys = await keyring.keys(tx)
    old = [key.name for key in keys if key.there and not key.in_use and not key.wraps]
    console.print(f"{rotation.todo:,} data keys are now under {rotation.new}.")
    console.print(f"Keep a copy of {escape(settings.key_file.name)}, apart from the database.")
    if old:
        console.print(
            f"Nothing is under {', '.join(old)} any more. Once you need no backup from before today: "
            f"policybot keys remove {old[0]}",
            soft_wrap=True,
        )
    if missing := [key for key in keys if not key.there]:
        names = ", ".join(key.name for key in missing)
        message = f"{names}: not in the key file. What is wrapped under it was left, and cannot be read."
        raise fail(message)


@keys_app.command("remove")
def keys_remove(
    name: Annotated[str, typer.Argument(help="The key, as `policybot keys list` names it.")],
    config: ConfigFile = DEFAULT,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Destroy a key under which nothing is wrapped any more."""
    settings = read_config(config)
    _alone(settings, _remove(settings, name, ask=not yes))


async def _remove(settings: Config, name: str, *, ask: bool) -> None:
    from policybot.domain.errors import Refused

    async with _at_hand(settings) as (keyring, database):
        try:
            async with database.transaction(reading=True) as tx:
                keyring.check_removable(await keyring.keys(tx), name)
            if ask:
                console.print(
                    f"Backups of the database from before the rotation hold data keys under {name}. "
                    "Without it nobody can ever read the names in them, nor those of persons who were "
                    "erased since. Copies of the key file still hold it: delete it there too.",
                    soft_wrap=True,
                )
                if not typer.confirm(f"Destroy {name}?"):
                    console.print("Nothing was changed.")
                    return
            await keyring.remove(database, name)
        except Refused as refusal:
            raise fail(str(refusal), MISUSED) from None
    console.print(f"{escape(name)} is gone.")


def _alone(settings: Config, work: Coroutine[Any, Any, None]) -> None:
    """Do something to the keys while nobody else does, or end with the reason."""
    try:
        with KeyFile(settings.key_file).held():
            asyncio.run(work)
    except BlockingIOError:
        message = "Somebody else is at work on the keys. Try again when they have finished."
        raise fail(message) from None
    except DatabaseAway as error:
        message = f"{error}. Nothing is lost; run it again."
        raise fail(message) from None
    except OSError as error:
        message = f"{settings.key_file} cannot be changed: {error.strerror}. Run it as its owner."
        raise fail(message) from None
    finally:
        work.close()
