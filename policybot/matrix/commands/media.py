"""The commands about the files of a message: withhold them, give them free."""

from policybot.domain.case import UNDECIDED
from policybot.matrix.commands.cases import case_of
from policybot.matrix.commands.command import PREFIX, Asked, Services


async def quarantine(services: Services, asked: Asked) -> str:
    """Withhold the files of the message of a case."""
    case = await case_of(services, asked)
    parties = await services.cases.involved(asked.tx, case)
    files = await services.quarantines.begin(
        asked.tx, asked.sender, case, asked.words["REASON"], parties
    )
    done = f"{case.number}: {_number(len(files))} being put in quarantine; nobody can download them."
    free = f"{PREFIX} release-media {case.number} REASON"
    if case.state not in UNDECIDED:
        return f"{done} The author is told. To take it back: {free}"
    return (
        f"{done} This is interim and has to be decided: {PREFIX} decide {case.number} … tells the "
        f"author, {PREFIX} dismiss {case.number} REASON gives the files free. To give them free at "
        f"once: {free}"
    )


async def release(services: Services, asked: Asked) -> str:
    """Give the files of a case free."""
    case = await case_of(services, asked)
    parties = await services.cases.involved(asked.tx, case)
    files = await services.quarantines.release(
        asked.tx, asked.sender, case, asked.words["REASON"], parties
    )
    if not files:
        return f"{case.number} withholds its files no more; another case still does."
    return (
        f"{case.number}: {_number(len(files))} being taken out of quarantine, but for those that were "
        "in it before."
    )


def _number(files: int) -> str:
    return "1 file is" if files == 1 else f"{files} files are"
