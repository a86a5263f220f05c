"""The commands about documents, for reviewers; they show neither a name nor an account."""

from policybot.domain import number
from policybot.domain.document import State
from policybot.domain.errors import NotFound
from policybot.domain.permission import Permission, allowed
from policybot.matrix.commands.command import Asked, Services
from policybot.services.openings import MINUTES


def meant(text: str) -> bool:
    """Say whether a number is that of a document."""
    return number.parse_document(text) is not None


def may_review(asked: Asked) -> bool:
    """Say whether somebody may know of documents at all."""
    return allowed(asked.roles, Permission.DOCUMENT_REVIEW)


def _only_reviewers(asked: Asked, text: str) -> None:
    if not may_review(asked):
        message = f"There is no {text} that you can see."
        raise NotFound(message)


async def queue(services: Services, asked: Asked, limit: int) -> list[str]:
    """List the documents that wait for this reviewer."""
    if not may_review(asked):
        return []
    found = await services.documents.waiting(asked.tx, asked.sender, limit)
    return [f"{document.number} {services.documents.in_words(document)}" for document in found]


async def show(services: Services, asked: Asked) -> str:
    """Say what there is to say of a document; to a reviewer alone, give a link to look at it."""
    text = asked.words["NUMBER"]
    _only_reviewers(asked, text)
    document = await services.documents.find(asked.tx, asked.sender, text)
    by = f" by {document.reviewer}" if document.reviewer else ""
    facts = f"{document.number}: {document.state}{by}\n{services.documents.in_words(document)}"
    if document.candidate is None:
        return f"{facts}\nWhat was sent is deleted."
    if asked.room is None or not asked.room.alone_with(asked.sender):
        return f"{facts}\nTo look at it, write !policy show {document.number} to me alone."
    token = await services.openings.invite(asked.tx, asked.sender, document)
    config = services.setting.config
    services.setting.tell(
        asked.tx,
        asked.sender,
        f"{facts}\nLook at it here: {config.web.public_url}/document/{token}\n"
        f"The link is for you alone, works once and for {MINUTES} minutes, and it is noted that you "
        "looked. Then decide on the page, or write !policy approve "
        f"{document.number} or !policy reject {document.number} REASON",
        cause=f"link {document.number}",
    )
    return ""


async def approve(services: Services, asked: Asked) -> str:
    """Approve a document."""
    text = asked.words["NUMBER"]
    _only_reviewers(asked, text)
    document = await services.documents.approve(asked.tx, asked.sender, text)
    if document.state is State.REFUSED:
        return (
            f"{document.number} could not be linked: its person has no place free for this account. It "
            "is refused, and the person is told."
        )
    return f"{document.number} is approved, and the person is told."


async def reject(services: Services, asked: Asked) -> str:
    """Refuse a document."""
    text = asked.words["NUMBER"]
    _only_reviewers(asked, text)
    document = await services.documents.refuse(asked.tx, asked.sender, text, asked.words["TEXT"])
    return f"{document.number} is refused, and the person is told why."
