"""Answers: those who reported are told what became of it."""

from collections.abc import Callable

from policybot.domain import notice
from policybot.domain.report import Outcome, Report
from policybot.services.setting import Setting
from policybot.store import reports
from policybot.store.database import Tx

_SAYS: dict[Outcome, Callable[..., str]] = {
    Outcome.ACTIONED: notice.actioned,
    Outcome.NO_BREACH: notice.no_breach,
    Outcome.OVERTURNED: notice.reversed_for_reporter,
}


async def give(  # noqa: PLR0913, PLR0917 - the case, what came of it, and who says so
    tx: Tx, setting: Setting, case_number: str, case_id: int, outcome: Outcome, by: str | None = None
) -> None:
    """Note how the reports in a case ended, and tell everybody who has not heard that yet."""
    for report in await reports.of_case(tx, case_id):
        if report.outcome is not outcome:
            text = _SAYS[outcome](case_number=case_number, receipt=report.receipt)
            tell(tx, setting, report, text)
    await reports.resolve(tx, case_id, outcome, setting.now(), by)


def tell(tx: Tx, setting: Setting, report: Report, text: str) -> None:
    """Write to whoever reported; a guest and a tool see where it stands by its number."""
    if report.account is not None:
        setting.tell(tx, report.account, text, cause=f"report {report.id}")
