"""The page about the operator: who it is, by which licences it works, how busy it is, and its rules."""

from typing import Any

from aiohttp import web

from policybot.domain.note import Note
from policybot.domain.permission import Permission
from policybot.services.checkpoints import Checkpoints
from policybot.services.staffing import DAYS, FEWEST, Published, Staffing
from policybot.store.database import Database
from policybot.web.site import Site, as_json, route, wants_json


class About:
    """What everybody may know."""

    def __init__(
        self, site: Site, database: Database, staffing: Staffing, checkpoints: Checkpoints
    ) -> None:
        """Show the operator's own file, the figures of its work, and what it signed of its log."""
        self._checkpoints = checkpoints
        self._site = site
        self._database = database
        self._staffing = staffing

    def routes(self) -> list[web.RouteDef]:
        """List the pages."""
        needs = Permission.ABOUT_READ
        return [
            route("GET", "/about", self._about, needs=needs),
            route("GET", "/about.json", self._about, needs=needs),
        ]

    async def _about(self, request: web.Request) -> web.Response:
        async with self._database.transaction(reading=True) as tx:
            figures = await self._staffing.published(tx)
            newest = await self._checkpoints.newest(tx)
        today, config = self._staffing.today(), self._site.config
        licences = [
            {
                "title": one.title,
                "number": one.number,
                "issuer": one.issuer,
                "valid_until": one.valid_until,
                "expired": one.valid_until is not None and one.valid_until < today,
                "link": one.link,
            }
            for one in config.operator.licences
        ]
        if wants_json(request):
            return self._site.for_all(
                request, as_json(self._said(licences, figures, newest)), "application/json"
            )
        text = self._site.text(
            "about.html",
            outside=config.appeal_body,
            rules=config.rules,
            licences=licences,
            figures=figures,
            days=DAYS,
            fewest=FEWEST,
            log_key=self._checkpoints.published(),
            checkpoint=newest,
        )
        return self._site.for_all(request, text, "text/html")

    def _said(
        self, licences: list[dict[str, Any]], figures: Published, newest: Note | None
    ) -> dict[str, Any]:
        operator = self._site.config.operator
        return {
            "name": operator.name,
            "contact": operator.contact,
            "appeal_body": self._site.config.appeal_body,
            "licences": licences,
            "work": {
                "days": DAYS,
                "moderators": figures.moderators,
                "reports": figures.reports,
                "reports_per_moderator_and_day": figures.load,
                "open_cases": figures.open,
                "oldest_open_case_days": figures.oldest_days,
                "decided": figures.decided,
                "decided_in_time_percent": figures.in_time_percent,
            },
            "log": {
                "key": self._checkpoints.published(),
                "checkpoint": None if newest is None else str(newest),
            },
            "rules": [
                {"id": rule.id, "title": rule.title, "text": rule.text}
                for rule in self._site.config.rules
            ],
        }
