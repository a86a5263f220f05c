"""The public register: its entries, the words by which they are found, and what became of each.

No search looks at more than a bounded number of rows: a page is open to everybody, and on SQLite
everybody waits for a statement.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from policybot.domain.filing import State
from policybot.domain.register import Term
from policybot.store.database import Row, Tx, from_ms, next_number, optional_time, to_ms

_RARE = 1_000
"""Entries that have a word, up to which all of them are looked at."""
_WALK = 3_000
"""Entries that are looked at one after the other where every word is frequent."""

_ENTRY = "(entry + 0)"
"""The entry where words are to be gone through by their index, whatever the planner thinks of others."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a filing stands in the register, and since when."""

    entry: int
    filing_id: int
    approved_at: datetime
    room_name: str
    """As the room says it, cleaned; empty if it has none, or is not known."""
    alias: str


@dataclass(frozen=True, slots=True)
class Moved:
    """One step in the history of a filing."""

    id: int
    filing_id: int
    state: State
    at: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Found:
    """What a search has found, newest first, and below which entry it would go on."""

    entries: tuple[int, ...]
    next: int | None


# What became of filings ---------------------------------------------------------------------------


async def add_state(  # noqa: PLR0913 - the columns
    tx: Tx, filing_id: int, state: State, at: datetime, why: str, *, again: bool = False
) -> None:
    """Note what a filing has become, unless that is the last that is known of it.

    Where the same state has another reason now, that is noted too if it is to be noted `again`.
    """
    last = await tx.first(
        "SELECT state, why FROM filing_states WHERE filing_id = $1 ORDER BY id DESC LIMIT 1", filing_id
    )
    if last is None or last["state"] != state.value or (again and last["why"] != why):
        await tx.execute(
            "INSERT INTO filing_states (filing_id, state, at, why) VALUES ($1, $2, $3, $4)",
            filing_id,
            state.value,
            to_ms(at),
            why,
        )


async def states(tx: Tx, filing_id: int) -> list[Moved]:
    """List what a filing was, newest first."""
    rows = await tx.fetch("SELECT * FROM filing_states WHERE filing_id = $1 ORDER BY id DESC", filing_id)
    return [_moved(row) for row in rows]


async def last_at(tx: Tx, filing_id: int, state: State) -> datetime | None:
    """Say since when a filing was in a state the last time."""
    return optional_time(
        await tx.value(
            "SELECT MAX(at) AS value FROM filing_states WHERE filing_id = $1 AND state = $2",
            filing_id,
            state.value,
        )
    )


async def newest_states(tx: Tx, limit: int) -> list[Moved]:
    """List the newest approvals, suspensions and revocations."""
    rows = await tx.fetch(
        "SELECT s.* FROM filing_states s JOIN register r ON r.filing_id = s.filing_id"
        " WHERE s.state IN ('approved', 'suspended', 'expired', 'revoked') ORDER BY s.id DESC LIMIT $1",
        limit,
    )
    return [_moved(row) for row in rows]


# Entries ------------------------------------------------------------------------------------------


async def enter(tx: Tx, filing_id: int, at: datetime, shows: str) -> Place:
    """Enter a filing, unless it is there; return its place."""
    row = await tx.first(
        "UPDATE register SET shows = $1 WHERE filing_id = $2 RETURNING *", shows, filing_id
    )
    if row is not None:
        return _place(row)
    # The counter is held until the end, so entries are seen in their order and a page misses none.
    entry = await next_number(tx, "register")
    await tx.execute(
        "INSERT INTO register (entry, filing_id, approved_at, shows) VALUES ($1, $2, $3, $4)",
        entry,
        filing_id,
        to_ms(at),
        shows,
    )
    return Place(entry, filing_id, at, "", "")


async def forget(tx: Tx, filing_ids: Iterable[int]) -> None:
    """Take filings out of the register."""
    ids = [(filing_id,) for filing_id in filing_ids]
    await tx.many(
        "DELETE FROM filing_words WHERE entry IN (SELECT entry FROM register WHERE filing_id = $1)", ids
    )
    await tx.many("DELETE FROM register WHERE filing_id = $1", ids)
    await tx.many("DELETE FROM filing_states WHERE filing_id = $1", ids)


async def filings_of(tx: Tx, user_id: str) -> list[int]:
    """List the filings of an account that stand in the register."""
    rows = await tx.fetch(
        "SELECT r.filing_id FROM register r JOIN filings f ON f.id = r.filing_id WHERE f.applicant = $1",
        user_id,
    )
    return [row["filing_id"] for row in rows]


async def shown(tx: Tx) -> list[tuple[str, str]]:
    """List which categories, as they are stored, are shown by which class of names."""
    rows = await tx.fetch(
        "SELECT DISTINCT f.categories, r.shows FROM register r JOIN filings f ON f.id = r.filing_id"
    )
    return [(row["categories"], row["shows"]) for row in rows]


async def filings_shown(tx: Tx, categories: str, shows: str, limit: int) -> list[int]:
    """List filings with just these categories that are shown by a class of names."""
    rows = await tx.fetch(
        "SELECT r.filing_id FROM register r JOIN filings f ON f.id = r.filing_id"
        " WHERE f.categories = $1 AND r.shows = $2 LIMIT $3",
        categories,
        shows,
        limit,
    )
    return [row["filing_id"] for row in rows]


async def places(tx: Tx, entries: Sequence[int]) -> list[Place]:
    """Read entries, newest first."""
    if not entries:
        return []
    marks = ", ".join(f"${n}" for n in range(1, len(entries) + 1))
    rows = await tx.fetch(
        f"SELECT * FROM register WHERE entry IN ({marks})"  # noqa: S608 - numbers alone
        " ORDER BY entry DESC",
        *entries,
    )
    return [_place(row) for row in rows]


async def place_of(tx: Tx, filing_id: int) -> Place | None:
    """Find a filing in the register."""
    row = await tx.first("SELECT * FROM register WHERE filing_id = $1", filing_id)
    return None if row is None else _place(row)


async def call(tx: Tx, place: Place) -> None:
    """Note how an entry's room is called."""
    await tx.execute(
        "UPDATE register SET room_name = $1, alias = $2 WHERE entry = $3",
        place.room_name,
        place.alias,
        place.entry,
    )


# Words --------------------------------------------------------------------------------------------


async def set_words(tx: Tx, entry: int, words: Iterable[str]) -> None:
    """Let an entry be found by these words, and by no others."""
    rows = await tx.fetch("SELECT word FROM filing_words WHERE entry = $1", entry)
    known, wanted = {row["word"] for row in rows}, set(words)
    gone, new = sorted(known - wanted), sorted(wanted - known)
    if gone:
        await tx.many(
            "DELETE FROM filing_words WHERE entry = $1 AND word = $2", [(entry, word) for word in gone]
        )
    if new:
        await tx.many(
            "INSERT INTO filing_words (entry, word) VALUES ($1, $2)", [(entry, word) for word in new]
        )


async def find(tx: Tx, terms: Sequence[Term], before: int | None, limit: int) -> Found:
    """Find entries that have all the words, newest first, below an entry.

    It begins with a word that few entries have, else with one whose entries stand in order, else with
    the newest entries; and it looks at a bounded number of them. If that was not enough for a page, the
    next one goes on where this one ended.
    """
    if before is None:
        before = int(await tx.value("SELECT COALESCE(MAX(entry), 0) + 1 AS value FROM register"))
    leading, few = await _leading(tx, terms, before)
    some, values = _some(leading, before)
    looked_at = tuple(values)
    having = "".join(_has(term, values) for term in terms if term is not leading)
    values.append(limit + 1)
    rows = await tx.fetch(
        f"SELECT c.entry FROM ({some}) AS c WHERE 1 = 1{having}"  # noqa: S608 - our own text
        f" ORDER BY c.entry DESC LIMIT ${len(values)}",
        *values,
    )
    entries = tuple(int(row["entry"]) for row in rows)
    if len(entries) > limit:
        return Found(entries[:limit], entries[limit - 1])
    if few:
        return Found(entries, None)
    row = await tx.first(
        f"SELECT MIN(entry) AS last, COUNT(*) AS number FROM ({some}) AS c",  # noqa: S608 - our own text
        *looked_at,
    )
    enough = _WALK if leading is None else _RARE
    more = row is not None and int(row["number"]) >= enough
    return Found(entries, int(row["last"]) if row is not None and more else None)


def _some(leading: Term | None, before: int) -> tuple[str, list[object]]:
    """Write which entries are looked at, and the values that this needs."""
    if leading is None:
        return "SELECT entry FROM register WHERE entry < $1 ORDER BY entry DESC LIMIT $2", [
            before,
            _WALK,
        ]
    if leading.exact:
        return (
            "SELECT entry FROM filing_words WHERE entry < $1 AND word = $2 ORDER BY entry DESC LIMIT $3",
            [before, leading.low, _RARE],
        )
    return (
        f"SELECT DISTINCT entry FROM filing_words WHERE {_ENTRY} < $1 AND word >= $2 AND word < $3",  # noqa: S608 - our own text
        [before, leading.low, leading.high],
    )


def _has(term: Term, values: list[object]) -> str:
    """Write the condition that an entry has a word, and put what it needs behind `values`."""
    values.append(term.low)
    word = f"o.word = ${len(values)}"
    if not term.exact:
        values.append(term.high)
        word = f"o.word >= ${len(values) - 1} AND o.word < ${len(values)}"
    # The limit keeps PostgreSQL from gathering all entries with the word instead of asking one by one.
    look = f"SELECT 1 FROM filing_words o WHERE o.entry = c.entry AND {word} LIMIT 1 OFFSET 0"  # noqa: S608 - our own text
    return f" AND EXISTS ({look})"


async def _leading(tx: Tx, terms: Sequence[Term], before: int) -> tuple[Term | None, bool]:
    """Choose the word to begin with, and say whether only few entries have it."""
    fewest, chosen = _RARE, None
    for term in terms:
        number = await _count(tx, term, before)
        if number < fewest:
            fewest, chosen = number, term
    if chosen is not None:
        return chosen, True
    return next((term for term in terms if term.exact), None), False


async def _count(tx: Tx, term: Term, before: int) -> int:
    """Count the entries that have a word, as far as that matters."""
    values: list[object] = [before, term.low, _RARE]
    entry, word = "entry", "word = $2"
    if not term.exact:
        values.append(term.high)
        entry, word = _ENTRY, "word >= $2 AND word < $4"
    return int(
        await tx.value(
            "SELECT COUNT(*) AS value FROM (SELECT 1 AS one FROM filing_words"  # noqa: S608 - our own text
            f" WHERE {entry} < $1 AND {word} LIMIT $3) AS few",
            *values,
        )
    )


def _place(row: Row) -> Place:
    approved_at = from_ms(row["approved_at"])
    return Place(row["entry"], row["filing_id"], approved_at, row["room_name"], row["alias"])


def _moved(row: Row) -> Moved:
    return Moved(row["id"], row["filing_id"], State(row["state"]), from_ms(row["at"]), row["why"])
