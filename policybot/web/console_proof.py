"""What is shown with an appeal: blurred in its page, and as it is on a page of its own, when asked."""

from aiohttp import web

from policybot.ports import Cleaner
from policybot.services.evidence import Evidence
from policybot.web.console import NEEDS, Desk
from policybot.web.console_appeal import ONE, AppealDesk
from policybot.web.site import route

_PICTURE = ONE + r"/file/{file:[0-9]{1,18}}/{place:[0-9]{1,3}}"


class ProofPages:
    """The pages of single pictures, for whoever may decide the appeal."""

    def __init__(self, desk: Desk, at: AppealDesk, proofs: Evidence, cleaner: Cleaner) -> None:
        """Show what the vault keeps; blurred by the cleaner, which drew it."""
        self._desk = desk
        self._at = at
        self._evidence = proofs
        self._cleaner = cleaner

    def routes(self) -> list[web.RouteDef]:
        """List the pages."""
        how = "{how:blurred|clear}"
        return [
            route("GET", _PICTURE, self._page, needs=NEEDS, by_link=True),
            route("GET", f"{_PICTURE}/{how}", self._picture, needs=NEEDS, by_link=True),
        ]

    async def _page(self, request: web.Request) -> web.Response:
        """Show a picture as it is; the look is on record when the browser asks for it."""
        given = request.match_info
        async with self._desk.database.transaction() as tx:
            _, brief = await self._at.find(tx, given["token"], given["number"])
        file = next((one for one in brief.files if one.id == int(given["file"])), None)
        place = int(given["place"])
        if file is None or not 1 <= place <= file.pictures:
            raise web.HTTPNotFound
        return self._desk.site.page(
            "console_proof.html",
            appeal=brief.appeal,
            back=f"/console/page/{given['token']}/appeals/{brief.appeal.number}",
            file=file,
            place=place,
        )

    async def _picture(self, request: web.Request) -> web.Response:
        """Give a picture, blurred or as it is; a clear look is on record before anything is shown."""
        given, clear = request.match_info, request.match_info["how"] == "clear"
        async with self._desk.database.transaction() as tx:
            seat, brief = await self._at.find(tx, given["token"], given["number"])
            data = await self._evidence.picture(
                tx,
                seat.moderator,
                brief.appeal,
                int(given["file"]),
                int(given["place"]),
                clear=clear,
            )
            if clear and brief.facts.decided is not None:
                await self._desk.care.looked(tx, seat.moderator, brief.facts.decided.case.id)
        if not clear:
            data = await self._cleaner.draw(data, blurred=True)
        headers = {"Content-Disposition": "inline"}
        return web.Response(body=data, content_type="image/jpeg", headers=headers)
