"""The pages on which people verify themselves: choose a way, go it, and get the code to send back.

A link says for which account it was made. Who opens it may be somebody else: so nothing is linked
here alone. At the end stands a code, and the account has to send it from its direct room; or the same
browser logs in as the account.
"""

import logging
from collections.abc import Mapping, Sequence

from aiohttp import web

from policybot.domain.errors import NotFound
from policybot.domain.identity import Record
from policybot.domain.permission import Permission
from policybot.ports import AccountLogin, Ask, Declined, Go, IdentityProvider, NotProved, NotYet
from policybot.services.results import Met, Results
from policybot.services.setting import Setting
from policybot.services.verifications import Return, Verifications, WrongCode, hashed
from policybot.store.database import Database
from policybot.web.code import CodePage
from policybot.web.site import Site, form, route

log = logging.getLogger(__name__)


class Verify:
    """The pages for `!policy verify`."""

    def __init__(  # noqa: PLR0913, PLR0917 - the parts that pages of many steps need
        self,
        site: Site,
        database: Database,
        verifications: Verifications,
        results: Results,
        ways: Sequence[IdentityProvider],
        login: AccountLogin | None = None,
    ) -> None:
        """Offer these ways in, and perhaps a login that shows the account."""
        self._site = site
        self._database = database
        self._verifications = verifications
        self._login = login
        self._results = results
        self._ways: Mapping[str, IdentityProvider] = {way.id: way for way in ways}
        self.code = CodePage(site, login=login is not None)

    def routes(self) -> list[web.RouteDef]:
        """List the pages; each is for members, who are known by their link."""
        member = Permission.IDENTITY_LINK
        return [
            route("GET", "/verify/back", self._back, needs=member),
            route("POST", "/verify/account", self._prove, needs=member),
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
        async with self._database.transaction(reading=True) as tx:
            attempt = await self._verifications.attempt(tx, token)  # before anybody is asked for it
        if way is None:
            return self._offer(attempt.user_id, "Please choose one of the ways.")
        state = Setting.token()
        match await way.begin(state):
            case Go(url, state, memory, wait):
                async with self._database.transaction() as tx:
                    if wait is None:
                        browser = await self._verifications.send_away(
                            tx, token, state, {**memory, "way": way.id}
                        )
                    else:
                        browser = await self._results.depart(tx, token, state, way.id, wait)
                response = self._site.page("go.html", url=url, title=way.title)
                if wait is None:
                    self.code.remember(response, browser)
                else:
                    self.code.remember(response, browser, self._waiting_cookie(state), wait)
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

    async def _prove(self, request: web.Request) -> web.Response:
        """Send the browser, in which somebody is shown, to log in as the account."""
        if self._login is None:
            raise NotFound(_TRY_AGAIN)
        browser = request.cookies.get(self.code.cookie, "")
        async with self._database.transaction(reading=True) as tx:
            await self._verifications.check_shown(tx, browser)
        go = await self._login.begin(Setting.token())
        async with self._database.transaction() as tx:
            memory = {**go.memory, "way": _ACCOUNT}
            await self._verifications.send_to_prove(tx, browser, go.state, memory)
        return self._site.page("go.html", url=go.url, title="Your Matrix account")

    async def _back(self, request: web.Request) -> web.Response:
        """Take a browser back from a provider; state and cookie have to be those it left with."""
        answer = dict(request.query)
        if (met := await self._met(request, answer)) is not None:
            return await self._show_result(met, answer)
        state, browser = answer.get("state", ""), request.cookies.get(self.code.cookie, "")
        async with self._database.transaction() as tx:
            back = await self._verifications.come_back(tx, state, browser)
        memory = {name: value.reveal() for name, value in back.memory.items()}
        way = memory.get("way", "")
        try:
            if way == _ACCOUNT and self._login is not None:
                return await self._proved(back, await self._login.finish(memory, answer))
            if way not in self._ways:
                raise NotFound(_TRY_AGAIN)
            record = await self._ways[way].finish(memory, answer)
        except Declined:
            return self._site.message("Nothing was linked", _DECLINED)
        except NotProved as error:
            log.warning("Verification by %s was refused: %s", way, error)
            record = None
        if record is None:
            return self._site.sorry(422, _TRY_AGAIN)
        return await self._show_code(back.token_hash, back.attempt.user_id, record)

    async def _proved(self, back: Return, user_id: str) -> web.Response:
        """Say what came of a login as the account."""
        async with self._database.transaction() as tx:
            outcome = await self._verifications.prove(tx, back.token_hash, user_id)
        response = self._site.page("linked.html", 200 if outcome.good else 403, outcome=outcome)
        # A name with this prefix is taken back only as securely as it was given.
        response.del_cookie(self.code.cookie, path="/", secure=self._site.secure, httponly=True)
        return response

    def _waiting_cookie(self, reference: str) -> str:
        """Name a cookie of its own: a browser may wait for results for days, and do other things."""
        return f"{self.code.cookie}-{hashed(reference)[:16]}"

    async def _met(self, request: web.Request, answer: Mapping[str, str]) -> Met | None:
        """Recognise a browser that comes back for a result."""
        reference = answer.get("state", "")
        browser = request.cookies.get(self._waiting_cookie(reference))
        if browser is None:
            if "id" in answer:
                # Whoever was sent here by somebody else holds what that one lacks: this address.
                raise NotFound(_ANOTHER_BROWSER)
            return None
        async with self._database.transaction() as tx:
            return await self._results.come_back(tx, reference, browser, answer.get("id", ""))

    async def _show_result(self, met: Met, answer: Mapping[str, str]) -> web.Response:
        """Show the code, or that the result is not there yet, or that it confirms nobody."""
        way = self._ways.get(met.way)
        if way is None:
            raise NotFound(_TRY_AGAIN)
        memory = {name: value.reveal() for name, value in met.memory.items()}
        try:
            record = await way.finish(memory, answer)
        except NotYet:
            response = self._site.page("waiting.html", 202, title=way.title)
            # A header and not an element of the page: browsers can be told to leave it out.
            response.headers["Refresh"] = "30"
            return response
        except NotProved as error:
            log.warning("Verification by %s was refused: %s", way.source, error)
            record = None
        if record is None:
            return self._site.message("Not confirmed", _NOT_CONFIRMED.format(way.title), 422)
        return await self._show_code(met.token_hash, met.user_id, record)

    async def _show_code(
        self, token_hash: str, user_id: str, record: Record, *, forgive: bool = False
    ) -> web.Response:
        """Name both sides, and show the code that the account has to send."""
        blind = await self._verifications.blind(record)
        async with self._database.transaction() as tx:
            code = await self._verifications.found(tx, token_hash, record, blind, forgive=forgive)
            browser = await self._verifications.bind(tx, token_hash)
        return self.code.show(user_id, record, code, browser)


_ACCOUNT = "account"
"""The way of a browser that is away to log in as the account; no way in is called so."""
_DECLINED = (
    "You ended it there, or were not let in. To try again, go back to your chat and open the link once "
    "more; if its time is over, write !policy verify"
)
_TRY_AGAIN = "This could not be verified. Please go back to your chat and begin anew: !policy verify"
_ANOTHER_BROWSER = (
    "This is not the browser in which the verification was begun, or that was too long ago. Nothing was "
    "linked. If you began it, open this address in that browser. If somebody else sent you to the "
    "service, they wanted to speak in your name: give this address to nobody."
)
_NOT_CONFIRMED = (
    "«{}» could not confirm who you are. Nothing was linked. You can try again, or choose another way: "
    "write !policy verify to the bot."
)
