"""The commands about the ladder: what it makes of an act."""

import json
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from policybot.cli.terminal import (
    DEFAULT,
    MISUSED,
    AsJson,
    ConfigFile,
    console,
    fail,
    read_config,
)


def simulate(  # noqa: PLR0913 - one option for each part of an act
    severity: Annotated[str, typer.Argument(help="S0 to S4")],
    *,
    scope: Annotated[str, typer.Option(help="member, account, room or server")] = "member",
    strike: Annotated[
        list[str] | None,
        typer.Option(
            help="An earlier decision: S1:30 for 30 days ago; behind it :untold where its person was "
            "not told, :appealed where an appeal is open, :room=A for one in a room A"
        ),
    ] = None,
    aggravating: Annotated[list[str] | None, typer.Option(help="A factor of the ladder")] = None,
    mitigating: Annotated[list[str] | None, typer.Option(help="A factor of the ladder")] = None,
    measure: Annotated[
        str, typer.Option(help="What is chosen instead of the proposal, such as restrict:P3D")
    ] = "",
    at: Annotated[
        datetime | None,
        typer.Option(help="When it happens, in UTC; now if it is left out", formats=["%Y-%m-%d"]),
    ] = None,
    as_json: AsJson = False,
    config: ConfigFile = DEFAULT,
) -> None:
    """Send one act through the ladder and say how the proposal comes about."""
    from policybot.app import utc_now
    from policybot.services.simulation import simulate as through_the_ladder

    settings = read_config(config)
    try:
        found = through_the_ladder(
            settings.ladder,
            severity=severity,
            scope=scope,
            strikes=strike or [],
            aggravating=aggravating or [],
            mitigating=mitigating or [],
            at=at.replace(tzinfo=UTC) if at else utc_now(),
            measure=measure,
        )
    except ValueError as error:
        raise fail(str(error), MISUSED) from None
    if as_json:
        typer.echo(json.dumps(found.data, ensure_ascii=False))
        return
    table = Table.grid()
    for line in found.lines:
        table.add_row(escape(line))
    console.print(table)
