"""The moderators' pages: the link that opens them, and the queue of cases; known by a one-time link.

A GET of the link shows a button and nothing else: previews fetch links. Once opened, the address is the
key: it is one moderator's, whose role is looked at with each request, and it ends by itself.
"""

import re
from dataclasses import asdict, dataclass
from datetime import timedelta

from aiohttp import web

from policybot.domain.case import SubjectKind
from policybot.domain.permission import Permission
from policybot.services.care import Care
from policybot.services.consoles import IDLE, LONGEST, Consoles
from policybot.services.sheets import FILTERS, Entry, Sheets
from policybot.store.database import Database
from policybot.web.site import Site, route

NEEDS = Permission.CASE_CLAIM
"""What whoever opens a page has to be allowed."""
HERE = "/console/page/{token}"
POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""The pages have a script of their own, and work without it."""
_CASE = re.compile(r"C-[0-9]{1,15}")
_FILTERS = {
    "": "All",
    "free": "Nobody has them",
    "mine": "Yours",
    "confirm": "Wait for a second person",
}
_KINDS = {SubjectKind.EVENT: "Message of", SubjectKind.ROOM: "Room", SubjectKind.USER: "Account"}


@dataclass(frozen=True, slots=True)
class Desk:
    """The services that the pages ask for what everybody at them needs."""

    site: Site
    database: Database
    consoles: Consoles
    sheets: Sheets
    care: Care


class ConsolePages:
    """The pages for `!policy console`."""

    def __init__(self, desk: Desk) -> None:
        """Show cases through these services."""
        self._desk = desk
        self._site = desk.site
        desk.site.policies[HERE] = POLICY

    def routes(self) -> list[web.RouteDef]:
        """List the pages."""
        return [
            route("GET", "/console.js", self._script, needs=Permission.ABOUT_READ),
            route("GET", "/console/{token}", self._invite, needs=NEEDS, by_link=True),
            route("POST", "/console/{token}", self._open, needs=NEEDS, by_link=True),
            route("GET", HERE, self._queue, needs=NEEDS, by_link=True),
            route("POST", HERE, self._close, needs=NEEDS, by_link=True),
        ]

    async def _script(self, _: web.Request) -> web.Response:
        return self._site.file("console.js", "text/javascript")

    async def _invite(self, request: web.Request) -> web.Response:
        """Offer to open the pages."""
        async with self._desk.database.transaction(reading=True) as tx:
            await self._desk.consoles.invited(tx, request.match_info["token"])
        return self._site.page(
            "console_open.html",
            idle=round(IDLE.total_seconds() / 60),
            longest=round(LONGEST.total_seconds() / 3600),
        )

    async def _open(self, request: web.Request) -> web.Response:
        """Use the link up, and send the browser to the queue or to the case that was asked for."""
        async with self._desk.database.transaction() as tx:
            token, case_id = await self._desk.consoles.open(tx, request.match_info["token"])
        return see(token, f"C-{case_id}" if case_id is not None else "")

    async def _queue(self, request: web.Request) -> web.Response:
        """Show the cases that wait."""
        token, only = request.match_info["token"], request.query.get("only", "")
        only = only if only in FILTERS else ""
        desk = self._desk
        async with desk.database.transaction() as tx:
            seat = await desk.consoles.seat(tx, token)
            entries = await desk.sheets.queue(tx, seat.moderator, only)
            waiting = await desk.consoles.waiting(tx)
            hint = await desk.care.hint(tx, seat.moderator)
            now = desk.sheets.now()
        return self._site.page(
            "console.html",
            here=f"/console/page/{token}",
            moderator=seat.moderator,
            rows=[_row(entry, now - entry.case.opened_at, seat.moderator) for entry in entries],
            filters=_FILTERS.items(),
            only=only,
            waiting=[(number, what) for what, number in asdict(waiting).items() if number],
            hint=hint,
            done=done(request),
            loaded=now,
        )

    async def _close(self, request: web.Request) -> web.Response:
        """End all pages of this moderator."""
        async with self._desk.database.transaction() as tx:
            seat = await self._desk.consoles.seat(tx, request.match_info["token"])
            await self._desk.consoles.close(tx, seat.moderator)
        return self._site.message("Closed", "Your pages are closed. For new ones: !policy console")


def see(token: str, place: str = "", after: str = "") -> web.Response:
    """Send a browser to a case or the queue; `after` names the case that was settled before."""
    path = f"/console/page/{token}" + (f"/{place}" if place else "")
    return web.Response(status=303, headers={"Location": f"{path}?done={after}" if after else path})


def done(request: web.Request) -> str:
    """Name the case that was settled just before; empty if the address names none."""
    named = request.query.get("done", "")
    return named if _CASE.fullmatch(named) else ""


def _row(entry: Entry, age: timedelta, moderator: str) -> dict[str, object]:
    """Write a case as the queue shows it."""
    case = entry.case
    return {
        "number": case.number,
        "kind": _KINDS[case.subject.kind],
        "about": case.subject.user_id or ("somebody" if case.subject.event_id else ""),
        "room": entry.filing.number if entry.filing else (case.subject.room_id or ""),
        "state": case.in_words,
        "holder": entry.holder,
        "mine": entry.holder == moderator,
        "until": case.lease_until,
        "reports": entry.reports,
        "age": in_words(age),
        "cure": entry.waits_for,
    }


def in_words(span: timedelta) -> str:
    """Write how long something waits, roughly."""
    for unit, seconds in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if (number := int(span.total_seconds() // seconds)) >= 1:
            return f"{number} {unit}{'' if number == 1 else 's'}"
    return "a moment"
