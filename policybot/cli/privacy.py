"""The command line for privacy: requests on paper, legal holds, the end of records."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
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
from policybot.domain.measure import format_duration

if TYPE_CHECKING:
    from policybot.services.privacy import Erased
    from policybot.store.retention import Due

privacy_app = typer.Typer(help="What is kept of people: erase, hold, sweep.", no_args_is_help=True)

Account = Annotated[str, typer.Argument(help="A user ID, such as @anna:example.org.")]


@privacy_app.command("erase")
def privacy_erase(
    account: Account,
    config: ConfigFile = DEFAULT,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Forget the person behind an account, as they asked on paper."""
    settings = read_config(config)
    if not yes and not typer.confirm(f"Forget the person behind {account}? It cannot be taken back."):
        console.print("Nothing was changed.")
        return
    came = asyncio.run(_erase(settings, account))
    final_on = f"{came.final_on:%-d %B %Y}"
    if as_json:
        waits = [
            {"reason": o.reason, "until": o.until.isoformat() if o.until else None}
            for o in came.obstacles
        ]
        done = not came.obstacles
        final = came.final_on.date().isoformat() if done else None
        typer.echo(json.dumps({"erased": done, "final_on": final, "waits_for": waits}))
        return
    if came.obstacles:
        console.print("It is noted, and happens by itself once this is over:")
        for obstacle in came.obstacles:
            console.print(f"  · {escape(str(obstacle))}", soft_wrap=True)
        days = format_duration(settings.privacy.backup_retention)
        console.print(f"It is final {days} after that, when the last backup is gone.")
        return
    console.print(
        "The person is forgotten: their data key is destroyed, their links and verifications ended.\n"
        f"Backups still hold the wrapped key: the erasure is final on {final_on}. Delete them by then.",
        soft_wrap=True,
    )


async def _erase(settings: Config, account: str) -> "Erased":
    from policybot.app import App, CannotStart
    from policybot.domain.errors import Refused

    async with opened(settings, upgrade=True) as database:
        try:
            privacy = (await App(settings, database).recalled()).services.privacy
            async with database.transaction() as tx:
                return await privacy.erase(tx, account)
        except (CannotStart, Refused) as error:
            raise fail(str(error)) from None


@privacy_app.command("hold")
def privacy_hold(
    account: Account,
    config: ConfigFile = DEFAULT,
    *,
    reason: Annotated[str, typer.Option(help="Why; the person reads it.")],
    until: Annotated[
        datetime, typer.Option(formats=["%Y-%m-%d"], help="The day on which it ends by itself.")
    ],
) -> None:
    """Keep everything of a person's from being erased or swept, for a time."""
    settings = read_config(config)
    asyncio.run(_hold(settings, account, reason, until.replace(tzinfo=UTC)))
    console.print(
        f"Held until {until:%-d %B %Y}: nothing of {escape(account)} is erased or swept. They see it "
        "in !policy me.",
        soft_wrap=True,
    )


async def _hold(settings: Config, account: str, reason: str, until: datetime) -> None:
    from policybot.app import App, CannotStart
    from policybot.domain.errors import Refused

    async with opened(settings, upgrade=True) as database:
        try:
            privacy = (await App(settings, database).recalled()).services.privacy
            async with database.transaction() as tx:
                await privacy.hold(tx, account, reason, until)
        except (CannotStart, Refused) as error:
            raise fail(str(error), MISUSED) from None


@privacy_app.command("release")
def privacy_release(account: Account, config: ConfigFile = DEFAULT) -> None:
    """End the holds on a person."""
    number = asyncio.run(_release(read_config(config), account))
    if not number:
        message = f"Nothing is held of {account}."
        raise fail(message)
    console.print(f"Released: {number} hold{'s' if number > 1 else ''}.")


async def _release(settings: Config, account: str) -> int:
    from policybot.app import App, CannotStart

    async with opened(settings, upgrade=True) as database:
        try:
            privacy = (await App(settings, database).recalled()).services.privacy
        except CannotStart as error:
            raise fail(str(error)) from None
        async with database.transaction() as tx:
            return await privacy.release(tx, account)


@privacy_app.command("sweep")
def privacy_sweep(
    config: ConfigFile = DEFAULT,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    as_json: AsJson = False,
) -> None:
    """Let everything go that has had its time; the service does the same by itself."""
    settings = read_config(config)
    found = asyncio.run(_sweep(settings, dry_run=dry_run))
    spans = settings.privacy.spans()
    if as_json:
        rows = [
            {
                "rule": due.rule.name,
                "tables": due.rule.tables,
                "act": due.rule.act.value,
                "kept_for": format_duration(spans[due.rule.name]),
                "oldest": due.oldest.isoformat() if due.oldest else None,
                "rows": due.number,
            }
            for due in found
        ]
        typer.echo(json.dumps({"dry_run": dry_run, "rules": rows}, indent=1))
        return
    _show([due for due in found if due.number], spans)
    console.print("Nothing was changed." if dry_run else "Done.")


def _show(found: "list[Due]", spans: dict[str, timedelta]) -> None:
    if not found:
        console.print("Nothing has had its time.")
        return
    table = Table("table", "what", "kept for", "oldest", "rows", "then", box=SIMPLE_HEAD)
    done = {"delete": "deleted", "blank": "blanked", "forget": "forgotten", "shred": "shredded"}
    for due in found:
        oldest = f"{due.oldest:%-d %b %Y}" if due.oldest else "–"
        span, act = f"{spans[due.rule.name].days} days", done[due.rule.act.value]
        table.add_row(", ".join(due.rule.tables), due.rule.what, span, oldest, f"{due.number:,}", act)
    console.print(table)


async def _sweep(settings: Config, *, dry_run: bool) -> "list[Due]":
    from policybot.app import App, CannotStart

    async with opened(settings, upgrade=not dry_run) as database:
        try:
            retention = (await App(settings, database).recalled()).services.retention
        except CannotStart as error:
            raise fail(str(error)) from None
        async with database.transaction(reading=True) as tx:
            found = await retention.due(tx)
        if not dry_run:
            with Progress(console=errors, transient=True) as progress:
                task = progress.add_task("Sweeping", total=sum(due.number for due in found))
                await retention.sweep_all(database, lambda _, n: progress.advance(task, n))
    return found
