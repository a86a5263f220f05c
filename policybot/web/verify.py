"""The pages on which people verify themselves: choose a way, go it, and get the code to send back.

A link says for which account it was made. Who opens it may be somebody else: so nothing is linked
here. At the end stands a code, and the account has to send it from its direct room.
"""

import logging
from collections.abc import Mapping, Sequence

from aiohttp import web

from policybot.domain.errors import NotFound
from policybot.domain.identity import Record, masked
from policybot.domain.permission import Permission
from policybot.ports import Ask, Go, IdentityProvider, NotProved
from policybot.services.setting import Setting
from policybot.services.verifications import Verifications, WrongCode, hashed
from policybot.store.database import Database
from policybot.web.site import Site, form, route

log = logging.getLogger(__name__)


class Verify:
    """The pages for `!policy verify`."""

    def __init__(
        self,
        site: Site,
        database: Database,
        verifications: Verifications,
        ways: Sequence[IdentityProvider],
    ) -> None:
        """Offer these ways in."""
        self._site = site
        self._database = database
        self._verifications = verifications
        self._ways: Mapping[str, IdentityProvider] = {way.id: way for way in ways}
        # The prefix binds the cookie to this very host (RFC 6265bis, section 4.1.3.2).
        self._cookie = "__Host-policybot-verify" if site.secure else "policybot-verify"

    def routes(self) -> list[web.RouteDef]:
        """List the pages; each is for members, who are known by their link."""
        member = Permission.IDENTITY_LINK
        return [
            route("GET", "/verify/back", self._back, needs=member),
            route("GET", "/verify/{token}", self._choose, needs=member),
            route("POST", "/verify/{token}", self._go, needs=member),
        ]

    async def _choose(self, request: web.Request) -> web.Response:
        """Offer the ways. Looking uses nothing up, so that a link preview does no harm."""
        async with self._database.transaction(reading=True) as tx:
            attempt = await self._verifications.attempt(tx, request.match_info["token"])
        return self._offer(attempt.user_id)

    def _offer(self, user_id: str, error: str = "") -> web.Response:
        ways = [(way.id, way.source.value, way.title) for way in self._ways.values()]
        status = 422 if error else 200
        return self._site.page("verify.html", status, user_id=user_id, ways=ways, error=error)

    async def _go(self, request: web.Request) -> web.Response:
        token, given = request.match_info["token"], await form(request)
        way = self._ways.get(given.get("way", ""))
        if way is None:
            async with self._database.transaction(reading=True) as tx:
                attempt = await self._verifications.attempt(tx, token)
            return self._offer(attempt.user_id, "Please choose one of the ways.")
        state = Setting.token()
        match await way.begin(state):
            case Go(url, state, memory):
                async with self._database.transaction() as tx:
                    browser = await self._verifications.send_away(
                        tx, token, state, {**memory, "way": way.id}
                    )
                response = self._site.page("go.html", url=url, title=way.title)
                response.set_cookie(
                    self._cookie,
                    browser,
                    max_age=3600,
                    path="/",
                    secure=self._site.secure,
                    httponly=True,
                    samesite="Lax",  # the way back from the provider is a link from another site
                )
                return response
            case Ask("document"):
                # It has a page of its own, which alone takes files.
                return web.Response(status=303, headers={"Location": f"/verify/{token}/document"})
            case Ask():
                return await self._asked(token, way, given)

    async def _asked(self, token: str, way: IdentityProvider, given: Mapping[str, str]) -> web.Response:
        """Check what was typed; each try is counted before it is looked at."""
        async with self._database.transaction() as tx:
            attempt = await self._verifications.spend_try(tx, token)
        record = await way.finish({}, given)
        if record is None:
            wrong: WrongCode = self._verifications.wrong(attempt)
            return self._offer(attempt.user_id, str(wrong))
        return await self._show_code(hashed(token), attempt.user_id, record, forgive=True)

    async def _back(self, request: web.Request) -> web.Response:
        """Take a browser back from a provider; state and cookie have to be those it left with."""
        answer = dict(request.query)
        state, browser = answer.get("state", ""), request.cookies.get(self._cookie, "")
        async with self._database.transaction() as tx:
            back = await self._verifications.come_back(tx, state, browser)
        memory = {name: value.reveal() for name, value in back.memory.items()}
        way = self._ways.get(memory.get("way", ""))
        if way is None:
            raise NotFound(_TRY_AGAIN)
        try:
            record = await way.finish(memory, answer)
        except NotProved as error:
            log.warning("Verification by %s was refused: %s", way.source, error)
            record = None
        if record is None:
            return self._site.sorry(422, _TRY_AGAIN)
        response = await self._show_code(back.token_hash, back.attempt.user_id, record)
        response.del_cookie(self._cookie, path="/")
        return response

    async def _show_code(
        self, token_hash: str, user_id: str, record: Record, *, forgive: bool = False
    ) -> web.Response:
        """Name both sides, and show the code that the account has to send."""
        blind = await self._verifications.blind(record)
        async with self._database.transaction() as tx:
            code = await self._verifications.found(tx, token_hash, record, blind, forgive=forgive)
        return self._site.page(
            "confirm.html",
            user_id=user_id,
            name=masked(record.display_name.reveal()) if record.display_name else "",
            code=code,
            bot=self._site.config.bot_user_id,
        )


_TRY_AGAIN = "This could not be verified. Please go back to your chat and begin anew: !policy verify"
