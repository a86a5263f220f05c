"""The commands about holds, and about rooms: a time to put something right, another owner."""

from policybot.domain import cure as cure_rules
from policybot.domain import deletion as deletion_rules
from policybot.domain import hold as hold_rules
from policybot.domain import notice
from policybot.domain import replacement as replacement_rules
from policybot.domain.case import Case
from policybot.domain.effect_words import all_in_words, in_words
from policybot.domain.errors import NotFound
from policybot.matrix.commands import subject
from policybot.matrix.commands.command import PREFIX, Asked, Services
from policybot.store import sanctions


async def _case(services: Services, asked: Asked, text: str) -> Case:
    """Find a case by its number, that of whoever is a party to it excepted."""
    case = await services.cases.find(asked.tx, subject.case_id(text), text)
    if asked.sender in await services.cases.involved(asked.tx, case):
        message = f"There is no case {text} that you can see."
        raise NotFound(message)
    return case


async def hold(services: Services, asked: Asked) -> str:
    """Put a room, a member or an account on hold."""
    text = asked.words["WHAT"]
    account = subject.account_in(text)
    if account is not None:
        case = await services.holds.about_account(asked.tx, asked.sender, account)
    elif subject.case_id(text) is None:
        room_id = subject.room_in(asked.aliases, text)
        case = await services.cases.about_room(asked.tx, asked.sender, room_id)
    else:
        case = await _case(services, asked, text)
    decision = await services.holds.impose(
        asked.tx, asked.sender, case, asked.words["RULE"], asked.words["REASON"]
    )
    sanction = await sanctions.of_decision(asked.tx, decision.id)
    effects = sanction.restraints if sanction else ()
    ends_at = decision.decided_at + hold_rules.LONGEST
    banner = () if decision.user_id else ("pin a notice in it",)
    who = "they are" if decision.user_id else "the owner is"
    return (
        f"{case.number}: {decision.user_id or decision.room_id} is being put on hold. This will: "
        f"{all_in_words(effects, *banner)}.\nIt ends by itself on "
        f"{notice.day(ends_at)} and cannot be prolonged; {who} told why, and can appeal. Next: "
        f"{PREFIX} decide {case.number} …, {PREFIX} dismiss {case.number} REASON, or to end it early "
        f"{PREFIX} lift {case.number} REASON"
    )


async def cure(services: Services, asked: Asked) -> str:
    """Give the owner of a room time to put something right, or end that time."""
    case = await _case(services, asked, asked.words["CASE"])
    span, text = asked.words["TIME"], asked.words["TEXT"]
    if span.lower() == cure_rules.NOW:
        await services.cures.stop(asked.tx, asked.sender, case, text)
        return f"{case.number}: the time is ended; the owner is told. Next: {PREFIX} claim {case.number}"
    given = await services.cures.give(asked.tx, asked.sender, case, span, text)
    return (
        f"{case.number}: the owner has until {notice.day(given.until)}, and is told so. Nothing is "
        "decided by then: the case is with you again when they say that it is done, or when the time is "
        f"over. To end it early: {PREFIX} cure {case.number} now REASON"
    )


async def cured(services: Services, asked: Asked) -> str:
    """Say that something is put right."""
    text = asked.words["CASE"]
    said = await services.cures.said(
        asked.tx, asked.sender, subject.case_id(text), text, asked.words["TEXT"]
    )
    return f"{said.number}: thank you. A moderator looks at it and you hear what comes of it."


async def replace(services: Services, asked: Asked) -> str:
    """Propose that somebody else answers for a room."""
    case = await _case(services, asked, asked.words["CASE"])
    successor = subject.account_in(asked.words["USER"])
    if successor is None:
        message = f"«{asked.words['USER'][:40]}» is no account. Write it in full: @anna:example.org."
        raise NotFound(message)
    proposed = await services.replacements.propose(
        asked.tx, asked.sender, case, asked.words["RULE"], successor, asked.words["REASON"]
    )
    wanted, filing = proposed.wanted, proposed.filing
    effects = replacement_rules.effects(filing.room_id, wanted, case.number)
    return (
        f"{case.number}: {wanted.successor} is to answer for {filing.number} in place of "
        f"{wanted.former}. Once a second person has confirmed it and they have accepted, this will: "
        f"{', '.join(map(in_words, effects))}. Nothing changes before; the former owner is told why, "
        "and can appeal.\nA second person has to confirm it: "
        f"{PREFIX} confirm {proposed.approval.code}"
    )


async def delete(services: Services, asked: Asked) -> str:
    """Propose to delete a closed room."""
    proposed = await services.deletions.propose(asked.tx, asked.sender, asked.words["NUMBER"])
    decision = proposed.decision
    return (
        f"{decision.number}: {proposed.room_id} is to be deleted. {deletion_rules.CONSEQUENCES}\n"
        f"A second person has to confirm it: {PREFIX} confirm {proposed.approval.code}"
    )


async def unblock(services: Services, asked: Asked) -> str:
    """Let people into a deleted room again."""
    room_id = await services.deletions.unblock(
        asked.tx, asked.sender, asked.words["NUMBER"], asked.words["REASON"]
    )
    return (
        f"The block of {room_id} is being lifted. Nobody is in it: a server administrator has to let "
        "somebody in, and what was closed in it stays closed."
    )
