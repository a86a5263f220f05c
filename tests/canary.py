"""Marked names: every test in a world ends with a search for them in all that policybot wrote.

Real names in tests hold the mark. It may stand in what the operator's files say, in what a person is
told of themselves, in answers about those who chose to show it, and nowhere else: no database file, no
log of writes, no table, no log line, no room.
"""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from policybot.store.database import Database

MARK = "Canary"
_OPERATORS_OWN = (".csv",)
"""Files that the operator's side of a test writes: lists of names to import."""

_TABLES = "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
_COLUMNS = """
    SELECT column_name AS name FROM information_schema.columns
    WHERE table_schema = 'public' AND table_name = $1 ORDER BY column_name
"""


def in_files(folder: Path, mark: str = MARK) -> list[str]:
    """List the files below a folder in which a mark stands, databases and their logs too."""
    return [
        str(file.relative_to(folder))
        for file in folder.rglob("*")
        if file.is_file() and file.suffix not in _OPERATORS_OWN and mark.encode() in file.read_bytes()
    ]


async def in_tables(database: Database, mark: str = MARK) -> list[str]:
    """List the columns of a PostgreSQL database in which a mark stands."""
    if not database.shared:
        return []
    found = []
    async with database.transaction(reading=True) as tx:
        tables = [row["name"] for row in await tx.fetch(_TABLES)]
        # Whole rows of all tables at once: to ask of each column takes longer than many a test.
        every = " UNION ALL ".join(
            f"SELECT '{name}' AS name FROM \"{name}\" AS found WHERE found::text LIKE $1"  # noqa: S608 - as the database names them
            for name in tables
        )
        for table in {row["name"] for row in await tx.fetch(every, f"%{mark}%")}:
            for row in await tx.fetch(_COLUMNS, table):
                hits = await tx.value(
                    f'SELECT COUNT(*) AS value FROM "{table}" WHERE "{row["name"]}"::text LIKE $1',  # noqa: S608 - as above
                    f"%{mark}%",
                )
                if hits:
                    found.append(f"{table}.{row['name']}")
    return found


def in_messages(
    said: Iterable[tuple[str, str]], owners: Mapping[str, str], showing: Collection[str] = ()
) -> list[str]:
    """List messages that tell a name to somebody else than its owner.

    Args:
        said: where it was said (a room, or a person's user ID), and the text.
        owners: each person's user ID, and their real name.
        showing: who chose to show it: it may be told to anybody who asks, and in no room all the same.
    """
    return [
        f"{where}: {text}"
        for where, text in said
        for user_id, name in owners.items()
        if name in text and where not in (user_id, f"!direct-{user_id}")
        if user_id not in showing or not where.startswith(("@", "!direct-"))
    ]
