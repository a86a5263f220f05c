"""Answers: those who reported are told what became of it."""

from policybot.domain import notice
from policybot.domain.appeal import About, State
from policybot.domain.report import Outcome, Report
from policybot.services.setting import Setting
from policybot.store import appeals, reports
from policybot.store.database import Tx


async def give(  # noqa: PLR0913, PLR0917 - the case, what came of it, and who says so
    tx: Tx, setting: Setting, case_number: str, case_id: int, outcome: Outcome, by: str | None = None
) -> None:
    """Note how the reports in a case ended, and tell everybody who has not heard that yet."""
    made = await appeals.of_reports_in(tx, case_id)
    objected = {
        one.matter for one in made if one.about is About.OUTCOME and one.state is not State.WITHDRAWN
    }
    for report in await reports.of_case(tx, case_id):
        if report.outcome is not outcome:
            text = _text(setting, case_number, report.receipt, outcome, again=report.id in objected)
            tell(tx, setting, report, text)
    await reports.resolve(tx, case_id, outcome, setting.now(), by)


def _text(setting: Setting, case_number: str, receipt: str, outcome: Outcome, *, again: bool) -> str:
    """Write what somebody is answered; `again` if it was looked at anew because they objected."""
    match outcome:
        case Outcome.ACTIONED:
            return notice.actioned(case_number=case_number, receipt=receipt)
        case Outcome.OVERTURNED:
            return notice.reversed_for_reporter(case_number=case_number, receipt=receipt)
        case Outcome.NO_BREACH:
            return notice.no_breach(
                case_number=case_number,
                receipt=receipt,
                window=None if again else setting.ladder.appeal_window,
                appeal_body=setting.config.appeal_body,
            )


def tell(tx: Tx, setting: Setting, report: Report, text: str) -> None:
    """Write to whoever reported; a guest and a tool see where it stands by its number."""
    if report.account is not None:
        setting.tell(tx, report.account, text, cause=f"report {report.id}")
