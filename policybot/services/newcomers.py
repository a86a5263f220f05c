"""Newcomers in memory: who entered which room lately; nothing is kept unless a rule asks for it."""

from policybot.store import newcomers
from policybot.store.database import Tx
from policybot.store.newcomers import Newcomer


class Newcomers:
    """Who was seen to enter, and has posted since or not."""

    def __init__(self) -> None:
        """Know nobody; `load` reads who is on record."""
        self._known: dict[tuple[str, str], Newcomer] = {}

    async def load(self, tx: Tx) -> None:
        """Read everybody."""
        self._known = {(n.room_id, n.user_id): n for n in await newcomers.everybody(tx)}

    async def read_again(self, tx: Tx, room_id: str, user_id: str) -> None:
        """Read one, of whom something changed."""
        self.put(room_id, user_id, await newcomers.get(tx, room_id, user_id))

    def put(self, room_id: str, user_id: str, newcomer: Newcomer | None) -> None:
        """Remember one, or forget them."""
        self._known.pop((room_id, user_id), None)
        if newcomer is not None:
            self._known[room_id, user_id] = newcomer

    def get(self, room_id: str, user_id: str) -> Newcomer | None:
        """Find one."""
        return self._known.get((room_id, user_id))

    def everybody(self) -> list[tuple[str, str]]:
        """Name all, by room and account."""
        return list(self._known)
