"""The commands of those who review appeals."""

from policybot.matrix.commands import subject
from policybot.matrix.commands.command import Asked, Services


async def uphold(services: Services, asked: Asked) -> str:
    """Let a decision stand."""
    case = await services.cases.find(asked.tx, subject.case_id(asked.words["CASE"]), asked.words["CASE"])
    await services.appeals.uphold(asked.tx, asked.sender, case, asked.words["REASONS"])
    return f"{case.number}: the decision stands, and the person is told why."


async def overturn(services: Services, asked: Asked) -> str:
    """Void a decision."""
    case = await services.cases.find(asked.tx, subject.case_id(asked.words["CASE"]), asked.words["CASE"])
    later = await services.appeals.overturn(asked.tx, asked.sender, case, asked.words["REASONS"])
    more = "\nLater decisions to review:\n" + "\n".join(later) if later else ""
    return (
        f"{case.number}: the decision is void from the beginning. What it did is being undone, and "
        f"everybody who was told of it is told of this.{more}"
    )


async def modify(services: Services, asked: Asked) -> str:
    """Put a milder measure in the place of a decided one."""
    case = await services.cases.find(asked.tx, subject.case_id(asked.words["CASE"]), asked.words["CASE"])
    milder = await services.appeals.modify(
        asked.tx, asked.sender, case, asked.words["MEASURE"], asked.words["REASONS"]
    )
    return f"{case.number}: the measure is now {milder.measure.in_words(milder.scope.value)}."
