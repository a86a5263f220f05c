"""The commands of moderators about their pages, and about how much they had to look at."""

from policybot.domain.case import Case
from policybot.domain.errors import NotFound
from policybot.domain.permission import Permission, allowed
from policybot.matrix.commands.command import PREFIX, Asked, Services
from policybot.services.consoles import IDLE, LONGEST, MINUTES

_CLOSE = "close"
_IDLE, _LONGEST = round(IDLE.total_seconds() / 60), round(LONGEST.total_seconds() / 3600)


async def console(services: Services, asked: Asked) -> str:
    """Give a link to the pages for cases and appeals, or end all that are open."""
    what = asked.words["WHAT"].lower()
    if what == _CLOSE:
        closed = await services.consoles.close(asked.tx, asked.sender)
        pages = "page was" if closed == 1 else "pages were"
        return f"Closed: {closed} {pages} open. Links that you had open nothing any more."
    if what:
        message = f"Write {PREFIX} console for a link, or {PREFIX} console close to end all your pages."
        raise NotFound(message)
    if not _alone(asked):
        return f"Please write {PREFIX} console to me alone: the link is for you."
    works_on_cases = allowed(asked.roles, Permission.CASE_CLAIM)
    what = "Cases" if works_on_cases else "Appeals"
    await _send(services, asked, f"{what}, one page each:", None)
    return ""


async def linked(services: Services, asked: Asked, text: str, case: Case) -> str:
    """Answer with what is known of a case; to a moderator alone, with a link that opens at it."""
    if not (allowed(asked.roles, Permission.CASE_CLAIM) and _alone(asked)):
        return text
    await _send(services, asked, f"{text}\nEverything on one page:", case.id)
    return ""


async def care(services: Services, asked: Asked) -> str:
    """Say what somebody had to look at today."""
    load = await services.care.load(asked.tx, asked.sender)
    lines = [
        f"Today you have opened {load.today.in_words}; within seven days, {load.week.in_words}.",
        f"All moderators together today: {load.team.in_words}.",
        load.hint,
        "Nobody else sees your numbers, and nothing follows from them.",
    ]
    return "\n".join(line for line in lines if line)


def _alone(asked: Asked) -> bool:
    return asked.room is not None and asked.room.alone_with(asked.sender)


async def _send(services: Services, asked: Asked, text: str, case_id: int | None) -> None:
    token = await services.consoles.invite(asked.tx, asked.sender, case_id)
    url = services.setting.config.web.public_url
    services.setting.tell(
        asked.tx,
        asked.sender,
        f"{text} {url}/console/{token}\n"
        f"The link is for you alone, and works once, for {MINUTES} minutes. The pages stay open while "
        f"you use them: {_LONGEST} hours at most, {_IDLE} minutes without you. To end them: "
        f"{PREFIX} console close",
        cause="link console",
    )
