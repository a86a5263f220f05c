"""The public numbers: record numbers with check characters, cases, receipts, documents, qualifications.

A record number looks like `PB-2026-000123-7K`: the operator's prefix, the year, a serial number and
two check characters computed over all that stands before them by ISO/IEC 7064 MOD 1271-36, which
catches every single wrong character and every exchange of two neighbours.
"""

import re
from string import ascii_uppercase, digits

_ALPHABET = digits + ascii_uppercase
_RECORD = re.compile(r"([A-Z]{2,4})-(\d{4})-(\d{6,})-([0-9A-Z]{2})", re.ASCII)
_CASE = re.compile(r"C-([1-9]\d{0,11})", re.ASCII)
_RECEIPT = re.compile(r"R-([1-9]\d{0,11})", re.ASCII)
_DOCUMENT = re.compile(r"D-([1-9]\d{0,11})", re.ASCII)
_QUALIFICATION = re.compile(r"Q-([1-9]\d{0,11})", re.ASCII)


def _check(payload: str) -> str:
    """Compute the two check characters of an alphanumeric string (ISO/IEC 7064 MOD 1271-36)."""
    total = 0
    for character in payload:
        total = (total + _ALPHABET.index(character)) * 36 % 1271
    total = total * 36 % 1271
    first, second = divmod((1 - total) % 1271, 36)
    return _ALPHABET[first] + _ALPHABET[second]


def record(prefix: str, year: int, serial: int) -> str:
    """Write the record number of the filing approved as number `serial` of `year`."""
    body = f"{prefix}-{year:04d}-{serial:06d}"
    return f"{body}-{_check(body.replace('-', ''))}"


def is_record(text: str) -> bool:
    """Say whether a text is a well-formed record number with the right check characters."""
    match = _RECORD.fullmatch(text)
    return match is not None and _check("".join(match.groups()[:3])) == match[4]


def looks_like_record(text: str) -> bool:
    """Say whether somebody meant a record number, rightly written or not."""
    return re.fullmatch(r"[A-Z]{2,4}-\d{4}-\w+(-\w*)?", text, re.ASCII) is not None


def case(serial: int) -> str:
    """Write a case number."""
    return f"C-{serial}"


def parse_case(text: str) -> int | None:
    """Read a case number; None when it is none."""
    match = _CASE.fullmatch(text.upper())
    return int(match[1]) if match else None


def receipt(serial: int) -> str:
    """Write the receipt of a report."""
    return f"R-{serial}"


def parse_receipt(text: str) -> int | None:
    """Read a receipt; None when it is none."""
    match = _RECEIPT.fullmatch(text.upper())
    return int(match[1]) if match else None


def document(serial: int) -> str:
    """Write the number of a document that waits for a reviewer."""
    return f"D-{serial}"


def parse_document(text: str) -> int | None:
    """Read a document's number; None when it is none."""
    match = _DOCUMENT.fullmatch(text.upper())
    return int(match[1]) if match else None


def qualification(serial: int) -> str:
    """Write the number of a qualification."""
    return f"Q-{serial}"


def parse_qualification(text: str) -> int | None:
    """Read a qualification's number; None when it is none."""
    match = _QUALIFICATION.fullmatch(text.upper())
    return int(match[1]) if match else None
