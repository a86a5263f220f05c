"""What the doctor looks at besides the homeserver: keys, licences, people, providers, the gate."""

import json
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.markup import escape

from policybot import __version__
from policybot.cli.agreement import agreement_finding
from policybot.cli.terminal import console
from policybot.cli.versions import ladder_finding
from policybot.config import Config
from policybot.config.finding import Finding, shown
from policybot.config.keys import KeyMissing

if TYPE_CHECKING:
    from policybot.config.oidc import MasSection, ProviderSection
    from policybot.store.database import Tx
    from policybot.store.modules import Module

_ANSWERS_WITHIN = 10
"""Seconds."""
_SILENT = timedelta(minutes=10)
"""A module asks all the time."""
_REMEMBERED = timedelta(days=1)


def _keys_finding(config: Config) -> Finding:
    from policybot.config.keys import KeyFile

    keys = KeyFile(config.key_file)
    try:
        keys.check()
    except KeyMissing as error:
        mend = "Put the key file back from your copy; a new one opens nothing that is in the vault."
        return Finding("keys of the vault", good=False, said=str(error), mend=mend)
    return Finding("keys of the vault", good=True, said=f"{keys.names[-1]} is in use")


async def log_findings(config: Config) -> list[Finding]:
    """Look at the key of the audit log, and whether what it says is signed."""
    from policybot.app import utc_now
    from policybot.config.log_key import LogKey
    from policybot.services.checkpoints import Checkpoints
    from policybot.services.setting import Setting

    what, service = "audit log", Checkpoints(Setting(config, utc_now))
    async with _reading(config) as tx:
        if tx is None:
            return []
        size, at, trouble = await service.age(tx)
        due = await service.overdue(tx)
    if trouble:
        return [Finding(what, good=False, said=trouble, mend="policybot audit verify --full")]
    if size:
        try:
            LogKey(config.log_key_file).check()
        except KeyMissing as error:
            mend = "Put the key file back from your copy."
            return [Finding(what, good=False, said=str(error), mend=mend)]
    said = f"signed up to entry {size}, on {at:%Y-%m-%d at %H:%M} UTC" if at else "not signed yet"
    return [Finding(what, good=not due, said=said, mend="Is `policybot run` running?")]


def licence_findings(config: Config) -> list[Finding]:
    """Tell the doctor which of the operator's licences end soon or have ended."""
    from policybot.app import utc_now
    from policybot.domain.licence import due, in_words

    today, found = utc_now().date(), []
    for section in config.operator.licences:
        licence = section.licence()
        good = due(licence, today) is None
        said = f"{licence.title} is valid" if good else in_words(licence, today)
        found.append(Finding("licence", good=good, said=said, mend="Have it renewed."))
    return found


@asynccontextmanager
async def _reading(config: Config) -> AsyncIterator["Tx | None"]:
    """Read what is on record; None where nothing is yet, or the database is away."""
    from policybot.store.database import Database, DatabaseAway

    try:
        database = await Database.open(config.database_url, upgrade=False)
    except DatabaseAway:
        yield None
        return
    try:
        if await database.version() == 0:
            yield None
            return
        async with database.transaction(reading=True) as tx:
            yield tx
    finally:
        await database.close()


async def staffing_findings(config: Config) -> list[Finding]:
    """Tell the doctor whether the operator's people are enough for what comes in."""
    from policybot.app import utc_now
    from policybot.services.staffing import Staffing

    service = Staffing(config, utc_now)
    async with _reading(config) as tx:
        if tx is None:
            return []
        figures = await service.figures(tx)
    lacks = service.lacks(figures)
    said = "; ".join(lacks) or service.in_words(figures)
    mend = "Give more people the role moderator, or set other limits in operator.staffing."
    return [Finding("staffing", good=not lacks, said=said, mend=mend)]


async def _openid_findings(config: Config) -> list[Finding]:
    """Ask each OpenID provider who it is, and the homeserver whether it checks clients' tokens."""
    from policybot.app import utc_now
    from policybot.doors import openid_provider, openid_token
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


def file_findings(config: Config, registration: Path, homeserver: Sequence[Path]) -> list[Finding]:
    """Look at the homeserver's own files, if we are told where they are."""
    from policybot.config import homeserver_file
    from policybot.config.homeserver_modules import NAME

    if homeserver:
        try:
            return homeserver_file.look(homeserver_file.read(homeserver), config, registration)
        except homeserver_file.Unreadable as error:
            mend = "Run this as a user who can read it, or name its right place."
            return [Finding(NAME, good=False, said=str(error), mend=mend)]
    if config.gate is None:
        return []
    said = "not looked at; how it asks the gate is checked with --homeserver-yaml FILE"
    return [Finding(NAME, good=True, said=said)]


async def gate_findings(config: Config) -> list[Finding]:
    """Knock at our own gate, as the homeserver would."""
    import aiohttp

    from policybot.gate.wire import PROTOCOL

    if config.gate is None:
        return []
    what, said, mend = (
        "gate",
        "",
        "Is `policybot run` running? Else check appservice.address and the firewall.",
    )
    token = config.gate.token.get_secret_value()
    address = f"{config.appservice.address}/gate/rules"
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_ANSWERS_WITHIN)) as session,
            session.post(
                address,
                json={"protocol": PROTOCOL},
                headers={"Authorization": f"Bearer {token}"},
                allow_redirects=False,
            ) as response,
        ):
            status = response.status
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        said = f"{address} cannot be reached ({type(error).__name__})"
        return [Finding(what, good=False, said=said, mend=mend)]
    match status:
        case 200:
            return [Finding(what, good=True, said="answers under its token")]
        case 403:
            said, mend = "the running policybot has another token", "Restart policybot."
        case 404:
            said, mend = (
                "the running policybot has no gate",
                "Restart policybot: gate was set after it began.",
            )
        case 409:
            said, mend = "the running policybot is of another version", "Restart policybot."
        case _:
            said = f"{address} answers {status}"
    return [Finding(what, good=False, said=said, mend=mend)]


async def relay_findings(config: Config) -> list[Finding]:
    """Send a report that shows no token through our own door: the homeserver itself has to refuse it."""
    import aiohttp

    if not config.reports.proxy:
        return []
    what, mend = "report door", "Is `policybot run` running, and restarted since reports.proxy was set?"
    address = f"{config.appservice.address}/_matrix/client/v3/rooms/!doctor/report"
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_ANSWERS_WITHIN)) as session,
            session.post(address, json={}, allow_redirects=False) as response,
        ):
            if response.status == HTTPStatus.UNAUTHORIZED:
                return [Finding(what, good=True, said="passes reports on to the homeserver")]
            said = f"{config.appservice.address} answers {response.status} to a report"
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        said = f"{config.appservice.address} does not answer a report ({type(error).__name__})"
        mend += " And homeserver.address must be the homeserver itself, not the proxy before it."
    return [Finding(what, good=False, said=said, mend=mend)]


async def asked_findings(config: Config) -> list[Finding]:
    """Tell the doctor which processes of the homeserver ask at the gate."""
    from policybot.app import utc_now
    from policybot.store import modules

    if config.gate is None:
        return []
    async with _reading(config) as tx:
        asked = [] if tx is None else await modules.listed(tx)
    return module_findings(asked, utc_now())


def module_findings(asked: "Sequence[Module]", now: datetime) -> list[Finding]:
    """Say which processes of the homeserver ask at the gate, and which are of another version.

    Args:
        asked: the one that asked last first; a process that began anew is there under its old life, too.
        now: what time it is.
    """
    newest: dict[str, Module] = {}
    for module in asked:
        if module.version and now - module.seen_at < _REMEMBERED:
            newest.setdefault(module.worker, module)
    found = []
    for name, module in sorted(newest.items()):
        what, worker = "gate module", shown(name)
        at = f"{module.seen_at:%Y-%m-%d %H:%M} UTC"
        if now - module.seen_at >= _SILENT:
            said = f"{worker} asked last at {at}"
            mend = "Look into the homeserver's log. If that process is no more, this goes within a day."
            found.append(Finding(what, good=False, said=said, mend=mend))
        elif module.version != __version__:
            said = f"{worker} has version {shown(module.version)}, and this is {__version__}"
            mend = "Install the same package where the homeserver is installed, and restart it."
            found.append(Finding(what, good=False, said=said, mend=mend))
        else:
            found.append(Finding(what, good=True, said=f"{worker} asks, with version {module.version}"))
    return found or [Finding("gate module", good=True, said="none has asked within a day")]


async def examine(
    config: Config, file: Path, registration: Path, homeserver: Sequence[Path], *, as_json: bool
) -> int:
    """Tell what is found; the exit status is 1 if something wants mending.

    Args:
        config: the configuration.
        file: where it stands.
        registration: the registration file.
        homeserver: the homeserver's files, as they are given to Synapse; none to leave them out.
        as_json: for machines.
    """
    import aiohttp

    from policybot.matrix.doctor import Doctor

    logging.disable(logging.WARNING)
    found = []
    more = (
        _keys_finding(config),
        *await _openid_findings(config),
        await agreement_finding(config),
        await ladder_finding(config),
        *await log_findings(config),
        *licence_findings(config),
        *await staffing_findings(config),
        *await gate_findings(config),
        *await asked_findings(config),
        *await relay_findings(config),
        *file_findings(config, registration, homeserver),
    )
    told: set[tuple[str, str]] = set()
    async with aiohttp.ClientSession() as session:
        doctor_ = Doctor(config, file, registration, session, more=more)
        async for finding in doctor_.look():
            found.append(finding)
            if not as_json:
                mark = "[green]✓[/]" if finding.good else "[red]✗[/]"
                console.print(f"{mark} {escape(finding.what)}: {escape(finding.said)}", soft_wrap=True)
                again = (finding.said, finding.mend) in told  # one mend for all that one fault hinders
                told.add((finding.said, finding.mend))
                if not finding.good and finding.mend and not again:
                    console.print(f"    → {escape(finding.mend)}", soft_wrap=True)
    if as_json:
        rows = [
            {"what": f.what, "good": f.good, "said": f.said, "mend": "" if f.good else f.mend}
            for f in found
        ]
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=1))
    return 0 if all(f.good for f in found) else 1
