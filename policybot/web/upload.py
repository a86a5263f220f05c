"""The page on which somebody sends a document: the form, and the files read within hard limits.

No other page takes files. They are read to memory and never to a disk.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from aiohttp import BodyPartReader, web

from policybot.domain import particulars
from policybot.domain.errors import OutOfOrder
from policybot.domain.identity import Attempt, Claim
from policybot.domain.particulars import Mistaken
from policybot.domain.permission import Permission
from policybot.ports import Busy, Cleaner, Unfit
from policybot.services.documents import Documents
from policybot.services.verifications import Verifications, hashed
from policybot.store.database import Database
from policybot.web.code import CodePage
from policybot.web.site import Site, route

_SECONDS = 30.0
_AT_ONCE = 8
"""Uploads in memory at the same time, each of another account: none may keep others out."""
_MAX_TEXT = 2000
"""Bytes of one field that is no file."""
_MAX_PARTS = 24
_MIB = 2**20
_CHUNK = 64 * 1024

_FIELDS: Mapping[Claim, tuple[str, str]] = {
    Claim.NAME: ("Full name, as it stands in the document", "name"),
    Claim.GIVEN_NAME: ("Given names", "given-name"),
    Claim.FAMILY_NAME: ("Family name", "family-name"),
    Claim.BIRTHDATE: ("Day of birth (year-month-day)", "bday"),
}
"""What a claim is called in the form, and what browsers fill in for it (HTML, `autocomplete`)."""


@dataclass(slots=True)
class Sent:
    """What a browser sent."""

    texts: dict[str, str] = field(default_factory=dict, repr=False)
    files: list[bytes] = field(default_factory=list, repr=False)


class Upload:
    """The page for the way in by a document."""

    def __init__(  # noqa: PLR0913, PLR0917 - the parts of the page
        self,
        site: Site,
        database: Database,
        verifications: Verifications,
        documents: Documents,
        cleaner: Cleaner,
        code: CodePage,
    ) -> None:
        """Draw files anew with this cleaner."""
        self._site = site
        self._database = database
        self._verifications = verifications
        self._documents = documents
        self._cleaner = cleaner
        self._code = code
        self._way = documents.way
        self._asked_for = particulars.asked_for(site.config.identity.keep)
        self._sending: set[str] = set()

    def routes(self) -> list[web.RouteDef]:
        """List the pages; they are for members, who are known by their link."""
        member = Permission.IDENTITY_LINK
        return [
            route("GET", "/verify/{token}/document", self._show, needs=member),
            route("POST", "/verify/{token}/document", self._take, needs=member),
        ]

    async def _attempt(self, token: str) -> Attempt:
        async with self._database.transaction(reading=True) as tx:
            attempt = await self._verifications.attempt(tx, token)
            await self._documents.check_free(tx, attempt.user_id)
        return attempt

    async def _show(self, request: web.Request) -> web.Response:
        attempt = await self._attempt(request.match_info["token"])
        return self._form(attempt, {}, {})

    def _form(
        self, attempt: Attempt, typed: Mapping[str, str], faults: Mapping[str, str]
    ) -> web.Response:
        """Show the form, with what was typed and what is wrong with it; files cannot be kept in it."""
        return self._site.page(
            "upload.html",
            422 if faults else 200,
            user_id=attempt.user_id,
            claims=[(claim.value, *_FIELDS[claim]) for claim in self._asked_for],
            way=self._way,
            typed=typed,
            faults=faults,
            longest=particulars.LONGEST,
        )

    async def _take(self, request: web.Request) -> web.Response:
        token = request.match_info["token"]
        attempt = await self._attempt(token)
        if request.content_type != "multipart/form-data":
            return self._form(attempt, {}, {"files": "Please choose at least one file."})
        with self._place(attempt.user_id):
            async with self._database.transaction() as tx:  # before a byte of it is read
                await self._documents.count_upload(tx, attempt.user_id)
                await self._verifications.count_find(tx, hashed(token))
            try:
                async with asyncio.timeout(_SECONDS):
                    sent = await self._read(request)
            except TimeoutError:
                return self._hung_up(408, "That took too long. Please try again with smaller files.")
            except web.HTTPRequestEntityTooLarge:
                return self._hung_up(413, _too_much(self._way.max_mib, self._way.max_files))
            except (ValueError, RuntimeError, AssertionError, web.HTTPException):
                return self._hung_up(400, "Your browser sent something that I cannot read.")
            return await self._hand_in(token, attempt, sent)

    @contextmanager
    def _place(self, user_id: str) -> Iterator[None]:
        """Take one of the places for uploads.

        Raises:
            OutOfOrder: the account has one already.
            Busy: none is free.
        """
        if user_id in self._sending:
            message = "You are sending a document already. Please wait a moment, and then try again."
            raise OutOfOrder(message)
        if len(self._sending) >= _AT_ONCE:
            raise Busy
        self._sending.add(user_id)
        try:
            yield
        finally:
            self._sending.remove(user_id)

    def _hung_up(self, status: int, message: str) -> web.Response:
        """Refuse while the browser is still sending: the rest is not for us."""
        response = self._site.sorry(status, message)
        response.force_close()
        return response

    async def _read(self, request: web.Request) -> Sent:
        """Read a form with files.

        Raises:
            HTTPRequestEntityTooLarge: it is larger than one may be, whatever it says of itself.
            ValueError: it is no form.
        """
        way, sent, total = self._way, Sent(), 0
        most = way.max_files * way.max_mib * _MIB + _MAX_PARTS * _MAX_TEXT
        if (request.content_length or 0) > most:
            raise web.HTTPRequestEntityTooLarge(most, request.content_length or 0)
        reader = await request.multipart()
        for _ in range(_MAX_PARTS):
            part = await reader.next()
            if part is None:
                return sent
            if not isinstance(part, BodyPartReader) or not part.name:
                raise ValueError
            is_file = part.name == "files"
            data = await _bounded(part, way.max_mib * _MIB if is_file else _MAX_TEXT)
            total += len(data)
            if total > most or len(sent.files) > way.max_files:
                raise web.HTTPRequestEntityTooLarge(most, total)
            if not is_file:
                sent.texts[part.name] = data.decode()
            elif data or part.filename:
                sent.files.append(data)
        raise web.HTTPRequestEntityTooLarge(most, total)

    async def _hand_in(self, token: str, attempt: Attempt, sent: Sent) -> web.Response:
        """Check what was sent, keep clean pictures of it, and show the code to send back."""
        config = self._site.config.identity
        faults = {}
        if not sent.files:
            faults["files"] = "Please choose at least one file."
        elif len(sent.files) > self._way.max_files:
            faults["files"] = _too_much(self._way.max_mib, self._way.max_files)
        elif not all(sent.files):
            faults["files"] = "A file is empty. Please choose another one."
        try:
            typed = particulars.read(
                sent.texts,
                kept=config.keep,
                kinds=[kind.id for kind in self._way.kinds],
                today=self._documents.today(),
            )
        except Mistaken as mistaken:
            return self._form(attempt, sent.texts, {**mistaken.faults, **faults})
        if faults:
            return self._form(attempt, sent.texts, faults)
        pictures: list[bytes] = []
        for n, data in enumerate(sent.files, 1):
            try:
                pictures += await self._cleaner.clean(data)
            except Unfit as unfit:
                which = f"File {n}: " if len(sent.files) > 1 else ""
                return self._form(attempt, sent.texts, {"files": f"{which}{unfit}"})
        record = self._documents.record(typed)
        blind = await self._verifications.blind(record)
        token_hash = hashed(token)
        async with self._database.transaction() as tx:
            code = await self._verifications.found(tx, token_hash, record, blind)
            browser = await self._verifications.bind(tx, token_hash)
            await self._documents.enclose(tx, token_hash, typed, pictures)
        return self._code.show(attempt.user_id, record, code, browser, reviewed=True)


async def _bounded(part: BodyPartReader, most: int) -> bytes:
    """Read a part, and stop at its limit."""
    data = bytearray()
    while chunk := await part.read_chunk(_CHUNK):
        data += chunk
        if len(data) > most:
            raise web.HTTPRequestEntityTooLarge(most, len(data))
    return bytes(data)


def _too_much(mib: int, files: int) -> str:
    return f"Please send at most {files} files, each of at most {mib} MiB."
