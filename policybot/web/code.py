"""The page with the code that an account has to send back; and the browser that saw it, by a cookie."""

from datetime import timedelta

from aiohttp import web

from policybot.domain.identity import Record, masked
from policybot.web.site import Site

_AN_HOUR = timedelta(hours=1)


class CodePage:
    """The end of every way in."""

    def __init__(self, site: Site, *, login: bool) -> None:
        """Offer, where there is one, a login that shows the account as well."""
        self._site = site
        self._login = login
        # The prefix binds the cookie to this very host (RFC 6265bis, section 4.1.3.2).
        self.cookie = "__Host-policybot-verify" if site.secure else "policybot-verify"

    def show(
        self, user_id: str, record: Record, code: str, browser: str, *, reviewed: bool = False
    ) -> web.Response:
        """Name both sides, and show the code; `reviewed` if a reviewer has to decide after it."""
        config = self._site.config
        response = self._site.page(
            "confirm.html",
            user_id=user_id,
            name=masked(record.display_name.reveal()) if record.display_name else "",
            code=code,
            bot=config.bot_user_id,
            login=self._login and user_id.endswith(f":{config.homeserver.server_name}"),
            widget=config.identity.binding.widget is not None,
            reviewed=reviewed,
        )
        self.remember(response, browser)
        return response

    def remember(
        self, response: web.Response, browser: str, cookie: str = "", life: timedelta = _AN_HOUR
    ) -> None:
        """Let a browser keep by what it is known when it comes back."""
        response.set_cookie(
            cookie or self.cookie,
            browser,
            max_age=int(life.total_seconds()),
            path="/",
            secure=self._site.secure,
            httponly=True,
            samesite="Lax",  # the way back from a provider is a link from another site
        )
