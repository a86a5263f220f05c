"""The page on which somebody sends a document: the form, and what is made of its files."""

from collections.abc import Mapping

from aiohttp import web

from policybot.domain import particulars
from policybot.domain.identity import Attempt, Claim
from policybot.domain.particulars import Mistaken
from policybot.domain.permission import Permission
from policybot.ports import Cleaner, Unfit
from policybot.services.documents import Documents
from policybot.services.verifications import Verifications, hashed
from policybot.store.database import Database
from policybot.web import parts
from policybot.web.code import CodePage
from policybot.web.parts import Broken, Limits, Places, Sent
from policybot.web.site import Site, route

_SECONDS = 30.0
_MAX_TEXT = 2000
"""Bytes of one field that is no file."""
_MAX_PARTS = 24

_FIELDS: Mapping[Claim, tuple[str, str]] = {
    Claim.NAME: ("Full name, as it stands in the document", "name"),
    Claim.GIVEN_NAME: ("Given names", "given-name"),
    Claim.FAMILY_NAME: ("Family name", "family-name"),
    Claim.BIRTHDATE: ("Day of birth (year-month-day)", "bday"),
}
"""What a claim is called in the form, and what browsers fill in for it (HTML, `autocomplete`)."""


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
        self._places = Places()
        self._limits = Limits(self._way.max_files, self._way.max_mib, _MAX_TEXT, _MAX_PARTS)

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
        with self._places.take(attempt.user_id):
            async with self._database.transaction() as tx:  # before a byte of it is read
                await self._documents.count_upload(tx, attempt.user_id)
                await self._verifications.count_find(tx, hashed(token))
            try:
                sent = await parts.read(request, self._limits, _SECONDS)
            except Broken as broken:
                return parts.hung_up(self._site.sorry(broken.status, str(broken)))
            return await self._hand_in(token, attempt, sent)

    async def _hand_in(self, token: str, attempt: Attempt, sent: Sent) -> web.Response:
        """Check what was sent, keep clean pictures of it, and show the code to send back."""
        config = self._site.config.identity
        faults = {}
        if not sent.files:
            faults["files"] = "Please choose at least one file."
        elif len(sent.files) > self._way.max_files:
            faults["files"] = self._limits.in_words
        elif not all(data for _, data in sent.files):
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
        for n, (_, data) in enumerate(sent.files, 1):
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
