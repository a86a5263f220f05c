"""The moderators' pages: the link that opens them, and the queue of cases; known by a one-time link.

A GET of the link shows a button and nothing else: previews fetch links. Once opened, the address is the
key: it is one moderator's, whose role is looked at with each request, and it ends by itself.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from urllib.parse import urlencode

from aiohttp import web

from policybot.domain.case import SubjectKind
from policybot.domain.permission import Permission
from policybot.services.care import Care
from policybot.services.consoles import IDLE, LONGEST, Consoles
from policybot.services.entries import FILTERS, Entries, Entry, Narrowed
from policybot.services.sheets import Sheets
from policybot.store.database import Database
from policybot.web.site import Site, route

NEEDS = Permission.CONSOLE_OPEN
"""What whoever opens a page has to be allowed."""
HERE = "/console/page/{token}"
CASE = HERE + r"/{case:[Cc]-[0-9]{1,15}}"
POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""The pages have a script of their own, and work without it."""
APPEALS = "appeals"
"""Where the appeals stand, below the queue of cases."""
_LONGEST = 255
"""Characters of a rule's number or a room's ID."""
_CASE = re.compile(r"C-[0-9]{1,15}")
_NUMBER = re.compile(r"[A-Z]{1,4}-[0-9A-Z-]{1,30}")
_FILTERS = {
    "": "All",
    "free": "Nobody has them",
    "mine": "Yours",
    "overdue": "Overdue",
    "confirm": "Wait for a second person",
}
_KINDS = {
    SubjectKind.EVENT: "Message of",
    SubjectKind.ROOM: "Room",
    SubjectKind.USER: "Account",
    SubjectKind.SERVER: "Server",
}


@dataclass(frozen=True, slots=True)
class Desk:
    """The services that the pages ask for what everybody at them needs."""

    site: Site
    database: Database
    consoles: Consoles
    entries: Entries
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
            seat = await self._desk.consoles.reader(tx, token)
        if not seat.may(Permission.CASE_CLAIM):
            return see(token, APPEALS)
        return see(token, f"C-{case_id}" if case_id is not None else "")

    async def _queue(self, request: web.Request) -> web.Response:
        """Show the cases that wait."""
        token, asked = request.match_info["token"], _asked(request.query)
        desk, here = self._desk, f"/console/page/{token}"
        async with desk.database.transaction() as tx:
            seat = await desk.consoles.seat(tx, token)
            entries, last = await desk.entries.page(tx, seat.moderator, asked)
            waiting = await desk.consoles.waiting(tx)
            hint = await desk.care.hint(tx, seat.moderator)
            now = desk.sheets.now()
        return self._site.page(
            "console.html",
            here=here,
            again=_address(here, asked),
            begin=_address(here, replace(asked, after=None)),
            more=_address(here, replace(asked, after=last.id)) if last else "",
            moderator=seat.moderator,
            rows=[_row(entry, now - entry.case.opened_at, seat.moderator, here) for entry in entries],
            filters=[
                (key, title, _address(here, replace(asked, only=key, after=None)))
                for key, title in _FILTERS.items()
            ],
            rules=self._site.config.rules,
            asked=asked,
            reviews=seat.may(Permission.APPEAL_DECIDE),
            waiting=[(number, what) for what, number in asdict(waiting).items() if number],
            hint=hint,
            done=done(request),
            loaded=now,
        )

    async def _close(self, request: web.Request) -> web.Response:
        """End all pages of this moderator."""
        async with self._desk.database.transaction() as tx:
            seat = await self._desk.consoles.reader(tx, request.match_info["token"])
            await self._desk.consoles.close(tx, seat.moderator)
        return self._site.message("Closed", "Your pages are closed. For new ones: !policy console")


def see(token: str, place: str = "", after: str = "") -> web.Response:
    """Send a browser to a case or the queue; `after` names the case that was settled before."""
    path = f"/console/page/{token}" + (f"/{place}" if place else "")
    return web.Response(status=303, headers={"Location": f"{path}?done={after}" if after else path})


def done(request: web.Request) -> str:
    """Name the case or the appeal that was settled just before; empty if the address names none."""
    named = request.query.get("done", "")
    return named if _NUMBER.fullmatch(named) else ""


def _asked(query: Mapping[str, str]) -> Narrowed:
    """Read what of the queue is wanted; what cannot be read narrows nothing."""
    only, after = query.get("only", ""), query.get("after", "")
    return Narrowed(
        only=only if only in FILTERS else "",
        rule=query.get("rule", "")[:_LONGEST],
        room_id=query.get("room", "")[:_LONGEST],
        after=int(after[2:]) if _CASE.fullmatch(after) else None,
    )


def _address(here: str, asked: Narrowed) -> str:
    """Write the address of a part of the queue."""
    after = f"C-{asked.after}" if asked.after is not None else ""
    given = {"only": asked.only, "rule": asked.rule, "room": asked.room_id, "after": after}
    query = urlencode({name: value for name, value in given.items() if value})
    return f"{here}?{query}" if query else here


def _row(entry: Entry, age: timedelta, moderator: str, here: str) -> dict[str, object]:
    """Write a case as the queue shows it."""
    case, room_id = entry.case, entry.case.subject.room_id
    return {
        "number": case.number,
        "kind": _KINDS[case.subject.kind],
        "about": case.subject.user_id
        or case.subject.server
        or ("somebody" if case.subject.event_id else ""),
        "room": entry.filing.number if entry.filing else (room_id or ""),
        "of_room": _address(here, Narrowed(room_id=room_id)) if room_id else "",
        "rules": ", ".join(case.rules),
        "urgency": entry.urgency,
        "overdue": entry.overdue,
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
