"""The way in by a document, and the parent of the child processes that decode what is uploaded.

Nothing that was uploaded is decoded in this process, kept, or shown: only the pictures that a child
has drawn anew. A child is confined (see `clean`), gets one file, and is killed when its time is over.
"""

import asyncio
import struct
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from policybot.domain.identity import Record, Source
from policybot.identity import clean
from policybot.matching.media import kind_of
from policybot.ports import Ask, Step, Unfit

_SECONDS = 20.0
_AT_ONCE = 2
"""Children at the same time; each may take `clean.MEMORY`."""
_LARGEST_PICTURE = 32 * 2**20
_PROGRAM = (sys.executable, "-I", "-B", str(Path(clean.__file__)))
"""By its path, alone: so it imports nothing of ours, and is the version that we are."""

_FAULTS = {
    "unreadable": "This file cannot be read. Please save or photograph it anew and send that.",
    "too-large": "This picture is too large. Please send one of at most 25 megapixels.",
    "animated": "This picture moves. Please send one that does not.",
    "encrypted": "This PDF is protected. Please save it without a password, or send a picture of it.",
    "pages": f"A PDF may have at most {clean.MAX_PAGES} pages. Please send only those that matter.",
}
_TAKEN = ("image/jpeg", "image/png", "image/webp", "application/pdf")
"""What people may show."""
_PICTURES = ("image/jpeg", "image/png", "image/webp", "image/gif")
_NO_PICTURE = "This is no JPEG, PNG, WebP or GIF picture, so it is not shown."
_OTHER_KIND = "This is no JPEG, PNG, WebP or PDF file, whatever its name says. Please send one of those."


class DocumentWay:
    """The way in by a document that reviewers look at."""

    id = "document"
    source = Source.DOCUMENT

    def __init__(self, title: str) -> None:
        """Call it this on the page."""
        self.title = title

    async def begin(self, state: str) -> Step:
        """Ask for the document on a page of its own."""
        del state
        return Ask("document")

    async def finish(self, memory: Mapping[str, str], answer: Mapping[str, str]) -> Record | None:
        """Find nobody: people do that."""
        del memory, answer
        return None


class ChildCleaner:
    """Draws uploaded files anew, each in a child process of its own."""

    def __init__(self, program: Sequence[str] = _PROGRAM, seconds: float = _SECONDS) -> None:
        """Run `program` for each file, and kill it after `seconds`."""
        self._program = program
        self._seconds = seconds
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def clean(self, data: bytes) -> Sequence[bytes]:
        """Draw the pictures of a file anew, as JPEG.

        Raises:
            Unfit: the file is not taken.
        """
        kind = kind_of(data) if data else ""
        if kind not in _TAKEN:
            raise Unfit(_OTHER_KIND)
        async with self._room:
            return await self._in_child(kind, data, clean.WHOLE)

    async def draw(self, data: bytes, *, blurred: bool) -> bytes:
        """Draw a picture anew, as JPEG; of one that moves the first."""
        kind = kind_of(data) if data else ""
        if kind not in _PICTURES:
            raise Unfit(_NO_PICTURE)
        async with self._room:
            (drawn,) = await self._in_child(kind, data, clean.BLURRED if blurred else clean.FIRST)
            return drawn

    async def _in_child(self, kind: str, data: bytes, how: int) -> list[bytes]:
        child = await asyncio.create_subprocess_exec(
            *self._program,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={},
            cwd="/",
            start_new_session=True,
            limit=2**20,
        )
        try:
            async with asyncio.timeout(self._seconds):
                pictures = await _talk(child, kind, data, how)
                await child.wait()
                return pictures
        except (TimeoutError, OSError, asyncio.IncompleteReadError, struct.error, ValueError):
            # It was killed, hung, or said what none of ours would say.
            raise Unfit(_FAULTS["unreadable"]) from None
        finally:
            if child.returncode is None:
                with suppress(ProcessLookupError):
                    child.kill()
            await child.wait()


async def _talk(child: asyncio.subprocess.Process, kind: str, data: bytes, how: int) -> list[bytes]:
    """Hand a file over and read the answer, which is no more to be trusted than the file."""
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(struct.pack(">BBI", clean.KINDS.index(kind), how, len(data)))
    child.stdin.write(data)
    await child.stdin.drain()
    child.stdin.close()
    refused, number = await child.stdout.readexactly(2)
    if refused:
        raise Unfit(_FAULTS[clean.FAULTS[number] if number < len(clean.FAULTS) else "unreadable"])
    if not 1 <= number <= clean.MAX_PAGES:
        raise ValueError(number)
    pictures = []
    for _ in range(number):
        (length,) = struct.unpack(">I", await child.stdout.readexactly(4))
        if length > _LARGEST_PICTURE:
            raise ValueError(length)
        picture = await child.stdout.readexactly(length)
        if kind_of(picture) != "image/jpeg":
            raise ValueError(number)
        pictures.append(picture)
    return pictures
