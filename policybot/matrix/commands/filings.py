"""The commands about filings: those of room owners, and those of reviewers."""

from policybot.domain.errors import NotPermitted, OutOfOrder
from policybot.domain.rank import Levels
from policybot.domain.register import marked
from policybot.matrix.commands import documents, qualifications, subject
from policybot.matrix.commands.command import Asked, Services
from policybot.store import rooms

_OWNER_LEVEL = 100


async def file(services: Services, asked: Asked) -> str:
    """File a room that its owner has invited the bot to."""
    room_id = subject.room_in(asked, asked.words["ROOM"])
    room = await rooms.get(asked.tx, room_id)
    if room is None:
        message = f"I am not in that room yet. Please invite {_bot(services)} to it, then try again."
        raise OutOfOrder(message)
    if room.levels.of(asked.sender) < _OWNER_LEVEL:
        message = "Only somebody who owns a room (power level 100) can file it."
        raise NotPermitted(message)
    filing = await services.filings.submit(
        asked.tx,
        asked.sender,
        room_id=room_id,
        category=asked.words["CATEGORY"],
        purpose=asked.words["PURPOSE"],
    )
    return (
        f"Your filing is in: {filing.number}. A reviewer will look at it, and I will tell you what "
        "they say. When it is approved I take a moderator's rank in the room and put it in the "
        f"directory. Where it stands: !policy status {filing.number}{_reach(room.levels)}"
    )


def _reach(levels: Levels) -> str:
    if not levels.creators_above_all:
        return ""
    creators = ", ".join(levels.creators)
    return f"\nNote: in this room nobody, I included, ranks above its creator ({creators})."


def _bot(services: Services) -> str:
    return services.setting.config.bot_user_id


async def answer(services: Services, asked: Asked) -> str:
    """Answer a reviewer."""
    number, text = asked.words["NUMBER"], asked.words["TEXT"]
    filing = await services.filings.answer(asked.tx, asked.sender, number, text)
    return f"Thank you. {filing.number} is with the reviewer again."


async def withdraw(services: Services, asked: Asked) -> str:
    """Take an application back."""
    filing = await services.filings.withdraw(asked.tx, asked.sender, asked.words["NUMBER"])
    return f"{filing.number} is withdrawn. You can file the room again at any time."


async def renew(services: Services, asked: Asked) -> str:
    """Prolong an approval."""
    filing = await services.filings.renew(asked.tx, asked.sender, asked.words["NUMBER"])
    return (
        f"{filing.number} is renewed until {filing.valid_until:%-d %B %Y}. If its room was hidden, "
        "everything comes back now."
    )


async def approve(services: Services, asked: Asked) -> str:
    """Approve a filing or a document."""
    if documents.meant(asked.words["NUMBER"]):
        return await documents.approve(services, asked)
    number = asked.words["NUMBER"]
    filing = await services.filings.approve(asked.tx, asked.sender, number)
    return (
        f"{number} is approved as {filing.number}. I am taking a seat in the room, labelling it and "
        "putting it in the directory; the owner is told."
    )


async def ask(services: Services, asked: Asked) -> str:
    """Ask an applicant something."""
    number, text = asked.words["NUMBER"], asked.words["TEXT"]
    filing = await services.filings.ask(asked.tx, asked.sender, number, text)
    return f"Asked. {filing.number} waits for its applicant."


async def reject(services: Services, asked: Asked) -> str:
    """Reject a filing, a document or a qualification."""
    if documents.meant(asked.words["NUMBER"]):
        return await documents.reject(services, asked)
    if qualifications.meant(asked.words["NUMBER"]):
        return await qualifications.reject(services, asked)
    number, text = asked.words["NUMBER"], asked.words["TEXT"]
    filing = await services.filings.reject(asked.tx, asked.sender, number, text)
    return f"{filing.number} is rejected, and its applicant is told why."


async def revoke(services: Services, asked: Asked) -> str:
    """Propose to take an approval or a qualification back."""
    if qualifications.meant(asked.words["NUMBER"]):
        return await qualifications.revoke(services, asked)
    number, text = asked.words["NUMBER"], asked.words["TEXT"]
    approval = await services.decisions.propose_revocation(asked.tx, asked.sender, number, text)
    public = ", and everybody reads it in the public register" if marked(text)[1] else ""
    return (
        f"To revoke {number}: the room leaves the directory, its label is withdrawn, the owner is "
        f"told the reason{public}. A second person has to confirm: !policy confirm {approval.code}"
    )
