"""The commands about reports: make one, and see where it stands."""

from policybot.domain import number
from policybot.domain.case import Subject, SubjectKind
from policybot.domain.errors import NotFound
from policybot.matrix.commands import subject
from policybot.matrix.commands.command import Asked, Services
from policybot.store.rooms import Kind


def meant(text: str) -> bool:
    """Say whether a number is that of a report."""
    return number.parse_receipt(text) is not None


async def report(services: Services, asked: Asked) -> str:
    """Take a complaint in."""
    about_what = await _reported(services, asked)
    taken = await services.reports.report(
        asked.tx, asked.sender, about_what, asked.words["RULE"], asked.words["TEXT"]
    )
    seen = asked.room is not None and asked.room.kind is Kind.GOVERNED
    hint = (
        "\nOthers in the room could see that you wrote to me. Next time you can report from this chat: "
        "!policy report LINK RULE TEXT"
        if seen
        else ""
    )
    return (
        f"Thank you. Your receipt is {taken.receipt}. A moderator will look at it, and I will tell "
        f"you the outcome. Where it stands: !policy status {taken.receipt}{hint}"
    )


async def _reported(services: Services, asked: Asked) -> Subject:
    """Read what a report is about: by its record number a room, too."""
    text = asked.words["SUBJECT"]
    if not number.looks_like_record(text.upper()):
        return subject.reported(asked, text)
    filing = await services.filings.lookup(asked.tx, text)
    if not filing.room_id:
        message = f"The room of {filing.number} is being made. Please try again in a minute."
        raise NotFound(message)
    return Subject(SubjectKind.ROOM, filing.room_id)


async def status(services: Services, asked: Asked) -> str:
    """Say where a report of one's own stands."""
    text = asked.words["NUMBER"]
    found = await services.reports.receipt(asked.tx, asked.sender, number.parse_receipt(text), text)
    return await services.reports.status(asked.tx, found)
