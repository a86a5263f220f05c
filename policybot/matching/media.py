"""What a file really is, by libmagic: never by its name or by what its sender says."""

from ctypes.util import find_library
from functools import cache
from typing import Any

_LOOKED_AT = 64 * 1024
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
    return str(_libmagic().from_buffer(data[:_LOOKED_AT], mime=True))
