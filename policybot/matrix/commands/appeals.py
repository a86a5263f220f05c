"""The commands of those who review appeals, and objections of reporters."""

from policybot.domain import number
from policybot.domain.complaint import AGAINST, About
from policybot.domain.report import Report
from policybot.matrix.commands import referrals, reports, subject
from policybot.matrix.commands.command import Asked, Services

FOUNDED = "founded"
"""What is written in place of a measure where a report was without a breach, and not unfounded."""


async def uphold(services: Services, asked: Asked) -> str:
    """Let a decision stand, or an answer to a reporter."""
    text, reasons = asked.words["NUMBER"], asked.words["REASONS"]
    if referrals.meant(text):
        return await referrals.uphold(services, asked)
    if reports.meant(text):
        done = await services.complaints.uphold(
            asked.tx, asked.sender, await _report(services, asked), reasons
        )
        return f"{done.receipt}: {AGAINST[done.about]} stands, and the reporter is told why."
    case = await services.cases.find(asked.tx, subject.case_id(text), text)
    await services.appeals.uphold(asked.tx, asked.sender, case, reasons)
    return f"{case.number}: the decision stands, and the person is told why."


async def overturn(services: Services, asked: Asked) -> str:
    """Void a decision, or take an answer to a reporter back."""
    text, reasons = asked.words["NUMBER"], asked.words["REASONS"]
    if referrals.meant(text):
        return await referrals.overturn(services, asked)
    if reports.meant(text):
        report = await _report(services, asked)
        done, anew = await services.complaints.overturn(asked.tx, asked.sender, report, reasons)
        if done.about is About.OUTCOME:
            return f"{done.receipt}: {anew.number} is open again; reporters and moderators are told."
        return f"{done.receipt}: {AGAINST[done.about]} is taken back, and the reporter is told."
    case = await services.cases.find(asked.tx, subject.case_id(text), text)
    later = await services.appeals.overturn(asked.tx, asked.sender, case, reasons)
    more = "\nLater decisions to review:\n" + "\n".join(later) if later else ""
    return (
        f"{case.number}: the decision is void from the beginning. What it did is being undone, and "
        f"everybody who was told of it is told of this.{more}"
    )


async def modify(services: Services, asked: Asked) -> str:
    """Put a milder measure in the place of a decided one."""
    text, reasons = asked.words["NUMBER"], asked.words["REASONS"]
    if reports.meant(text) and asked.words["MEASURE"].lower() == FOUNDED:
        done = await services.complaints.modify(
            asked.tx, asked.sender, await _report(services, asked), reasons
        )
        return f"{done.receipt}: no breach, but not unfounded either; the reporter is told."
    case = await services.cases.find(asked.tx, subject.case_id(text), text)
    milder = await services.appeals.modify(asked.tx, asked.sender, case, asked.words["MEASURE"], reasons)
    return f"{case.number}: the measure is now {milder.measure.in_words(milder.scope.value)}."


async def _report(services: Services, asked: Asked) -> Report:
    text = asked.words["NUMBER"]
    found, _ = await services.reporters.find(asked.tx, asked.sender, number.parse_receipt(text), text)
    return found
