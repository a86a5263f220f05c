"""The page on which a reviewer works on an application; known by a one-time link.

A GET of the link shows a button and nothing else: previews fetch links. The button opens the page,
and takes the application. From there on every act is that of the command of the same name.
"""

import re
from collections.abc import Mapping

from aiohttp import web

from policybot.domain import filing as filing_rules
from policybot.domain import taking
from policybot.domain.errors import Refused
from policybot.domain.name import one_line
from policybot.domain.permission import Permission
from policybot.domain.review import LONGEST, Sight, Unchecked
from policybot.ports import Later, RoomReader
from policybot.services.desks import Desks, Sheet
from policybot.services.reviews import Reviews
from policybot.services.setting import Setting
from policybot.store.database import Database, Tx
from policybot.web.site import Site, form, route

_LONGEST_LINE = 2000
_JOIN_RULES: Mapping[str, str] = {
    "public": "everybody can enter",
    "invite": "by invitation alone",
    "knock": "by invitation, which can be asked for",
    "restricted": "members of another room can enter",
    "knock_restricted": "members of another room can enter, others can ask",
}
_WITH_REASON = (filing_rules.State.REJECTED, filing_rules.State.REVOKED)
_AWAY = "The homeserver does not answer just now."
_FILE = r"/review/page/{token}/file/{file:\d{1,15}}"
_POINT = re.compile("point([0-9]{1,3})")
_ACTS = ("check", "approve", "ask", "reject", "claim", "release", "confirm", "deny")


class DeskPages:
    """The pages for `!policy show F-1`."""

    def __init__(  # noqa: PLR0913, PLR0917 - the parts
        self,
        site: Site,
        database: Database,
        desks: Desks,
        looked_at: Reviews,
        setting: Setting,
        reader: RoomReader,
    ) -> None:
        """Show applications through these services, and rooms as `reader` sees them."""
        self._site = site
        self._database = database
        self._desks = desks
        self._reviews = looked_at
        self._setting = setting
        self._reader = reader

    def routes(self) -> list[web.RouteDef]:
        """List the pages."""
        reviewer = Permission.FILING_REVIEW
        return [
            route("GET", "/review/{token}", self._invite, needs=reviewer, by_link=True),
            route("POST", "/review/{token}", self._open, needs=reviewer, by_link=True),
            route("GET", "/review/page/{token}", self._show, needs=reviewer, by_link=True),
            route("POST", "/review/page/{token}", self._act, needs=reviewer, by_link=True),
            route("GET", _FILE, self._file, needs=reviewer, by_link=True),
            route("GET", rf"{_FILE}/{{picture:\d{{1,3}}}}", self._picture, needs=reviewer, by_link=True),
        ]

    async def _invite(self, request: web.Request) -> web.Response:
        """Offer to open the page."""
        async with self._database.transaction(reading=True) as tx:
            filing = await self._desks.invited(tx, request.match_info["token"])
        minutes = round(self._setting.config.filing.claim.total_seconds() / 60)
        return self._site.page("desk_open.html", number=filing.number, minutes=minutes)

    async def _open(self, request: web.Request) -> web.Response:
        """Take the application, and send the browser to its page."""
        async with self._database.transaction() as tx:
            token = await self._desks.open(tx, request.match_info["token"])
        return _see(token)

    async def _show(self, request: web.Request) -> web.Response:
        return await self._page(request.match_info["token"])

    async def _file(self, request: web.Request) -> web.Response:
        """Show the pictures of a file; each is opened, on record, when the browser asks for it."""
        token = request.match_info["token"]
        async with self._database.transaction(reading=True) as tx:
            sheet = await self._desks.sheet(tx, token)
        wanted = int(request.match_info["file"])
        file = next((one for one in sheet.files if one.id == wanted), None)
        if file is None:
            raise web.HTTPNotFound
        return self._site.page(
            "desk_file.html", number=sheet.filing.number, file=file, back=f"/review/page/{token}"
        )

    async def _picture(self, request: web.Request) -> web.Response:
        """Give one picture of a file."""
        given = request.match_info
        async with self._database.transaction() as tx:
            found = await self._desks.pictures(tx, given["token"], int(given["file"]))
        place = int(given["picture"])
        if not 1 <= place <= len(found):
            raise web.HTTPNotFound
        return web.Response(
            body=found[place - 1],
            content_type="image/jpeg",
            headers={"Content-Disposition": "inline"},
        )

    async def _act(self, request: web.Request) -> web.Response:
        """Do what a button says, and show what came of it."""
        token, given = request.match_info["token"], await form(request)
        act = given.get("act", "")
        if act not in _ACTS:
            raise web.HTTPBadRequest
        if act in ("check", "approve"):
            # Kept in any case, whether it can be approved or not.
            refused = await self._tried(token, "check", given)
            if refused is not None:
                return await self._page(token, act, refused, given)
        if act != "check":
            refused = await self._tried(token, act, given)
            if refused is not None:
                return await self._page(token, act, refused, given)
        return _see(token)

    async def _tried(self, token: str, act: str, given: Mapping[str, str]) -> str | None:
        """Do one thing; say why it is refused, if it is."""
        async with self._database.transaction(reading=True) as tx:
            await self._desks.check_alive(tx, token)  # a dead link is no mistake in the form
        try:
            async with self._database.transaction() as tx:
                await self._do(tx, token, act, given)
        except Unchecked as unchecked:
            return f"Before it is approved, this has to be checked:\n{unchecked.points}"
        except Refused as refused:
            return str(refused)
        return None

    async def _do(self, tx: Tx, token: str, act: str, given: Mapping[str, str]) -> None:
        by, filing = await self._desks.reviewer(tx, token)
        number, reviews = filing.number, self._reviews
        match act:
            case "check":
                await self._desks.check_seen(tx, filing, given.get("seen", ""))
                found = map(_POINT.fullmatch, given)
                await reviews.check_off(tx, by, number, [int(one[1]) for one in found if one])
            case "approve":
                await self._desks.check_seen(tx, filing, given.get("seen", ""))
                await reviews.approve(tx, by, number)
            case "confirm":
                await self._desks.check_seen(tx, filing, given.get("seen", ""))
                await self._desks.settle(tx, token, confirmed=True)
            case "deny":
                await self._desks.settle(tx, token, confirmed=False)
            case "ask":
                await reviews.ask(tx, by, number, given.get("question", ""))
            case "reject":
                await reviews.reject(tx, by, number, _reason(given))
            case "claim":
                await reviews.claim(tx, by, number)
            case _:
                await reviews.release(tx, by, number)

    async def _page(
        self, token: str, act: str = "", error: str = "", given: Mapping[str, str] | None = None
    ) -> web.Response:
        async with self._database.transaction(reading=True) as tx:
            sheet = await self._desks.sheet(tx, token)
        sight, away = await self._sight(sheet)
        given = given or {}
        return self._site.page(
            "desk.html",
            422 if error else 200,
            sheet=sheet,
            filing=sheet.filing,
            said=_application(sheet),
            here=f"/review/page/{token}",
            control=taking.for_reviewer(sheet.filing.control),
            room=_room(sight),
            away=away,
            words=[(word, _lines(word.text)) for word in sheet.words],
            reason=_lines(sheet.filing.reason) if sheet.filing.state in _WITH_REASON else "",
            reasons=self._setting.config.filing.reasons,
            waits_for_answer=sheet.filing.state is filing_rules.State.NEEDS_INFO,
            longest=LONGEST,
            act=act,
            error=error,
            given=given,
        )

    async def _sight(self, sheet: Sheet) -> tuple[Sight | None, str]:
        """Look at the room while somebody decides about it; never at one that the bot is not in."""
        if not (sheet.is_open and sheet.filing.room_id):
            return None, ""
        try:
            sight = await self._reader.sight(sheet.filing.room_id)
        except Later:
            return None, _AWAY
        return sight, "" if sight else "I am not in the room, so I cannot say how it looks."


def _see(token: str) -> web.Response:
    return web.Response(status=303, headers={"Location": f"/review/page/{token}"})


def _reason(given: Mapping[str, str]) -> str:
    """Write what was chosen and typed as the command has it."""
    number, written = given.get("preset", ""), given.get("reason", "").strip()
    return f"{number} {written}" if number else written


def _lines(text: str) -> str:
    """Write what somebody typed without what hides or turns round text; it keeps its lines."""
    return "\n".join(one_line(line, _LONGEST_LINE) for line in text.splitlines()).strip()


def _application(sheet: Sheet) -> list[tuple[str, str]]:
    filing, about = sheet.filing, sheet.filing.about
    named = [
        ("Purpose", filing.purpose),
        ("Category", sheet.categories),
        ("Organisation", about.organisation or "none: a person of their own"),
        ("Deputy", filing.deputy or ""),
        ("For whom", about.audience),
        ("Languages", ", ".join(about.languages)),
        ("Contact", about.contact),
        ("The room's own rules", about.rules),
    ]
    if not filing.room_id:
        named += [("Name of the new room", about.name), ("Its topic", about.topic)]
    return [(title, _lines(text) or "–") for title, text in named]


def _room(sight: Sight | None) -> list[tuple[str, str]]:
    if sight is None:
        return []
    return [
        ("Name", _lines(sight.name) or "–"),
        ("Topic", _lines(sight.topic) or "–"),
        ("Members", str(sight.members)),
        ("Who enters", _JOIN_RULES.get(sight.join_rule, one_line(sight.join_rule, 40) or "not known")),
        ("Room version", one_line(sight.version, 40)),
        ("Encrypted", "yes: it cannot be looked after that way" if sight.encrypted else "no"),
    ]
