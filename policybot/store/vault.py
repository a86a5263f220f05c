"""The vault: what is known of persons, encrypted under a key of each person's own.

What was said in kept events is there in the same way, under an ID for each of them. Only
`services.members`, its part `services.claims`, `services.privacy` and `services.sealed` may import it.
Its tables refer to no others, so that they can move to a database of their own. A person's data key is
wrapped by a key that is never in the database; destroying the data key forgets the person, wherever
copies of the rest may be.
"""

import asyncio
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from policybot.config.keys import seal, unseal
from policybot.domain.identity import NORMALISER
from policybot.domain.private import Private
from policybot.store.database import Tx

_KEY_BYTES = 32


class Keys(Protocol):
    """Where the keys that wrap data keys are: a file, or whatever else can wrap and unwrap."""

    @property
    def names(self) -> Sequence[str]:
        """The names of the keys, the one in use last."""
        ...

    def wrap(self, data_key: bytes, bound: str) -> tuple[str, str]:
        """Seal a data key; return the name of the key that did it, and what was sealed."""
        ...

    def unwrap(self, name: str, wrapped: str, bound: str) -> bytes:
        """Open a data key.

        Raises:
            KeyMissing: the key is not there, or does not open it.
        """
        ...


class Stretch(NamedTuple):
    """What one guess at a person costs: Argon2id's memory in KiB, and its passes (RFC 9106)."""

    memory: int
    passes: int


DEAR = Stretch(64 * 1024, 3)
"""About a third of a second: names and birth dates are few, so each guess has to be dear."""


class Index:
    """The blind index: says whether two records are the same person, to those who have its key."""

    def __init__(self, key: Private, stretch: Stretch = DEAR) -> None:
        """Use a key that is kept apart from the database and from the keys of the vault."""
        self._key = key.reveal().encode()
        self._stretch = stretch
        self._salt = hmac.digest(self._key, b"site salt", "sha256")[:16]
        self._one_at_a_time = asyncio.Semaphore(1)

    async def blind(self, purpose: str, subject: Private) -> str:
        """Blind a subject for one purpose; values of two purposes cannot be compared.

        Takes long on purpose, in a thread: never call it while a transaction is open.
        """
        async with self._one_at_a_time:
            return await asyncio.to_thread(self._blind, purpose, subject)

    def _blind(self, purpose: str, subject: Private) -> str:
        stretched = Argon2id(
            salt=self._salt,
            length=32,
            iterations=self._stretch.passes,
            lanes=1,
            memory_cost=self._stretch.memory,
        ).derive(subject.reveal().encode())
        bound = f"{NORMALISER}|{purpose}|".encode()
        return f"{NORMALISER}.{hmac.new(self._key, bound + stretched, hashlib.sha256).hexdigest()}"


class Vault:
    """What is known of persons."""

    def __init__(self, keys: Keys) -> None:
        """Wrap data keys with these keys."""
        self._keys = keys

    async def keep(self, tx: Tx, person_id: str, group: str, data: Mapping[str, str]) -> None:
        """Seal one group of fields, in place of what was there."""
        await self.keep_file(tx, person_id, group, json.dumps(dict(data)).encode())

    async def amend(self, tx: Tx, person_id: str, group: str, data: Mapping[str, str]) -> None:
        """Seal one group of fields of somebody who is known; who was forgotten stays so."""
        if await self._data_key(tx, person_id) is not None:
            await self.keep(tx, person_id, group, data)

    async def keep_file(self, tx: Tx, person_id: str, group: str, data: bytes) -> None:
        """Seal a file as a group of its own, in place of what was there."""
        key = await self._data_key(tx, person_id) or await self._new_key(tx, person_id)
        sealed = seal(key, data, _bound("fields", group, person_id))
        await tx.execute(
            "INSERT INTO vault_fields (person_id, field_group, sealed) VALUES ($1, $2, $3)"
            " ON CONFLICT (person_id, field_group) DO UPDATE SET sealed = $3",
            person_id,
            group,
            sealed,
        )

    async def keep_many(
        self, tx: Tx, group: str, people: Sequence[tuple[str, Mapping[str, str]]]
    ) -> None:
        """Seal one group of fields of many new persons at once."""
        keys, fields = [], []
        for person_id, data in people:
            key = secrets.token_bytes(_KEY_BYTES)
            keys.append((person_id, *self._keys.wrap(key, _bound("keys", "data", person_id))))
            bound = _bound("fields", group, person_id)
            fields.append((person_id, group, seal(key, json.dumps(dict(data)).encode(), bound)))
        await tx.many("INSERT INTO vault_keys (person_id, kek_id, wrapped) VALUES ($1, $2, $3)", keys)
        await tx.many(
            "INSERT INTO vault_fields (person_id, field_group, sealed) VALUES ($1, $2, $3)", fields
        )

    async def open(self, tx: Tx, person_id: str, group: str) -> Mapping[str, Private] | None:
        """Read one group of fields; None if there is none, or the person was forgotten.

        Raises:
            KeyMissing: it is there and cannot be opened.
        """
        data = await self.open_file(tx, person_id, group)
        return None if data is None else _fields(data)

    async def open_file(self, tx: Tx, person_id: str, group: str) -> bytes | None:
        """Read a file; None if there is none, or the person was forgotten.

        Raises:
            KeyMissing: it is there and cannot be opened.
        """
        row = await tx.first(
            "SELECT f.sealed, k.kek_id, k.wrapped FROM vault_fields f JOIN vault_keys k"
            " ON k.person_id = f.person_id WHERE f.person_id = $1 AND f.field_group = $2",
            person_id,
            group,
        )
        if row is None:
            return None
        return self._opened(person_id, group, row["kek_id"], row["wrapped"], row["sealed"])

    async def open_page(
        self, tx: Tx, group: str, after: str, limit: int
    ) -> list[tuple[str, Mapping[str, Private]]]:
        """Read one group of fields of many persons, in the order of their IDs."""
        rows = await tx.fetch(
            "SELECT f.person_id, f.sealed, k.kek_id, k.wrapped FROM vault_fields f JOIN vault_keys k"
            " ON k.person_id = f.person_id WHERE f.field_group = $1 AND f.person_id > $2"
            " ORDER BY f.person_id LIMIT $3",
            group,
            after,
            limit,
        )
        return [
            (
                row["person_id"],
                _fields(
                    self._opened(row["person_id"], group, row["kek_id"], row["wrapped"], row["sealed"])
                ),
            )
            for row in rows
        ]

    def _opened(self, person_id: str, group: str, kek_id: str, wrapped: str, sealed: str) -> bytes:
        key = self._keys.unwrap(kek_id, wrapped, _bound("keys", "data", person_id))
        return unseal(key, sealed, _bound("fields", group, person_id))

    async def groups(self, tx: Tx, person_id: str) -> list[str]:
        """Name the groups that are kept of a person."""
        rows = await tx.fetch(
            "SELECT field_group FROM vault_fields WHERE person_id = $1 ORDER BY field_group", person_id
        )
        return [row["field_group"] for row in rows]

    async def drop(self, tx: Tx, person_id: str, group: str) -> None:
        """Delete one group of fields."""
        await tx.execute(
            "DELETE FROM vault_fields WHERE person_id = $1 AND field_group = $2", person_id, group
        )

    async def forget(self, tx: Tx, person_id: str) -> None:
        """Destroy a person's data key, and with it all that is known of them."""
        tx.leave_no_trace()
        for table in ("vault_keys", "vault_fields", "vault_index", "vault_hints"):
            await tx.execute(f"DELETE FROM {table} WHERE person_id = $1", person_id)  # noqa: S608 - our names

    async def find(self, tx: Tx, purpose: str, blind: str) -> str | None:
        """Find the person behind a blinded subject."""
        found = await tx.value(
            "SELECT person_id AS value FROM vault_index WHERE purpose = $1 AND blind = $2",
            purpose,
            blind,
        )
        return None if found is None else str(found)

    async def claim(self, tx: Tx, purpose: str, blind: str, person_id: str) -> str:
        """Enter a person under a blinded subject, or find who is there; return that person's ID."""
        return str(
            await tx.value(
                "INSERT INTO vault_index (purpose, blind, person_id) VALUES ($1, $2, $3)"
                " ON CONFLICT (purpose, blind) DO UPDATE SET person_id = vault_index.person_id"
                " RETURNING person_id AS value",
                purpose,
                blind,
                person_id,
            )
        )

    async def is_entered(self, tx: Tx, purpose: str, person_id: str) -> bool:
        """Say whether a person is in the index for a purpose, under whichever subject."""
        row = await tx.first(
            "SELECT 1 FROM vault_index WHERE person_id = $1 AND purpose = $2 LIMIT 1", person_id, purpose
        )
        return row is not None

    async def resemble(self, tx: Tx, blind: str, person_id: str) -> None:
        """Note a likeness of a person, which others may have too."""
        await tx.execute(
            "INSERT INTO vault_hints (blind, person_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            blind,
            person_id,
        )

    async def resembling(self, tx: Tx, person_id: str) -> frozenset[str]:
        """List the other persons who have a likeness of a person."""
        rows = await tx.fetch(
            "SELECT o.person_id FROM vault_hints h JOIN vault_hints o ON o.blind = h.blind"
            " AND o.person_id <> h.person_id WHERE h.person_id = $1",
            person_id,
        )
        return frozenset(row["person_id"] for row in rows)

    async def counts(self, tx: Tx) -> dict[str, int]:
        """Count the data keys that are wrapped under each key."""
        rows = await tx.fetch("SELECT kek_id, COUNT(*) AS number FROM vault_keys GROUP BY kek_id")
        return {row["kek_id"]: row["number"] for row in rows}

    async def rewrap(self, tx: Tx, old: str, limit: int) -> int:
        """Wrap some of the data keys under `old` under the key in use; return how many there were."""
        rows = await tx.fetch(
            "SELECT person_id, wrapped FROM vault_keys WHERE kek_id = $1 LIMIT $2", old, limit
        )
        wrapped = []
        for row in rows:
            bound = _bound("keys", "data", row["person_id"])
            key = self._keys.unwrap(old, row["wrapped"], bound)
            wrapped.append((*self._keys.wrap(key, bound), row["person_id"], old))
        await tx.many(
            "UPDATE vault_keys SET kek_id = $1, wrapped = $2 WHERE person_id = $3 AND kek_id = $4",
            wrapped,
        )
        return len(rows)

    async def _data_key(self, tx: Tx, person_id: str) -> bytes | None:
        row = await tx.first("SELECT kek_id, wrapped FROM vault_keys WHERE person_id = $1", person_id)
        if row is None:
            return None
        return self._keys.unwrap(row["kek_id"], row["wrapped"], _bound("keys", "data", person_id))

    async def _new_key(self, tx: Tx, person_id: str) -> bytes:
        key = secrets.token_bytes(_KEY_BYTES)
        await tx.execute(
            "INSERT INTO vault_keys (person_id, kek_id, wrapped) VALUES ($1, $2, $3)",
            person_id,
            *self._keys.wrap(key, _bound("keys", "data", person_id)),
        )
        return key


def _fields(data: bytes) -> dict[str, Private]:
    return {name: Private(value) for name, value in json.loads(data).items()}


def _bound(table: str, column: str, record: str) -> str:
    """Say where a sealed text belongs: moved to another row or column, it does not open."""
    return f"policybot|v1|{table}|{column}|{record}"
