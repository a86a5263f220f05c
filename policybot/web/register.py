"""The pages of the public register: search, one entry, a feed; each for machines as well."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from aiohttp import web

from policybot.domain import name as names
from policybot.domain.errors import NotFound
from policybot.domain.name import What
from policybot.domain.permission import Permission
from policybot.domain.register import LONGEST_QUERY, Standing
from policybot.services.register import Entry, Query, Register
from policybot.store.database import Database
from policybot.store.register import Moved
from policybot.web.site import Site, as_json, route, wants_json

_BEFORE = re.compile(r"[1-9][0-9]{0,17}")


class RegisterPages:
    """What everybody may know of governed rooms."""

    def __init__(self, site: Site, database: Database, register: Register) -> None:
        """Show what the register's service gives."""
        self._site = site
        self._database = database
        self._register = register
        self._titles = {c.id: c.title for c in site.config.filing.categories}

    def routes(self) -> list[web.RouteDef]:
        """List the pages."""
        needs = Permission.REGISTER_READ
        return [
            route("GET", "/register", self._search, needs=needs),
            route("GET", "/register.json", self._search, needs=needs),
            route("GET", "/register.atom", self._feed, needs=needs),
            route("GET", "/register/{number}", self._entry, needs=needs),
        ]

    # Search ---------------------------------------------------------------------------------------

    async def _search(self, request: web.Request) -> web.Response:
        try:
            query = self._query(request.query)
        except NotFound as refusal:
            return self._missing(request, str(refusal))
        async with self._database.transaction(reading=True) as tx:
            page = await self._register.page(tx, query)
        entries = [self._described(entry) for entry in page.entries]
        following = None if page.next is None else f"/register?{_asked(query, page.next)}"
        named = any(entry.name is not None for entry in page.entries)
        if wants_json(request):
            address = None
            if page.next is not None:
                address = f"{self._public}/register.json?{_asked(query, page.next)}"
            said = {"entries": entries, "next": address}
            return self._site.for_all(request, as_json(said), "application/json", named=named)
        text = self._site.text(
            "register.html",
            entries=entries,
            query=query,
            first=_asked(query, None),
            following=following,
            meant=page.meant,
            categories=self._titles.items(),
            standings=Standing,
            longest=LONGEST_QUERY,
        )
        return self._site.for_all(request, text, "text/html", named=named)

    def _query(self, given: Mapping[str, str]) -> Query:
        """Read what is asked for.

        Raises:
            NotFound: no form of ours asks for that.
        """
        category, standing, before = (given.get(key, "") for key in ("category", "state", "before"))
        known = {one.value: one for one in Standing}
        if (
            category not in {"", *self._titles}
            or standing not in {"", *known}
            or not re.fullmatch(rf"(?:{_BEFORE.pattern})?", before)
        ):
            message = "There is no such part of the register. Please begin again at /register"
            raise NotFound(message)
        return Query(
            text=names.one_line(given.get("q", ""), LONGEST_QUERY),
            category=category,
            standing=known.get(standing),
            before=int(before) if before else None,
        )

    # One entry ------------------------------------------------------------------------------------

    async def _entry(self, request: web.Request) -> web.Response:
        asked = request.match_info["number"].removesuffix(".json")
        try:
            async with self._database.transaction(reading=True) as tx:
                entry, history = await self._register.entry(tx, asked)
                marks = await self._register.qualified(tx, entry)
        except NotFound as refusal:
            return self._missing(request, str(refusal))
        said = self._described(entry)
        steps = [_step(moved) for moved in history]
        qualified = [
            {"id": m.id, "title": m.title, "rights": list(m.rights), "until": m.until} for m in marks
        ]
        named = entry.name is not None
        if wants_json(request):
            text = as_json(said | {"qualifications": qualified, "history": steps})
            return self._site.for_all(request, text, "application/json", named=named)
        text = self._site.text("entry.html", entry=said, qualified=qualified, history=steps)
        return self._site.for_all(request, text, "text/html", named=named)

    def _missing(self, request: web.Request, message: str) -> web.Response:
        if wants_json(request):
            return web.Response(
                text=as_json({"error": message}), status=404, content_type="application/json"
            )
        return self._site.page("unlisted.html", 404, message=message)

    def _described(self, entry: Entry) -> dict[str, Any]:
        """Say what the page and its JSON say of an entry."""
        filing = entry.filing
        in_force, room = entry.standing is Standing.IN_FORCE, names.one_line(filing.room_id, 255)
        return {
            "number": filing.number,
            "page": f"{self._public}/register/{filing.number}",
            "state": filing.in_words,
            "standing": entry.standing.value,
            "purpose": entry.purpose,
            "organisation": filing.about.organisation or None,
            "audience": filing.about.audience or None,
            "languages": list(filing.about.languages),
            "contact": filing.about.contact or None,
            "rules": filing.about.rules or None,
            "categories": [
                {"id": id_, "title": self._titles.get(id_, id_)} for id_ in filing.categories
            ],
            "room_name": entry.place.room_name or None,
            "alias": entry.place.alias or None,
            "room_id": room or None,
            "open": f"https://matrix.to/#/{quote(room, safe='!:')}" if room and in_force else None,
            "answerable": _person(entry),
            "approved_at": entry.place.approved_at,
            "valid_until": filing.valid_until,
        }

    @property
    def _public(self) -> str:
        return self._site.config.web.public_url

    # Feed -----------------------------------------------------------------------------------------

    async def _feed(self, request: web.Request) -> web.Response:
        async with self._database.transaction(reading=True) as tx:
            changes = await self._register.changes(tx)
        text = self._site.text(
            "feed.xml",
            address=self._public,
            server=self._site.config.homeserver.server_name,
            changes=[(change, _step(change.moved)) for change in changes],
        )
        return self._site.for_all(request, text, "application/atom+xml")


def _asked(query: Query, before: int | None) -> str:
    standing = query.standing.value if query.standing else ""
    parts = {"q": query.text, "category": query.category, "state": standing, "before": before}
    return urlencode({key: value for key, value in parts.items() if value})


def _person(entry: Entry) -> dict[str, Any]:
    """Say who answers for a room, as far as everybody may know."""
    view, role = entry.view, entry.view.shown.what is What.ROLE
    name = entry.name.reveal() if entry.name is not None else view.text
    return {
        "name": names.cleaned(name) or None,
        "kind": view.shown.what.value,
        "account": None if role else view.account,
        "mark": view.shown.mark.value,
        "lookalike": view.alike,
    }


def _step(moved: Moved) -> dict[str, Any]:
    return {"state": moved.state.value.replace("_", " "), "at": moved.at, "why": moved.why}
