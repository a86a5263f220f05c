"""The commands about the ladder: what it makes of an act."""

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from policybot.cli.terminal import DEFAULT, MISUSED, ConfigFile, console, errors, read_config


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
