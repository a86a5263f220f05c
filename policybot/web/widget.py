"""The widget: a page within a Matrix client, which tells us by a token whose account it is.

The person types the code from the page on which they showed who they are. Only the clients that the
configuration names may show it.
"""

import logging
from urllib.parse import urlencode

from aiohttp import web

from policybot.config.oidc import WidgetSection
from policybot.domain.permission import Permission
from policybot.domain.private import Private
from policybot.ports import AccountToken, NotProved
from policybot.services.verifications import Verifications
from policybot.store.database import Database
from policybot.web.site import Site, form, route

log = logging.getLogger(__name__)

_PATH = "/widget"
_LONGEST_ID = 255
_CODE = 6


class Widget:
    """The page for clients."""

    def __init__(
        self,
        site: Site,
        database: Database,
        verifications: Verifications,
        section: WidgetSection,
        tokens: AccountToken,
    ) -> None:
        """Let these clients show it, and check their tokens."""
        self._site = site
        self._database = database
        self._verifications = verifications
        self._clients = section.clients
        self._tokens = tokens
        site.policies[_PATH] = (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
            f"form-action 'self'; base-uri 'none'; frame-ancestors {' '.join(section.clients)}"
        )

    def routes(self) -> list[web.RouteDef]:
        """List the page and its script."""
        member = Permission.IDENTITY_LINK
        return [
            route("GET", _PATH, self._ask, needs=member),
            route("POST", _PATH, self._take, needs=member),
            route("GET", "/widget.js", self._script, needs=Permission.ABOUT_READ),
        ]

    async def _ask(self, request: web.Request) -> web.Response:
        return self._page(request)

    def _page(self, request: web.Request, status: int = 200, error: str = "") -> web.Response:
        return self._site.page(
            "widget.html", status, path=_again(request), clients=self._clients, error=error
        )

    async def _take(self, request: web.Request) -> web.Response:
        """Check whose token it is before the code is looked at, and count wrong ones as in the chat."""
        given = await form(request)
        code, token = given.get("code", "").strip(), Private(given.get("access_token", ""))
        if len(code) != _CODE:
            return self._page(request, 422, f"The code has {_CODE} characters. Please check it.")
        try:
            user_id = await self._tokens.account(given.get("matrix_server_name", ""), token)
        except NotProved as error:
            log.warning("A widget's token was refused: %s", error)
            return self._page(request, 422, _NOT_SHOWN)
        async with self._database.transaction() as tx:
            outcome = await self._verifications.show(tx, user_id, token, code)
        status = 200 if outcome.good else 422
        return self._site.page("linked.html", status, outcome=outcome, again=_again(request))

    async def _script(self, _: web.Request) -> web.Response:
        return self._site.file("widget.js", "text/javascript")


def _again(request: web.Request) -> str:
    """Write the page's address for the same widget: its ID is how the client knows it."""
    given = request.query.get("widgetId", "")[:_LONGEST_ID]
    return f"{_PATH}?{urlencode({'widgetId': given})}" if given else _PATH


_NOT_SHOWN = (
    "Your client could not show us your account. Please try again, or send the code to the bot in your "
    "direct chat: !policy verify CODE"
)
