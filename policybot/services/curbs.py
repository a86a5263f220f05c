"""Curbs in memory: the measures that keep accounts from writing, or out of rooms, as the gate asks."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from policybot.domain.view import Curb
from policybot.services.setting import Setting
from policybot.store import sanctions, standing
from policybot.store.database import Tx

ACCOUNT = "account"
"""What the notes of accounts of which something changed begin with."""


class Curbs(Mapping[str, tuple[Curb, ...]]):
    """What binds whom, by user IDs; in a dry run nothing does."""

    def __init__(self, setting: Setting) -> None:
        """Hear of each measure that changes; `load` reads what binds already."""
        self._setting = setting
        self._known: dict[str, tuple[Curb, ...]] = {}
        setting.curbs_changed = self.changed

    async def load(self, tx: Tx) -> None:
        """Read everything."""
        self._known = {} if self._setting.config.dry_run else await sanctions.curbs(tx)

    async def read_again(self, tx: Tx, user_id: str) -> None:
        """Read what binds one account."""
        self._put(user_id, await sanctions.curbs_on(tx, user_id))

    def changed(self, tx: Tx, user_id: str) -> None:
        """Read what binds an account once everything is written that this transaction writes."""
        if user_id:
            tx.defer(self._follow, user_id, early=True)

    async def _follow(self, tx: Tx, users: Sequence[str]) -> None:
        for user_id in sorted(set(users)):
            await standing.changed(tx, f"{ACCOUNT} {user_id}", self._setting.now())
            tx.after_commit(partial(self._put, user_id, await sanctions.curbs_on(tx, user_id)))

    def _put(self, user_id: str, curbs: tuple[Curb, ...]) -> None:
        self._known.pop(user_id, None)
        if curbs and not self._setting.config.dry_run:
            self._known[user_id] = curbs

    def __getitem__(self, user_id: str, /) -> tuple[Curb, ...]:
        """List what binds an account."""
        return self._known[user_id]

    def __iter__(self) -> Iterator[str]:
        """Name the accounts that something binds."""
        return iter(self._known)

    def __len__(self) -> int:
        """Count them."""
        return len(self._known)
