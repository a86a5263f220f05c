"""The commands of reviewers about filings: take one, check it, ask, approve, reject."""

from policybot.domain.application import in_lines
from policybot.domain.errors import NotFound
from policybot.domain.filing import State
from policybot.domain.permission import Permission, allowed
from policybot.domain.rank import Control
from policybot.domain.review import OPEN, Tick
from policybot.matrix.commands import appeals, documents, qualifications, subject
from policybot.matrix.commands.command import PREFIX, Asked, Services
from policybot.services import cards
from policybot.services.desks import MINUTES
from policybot.store.rooms import Kind

_TAKING = {
    Control.SHARED: "I am taking my rank in the room",
    Control.CREATED: "I am making the room",
    Control.ADOPTED: "I am making a room that takes the old one's place",
}
_OF_USE = OPEN | {State.REJECTED, State.REVOKED}
"""States in which the last word about a filing still says something."""


def meant(asked: Asked) -> bool:
    """Say whether a number is that of a filing; only to those who may review one."""
    is_case = subject.case_id(asked.words["NUMBER"]) is not None
    return not is_case and allowed(asked.roles, Permission.FILING_REVIEW)


async def queue(services: Services, asked: Asked, limit: int) -> list[str]:
    """List the applications that wait: to a reviewer, those that they may review."""
    found = await services.reviews.waiting(asked.tx, asked.sender, limit)
    return [
        f"F-{filing.id} {stands}: room {filing.place}, by {filing.applicant}" for filing, stands in found
    ]


async def show(services: Services, asked: Asked) -> str:
    """Show a filing; to a reviewer alone, with a link to the page on which they work."""
    text = asked.words["NUMBER"]
    if not allowed(asked.roles, Permission.FILING_REVIEW):
        message = f"There is no {text} that you can see."
        raise NotFound(message)
    filing = await services.reviews.find(asked.tx, text)
    said = "".join(f"{line}\n" for line in in_lines(filing.about, filing.deputy))
    last = f"Last word: {filing.reason}\n" if filing.reason and filing.state in _OF_USE else ""
    differs = await services.drift.of_room(asked.tx, filing.room_id)
    facts = (
        f"{filing.number}: {filing.in_words}\nRoom: {filing.place}\n"
        f"Control: {await services.filings.reach(asked.tx, filing)}\n"
        f"Applicant: {filing.applicant}\nCategory: {cards.titles(services.setting, filing)}\n"
        f"Purpose: {filing.purpose}\n{said}{last}" + "".join(f"Differs {line}\n" for line in differs)
    ).strip()
    why = await services.reviews.conflict(asked.tx, asked.sender, filing)
    if why is not None:
        return f"{facts}\n{why}" if filing.state in OPEN else facts
    if asked.room is None or not asked.room.alone_with(asked.sender):
        return f"{facts}\nEverything on one page: write {PREFIX} show {filing.number} to me alone."
    token = await services.desks.invite(asked.tx, asked.sender, filing)
    services.setting.tell(
        asked.tx,
        asked.sender,
        f"{facts}\nEverything on one page: {services.setting.config.web.public_url}/review/{token}\n"
        f"The link is for you alone, and works once, for {MINUTES} minutes. Opening the page makes the "
        "filing yours for a while, if nobody has it.",
        cause=f"link {filing.number}",
    )
    return ""


async def claim(services: Services, asked: Asked) -> str:
    """Take a filing."""
    filing, review = await services.reviews.claim(asked.tx, asked.sender, asked.words["NUMBER"])
    n = filing.number
    return (
        f"{n} is yours until {review.lease_until:%H:%M} UTC, and longer with each thing that you do. "
        f"Next:\n{PREFIX} show {n} – everything; to me alone, on one page\n{PREFIX} approve {n} · "
        f"{PREFIX} ask {n} QUESTION · {PREFIX} reject {n} REASON\n{PREFIX} release {n} – give it back"
    )


async def release(services: Services, asked: Asked) -> str:
    """Give a filing back."""
    filing = await services.reviews.release(asked.tx, asked.sender, asked.words["NUMBER"])
    return f"{filing.number} is free again."


async def check(services: Services, asked: Asked) -> str:
    """Tick points of a checklist."""
    return await _check(services, asked, done=True)


async def uncheck(services: Services, asked: Asked) -> str:
    """Take ticks back."""
    return await _check(services, asked, done=False)


async def _check(services: Services, asked: Asked, *, done: bool) -> str:
    number, points = asked.words["NUMBER"], asked.words["POINTS"]
    filing, found = await services.reviews.check(asked.tx, asked.sender, number, points, done=done)
    left = sum(tick is None for _, tick in found)
    after = f"Everything is checked. Next: {PREFIX} approve {filing.number}"
    return f"{filing.number}:\n{_list(found)}\n{f'{left} to be checked.' if left else after}"


def _list(found: list[tuple[str, Tick | None]]) -> str:
    return "\n".join(
        f"{'☑' if tick else '☐'} {n} {point}{f' ({tick.by})' if tick else ''}"
        for n, (point, tick) in enumerate(found, 1)
    )


async def approve(services: Services, asked: Asked) -> str:
    """Approve a filing or a document."""
    if documents.meant(asked.words["NUMBER"]):
        return await documents.approve(services, asked)
    number = asked.words["NUMBER"]
    filing, approval = await services.reviews.approve(asked.tx, asked.sender, number)
    if approval is not None:
        if asked.room is not None and asked.room.kind is Kind.REVIEW:
            return ""  # everybody there has just been asked for it
        return (
            f"To approve {filing.number}, a second reviewer has to confirm it: "
            f"{PREFIX} confirm {approval.code}"
        )
    return (
        f"{number} is approved as {filing.number}. {_TAKING[filing.control]}, labelling it and "
        "putting it in the directory; the owner is told."
    )


async def ask(services: Services, asked: Asked) -> str:
    """Ask an applicant something, or whoever appeals."""
    number, text = asked.words["NUMBER"], asked.words["TEXT"]
    decides = allowed(asked.roles, Permission.APPEAL_DECIDE)
    if decides and (appeals.meant(number) or await appeals.waits(services, asked)):
        return await appeals.ask(services, asked)
    if not allowed(asked.roles, Permission.FILING_REVIEW):
        message = f"There is no {number} that you can ask about."
        raise NotFound(message)
    filing = await services.reviews.ask(asked.tx, asked.sender, number, text)
    return f"Asked. {filing.number} waits for its applicant."


async def reject(services: Services, asked: Asked) -> str:
    """Reject a filing, a document or a qualification."""
    if documents.meant(asked.words["NUMBER"]):
        return await documents.reject(services, asked)
    if qualifications.meant(asked.words["NUMBER"]):
        return await qualifications.reject(services, asked)
    number, text = asked.words["NUMBER"], asked.words["TEXT"]
    filing = await services.reviews.reject(asked.tx, asked.sender, number, text)
    return f"{filing.number} is rejected, and its applicant is told why."


def prepared(services: Services) -> str:
    """List the prepared reasons for rejecting a filing."""
    reasons = services.setting.config.filing.reasons
    lines = [f"{n} {reason}" for n, reason in enumerate(reasons, 1)]
    return "\n".join(["Prepared reasons for filings:", *lines]) if lines else ""
