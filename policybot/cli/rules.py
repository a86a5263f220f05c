"""The command line for rules: try them on a text, see their figures, hold them against kept messages."""

import asyncio
import json
import logging
import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from policybot.cli.terminal import (
    DEFAULT,
    AsJson,
    ConfigFile,
    console,
    errors,
    fail,
    opened,
    read_config,
)
from policybot.config import Config, ConfigRefused, load

if TYPE_CHECKING:
    from policybot.app import App
    from policybot.matching.ruleset import RuleSet
    from policybot.store.findings import Stats
    from policybot.store.refusals import Tally

log = logging.getLogger(__name__)

rules_app = typer.Typer(help="The rules that a machine can apply.", no_args_is_help=True)

_PAGE = 500
_FOUND = 1
"""The exit status where a rule applies to the text that is tried."""
_MOST_TEXT = 1024 * 1024


def load_rules(config: Config) -> "RuleSet":
    """Compile the rules, or end with what is wrong with them."""
    from policybot.matching.ruleset import RuleRefused, compiled

    try:
        return compiled(config.mechanisms)
    except RuleRefused as error:
        message = f"The configuration, {error}"
        raise fail(message, 2) from None


async def renew_rules(app: "App", path: Path, again: asyncio.Event) -> None:
    """Take the rules of the file anew whenever it is asked for; one with mistakes changes nothing."""
    from policybot.matching.ruleset import RuleRefused

    while True:
        await again.wait()
        again.clear()
        try:
            await app.use_rules(await asyncio.to_thread(load, path))
        except (ConfigRefused, RuleRefused) as error:
            log.error("The rules stay as they are: %s", error)  # noqa: TRY400 - an answer, no traceback
        else:
            log.info("The rules are now %s", app.services.findings.rules.version)


@rules_app.command("test")
def rules_test(
    text: Annotated[str, typer.Argument(help="A text, or a file with one; - reads the standard input.")],
    config: ConfigFile = DEFAULT,
    *,
    as_json: AsJson = False,
) -> None:
    """Say which rules apply to a text by what it says, drafts as well, and how long it took.

    What is about the sender or the room is not known here, and taken as true where it is asked for.
    """
    from policybot.domain.markup import plain
    from policybot.domain.seen import Seen
    from policybot.matching import ruleset

    settings = read_config(config)
    load_rules(settings)
    said = _text(text).encode(errors="replace").decode()  # words of a command line can be no text
    seen = Seen((said, *((plain(said)[0],) if "<" in said else ())))
    found: list[dict[str, Any]] = []
    begin = time.perf_counter()
    for mechanism in settings.mechanisms:
        answer, spans = ruleset.tried(mechanism, seen)
        if answer is not False:
            found.append(
                {
                    "rule": mechanism.id,
                    "state": mechanism.stage.value,
                    "then": sorted(mechanism.then),
                    "automatic": mechanism.automatic,
                    "certain": answer is True,
                    "spans": spans,
                }
            )
    took = time.perf_counter() - begin
    if as_json:
        typer.echo(json.dumps({"found": found, "seconds": took}))
    else:
        for one in found:
            sure = (
                "applies" if one["certain"] else "may apply: it also asks for what a text does not say"
            )
            acts = ", ".join(one["then"]) + (" by itself" if one["automatic"] else "")
            console.print(
                f"{one['rule']} ({one['state']}; {acts}) {sure}", highlight=False, markup=False
            )
        many = len(settings.mechanisms)
        rest = "" if found else "No rule applies. "
        console.print(
            f"{rest}{many} rule{'s' if many != 1 else ''} tried in {took * 1000:.1f} ms.",
            highlight=False,
        )
    raise typer.Exit(_FOUND if found else 0)


def _text(given: str) -> str:
    if given == "-":
        return typer.get_text_stream("stdin").read(_MOST_TEXT)
    try:
        path = Path(given)
        if path.is_file():
            return path.read_text("utf-8", errors="replace")[:_MOST_TEXT]
    except (OSError, ValueError):  # too long, or no name at all: a text
        pass
    return given


_COLUMNS = """\
Found: after delivery. Counted: nothing followed. Cases: for people to decide. Acted: by itself.
Stopped: a case, though the rule would have acted, because it had found or refused too much.
Dismissed: cases of it in which people saw no breach, of those that ended.
Refused: by the gate, before delivery. To: so many people."""

Days = Annotated[int, typer.Option("--days", min=1, help="How far to look back.")]


@rules_app.command("stats")
def rules_stats(config: ConfigFile = DEFAULT, days: Days = 30, *, as_json: AsJson = False) -> None:
    """Show how often each rule applied, what followed, how often people disagreed, what was refused."""
    settings = read_config(config)
    found, refused = asyncio.run(_stats(settings, days))
    if as_json:
        typer.echo(json.dumps([asdict(one) | _refused(refused.get(one.rule_id)) for one in found]))
        return
    all_hits = sum(sum(one.outcomes.values()) for one in found)
    if not found:
        console.print(f"No rule has applied to anything within {days} days.")
        return
    table = Table(
        *("Rule", "Found", "Share", "People", "Counted", "Cases", "Acted", "Stopped", "Dismissed"),
        *("Refused", "To"),
        box=None,  # so that all of it fits into eighty columns
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for one in found:
        hits = sum(one.outcomes.values())
        ended = one.decided + one.dismissed
        table.add_row(
            escape(one.rule_id),
            str(hits),
            f"{hits / all_hits:.0%}" if hits else "–",
            str(one.people),
            *(str(one.outcomes.get(key, 0)) for key in ("counted", "reported", "acted", "stopped")),
            f"{one.dismissed} of {ended}" if ended else "–",
            *(str(number) for number in list(_refused(refused.get(one.rule_id)).values())[:2]),
        )
    console.print(table)
    console.print(_COLUMNS, highlight=False)


def _refused(tally: "Tally | None") -> dict[str, Any]:
    """Say how often the gate refused something for a rule, before it was delivered."""
    return {
        "refused": tally.number if tally else 0,
        "refused_people": tally.people if tally else 0,
        "refused_rooms": tally.rooms if tally else 0,
        "refused_last": tally.last_at.isoformat() if tally else None,
    }


async def _stats(settings: Config, days: int) -> "tuple[list[Stats], dict[str, Tally]]":
    """Read the figures of each rule that found something, or for which something was refused."""
    from policybot.store import findings, refusals

    since = datetime.now(UTC) - timedelta(days=days)
    async with opened(settings) as database, database.transaction(reading=True) as tx:
        found = {one.rule_id: one for one in await findings.stats(tx, since)}
        refused = {one.rule_id: one for one in await refusals.tallies(tx, since) if one.rule_id}
    for rule_id in refused:
        found.setdefault(rule_id, findings.Stats(rule_id, {}, 0, 0, 0))
    return [found[rule_id] for rule_id in sorted(found)], refused


@rules_app.command("backtest")
def rules_backtest(config: ConfigFile = DEFAULT, *, as_json: AsJson = False) -> None:
    """Hold the rules of the file against the kept copies of messages; nothing is written.

    Beside what each rule would find now stands what it was found to apply to when they were written.
    """
    settings = read_config(config)
    load_rules(settings)
    texts, before = asyncio.run(_kept(settings))
    result = _held_against(settings, texts, before, quiet=as_json)
    if as_json:
        typer.echo(json.dumps({"messages": len(texts), "rules": result}))
        return
    table = Table("Rule", "State", "Applies now", "Share", "Newly", "No more")
    for one in result:
        share = f"{one['now'] / len(texts):.0%}" if texts else "–"
        numbers = (str(one[key]) for key in ("newly", "no_more"))
        table.add_row(escape(str(one["rule"])), str(one["state"]), str(one["now"]), share, *numbers)
    console.print(table)
    console.print(
        f"{len(texts)} kept messages. They were kept because somebody reported them or a rule found "
        "them, so the shares say nothing about ordinary messages.",
        highlight=False,
    )


async def _kept(settings: Config) -> tuple[dict[str, Mapping[str, Any]], dict[str, set[str]]]:
    """Read the kept messages by their ID, and which rules were found to apply to them."""
    from policybot.app import App, CannotStart
    from policybot.store import findings

    texts: dict[str, Mapping[str, Any]] = {}
    async with opened(settings) as database:
        try:
            copies = App(settings, database).services.copies
        except CannotStart as error:
            raise fail(str(error)) from None
        last = ""
        while True:
            async with database.transaction(reading=True) as tx:
                page = await copies.page(tx, last, _PAGE)
            texts |= dict(page)
            if len(page) < _PAGE:
                break
            last = page[-1][0]
        async with database.transaction(reading=True) as tx:
            return texts, await findings.by_rule(tx)


def _held_against(
    settings: Config, texts: dict[str, Mapping[str, Any]], before: dict[str, set[str]], *, quiet: bool
) -> list[dict[str, Any]]:
    from policybot.domain.seen import seen
    from policybot.matching import ruleset

    now: dict[str, set[str]] = {mechanism.id: set() for mechanism in settings.mechanisms}
    tries = [(mechanism, ruleset.alone(mechanism)) for mechanism in settings.mechanisms]
    rows = (
        texts.items() if quiet else track(list(texts.items()), "Trying", console=errors, transient=True)
    )
    for event_id, content in rows:
        what = seen("m.room.message", content)
        for mechanism, rules in tries:
            if ruleset.holds_alone(rules, what) is not False:
                now[mechanism.id].add(event_id)
    return [
        {
            "rule": mechanism.id,
            "state": mechanism.stage.value,
            "now": len(now[mechanism.id]),
            "newly": len(now[mechanism.id] - before.get(mechanism.id, set())),
            "no_more": len((before.get(mechanism.id, set()) & texts.keys()) - now[mechanism.id]),
        }
        for mechanism in settings.mechanisms
    ]
