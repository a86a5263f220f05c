"""The command line, put together."""

import asyncio
import logging
import signal
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from rich.logging import RichHandler
from rich.markup import escape

from policybot import __version__
from policybot.cli.agreement import agreement_app
from policybot.cli.audit import audit_app
from policybot.cli.doctor import examine
from policybot.cli.export import export_app
from policybot.cli.keys import keys_app
from policybot.cli.ladder import simulate
from policybot.cli.privacy import privacy_app
from policybot.cli.rooms import rooms_app
from policybot.cli.roster import roster_app
from policybot.cli.rules import load_rules, renew_rules, rules_app
from policybot.cli.terminal import (
    DEFAULT,
    MISUSED,
    AsJson,
    ConfigFile,
    console,
    errors,
    fail,
    read_config,
)
from policybot.cli.versions import backtest, ladder, ladder_finding
from policybot.config import Config

app = typer.Typer(
    help="Governed public rooms for a Matrix homeserver.",
    no_args_is_help=True,
    add_completion=False,
    # Its tracebacks show local variables, and some of those are secrets.
    pretty_exceptions_enable=False,
)
config_app = typer.Typer(help="Look at the configuration.", no_args_is_help=True)
app.add_typer(config_app, name="config")
app.add_typer(audit_app, name="audit")
app.add_typer(roster_app, name="roster")
app.add_typer(agreement_app, name="agreement")
app.add_typer(privacy_app, name="privacy")
app.add_typer(keys_app, name="keys")
app.add_typer(export_app, name="export")
app.add_typer(rooms_app, name="rooms")
app.add_typer(rules_app, name="rules")


def _set_up_logging(level: str) -> None:
    handler: logging.Handler = logging.StreamHandler()
    if sys.stderr.isatty():
        handler = RichHandler(console=errors, show_path=False)
    logging.basicConfig(
        level=level, handlers=[handler], format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    # They log requests with what people wrote.
    for name in ("mau", "aiohttp.access", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)


@app.command()
def run(config: ConfigFile = DEFAULT) -> None:
    """Run the service until it is told to stop."""
    from policybot.app import CannotStart
    from policybot.store.database import DatabaseAway

    settings = read_config(config)
    _set_up_logging(settings.logging.level)
    try:
        asyncio.run(_serve(settings, config))
    except (CannotStart, DatabaseAway) as error:
        raise fail(str(error)) from None
    except OSError as error:
        message = f"Cannot listen: {error.strerror or error}"
        raise fail(message) from None


async def _serve(config: Config, path: Path) -> None:
    from policybot.app import App
    from policybot.store.database import Database

    stop, again = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, again.set)
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    database = await Database.open(config.database_url)
    try:
        running = App(config, database)
        async with running.running(), asyncio.TaskGroup() as tasks:
            renewing = tasks.create_task(renew_rules(running, path, again))
            await stop.wait()
            renewing.cancel()
    finally:
        await database.close()


@app.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="End when the story is told.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """Play a story on a private homeserver, with everything real."""
    if find_spec("synapse") is None:
        message = "The demo needs Synapse. Install it with: pip install 'policybot[demo]'"
        raise fail(message)
    from policybot.demo.show import play

    try:
        good = asyncio.run(play(console, once=once))
    except KeyboardInterrupt:
        good = True
    raise typer.Exit(0 if good else 1)


@app.command()
def init(  # noqa: PLR0913 - one option for each question
    folder: Annotated[Path, typer.Argument(help="Where the files are written.")] = Path(),
    *,
    server_name: Annotated[str, typer.Option(prompt="Server name (after the colon in user IDs)")],
    homeserver: Annotated[
        str, typer.Option(help="Where policybot reaches the homeserver.")
    ] = "http://127.0.0.1:8008",
    public_url: Annotated[
        str, typer.Option(prompt="Public address of the pages", help="Where people open them.")
    ],
    operator: Annotated[str, typer.Option(prompt="Who runs this (as members read it)")],
    contact: Annotated[str, typer.Option(prompt="How people reach you")],
    moderator: Annotated[str, typer.Option(prompt="User ID of a moderator")],
    reviewer: Annotated[str, typer.Option(prompt="User ID of the one who reviews filings and appeals")],
    second: Annotated[
        str,
        typer.Option(help="User ID of somebody else who moderates and reviews, where two are needed."),
    ] = "",
    like: Annotated[
        str,
        typer.Option(
            help="The example to begin with: messenger, ministry, university, marketplace, bank."
        ),
    ] = "",
    gate: Annotated[bool, typer.Option(help="Have a gate: the answer before delivery.")] = False,
    force: Annotated[bool, typer.Option(help="Overwrite files that are there.")] = False,
) -> None:
    """Write config.yaml and registration.yaml with fresh secrets, and say what to do next."""
    from policybot.config import fresh

    if like and like not in fresh.LIKE:
        message = f"There is no example «{like}»: {', '.join(fresh.LIKE)}."
        raise fail(message)
    answers = {
        "homeserver.server_name": server_name,
        "homeserver.address": homeserver,
        "web.public_url": public_url,
        "operator.name": operator,
        "operator.contact": contact,
        "review_room": f"#review:{server_name}",
        "staff": {moderator: ["moderator"]}
        | ({second: ["moderator", "reviewer"]} if second else {})
        | {reviewer: ["reviewer", "appeals", "privacy"]},
    }
    try:
        paths = fresh.write(folder, answers, like=like, gate=gate, force=force)
    except FileExistsError as error:
        raise fail(str(error)) from None
    settings = read_config(paths.config, undone="The files are written: put it right in config.yaml.")
    console.print(
        f"Written: {escape(str(paths.config))}, {escape(str(paths.registration))}, "
        f"{escape(str(paths.keys))} and {escape(str(paths.log_key))}\n"
        f"Keep a copy of {paths.keys.name} apart from the database: without it nobody can read the "
        f"names. Keep one of {paths.log_key.name}, too: it signs the audit log.\n",
        soft_wrap=True,
    )
    console.print("1. Add to homeserver.yaml, and restart the homeserver:\n")
    console.print(fresh.homeserver_lines(settings, paths.registration), markup=False, soft_wrap=True)
    console.print(
        "2. Read config.yaml and make the rules, the agreement and the ladder yours.\n"
        f"3. Make a private, unencrypted room {escape(settings.review_room)} and invite "
        f"{settings.bot_user_id} and your people.\n"
        "4. policybot run, and in another terminal: policybot doctor"
    )
    if paths.token is not None:
        console.print(
            "5. The gate, once the rest runs (docs/gate.md): install policybot where Synapse is, and "
            f"let Synapse's user read {escape(str(paths.token))}, which is written too. Add this to "
            "homeserver.yaml, have it checked with policybot doctor --homeserver-yaml FILE, and restart "
            "Synapse:\n",
            soft_wrap=True,
        )
        console.print(fresh.module_lines(settings, paths.token), markup=False, soft_wrap=True)


@app.command()
def doctor(
    config: ConfigFile = DEFAULT,
    registration: Annotated[Path | None, typer.Option(help="The registration file.")] = None,
    homeserver_yaml: Annotated[
        list[Path] | None,
        typer.Option(help="The homeserver's file, or a folder of them; repeat it as for Synapse."),
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Check each thing that can be wrong, and say the mend."""
    settings = read_config(config)
    file = registration or config.parent / "registration.yaml"
    examined = examine(settings, config, file, homeserver_yaml or [], as_json=as_json)
    raise typer.Exit(asyncio.run(examined))


@config_app.command("check")
def config_check(config: ConfigFile = DEFAULT) -> None:
    """List every mistake in the configuration, with its line."""
    settings = read_config(config)
    load_rules(settings)
    console.print(f"{escape(str(config))}: every key is understood.")
    found = asyncio.run(ladder_finding(settings))
    console.print(f"The ladder: {escape(found.said)}.", soft_wrap=True, highlight=False)


@config_app.command("explain")
def config_explain(key: Annotated[str, typer.Argument(help="Such as filing.valid_for")]) -> None:
    """Say what a key of the configuration means."""
    from policybot.config.explain import explain

    try:
        console.print(explain(key), markup=False, highlight=False)
    except LookupError as error:
        errors.print(escape(str(error.args[0])))
        raise typer.Exit(MISUSED) from None


app.command()(simulate)
app.command()(ladder)
app.command()(backtest)


@app.command()
def commands() -> None:
    """Print the page of all chat commands."""
    from policybot.matrix.commands.page import page

    typer.echo(page(), nl=False)


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)
