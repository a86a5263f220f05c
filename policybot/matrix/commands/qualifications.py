"""The commands about qualifications: those of owners and authors, and those of reviewers."""

from policybot.domain import number
from policybot.domain.case import SubjectKind
from policybot.domain.errors import NotFound
from policybot.domain.permission import Permission, allowed
from policybot.matrix.commands import appeal_words, appeals, subject
from policybot.matrix.commands.command import PREFIX, Asked, Services
from policybot.store import qualifications


def meant(text: str) -> bool:
    """Say whether a number is that of a qualification."""
    return number.parse_qualification(text) is not None


async def qualify(services: Services, asked: Asked) -> str:
    """Ask for a qualification, or say which there are."""
    words = asked.words
    if not all(words.values()):
        offered = services.qualifications.offered()
        how = f"To ask for one: {PREFIX} qualify NUMBER QUALIFICATION EVIDENCE"
        return f"{offered}\n{how}" if offered else "No subject needs a qualification here."
    made, section = await services.qualifications.claim(
        asked.tx, asked.sender, words["NUMBER"], words["QUALIFICATION"], words["EVIDENCE"]
    )
    return (
        f"Your request is in: {made.number}, «{section.title}». It is checked by {section.verifier}, "
        f"and I will tell you what they say. Where it stands: {PREFIX} status {made.number}"
    )


async def declare(services: Services, asked: Asked) -> str:
    """Declare which subject one's own post is about."""
    text = asked.words["SUBJECT"]
    if not text and asked.reply_to is None:
        message = (
            f"Which post? Reply to it with {PREFIX} declare QUALIFICATION, or put a link to it first: "
            f"{PREFIX} declare LINK QUALIFICATION"
        )
        raise NotFound(message)
    meant_post = subject.reported(asked, text)
    if meant_post.kind is not SubjectKind.EVENT or not meant_post.room_id or not meant_post.event_id:
        message = "That is no post. Reply to your post, or put a link to it first."
        raise NotFound(message)
    title = await services.declarations.declare(
        asked.tx, asked.sender, meant_post.room_id, meant_post.event_id, asked.words["QUALIFICATION"]
    )
    return f"I look whose post it is, and tell you once «{title}» is noted of it."


async def grant(services: Services, asked: Asked) -> str:
    """Grant a qualification, or propose it."""
    found, approval = await services.qualifications.grant(asked.tx, asked.sender, asked.words["NUMBER"])
    if approval is not None:
        return (
            f"To grant {found.number}: the label of the room will show it. A second reviewer has to "
            f"confirm: {PREFIX} confirm {approval.code}"
        )
    return f"{found.number} is granted until {found.valid_until:%-d %B %Y}; the owner is told."


async def reject(services: Services, asked: Asked) -> str:
    """Refuse a qualification."""
    text, reason = asked.words["NUMBER"], asked.words["TEXT"]
    found = await services.qualifications.reject(asked.tx, asked.sender, text, reason)
    return f"{found.number} is rejected, and the owner is told why."


async def revoke(services: Services, asked: Asked) -> str:
    """Propose to take a qualification back."""
    text, reason = asked.words["NUMBER"], asked.words["TEXT"]
    approval = await services.qualifications.propose_revocation(asked.tx, asked.sender, text, reason)
    return (
        f"To revoke {text.upper()}: the room's label no longer shows it, and the owner is told the "
        f"reason. A second person has to confirm it: {PREFIX} confirm {approval.code}"
    )


async def show(services: Services, asked: Asked) -> str:
    """Show a qualification to a reviewer."""
    text = asked.words["NUMBER"]
    if not allowed(asked.roles, Permission.FILING_REVIEW):
        message = f"There is no {text} that you can see."
        raise NotFound(message)
    return services.qualifications.facts(*await services.qualifications.find(asked.tx, text))


async def status(services: Services, asked: Asked) -> str:
    """Say where one's own qualification stands."""
    text = asked.words["NUMBER"]
    found = await services.qualifications.of_owner(asked.tx, asked.sender, text)
    appealed = await services.filing_appeals.course(asked.tx, asked.sender, text)
    waits = await appeals.own(services, asked)
    hints = appeal_words.waits_for(waits) if waits else []
    return "\n".join((services.qualifications.facts(*found), *appealed, *hints))


async def queue(services: Services, asked: Asked, limit: int) -> list[str]:
    """List the claims that wait."""
    if not allowed(asked.roles, Permission.FILING_REVIEW):
        return []
    return [
        f"{found.number} «{services.qualifications.title(found)}» of {found.claimed_at:%-d %B}, "
        f"by {found.claimant}"
        for found in await qualifications.waiting(asked.tx, limit)
    ]
