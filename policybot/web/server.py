"""The pages for members: routes with one permission each, safe headers on every answer.

The pages work without JavaScript, load nothing from elsewhere and set no cookie: a one-time link is
the only key there is.
"""

import logging
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from policybot.config import Config
from policybot.domain.errors import NotFound, Refused
from policybot.domain.permission import Permission, Role, allowed
from policybot.ports import SourceAway
from policybot.services.members import Members, WrongCode
from policybot.store.database import Database, DatabaseAway

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    # The link in the address is a key: it must not travel on to other sites. `no-referrer` would do
    # that too, but then browsers send the form with `Origin: null`.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
_MAX_BODY = 16 * 1024


class Pages:
    """The web side for members."""

    def __init__(self, config: Config, database: Database, members: Members) -> None:
        """Serve under the configured public address."""
        self._config = config
        self._database = database
        self._members = members
        public = urlsplit(config.web.public_url)
        self._host = public.netloc.lower()
        self._origin = f"{public.scheme}://{public.netloc}".lower()
        self._jinja = Environment(
            loader=PackageLoader("policybot.web"), autoescape=True, undefined=StrictUndefined
        )

    def routes(self) -> list[web.RouteDef]:
        """List every page; each says for whom it is."""
        everybody, member = Permission.ABOUT_READ, Permission.IDENTITY_LINK
        return [
            route("GET", "/about", self._about, needs=everybody),
            route("GET", "/style.css", self._style, needs=everybody),
            route("GET", "/verify/{token}", self._verify, needs=member),
            route("POST", "/verify/{token}", self._give_code, needs=member),
        ]

    def application(self) -> web.Application:
        """Put the pages together."""
        app = web.Application(middlewares=[self._guard], client_max_size=_MAX_BODY)
        app.add_routes(self.routes())
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse foreign hosts and cross-site posts, answer refusals, and set the headers."""
        try:
            response = self._foreign(request) or await handler(request)
        except NotFound as refusal:
            response = self._sorry(404, str(refusal))
        except Refused as refusal:
            response = self._sorry(409, str(refusal))
        except web.HTTPNotFound:
            response = self._sorry(404, "There is no such page.")
        except web.HTTPRequestEntityTooLarge:
            response = self._sorry(413, "That was too much.")
        except web.HTTPException as error:
            response = self._sorry(error.status, error.reason)
        except DatabaseAway:
            response = self._sorry(503, "We cannot do this right now. Please try again in a minute.")
        except Exception:
            log.exception("A page failed: %s", request.match_info.route.resource)
            response = self._sorry(500, "Something went wrong on our side. Please try again later.")
        response.headers.update(HEADERS)
        return response

    def _foreign(self, request: web.Request) -> web.Response | None:
        if request.host.lower() != self._host:
            return self._sorry(421, "This page has another address.")
        if request.method == "POST" and not self._same_site(request):
            return self._sorry(403, "Please open the link from your chat and try again.")
        return None

    def _same_site(self, request: web.Request) -> bool:
        """Say whether a form was sent from our own page: by what the browser says of it."""
        site = request.headers.get("Sec-Fetch-Site")
        if site is not None:
            return site == "same-origin"
        return request.headers.get("Origin", "").lower() == self._origin

    def _page(self, name: str, status: int = 200, **values: object) -> web.Response:
        text = self._jinja.get_template(name).render(operator=self._config.operator, **values)
        return web.Response(text=text, status=status, content_type="text/html")

    def _sorry(self, status: int, message: str) -> web.Response:
        return self._page("message.html", status, title="Sorry", message=message)

    async def _style(self, _: web.Request) -> web.Response:
        assert self._jinja.loader is not None
        text = self._jinja.loader.get_source(self._jinja, "style.css")[0]
        return web.Response(text=text, content_type="text/css")

    async def _about(self, _: web.Request) -> web.Response:
        return self._page("about.html", rules=self._config.rules)

    async def _verify(self, request: web.Request) -> web.Response:
        """Show the form. Looking at it uses nothing up, so that a link preview does no harm."""
        async with self._database.transaction(reading=True) as tx:
            attempt = await self._members.attempt(tx, request.match_info["token"])
        return self._page("verify.html", user_id=attempt.user_id, error="")

    async def _give_code(self, request: web.Request) -> web.Response:
        token = request.match_info["token"]
        code = (await request.post()).get("code")
        try:
            async with self._database.transaction() as tx:
                attempt = await self._members.attempt(tx, token)
                try:
                    given = code if isinstance(code, str) else ""
                    await self._members.give_code(tx, token, given)
                except WrongCode as wrong:
                    # Caught inside the transaction: the wrong code is counted.
                    return self._page("verify.html", 422, user_id=attempt.user_id, error=str(wrong))
        except SourceAway as error:
            log.error("Codes cannot be checked: %s", error)  # noqa: TRY400 - the reason is all there is
            return self._sorry(503, "We cannot check codes right now. Please try again later.")
        message = f"{attempt.user_id} is verified. You can close this page and return to your chat."
        return self._page("message.html", title="Thank you", message=message)


def route(method: str, path: str, handler: Handler, *, needs: Permission) -> web.RouteDef:
    """Declare a page and who may see it; there is no page without it.

    The pages of this side are for everybody: a page that needs more is a mistake in the program.
    """
    if not allowed({Role.EVERYBODY}, needs):
        message = f"{path} needs {needs}, and these pages know no login"
        raise ValueError(message)
    return web.RouteDef(method, path, handler, {})
