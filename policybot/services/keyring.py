"""The keyring: the keys that wrap the data keys of the vault, listed, rotated, removed.

A rotation adds a fresh key to the key file and wraps every data key anew, some at a time. What is
wrapped under which key stands beside it, so at any instant everything opens, and a rotation that was
stopped is finished by the next one. The service may run meanwhile: it reads the file when it changes.
"""

from collections.abc import Callable
from dataclasses import dataclass

from policybot.config.keys import KeyFile
from policybot.domain.errors import NotFound, OutOfOrder
from policybot.services.setting import Setting
from policybot.store import audit
from policybot.store.database import Database, Tx
from policybot.store.vault import Vault

_BATCH = 200

Progress = Callable[[int], None]
"""Hears how many data keys were wrapped anew since it was last told."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key by its name: what is known of it without showing it."""

    name: str
    wraps: int
    """How many data keys are wrapped under it."""
    there: bool
    """Whether it is in the key file."""
    in_use: bool
    """Whether new data keys are wrapped under it."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """A rotation to be carried out."""

    new: str
    """The key under which everything will be."""
    resumed: bool
    """Whether it was begun before."""
    todo: int


class Keyring:
    """The service for the keys of the vault."""

    def __init__(self, setting: Setting, vault: Vault, file: KeyFile) -> None:
        """Look after the keys in a file, and what is wrapped under them."""
        self._setting = setting
        self._vault = vault
        self._file = file

    async def keys(self, tx: Tx) -> list[Key]:
        """List all keys: those in the file in their order, then those that are missing there."""
        counts, names = await self._vault.counts(tx), self._file.names
        known = [Key(n, counts.get(n, 0), there=True, in_use=n == names[-1]) for n in names]
        missing = sorted(set(counts) - set(names))
        return known + [Key(n, counts[n], there=False, in_use=False) for n in missing]

    async def begin(self, database: Database) -> Rotation:
        """Add a fresh key, unless an earlier rotation is to be finished first."""
        async with database.transaction(reading=True) as tx:
            keys = await self.keys(tx)
        old = sum(key.wraps for key in keys if key.there and not key.in_use)
        if old:
            return Rotation(self._file.names[-1], resumed=True, todo=old)
        new = self._file.add()
        async with database.transaction() as tx:
            self._remember(tx, "keys:add", key=new)
        return Rotation(new, resumed=False, todo=sum(key.wraps for key in keys if key.there))

    async def carry_out(self, database: Database, rotation: Rotation, progress: Progress) -> None:
        """Wrap anew whatever is under an older key, some at a time.

        Raises:
            KeyMissing: something does not open.
        """
        for old in self._file.names:
            if old == rotation.new:
                continue
            done = _BATCH
            while done == _BATCH:
                async with database.transaction() as tx:
                    done = await self._vault.rewrap(tx, old, _BATCH)
                    if done:
                        self._remember(tx, "keys:rewrap", old=old, new=rotation.new, number=done)
                progress(done)

    async def remove(self, database: Database, name: str) -> None:
        """Destroy a key.

        Raises:
            NotFound: there is none of that name.
            OutOfOrder: it is in use, or something is wrapped under it.
        """
        async with database.transaction() as tx:
            self.check_removable(await self.keys(tx), name)
            self._remember(tx, "keys:remove", key=name)
            # Within the transaction: on an SQLite file nobody can wrap anything meanwhile.
            self._file.remove(name)

    def check_removable(self, keys: list[Key], name: str) -> None:
        """Refuse to remove what is needed; raises as `remove`."""
        found = next((key for key in keys if key.name == name and key.there), None)
        if found is None:
            message = f"There is no key {name} in the key file. `policybot keys list` lists them."
            raise NotFound(message)
        if found.in_use:
            message = f"{name} is in use. Make another one first: `policybot keys rotate`"
            raise OutOfOrder(message)
        if found.wraps:
            message = (
                f"{found.wraps:,} data keys are wrapped under {name}: without it nobody could read what "
                "they seal. First: `policybot keys rotate`"
            )
            raise OutOfOrder(message)

    def _remember(self, tx: Tx, tag: str, **payload: str | int) -> None:
        audit.append(tx, at=self._setting.now(), actor="system:cli", tag=tag, object="vault", **payload)
