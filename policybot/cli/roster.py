"""The command line for the roster: import the list of persons, and make codes."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.progress import Progress

from policybot.cli.terminal import (
    DEFAULT,
    MISUSED,
    ConfigFile,
    console,
    errors,
    fail,
    opened,
    read_config,
)
from policybot.config import Config

if TYPE_CHECKING:
    from policybot.identity.roster import Listing
    from policybot.services.roster import Plan

roster_app = typer.Typer(help="The list of persons that you know.", no_args_is_help=True)

_SHOWN = 20


@roster_app.command("import")
def roster_import(
    file: Annotated[Path, typer.Argument(help="CSV in UTF-8: person, code, name, birthdate, …")],
    config: ConfigFile = DEFAULT,
    *,
    codes: Annotated[
        Path | None, typer.Option(help="Where to write codes for those who have none in the list.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
) -> None:
    """Import a list of persons: show what changes, ask, and do it."""
    from policybot.identity.roster import read

    settings = read_config(config)
    if settings.identity.roster is None:
        message = "identity.roster is not set: this way in is not offered."
        raise fail(message, MISUSED)
    if codes is not None and codes.exists():
        message = f"{codes} is there already; codes are written to a new file only."
        raise fail(message, MISUSED)
    try:
        listing = read(file)
    except OSError as error:
        message = f"{file} cannot be read: {error.strerror}"
        raise fail(message, MISUSED) from None
    except ValueError as error:
        raise fail(str(error), MISUSED) from None
    for line, why in listing.refused[:_SHOWN]:
        errors.print(f"{escape(file.name)}, line {line}: {why}", soft_wrap=True)
    if len(listing.refused) > _SHOWN:
        errors.print(f"… and {len(listing.refused) - _SHOWN} more lines that cannot be taken.")
    refused = asyncio.run(_import(settings, listing, codes, ask=not yes, dry_run=dry_run))
    raise typer.Exit(MISUSED if refused else 0)


async def _import(
    settings: Config, listing: "Listing", codes: Path | None, *, ask: bool, dry_run: bool
) -> bool:
    from policybot.app import App, CannotStart
    from policybot.identity.roster import write_codes

    async with opened(settings, upgrade=True) as database:
        try:
            roster = App(settings, database).services.roster
        except CannotStart as error:
            raise fail(str(error)) from None
        with Progress(console=errors, transient=True) as progress:
            task = progress.add_task("Comparing", total=None)
            plan = await roster.plan(database, listing.entries, lambda n: progress.advance(task, n))
        if listing.refused and plan.gone:
            # A line that cannot be read may be somebody who would otherwise be taken off.
            errors.print("Nobody is taken off the list while lines of it cannot be read.")
            plan.gone.clear()
        _show(plan, len(listing.refused))
        if any(not entry.code for entry in plan.new) and codes is None and not dry_run:
            message = "Some new persons have no code. Name a file for their codes: --codes FILE"
            raise fail(message, MISUSED)
        if dry_run or plan.size == 0:
            console.print("Nothing was changed.")
            return bool(listing.refused)
        if ask and not typer.confirm("Do this?"):
            console.print("Nothing was changed.")
            return bool(listing.refused)
        with Progress(console=errors, transient=True) as progress:
            task = progress.add_task("Importing", total=plan.size)
            made = await roster.carry_out(database, plan, lambda n: progress.advance(task, n))
    if made and codes is not None:
        write_codes(codes, made)
        console.print(f"{len(made)} codes are in {escape(str(codes))}: hand them out, and delete it.")
    console.print("Done.")
    return bool(listing.refused)


def _show(plan: "Plan", refused: int) -> None:
    """Say what an import would change, in numbers: no name is printed."""
    for number, what in (
        (len(plan.new), "new"),
        (len(plan.changed), "with other particulars"),
        (len(plan.back), "back on the list"),
        (len(plan.gone), "no longer on the list: they are told, and their verification ends later"),
        (plan.same, "as before"),
        (refused, "that cannot be taken"),
    ):
        if number:
            console.print(f"{number:>8,} {what}")


@roster_app.command("code")
def roster_code(
    person: Annotated[str, typer.Argument(help="The person as in the list.")],
    config: ConfigFile = DEFAULT,
) -> None:
    """Make a person on the list a new code, in place of the one they had."""
    console.print(asyncio.run(_code(read_config(config), person)), highlight=False)


async def _code(settings: Config, person: str) -> str:
    from policybot.app import App, CannotStart
    from policybot.domain.errors import NotFound
    from policybot.domain.private import Private

    async with opened(settings) as database:
        try:
            return await App(settings, database).services.roster.renew_code(database, Private(person))
        except (CannotStart, NotFound) as error:
            raise fail(str(error)) from None
