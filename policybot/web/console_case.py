"""The page of a case: everything in view, and every act is that of the command of the same name."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from aiohttp import web

from policybot.domain.errors import Refused
from policybot.domain.number import parse_case
from policybot.domain.permission import Permission
from policybot.domain.rules import Rule
from policybot.services import foresights
from policybot.services.cases import File
from policybot.services.consoles import Seat
from policybot.services.previews import PROPOSED, Preview
from policybot.services.sheets import WORKED_ON, Sheet
from policybot.store.database import Stale, Tx
from policybot.web import console_words as words
from policybot.web.console import CASE, HERE, NEEDS, POLICY, Desk, done, see
from policybot.web.console_acts import LONGEST, SETTLE, Acting, Acts
from policybot.web.console_acts import NEEDS as NEEDED
from policybot.web.site import form, route

_LARGEST = 64 * 1024
"""Bytes of what a moderator sends: 4,000 letters can be six bytes each on their way."""
_NEXT = "_next"
_NO_WHY = "Say under «Why so» why it is so: the person reads it."
_TAKEN = "Somebody else did something in this case at the same moment. Please look at it again."


class View(NamedTuple):
    """How the page is shown: after which act, with which fault, with what was filled in."""

    act: str = ""
    error: str = ""
    given: Mapping[str, str] = {}
    confirming: bool = False
    """Whether the last step is asked for: exactly what is shown will be done."""


class Shown(NamedTuple):
    """What a decision would be, as the page shows it; or what stands against it."""

    rule: Rule | None
    preview: Preview | None = None
    changes: Sequence[words.Row] = ()
    seen: str = ""
    """The fingerprint of all of it, which comes back with the decision."""
    lacking: str = ""
    """What is still to be said."""
    fault: str = ""


class CasePages:
    """The pages of single cases."""

    def __init__(self, desk: Desk, acting: Acting) -> None:
        """Show cases, and act through the services of the commands."""
        self._desk = desk
        self._site = desk.site
        self._setting = acting.setting
        self._acts = Acts(acting, desk.sheets)
        desk.site.policies[f"{HERE}/{{case}}"] = POLICY

    def routes(self) -> list[web.RouteDef]:
        """List the pages."""
        return [
            route("GET", CASE, self._show, needs=NEEDS, by_link=True),
            route("POST", CASE, self._act, needs=NEEDS, by_link=True),
            route("POST", f"{CASE}/foresight", self._foresight, needs=NEEDS, by_link=True),
            route("POST", f"{CASE}/pulse", self._pulse, needs=NEEDS, by_link=True),
        ]

    # Looking -------------------------------------------------------------------------------------

    async def _show(self, request: web.Request) -> web.Response:
        return await self._page(request, View())

    async def _page(self, request: web.Request, view: View) -> web.Response:
        """Show a case; that it was opened is counted, for its reader's own care."""
        token, number = request.match_info["token"], request.match_info["case"]
        desk, given = self._desk, view.given
        async with desk.database.transaction() as tx:
            seat = await desk.consoles.seat(tx, token)
            sheet = await desk.sheets.sheet(tx, seat.moderator, number)
            await desk.care.opened(tx, seat.moderator, sheet.case.id)
            hint = await desk.care.hint(tx, seat.moderator)
            after = await desk.entries.following(tx, seat.moderator, sheet.case)
            if "rule" not in given:
                given = {**words.begun(desk.sheets.first_choice(sheet)), **given}
            shown = await self._foreseen(tx, seat, sheet.file, sheet.stamp, given)
        error, confirming = view.error, view.confirming
        if confirming and (shown.preview is None or shown.lacking):
            error, confirming = error or shown.fault or shown.lacking, False
        place, config = f"/console/page/{token}", self._setting.config
        return self._site.page(
            "console_case.html",
            422 if error else 200,
            sheet=sheet,
            case=sheet.case,
            queue=place,
            here=f"{place}/{sheet.case.number}",
            after=after,
            hint=hint,
            done=done(request),
            page=words.read(sheet),
            rules=config.rules,
            severities=words.SEVERITIES,
            kinds=words.kinds(),
            proposed_kind=PROPOSED,
            publishes=self._publishes(sheet),
            factors=words.factors(self._setting.ladder),
            factored=any(name.startswith("factor:") for name in given),
            presets=[(rule.id, one) for rule in config.rules for one in rule.prepared],
            given=given,
            act=view.act,
            error=error,
            confirming=confirming,
            longest=LONGEST,
            pending=self._pending(sheet),
            **shown._asdict(),
        )

    def _rule(self, rule_id: str) -> Rule | None:
        return next((one for one in self._setting.config.rules if one.id == rule_id), None)

    def _publishes(self, sheet: Sheet) -> str:
        """Name our public list, if a decision in a case can be told there: of what is elsewhere."""
        user_id, room = sheet.case.subject.user_id, self._setting.config.policy_lists.publish
        elsewhere = user_id is not None and not self._setting.is_local(user_id)
        return room or "" if elsewhere or sheet.case.subject.server else ""

    def _pending(self, sheet: Sheet) -> dict[str, object] | None:
        """Name what the page shows of a proposal that waits."""
        if sheet.proposed is None:
            return None
        decision, preview = sheet.proposed.decision, sheet.proposed.preview
        return {
            "decision": decision,
            "approval": sheet.proposed.approval,
            "confirmable": sheet.proposed.confirmable and preview is not None,
            "rule": self._rule(decision.rule_id),
            "preview": preview,
            "changes": words.changes(preview) if preview else [],
            "seen": foresights.seen(sheet.stamp, preview) if preview else "",
            "fault": "It no longer fits: something has changed since. Deny it, and decide anew.",
        }

    async def _foreseen(
        self, tx: Tx, seat: Seat, file: File, stamp: str, given: Mapping[str, str]
    ) -> Shown:
        """Work out what a decision would be; else say what stands against it."""
        rule, by, case = self._rule(given.get("rule", "")), seat.moderator, file.case
        free = case.held_by(self._setting.now()) in (None, by) and case.state in WORKED_ON
        if not (free and seat.may(Permission.CASE_DECIDE)):
            return Shown(rule)
        if not given.get("rule"):
            fault = "Choose a rule, and how grave it is, to see what the ladder proposes."
            return Shown(rule, fault=fault)
        try:
            found, lacking = await self._desk.sheets.foresee(tx, by, file, words.choice(given))
        except Refused as refused:
            return Shown(rule, fault=str(refused))
        seen = foresights.seen(stamp, found)
        return Shown(rule, found, words.changes(found), seen, _NO_WHY if lacking else "")

    async def _foresight(self, request: web.Request) -> web.Response:
        """Show what a decision would be, for the script of the page; decides nothing."""
        token = request.match_info["token"]
        given = await form(request.clone(client_max_size=_LARGEST))
        async with self._desk.database.transaction() as tx:
            seat = await self._desk.consoles.glance(tx, token)
            file = await self._desk.sheets.file(tx, seat.moderator, request.match_info["case"])
            shown = await self._foreseen(tx, seat, file, await foresights.stamp(tx, file), given)
        return self._site.page("console_foresight.html", **shown._asdict())

    async def _pulse(self, request: web.Request) -> web.Response:
        """Say how a case stands, for the script of the page; who is there keeps page and claim."""
        token, given = request.match_info["token"], await form(request)
        number, active = request.match_info["case"], given.get("active") == "1"
        try:
            async with self._desk.database.transaction() as tx:
                enter = self._desk.consoles.seat if active else self._desk.consoles.glance
                seat = await enter(tx, token)
                seen = given.get("seen", "")
                found = await self._desk.sheets.pulse(tx, seat.moderator, number, seen, active=active)
        except Refused as refused:
            return web.json_response({"error": str(refused)}, status=404)
        return web.json_response(
            {
                "changed": found.changed,
                "holder": found.holder or "",
                "until": f"{found.until:%H:%M}" if found.holder and found.until else "",
                "others": list(found.others),
            }
        )

    # Acting --------------------------------------------------------------------------------------

    async def _act(self, request: web.Request) -> web.Response:
        """Do what a button says, and show what came of it."""
        given = await form(request.clone(client_max_size=_LARGEST))
        act, onward = given.get("act", ""), False
        if act.endswith(_NEXT):
            act, onward = act.removesuffix(_NEXT), True
        if act not in NEEDED:
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
        return await self._onward(request, act, given, onward=onward)

    async def _onward(
        self, request: web.Request, act: str, given: Mapping[str, str], *, onward: bool
    ) -> web.Response:
        """Show the case again; or the next one, once this is settled; or the one it is part of now."""
        token, number = request.match_info["token"], request.match_info["case"].upper()
        if act == "merge":
            into = parse_case(given["into"].strip())
            return see(token, f"C-{into}")
        if not (onward and act in SETTLE):
            return see(token, number)
        desk = self._desk
        async with desk.database.transaction() as tx:
            seat = await desk.consoles.glance(tx, token)
            file = await desk.sheets.file(tx, seat.moderator, number)
            after = await desk.entries.following(tx, seat.moderator, file.case)
        return see(token, after.number if after else "", after=number)

    async def _tried(self, request: web.Request, act: str, given: Mapping[str, str]) -> str | None:
        """Do one thing; say why it is refused, if it is."""
        desk, number = self._desk, request.match_info["case"]
        async with desk.database.transaction() as tx:  # a dead link is no mistake in the form
            seat = await desk.consoles.seat(tx, request.match_info["token"])
        if not seat.may(NEEDED[act]):
            return "That is not yours to do."
        try:
            async with desk.database.transaction() as tx:
                sheet = await desk.sheets.sheet(tx, seat.moderator, number)
                await self._acts.do(tx, seat, sheet, act, given)
        except Refused as refused:
            return str(refused)
        except Stale:
            return _TAKEN
        return None
