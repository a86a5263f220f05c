"""The commands of room owners about their filings, and the one that takes an approval back."""

from policybot.domain import taking
from policybot.domain.errors import Incomplete, OutOfOrder
from policybot.domain.filing import Filing
from policybot.domain.rank import Control
from policybot.domain.register import marked
from policybot.matrix.commands import qualifications, subject
from policybot.matrix.commands.command import Asked, Services

NEW = "new"
"""What stands in place of a room that is to be made."""


async def file(services: Services, asked: Asked) -> str:
    """File a room that its owner has invited the bot to, or one that is to be made."""
    view = None
    if asked.words["ROOM"].lower() != NEW:
        room_id = subject.room_in(asked.aliases, asked.words["ROOM"])
        view = asked.views.get(room_id)
        if view is None:
            message = (
                "I am not in that room yet, if it exists. Please invite "
                f"{_bot(services)} to it, then try again."
            )
            raise OutOfOrder(message)
    filing = await services.applications.submit(
        asked.tx,
        asked.sender,
        view=view,
        category=asked.words["CATEGORY"],
        purpose=asked.words["PURPOSE"],
    )
    return (
        f"Your filing is in: {filing.number}. A reviewer will look at it, and I will tell you what "
        f"they say. {taking.for_owner(filing.control, view.levels if view else None)} Then it is in "
        f"the directory. Where it stands: !policy status {filing.number}{_other_way(filing)}"
    )


def _other_way(filing: Filing) -> str:
    if filing.control is not Control.SHARED:
        return ""
    return (
        f"\nThe other way is !policy adopt {filing.number}: a new room takes this one's place, in "
        "which the rules rank above everybody."
    )


async def adopt(services: Services, asked: Asked) -> str:
    """Choose that a new room takes an old one's place, or take that back."""
    cancel = asked.words["CANCEL"].lower()
    if cancel not in ("", "cancel"):
        message = "To take it back, write: !policy adopt NUMBER cancel"
        raise Incomplete(message)
    number = asked.words["NUMBER"]
    filing = await services.applications.adopt(asked.tx, asked.sender, number, really=not cancel)
    back = "" if cancel else f"\nTo take that back: !policy adopt {filing.number} cancel"
    return f"{filing.number}: {taking.for_owner(filing.control, None)}{back}"


def _bot(services: Services) -> str:
    return services.setting.config.bot_user_id


async def answer(services: Services, asked: Asked) -> str:
    """Answer a reviewer."""
    number, text = asked.words["NUMBER"], asked.words["TEXT"]
    filing = await services.applications.answer(asked.tx, asked.sender, number, text)
    return f"Thank you. {filing.number} is with the reviewer again."


async def withdraw(services: Services, asked: Asked) -> str:
    """Take an application back."""
    filing = await services.applications.withdraw(asked.tx, asked.sender, asked.words["NUMBER"])
    return f"{filing.number} is withdrawn. You can file the room again at any time."


async def renew(services: Services, asked: Asked) -> str:
    """Prolong an approval."""
    filing = await services.filings.renew(asked.tx, asked.sender, asked.words["NUMBER"])
    return (
        f"{filing.number} is renewed until {filing.valid_until:%-d %B %Y}. If its room was hidden, "
        "everything comes back now."
    )


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
