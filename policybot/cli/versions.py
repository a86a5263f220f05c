"""The command line for versions of the ladder: where each stands, and what a changed one would do."""

import asyncio
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
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
    read_ladder,
)
from policybot.config import Config
from policybot.domain.measure import parse_duration

if TYPE_CHECKING:
    from policybot.config.finding import Finding
    from policybot.domain.backtest import Result
    from policybot.domain.ladder import Ladder
    from policybot.domain.policy import Version
    from policybot.services.backtests import Backtests
    from policybot.store.backtests import Backtest
    from policybot.store.database import Database

_ACTOR = "system:cli"


def ladder(config: ConfigFile = DEFAULT, *, as_json: AsJson = False) -> None:
    """List the versions of the ladder: which is in force, which was when, which may come."""
    settings = read_config(config)
    versions, terms = asyncio.run(_versions(settings))
    if as_json:
        typer.echo(json.dumps({"versions": versions, "terms": terms}, ensure_ascii=False))
        return
    table = Table("version", "hash", "where it stands", "approved by", "backtest", box=None)
    for row in versions:
        shown = (row["version"], row["hash"][:8], row["in_words"], row["approved"], row["test"])
        table.add_row(*(escape(str(one)) for one in shown))
    console.print(table)
    for term in terms:
        since, until = _minute(term["since"]), _minute(term["until"]) if term["until"] else "now"
        console.print(f"in force: {term['version']} from {since} to {until}", highlight=False)
    console.print(asyncio.run(ladder_finding(settings)).said, highlight=False, soft_wrap=True)


def _minute(iso: str) -> str:
    return f"{datetime.fromisoformat(iso):%Y-%m-%d %H:%M} UTC"


async def _versions(settings: Config) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    from policybot.domain.policy import approved_by
    from policybot.store import backtests, policies

    rows = []
    async with opened(settings) as database, database.transaction(reading=True) as tx:
        for one in await policies.every(tx):
            test = await backtests.newest(tx, one.hash)
            rows.append(
                {
                    "id": one.ladder.id,
                    "version": one.name,
                    "hash": one.hash,
                    "state": one.state.value,
                    "in_words": one.in_words,
                    "brought": one.brought_at.isoformat(),
                    "live_from": one.live_from.isoformat() if one.live_from else None,
                    "proposed_by": one.proposer,
                    "approved": approved_by(one) if one.approver else "",
                    "test": test.number if test else "",
                }
            )
        terms = [
            {
                "version": term.version,
                "hash": term.hash,
                "since": term.since.isoformat(),
                "until": term.until.isoformat() if term.until else None,
            }
            for term in await policies.terms(tx)
        ]
    return rows, terms


def backtest(
    config: ConfigFile = DEFAULT,
    *,
    policy: Annotated[
        Path | None,
        typer.Option(help="A file with another ladder, or with a whole configuration; else --config."),
    ] = None,
    since: Annotated[str, typer.Option(help="How far back, such as P90D.")] = "P90D",
    as_json: AsJson = False,
) -> None:
    """Propose anew, by a changed ladder, what was decided: who would be answered otherwise, and how.

    Of a version on record the result is kept, and it can be proposed on it.
    """
    settings = read_config(config)
    new = settings.ladder if policy is None else read_ladder(policy)
    try:
        span = parse_duration(since.upper())
    except ValueError as error:
        message = f"--since: {error}"
        raise fail(message, MISUSED) from None
    result, test = asyncio.run(_backtest(settings, new, span, quiet=as_json))
    number = None if isinstance(test, str) else test.number
    if as_json:
        typer.echo(json.dumps({"version": new.version, "backtest": number} | result.data()))
        return
    _show(result)
    said = f"It is {number}, on record. What is next: !policy ladder {new.version}, in the review room."
    console.print(escape(said if number else str(test)), soft_wrap=True, highlight=False)


async def _backtest(
    settings: Config, new: "Ladder", span: timedelta, *, quiet: bool
) -> "tuple[Result, Backtest | str]":
    from policybot.app import utc_now
    from policybot.services.backtests import Backtests
    from policybot.services.policies import Policies
    from policybot.services.setting import Setting

    setting = Setting(settings, utc_now)
    service = Backtests(setting, Policies(setting))
    since = utc_now() - span
    async with opened(settings) as database:
        with Progress(console=errors, transient=True, disable=quiet) as progress:
            task = progress.add_task("Proposing anew", total=None)

            def told(done: int, total: int) -> None:
                progress.update(task, completed=done, total=total)

            result = await service.run(database, new, since, told)
        return result, await _recorded(database, service, new, since, result)


async def _recorded(
    database: "Database", service: "Backtests", new: "Ladder", since: datetime, result: "Result"
) -> "Backtest | str":
    """Put it on record if the ladder is a version that may come into force; else say why it is not."""
    from policybot.domain.policy import COMING
    from policybot.store import policies

    async with database.transaction() as tx:
        known = await policies.named(tx, new)
        if known is None or known.hash != policies.of(new).hash:
            return (
                f"Version {new.version}, as it stands in this file, is not on record, nor is this test. "
                "It is once policybot has started with it in its configuration."
            )
        if known.state not in COMING:
            return f"Version {new.version} is {known.in_words}, so this test is not put on record."
        return await service.record(tx, _ACTOR, known.hash, since, result)


def _show(result: "Result") -> None:
    from policybot.services.policy_words import counted

    if not result.decisions:
        console.print("Nothing was decided in that time, so there is nothing to see.")
        return
    news = sorted({new for _, new in result.matrix}, key=_weight)
    table = Table("proposed then ↓  by this ladder →", *map(escape, news), box=None)
    for old in sorted({old for old, _ in result.matrix}, key=_weight):
        numbers = (result.matrix.get((old, new), 0) for new in news)
        table.add_row(escape(old), *(f"{n:,}" if n else "·" for n in numbers))
    console.print(table)
    done = counted(result.decisions, "decision", "decisions")
    whom = f"{counted(result.people, 'person', 'people')} and {counted(result.rooms, 'room', 'rooms')}"
    console.print(
        f"{done}: {result.milder:,} more mildly, {result.same:,} the same, {result.harsher:,} more "
        f"harshly ({result.share_harsher:.1%}). Another measure for {whom}.\n"
        f"Two people needed: in {result.two_before:,} of them before, in {result.two_after:,} with it.",
        soft_wrap=True,
        highlight=False,
    )
    if result.no_grid:
        console.print(f"Without a grid in it, and not counted: {result.no_grid:,}.")
    if result.worst:
        console.print("The harshest changes:")
    for one in result.worst:
        console.print(f"  {one.case}: {escape(one.old)} → {escape(one.new)}", highlight=False)


def _weight(text: str) -> tuple[int, timedelta]:
    from policybot.domain.measure import Measure

    return Measure.parse(text).weight


async def ladder_finding(config: Config) -> "Finding":
    """Say whether the ladder of the file is the one in force."""
    from policybot.config.finding import Finding
    from policybot.store import policies
    from policybot.store.database import Database, DatabaseAway

    what, name = "ladder", config.ladder.version
    fresh = Finding(what, good=True, said=f"version {name} is in the file; none is on record yet")
    try:
        database = await Database.open(config.database_url, upgrade=False)
    except DatabaseAway:
        return fresh
    try:
        if await database.version() == 0:
            return fresh
        async with database.transaction(reading=True) as tx:
            await policies.check(tx)
            live, _ = await policies.standing(tx)
            known = await policies.named(tx, config.ladder)
    except policies.Unreadable as problem:
        return Finding(what, good=False, said=str(problem), mend=problem.mend)
    finally:
        await database.close()
    if live is None:
        return fresh
    return _compared(what, config, live.ladder.version, known)


def _compared(what: str, config: Config, live: str, known: "Version | None") -> "Finding":
    from policybot.config.finding import Finding
    from policybot.domain.policy import State
    from policybot.store import policies

    name = config.ladder.version
    if known is None:
        said = (
            f"version {live} is in force; version {name} of the file becomes a draft at the next start"
        )
        return Finding(what, good=True, said=said)
    if known.hash != policies.of(config.ladder).hash:
        said = f"version {name} is on record with other contents, so policybot will not start"
        return Finding(what, good=False, said=said, mend="Give the changed ladder a new version.")
    if known.state is State.LIVE:
        return Finding(what, good=True, said=f"version {name} of the file is in force")
    said = f"version {live} is in force; version {name} of the file is {known.in_words}"
    mend = f"In the review room: !policy ladder {name}"
    if known.state is State.WITHDRAWN:
        mend = f"Put version {live} back into the file, or bring another one with a new version."
    waits = known.state not in (State.DRAFT, State.WITHDRAWN)
    return Finding(what, good=waits, said=said, mend=mend)
