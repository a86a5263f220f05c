"""Tries: what is written in a transaction of its own, and anew where a row was changed under it."""

from collections.abc import Awaitable, Callable

from policybot.store.database import Database, Stale, Tx

_TRIES = 3


async def anew(database: Database, write: Callable[[Tx], Awaitable[None]]) -> None:
    """Write something; begin anew at once, a few times, if somebody else changed a row meanwhile.

    Raises:
        Stale: somebody did each time.
    """
    for tries_left in reversed(range(_TRIES)):
        try:
            async with database.transaction() as tx:
                await write(tx)
        except Stale:
            if not tries_left:
                raise
        else:
            return
