"""The commands about the ladder: what it makes of an act."""

import json
from datetime import datetime
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
from policybot.domain.plain import in_utc


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
        typer.Option(
            help="When it happens: a day, or a time such as 2027-01-31T10:00:00+01:00; now if left out",
            formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S%z"],
        ),
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
            at=in_utc(at) if at else utc_now(),
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
