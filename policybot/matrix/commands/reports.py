"""The commands about reports: make one, object to its answer, and what is done about bad ones."""

from policybot.domain import notice, number
from policybot.domain import reporter as reporter_rules
from policybot.domain.case import Case, Subject, SubjectKind
from policybot.domain.errors import NotFound
from policybot.domain.name import one_line
from policybot.domain.report import Report
from policybot.matrix.commands import appeal_words, referrals, subject
from policybot.matrix.commands.command import PREFIX, Asked, Services
from policybot.store import appeals
from policybot.store.rooms import Kind

_EXCERPT = 500


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
    said = await services.reports.status(asked.tx, found)
    lines = [said, *await services.complaints.course(asked.tx, found)]
    made = await services.complaints.made(asked.tx, found)
    lines += appeal_words.waits_for(made[-1]) if made else []
    until = await services.complaints.until(asked.tx, found)
    if until is not None:
        lines.append(f"To object, until {until:%-d %B %Y}: {PREFIX} object {found.receipt} YOUR REASONS")
    return "\n".join(lines)


async def object_to(services: Services, asked: Asked) -> str:
    """Take in an objection: of a reporter to their answer, or of somebody to a referral about them."""
    text = asked.words["NUMBER"]
    if referrals.meant(text):
        return await referrals.object_to(services, asked)
    if not meant(text):
        message = (
            f"Write the receipt of your report: {PREFIX} object R-… YOUR REASONS. Against a "
            f"decision about yourself: {PREFIX} appeal C-… YOUR REASONS"
        )
        raise NotFound(message)
    found = await services.reports.receipt(asked.tx, asked.sender, number.parse_receipt(text), text)
    taken = await services.complaints.object(asked.tx, found, asked.words["TEXT"])
    return appeal_words.taken(taken)


async def unfounded(services: Services, asked: Asked) -> str:
    """Note that a report was manifestly unfounded."""
    found, _ = await _found(services, asked)
    await services.reporters.unfounded(asked.tx, asked.sender, found, asked.words["REASON"])
    possible = await services.reporters.possible(asked.tx, found)
    more = f"\n{possible}" if possible else ""
    return (
        f"{found.receipt} is noted as manifestly unfounded. The reporter is told why, and can object; "
        f"nothing follows from it by itself.{more}"
    )


async def caution(services: Services, asked: Asked) -> str:
    """Warn somebody who often makes unfounded reports."""
    found, _ = await _found(services, asked)
    step = await services.reporters.caution(asked.tx, asked.sender, found, asked.words["REASON"])
    until = f" It counts until {step.until:%-d %B %Y}." if step.until else ""
    return f"Whoever made {found.receipt} is warned, and told why and how to object.{until}"


async def pause(services: Services, asked: Asked) -> str:
    """Not take somebody's reports for a time, or end that."""
    found, _ = await _found(services, asked)
    span, reason = asked.words["TIME"], asked.words["REASON"]
    if span.lower() == reporter_rules.END:
        await services.reporters.resume(asked.tx, asked.sender, found, reason)
        return f"The pause because of {found.receipt} is over; the reporter is told."
    step = await services.reporters.pause(asked.tx, asked.sender, found, span, reason)
    until = notice.day(step.until) if step.until else ""
    return (
        f"Reports of whoever made {found.receipt} are not taken until {until}. They are told why, "
        f"and how to object. To end it before: {PREFIX} pause {found.receipt} {reporter_rules.END} "
        "REASON"
    )


async def _found(services: Services, asked: Asked) -> tuple[Report, Case]:
    text = asked.words["NUMBER"]
    return await services.reporters.find(asked.tx, asked.sender, number.parse_receipt(text), text)


async def course(services: Services, asked: Asked, case: Case) -> list[str]:
    """Tell what reporters objected to in a case, and what was decided because of their reports."""
    lines = await services.reporters.on(asked.tx, case)
    for complaint in await appeals.of_reports_in(asked.tx, case.id):
        lines.append(
            f"Objection about {complaint.number} against {complaint.against} "
            f"({complaint.state.value}): {one_line(complaint.text, _EXCERPT)}"
        )
    return lines
