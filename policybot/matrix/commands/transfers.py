"""The commands about who answers for a room."""

from policybot.domain.errors import NotFound
from policybot.domain.permission import Permission, allowed
from policybot.matrix.commands import subject
from policybot.matrix.commands.command import PREFIX, Asked, Services

_SEEN = 40


async def transfer(services: Services, asked: Asked) -> str:
    """Ask somebody to answer for a room."""
    account = subject.account_in(asked.words["USER"])
    if account is None:
        message = f"«{asked.words['USER'][:_SEEN]}» is no account. Write it in full: @anna:example.org."
        raise NotFound(message)
    staff = allowed(asked.roles, Permission.FILING_REVIEW)
    filing = await services.transfers.ask(
        asked.tx, asked.sender, asked.words["NUMBER"], account, staff=staff
    )
    return (
        f"I have asked {account} to answer for {filing.number}. Nothing changes until they accept; they "
        "have to be verified and to have signed the agreement."
    )


async def accept(services: Services, asked: Asked) -> str:
    """Answer for a room from now on."""
    number = asked.words["NUMBER"]
    filing = await services.replacements.accept(asked.tx, asked.sender, number)
    filing = filing or await services.transfers.accept(asked.tx, asked.sender, number)
    until = f" Its approval is valid until {filing.valid_until:%-d %B %Y}." if filing.valid_until else ""
    return (
        f"You answer for {filing.number} from now on.{until} Where it stands: "
        f"{PREFIX} status {filing.number}"
    )
