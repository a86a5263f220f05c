"""The page about the operator and its rules."""

from aiohttp import web

from policybot.domain.permission import Permission
from policybot.web.site import Site, route


class About:
    """What everybody may know."""

    def __init__(self, site: Site) -> None:
        """Show the rules of the configuration."""
        self._site = site

    def routes(self) -> list[web.RouteDef]:
        """List the pages."""
        return [route("GET", "/about", self._about, needs=Permission.ABOUT_READ)]

    async def _about(self, _: web.Request) -> web.Response:
        return self._site.page("about.html", rules=self._site.config.rules)
