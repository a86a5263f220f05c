"""Forms with files: read to memory and never to a disk, within hard limits of size, number and time."""

import asyncio
import time
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from policybot.domain.errors import OutOfOrder
from policybot.ports import Busy

_AT_ONCE = 8
"""Forms in memory at the same time, each of another account: none may keep others out."""
_MIB = 2**20
_MINUTE = 60.0
_CHUNK = 64 * 1024


class Limits(NamedTuple):
    """How much a form may hold."""

    files: int
    mib: int
    """Of one file."""
    text: int
    """Bytes of one field that is no file."""
    parts: int
    """Fields and files together."""
    patient: bool = False
    """Whether files that are too many or too large are read on and dropped, within reason."""

    @property
    def most(self) -> int:
        """Bytes of all of it that are read."""
        kept = self.files * self.mib * _MIB + self.parts * self.text
        return 2 * kept if self.patient else kept

    @property
    def in_words(self) -> str:
        """What to send instead of too much."""
        return f"Please send at most {self.files} files, each of at most {self.mib} MiB."


@dataclass(slots=True)
class Sent:
    """What a browser sent."""

    texts: dict[str, str] = field(default_factory=dict, repr=False)
    files: list[tuple[str, bytes]] = field(default_factory=list, repr=False)
    """Each with the name that it has there, which says nothing of what it is."""
    too_much: bool = False
    """Whether files were dropped."""


class Broken(Exception):  # noqa: N818 - an answer
    """A form that is given up while the browser is still sending: the rest is not for us."""

    def __init__(self, status: int, message: str) -> None:
        """Say why, as an HTTP status and a sentence."""
        super().__init__(message)
        self.status = status


class Places:
    """The places for forms with files: one for each account, and only so many."""

    def __init__(self, most: int = _AT_ONCE) -> None:
        """Begin with all of them free."""
        self._most = most
        self._taken: set[str] = set()

    @contextmanager
    def take(self, user_id: str) -> Iterator[None]:
        """Take one of the places.

        Raises:
            OutOfOrder: the account has one already.
            Busy: none is free.
        """
        if user_id in self._taken:
            message = "You are sending something already. Please wait a moment, and then try again."
            raise OutOfOrder(message)
        if len(self._taken) >= self._most:
            raise Busy
        self._taken.add(user_id)
        try:
            yield
        finally:
            self._taken.remove(user_id)


class Pace:
    """How often an account may do something within a minute, in this process."""

    def __init__(self, most: int) -> None:
        """Let it be done so often."""
        self._most = most
        self._begun = 0.0
        self._counts: Counter[str] = Counter()

    def allows(self, user_id: str) -> bool:
        """Count one; False if it is one too many."""
        now = time.monotonic()
        if now - self._begun >= _MINUTE:
            self._begun = now
            self._counts.clear()
        self._counts[user_id] += 1
        return self._counts[user_id] <= self._most


async def read(
    request: web.Request, limits: Limits, seconds: float, lists: Collection[str] = ()
) -> Sent:
    """Read a form with files named `files`; a field that may be there several times is among `lists`.

    Raises:
        Broken: it is too large, takes too long, or is no form.
    """
    try:
        async with asyncio.timeout(seconds):
            return await _read(request, limits, lists)
    except TimeoutError:
        raise Broken(408, "That took too long. Please try again with smaller files.") from None
    except web.HTTPRequestEntityTooLarge:
        raise Broken(413, limits.in_words) from None
    except (HttpProcessingError, ValueError, RuntimeError, AssertionError, web.HTTPException):
        raise Broken(400, "Your browser sent something that I cannot read.") from None


async def _read(request: web.Request, limits: Limits, lists: Collection[str]) -> Sent:
    """Read a form.

    Raises:
        HTTPRequestEntityTooLarge: it is larger than one may be, whatever it says of itself.
        ValueError: it is no form.
    """
    sent, total = Sent(), 0
    if (request.content_length or 0) > limits.most:
        raise web.HTTPRequestEntityTooLarge(limits.most, request.content_length or 0)
    reader = await request.multipart()
    for _ in range(limits.parts):
        part = await reader.next()
        if part is None:
            return sent
        if not isinstance(part, BodyPartReader) or not part.name:
            raise ValueError
        is_file = part.name == "files"
        patient = limits.patient and is_file
        longest = limits.mib * _MIB if is_file else limits.text
        data, length = await _bounded(part, longest, limits.most - total if patient else longest)
        total += length
        if total > limits.most:
            raise web.HTTPRequestEntityTooLarge(limits.most, total)
        if is_file and (data or part.filename):
            if data is None or (len(sent.files) == limits.files and patient):
                sent.too_much = True
            elif len(sent.files) > limits.files:
                raise web.HTTPRequestEntityTooLarge(limits.most, total)
            else:
                sent.files.append((part.filename or "", data))
        elif not is_file:
            _note(sent, part.name, data or b"", lists)
    raise web.HTTPRequestEntityTooLarge(limits.most, total)


def _note(sent: Sent, name: str, data: bytes, lists: Collection[str]) -> None:
    text = data.decode()
    sent.texts[name] = f"{sent.texts[name]} {text}" if name in lists and name in sent.texts else text


async def _bounded(part: BodyPartReader, longest: int, most: int) -> tuple[bytes | None, int]:
    """Read a part and how long it is; None for one that is longer than it may be, up to `most`.

    Raises:
        HTTPRequestEntityTooLarge: it is longer than `most`.
    """
    data, length = bytearray(), 0
    while chunk := await part.read_chunk(_CHUNK):
        length += len(chunk)
        if length > most:
            raise web.HTTPRequestEntityTooLarge(most, length)
        if length <= longest:
            data += chunk
        else:
            data.clear()
    return (bytes(data) if length <= longest else None), length


def hung_up(response: web.Response) -> web.Response:
    """Close the connection after an answer: who is still sending is not listened to."""
    response.force_close()
    return response
