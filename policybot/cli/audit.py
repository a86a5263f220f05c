"""The commands about the audit log: whether it is whole, proofs from it, and the key that signs it."""

import asyncio
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
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
    write_for_owner,
)
from policybot.config import Config
from policybot.config.keys import KeyMissing
from policybot.config.log_key import LogKey, log_name, signed_by
from policybot.domain.name import written_out
from policybot.domain.note import Note, NoteRefused, Verifier, notes_in
from policybot.domain.proof import Proof, ProofUnreadable

if TYPE_CHECKING:
    from policybot.services.log_check import Checked
    from policybot.store.audit import Kept

audit_app = typer.Typer(help="Look at the audit log.", no_args_is_help=True)

_MOST_LISTED = 200


@audit_app.command("verify")
def audit_verify(
    config: ConfigFile = DEFAULT,
    *,
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option(help="A file with checkpoints that you kept, also as copied from the room."),
    ] = None,
    since: Annotated[int, typer.Option(min=1, help="The first entry to look at.")] = 1,
    full: Annotated[
        bool, typer.Option("--full", help="Compare what entries say, too; it takes twice as long.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check that no entry of the audit log was changed, dropped or moved since it was signed."""
    settings = read_config(config)
    notes = _noted(settings, checkpoint or [])
    result = asyncio.run(_verify(settings, notes, since, full=full))
    fault = result.fault
    if as_json:
        said: dict[str, Any] = {"good": fault is None, "entries": result.entries, "head": result.head}
        said |= {"root": result.root, "checkpoints": result.checkpoints, "payloads": full}
        if fault is not None:
            said |= {"entry": fault.seq, "what": fault.what}
        typer.echo(json.dumps(said))
    elif fault is not None:
        errors.print(
            f"The log does not hold at entry {fault.seq}: {escape(fault.what)}.",
            soft_wrap=True,
            highlight=False,
        )
    else:
        console.print(
            f"The log holds: {result.entries} entries, {result.checkpoints} signed checkpoints, last "
            f"hash {result.head}",
            soft_wrap=True,
            highlight=False,
        )
        if not full:
            console.print("What entries say was not compared: --full does.")
    raise typer.Exit(0 if fault is None else 1)


def _noted(settings: Config, files: list[Path]) -> list[Note]:
    """Read the checkpoints of our own file and of those that were given."""
    found: list[Note] = []
    own = settings.log_file
    for path in [*([own] if own.exists() else []), *files]:
        try:
            notes = list(notes_in(path.read_text("utf-8", errors="replace")))
        except OSError as error:
            message = f"{path} cannot be read: {error.strerror}"
            raise fail(message, MISUSED) from None
        if not notes and path is not own:
            message = f"{path} has no signed checkpoint in it"
            raise fail(message, MISUSED)
        found += notes
    return found


async def _verify(settings: Config, notes: list[Note], since: int, *, full: bool) -> "Checked":
    from policybot.services.log_check import Wanted, check

    async with opened(settings) as database:
        try:
            verifiers = LogKey(settings.log_key_file).verifiers
        except KeyMissing as error:
            # Before the first start there is neither a key nor anything that it has signed.
            async with database.transaction(reading=True) as tx:
                from policybot.store import checkpoints

                if notes or await checkpoints.last(tx) is not None:
                    raise fail(str(error), MISUSED) from None
            verifiers = []
        columns = TextColumn("Verifying"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
        with Progress(*columns, console=errors, transient=True) as progress:
            task = progress.add_task("Verifying", total=None)
            wanted = Wanted(
                settings.database_url, verifiers, notes, since, full, processes=os.cpu_count() or 1
            )
            return await check(
                database, wanted, lambda done, of: progress.update(task, completed=done, total=of)
            )


@audit_app.command("prove")
def audit_prove(
    entry: Annotated[str, typer.Argument(help="The entry's number; or what it is about, such as C-17.")],
    config: ConfigFile = DEFAULT,
    *,
    out: Annotated[Path | None, typer.Option(help="Write the proof into this file.")] = None,
    payload: Annotated[bool, typer.Option("--payload", help="With what the entry says.")] = False,
    actor: Annotated[bool, typer.Option("--actor", help="With the account that acted.")] = False,
) -> None:
    """Write a proof that an entry is in the log, which can be checked without the log."""
    found = asyncio.run(_prove(read_config(config), entry, payload=payload, actor=actor))
    if isinstance(found, Proof):
        if out is None:
            typer.echo(str(found), nl=False)
        else:
            write_for_owner(out, str(found))
            console.print(
                f"Written: {escape(str(out))}. To check it: policybot audit verify-proof {out}"
            )
        return
    if not found:
        message = f"The log has no entry about {entry}."
        raise fail(message)
    table = Table("entry", "at", "what", box=None)
    for one in reversed(found):
        table.add_row(str(one.seq), f"{one.at:%Y-%m-%d %H:%M:%S} UTC", escape(one.tag))
    console.print(table)
    console.print("To prove one of them: policybot audit prove NUMBER")


async def _prove(settings: Config, entry: str, *, payload: bool, actor: bool) -> "Proof | list[Kept]":
    from policybot.app import utc_now
    from policybot.domain.errors import Refused
    from policybot.services.checkpoints import Checkpoints
    from policybot.services.setting import Setting
    from policybot.store import audit
    from policybot.store.checkpoints import Damaged

    async with opened(settings) as database, database.transaction(reading=True) as tx:
        if not entry.isdecimal():
            return await audit.about(tx, entry, _MOST_LISTED)
        service = Checkpoints(Setting(settings, utc_now))
        try:
            return await service.prove(tx, int(entry), said=payload, actor=actor)
        except (Refused, Damaged, KeyMissing) as error:
            raise fail(str(error)) from None


@audit_app.command("verify-proof")
def audit_verify_proof(
    file: Annotated[Path, typer.Argument(help="The proof.")],
    key: Annotated[
        str | None, typer.Option(help="The log's verifier key, as it is published; from elsewhere.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Check a proof, without the log and without a network."""
    try:
        text = file.read_text("utf-8")
        verifier = None if key is None else Verifier.read(key)
    except (OSError, UnicodeDecodeError) as error:
        message = f"{file} cannot be read: {getattr(error, 'strerror', None) or 'it is no text'}"
        raise fail(message, MISUSED) from None
    except NoteRefused as refused:
        message = f"--key: {refused}"
        raise fail(message, MISUSED) from None
    try:
        proof = Proof.read(text)
    except ProofUnreadable as error:
        message = written_out(f"{file}: {error}")
        raise fail(message, MISUSED) from None
    wrong = _wrong(proof, verifier or proof.verifier)
    if as_json:
        row = {**proof.columns, "key": str(proof.verifier), "size": proof.note.checkpoint.size}
        typer.echo(json.dumps({"good": False, "what": wrong} if wrong else {"good": True, **row}))
    elif wrong:
        errors.print(
            escape(written_out(f"This proves nothing: {wrong}.")), soft_wrap=True, highlight=False
        )
    else:
        console.print(escape(_proved(proof, trusted=key is not None)), soft_wrap=True, highlight=False)
    raise typer.Exit(1 if wrong else 0)


def _wrong(proof: Proof, verifier: Verifier) -> str:
    """Say what is wrong with a proof; nothing if it proves what it says."""
    try:
        proof.check()
    except ProofUnreadable as error:
        return str(error)
    good = signed_by(proof.note, [verifier])
    return "" if good else f"the checkpoint in it is not signed by the key {verifier}"


def _proved(proof: Proof, *, trusted: bool) -> str:
    """Say in words what a proof proves."""
    row, checkpoint = proof.columns, proof.note.checkpoint
    signed = f" on {checkpoint.at:%Y-%m-%d at %H:%M:%S} UTC" if checkpoint.at else ""
    what = f"Entry {row['seq']} of {_time(row['at'])}, {row['tag']} {row['object']}"
    where = f"the log {checkpoint.origin} of {checkpoint.size} entries"
    lines = [f"{what}, is in {where}, which its operator signed{signed}."]
    if proof.actor is not None:
        lines.append(f"It was done by {proof.actor[0]}.")
    if proof.said is not None:
        lines.append("It says:")
        lines += [f"  {name}: {value}" for name, value in json.loads(proof.said[0]).items()]
    if not trusted:
        lines.append(
            f"The key is the one that stands in the file: {proof.verifier}. "
            "Compare it with the one that the operator publishes, or give that with --key."
        )
    return "\n".join(map(written_out, lines))


def _time(at: int) -> str:
    try:
        return f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (OverflowError, ValueError, OSError):
        return f"no time at all ({at})"


@audit_app.command("key")
def audit_key(
    config: ConfigFile = DEFAULT,
    *,
    new: Annotated[
        bool, typer.Option("--new", help="Sign with a fresh key from now on; the file begins anew.")
    ] = False,
    old: Annotated[
        str | None, typer.Option(help="A verifier key by which older checkpoints are good.")
    ] = None,
) -> None:
    """Print the public key by which everybody can check what is signed."""
    settings = read_config(config)
    key = LogKey(settings.log_key_file)
    try:
        if new:
            key.make(log_name(settings.homeserver.server_name))
            _put_aside(settings.log_file)
            asyncio.run(_remember(settings, "checkpoint:key", str(key.verifier)))
        if old is not None:
            key.trust(Verifier.read(old))
            asyncio.run(_remember(settings, "checkpoint:trust", old.strip()))
        typer.echo(str(key.verifier))
    except (KeyMissing, NoteRefused) as error:
        raise fail(str(error)) from None
    except OSError as error:
        message = f"{settings.log_key_file}: {error.strerror}"
        raise fail(message) from None


def _put_aside(file: Path) -> None:
    """Keep the checkpoints of another key in a file of their own."""
    if file.exists():
        aside = file.with_name(f"{file.name}.{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
        file.rename(aside)
        errors.print(f"{escape(str(file))} is now {escape(str(aside))}", soft_wrap=True)


async def _remember(settings: Config, tag: str, key: str) -> None:
    from policybot.app import utc_now
    from policybot.store import audit

    async with opened(settings) as database, database.transaction() as tx:
        audit.append(tx, at=utc_now(), actor="system:operator", tag=tag, object="log", key=key)
