"""The statements that a piece of work sends to the database, to be counted and looked at."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from policybot.store.database import Row, Tx

_TABLE = re.compile(r"\b(?:FROM|INTO|UPDATE)\s+(\w+)")


class _Heard:
    """A connection on which every statement is noted."""

    def __init__(self, run: Any, said: list[str]) -> None:
        self._run, self._said = run, said
        self.sharing: str = run.sharing

    async def fetch(self, sql: str, values: Sequence[object]) -> Sequence[Row]:
        self._said.append(sql)
        rows: Sequence[Row] = await self._run.fetch(sql, values)
        return rows

    async def many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        self._said.append(sql)
        await self._run.many(sql, rows)


@contextmanager
def listened() -> Iterator[list[str]]:
    """List every statement that is sent meanwhile."""
    said: list[str] = []
    own = Tx._own
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Tx, "_own", lambda tx: _Heard(own(tx), said))
        yield said


def short(sql: str) -> str:
    """Name a statement by what it does to which table first."""
    table = _TABLE.search(sql)
    return f"{sql.split(maxsplit=1)[0]} {table[1] if table else ''}".rstrip()
