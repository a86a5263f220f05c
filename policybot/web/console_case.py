"""The page of a case: everything in view, and every act is that of the command of the same name."""

from collections.abc import Mapping
from typing import NamedTuple

from aiohttp import web

from policybot.domain.errors import OutOfOrder, Refused
from policybot.domain.permission import Permission
from policybot.domain.rules import Rule
from policybot.services.approvals import Approvals
from policybot.services.cases import Cases
from policybot.services.consoles import Seat
from policybot.services.decisions import PROPOSED, Choice, Decisions
from policybot.services.foresights import Foresight, Foresights
from policybot.services.holds import Holds
from policybot.services.setting import Setting
from policybot.services.sheets import Sheet
from policybot.store.database import Stale, Tx
from policybot.web import console_words as words
from policybot.web.console import HERE, NEEDS, POLICY, Desk, done, see
from policybot.web.site import form, route

LONGEST = 4000
"""Characters of what a moderator writes; with all else it fits into one event."""
_CASE = HERE + r"/{case:[Cc]-[0-9]{1,15}}"
_PICTURE = _CASE + r"/picture/{place:[0-9]{1,3}}"
_NEXT = "_next"
_NEEDS: Mapping[str, Permission] = {
    "preview": Permission.CASE_DECIDE,
    "edit": Permission.CASE_DECIDE,
    "decide": Permission.CASE_DECIDE,
    "carry": Permission.CASE_DECIDE,
    "dismiss": Permission.CASE_DECIDE,
    "hold": Permission.CASE_DECIDE,
    "claim": Permission.CASE_CLAIM,
    "release": Permission.CASE_CLAIM,
    "confirm": Permission.ACT_CONFIRM,
    "deny": Permission.ACT_CONFIRM,
}
"""What each button needs: that of the command of the same name."""
_SETTLE = ("carry", "dismiss", "confirm")
"""What may end a case, after which the next one can be opened."""
_CHANGED = (
    "The case has changed since you opened this page, so nothing was done. Please look at it again."
)
_TAKEN = "Somebody else did something in this case at the same moment. Please look at it again."


class Acting(NamedTuple):
    """The services of the commands, one for each kind of button."""

    cases: Cases
    decisions: Decisions
    foresights: Foresights
    holds: Holds
    approvals: Approvals
    setting: Setting


class View(NamedTuple):
    """How the page is shown: after which act, with which fault, with what was filled in."""

    act: str = ""
    error: str = ""
    given: Mapping[str, str] = {}
    confirming: bool = False
    """Whether the last step is asked for: exactly what is shown will be done."""


class CasePages:
    """The pages of single cases."""

    def __init__(self, desk: Desk, acting: Acting) -> None:
        """Show cases, and act through the services of the commands."""
        self._desk = desk
        self._site = desk.site
        self._services = acting
        desk.site.policies[f"{HERE}/{{case}}"] = POLICY

    def routes(self) -> list[web.RouteDef]:
        """List the pages."""
        return [
            route("GET", _CASE, self._show, needs=NEEDS, by_link=True),
            route("POST", _CASE, self._act, needs=NEEDS, by_link=True),
            route("POST", f"{_CASE}/foresight", self._foresight, needs=NEEDS, by_link=True),
            route("POST", f"{_CASE}/pulse", self._pulse, needs=NEEDS, by_link=True),
            route("GET", _PICTURE, self._picture_page, needs=NEEDS, by_link=True),
            route("GET", f"{_PICTURE}/{{how:blurred|clear}}", self._picture, needs=NEEDS, by_link=True),
        ]

    # Looking -------------------------------------------------------------------------------------

    async def _show(self, request: web.Request) -> web.Response:
        return await self._page(request, View())

    async def _page(self, request: web.Request, view: View) -> web.Response:
        """Show a case; that it was opened is counted, for its reader's own care."""
        token, number = request.match_info["token"], request.match_info["case"]
        desk, setting = self._desk, self._services.setting
        async with desk.database.transaction() as tx:
            seat = await desk.consoles.seat(tx, token)
            sheet = await desk.sheets.sheet(tx, seat.moderator, number)
            await desk.care.opened(tx, seat.moderator, sheet.case.id)
            hint = await desk.care.hint(tx, seat.moderator)
            before, after = await desk.sheets.neighbours(tx, seat.moderator, sheet.case.id)
            filled = "rule" in view.given
            choice = words.choice(view.given) if filled else desk.sheets.first_choice(sheet)
            foresight, fault = await self._foreseen(tx, seat, sheet, choice)
        error, confirming = view.error, view.confirming
        if confirming and foresight is None:
            error, confirming = error or fault, False
        place = f"/console/page/{token}"
        return self._site.page(
            "console_case.html",
            422 if error else 200,
            sheet=sheet,
            case=sheet.case,
            queue=place,
            here=f"{place}/{sheet.case.number}",
            before=before,
            after=after,
            hint=hint,
            done=done(request),
            told=words.said(sheet),
            marks=words.marks(sheet),
            where=words.where(sheet),
            who=words.who(sheet),
            reports=words.reports(sheet),
            steps=words.steps(sheet),
            rules=setting.config.rules,
            severities=words.SEVERITIES,
            kinds=words.kinds(),
            proposed_kind=PROPOSED,
            factors=words.factors(setting.policy.ladder),
            choice=choice,
            given=view.given,
            act=view.act,
            error=error,
            confirming=confirming,
            longest=LONGEST,
            rule=self._rule(choice.rule),
            foresight=foresight,
            fault=fault,
            pending=self._pending(sheet),
        )

    def _rule(self, rule_id: str) -> Rule | None:
        return next((one for one in self._services.setting.config.rules if one.id == rule_id), None)

    def _pending(self, sheet: Sheet) -> dict[str, object] | None:
        """Name what the page shows of a proposal that waits."""
        if sheet.proposed is None:
            return None
        proposed = sheet.proposed
        return {
            "decision": proposed.decision,
            "approval": proposed.approval,
            "confirmable": proposed.confirmable and proposed.foresight is not None,
            "rule": self._rule(proposed.decision.rule_id),
            "foresight": proposed.foresight,
            "fault": "It no longer fits: something has changed since. Deny it, and decide anew.",
        }

    async def _foreseen(
        self, tx: Tx, seat: Seat, sheet: Sheet, choice: Choice
    ) -> tuple[Foresight | None, str]:
        """Work out what a decision would be; else say what stands against it."""
        if not (sheet.is_free and seat.may(Permission.CASE_DECIDE)):
            return None, ""
        if not choice.rule:
            return None, "Choose a rule, and how grave it is, to see what the ladder proposes."
        try:
            return await self._services.foresights.foresee(tx, seat.moderator, sheet.file, choice), ""
        except Refused as refused:
            return None, str(refused)

    async def _foresight(self, request: web.Request) -> web.Response:
        """Show what a decision would be, for the script of the page; changes nothing."""
        token, given = request.match_info["token"], await form(request)
        choice = words.choice(given)
        async with self._desk.database.transaction(reading=True) as tx:
            seat = await self._desk.consoles.glance(tx, token)
            sheet = await self._desk.sheets.sheet(tx, seat.moderator, request.match_info["case"])
            foresight, fault = await self._foreseen(tx, seat, sheet, choice)
        rule = self._rule(choice.rule)
        return self._site.page("console_foresight.html", rule=rule, foresight=foresight, fault=fault)

    async def _pulse(self, request: web.Request) -> web.Response:
        """Say how a case stands, for the script of the page; who is there keeps page and claim."""
        token, given = request.match_info["token"], await form(request)
        number, active = request.match_info["case"], given.get("active") == "1"
        try:
            async with self._desk.database.transaction(reading=not active) as tx:
                enter = self._desk.consoles.seat if active else self._desk.consoles.glance
                seat = await enter(tx, token)
                seen = given.get("seen", "")
                found = await self._desk.sheets.pulse(tx, seat.moderator, number, seen, active=active)
        except Refused as refused:
            return web.json_response({"error": str(refused)}, status=404)
        except Stale:
            return web.json_response({"error": _TAKEN}, status=409)
        return web.json_response(
            {
                "changed": found.changed,
                "holder": found.holder or "",
                "until": f"{found.until:%H:%M}" if found.holder and found.until else "",
                "others": list(found.others),
            }
        )

    async def _picture_page(self, request: web.Request) -> web.Response:
        """Show a picture as it is; the look is counted when the browser asks for it."""
        token, place = request.match_info["token"], int(request.match_info["place"])
        async with self._desk.database.transaction(reading=True) as tx:
            seat = await self._desk.consoles.glance(tx, token)
            sheet = await self._desk.sheets.sheet(tx, seat.moderator, request.match_info["case"])
        if not 1 <= place <= sheet.pictures:
            raise web.HTTPNotFound
        here = f"/console/page/{token}/{sheet.case.number}"
        return self._site.page("console_picture.html", case=sheet.case, here=here, place=place)

    async def _picture(self, request: web.Request) -> web.Response:
        """Give a picture, blurred or as it is."""
        given, clear = request.match_info, request.match_info["how"] == "clear"
        desk = self._desk
        async with desk.database.transaction(reading=not clear) as tx:
            seat = await desk.consoles.glance(tx, given["token"])
            data = await desk.sheets.picture(
                tx, seat.moderator, given["case"], int(given["place"]), clear=clear
            )
            if clear:
                case_id = int(given["case"][2:])
                await desk.care.looked(tx, seat.moderator, case_id)
        headers = {"Content-Disposition": "inline"}
        return web.Response(body=data, content_type="image/jpeg", headers=headers)

    # Acting --------------------------------------------------------------------------------------

    async def _act(self, request: web.Request) -> web.Response:
        """Do what a button says, and show what came of it."""
        given = await form(request)
        act, onward = given.get("act", ""), False
        if act.endswith(_NEXT):
            act, onward = act.removesuffix(_NEXT), True
        if act not in _NEEDS:
            raise web.HTTPBadRequest
        if act in ("preview", "edit"):
            return await self._page(request, View(act, given=given))
        if act == "decide":
            fault = words.lacking(given, LONGEST)
            view = View(act, fault, given, confirming=not fault)
            return await self._page(request, view)
        refused = await self._tried(request, act, given)
        if refused is not None and act == "carry":
            return await self._page(request, View("decide", refused, given, confirming=True))
        if refused is not None:
            return await self._page(request, View(act, refused, given))
        return await self._onward(request, act, onward=onward)

    async def _onward(self, request: web.Request, act: str, *, onward: bool) -> web.Response:
        """Show the case again; or the next one, once this is settled."""
        token, number = request.match_info["token"], request.match_info["case"].upper()
        if not (onward and act in _SETTLE):
            return see(token, number)
        async with self._desk.database.transaction(reading=True) as tx:
            seat = await self._desk.consoles.glance(tx, token)
            _, after = await self._desk.sheets.neighbours(tx, seat.moderator, int(number[2:]))
        return see(token, after.number if after else "", after=number)

    async def _tried(self, request: web.Request, act: str, given: Mapping[str, str]) -> str | None:
        """Do one thing; say why it is refused, if it is."""
        desk, number = self._desk, request.match_info["case"]
        async with desk.database.transaction() as tx:  # a dead link is no mistake in the form
            seat = await desk.consoles.seat(tx, request.match_info["token"])
        if not seat.may(_NEEDS[act]):
            return "That is not yours to do."
        try:
            async with desk.database.transaction() as tx:
                sheet = await desk.sheets.sheet(tx, seat.moderator, number)
                await self._do(tx, seat, sheet, act, given)
        except Refused as refused:
            return str(refused)
        except Stale:
            return _TAKEN
        return None

    async def _do(self, tx: Tx, seat: Seat, sheet: Sheet, act: str, given: Mapping[str, str]) -> None:
        by, case, services = seat.moderator, sheet.case, self._services
        match act:
            case "claim":
                await services.cases.claim(tx, by, case)
            case "release":
                await services.cases.release(tx, by, case)
            case "dismiss":
                self._check_seen(sheet.stamp, given)
                await services.holds.dismiss(tx, by, case, words.text(given, "reason", LONGEST))
            case "hold":
                self._check_seen(sheet.stamp, given)
                why = words.text(given, "why", LONGEST)
                await services.holds.impose(tx, by, case, given.get("hold_rule", ""), why)
            case "carry":
                choice = words.choice(given)
                foresight = await services.foresights.foresee(tx, by, sheet.file, choice)
                self._check_seen(foresight.seen, given)
                await services.decisions.decide(tx, by, case, choice)
            case _:
                await self._settle(tx, seat, sheet, act, given)

    async def _settle(
        self, tx: Tx, seat: Seat, sheet: Sheet, act: str, given: Mapping[str, str]
    ) -> None:
        """Confirm or deny what waits in a case."""
        if sheet.proposed is None:
            message = f"Nothing waits to be confirmed in {sheet.case.number}."
            raise OutOfOrder(message)
        code, approvals = sheet.proposed.approval.code, self._services.approvals
        if act == "deny":
            await approvals.deny(tx, seat.moderator, code, seat.roles)
            return
        foresight = sheet.proposed.foresight
        self._check_seen(foresight.seen if foresight else "", given)
        await approvals.confirm(tx, seat.moderator, code, seat.roles)

    @staticmethod
    def _check_seen(now: str, given: Mapping[str, str]) -> None:
        """Check that somebody acts on what they have seen, by the fingerprint of it.

        Raises:
            OutOfOrder: it is otherwise now.
        """
        if not now or given.get("seen", "") != now:
            raise OutOfOrder(_CHANGED)
