"""The pages behind one-time links: a name that two people agreed to show, and one's own data.

A link preview fetches a page; so looking shows a button, and only the button opens anything.
"""

from aiohttp import web

from policybot.domain import reveal as rules
from policybot.domain.permission import Permission
from policybot.ports import Clock
from policybot.services.exports import Exports
from policybot.services.reveals import Reveals
from policybot.store.database import Database
from policybot.web.site import Site, route


class PrivacyPages:
    """The pages for reveals and exports."""

    def __init__(
        self, site: Site, database: Database, reveals: Reveals, exports: Exports, now: Clock
    ) -> None:
        """Show what these services open."""
        self._site = site
        self._database = database
        self._reveals = reveals
        self._exports = exports
        self._now = now

    def routes(self) -> list[web.RouteDef]:
        """List the pages; whoever has the link is let in, and the services look at the rest."""
        needs = Permission.LINK_OPEN
        return [
            route("GET", "/reveal/{token}", self._before_reveal, needs=needs),
            route("POST", "/reveal/{token}", self._reveal, needs=needs),
            route("GET", "/export/{token}", self._before_export, needs=needs),
            route("POST", "/export/{token}", self._export, needs=needs),
        ]

    async def _before_reveal(self, request: web.Request) -> web.Response:
        async with self._database.transaction(reading=True) as tx:
            reveal = await self._reveals.peek(tx, request.match_info["token"])
        return self._site.page("reveal.html", reveal=reveal, shown=None)

    async def _reveal(self, request: web.Request) -> web.Response:
        shown = await self._reveals.open(self._database, request.match_info["token"])
        response = self._site.page(
            "reveal.html",
            reveal=shown.reveal,
            shown=[(name, value.reveal()) for name, value in shown.values],
            now=f"{self._now():%-d %B %Y, %H:%M} UTC",
            minutes=int(rules.LINK_LIFE.total_seconds()) // 60,
        )
        response.headers["Clear-Site-Data"] = '"cache", "storage"'
        # A header and not an element of the page: readers are not disturbed, and it closes all the same.
        response.headers["Refresh"] = str(int(rules.LINK_LIFE.total_seconds()))
        return response

    async def _before_export(self, request: web.Request) -> web.Response:
        async with self._database.transaction(reading=True) as tx:
            user_id = await self._exports.peek(tx, request.match_info["token"])
        return self._site.page("export.html", user_id=user_id)

    async def _export(self, request: web.Request) -> web.Response:
        async with self._database.transaction() as tx:
            archive = await self._exports.fetch(tx, request.match_info["token"])
        return web.Response(
            body=archive,
            content_type="application/zip",
            headers={"Content-Disposition": 'attachment; filename="policybot-export.zip"'},
        )
