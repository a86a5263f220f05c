"""The keys commands: rotated, and killed in the middle of it, every name can still be read."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from policybot.cli.program import app
from policybot.config.keys import KeyFile, KeyMissing
from policybot.store import audit
from policybot.store.database import Database
from policybot.store.vault import Vault
from tests import files

MANY = 10_000
PERSONS = {f"P-{n:05}": f"Name {n}" for n in range(MANY)}


@dataclass
class Place:
    """A configuration with its database and keys."""

    config: Path
    database: Database
    keys: KeyFile

    def __post_init__(self) -> None:
        self.vault = Vault(self.keys)

    async def fill(self, persons: dict[str, str]) -> None:
        rows = [(person, {"name": name}) for person, name in persons.items()]
        async with self.database.transaction() as tx:
            await self.vault.keep_many(tx, "claims", rows)

    async def counts(self) -> dict[str, int]:
        async with self.database.transaction(reading=True) as tx:
            return await self.vault.counts(tx)

    async def names(self) -> dict[str, str]:
        async with self.database.transaction(reading=True) as tx:
            page = await self.vault.open_page(tx, "claims", "", MANY + 1)
        return {person: data["name"].reveal() for person, data in page}

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "policybot", "keys", *words, "-c", str(self.config)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    async def run(self, *words: str, answer: str = "") -> tuple[int, str]:
        """Run a command in this process, in a thread of its own."""
        result = await asyncio.to_thread(
            CliRunner().invoke, app, ["keys", *words, "-c", str(self.config)], answer
        )
        return result.exit_code, " ".join(result.output.split())


@pytest.fixture
async def place(tmp_path: Path, database: Database, database_url: str) -> Place:
    config = files.write(tmp_path, database_url)
    return Place(config, database, KeyFile(tmp_path / "vault.key"))


async def test_killed_in_the_middle_and_run_again_everything_opens(place: Place) -> None:
    await place.fill(PERSONS)
    caught = False
    while not caught:
        process = await asyncio.to_thread(place.start, "rotate")
        while process.poll() is None and not caught:
            new = place.keys.names[-1]
            caught = 0 < (await place.counts()).get(new, 0) < MANY and new != "k1"
            await asyncio.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    between = await place.counts()
    assert len(between) == 2, between
    assert await place.names() == PERSONS, "half way, everything opens"
    new = place.keys.names[-1]
    status, said = await place.run("rotate")
    assert (status, f"An earlier rotation to {new} goes on" in said) == (0, True), said
    assert await place.counts() == {new: MANY}
    for old in place.keys.names[:-1]:
        assert (await place.run("remove", old, "--yes"))[0] == 0
    assert place.keys.names == [new]
    assert await place.names() == PERSONS
    async with place.database.transaction(reading=True) as tx:
        async for step in audit.verify(tx):
            assert not isinstance(step, audit.Fault)


async def test_killed_before_anything_was_wrapped_the_new_key_is_taken_up(place: Place) -> None:
    await place.fill({"P-1": "Anna Ahrens"})
    place.keys.add()
    _, said = await place.run("rotate")
    assert "goes on" in said
    assert place.keys.names == ["k1", "k2"], "no third key"
    assert await place.counts() == {"k2": 1}


async def test_what_is_written_meanwhile_is_under_the_new_key(place: Place) -> None:
    """The service has the file open, and sees the new key at its next look."""
    await place.fill(dict(list(PERSONS.items())[:2000]))
    process = await asyncio.to_thread(place.start, "rotate")
    written = 0
    while process.poll() is None:
        async with place.database.transaction() as tx:
            await place.vault.keep(tx, f"P-new-{written}", "claims", {"name": "Zoe Zimmer"})
        written += 1
        await asyncio.sleep(0.01)
    assert process.returncode == 0, process.communicate()
    process.communicate()
    await place.run("rotate") if "k1" in await place.counts() else None
    assert "k1" not in await place.counts()
    assert len(await place.names()) == 2000 + written


async def test_the_list_names_keys_and_shows_none(place: Place) -> None:
    await place.fill({"P-1": "Anna Ahrens", "P-2": "Tom Cole"})
    status, said = await place.run("list")
    assert (status, "k1 2 in use" in said) == (0, True)
    await place.run("rotate")
    status, said = await place.run("list", "--json")
    assert json.loads(said) == [
        {"name": "k1", "wraps": 0, "there": True, "in_use": False},
        {"name": "k2", "wraps": 2, "there": True, "in_use": True},
    ]
    for line in (place.config.parent / "vault.key").read_text("ascii").splitlines()[1:]:
        assert line.split()[1] not in said


async def test_a_key_that_is_needed_is_not_removed(place: Place) -> None:
    await place.fill({"P-1": "Anna Ahrens"})
    status, said = await place.run("remove", "k1", "--yes")
    assert (status, "k1 is in use" in said) == (2, True)
    place.keys.add()
    status, said = await place.run("remove", "k1", "--yes")
    assert (status, "1 data keys are wrapped under k1" in said) == (2, True)
    status, said = await place.run("remove", "k9", "--yes")
    assert (status, "There is no key k9" in said) == (2, True)
    assert place.keys.names == ["k1", "k2"]


async def test_removing_a_key_says_what_can_no_longer_be_read_and_asks(place: Place) -> None:
    await place.run("rotate")
    status, said = await place.run("remove", "k1", answer="n\n")
    assert (status, "Backups of the database" in said) == (0, True)
    assert "Nothing was changed" in said
    assert place.keys.names == ["k1", "k2"]
    status, said = await place.run("remove", "k1", answer="y\n")
    assert (status, "k1 is gone" in said) == (0, True)
    assert place.keys.names == ["k2"]


async def test_a_key_that_is_missing_is_told(place: Place, tmp_path: Path) -> None:
    await place.fill({"P-1": "Anna Ahrens"})
    (tmp_path / "vault.key").unlink()
    KeyFile.make(tmp_path / "vault.key").add()
    place.keys.remove("k1")
    status, said = await place.run("list")
    assert (status, "missing: these cannot be read" in said) == (1, True)
    status, said = await place.run("rotate")
    assert (status, "not in the key file" in said) == (1, True)
    with pytest.raises(KeyMissing):
        await place.names()


async def test_two_at_once_do_not_lose_a_key(place: Place) -> None:
    with place.keys.held():
        for words in (["rotate"], ["remove", "k1", "--yes"]):
            status, said = await place.run(*words)
            assert (status, "Somebody else is at work" in said) == (1, True)
    assert place.keys.names == ["k1"]


async def test_the_new_file_belongs_to_the_owner_of_the_old_one(place: Place, tmp_path: Path) -> None:
    """Whoever runs the service has to read it, also when an administrator rotates the keys."""
    file = tmp_path / "vault.key"
    owner = 65534 if os.geteuid() == 0 else os.geteuid()
    os.chown(file, owner, -1)
    assert (await place.run("rotate"))[0] == 0
    assert (file.stat().st_uid, file.stat().st_mode & 0o777) == (owner, 0o400)


async def test_a_place_for_keys_that_is_not_there_is_told(place: Place) -> None:
    text = place.config.read_text("utf-8")
    place.config.write_text(text.replace("key_file: vault.key", "key_file: nowhere/vault.key"), "utf-8")
    for words in (["rotate"], ["remove", "k1", "--yes"], ["list"]):
        status, said = await place.run(*words)
        assert (status, "Traceback" in said) == (1, False)
        assert "nowhere/vault.key" in said.replace(" ", "")
