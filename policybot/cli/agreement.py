"""The command line for the agreement: what a changed text changes, and who has signed, in numbers."""

import asyncio
import json
from typing import TYPE_CHECKING, Annotated, Any

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
    opened,
    read_config,
)
from policybot.config import Config

if TYPE_CHECKING:
    from policybot.config.finding import Finding
    from policybot.domain.agreement import Version
    from policybot.store.database import Tx

agreement_app = typer.Typer(help="The agreement that everybody signs.", no_args_is_help=True)


@agreement_app.command("diff")
def agreement_diff(
    old: Annotated[str, typer.Argument(help="A version on record; the newest if left out.")] = "",
    new: Annotated[str, typer.Argument(help="Another one; that of the file if left out.")] = "",
    config: ConfigFile = DEFAULT,
    *,
    lang: Annotated[str, typer.Option(help="The language; all of them if left out.")] = "",
    as_json: AsJson = False,
) -> None:
    """Show what changes from one version to another, before people are told."""
    result = asyncio.run(_diff(read_config(config), old, new, lang.lower()))
    if as_json:
        typer.echo(json.dumps(result, ensure_ascii=False))
        return
    console.print(f"From version {result['from']} to version {result['to']}", highlight=False)
    for remark in result["remarks"]:
        console.print(remark, markup=False, highlight=False, soft_wrap=True)
    for language, words in result["words"].items():
        console.print(f"\n[bold]{escape(language)}[/]")
        console.print(words, markup=False, highlight=False, soft_wrap=True)


async def _diff(config: Config, old: str, new: str, lang: str) -> dict[str, Any]:
    from policybot.domain import agreement as rules
    from policybot.domain.amendment import amendment, in_words
    from policybot.store import agreements

    async with opened(config) as database, database.transaction(reading=True) as tx:
        versions = await agreements.all_versions(tx)
        if not versions:
            message = "No version is on record yet: `policybot run` records the first."
            raise fail(message)
        before = _named(versions, old) if old else rules.newest(versions)
        after = _named(versions, new).agreement if new else config.agreement
        told = sum([await agreements.signers(tx, v.number) for v in versions])
    languages = [lang] if lang else list(after.languages)
    if lang and lang not in after.languages:
        message = f"Version {after.version} is not written in {lang}."
        raise fail(message, MISUSED)
    return {
        "from": before.name,
        "to": after.version,
        "remarks": _preview(config, versions, told) if not new else [],
        "words": {name: in_words(amendment(before.agreement, after, name)) for name in languages},
    }


def _named(versions: "tuple[Version, ...]", name: str) -> "Version":
    found = next((version for version in versions if version.name == name), None)
    if found is None:
        known = ", ".join(version.name for version in versions)
        message = f"There is no version {name} on record. There are: {known}"
        raise fail(message, MISUSED)
    return found


def _preview(config: Config, versions: "tuple[Version, ...]", told: int) -> list[str]:
    """Say what would come of the version in the file if it were loaded now."""
    from policybot.app import utc_now
    from policybot.domain.agreement import deadline
    from policybot.services.agreements import day, remarks

    mine = config.agreement
    known = next((version for version in versions if version.name == mine.version), None)
    if known is None:
        binds = deadline(mine, utc_now(), config.agreement_notice, first=False)
        return [f"Loaded now, it would bind from {day(binds)}, and up to {told} accounts would be told."]
    if known.hash != mine.hash:
        clash = f"Version {mine.version} is on record with another text. Give the text a new version."
        return [clash]
    return remarks(mine, versions)


@agreement_app.command("status")
def agreement_status(config: ConfigFile = DEFAULT, *, as_json: AsJson = False) -> None:
    """Say how many have signed which version, and for how many one is due; no account is named."""
    result = asyncio.run(_status(read_config(config)))
    if as_json:
        typer.echo(json.dumps(result, ensure_ascii=False))
        return
    table = Table("version", "state", "binds from", "last signed by", "told", box=None)
    for row in result["versions"]:
        told = ", ".join(f"{what}: {count}" for what, count in row["told"].items())
        shown = (row["version"], row["state"], row["binds_from"], f"{row['signed']:,}", told)
        table.add_row(*map(escape, shown))
    console.print(table)
    console.print(
        f"{result['due']:,} have to sign what binds today, {result['waiting']:,} what is coming; "
        f"{result['restricted']:,} may not write in some room until they verify or sign.",
        highlight=False,
        soft_wrap=True,
    )
    for remark in result["remarks"]:
        console.print(remark, markup=False, highlight=False, soft_wrap=True)


async def _status(config: Config) -> dict[str, Any]:
    async with opened(config) as database, database.transaction(reading=True) as tx:
        return await _counted(tx, config)


async def _counted(tx: "Tx", config: Config) -> dict[str, Any]:
    from policybot.app import utc_now
    from policybot.domain import agreement as rules
    from policybot.services.agreements import remarks
    from policybot.store import agreements, standing

    now, versions = utc_now(), await agreements.all_versions(tx)
    if not versions:
        message = "No version is on record yet: `policybot run` records the first."
        raise fail(message)
    progress = await agreements.announcements(tx)
    rows, counts = [], dict.fromkeys(rules.Standing, 0)
    for version in versions:
        signed = await agreements.signers(tx, version.number)
        counts[rules.standing(versions, version.number, now)] += signed
        rows.append(
            {
                "version": version.name,
                "state": _state(versions, version),
                "binds_from": f"{version.binds_from:%Y-%m-%d %H:%M} UTC",
                "signed": signed,
                "told": {a.occasion: a.told for a in progress if a.version_hash == version.hash},
            }
        )
    return {
        "versions": rows,
        "due": counts[rules.Standing.DUE],
        "waiting": counts[rules.Standing.WAITING],
        "restricted": len(await standing.restrictions(tx)),
        "remarks": remarks(config.agreement, versions),
    }


def _state(versions: "tuple[Version, ...]", version: "Version") -> str:
    from policybot.app import utc_now
    from policybot.domain import agreement as rules

    now = utc_now()
    if version.withdrawn_at is not None:
        return "withdrawn"
    if version is rules.in_force(versions, now):
        return "in force"
    return "coming" if version is rules.coming(versions, now) else "earlier"


async def agreement_finding(config: Config) -> "Finding":
    """Tell the doctor whether the agreement binds as its operator wrote."""
    from policybot.config.finding import Finding
    from policybot.services.agreements import remarks
    from policybot.store import agreements
    from policybot.store.database import Database, DatabaseAway

    what = "agreement"
    try:
        database = await Database.open(config.database_url, upgrade=False)
    except DatabaseAway:
        return Finding(what, good=True, said="no version is on record yet")
    try:
        if await database.version() == 0:
            return Finding(what, good=True, said="no version is on record yet")
        async with database.transaction(reading=True) as tx:
            versions = await agreements.all_versions(tx)
    finally:
        await database.close()
    said = remarks(config.agreement, versions)
    known = next((version for version in versions if version.name == config.agreement.version), None)
    # That a date was moved is as it should be, once one knows of it; anything else is a mistake.
    mistakes = len(said) - (known is not None and known.moved)
    text = " ".join(said) or f"version {config.agreement.version} is in the file"
    return Finding(what, good=mistakes == 0, said=text, mend="Give the text a new version.")
