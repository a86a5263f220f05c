"""The form of a filing, by the link that its account was sent: saved while one writes, handed in once.

It works without JavaScript; with it, what is typed is saved by itself. A link is good for one form, and
opens a page that says so once the form was handed in.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple
from urllib.parse import quote

from aiohttp import web

from policybot.domain import application, taking
from policybot.domain.application import LIMITS, ORGANISATION, About
from policybot.domain.errors import NotFound, NotPermitted, OutOfOrder, Refused
from policybot.domain.filing import ENDED, Filing, State
from policybot.domain.name import What, cleaned
from policybot.domain.particulars import Mistaken
from policybot.domain.permission import Permission
from policybot.domain.rank import Control
from policybot.domain.taking import View
from policybot.ports import Cleaner, Later, RoomReader
from policybot.services.applications import Applications, Sight
from policybot.services.drafts import Drafts
from policybot.services.evidence import Evidence
from policybot.services.names import Names
from policybot.store.database import Database, Stale
from policybot.web import parts
from policybot.web.drawn import draw
from policybot.web.parts import Broken, Limits, Pace, Places, Sent
from policybot.web.site import Site, route

_PATH = "/file/{token}"
_SECONDS = 30.0
_MAX_TEXT = 100 * 1024
"""Bytes of one field: more than a draft keeps, so that it can be said which field is too long."""
_MAX_PARTS = 48
_A_MINUTE = 90
"""How often one account has its form shown or saved; the page's script saves forty times at most."""
_SAVING_AT_ONCE = 64
_SAVE, _HAND_IN = "save", "hand_in"
_LISTS = ("category", "remove")
_LABELS: Mapping[str, str] = {
    "answer": "Your answer",
    "purpose": "What the room is for",
    "category": "Kind of room",
    "kept_by": "For whom you keep it",
    "organisation": "Name of the organisation",
    "control": "What is to become of your room",
    "name": "Name of the room",
    "topic": "Topic of the room",
    "audience": "Whom it is meant for",
    "languages": "Languages",
    "contact": "Contact",
    "rules": "The room's own rules",
    "deputy": "Deputy",
    "files": "Files",
}
"""What the fields are called, in the order of the form."""


class Asking(NamedTuple):
    """The services that the form asks."""

    drafts: Drafts
    applications: Applications
    evidence: Evidence
    names: Names


class FilingForm:
    """The pages for `!policy file`."""

    def __init__(
        self, site: Site, database: Database, asking: Asking, reader: RoomReader, cleaner: Cleaner
    ) -> None:
        """Look at rooms with `reader`, and draw files anew with `cleaner`."""
        self._site = site
        self._database = database
        self._asking = asking
        self._reader = reader
        self._cleaner = cleaner
        self._places = Places()
        self._saving = Places(_SAVING_AT_ONCE)
        self._pace = Pace(_A_MINUTE)
        evidence = site.config.filing.evidence
        self._limits = Limits(evidence.max_files, evidence.max_mib, _MAX_TEXT, _MAX_PARTS, patient=True)
        self._texts = Limits(0, 0, _MAX_TEXT, _MAX_PARTS)
        site.policies[_PATH] = (
            "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; "
            "img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )

    def routes(self) -> list[web.RouteDef]:
        """List the pages; they are for members, who are known by their link."""
        member = Permission.FILING_SUBMIT
        return [
            route("GET", "/file.js", self._script, needs=Permission.ABOUT_READ),
            route("GET", _PATH, self._show, needs=member),
            route("POST", _PATH, self._take, needs=member),
            route("POST", f"{_PATH}/draft", self._save, needs=member),
        ]

    async def _script(self, _: web.Request) -> web.Response:
        return self._site.file("file.js", "text/javascript")

    # The form ------------------------------------------------------------------------------------

    async def _show(self, request: web.Request) -> web.Response:
        """Show the form. Looking uses nothing up, so that a link preview does no harm."""
        token = request.match_info["token"]
        async with self._database.transaction(reading=True) as tx:
            filing = await self._asking.drafts.filing(tx, token)
        if not self._pace.allows(filing.applicant):
            return self._site.sorry(429, _TOO_OFTEN)
        return await self._form(token)

    async def _form(
        self,
        token: str,
        typed: Mapping[str, str] | None = None,
        faults: Mapping[str, str] | None = None,
        *,
        headline: str = "",
        refusal: str = "",
    ) -> web.Response:
        """Show a form as it is saved; or with what was typed now, and what is wrong with it."""
        async with self._database.transaction(reading=True) as tx:
            page = await self._asking.drafts.page(tx, token)
            front = await self._asking.names.view(tx, page.filing.applicant)
        if not page.can_change:
            return self._done(page.filing)
        filled, faults = page.typed if typed is None else typed, faults or {}
        sight = await self._look(page.filing)
        async with self._database.transaction(reading=True) as tx:
            meant = self._meant(page.filing, filled)
            conditions = await self._asking.applications.conditions(tx, meant, sight)
        return self._site.page(
            "file.html",
            422 if faults or refusal else 200,
            page=page,
            typed=filled,
            chosen=filled.get("category", "").split(),
            faults={name: faults[name] for name in _LABELS if name in faults},
            labels=_LABELS,
            headline=headline,
            refusal=refusal,
            conditions=conditions,
            called=cleaned(sight.name) if isinstance(sight, View) else "",
            categories=self._site.config.filing.categories,
            controls=_controls(sight) if page.filing.room_id else (),
            made=taking.for_owner(Control.CREATED, None),
            front=front.text,
            real=front.shown.what is What.REAL,
            asked=page.filing.state is State.NEEDS_INFO,
            limits=LIMITS,
            evidence=self._site.config.filing.evidence,
            languages=sorted(self._site.config.agreement.texts),
            days=application.DRAFT_LIFE.days,
        )

    def _meant(self, filing: Filing, typed: Mapping[str, str]) -> Filing:
        """Say which filing this would be: what has to hold depends on what is chosen."""
        chosen = typed.get("category", "").split()
        known = tuple(c.id for c in self._site.config.filing.categories if c.id in chosen)
        by_organisation = typed.get("kept_by") == ORGANISATION
        about = About(organisation=typed.get("organisation", "") if by_organisation else "")
        adopted = typed.get("control") == Control.ADOPTED
        control = Control.ADOPTED if adopted and filing.room_id else filing.control
        return replace(filing, categories=known, about=about, control=control)

    async def _look(self, filing: Filing) -> Sight:
        """Look at a room as it is now; never while a transaction is open."""
        if not filing.room_id:
            return None
        try:
            return await self._reader.view(filing.room_id)
        except Later:
            return "The homeserver does not answer me just now. Please try again in a minute."

    def _done(self, filing: Filing) -> web.Response:
        """Say that a form was handed in, and what happens next."""
        bot = quote(self._site.config.bot_user_id, safe="@:")
        ended = filing.state in ENDED
        return self._site.page(
            "filed.html", filing=filing, ended=ended, chat=f"https://matrix.to/#/{bot}"
        )

    # What is sent --------------------------------------------------------------------------------

    async def _save(self, request: web.Request) -> web.Response:
        """Save what is typed, for the script of the page."""
        token = request.match_info["token"]
        try:
            async with self._database.transaction(reading=True) as tx:
                filing = await self._asking.drafts.open_filing(tx, token)
            sent = await self._read_texts(request, filing)
            async with self._database.transaction() as tx:
                at = await self._asking.drafts.save(tx, token, sent.texts)
        except Mistaken as mistaken:
            return web.json_response({"error": _marked(mistaken)}, status=422)
        except NotFound as refusal:
            return web.json_response({"error": str(refusal)}, status=404)
        except Refused as refusal:
            return web.json_response({"error": str(refusal)}, status=409)
        except Broken as broken:
            return parts.hung_up(web.json_response({"error": str(broken)}, status=broken.status))
        return web.json_response({"saved": at.isoformat()})

    async def _read_texts(self, request: web.Request, filing: Filing) -> Sent:
        """Read what is typed, one save of each account at a time.

        Raises:
            Broken: that is one too many just now, too large, or no form.
        """
        if not self._pace.allows(filing.applicant):
            raise Broken(429, _TOO_OFTEN)
        try:
            with self._saving.take(filing.applicant):
                return await parts.read(request, self._texts, _SECONDS, _LISTS)
        except OutOfOrder as refusal:
            raise Broken(429, str(refusal)) from None

    async def _take(self, request: web.Request) -> web.Response:
        """Save the form; then, if its button says so, hand it in."""
        token = request.match_info["token"]
        async with self._database.transaction(reading=True) as tx:
            filing = await self._asking.drafts.filing(tx, token)
        if filing.state not in {State.DRAFT, State.NEEDS_INFO}:
            return self._done(filing)
        if not self._pace.allows(filing.applicant):
            return parts.hung_up(self._site.sorry(429, _TOO_OFTEN))
        if request.content_type != "multipart/form-data":
            return self._site.sorry(400, "Your browser sent something that I cannot read.")
        with self._places.take(filing.applicant):
            try:
                sent = await parts.read(request, self._limits, _SECONDS, _LISTS)
            except Broken as broken:
                return parts.hung_up(self._site.sorry(broken.status, str(broken)))
            return await self._taken(token, filing, sent)

    async def _taken(self, token: str, filing: Filing, sent: Sent) -> web.Response:
        act, removed = sent.texts.pop("act", _SAVE), sent.texts.pop("remove", "").split()
        try:
            async with self._database.transaction() as tx:
                await self._asking.drafts.save(tx, token, sent.texts)
                for file_id in removed:
                    if file_id.isascii() and file_id.isdecimal():
                        remove = self._asking.evidence.remove
                        await remove(tx, filing.applicant, filing.id, int(file_id[:18]))
        except Mistaken as mistaken:
            return await self._form(token, sent.texts, mistaken.faults, headline=_NOT_SAVED)
        faults = {}
        if sent.files or sent.too_much:
            faults = await self._take_files(token, filing, sent)
        if act == _HAND_IN:
            return await self._hand_in(token, filing, sent.texts, faults)
        if faults:
            return await self._form(token, sent.texts, faults, headline=_NOT_ALL_FILES)
        return web.Response(status=303, headers={"Location": f"/file/{token}"})

    async def _hand_in(
        self, token: str, filing: Filing, typed: Mapping[str, str], faults: Mapping[str, str]
    ) -> web.Response:
        """Check the form and the room as it is now, and hand the filing in."""
        sight = await self._look(filing)
        try:
            application.read(typed, self._asking.applications.form(filing))
            if faults:
                return await self._form(token, typed, faults, headline=_NOT_HANDED_IN)
            async with self._database.transaction() as tx:
                await self._asking.applications.hand_in(tx, token, typed, sight)
        except Mistaken as mistaken:
            wrong = {**mistaken.faults, **faults}
            return await self._form(token, typed, wrong, headline=_NOT_HANDED_IN)
        except Stale:
            pass  # it was handed in at this very moment: the page says so
        except Refused as refusal:
            return await self._form(token, typed, headline=_NOT_HANDED_IN, refusal=str(refusal))
        return web.Response(status=303, headers={"Location": f"/file/{token}"})

    async def _take_files(self, token: str, filing: Filing, sent: Sent) -> dict[str, str]:
        """Draw files anew and keep them; return what is wrong with the others, by their field."""
        evidence, wrong = self._asking.evidence, list[str]()
        if sent.too_much:
            wrong.append(f"Not all were taken. {self._limits.in_words}")
        async with self._database.transaction() as tx:  # before anything is decoded
            try:
                await evidence.count_upload(tx, filing.applicant)
            except (NotPermitted, OutOfOrder) as refusal:
                return {"files": str(refusal)}
            left = evidence.section.max_files - len(await evidence.files(tx, filing.id))
        if len(sent.files) > left:
            return {"files": evidence.too_many}
        drawn, unfit = await draw(self._cleaner, sent.files)
        wrong += unfit
        if drawn:
            async with self._database.transaction() as tx:
                open_filing = await self._asking.drafts.open_filing(tx, token)
                await evidence.add(tx, open_filing, drawn)
        return {"files": " ".join(wrong)} if wrong else {}


def _controls(sight: Sight) -> list[tuple[str, str, str]]:
    """List how a room can be taken in, with what each means."""
    levels = sight.levels if isinstance(sight, View) else None
    titles = {Control.SHARED: "It stays as it is", Control.ADOPTED: "A new room takes its place"}
    return [(c.value, title, taking.for_owner(c, levels)) for c, title in titles.items()]


def _marked(mistaken: Mistaken) -> str:
    return " ".join(f"{_LABELS.get(name, name)}: {said}" for name, said in mistaken.faults.items())


_TOO_OFTEN = "That was very often within a minute. What was saved is kept. Please wait a minute."
_NOT_HANDED_IN = "It was not handed in. What you have written is kept."
_NOT_ALL_FILES = "What you have written is saved. Not all files were taken."
_NOT_SAVED = "It was not saved, and stands here as you wrote it. Please shorten what is marked."
