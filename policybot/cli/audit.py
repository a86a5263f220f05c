"""The commands about the audit log: whether it is whole."""

import asyncio
import json
from typing import Any

import typer
from rich.progress import Progress

from policybot.cli.terminal import DEFAULT, AsJson, ConfigFile, console, errors, opened, read_config
from policybot.config import Config

audit_app = typer.Typer(help="Look at the audit log.", no_args_is_help=True)


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
