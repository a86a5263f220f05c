"""The command line."""

import asyncio
import json
import logging
import signal
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.logging import RichHandler
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from policybot import __version__
from policybot.cli.agreement import agreement_app, agreement_finding
from policybot.cli.keys import keys_app
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
    opened,
    read_config,
)
from policybot.config import Config

if TYPE_CHECKING:
    from policybot.config.oidc import MasSection, ProviderSection
    from policybot.matrix.doctor import Finding

app = typer.Typer(
    help="Governed public rooms for a Matrix homeserver.",
    no_args_is_help=True,
    add_completion=False,
    # Its tracebacks show local variables, and some of those are secrets.
    pretty_exceptions_enable=False,
)
config_app = typer.Typer(help="Look at the configuration.", no_args_is_help=True)
audit_app = typer.Typer(help="Look at the audit log.", no_args_is_help=True)
app.add_typer(config_app, name="config")
app.add_typer(audit_app, name="audit")
app.add_typer(roster_app, name="roster")
app.add_typer(agreement_app, name="agreement")
app.add_typer(privacy_app, name="privacy")
app.add_typer(keys_app, name="keys")
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
    force: Annotated[bool, typer.Option(help="Overwrite files that are there.")] = False,
) -> None:
    """Write config.yaml and registration.yaml with fresh secrets, and say what to do next."""
    from policybot.config import fresh

    answers = {
        "homeserver.server_name": server_name,
        "homeserver.address": homeserver,
        "web.public_url": public_url,
        "operator.name": operator,
        "operator.contact": contact,
        "review_room": f"#review:{server_name}",
        "staff": {moderator: ["moderator"]} | {reviewer: ["reviewer", "appeals", "privacy"]},
    }
    try:
        paths = fresh.write(folder, answers, force=force)
    except FileExistsError as error:
        raise fail(str(error)) from None
    settings = read_config(paths.config)
    console.print(
        f"Written: {escape(str(paths.config))}, {escape(str(paths.registration))} and "
        f"{escape(str(paths.keys))}\nKeep a copy of {paths.keys.name} apart from the database: "
        "without it nobody can read the names.\n",
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


@app.command()
def doctor(
    config: ConfigFile = DEFAULT,
    registration: Annotated[Path | None, typer.Option(help="The registration file.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Check each thing that can be wrong, and say the mend."""
    settings = read_config(config)
    file = registration or config.parent / "registration.yaml"
    raise typer.Exit(asyncio.run(_examine(settings, config, file, as_json=as_json)))


def _keys_finding(config: Config) -> "Finding":
    from policybot.config.keys import KeyFile, KeyMissing
    from policybot.matrix.doctor import Finding

    keys = KeyFile(config.key_file)
    try:
        keys.check()
    except KeyMissing as error:
        mend = "Put the key file back from your copy; a new one opens nothing that is in the vault."
        return Finding("keys of the vault", good=False, said=str(error), mend=mend)
    return Finding("keys of the vault", good=True, said=f"{keys.names[-1]} is in use")


def _licence_findings(config: Config) -> "list[Finding]":
    """Tell the doctor which of the operator's licences end soon or have ended."""
    from policybot.app import utc_now
    from policybot.domain.licence import due, in_words
    from policybot.matrix.doctor import Finding

    today, found = utc_now().date(), []
    for section in config.operator.licences:
        licence = section.licence()
        good = due(licence, today) is None
        said = f"{licence.title} is valid" if good else in_words(licence, today)
        found.append(Finding("licence", good=good, said=said, mend="Have it renewed."))
    return found


async def _staffing_findings(config: Config) -> "list[Finding]":
    """Tell the doctor whether the operator's people are enough for what comes in."""
    from policybot.app import utc_now
    from policybot.matrix.doctor import Finding
    from policybot.services.staffing import Staffing
    from policybot.store.database import Database, DatabaseAway

    service = Staffing(config, utc_now)
    try:
        database = await Database.open(config.database_url, upgrade=False)
    except DatabaseAway:
        return []
    try:
        if await database.version() == 0:
            return []
        async with database.transaction(reading=True) as tx:
            figures = await service.figures(tx)
    finally:
        await database.close()
    lacks = service.lacks(figures)
    said = "; ".join(lacks) or service.in_words(figures)
    mend = "Give more people the role moderator, or set other limits in operator.staffing."
    return [Finding("staffing", good=not lacks, said=said, mend=mend)]


async def _openid_findings(config: Config) -> "list[Finding]":
    """Ask each OpenID provider who it is, and the homeserver whether it checks clients' tokens."""
    from policybot.app import utc_now
    from policybot.doors import openid_provider, openid_token
    from policybot.matrix.doctor import Finding
    from policybot.ports import SourceAway

    binding, found = config.identity.binding, []
    named: list[tuple[str, ProviderSection | MasSection]] = [
        (f"OpenID provider {section.id}", section) for section in config.identity.oidc
    ]
    if binding.mas is not None:
        named.append(("account login", binding.mas))
    for what, section in named:
        good, said = True, f"{section.issuer} answers under its name"
        try:
            await openid_provider(config, section, utc_now).endpoints()
        except SourceAway as error:
            good, said = False, str(error)
        mend = "Check issuer in the configuration, and that this machine reaches it by https."
        found.append(Finding(what, good=good, said=said, mend=mend))
    if binding.widget is not None:
        good, said = False, "the homeserver does not check clients' tokens there"
        try:
            if await openid_token(config, binding.widget).served():
                good, said = True, "the homeserver checks clients' tokens"
        except SourceAway as error:
            said = str(error)
        mend = "Add openid to the resources of a listener in homeserver.yaml, and name that listener in "
        mend += "identity.binding.widget.homeserver."
        found.append(Finding("widget", good=good, said=said, mend=mend))
    return found


async def _examine(config: Config, file: Path, registration: Path, *, as_json: bool) -> int:
    import aiohttp

    from policybot.matrix.doctor import Doctor

    logging.disable(logging.WARNING)
    found = []
    more = (
        _keys_finding(config),
        *await _openid_findings(config),
        await agreement_finding(config),
        *_licence_findings(config),
        *await _staffing_findings(config),
    )
    async with aiohttp.ClientSession() as session:
        doctor_ = Doctor(config, file, registration, session, more=more)
        async for finding in doctor_.look():
            found.append(finding)
            if not as_json:
                mark = "[green]✓[/]" if finding.good else "[red]✗[/]"
                console.print(f"{mark} {escape(finding.what)}: {escape(finding.said)}")
                if not finding.good and finding.mend:
                    console.print(f"    → {escape(finding.mend)}", soft_wrap=True)
    if as_json:
        rows = [
            {"what": f.what, "good": f.good, "said": f.said, "mend": "" if f.good else f.mend}
            for f in found
        ]
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=1))
    return 0 if all(f.good for f in found) else 1


@config_app.command("check")
def config_check(config: ConfigFile = DEFAULT) -> None:
    """List every mistake in the configuration, with its line."""
    load_rules(read_config(config))
    console.print(f"{escape(str(config))}: every key is understood.")


@config_app.command("explain")
def config_explain(key: Annotated[str, typer.Argument(help="Such as filing.valid_for")]) -> None:
    """Say what a key of the configuration means."""
    from policybot.config.explain import explain

    try:
        console.print(explain(key), markup=False, highlight=False)
    except LookupError as error:
        errors.print(escape(str(error.args[0])))
        raise typer.Exit(MISUSED) from None


@audit_app.command("verify")
def audit_verify(
    config: ConfigFile = DEFAULT,
    *,
    as_json: AsJson = False,
) -> None:
    """Check that no entry of the audit log was changed, dropped or moved."""
    result = asyncio.run(_verify(read_config(config)))
    if as_json:
        typer.echo(json.dumps(result))
    elif result["good"]:
        console.print(f"The chain holds: {result['entries']} entries, last hash {result['head']}")
    else:
        errors.print(f"The chain is broken at entry {result['entry']}: {result['what']}.")
    raise typer.Exit(0 if result["good"] else 1)


async def _verify(config: Config) -> dict[str, Any]:
    from policybot.store import audit

    entries = 0
    async with opened(config) as database, database.transaction(reading=True) as tx:
        with Progress(console=errors, transient=True) as progress:
            task = progress.add_task("Verifying", total=await audit.length(tx))
            async for step in audit.verify(tx):
                if isinstance(step, audit.Fault):
                    return {"good": False, "entry": step.seq, "what": step.what}
                entries = step
                progress.update(task, completed=entries)
        return {"good": True, "entries": entries, "head": await audit.head(tx)}


@app.command()
def simulate(  # noqa: PLR0913 - one option for each part of an act
    severity: Annotated[str, typer.Argument(help="S0 to S4")],
    *,
    scope: Annotated[str, typer.Option(help="member, account or room")] = "member",
    strike: Annotated[
        list[str] | None,
        typer.Option(help="An earlier decision: S1:30 for 30 days ago, S1:30:untold"),
    ] = None,
    aggravating: Annotated[list[str] | None, typer.Option(help="A factor of the ladder")] = None,
    mitigating: Annotated[list[str] | None, typer.Option(help="A factor of the ladder")] = None,
    config: ConfigFile = DEFAULT,
) -> None:
    """Send one act through the ladder and say how the proposal comes about."""
    from policybot.app import utc_now
    from policybot.services.simulation import simulate as through_the_ladder

    settings = read_config(config)
    try:
        lines = through_the_ladder(
            settings.ladder,
            severity=severity,
            scope=scope,
            strikes=strike or [],
            aggravating=aggravating or [],
            mitigating=mitigating or [],
            now=utc_now(),
        )
    except ValueError as error:
        errors.print(escape(str(error)))
        raise typer.Exit(MISUSED) from None
    table = Table.grid()
    for line in lines:
        table.add_row(escape(line))
    console.print(table)


@app.command()
def commands() -> None:
    """Print the page of all chat commands."""
    from policybot.matrix.commands.page import page

    typer.echo(page(), nl=False)


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
