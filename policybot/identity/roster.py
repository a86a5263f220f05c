"""A roster: a CSV file of persons that the operator knows, and the way in by a code from it."""

import csv
import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from policybot.domain.identity import Claim, Record, Source, Still, Verification
from policybot.domain.private import Private
from policybot.matching.media import kind_of
from policybot.ports import Ask, Step
from policybot.services.members import ROSTER_REALM
from policybot.services.roster import PERSON, Entry, Roster
from policybot.store.database import Database

_MIN_CODE = 6
"""Characters; shorter codes could be guessed in the tries that a link allows."""
_LONGEST = 200
_LARGEST = 64 * 2**20
_COLUMNS = frozenset({PERSON, "code", *(claim.value for claim in Claim)})
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula (OWASP, CSV Injection)."""


class RosterWay:
    """The way in by a code from the roster."""

    id = "roster"
    source = Source.ROSTER
    realm = ROSTER_REALM

    def __init__(self, title: str, roster: Roster, database: Database) -> None:
        """Check codes against the imported list."""
        self.title = title
        self._roster = roster
        self._database = database

    async def begin(self, state: str) -> Step:
        """Ask for the code."""
        del state
        return Ask("code")

    async def finish(self, memory: Mapping[str, str], answer: Mapping[str, str]) -> Record | None:
        """Find the person whose code this is."""
        del memory
        async with self._database.transaction(reading=True) as tx:
            return await self._roster.check(tx, answer.get("code", ""))

    async def revalidate(self, verification: Verification, again: Private | None) -> Still:
        """Say whether the person is still on the list, or within their grace."""
        del again
        async with self._database.transaction(reading=True) as tx:
            listed = await self._roster.lists(tx, verification.person_id)
        return Still.GOOD if listed else Still.GONE


@dataclass(frozen=True, slots=True)
class Listing:
    """What was read from a file."""

    entries: Sequence[Entry]
    refused: Sequence[tuple[int, str]]
    """Lines that cannot be taken, by their numbers, and why."""


def read(file: Path) -> Listing:
    """Read a roster.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no roster at all; the message says why.
    """
    data = file.read_bytes()
    _check_kind(file, data)
    text = io.StringIO(data.decode("utf-8-sig"), newline="")
    rows = csv.DictReader(text, strict=True)
    try:
        columns = [name.strip().lower() for name in rows.fieldnames or ()]
    except csv.Error as error:
        message = f"{file.name}, line 1: {error}"
        raise ValueError(message) from None
    rows.fieldnames = columns
    if PERSON not in columns:
        message = f"{file.name}: the first line must name the columns; one of them is person"
        raise ValueError(message)
    if unknown := sorted(set(columns) - _COLUMNS):
        message = (
            f"{file.name}: unknown column «{unknown[0]}»; known are {', '.join(sorted(_COLUMNS))}. "
            "What is not needed should not be here."
        )
        raise ValueError(message)
    return _entries(rows)


def _entries(rows: "csv.DictReader[str]") -> Listing:
    entries: list[Entry] = []
    refused: list[tuple[int, str]] = []
    persons: set[str] = set()
    codes: set[str] = set()
    while True:
        try:
            row = next(rows, None)
        except csv.Error as error:
            refused.append((rows.line_num, str(error)))
            continue
        if row is None:
            break
        why = _fault(row, persons, codes)
        if why:
            refused.append((rows.line_num, why))
            continue
        clean = {name: value.strip() for name, value in row.items() if value and value.strip()}
        code = clean.pop("code", "")
        persons.add(clean[PERSON])
        codes.add(code)
        entries.append(Entry(clean, code))
    return Listing(entries, refused)


def _fault(  # noqa: PLR0911 - one for each fault
    row: Mapping[str | None, object], persons: set[str], codes: set[str]
) -> str:
    """Say why a line cannot be taken; nothing that stands in it is repeated."""
    if None in row:
        return "has more values than there are columns"
    values = {str(name): str(value or "").strip() for name, value in row.items()}
    if not values[PERSON]:
        return "names no person"
    if any(value.startswith(_FORMULA) for value in values.values()):
        return "a value looks like the formula of a spreadsheet"
    if any(len(value) > _LONGEST or not value.isprintable() for value in values.values()):
        return f"a value is longer than {_LONGEST} characters, or cannot be printed"
    if values[PERSON] in persons:
        return "this person is there twice"
    code = values.get("code", "")
    if code and len(code) < _MIN_CODE:
        return f"the code has fewer than {_MIN_CODE} characters"
    if code and code in codes:
        return "this code is there twice"
    return ""


def write_codes(file: Path, codes: Sequence[tuple[str, str]]) -> None:
    """Write new codes for handing out, into a new file for its owner alone.

    Raises:
        FileExistsError: there is such a file already.
    """
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow((PERSON, "code"))
        writer.writerows(codes)


def _check_kind(file: Path, data: bytes) -> None:
    """Refuse what is no text, whatever its name says: a spreadsheet is a common mistake."""
    if len(data) > _LARGEST:
        message = f"{file.name} is larger than {_LARGEST // 2**20} MiB"
        raise ValueError(message)
    kind = kind_of(data)
    if data and not kind.startswith("text/") and kind not in ("application/csv", "inode/x-empty"):
        message = f"{file.name} is not CSV but {kind}; please save it as CSV, in UTF-8"
        raise ValueError(message)
    try:
        data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        message = f"{file.name}, line {line}: is not UTF-8; please save it as CSV, in UTF-8"
        raise ValueError(message) from None
