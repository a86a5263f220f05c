"""What the buttons of a case's page do: each calls the service of the command of the same name."""

from collections.abc import Mapping
from typing import NamedTuple

from policybot.domain import number
from policybot.domain.errors import NotFound, OutOfOrder
from policybot.domain.permission import Permission
from policybot.services import foresights
from policybot.services.approvals import Approvals
from policybot.services.cases import Cases
from policybot.services.consoles import Seat
from policybot.services.decisions import Decisions
from policybot.services.holds import Holds
from policybot.services.merges import Merges
from policybot.services.quarantines import Quarantines
from policybot.services.setting import Setting
from policybot.services.sheets import Sheet, Sheets
from policybot.store.database import Tx
from policybot.web import console_words as words

LONGEST = 4000
"""Characters of what a moderator writes; with all else it fits into one event."""
NEEDS: Mapping[str, Permission] = {
    "preview": Permission.CASE_DECIDE,
    "edit": Permission.CASE_DECIDE,
    "decide": Permission.CASE_DECIDE,
    "carry": Permission.CASE_DECIDE,
    "dismiss": Permission.CASE_DECIDE,
    "hold": Permission.CASE_DECIDE,
    "quarantine": Permission.CASE_DECIDE,
    "give-free": Permission.CASE_DECIDE,
    "claim": Permission.CASE_CLAIM,
    "release": Permission.CASE_CLAIM,
    "note": Permission.CASE_DECIDE,
    "merge": Permission.CASE_DECIDE,
    "split": Permission.CASE_DECIDE,
    "confirm": Permission.ACT_CONFIRM,
    "deny": Permission.ACT_CONFIRM,
}
"""What each button needs: that of the command of the same name."""
SETTLE = ("carry", "dismiss", "confirm")
"""What may end a case, after which the next one can be opened."""
_CHANGED = (
    "The case has changed since you opened this page, so nothing was done. Please look at it again."
)


class Acting(NamedTuple):
    """The services of the commands, one for each kind of button."""

    cases: Cases
    decisions: Decisions
    holds: Holds
    approvals: Approvals
    quarantines: Quarantines
    merges: Merges
    setting: Setting


class Acts:
    """What can be done at a case."""

    def __init__(self, acting: Acting, sheets: Sheets) -> None:
        """Act through the services of the commands."""
        self._services = acting
        self._sheets = sheets

    async def do(self, tx: Tx, seat: Seat, sheet: Sheet, act: str, given: Mapping[str, str]) -> None:
        """Do what a button says.

        Raises:
            Refused: it is refused, as the command would be; or what was shown is no longer true.
        """
        by, case, services = seat.moderator, sheet.case, self._services
        match act:
            case "claim":
                await services.cases.claim(tx, by, case)
            case "release":
                await services.cases.release(tx, by, case)
            case "note":
                await services.cases.note(tx, by, case, words.text(given, "note", LONGEST))
            case "dismiss":
                _check_seen(sheet.stamp, given)
                await services.holds.dismiss(tx, by, case, words.text(given, "reason", LONGEST))
            case "hold":
                _check_seen(sheet.stamp, given)
                why = words.text(given, "at_once", LONGEST)
                await services.holds.impose(tx, by, case, given.get("hold_rule", ""), why)
            case "carry":
                choice = words.choice(given)
                preview, _ = await self._sheets.foresee(tx, by, sheet.file, choice)
                _check_seen(foresights.seen(sheet.stamp, preview), given)
                await services.decisions.decide(tx, by, case, choice)
            case "confirm" | "deny":
                await self._settle(tx, seat, sheet, act, given)
            case _:
                await self._handle(tx, seat, sheet, act, given)

    async def _handle(
        self, tx: Tx, seat: Seat, sheet: Sheet, act: str, given: Mapping[str, str]
    ) -> None:
        """Withhold files or give them free; put the case together with another, or part it."""
        by, case, services = seat.moderator, sheet.case, self._services
        match act:
            case "quarantine" | "give-free":
                files, reason = services.quarantines, words.text(given, "files_why", LONGEST)
                change = files.begin if act == "quarantine" else files.release
                await change(tx, by, case, reason, await services.cases.involved(tx, case))
            case "merge":
                into = given.get("into", "").strip()[:20]
                target = await services.cases.work_on(tx, by, number.parse_case(into), into)
                await services.merges.merge(
                    tx, by, case, target, words.text(given, "merge_why", LONGEST)
                )
            case "split":
                receipts = given.get("receipts", "").split()
                ids = {number.parse_receipt(one[:20]) for one in receipts}
                if not ids or None in ids:
                    message = "Please write the numbers of the reports that go, such as R-5."
                    raise NotFound(message)
                await services.merges.split(tx, by, case, {one for one in ids if one is not None})

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
        preview = sheet.proposed.preview
        _check_seen(foresights.seen(sheet.stamp, preview) if preview else "", given)
        await approvals.confirm(tx, seat.moderator, code, seat.roles)


def _check_seen(now: str, given: Mapping[str, str]) -> None:
    """Check that somebody acts on what they have seen, by the fingerprint of it.

    Raises:
        OutOfOrder: it is otherwise now.
    """
    if not now or given.get("seen", "") != now:
        raise OutOfOrder(_CHANGED)
