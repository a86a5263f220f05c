"""The pages on which a reviewer looks at a document and decides; known by a one-time link.

A GET of the link shows a button and nothing else: previews fetch links. The button opens the
document, and that somebody opens it is on record before anything of it is decrypted.
"""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from policybot.domain.document import Document, State
from policybot.domain.errors import Refused
from policybot.domain.identity import Claim
from policybot.domain.permission import Permission
from policybot.services.documents import NUMBER, Documents
from policybot.services.openings import MINUTES, Openings
from policybot.store.database import Database
from policybot.web.site import Site, form, route

_CALLED: Mapping[str, str] = {
    Claim.NAME.value: "Name",
    Claim.GIVEN_NAME.value: "Given names",
    Claim.FAMILY_NAME.value: "Family name",
    Claim.BIRTHDATE.value: "Day of birth",
    NUMBER: "Number",
}


class Review:
    """The pages for `!policy show D-1`."""

    def __init__(self, site: Site, database: Database, documents: Documents, openings: Openings) -> None:
        """Show documents through these services, which check who asks."""
        self._site = site
        self._database = database
        self._documents = documents
        self._openings = openings

    def routes(self) -> list[web.RouteDef]:
        """List the pages."""
        reviewer = Permission.DOCUMENT_REVIEW
        return [
            route("GET", "/document/{token}", self._invite, needs=reviewer, by_link=True),
            route("POST", "/document/{token}", self._open, needs=reviewer, by_link=True),
            route("GET", "/document/picture/{token}", self._picture, needs=reviewer, by_link=True),
            route("POST", "/document/approve/{token}", self._approve, needs=reviewer, by_link=True),
            route("POST", "/document/refuse/{token}", self._refuse, needs=reviewer, by_link=True),
        ]

    def _facts(self, document: Document) -> dict[str, Any]:
        return {
            "number": document.number,
            "facts": self._documents.in_words(document),
            "minutes": MINUTES,
        }

    async def _invite(self, request: web.Request) -> web.Response:
        """Offer to open the document."""
        async with self._database.transaction(reading=True) as tx:
            document = await self._openings.invited(tx, request.match_info["token"])
        return self._site.page("look.html", **self._facts(document))

    async def _open(self, request: web.Request) -> web.Response:
        """Note who looks; then show the document."""
        async with self._database.transaction() as tx:
            opened = await self._openings.open(tx, request.match_info["token"])
        async with self._database.transaction(reading=True) as tx:
            paper = await self._openings.paper(tx, opened)
            another = await self._documents.is_another(tx, opened.document)
        typed = [(_CALLED[name], paper[name].reveal()) for name in _CALLED if name in paper]
        return self._page(
            opened.document, opened.decide, typed=typed, pictures=opened.pictures, another=another
        )

    def _page(  # noqa: PLR0913 - what it shows
        self,
        document: Document,
        decide: str,
        *,
        typed: object = (),
        pictures: object = (),
        another: bool = False,
        reason: str = "",
        error: str = "",
    ) -> web.Response:
        return self._site.page(
            "review.html",
            422 if error else 200,
            **self._facts(document),
            decide=decide,
            typed=typed,
            pictures=pictures,
            another=another,
            reasons=self._documents.way.reasons,
            reason=reason,
            error=error,
            state=document.state.value,
        )

    async def _picture(self, request: web.Request) -> web.Response:
        """Give one picture, once."""
        async with self._database.transaction() as tx:
            candidate, n = await self._openings.take_picture(tx, request.match_info["token"])
        async with self._database.transaction(reading=True) as tx:
            data = await self._openings.picture(tx, candidate, n)
        return web.Response(
            body=data, content_type="image/jpeg", headers={"Content-Disposition": "inline"}
        )

    async def _approve(self, request: web.Request) -> web.Response:
        async with self._database.transaction() as tx:
            reviewer, document = await self._openings.decider(tx, request.match_info["token"])
            document = await self._documents.approve(tx, reviewer, document.number)
        if document.state is State.REFUSED:
            return self._site.message(
                f"{document.number} could not be linked",
                "Its person has no place free for this account. It is refused, and the person is told.",
            )
        return self._site.message(f"{document.number} is approved", _DONE)

    async def _refuse(self, request: web.Request) -> web.Response:
        """Refuse, for a reason that is chosen, written, or both."""
        token, given = request.match_info["token"], await form(request)
        preset, written = given.get("preset", ""), given.get("reason", "").strip()
        known = preset if preset in self._documents.way.reasons else ""
        reason = " ".join(part for part in (known, written) if part)
        async with self._database.transaction(reading=True) as tx:
            reviewer, document = await self._openings.decider(tx, token)
        if not reason:
            error = "Please choose or write a reason: the person reads it."
            return self._page(document, token, reason=written, error=error)
        try:
            async with self._database.transaction() as tx:
                reviewer, document = await self._openings.decider(tx, token)
                await self._documents.refuse(tx, reviewer, document.number, reason)
        except Refused as refused:
            if document.state is not State.WAITING:
                raise
            return self._page(document, token, reason=written, error=str(refused))
        return self._site.message(f"{document.number} is refused", _DONE)


_DONE = "The person is told. You can close this page."
