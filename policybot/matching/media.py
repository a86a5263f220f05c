"""What a file really is, by libmagic: never by its name or by what its sender says."""

from ctypes.util import find_library
from functools import cache
from typing import Any

from policybot.domain.seen import File

LOOKED_AT = 64 * 1024
"""Bytes from the beginning that tell what a file is."""


@cache
def _libmagic() -> Any:  # noqa: ANN401 - python-magic comes without types
    """Load python-magic with the system's libmagic, or with that of a wheel where there is none.

    The wheel changes the environment of the process, so it is left alone unless it is needed.
    """
    if find_library("magic") is None:
        import pylibmagic  # noqa: F401 - brings the library along

    import magic

    return magic


def kind_of(data: bytes) -> str:
    """Name the MIME type of a file by its content."""
    return str(_libmagic().from_buffer(data[:LOOKED_AT], mime=True))


def is_animated(data: bytes, kind: str) -> bool:
    """Say whether a picture moves, by its content; a video does."""
    if kind.startswith("video/"):
        return True
    match kind:
        case "image/gif":
            # More than one picture, or an extension that repeats them.
            return data.count(b"\x00\x21\xf9\x04") > 1 or b"NETSCAPE2.0" in data
        case "image/webp":
            return b"ANIM" in data[:LOOKED_AT]
        case "image/png" | "image/apng":
            return b"acTL" in data[:LOOKED_AT].partition(b"IDAT")[0]
        case _:
            return False


def look(data: bytes, size: int | None = None) -> File:
    """Say what a file is, by its first bytes; `size` is that of all of it."""
    kind = kind_of(data)
    return File(kind, len(data) if size is None else size, is_animated(data, kind))
