"""The commands about the audit log, as operators, auditors and members type them."""

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from typer.testing import CliRunner, Result

from policybot.__main__ import app
from policybot.app import App
from policybot.config import load
from policybot.config.log_key import LogKey
from policybot.domain import merkle
from policybot.domain.entry import canonical
from policybot.domain.note import Checkpoint
from policybot.domain.proof import Proof
from policybot.store import audit
from policybot.store.database import Database
from tests import files
from tests.world import CHEAP, Clock

DOC = Path(__file__).parents[1] / "docs" / "log.md"


def policybot(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["audit", *map(str, words)])


def said(result: Result) -> str:
    return " ".join((result.stdout + result.stderr).split())


async def _lived(config: Path, clock: Clock, number: int) -> None:
    settings = load(config)
    database = await Database.open(settings.database_url)
    async with database.transaction() as tx:
        for n in range(number):
            act = {"actor": "@mira:example.org", "tag": "decision:final", "object": f"C-{n}"}
            audit.append(tx, at=clock(), rule="R2", **act)
    clock.pass_time(minutes=11)
    await App(settings, database, now=clock, stretch=CHEAP).services.checkpoints.tick(database)
    await database.close()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration whose log has twelve entries, signed at seven and at twelve."""
    path, clock = files.write(tmp_path), Clock()
    asyncio.run(_lived(path, clock, 7))
    asyncio.run(_lived(path, clock, 5))
    return path


def tamper(config: Path, sql: str) -> None:
    import sqlite3

    connection = sqlite3.connect(config.parent / "policybot.db")
    connection.executescript(f"DROP TRIGGER audit_no_update; DROP TRIGGER audit_no_delete; {sql}")
    connection.close()


def test_a_log_that_holds_is_said_to_hold(config: Path) -> None:
    result = policybot("verify", "-c", config, "--full")
    assert (result.exit_code, result.stderr.strip()) == (0, "")
    assert "The log holds: 12 entries, 2 signed checkpoints, last hash" in said(result)
    plain = policybot("verify", "-c", config)
    assert "What entries say was not compared" in said(plain)
    data = json.loads(policybot("verify", "-c", config, "--json", "--since", "3").stdout)
    assert (data["good"], data["entries"], data["checkpoints"], data["payloads"]) == (True, 12, 2, False)


def test_the_first_bad_entry_is_named_in_words(config: Path) -> None:
    tamper(config, "UPDATE audit SET actor = '@otto:example.org' WHERE seq = 9")
    result = policybot("verify", "-c", config)
    assert result.exit_code == 1
    assert "The log does not hold at entry 9: it was changed after it was written." in said(result)
    data = json.loads(policybot("verify", "-c", config, "--json").stdout)
    assert (data["good"], data["entry"]) == (False, 9)


def test_what_an_entry_says_is_compared_when_asked_for(config: Path) -> None:
    tamper(config, "UPDATE audit_payloads SET payload = '{}' WHERE seq = 9")
    assert policybot("verify", "-c", config).exit_code == 0
    result = policybot("verify", "-c", config, "--full")
    assert (result.exit_code, "entry 9: its payload was changed" in said(result)) == (1, True)


def test_a_checkpoint_that_somebody_kept_convicts_a_log_that_lost_its_end(
    config: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "kept.txt"
    text = (config.parent / "checkpoints.txt").read_text("utf-8")
    kept.write_text("Copied from the room, 2 March:\n> " + text.replace("\n", "\n> "), "utf-8")
    kept.write_text(re.sub(r"(?m)^> ?", "", kept.read_text("utf-8")), "utf-8")
    assert policybot("verify", "-c", config, "--checkpoint", kept).exit_code == 0
    for name in ("policybot.db", "policybot.db-wal", "policybot.db-shm", "checkpoints.txt"):
        (config.parent / name).unlink(missing_ok=True)
    asyncio.run(_lived(config, Clock(), 9))
    assert policybot("verify", "-c", config).exit_code == 0, "in itself it holds"
    result = policybot("verify", "-c", config, "--checkpoint", kept)
    assert result.exit_code == 1
    assert "up to here the entries are not those that were signed on 2026-03-02" in said(result)


def test_a_proof_is_written_for_its_owner_alone(config: Path, tmp_path: Path) -> None:
    """It may say who acted; also where a file open to others stood in its place."""
    proof, old = tmp_path / "proof.json", tmp_path / "old.json"
    old.write_text("old", "utf-8")
    old.chmod(0o644)
    for file in (proof, old):
        assert policybot("prove", "4", "-c", config, "--actor", "--out", file).exit_code == 0
        assert file.stat().st_mode & 0o777 == 0o600
    assert proof.read_text("utf-8") == old.read_text("utf-8")
    result = policybot("prove", "4", "-c", config, "--out", tmp_path / "none" / "proof.json")
    assert (result.exit_code, "cannot be written" in said(result)) == (2, True)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("verify", "--checkpoint", "{missing}"), "cannot be read"),
        (("verify", "--checkpoint", "{config}"), "has no signed checkpoint in it"),
        (("verify-proof", "{missing}"), "cannot be read"),
        (("verify-proof", "{config}"), "it is no JSON"),
        (("verify-proof", "{config}", "--key", "abc"), "no verifier key"),
    ],
)
def test_what_cannot_be_checked_ends_with_two(
    config: Path, tmp_path: Path, words: tuple[str, ...], why: str
) -> None:
    places = {"missing": tmp_path / "missing.txt", "config": config}
    more = ("-c", config) if words[0] == "verify" else ()
    result = policybot(*(word.format(**places) for word in words), *more)
    assert (result.exit_code, why in said(result)) == (2, True), said(result)


def test_an_entry_is_proved_to_somebody_who_has_only_the_file_and_the_key(
    config: Path, tmp_path: Path
) -> None:
    proof, key = tmp_path / "proof.json", policybot("key", "-c", config).stdout.strip()
    assert "decision:final" in said(policybot("prove", "C-3", "-c", config))
    assert policybot("prove", "4", "-c", config, "--out", proof).exit_code == 0
    away = config.parent.rename(tmp_path.parent / f"{tmp_path.name}-away")
    result = policybot("verify-proof", away / proof.name, "--key", key)
    assert result.exit_code == 0
    away.rename(tmp_path)
    assert (
        "Entry 4 of 2026-03-02 09:00:00 UTC, decision:final C-3, is in the log example.org/policybot "
        "of 12 entries, which its operator signed on 2026-03-02 at 09:22:00 UTC." in said(result)
    )
    text = proof.read_text("utf-8")
    assert "@mira" not in text
    assert '"R2"' not in text
    more = policybot("prove", "4", "-c", config, "--payload", "--actor").stdout
    proof.write_text(more, "utf-8")
    result = policybot("verify-proof", proof)
    assert "It was done by @mira:example.org. It says: rule: R2" in said(result)
    assert "Compare it with the one that the operator publishes" in said(result)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"object": "C-3"', '"object": "C-4"'),
        ('"seq": 4', '"seq": 5'),
        ('"rule": "R2"', '"rule": "R3"'),
        ('"actor": "@mira:example.org"', '"actor": "@otto:example.org"'),
        (' "12",', ' "13",'),
        ("Signed: 2026-03-02T09:22:00Z", "Signed: 2025-03-02T09:22:00Z"),
    ],
)
def test_a_proof_in_which_anything_was_changed_proves_nothing(
    config: Path, tmp_path: Path, old: str, new: str
) -> None:
    text = policybot("prove", "4", "-c", config, "--payload", "--actor").stdout
    assert old in text
    proof = tmp_path / "proof.json"
    proof.write_text(text.replace(old, new, 1), "utf-8")
    result = policybot("verify-proof", proof)
    assert (result.exit_code, "This proves nothing: " in said(result)) == (1, True), said(result)


def _signed(name: str, **columns: str | int) -> str:
    """Write a proof that holds in itself, by a key of whoever wrote it."""
    with TemporaryDirectory() as folder:
        key = LogKey(Path(folder) / "log.key")
        key.make(name)
        row = {"seq": 1, "at": 0, "actor": "", "tag": "", "object": "", "commitment": "", "previous": ""}
        row |= columns
        leaf = merkle.leaf(canonical(row).encode())
        note = key.sign(Checkpoint(name, 1, leaf, None))
        return str(Proof(row, [], note, key.verifier))


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("example.org/policybot", {"tag": "decision:final", "object": "C-1\n\x1b[1A\x1b[2KGood."}),
        ("a\x1b[8m", {"object": "C-1"}),
        ("a", {"object": "C-1", "at": 10**18}),
    ],
)
def test_a_hostile_proof_neither_writes_over_what_is_said_of_it_nor_crashes(
    tmp_path: Path, name: str, columns: dict[str, str | int]
) -> None:
    """Whoever sends one would else hide that its key is only the one in the file."""
    proof = tmp_path / "proof.json"
    proof.write_text(_signed(name, **columns), "utf-8")
    result = policybot("verify-proof", proof)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    told = result.stdout + result.stderr
    assert "\x1b" not in told
    assert not any(line.strip() == "Good." for line in told.splitlines())


def test_a_proof_under_another_key_proves_nothing(config: Path, tmp_path: Path) -> None:
    proof = tmp_path / "proof.json"
    policybot("prove", "4", "-c", config, "--out", proof)
    other = files.write(tmp_path / "other")
    key = policybot("key", "-c", other).stdout.strip()
    result = policybot("verify-proof", proof, "--key", key)
    assert (result.exit_code, "is not signed by the key" in said(result)) == (1, True)


def test_the_few_lines_of_the_documentation_check_a_proof_without_policybot(
    config: Path, tmp_path: Path
) -> None:
    proof, key = tmp_path / "proof.json", policybot("key", "-c", config).stdout.strip()
    policybot("prove", "4", "-c", config, "--out", proof)
    script = re.search(r"```python\n(.*?)```", DOC.read_text("utf-8"), re.DOTALL)
    assert script is not None
    code = tmp_path / "check.py"
    code.write_text(script[1], "utf-8")
    checked = [sys.executable, "-I", str(code), str(proof), key]
    good = subprocess.run(checked, capture_output=True, text=True, check=False)
    assert (good.returncode, good.stdout.strip()) == (0, "good"), good.stderr
    proof.write_text(proof.read_text("utf-8").replace("C-3", "C-4"), "utf-8")
    assert subprocess.run(checked, capture_output=True, check=False).returncode != 0


def test_a_new_key_is_told_in_the_log_and_the_old_checkpoints_stay_good(config: Path) -> None:
    old = policybot("key", "-c", config).stdout.strip()
    result = policybot("key", "--new", "-c", config)
    new = result.stdout.strip()
    assert old != new
    assert "checkpoints.txt is now" in said(result)
    assert policybot("verify", "-c", config).exit_code == 0
    clock = Clock()
    clock.pass_time(hours=1)
    asyncio.run(_lived(config, clock, 1))
    result = policybot("verify", "-c", config)
    assert "14 entries, 3 signed checkpoints" in said(result)
    assert "checkpoint:key" in said(policybot("prove", "log", "-c", config))
