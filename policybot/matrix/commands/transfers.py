"""The commands about who answers for a room, and who would."""

from policybot.domain.errors import NotFound
from policybot.domain.filing import WAITING
from policybot.domain.permission import Permission, allowed
from policybot.matrix.commands import subject
from policybot.matrix.commands.command import PREFIX, Asked, Services

_SEEN = 40
NOBODY = "none"
"""What stands in place of an account to have no deputy any more."""


async def transfer(services: Services, asked: Asked) -> str:
    """Ask somebody to answer for a room."""
    account = _account(asked)
    staff = allowed(asked.roles, Permission.FILING_REVIEW)
    filing = await services.transfers.ask(
        asked.tx, asked.sender, asked.words["NUMBER"], account, staff=staff
    )
    return (
        f"I have asked {account} to answer for {filing.number}. Nothing changes until they accept; they "
        "have to be verified and to have signed the agreement."
    )


async def accept(services: Services, asked: Asked) -> str:
    """Answer for a room from now on, or agree to be its deputy."""
    stands_by = await services.deputies.asked(asked.tx, asked.sender, asked.words["NUMBER"])
    if stands_by is not None:
        await services.deputies.agree(asked.tx, stands_by)
        return (
            f"Thank you: you are the deputy for {stands_by.number}. If {stands_by.applicant} no longer "
            "answers for it, I ask you to take it over; then you have to be verified and to have signed "
            f"the agreement. To stop: {PREFIX} decline {stands_by.number}"
        )
    number = asked.words["NUMBER"]
    filing = await services.replacements.accept(asked.tx, asked.sender, number)
    filing = filing or await services.transfers.accept(asked.tx, asked.sender, number)
    until = f" Its approval is valid until {filing.valid_until:%-d %B %Y}." if filing.valid_until else ""
    return (
        f"You answer for {filing.number} from now on.{until} Where it stands: "
        f"{PREFIX} status {filing.number}"
    )


async def decline(services: Services, asked: Asked) -> str:
    """Not take a room over, or not be its deputy."""
    number = asked.words["NUMBER"]
    filing = await services.replacements.decline(asked.tx, asked.sender, number)
    if filing is None:
        try:
            filing = await services.transfers.decline(asked.tx, asked.sender, number)
        except NotFound:
            filing = await services.deputies.decline(asked.tx, asked.sender, number)
    return f"Noted: you are not asked to answer for {filing.number}."


async def deputy(services: Services, asked: Asked) -> str:
    """Name somebody who is asked to take a room over when its owner no longer answers for it."""
    number = asked.words["NUMBER"]
    if asked.words["USER"].lower() == NOBODY:
        filing = await services.deputies.end(asked.tx, asked.sender, number)
        return f"{filing.number} has no deputy any more."
    account = _account(asked)
    filing = await services.deputies.name(asked.tx, asked.sender, number, account)
    when = "when it is approved" if filing.state in WAITING else "now"
    return (
        f"I ask {account} {when} whether they will be the deputy for {filing.number}. You are told what "
        f"they say. If you no longer answer for the room, I ask them to take it over. To end it: "
        f"{PREFIX} deputy {filing.number} {NOBODY}"
    )


def _account(asked: Asked) -> str:
    account = subject.account_in(asked.words["USER"])
    if account is None:
        message = f"«{asked.words['USER'][:_SEEN]}» is no account. Write it in full: @anna:example.org."
        raise NotFound(message)
    return account
