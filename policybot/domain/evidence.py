"""Evidence: files that somebody shows with a filing or an appeal, and which of them are taken."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from policybot.domain.name import one_line

KINDS: Mapping[str, str] = {
    "application/pdf": "a PDF document",
    "image/png": "a PNG picture",
    "image/jpeg": "a JPEG picture",
}
"""What is taken, by its media type."""
UPLOADS_AN_HOUR = 20
"""How often an account may send files in an hour, refused ones among them."""
_ENDINGS: Mapping[str, str] = {
    "pdf": "application/pdf",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "jpe": "image/jpeg",
}
_CALLED: Mapping[str, str] = {
    **KINDS,
    "application/zip": "a ZIP archive",
    "application/x-dosexec": "a program for Windows",
    "application/vnd.microsoft.portable-executable": "a program for Windows",
    "application/x-executable": "a program",
    "application/x-pie-executable": "a program",
    "application/msword": "a Word document",
    "image/gif": "a GIF picture",
    "image/webp": "a WebP picture",
    "image/svg+xml": "an SVG drawing",
    "text/html": "a web page",
    "text/plain": "plain text",
    "inode/x-empty": "empty",
}
_LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class File:
    """One file of a filing or of an appeal, drawn anew as pictures: the original is not kept."""

    id: int
    number: str
    """With what it is shown: `F-3`, or the case of an appeal, `C-1`."""
    user_id: str
    """Who sent it."""
    vault_id: str
    """Under which ID the vault keeps its pictures and its name."""
    pictures: int
    """How many pictures were drawn of it, one for each page."""
    size: int
    """Bytes of the file that was sent."""
    added_at: datetime
    filing_id: int | None = None
    appeal_id: int | None = None
    name: str = ""
    """As its sender called it, cleaned; empty until the vault was asked for it."""


def called(name: str) -> str:
    """Write the name of a file without what hides, turns round or forges text, and without folders."""
    return one_line(name.replace("\\", "/").rpartition("/")[2], _LONGEST_NAME) or "file"


def fault(name: str, kind: str) -> str:
    """Say why a file cannot be taken, by what it really is; empty if it can.

    Args:
        name: as its sender calls it.
        kind: its media type, by its content.
    """
    really, shown = _CALLED.get(kind, f"something else ({one_line(kind, 60)})"), called(name)
    if kind not in KINDS:
        return f"«{shown}» is {really}. Please send a PDF document, or a PNG or JPEG picture."
    promised = _ENDINGS.get(shown.rpartition(".")[2].lower(), kind) if "." in shown else kind
    if promised != kind:
        return f"«{shown}» is really {really}, whatever its name says. Please choose another file."
    return ""
