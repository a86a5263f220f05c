"""What all pages share: safe headers on every answer, refusals in words, templates.

The pages work without JavaScript and load nothing from elsewhere.
"""

import hashlib
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from urllib.parse import urlsplit

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from policybot.config import Config
from policybot.config.keys import KeyMissing
from policybot.domain.errors import NotFound, Refused
from policybot.domain.name import one_line
from policybot.domain.permission import Permission, Role, allowed
from policybot.ports import Busy, SourceAway
from policybot.store.database import DatabaseAway

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    # The link in the address is a key: it must not travel on to other sites. `no-referrer` would do
    # that too, but then browsers send the form with `Origin: null`.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
_ONLY_TLS = "max-age=31536000"
"""A year, for this host alone: what else is under its name is not ours to bind."""
_FOR_ALL = "public, max-age=60"
"""How long anybody may keep a page that is the same for everybody."""
_LONGEST_LINE = 200
_MAX_BODY = 16 * 1024
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


class ForAll(web.Response):
    """A page that is the same for everybody, and names nobody who could take it back."""


class MachineRoute(web.RouteDef):
    """A place to which another machine posts.

    It is no browser, which would say where a form comes from. What is posted there has to carry a
    signature, and the handler checks it.
    """


class Site:
    """The web side, under the configured public address."""

    def __init__(self, config: Config) -> None:
        """Make the templates ready."""
        self.config = config
        public = urlsplit(config.web.public_url)
        self._host = public.netloc.lower()
        self._origin = f"{public.scheme}://{public.netloc}".lower()
        self.secure = public.scheme == "https"
        self.policies: dict[str, str] = {}
        """Routes whose Content-Security-Policy is another than that of all pages."""
        self._for_machines: set[str] = set()
        self._jinja = Environment(
            loader=PackageLoader("policybot.web"), autoescape=True, undefined=StrictUndefined
        )
        self._jinja.filters["one_line"] = lambda text: one_line(text, _LONGEST_LINE)

    def application(self, routes: Sequence[web.RouteDef]) -> web.Application:
        """Put pages together."""
        self._for_machines = {one.path for one in routes if isinstance(one, MachineRoute)}
        app = web.Application(middlewares=[self._guard], client_max_size=_MAX_BODY)
        app.add_routes([route("GET", "/style.css", self._style, needs=Permission.ABOUT_READ), *routes])
        return app

    def page(self, template: str, status: int = 200, **values: object) -> web.Response:
        """Show a template."""
        text = self.text(template, **values)
        return web.Response(text=text, status=status, content_type="text/html")

    def text(self, template: str, **values: object) -> str:
        """Write a template."""
        form = self.config.reports.form.open
        return self._jinja.get_template(template).render(
            operator=self.config.operator, report_form=form, **values
        )

    @staticmethod
    def for_all(
        request: web.Request, text: str, content_type: str, *, named: bool = False
    ) -> web.Response:
        """Answer with a page that is the same for everybody, or that it is as it was.

        Where somebody's verified name stands on it (`named`), nobody may keep it: its owner can take the
        name back at any time.
        """
        if named:
            return web.Response(text=text, content_type=content_type)
        tag = hashlib.sha256(text.encode()).hexdigest()[:32]
        known = {one.value for one in request.if_none_match or ()}
        answer = ForAll(status=304)
        if not known & {tag, "*"}:
            answer = ForAll(text=text, content_type=content_type)
        answer.etag = tag
        answer.headers["Vary"] = "Accept"
        return answer

    def message(self, title: str, message: str, status: int = 200) -> web.Response:
        """Show a few words."""
        return self.page("message.html", status, title=title, message=message)

    def sorry(self, status: int, message: str) -> web.Response:
        """Refuse in words."""
        return self.message("Sorry", message, status)

    @web.middleware
    async def _guard(  # noqa: C901 - one for each refusal
        self, request: web.Request, handler: Handler
    ) -> web.StreamResponse:
        """Refuse foreign hosts and cross-site posts, answer refusals, and set the headers."""
        try:
            response = self._foreign(request) or await handler(request)
        except NotFound as refusal:
            response = self.sorry(404, str(refusal))
        except Refused as refusal:
            response = self.sorry(409, str(refusal))
        except web.HTTPNotFound:
            response = self.sorry(404, "There is no such page.")
        except web.HTTPRequestEntityTooLarge:
            response = self.sorry(413, "That was too much.")
        except web.HTTPException as error:
            response = self.sorry(error.status, error.reason)
        except DatabaseAway:
            response = self.sorry(503, "We cannot do this right now. Please try again in a minute.")
        except Busy:
            response = self.sorry(
                503, "Many people are doing this right now. Please try again in a minute."
            )
        except (SourceAway, KeyMissing) as error:
            log.error("A source of verified persons is away: %s", error)  # noqa: TRY400 - the reason is all there is
            response = self.sorry(503, "We cannot check this right now. Please try again later.")
        except Exception as error:  # noqa: BLE001 - whatever it is, people get an answer
            # Its text and its frames may hold what somebody typed.
            log.error("A page failed: %s: %s", request.match_info.route.resource, type(error).__name__)  # noqa: TRY400 - as said
            response = self.sorry(500, "Something went wrong on our side. Please try again later.")
        response.headers.update(HEADERS)
        if self.secure:
            response.headers["Strict-Transport-Security"] = _ONLY_TLS
        if isinstance(response, ForAll):
            response.headers["Cache-Control"] = _FOR_ALL
        resource = request.match_info.route.resource
        if resource is not None and (policy := self.policies.get(resource.canonical)) is not None:
            response.headers["Content-Security-Policy"] = policy
        return response

    def _foreign(self, request: web.Request) -> web.Response | None:
        if request.host.lower() != self._host:
            return self.sorry(421, "This page has another address.")
        if request.path in self._for_machines:
            return None
        if request.method == "POST" and not self._same_site(request):
            return self.sorry(403, "Please open the link from your chat and try again.")
        return None

    def _same_site(self, request: web.Request) -> bool:
        """Say whether a form was sent from our own page: by what the browser says of it."""
        site = request.headers.get("Sec-Fetch-Site")
        if site is not None:
            return site == "same-origin"
        return request.headers.get("Origin", "").lower() == self._origin

    async def _style(self, _: web.Request) -> web.Response:
        return self.file("style.css", "text/css")

    def file(self, name: str, content_type: str) -> web.Response:
        """Serve one of our own files as it is."""
        assert self._jinja.loader is not None
        text = self._jinja.loader.get_source(self._jinja, name)[0]
        return web.Response(text=text, content_type=content_type)


def route(
    method: str, path: str, handler: Handler, *, needs: Permission, by_link: bool = False
) -> web.RouteDef:
    """Declare a page and who may see it; there is no page without it.

    The pages of this side are for everybody: a page that needs more is a mistake in the program, but
    behind a one-time link, whose service knows for whom it was made and checks their role.
    """
    if not by_link and not allowed({Role.EVERYBODY}, needs):
        message = f"{path} needs {needs}, and these pages know no login"
        raise ValueError(message)
    return web.RouteDef(method, path, handler, {})


def machine_route(path: str, handler: Handler) -> web.RouteDef:
    """Declare a place to which another machine posts what it has signed."""
    return MachineRoute("POST", path, handler, {})


def wants_json(request: web.Request) -> bool:
    """Say whether a machine asks: by the end of the address, or by what it accepts."""
    accepted = request.headers.get("Accept", "")
    by_header = "application/json" in accepted and "text/html" not in accepted
    return request.path.endswith(".json") or by_header


def as_json(value: object) -> str:
    """Write what a page says for a machine; times are in UTC."""
    return json.dumps(value, ensure_ascii=False, indent=1, default=_written) + "\n"


def _written(value: object) -> str:
    assert isinstance(value, date)
    return value.isoformat()


async def form(request: web.Request) -> dict[str, str]:
    """Read the texts of a form; files in it are dropped.

    Raises:
        HTTPUnsupportedMediaType: it is sent as no browser sends our forms.
        HTTPBadRequest: it cannot be read.
        HTTPRequestEntityTooLarge: it has more bytes than it may have.
    """
    charset = (request.charset or "utf-8").lower()
    if request.content_type not in _FORMS or charset != "utf-8":
        raise web.HTTPUnsupportedMediaType
    try:
        sent = await request.post()
    except (ValueError, LookupError, AssertionError):
        raise web.HTTPBadRequest from None
    for value in sent.values():
        if isinstance(value, web.FileField):
            value.file.close()
    return {name: value for name, value in sent.items() if isinstance(value, str)}
