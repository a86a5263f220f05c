"""The vault: what is in it opens with its keys, in its place, and never again once forgotten."""

from pathlib import Path
from typing import Any

import pytest

from policybot.config.keys import KeyFile, KeyMissing
from policybot.domain.private import Private
from policybot.store.database import Database
from policybot.store.vault import Index, Stretch, Vault

CHEAP = Stretch(8, 1)


@pytest.fixture
def keys(tmp_path: Path) -> KeyFile:
    return KeyFile.make(tmp_path / "vault.key")


async def put(database: Database, vault: Vault, person: str, name: str) -> None:
    async with database.transaction() as tx:
        await vault.keep(tx, person, "claims", {"name": name})


async def name_of(database: Database, vault: Vault, person: str) -> str | None:
    async with database.transaction(reading=True) as tx:
        found = await vault.open(tx, person, "claims")
    return found["name"].reveal() if found else None


async def test_a_name_is_kept_and_opened(database: Database, keys: KeyFile) -> None:
    vault = Vault(keys)
    await put(database, vault, "P-1", "Anna Ahrens")
    await put(database, vault, "P-1", "Anna Berger")
    assert await name_of(database, vault, "P-1") == "Anna Berger"
    assert await name_of(database, vault, "P-2") is None


async def test_the_database_alone_opens_nothing(
    database: Database, keys: KeyFile, tmp_path: Path
) -> None:
    await put(database, Vault(keys), "P-1", "Anna Ahrens")
    thief = Vault(KeyFile.make(tmp_path / "other.key"))
    with pytest.raises(KeyMissing):
        await name_of(database, thief, "P-1")
    async with database.transaction(reading=True) as tx:
        for table in ("vault_keys", "vault_fields", "vault_index"):
            rows: Any = await tx.fetch(f"SELECT * FROM {table}")  # noqa: S608
            assert "Ahrens" not in str([tuple(row) for row in rows])


async def test_a_file_is_kept_and_opened(database: Database, keys: KeyFile) -> None:
    vault, data = Vault(keys), bytes(range(256)) * 300
    async with database.transaction() as tx:
        await vault.keep(tx, "P-1", "claims", {"name": "Anna Ahrens"})
        await vault.keep_file(tx, "P-1", "picture-1", data)
        assert await vault.groups(tx, "P-1") == ["claims", "picture-1"]
        assert await vault.open_file(tx, "P-1", "picture-1") == data
        assert await vault.open_file(tx, "P-1", "picture-2") is None
        await vault.drop(tx, "P-1", "picture-1")
        assert await vault.groups(tx, "P-1") == ["claims"]
        await vault.forget(tx, "P-1")
        assert await vault.groups(tx, "P-1") == []


async def test_what_is_moved_to_another_person_does_not_open(database: Database, keys: KeyFile) -> None:
    vault = Vault(keys)
    await put(database, vault, "P-1", "Anna Ahrens")
    await put(database, vault, "P-2", "Tom Cole")
    async with database.transaction() as tx:
        await tx.execute(
            "UPDATE vault_fields SET sealed = (SELECT sealed FROM vault_fields WHERE person_id = 'P-1')"
            " WHERE person_id = 'P-2'"
        )
    with pytest.raises(KeyMissing, match="changed, or moved"):
        await name_of(database, vault, "P-2")
    async with database.transaction() as tx:
        await tx.execute(
            "UPDATE vault_keys SET wrapped = (SELECT wrapped FROM vault_keys WHERE person_id = 'P-1')"
            " WHERE person_id = 'P-2'"
        )
    with pytest.raises(KeyMissing, match="changed, or moved"):
        await name_of(database, vault, "P-2")


async def test_a_field_does_not_open_as_another(database: Database, keys: KeyFile) -> None:
    vault = Vault(keys)
    await put(database, vault, "P-1", "Anna Ahrens")
    async with database.transaction() as tx:
        await tx.execute("UPDATE vault_fields SET field_group = 'roster'")
    async with database.transaction(reading=True) as tx:
        with pytest.raises(KeyMissing):
            await vault.open(tx, "P-1", "roster")


async def test_the_forgotten_are_gone(database: Database, keys: KeyFile) -> None:
    vault = Vault(keys)
    await put(database, vault, "P-1", "Anna Ahrens")
    async with database.transaction() as tx:
        await vault.claim(tx, "roster", "1.abc", "P-1")
        await vault.forget(tx, "P-1")
        assert await vault.find(tx, "roster", "1.abc") is None
    assert await name_of(database, vault, "P-1") is None


async def test_the_first_claim_of_a_person_stands(database: Database, keys: KeyFile) -> None:
    vault = Vault(keys)
    async with database.transaction() as tx:
        assert await vault.claim(tx, "oidc", "1.abc", "P-1") == "P-1"
        assert await vault.claim(tx, "oidc", "1.abc", "P-2") == "P-1"
        assert await vault.claim(tx, "roster", "1.abc", "P-2") == "P-2", "purposes are apart"


async def test_rewrapping_leaves_every_name_readable(database: Database, keys: KeyFile) -> None:
    vault = Vault(keys)
    for n in range(5):
        await put(database, vault, f"P-{n}", f"Name {n}")
    new = keys.add()
    await put(database, vault, "P-new", "Already new")
    async with database.transaction() as tx:
        assert await vault.rewrap(tx, "k1", 3) == 3
        assert await vault.counts(tx) == {"k1": 2, new: 4}
        assert await vault.rewrap(tx, "k1", 3) == 2
        assert await vault.rewrap(tx, "k1", 3) == 0
    keys.remove("k1")
    assert [await name_of(database, vault, f"P-{n}") for n in range(5)] == [
        f"Name {n}" for n in range(5)
    ]


async def test_the_index_knows_a_person_again_and_keeps_purposes_apart() -> None:
    index, other = Index(Private("k" * 32), CHEAP), Index(Private("j" * 32), CHEAP)
    anna = Private("roster|1")
    assert await index.blind("roster", anna) == await index.blind("roster", Private("roster|1"))
    assert await index.blind("roster", anna) != await index.blind("oidc", anna)
    assert await index.blind("roster", anna) != await other.blind("roster", anna)


def test_the_key_file_is_its_owners_alone(keys: KeyFile, tmp_path: Path) -> None:
    keys.check()
    file = tmp_path / "vault.key"
    assert file.stat().st_mode & 0o777 == 0o400
    file.chmod(0o440)
    with pytest.raises(KeyMissing, match="chmod 400"):
        keys.check()


@pytest.mark.parametrize("text", ["", "k1 short\n", "k1 " + "A" * 44 + "\n", "nonsense"])
def test_what_is_no_key_file_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "vault.key"
    file.write_text(text)
    with pytest.raises(KeyMissing, match="no key file"):
        KeyFile(file).check()


def test_a_private_text_refuses_to_be_printed() -> None:
    import pickle

    name = Private("Anna Ahrens")
    for shown in (f"{name}", f"{name!r}", str(name), f"{name:>40}", f"{[name]}", "%s" % name):  # noqa: UP031
        assert "Anna" not in shown
    with pytest.raises(TypeError):
        pickle.dumps(name)
    assert name.reveal() == "Anna Ahrens"
