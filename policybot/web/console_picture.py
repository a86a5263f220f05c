"""The pictures of a case: blurred in its page, and as they are on a page of their own, when asked."""

from aiohttp import web

from policybot.ports import Cleaner, Later
from policybot.services.copies import Copies
from policybot.web.console import CASE, NEEDS, Desk
from policybot.web.site import route

_PICTURE = CASE + r"/picture/{place:[0-9]{1,3}}"


class PicturePages:
    """The pages of single pictures."""

    def __init__(self, desk: Desk, kept: Copies, cleaner: Cleaner) -> None:
        """Show files of kept copies, drawn anew by the cleaner."""
        self._desk = desk
        self._copies = kept
        self._cleaner = cleaner

    def routes(self) -> list[web.RouteDef]:
        """List the pages."""
        return [
            route("GET", _PICTURE, self._page, needs=NEEDS, by_link=True),
            route("GET", f"{_PICTURE}/{{how:blurred|clear}}", self._picture, needs=NEEDS, by_link=True),
        ]

    async def _page(self, request: web.Request) -> web.Response:
        """Show a picture as it is; the look is counted when the browser asks for it."""
        token, place = request.match_info["token"], int(request.match_info["place"])
        desk = self._desk
        async with desk.database.transaction() as tx:
            seat = await desk.consoles.seat(tx, token)
            sheet = await desk.sheets.sheet(tx, seat.moderator, request.match_info["case"])
        if place not in sheet.pictures:
            raise web.HTTPNotFound
        here = f"/console/page/{token}/{sheet.case.number}"
        return desk.site.page("console_picture.html", case=sheet.case, here=here, place=place)

    async def _picture(self, request: web.Request) -> web.Response:
        """Give a picture, blurred or as it is; a clear look is on record before anything is shown."""
        given, clear = request.match_info, request.match_info["how"] == "clear"
        desk = self._desk
        async with desk.database.transaction() as tx:
            seat = await desk.consoles.glance(tx, given["token"])
            file = await desk.sheets.file(tx, seat.moderator, given["case"], at_work=clear)
            place = int(given["place"])
            picture = await self._copies.picture(tx, seat.moderator, file.case, place, clear=clear)
            if clear:
                await desk.care.looked(tx, seat.moderator, file.case.id)
        try:
            data = await self._copies.draw(picture, self._cleaner)
        except Later:
            raise web.HTTPServiceUnavailable(reason="The homeserver is away; try again soon.") from None
        headers = {"Content-Disposition": "inline"}
        return web.Response(body=data, content_type="image/jpeg", headers=headers)
