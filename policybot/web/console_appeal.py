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
from policybot.domain.appeal import MOST_TEXT, Appeal, Said, Verdict
from policybot.domain.errors import NotFound, NotPermitted, OutOfOrder, Refused
from policybot.domain.permission import Permission
from policybot.services.briefs import Brief, Decided
from policybot.services.complaints import FOUNDED
from policybot.services.consoles import Seat
from policybot.services.copies import Copies
from policybot.services.evidence import Evidence
from policybot.services.hearings import Hearings
from policybot.services.rehearsals import Rehearsals, Rehearsed
from policybot.services.setting import Setting
from policybot.store.copies import Copy
from policybot.store.database import Stale, Tx
from policybot.web.console import APPEALS, HERE, NEEDS, POLICY, Desk, done, see
from policybot.web.console_words import lines, text
from policybot.web.site import form, route

_PLACE = f"{HERE}/{APPEALS}"
ONE = _PLACE + "/{number:[A-Za-z0-9-]{3,40}}"
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


class Reviewing(NamedTuple):
    """The services that the pages of appeals ask and act through."""

    hearings: Hearings
    rehearsals: Rehearsals
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
        desk.site.policies[f"{_PLACE}/{{number}}"] = POLICY

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
            found = await self._services.hearings.waiting(tx, seat.moderator, _SHOWN)
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

    async def find(self, tx: Tx, token: str, number: str) -> tuple[Seat, Brief]:
        """Read an appeal, and say who reads; to whoever had a part in the matter there is none.

        Raises:
            NotFound: none waits, or it is not theirs to know of.
        """
        seat = await self._seat(tx, token)
        try:
            return seat, await self._services.hearings.brief(tx, seat.moderator, number)
        except (NotFound, NotPermitted, OutOfOrder):
            raise NotFound(_GONE) from None

    async def _page(self, request: web.Request, view: _View) -> web.Response:
        token, error, seen = request.match_info["token"], view.error, None
        async with self._desk.database.transaction() as tx:
            seat, brief = await self.find(tx, token, request.match_info["number"])
            files = await self._services.evidence.of_appeal(tx, brief.appeal)
            copy = await self._services.copies.with_context(tx, brief.facts.event_id)
            if view.act == "weigh" and not error:
                try:
                    seen = await self._played(tx, seat, brief, view.given)
                except Refused as refused:
                    error = str(refused)
        one, here, decided = brief.appeal, f"/console/page/{token}", brief.facts.decided
        can = brief.can
        return self._desk.site.page(
            "console_appeal.html",
            HTTPStatus.UNPROCESSABLE_ENTITY if error else HTTPStatus.OK,
            here=here,
            queue=f"{here}/{APPEALS}",
            decided=decided,
            known=[(title, lines(said)) for title, said in brief.facts.known],
            appeal=one,
            called=f"{one.called[0].upper()}{one.called[1:]}",
            reasons=lines(_reasons(decided)) if decided else "",
            written=lines(one.text),
            urgent=rules.URGENT[one.urgent] if one.urgent else "",
            files=files,
            words=[(_WORDS[word.kind], word, lines(word.text)) for word in brief.words],
            copy=_said(copy),
            around=[(line.sender, lines(line.text or "")) for line in copy.context] if copy else [],
            holder=one.held_by(self._services.setting.now()),
            reader=seat.moderator,
            verdicts={one: f"{one.value.capitalize()}: {means}" for one, means in can.items()},
            modifies=Verdict.MODIFY in can and one.kind is rules.Kind.DECISION,
            given=_EMPTY | dict(view.given),
            act=view.act,
            error=error,
            seen=seen,
            stamp=_stamp(brief, seen) if seen else "",
            longest=MOST_TEXT,
        )

    async def _played(self, tx: Tx, seat: Seat, brief: Brief, given: Mapping[str, str]) -> Rehearsed:
        verdict, measure, reasons = _ending(brief.appeal, given)
        play = self._services.rehearsals.play
        return await play(tx, seat.moderator, brief.appeal.number, verdict, measure, reasons)

    async def _act(self, request: web.Request) -> web.Response:
        """Do what a button says; show the appeal again, or the others once it is decided."""
        given = await form(request.clone(client_max_size=_LARGEST))
        token, number, act = (
            request.match_info["token"],
            request.match_info["number"],
            given.get("act", ""),
        )
        if act in ("weigh", "edit"):
            return await self._page(request, _View(act, "", given))
        try:
            async with self._desk.database.transaction() as tx:
                seat, brief = await self.find(tx, token, number)
                await self._do(tx, seat, brief, act, given)
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

    async def _do(self, tx: Tx, seat: Seat, brief: Brief, act: str, given: Mapping[str, str]) -> None:
        by, heard, n = seat.moderator, self._services.hearings, brief.appeal.number
        match act:
            case "claim":
                await heard.claim(tx, by, n)
            case "release":
                await heard.release(tx, by, n)
            case "ask":
                await heard.ask(tx, by, n, text(given, "question", MOST_TEXT))
            case "hasten":
                await heard.hasten(tx, by, n, text(given, "why", MOST_TEXT))
            case "decide":
                seen = await self._played(tx, seat, brief, given)
                if given.get("seen", "") != _stamp(brief, seen):
                    raise OutOfOrder(_CHANGED)
                verdict, measure, reasons = _ending(brief.appeal, given)
                await heard.end(tx, by, n, verdict, measure, reasons)
            case _:
                raise OutOfOrder(_CHANGED)


def _ending(appeal: Appeal, given: Mapping[str, str]) -> tuple[Verdict, str, str]:
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
    if appeal.kind is rules.Kind.REPORT and verdict is Verdict.MODIFY:
        measure = FOUNDED  # there is nothing else between
    return verdict, measure, text(given, "reasons", MOST_TEXT)


def _stamp(brief: Brief, seen: Rehearsed) -> str:
    """Give the fingerprint of what an outcome was said to do, to the appeal as it stands."""
    decided = brief.facts.decided
    of_decision = decided.decision.version if decided else None
    known = (brief.appeal.text, brief.words, brief.files, brief.facts.known, of_decision, seen)
    return hashlib.sha256(repr(known).encode()).hexdigest()


def _reasons(found: Decided) -> str:
    sanction = found.sanction
    return notice.reasons(
        found.statement,
        case_number=found.decision.number,
        ends_at=sanction.ends_at if sanction else None,
        hold=found.decision.interim,
    )


def _said(copy: Copy | None) -> str:
    body = copy.content.get("body") if copy is not None and copy.content else None
    return lines(body) if isinstance(body, str) else ""
