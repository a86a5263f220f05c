"""The commands of room owners about their filings, and the one that takes an approval back."""

import re

from policybot.domain import taking
from policybot.domain.errors import Incomplete, OutOfOrder
from policybot.domain.filing import Filing, State
from policybot.domain.rank import Control
from policybot.domain.register import marked
from policybot.matrix.commands import appeals, qualifications, subject
from policybot.matrix.commands.command import Asked, Services
from policybot.services.applications import NOT_IN
from policybot.store.rooms import Kind

NEW = "new"
"""What stands in place of a room that is to be made."""
_NUMBER = re.compile(r"F-\d|[A-Z]{2,4}-\d{4}-", re.IGNORECASE)
"""How the number of a filing begins, and no room does."""


async def file(services: Services, asked: Asked) -> str:
    """File a room that its owner has invited the bot to, or one that is to be made."""
    room, category, purpose = (asked.words[name] for name in ("ROOM", "CATEGORY", "PURPOSE"))
    if not purpose:
        return await _form(services, asked, room, category)
    view = None
    if room.lower() != NEW:
        view = asked.views.get(subject.room_in(asked.aliases, room))
        if view is None:
            raise OutOfOrder(NOT_IN.format(_bot(services)))
    filing = await services.applications.submit(
        asked.tx, asked.sender, view=view, category=category, purpose=purpose
    )
    return (
        f"Your filing is in: {filing.number}. A reviewer will look at it, and I will tell you what "
        f"they say. {taking.for_owner(filing.control, view.levels if view else None)}\n"
        f"Where it stands: !policy status {filing.number}{_other_way(filing)}"
    )


async def _form(services: Services, asked: Asked, room: str, category: str) -> str:
    """Send the link to a form: of a new draft, or of what is there already."""
    typed = {"category": services.applications.category(category)} if category else {}
    if _NUMBER.match(room):
        mine = await services.filings.visible(asked.tx, asked.sender, room, staff=False)
        filing = await services.drafts.reopen(asked.tx, mine)
    else:
        room_id = "" if room.lower() == NEW else subject.room_in(asked.aliases, room)
        filing = await services.drafts.begin(asked.tx, asked.sender, room_id=room_id, typed=typed)
    await services.drafts.send_link(asked.tx, filing)
    seen = asked.room is not None and asked.room.kind is Kind.REVIEW
    return f"I have sent the link to the form of {filing.number} to you alone." if seen else ""


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


async def drift(services: Services, asked: Asked) -> str:
    """List what differs in filed rooms; of one, and let it be looked at again."""
    text = asked.words["NUMBER"]
    if not text:
        lines = await services.drift.listed(asked.tx)
        return "\n".join(lines) or "Every room is as it should be, as far as is known."
    filing = await services.filings.visible(asked.tx, asked.sender, text, staff=True)
    lines = await services.drift.of_room(asked.tx, filing.room_id)
    await services.drift.soon(asked.tx, filing.room_id)
    known = "\n".join(lines) or "It is as it should be, as far as is known."
    return f"{filing.number} ({filing.place}):\n{known}\nI look at it again in a moment."


def _bot(services: Services) -> str:
    return services.setting.config.bot_user_id


async def answer(services: Services, asked: Asked) -> str:
    """Answer a reviewer."""
    number, text = asked.words["NUMBER"], asked.words["TEXT"]
    filing = await services.applications.answer(asked.tx, asked.sender, number, text)
    return f"Thank you. {filing.number} is with the reviewer again."


async def withdraw(services: Services, asked: Asked) -> str:
    """Take an application or an appeal back."""
    number = asked.words["NUMBER"]
    if appeals.meant(number) or await appeals.own(services, asked) is not None:
        return await appeals.withdraw(services, asked)
    filing = await services.applications.withdraw(asked.tx, asked.sender, number)
    if filing.state is State.DRAFT:
        return f"The draft {filing.number} is dropped, and its files with it."
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
