"""The commands of everybody: who you are, what you signed, where things stand."""

import logging

from policybot.config.keys import KeyMissing
from policybot.config.operator import LicenceSection
from policybot.domain import notice, number
from policybot.domain.application import in_lines
from policybot.domain.filing import Filing, State
from policybot.matrix.commands import (
    agreement,
    appeal_words,
    appeals,
    qualifications,
    referrals,
    reports,
    subject,
)
from policybot.matrix.commands.command import Asked, Services
from policybot.services import labels, strikes
from policybot.store import decisions, sanctions
from policybot.store.checkpoints import Damaged

log = logging.getLogger(__name__)

_LAST_WORD = {
    State.IN_REVIEW: "Your answer",
    State.NEEDS_INFO: "The reviewer asks",
    State.REJECTED: "Reason",
    State.REVOKED: "Reason",
}
"""What the last word about a filing is, while it is of use to its owner."""
_GOES_ON = (State.DRAFT, State.NEEDS_INFO, State.REJECTED, State.WITHDRAWN)
"""States of a filing in which its form is there to be filled in, or to begin anew with."""


async def about(services: Services, asked: Asked) -> str:
    """Say who runs this, by which rules."""
    del asked
    config = services.setting.config
    licences = "".join(f"\n{_licence(services, one)}" for one in config.operator.licences)
    rules = "\n".join(f"{rule.id} {rule.title}: {rule.text}" for rule in config.rules)
    outside = f"\nOutside body: {config.appeal_body}" if config.appeal_body else ""
    return (
        f"I look after the public rooms of {config.operator.name}. Contact: "
        f"{config.operator.contact}{outside}{licences}\n\nThe rules:\n{rules}\n\n"
        "Every decision comes with its reasons and can be appealed. People decide; where a rule acted "
        "by itself, the notice says so.\n"
        f"More: {config.web.public_url}/about"
    )


def _licence(services: Services, section: LicenceSection) -> str:
    left = section.licence().days_left(services.setting.now().date())
    until = ""
    if left is not None:
        until = f", {'ended on' if left < 0 else 'valid until'} {section.valid_until:%-d %B %Y}"
    return f"Licence: {section.title}, number {section.number}, from {section.issuer}{until}"


async def verify(services: Services, asked: Asked) -> str:
    """Send a one-time link, or take the code that stood on its page."""
    if asked.room is not None and not asked.room.alone_with(asked.sender):
        return "Please write this to me alone, in a direct chat: others should not see it."
    if asked.words["CODE"]:
        code = asked.words["CODE"]
        return (await services.verifications.confirm(asked.tx, asked.sender, code)).text
    token = await services.verifications.begin(asked.tx, asked.sender)
    config = services.setting.config
    services.setting.tell(
        asked.tx,
        asked.sender,
        f"Open this page to show who you are:\n{config.web.public_url}/verify/{token}\n"
        f"It is for {asked.sender} alone and works for {config.identity.link_minutes} minutes. "
        "Do not pass it on. At its end stands a code; send it to me here: !policy verify CODE",
        cause=f"link verification {asked.sender}",
    )
    return ""


async def me(services: Services, asked: Asked) -> str:
    """Say what is known about somebody, to themselves."""
    link = await services.members.link_of(asked.tx, asked.sender)
    verified = "not verified; begin with !policy verify"
    if link is not None and link.assurance is not None:
        verified = f"verified since {link.created_at:%-d %B %Y}, level {link.assurance}"
    elif link is not None:
        verified = "your verification has ended; begin anew with !policy verify"
    signed = await agreement.in_words(services, asked)
    decided = "\n".join(await strikes.told(asked.tx, asked.sender)) or "none"
    sections = await services.exports.overview(asked.tx, asked.sender)
    if of_reports := await services.reporters.about(asked.tx, asked.sender):
        sections.append("About your reports:\n" + "\n".join(of_reports))
    if handed := await services.objections.about(asked.tx, asked.sender):
        sections.append("What was handed over about you:\n" + "\n".join(handed))
    return "\n".join(
        [
            f"{asked.sender}\nIdentity: {verified}\nAgreement: {signed}",
            f"Decisions about you:\n{decided}",
            *sections,
            "All of it, as an archive: !policy export",
        ]
    )


async def unlink(services: Services, asked: Asked) -> str:
    """End somebody's own link."""
    await services.members.unlink(asked.tx, asked.sender)
    taken_back = await services.privacy.take_back(asked.tx, asked.sender)
    config = services.setting.config
    days = config.privacy.spans()["persons"].days
    return (
        f"Your account is no longer linked to you.{taken_back} To link it again: !policy verify\n"
        f"If it was the last one that was linked to you, what is known of you is forgotten {days} days "
        f"from now; earlier if you ask {config.operator.contact}."
    )


async def status(services: Services, asked: Asked) -> str:
    """Say where something of one's own stands."""
    text = asked.words["NUMBER"]
    if reports.meant(text):
        return await reports.status(services, asked)
    if referrals.meant(text):
        return await referrals.status(services, asked)
    if number.parse_document(text) is not None:
        document = await services.documents.of_owner(asked.tx, asked.sender, text)
        return f"{document.number} of {document.submitted_at:%-d %B %Y}: {document.state}."
    if qualifications.meant(text):
        return await qualifications.status(services, asked)
    if appeals.meant(text):
        return await appeals.status(services, asked)
    filing = await services.filings.visible(asked.tx, asked.sender, text, staff=False)
    ends = filing.valid_until if filing.state is not State.REVOKED else None
    until = f", valid until {ends:%-d %B %Y}" if ends else ""
    said_last = _LAST_WORD.get(filing.state) if filing.reason else None
    reason = f"\n{said_last}: {filing.reason}" if said_last else ""
    marks = await labels.marks(asked.tx, services.setting.config, filing)
    qualified = "".join(f"\nQualified: {mark.in_words}" for mark in marks)
    said = "".join(f"\n{line}" for line in in_lines(filing.about, None))
    said += f"\n{deputy}" if (deputy := await services.deputies.in_words(asked.tx, filing)) else ""
    goes_on = f"\nTo go on: !policy file {filing.number}" if filing.state in _GOES_ON else ""
    said_of = await services.filing_appeals.course(asked.tx, asked.sender, text)
    waits = await appeals.own(services, asked)
    said_of += appeal_words.waits_for(waits) if waits else []
    appealed = "".join(f"\n{line}" for line in said_of)
    return (
        f"{filing.number} (room {filing.place}) is {filing.in_words}{until}."
        f"{await _bound(asked, filing)}{said}{qualified}{reason}{appealed}{goes_on}"
    )


async def _bound(asked: Asked, filing: Filing) -> str:
    """Say to an owner which measures bind their room, until when, and how to object."""
    lines = []
    for sanction in await sanctions.binding_on(asked.tx, None, filing.room_id or None):
        decision = await decisions.get(asked.tx, sanction.decision_id)
        if decision is not None and sanction.ends_at is not None:
            what = "hold" if sanction.interim else sanction.measure.in_words(sanction.scope.value)
            lines.append(
                f"\n{decision.number}: {what}, until {notice.day(sanction.ends_at)}. To object: "
                f"!policy appeal {decision.number} YOUR REASONS"
            )
    return "".join(lines)


async def proof(services: Services, asked: Asked) -> str:
    """Prove to somebody that the decision about them is in the audit log."""
    if asked.room is None or not asked.room.alone_with(asked.sender):
        return "Please write this to me alone, in a direct chat: others should not see it."
    case_id = subject.case_id(asked.words["CASE"])
    try:
        found = await services.checkpoints.prove_decision(asked.tx, asked.sender, case_id)
    except (Damaged, KeyMissing) as error:
        log.warning("A proof for C-%s cannot be made: %s", case_id, error)
        return "I cannot make a proof now. The people who run this see why; please ask again later."
    url = services.setting.config.web.public_url
    return (
        f"This proves that the decision about you, C-{case_id}, stands in our audit log as entry "
        f"{found.columns['seq']}, and shows what was written there. Save this whole message in a file. "
        "Anybody can check it then without us: policybot audit verify-proof FILE. "
        f"Compare its key with the one on {url}/about.\n\n{found}"
    )


async def restore(services: Services, asked: Asked) -> str:
    """Put a message back that was removed without cause."""
    done = await services.unwinding.restore(asked.tx, asked.sender, subject.case_id(asked.words["CASE"]))
    said = (
        "Your message is being posted again, with your name and its time."
        if done.posted == 1
        else f"{done.posted} messages are being posted again, each with your name and its time."
    )
    if done.gone:
        said += f" Of {done.gone} more the text is kept no longer."
    if done.homeless:
        said += f" {done.homeless} more were in rooms that I look after no longer."
    return said
