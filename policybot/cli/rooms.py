"""The command line for rooms: look through the server's directory for rooms that are not filed."""

import asyncio
import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import typer
from rich.progress import MofNCompleteColumn, Progress

from policybot.cli.terminal import (
    DEFAULT,
    AsJson,
    ConfigFile,
    console,
    errors,
    fail,
    opened,
    read_config,
)
from policybot.config import Config

if TYPE_CHECKING:
    from policybot.app import App
    from policybot.ports import PublicRooms
    from policybot.store.unfiled import Scan

rooms_app = typer.Typer(help="The public rooms of the homeserver.", no_args_is_help=True)

_PATIENCE = 5
_PAUSE = 2.0
"""Seconds between tries while the homeserver is busy or away."""


@rooms_app.callback()
def rooms() -> None:
    """Keep `scan` a word of its own."""


@rooms_app.command("scan")
def rooms_scan(config: ConfigFile = DEFAULT, *, as_json: AsJson = False) -> None:
    """Look through the directory now; rooms are listed, never entered or read.

    What filing.unfiled says is done, and only that: without it, rooms are counted and remembered.
    """
    found = asyncio.run(_scan(read_config(config)))
    if as_json:
        typer.echo(json.dumps(found))
        return
    for key, what in (
        ("public", "rooms in the directory"),
        ("unfiled", "not filed"),
        ("new", "of them new"),
        ("applied", "with an application that waits"),
        ("told", "people told or reminded"),
        ("taken_out", "taken out of the directory"),
        ("waiting", "due, and waiting for a moderator"),
    ):
        console.print(f"{found[key]:>8,} {what}", highlight=False)
    console.print("In the review room: !policy unfiled", highlight=False)


async def _scan(settings: Config) -> dict[str, int]:
    import aiohttp

    from policybot.app import App, CannotStart
    from policybot.matrix.client import Client
    from policybot.matrix.listing import Listing
    from policybot.matrix.start import Start
    from policybot.matrix.synapse import Synapse
    from policybot.store import unfiled

    async with opened(settings, upgrade=True) as database, aiohttp.ClientSession() as session:
        try:
            app = App(settings, database)
        except CannotStart as error:
            raise fail(str(error)) from None
        address, token = settings.homeserver.address, settings.appservice.as_token.get_secret_value()
        client = Client(address, token, session)
        directory = Listing(client, Synapse(Client(address, settings.admin_token, session)))
        await Start(app.setting, database, client).recall()
        with Progress(
            *Progress.get_default_columns(), MofNCompleteColumn(), console=errors, transient=True
        ) as progress:
            task = progress.add_task("Looking through the directory", total=None)

            def show(scan: "Scan") -> None:
                reading = scan.phase is unfiled.Phase.READING
                done = min(scan.cursor.start, scan.total) if reading else scan.total
                progress.update(task, total=scan.total or None, completed=done)

            scan = await _to_the_end(app, directory, show)
        async with database.transaction(reading=True) as tx:
            counts = await unfiled.counts(tx, scan.started_at)
    return {
        "public": scan.total,
        "unfiled": counts.unfiled,
        "new": counts.fresh,
        "applied": counts.applied,
        "told": scan.told,
        "taken_out": scan.hidden,
        "waiting": scan.waiting,
    }


async def _to_the_end(app: "App", directory: "PublicRooms", show: "Callable[[Scan], None]") -> "Scan":
    """Bring a scan to its end, one that the service has begun as well."""
    from policybot.ports import Impossible, Later
    from policybot.store import unfiled

    tries, begin = 0, True
    while True:
        try:
            more = await app.services.unfiled.advance(app.database, directory, now=begin)
            tries = 0
        except Impossible as error:
            message = f"{error}."
            raise fail(message) from None
        except Later as error:
            tries, more = tries + 1, True
            if tries == _PATIENCE:
                message = f"{error}. The scan goes on from where it is when you try again."
                raise fail(message) from None
            await asyncio.sleep(_PAUSE)
        async with app.database.transaction(reading=True) as tx:
            scan = await unfiled.scan(tx)
        if scan is not None:
            begin = False
            show(scan)
            if scan.phase is unfiled.Phase.DONE and not more:
                return scan
