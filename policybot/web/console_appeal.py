"""The pages of appeals: those that wait, and one with all that its reviewer needs; parties see neither.

What an outcome would do is shown before it is done, and done only if it is still exactly that.
"""

import hashlib
from collections.abc import Mapping
from http import HTTPStatus
from typing import NamedTuple

from aiohttp import web

from policybot.domain import appeal as rules
from policybot.domain import notice
from policybot.domain.appeal import MOST_TEXT, Said, Verdict
from policybot.domain.case import Case
from policybot.domain.errors import NotFound, NotPermitted, OutOfOrder, Refused
from policybot.domain.number import parse_case
from policybot.domain.permission import Permission
from policybot.services.appeal_reviews import AppealReviews, Brief
from policybot.services.cases import Cases
from policybot.services.consoles import Seat
from policybot.services.copies import Copies
from policybot.services.evidence import Evidence
from policybot.services.queues import Queues
from policybot.services.rehearsals import Rehearsals, Rehearsed
from policybot.services.setting import Setting
from policybot.store.copies import Copy
from policybot.store.database import Stale, Tx
from policybot.web.console import APPEALS, CASE, HERE, NEEDS, POLICY, Desk, done, see
from policybot.web.console_words import lines, text
from policybot.web.site import form, route

_PLACE = f"{HERE}/{APPEALS}"
ONE = CASE.replace(HERE, _PLACE)
"""The page of one appeal."""
_LARGEST = 64 * 1024
_SHOWN = 50
_GONE = "No appeal waits under this number that is yours to decide."
_CHANGED = "Something has changed since this was shown, so nothing was done. Please look at it again."
_WORDS = {
    Said.QUESTION: "Asked by a reviewer",
    Said.ANSWER: "The person answered",
    Said.ADDITION: "The person added",
    Said.JOINED: "Another account of that server joined",
}
_EMPTY = dict.fromkeys(("verdict", "measure", "reasons", "question", "why"), "")
_VERDICTS = {
    Verdict.UPHOLD: "Uphold: the decision stands",
    Verdict.MODIFY: "Modify: a milder measure takes its place",
    Verdict.OVERTURN: "Overturn: the decision is void from the beginning, and undone",
}


class Reviewing(NamedTuple):
    """The services that the pages of appeals ask and act through."""

    appeals: AppealReviews
    rehearsals: Rehearsals
    queues: Queues
    cases: Cases
    copies: Copies
    evidence: Evidence
    setting: Setting


class _View(NamedTuple):
    """How the page is shown: after which act, with which fault, with what was filled in."""

    act: str = ""
    error: str = ""
    given: Mapping[str, str] = {}


class AppealDesk:
    """The pages on which appeals are decided."""

    def __init__(self, desk: Desk, reviewing: Reviewing) -> None:
        """Show appeals, and act through the services of the commands."""
        self._desk = desk
        self._services = reviewing
        desk.site.policies[_PLACE] = POLICY
        desk.site.policies[f"{_PLACE}/{{case}}"] = POLICY

    def routes(self) -> list[web.RouteDef]:
        """List the pages."""
        return [
            route("GET", _PLACE, self._queue, needs=NEEDS, by_link=True),
            route("GET", ONE, self._show, needs=NEEDS, by_link=True),
            route("POST", ONE, self._act, needs=NEEDS, by_link=True),
        ]

    async def _seat(self, tx: Tx, token: str) -> Seat:
        seat = await self._desk.consoles.reader(tx, token)
        if not seat.may(Permission.APPEAL_DECIDE):
            raise NotFound(_GONE)
        return seat

    async def _queue(self, request: web.Request) -> web.Response:
        """List the appeals that wait, but those in which the reader has a part."""
        token = request.match_info["token"]
        async with self._desk.database.transaction() as tx:
            seat = await self._seat(tx, token)
            found = await self._services.queues.appeals(tx, seat.moderator, _SHOWN)
        now = self._services.setting.now()
        return self._desk.site.page(
            "console_appeals.html",
            here=f"/console/page/{token}",
            cases=seat.may(Permission.CASE_CLAIM),
            reader=seat.moderator,
            done=done(request),
            rows=[
                {
                    "appeal": one,
                    "urgent": rules.URGENT[one.urgent] if one.urgent else "",
                    "overdue": one.overdue(now),
                    "holder": one.held_by(now),
                    "text": lines(one.text),
                }
                for one in found
            ],
        )

    async def _show(self, request: web.Request) -> web.Response:
        return await self._page(request, _View())

    async def find(self, tx: Tx, token: str, number: str) -> tuple[Seat, Case, Brief]:
        """Read an appeal, and say who reads; to whoever had a part in the matter there is none.

        Raises:
            NotFound: none waits, or it is not theirs to know of.
        """
        seat = await self._seat(tx, token)
        try:
            case = await self._services.cases.find(tx, parse_case(number), number)
            return seat, case, await self._services.appeals.brief(tx, seat.moderator, case)
        except (NotFound, NotPermitted, OutOfOrder):
            raise NotFound(_GONE) from None

    async def _page(self, request: web.Request, view: _View) -> web.Response:
        token, error, seen = request.match_info["token"], view.error, None
        async with self._desk.database.transaction() as tx:
            seat, case, brief = await self.find(tx, token, request.match_info["case"])
            files = await self._services.evidence.of_appeal(tx, brief.appeal)
            copy = await self._services.copies.with_context(tx, case.subject.event_id)
            if view.act == "weigh" and not error:
                try:
                    seen = await self._played(tx, seat, case, view.given)
                except Refused as refused:
                    error = str(refused)
        one, here = brief.appeal, f"/console/page/{token}"
        return self._desk.site.page(
            "console_appeal.html",
            HTTPStatus.UNPROCESSABLE_ENTITY if error else HTTPStatus.OK,
            here=here,
            queue=f"{here}/{APPEALS}",
            brief=brief,
            appeal=one,
            reasons=lines(_reasons(brief)),
            written=lines(one.text),
            urgent=rules.URGENT[one.urgent] if one.urgent else "",
            files=files,
            words=[(_WORDS[word.kind], word, lines(word.text)) for word in brief.words],
            copy=_said(copy),
            around=[(line.sender, lines(line.text or "")) for line in copy.context] if copy else [],
            holder=one.held_by(self._services.setting.now()),
            reader=seat.moderator,
            verdicts=_VERDICTS,
            given=_EMPTY | dict(view.given),
            act=view.act,
            error=error,
            seen=seen,
            stamp=_stamp(brief, seen) if seen else "",
            longest=MOST_TEXT,
        )

    async def _played(self, tx: Tx, seat: Seat, case: Case, given: Mapping[str, str]) -> Rehearsed:
        verdict, measure, reasons = _ending(given)
        play = self._services.rehearsals.play
        return await play(tx, seat.moderator, case, verdict, measure, reasons)

    async def _act(self, request: web.Request) -> web.Response:
        """Do what a button says; show the appeal again, or the others once it is decided."""
        given = await form(request.clone(client_max_size=_LARGEST))
        token, number, act = (
            request.match_info["token"],
            request.match_info["case"],
            given.get("act", ""),
        )
        if act in ("weigh", "edit"):
            return await self._page(request, _View(act, "", given))
        try:
            async with self._desk.database.transaction() as tx:
                seat, case, brief = await self.find(tx, token, number)
                await self._do(tx, seat, case, brief, act, given)
        except NotFound as refused:
            if str(refused) == _GONE:
                raise
            return await self._page(request, _View(act, str(refused), given))
        except Refused as refused:
            return await self._page(request, _View(act, str(refused), given))
        except Stale:
            return await self._page(request, _View(act, _CHANGED, given))
        if act == "decide":
            return see(token, APPEALS, after=number.upper())
        return see(token, f"{APPEALS}/{number.upper()}")

    async def _do(  # noqa: PLR0913, PLR0917 - who does what with what
        self, tx: Tx, seat: Seat, case: Case, brief: Brief, act: str, given: Mapping[str, str]
    ) -> None:
        by, reviews = seat.moderator, self._services.appeals
        match act:
            case "claim":
                await reviews.claim(tx, by, case)
            case "release":
                await reviews.release(tx, by, case)
            case "ask":
                await reviews.ask(tx, by, case, text(given, "question", MOST_TEXT))
            case "hasten":
                await reviews.hasten(tx, by, case, text(given, "why", MOST_TEXT))
            case "decide":
                seen = await self._played(tx, seat, case, given)
                if given.get("seen", "") != _stamp(brief, seen):
                    raise OutOfOrder(_CHANGED)
                verdict, measure, reasons = _ending(given)
                await self._services.rehearsals.end(tx, by, case, verdict, measure, reasons)
            case _:
                raise OutOfOrder(_CHANGED)


def _ending(given: Mapping[str, str]) -> tuple[Verdict, str, str]:
    """Read how an appeal is to end.

    Raises:
        OutOfOrder: no outcome was chosen.
    """
    try:
        verdict = Verdict(given.get("verdict", ""))
    except ValueError:
        message = "Please choose an outcome."
        raise OutOfOrder(message) from None
    measure = given.get("measure", "").strip() if verdict is Verdict.MODIFY else ""
    return verdict, measure, text(given, "reasons", MOST_TEXT)


def _stamp(brief: Brief, seen: Rehearsed) -> str:
    """Give the fingerprint of what an outcome was said to do, to the appeal as it stands."""
    known = (brief.appeal.text, brief.words, brief.files, brief.decision.version, seen)
    return hashlib.sha256(repr(known).encode()).hexdigest()


def _reasons(brief: Brief) -> str:
    sanction = brief.sanction
    return notice.reasons(
        brief.statement,
        case_number=brief.decision.number,
        ends_at=sanction.ends_at if sanction else None,
        hold=brief.decision.interim,
    )


def _said(copy: Copy | None) -> str:
    body = copy.content.get("body") if copy is not None and copy.content else None
    return lines(body) if isinstance(body, str) else ""
