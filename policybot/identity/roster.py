"""A roster: a CSV file of persons, each with a code that they were given by another way.

The file stays the operator's and is read anew when it changes. Nothing of it is stored: of a
person, only a keyed hash is kept elsewhere.
"""

import csv
import hmac
import io
import logging
from pathlib import Path

from policybot.domain.identity import Assurance, Record
from policybot.matching.media import kind_of
from policybot.ports import SourceAway

log = logging.getLogger(__name__)

_COLUMNS = ("person", "code")
_MIN_CODE = 6
"""Characters; shorter codes could be guessed in the tries that a link allows."""
_LARGEST = 64 * 2**20


class Roster:
    """The roster as a source of real-name records."""

    def __init__(self, file: Path, assurance: Assurance) -> None:
        """Read from `file` when first asked."""
        self._file = file
        self._assurance = assurance
        self._stamp: tuple[int, int] | None = None
        self._codes: dict[bytes, str] = {}

    def check(self, code: str) -> Record | None:
        """Find the person whose code this is.

        Raises:
            SourceAway: the file cannot be read, or is no roster; the message says where.
        """
        try:
            self._refresh()
        except (OSError, ValueError) as error:
            raise SourceAway(str(error)) from error
        person = self._codes.get(_digest(code))
        return None if person is None else Record("roster", person, self._assurance)

    def _refresh(self) -> None:
        seen = self._file.stat()
        stamp = (seen.st_mtime_ns, seen.st_size)
        if stamp != self._stamp:
            self._codes = read(self._file)
            self._stamp = stamp
            log.info("The roster holds %d persons", len(self._codes))


def _digest(code: str) -> bytes:
    """Hash a code, so that looking it up compares hashes and not what people typed."""
    return hmac.digest(b"roster", code.strip().encode(), "sha256")


def read(file: Path) -> dict[bytes, str]:
    """Read a roster: each person's reference by the hash of their code.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no roster; the message says in which line.
    """
    data = file.read_bytes()
    _check_kind(file, data)
    rows = csv.DictReader(io.StringIO(data.decode("utf-8-sig")))
    if not set(_COLUMNS) <= set(rows.fieldnames or ()):
        message = f"{file.name}: the first line must name the columns person and code"
        raise ValueError(message)
    codes: dict[bytes, str] = {}
    for row in rows:
        person, code = ((row[column] or "").strip() for column in _COLUMNS)
        if not person or len(code) < _MIN_CODE:
            message = (
                f"{file.name}, line {rows.line_num}: needs a person, and a code of {_MIN_CODE} "
                "characters or more"
            )
            raise ValueError(message)
        if _digest(code) in codes:
            message = f"{file.name}, line {rows.line_num}: this code is there twice"
            raise ValueError(message)
        codes[_digest(code)] = person
    return codes


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
