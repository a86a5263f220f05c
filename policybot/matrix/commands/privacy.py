"""The commands about privacy: one's own data, and the narrow ways to look behind a pseudonym."""

import re

from policybot.domain.case import Case
from policybot.domain.errors import NotFound
from policybot.domain.permission import Permission, Role, allowed
from policybot.domain.private import Private
from policybot.matrix.commands import subject
from policybot.matrix.commands.command import Asked, Misused, Services
from policybot.store.rooms import Kind

_LONGEST_NOTE = 1000


async def export(services: Services, asked: Asked) -> str:
    """Send somebody a link to what is kept about them."""
    await services.exports.begin(asked.tx, asked.sender)
    return "I am sending you a link, in our direct chat."


async def erase(services: Services, asked: Asked) -> str:
    """Explain what being forgotten means, or take the wish back."""
    match asked.words["CANCEL"].lower():
        case "":
            return await services.privacy.propose_erasure(asked.tx, asked.sender)
        case "cancel":
            await services.privacy.cancel_erasure(asked.tx, asked.sender)
            return "Cancelled: nothing is forgotten."
        case _:
            message = "Write !policy erase, or !policy erase cancel"
            raise Misused(message)


async def reveal(services: Services, asked: Asked) -> str:
    """Ask to learn who is behind an account."""
    note = asked.words["TEXT"]
    if len(note) > _LONGEST_NOTE:
        message = f"Please say it in {_LONGEST_NOTE} characters."
        raise Misused(message)
    return await services.reveals.request(
        asked.tx,
        asked.sender,
        _role(asked, Permission.IDENTITY_REVEAL),
        _account(asked.words["ACCOUNT"]),
        await _case(services, asked),
        asked.words["REASON"],
        note,
    )


async def same(services: Services, asked: Asked) -> str:
    """Say whether two accounts belong to one person."""
    one, other = _account(asked.words["ACCOUNT"]), _account(asked.words["OTHER"])
    role, case = _role(asked, Permission.IDENTITY_COMPARE), await _case(services, asked)
    answer = await services.reveals.same(asked.tx, asked.sender, role, one, other, case)
    belong = "belong to one person" if answer else "belong to two different persons"
    return f"{'Yes' if answer else 'No'}: {one} and {other} {belong}. They are told that it was asked."


async def matches(services: Services, asked: Asked) -> str:
    """Say whether a name is that of the person behind an account."""
    if asked.room is None or asked.room.kind is not Kind.DIRECT:
        return "Please ask this in a direct chat with me: the name is not for others to read."
    account = _account(asked.words["ACCOUNT"])
    role, case = _role(asked, Permission.IDENTITY_COMPARE), await _case(services, asked)
    name = Private(asked.words["NAME"])
    answer = await services.reveals.matches(asked.tx, asked.sender, role, account, case, name)
    said = "Yes: that is the name" if answer else "No: that is not the name"
    return f"{said} of the person behind {account}. They are told that it was asked."


def _role(asked: Asked, permission: Permission) -> Role:
    """Name the role in which somebody asks: one that the act needs."""
    return next(role for role in Role if role in asked.roles and allowed({role}, permission))


def _account(text: str) -> str:
    if not re.fullmatch(r"@\S+:\S+", text):
        message = f"«{text[:60]}» is no user ID."
        raise NotFound(message)
    return text


async def _case(services: Services, asked: Asked) -> Case:
    text = asked.words["CASE"]
    return await services.cases.find(asked.tx, subject.case_id(text), text)
