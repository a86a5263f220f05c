"""The public numbers: record numbers with check characters, cases, receipts, referrals and others.

A record number looks like `PB-2026-000123-7K`: the operator's prefix, the year, a serial number and
two check characters computed over all that stands before them by ISO/IEC 7064 MOD 1271-36, which
catches every single wrong character and every exchange of two neighbours.
"""

import re
from collections.abc import Iterator
from string import ascii_uppercase, digits

_ALPHABET = digits + ascii_uppercase
_RECORD = re.compile(r"([A-Z]{2,4})-(\d{4})-(\d{6,12})-([0-9A-Z]{2})", re.ASCII)
_CASE = re.compile(r"C-([1-9]\d{0,11})", re.ASCII)
_RECEIPT = re.compile(r"R-([1-9]\d{0,11})", re.ASCII)
_DOCUMENT = re.compile(r"D-([1-9]\d{0,11})", re.ASCII)
_QUALIFICATION = re.compile(r"Q-([1-9]\d{0,11})", re.ASCII)
_REFERRAL = re.compile(r"REF-([1-9]\d{0,11})", re.ASCII)
_LIKE_DIGITS = str.maketrans("OIL", "011")
_DASHES = str.maketrans("\u2010\u2011\u2012\u2013\u2014\u2212", "------")


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


def near(text: str) -> list[str]:
    """Name the record numbers that somebody may have meant by a mistyped one, the likeliest first.

    The likeliest has other check characters; then come those with one other digit, or two exchanged.
    """
    wanted = text.upper().translate(_DASHES)
    match = re.fullmatch(r"([A-Z]{2,4})-([\dOIL]{4})-([\dOIL]{6,9})(?:-(\w{0,4}))?", wanted, re.ASCII)
    if match is None:
        return []
    prefix, check = match[1], match[4] or ""
    digits_ = (match[2] + match[3]).translate(_LIKE_DIGITS)
    found = [record(prefix, int(digits_[:4]), int(digits_[4:]))]
    for other in _mistyped(digits_):
        number = record(prefix, int(other[:4]), int(other[4:]))
        if number.endswith(f"-{check}"):
            found.append(number)
    return list(dict.fromkeys(found))


def _mistyped(text: str) -> Iterator[str]:
    """Write digits with one of them changed, or two neighbours exchanged."""
    for at, right in enumerate(text):
        yield from (text[:at] + other + text[at + 1 :] for other in digits if other != right)
        yield text[:at] + text[at + 1 : at + 2] + right + text[at + 2 :]


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


def referral(serial: int) -> str:
    """Write the number of a referral."""
    return f"REF-{serial}"


def parse_referral(text: str) -> int | None:
    """Read a referral's number; None when it is none."""
    match = _REFERRAL.fullmatch(text.upper())
    return int(match[1]) if match else None
