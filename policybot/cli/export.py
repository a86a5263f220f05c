"""The commands that hand things over: statements of reasons, and the tables of a transparency report."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.progress import Progress

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
from policybot.services.statement_exports import FactsAs

if TYPE_CHECKING:
    from policybot.matrix.commands.command import Services

export_app = typer.Typer(
    help="Hand over statements of reasons and the tables of a report.", no_args_is_help=True
)
_SHOWN = 20
"""Statements whose faults are listed."""
Folder = Annotated[Path, typer.Option("--to", help="The folder for the files.")]


def _services(settings: Config, database: Any) -> "Services":  # noqa: ANN401 - it is the database
    from policybot.app import App, CannotStart

    try:
        return App(settings, database).services
    except CannotStart as error:
        raise fail(str(error)) from None


@export_app.command("statements")
def export_statements(  # noqa: PLR0913 - one option for each question
    since: Annotated[
        datetime, typer.Option(formats=["%Y-%m-%d"], help="The first day of the decisions.")
    ],
    until: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The day after the last; today's if not given."),
    ] = None,
    to: Folder = Path("statements"),
    facts: Annotated[
        FactsAs,
        typer.Option(
            help="masked: what was written, without IDs, links, addresses and front names. rule: only "
            "which rule was broken."
        ),
    ] = FactsAs.MASKED,
    config: ConfigFile = DEFAULT,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be handed over; note nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write statements as the EU's database takes them, a hundred in a file, each statement once.

    Read the files before you send them: names that were written out in a sentence are not found.
    """
    settings = read_config(config)
    end = (until or datetime.now(UTC)).replace(tzinfo=UTC)
    span = (since.replace(tzinfo=UTC), end)
    told = asyncio.run(_statements(settings, span, to, facts, dry_run=dry_run))
    if as_json:
        typer.echo(json.dumps(told, indent=1, ensure_ascii=False))
    else:
        _tell(told, to)
    raise typer.Exit(1 if told["refused"] else 0)


def _tell(told: dict[str, Any], to: Path) -> None:
    for puid, faults in list(told["refused"].items())[:_SHOWN]:
        errors.print(f"{puid}: {escape('; '.join(faults))}", soft_wrap=True, highlight=False)
    if told["refused"]:
        errors.print(
            f"{_many(len(told['refused']), 'statement')} would not be taken, and can be handed over "
            "once that is mended. A category is missing? Set rules.N.category in the configuration.",
            soft_wrap=True,
        )
    if told["dry_run"]:
        console.print(json.dumps(told["preview"], indent=1, ensure_ascii=False), markup=False)
        console.print(
            f"{_many(told['statements'], 'statement')} would be handed over; nothing was noted."
        )
        return
    where = f", in {_many(len(told['files']), 'file')} in {escape(str(to))}" if told["files"] else ""
    console.print(f"Handed over: {_many(told['statements'], 'statement')}{where}.", soft_wrap=True)
    if told["exempt"]:
        console.print(f"Left out, for none is asked: {_many(told['exempt'], 'statement')}.")


def _many(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' if number != 1 else ''}"


async def _statements(
    settings: Config, span: tuple[datetime, datetime], to: Path, facts: FactsAs, *, dry_run: bool
) -> dict[str, Any]:
    told: dict[str, Any] = {"dry_run": dry_run, "statements": 0, "exempt": 0, "files": []}
    told |= {"refused": {}, "preview": []}

    def write(name: str, requests: list[Any]) -> None:
        to.mkdir(parents=True, exist_ok=True)
        part = to / f"{name}.part"
        text = json.dumps({"statements": requests}, ensure_ascii=False, indent=1)
        part.write_text(f"{text}\n", "utf-8")
        part.replace(to / name)

    async with opened(settings, upgrade=not dry_run) as database:
        service = _services(settings, database).statement_exports
        async with database.transaction(reading=True) as tx:
            number = await service.count(tx, *span)
        after = 0
        with Progress(console=errors, transient=True) as progress:
            task = progress.add_task("Statements", total=number)
            while True:
                async with database.transaction(reading=dry_run) as tx:
                    batch = await service.batch(tx, *span, after, facts)
                    if batch is None:
                        return told
                    if batch.good and not dry_run:
                        told["files"].append(await service.hand_over(tx, batch, write))
                after = batch.last
                told["statements"] += len(batch.good)
                told["exempt"] += batch.exempt
                told["refused"] |= dict(batch.bad)
                told["preview"] += [one for _, one in batch.good][: 3 - len(told["preview"])]
                progress.advance(task, len(batch.good) + len(batch.bad) + batch.exempt)


@export_app.command("report")
def export_report(
    period: Annotated[str, typer.Argument(help="As 2026, 2026-Q1 or 2026-03.")],
    to: Folder = Path("report"),
    config: ConfigFile = DEFAULT,
    *,
    as_json: AsJson = False,
) -> None:
    """Write the tables of a report under Regulation (EU) 2024/2835, as far as they are published."""
    settings = read_config(config)
    tables = asyncio.run(_report(settings, period))
    to.mkdir(parents=True, exist_ok=True)
    for name, text in tables.items():
        (to / name).write_text(text, "utf-8", newline="")
    if as_json:
        typer.echo(json.dumps({"folder": str(to), "files": list(tables)}))
        return
    console.print(f"Written to {escape(str(to))}: {', '.join(tables)}", soft_wrap=True)
    console.print("What is empty has to be filled in by you, or is not published: docs/transparency.md.")


async def _report(settings: Config, period: str) -> dict[str, str]:
    from policybot.domain import report_tables
    from policybot.domain.errors import NotFound

    async with opened(settings) as database:
        services = _services(settings, database)
        async with database.transaction(reading=True) as tx:
            try:
                view = await services.figures.view(tx, period)
            except NotFound as error:
                raise fail(str(error), MISUSED) from None
        if view is None:
            message = f"Nothing is published yet; the next figures are due on {services.figures.due()}."
            raise fail(message)
        now = services.setting.now().date()
        return report_tables.tables(
            view.publication,
            settings.rules,
            settings.operator.name,
            published=now,
            mechanisms=settings.mechanisms,
            summary=settings.transparency.text,
        )
