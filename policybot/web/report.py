"""The public form for people without an account: what they report, and where it stands."""

from collections.abc import Mapping

from aiohttp import web

from policybot.domain import appeal as appeals
from policybot.domain import pointed
from policybot.domain.appeal import PLEA, State
from policybot.domain.errors import NotFound, OutOfOrder, Refused
from policybot.domain.name import one_line
from policybot.domain.permission import Permission
from policybot.domain.pointed import Pointed
from policybot.domain.report import MOST_TEXT, UNSORTED, Outcome, Report
from policybot.ports import RoomReader
from policybot.services.complaints import Complaints
from policybot.services.hearings import Hearings
from policybot.services.intake import Intake, Spent, Told, TooMany
from policybot.services.reports import Reports
from policybot.store.database import Database
from policybot.web.appeal import SAID, lines
from policybot.web.site import Site, form, route

_PATH = "/report"
_LARGEST = 64 * 1024
"""Bytes of a form: 5,000 characters are up to 60,000 as browsers send them."""
_FEWEST_TEXT = 3
_UNSURE = "unsure"
_LABELS = {"what": "What it is about", "rule": "The rule", "text": "What is wrong"}

_NO_LINK = (
    "Please give a link to the message, the room's address or record number, the account, or the name "
    "of another server: such as https://matrix.to/#/…, #room:example.org, PB-2026-000123-7K, "
    "@name:example.org or example.net."
)
_MEASURE = (
    "A moderator looked at it, found a breach of the rules and took a measure. Details stay between us "
    "and the person concerned."
)
_OUTCOMES = {
    None: ("We are looking at it", "A moderator decides about it. Come back to this page to learn how."),
    Outcome.ACTIONED: ("We found a breach", _MEASURE),
    Outcome.NO_BREACH: (
        "We found no breach",
        "A moderator looked at it and found no breach of the rules, so nothing was done.",
    ),
    Outcome.OVERTURNED: (
        "The decision was taken back",
        "There was a measure, and it was appealed. Another person looked at it and took it back.",
    ),
}


class ReportPages:
    """The form, its receipt, and the page on which its sender sees the outcome."""

    def __init__(  # noqa: PLR0913, PLR0917 - the parts
        self,
        site: Site,
        database: Database,
        intake: Intake,
        reader: RoomReader,
        reported: Reports,
        objections: Complaints,
        heard: Hearings,
    ) -> None:
        """Hand over to the intake what is sent; what came of it is known to the others."""
        self._site = site
        self._database = database
        self._intake = intake
        self._reader = reader
        self._form = site.config.reports.form
        self._reports = reported
        self._complaints = objections
        self._hearings = heard
        site.policies[_PATH] = (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
            "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )

    def routes(self) -> list[web.RouteDef]:
        """List the pages; links that were given out work where the form is closed since, too."""
        everybody = Permission.REPORT_SEND
        shown = [
            route("GET", f"{_PATH}/{{token}}", self._status, needs=everybody),
            route("POST", f"{_PATH}/{{token}}", self._write, needs=everybody),
        ]
        if not self._form.open:
            return shown
        return [
            route("GET", _PATH, self._show, needs=everybody),
            route("POST", _PATH, self._take, needs=everybody),
            route("GET", "/report.js", self._script, needs=Permission.ABOUT_READ),
            *shown,
        ]

    async def _script(self, _: web.Request) -> web.Response:
        return self._site.file("report.js", "text/javascript")

    # The form ------------------------------------------------------------------------------------

    async def _show(self, request: web.Request) -> web.Response:
        """Show the form; a link may say what it is about."""
        what = one_line(request.query.get("what", ""), pointed.LONGEST)
        return self._page({"what": what}, {})

    def _page(
        self,
        typed: Mapping[str, str],
        faults: Mapping[str, str],
        *,
        status: int = 0,
        refusal: str = "",
    ) -> web.Response:
        """Show the form with what was typed and what is wrong with it; it is good for one sending."""
        return self._site.page(
            "report.html",
            status or (422 if faults else 200),
            labels=_LABELS,
            rules=self._site.config.rules,
            unsure=_UNSURE,
            typed=typed,
            faults=faults,
            refusal=refusal,
            form=self._intake.form(),
            work=self._form.work,
            longest=MOST_TEXT,
            longest_link=pointed.LONGEST,
        )

    async def _take(self, request: web.Request) -> web.Response:
        typed = await form(request.clone(client_max_size=_LARGEST))
        about = pointed.read(typed.get("what", ""))
        faults = self._faults(typed, about)
        if faults or about is None:
            return self._page(typed, faults)
        try:
            async with self._database.transaction() as tx:
                await self._intake.admit(tx, typed.get("form", ""), typed.get("answer", ""))
        except Spent as refusal:
            return self._page(typed, {}, status=409, refusal=str(refusal))
        except TooMany as refusal:
            answer = self._page(typed, {}, status=429, refusal=str(refusal))
            answer.headers["Retry-After"] = str(round(refusal.wait.total_seconds()))
            return answer
        return await self._hand_on(typed, about)

    async def _hand_on(self, typed: Mapping[str, str], about: Pointed) -> web.Response:
        """Find what it is about, take the report in, and show the receipt."""
        try:
            subject = await self._intake.locate(self._database, self._reader, about)
        except NotFound as refusal:
            return self._page(typed, {"what": str(refusal)})
        except OutOfOrder as refusal:
            return self._page(typed, {}, status=503, refusal=str(refusal))
        category = UNSORTED if typed["rule"] == _UNSURE else typed["rule"]
        told = Told(subject, category, typed["text"])
        async with self._database.transaction() as tx:
            report, token = await self._intake.from_guest(tx, told)
        link = f"{self._site.config.web.public_url}{_PATH}/{token}"
        return self._site.page("reported.html", receipt=report.receipt, link=link)

    def _faults(self, typed: Mapping[str, str], about: Pointed | None) -> dict[str, str]:
        """Say by field what is wrong with a form."""
        faults = {}
        if about is None:
            faults["what"] = _NO_LINK
        if typed.get("rule") not in {_UNSURE, *(rule.id for rule in self._site.config.rules)}:
            faults["rule"] = "Please choose one, or that you do not know."
        length = len(one_line(typed.get("text", ""), 2 * MOST_TEXT))
        if length < _FEWEST_TEXT:
            faults["text"] = "Please say in a few words what is wrong."
        elif length > MOST_TEXT:
            faults["text"] = f"Please say it in at most {MOST_TEXT:,} characters."
        return faults

    # Where it stands -----------------------------------------------------------------------------

    async def _status(self, request: web.Request) -> web.Response:
        return await self._told(request.match_info["token"])

    async def _told(self, token: str, typed: str = "", refusal: str = "") -> web.Response:
        async with self._database.transaction(reading=True) as tx:
            report = await self._intake.by_key(tx, token)
            course = await self._reports.course(tx, report)
            objected = await self._complaints.course(tx, report)
            made = await self._complaints.made(tx, report)
            words = await self._hearings.words(tx, made[-1]) if made else ()
            until = await self._complaints.until(tx, report)
        waiting = [one for one in made if one.state is State.SUBMITTED]
        heading, text = _OUTCOMES[report.outcome]
        return self._site.page(
            "report_status.html",
            422 if refusal else 200,
            report=report,
            heading=heading,
            text=text,
            about=_about(report),
            course=[lines(line) for line in course + objected],
            objection=made[-1] if made else None,
            written=lines(made[-1].text) if made else "",
            words=[(SAID[word.kind], word, lines(word.text)) for word in words],
            waiting=waiting[-1] if waiting else None,
            until=until,
            typed=typed,
            refusal=refusal,
            longest=appeals.MOST_TEXT,
            body=self._site.config.appeal_body,
        )

    async def _write(self, request: web.Request) -> web.Response:
        """Take in that somebody objects to an answer, and what they add to that or take back."""
        token, given = request.match_info["token"], await form(request.clone(client_max_size=_LARGEST))
        typed, do = given.get("text", ""), given.get("do", "")
        async with self._database.transaction(reading=True) as tx:
            report = await self._intake.by_key(tx, token)
        try:
            async with self._database.transaction() as tx:
                if do not in ("add", "withdraw"):
                    pleads = f"{PLEA} " if given.get("urgent") else ""
                    await self._complaints.object(tx, report, pleads + typed)
                else:
                    made = await self._hearings.mine(tx, report.reporter, report.receipt)
                    if do == "add":
                        await self._hearings.add(tx, report.reporter, made, typed)
                    else:
                        await self._hearings.withdraw(tx, report.reporter, made)
        except Refused as refusal:
            return await self._told(token, typed, str(refusal))
        if do in ("add", "withdraw"):
            # So that to load the page again sends nothing again.
            return web.Response(status=303, headers={"Location": f"{_PATH}/{token}"})
        return self._site.message(
            "Your objection is in",
            "Somebody who had no part in the answer looks at it. The link to your report stays the "
            "same: come back to it for the outcome.",
        )


def _about(report: Report) -> str:
    """Say what somebody has reported, by nothing but what they gave themselves."""
    subject = report.subject
    if subject.event_id is not None:
        return f"a message in {subject.room_id}"
    if subject.server is not None:
        return f"the server {subject.server}"
    return str(subject.room_id or subject.user_id)
