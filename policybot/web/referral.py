"""The page behind a link to a referral: its document, and the button by which it is taken.

A link preview fetches a page; so looking shows a button, and only a button shows or takes anything.
"""

from aiohttp import web

from policybot.domain.permission import Permission
from policybot.domain.referral import State
from policybot.services.handouts import Handouts
from policybot.services.referrals import Referrals
from policybot.store.database import Database
from policybot.web.site import Site, form, route

_TAKE = "take"


class ReferralPages:
    """The pages of referrals."""

    def __init__(self, site: Site, database: Database, referrals: Referrals, paper: Handouts) -> None:
        """Show what the services give."""
        self._handouts = paper
        self._site = site
        self._database = database
        self._referrals = referrals

    def routes(self) -> list[web.RouteDef]:
        """List the pages; whoever has the link is let in, and the service looks at the rest."""
        needs = Permission.LINK_OPEN
        return [
            route("GET", "/referral/{token}", self._before, needs=needs),
            route("POST", "/referral/{token}", self._show, needs=needs),
        ]

    async def _before(self, request: web.Request) -> web.Response:
        async with self._database.transaction(reading=True) as tx:
            referral, viewer = await self._referrals.peek(tx, request.match_info["token"])
        return self._site.page("referral.html", referral=referral, viewer=viewer, text=None, ready=False)

    async def _show(self, request: web.Request) -> web.Response:
        token = request.match_info["token"]
        if (await form(request)).get("what") == _TAKE:
            return await self._take(token)
        async with self._database.transaction(reading=True) as tx:
            referral, viewer = await self._referrals.peek(tx, token)
            text = await self._handouts.document(tx, referral)
        return self._site.page(
            "referral.html",
            referral=referral,
            viewer=viewer,
            text=text,
            ready=referral.state in (State.APPROVED, State.HANDED_OVER),
        )

    async def _take(self, token: str) -> web.Response:
        async with self._database.transaction() as tx:
            name, content = await self._referrals.take(tx, token)
        return web.Response(
            body=content,
            content_type="text/plain",
            charset="utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )
