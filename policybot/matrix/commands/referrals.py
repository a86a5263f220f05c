"""The commands about referrals: what is handed over outside, and what its person says to it."""

from policybot.domain import number
from policybot.domain.case import Case
from policybot.domain.errors import Incomplete, NotFound
from policybot.domain.measure import duration_in_words, format_duration
from policybot.domain.name import one_line
from policybot.domain.notice import day
from policybot.domain.permission import Permission, allowed
from policybot.domain.referral import Answer, Referral, State, typable
from policybot.matrix.commands.command import PREFIX, Asked, Services
from policybot.services.objections import said_to
from policybot.store import decisions, referrals

_EXCERPT = 500
_SEES = (Permission.REFERRAL_HAND_OVER, Permission.REFERRAL_APPROVE, Permission.REFERRAL_ANSWER)


def meant(text: str) -> bool:
    """Say whether a number is that of a referral."""
    return number.parse_referral(text) is not None


def _alone(asked: Asked) -> bool:
    return asked.room is not None and asked.room.alone_with(asked.sender)


def _apart(asked: Asked) -> str:
    """Ask to write alone; empty if they do: whom it is about may be in the review room."""
    return "" if _alone(asked) else "Please write this to me alone: others should not read it."


async def _find(services: Services, asked: Asked) -> Referral:
    text = asked.words["NUMBER"]
    if not any(allowed(asked.roles, one) for one in _SEES):
        message = f"There is no referral {text[:20]} that you can see."
        raise NotFound(message)
    return await services.referrals.find(asked.tx, asked.sender, number.parse_referral(text), text)


async def refer(services: Services, asked: Asked) -> str:
    """Propose to hand something of a case over."""
    if apart := _apart(asked):
        return apart
    words, serial = asked.words, number.parse_case(asked.words["CASE"])
    case = await services.cases.work_on(asked.tx, asked.sender, serial, words["CASE"])
    return await services.referrals.propose(
        asked.tx, asked.sender, case, words["RECIPIENT"], words["BASIS"], words["WHAT"]
    )


def recipients(services: Services) -> str:
    """List to whom something may be handed over, on which bases, and the grounds for delay."""
    config = services.setting.config.referrals
    lines = []
    for one in config.all_recipients:
        bases = "; ".join(f"{id_}: {title}" for id_, title in one.bases.items())
        lines.append(f"{one.id}: {one.name}, {one.what}. Bases: {bases}. {typable(one.fields)}")
    lines += [
        f"delay:{g.id}:{format_duration(g.longest)} at the most: {g.title}" for g in config.grounds
    ]
    return "\n".join(["Recipients:", *lines]) if lines else "No recipient is configured."


async def show(services: Services, asked: Asked) -> str:
    """Show a referral with its document, to somebody alone."""
    if apart := _apart(asked):
        return apart
    referral = await _find(services, asked)
    terms = referral.terms
    lines = [
        f"{referral.number} to {terms.name} ({terms.reached}): {referral.in_words}",
        f"Proposed by {referral.proposer}, about C-{referral.case_id}",
    ]
    lines += [f"Agreed to by {referral.approver}"] if referral.approver else []
    lines += [f"Receipt: {referral.receipt}"] if referral.receipt else []
    lines.append(_told(referral))
    if referral.objection:
        due = f"to be answered by {day(referral.answer_due)}" if referral.answer_due else "waits"
        lines.append(f"Objection: {one_line(referral.objection, _EXCERPT)}")
        lines.append(f"The objection is {f'answered: {referral.answer}' if referral.answer else due}")
    try:
        document = await services.handouts.preview(asked.tx, referral)
    except Incomplete as gone:
        lines.append(f"Its document cannot be shown any more. {gone}")
    else:
        goes = "went" if referral.state is State.HANDED_OVER else "would go"
        lines += [f"What {goes} out (a long message is cut here, and whole on the page):", document]
    waiting = await decisions.approval_on(asked.tx, f"referral {referral.id}")
    if waiting is not None and asked.sender == referral.proposer:
        lines.append(f"To take it back: {PREFIX} deny {waiting.code}")
    elif waiting is not None and allowed(asked.roles, Permission.REFERRAL_APPROVE):
        lines.append(f"To agree: {PREFIX} confirm {waiting.code} · {PREFIX} deny {waiting.code}")
    if referral.state is State.APPROVED:
        lines.append(f"To hand it over: {PREFIX} handover {referral.number}")
    await services.referrals.send(asked.tx, asked.sender, referral, "\n".join(lines))
    return ""


def _told(referral: Referral) -> str:
    if referral.told_at is not None:
        return f"The person was told on {day(referral.told_at)}"
    if referral.due_at is not None:
        return f"The person is told on {day(referral.due_at)}: {referral.terms.ground}"
    later = f"{duration_in_words(referral.terms.delay)} after" if referral.terms.ground else "with"
    return f"The person is told {later} the hand-over"


async def handover(services: Services, asked: Asked) -> str:
    """Give a link to the document that is handed over, or note the receipt for it."""
    if apart := _apart(asked):
        return apart
    referral, receipt = await _find(services, asked), asked.words["RECEIPT"]
    if receipt:
        await services.referrals.receipt(asked.tx, asked.sender, referral, receipt)
        return f"Noted: the receipt for {referral.number}."
    if referral.state not in (State.APPROVED, State.HANDED_OVER):
        return f"{referral.number} is {referral.in_words}: it cannot be handed over."
    text = (
        f"Take {referral.number} as a file on the page below, and bring it to {referral.terms.name}: "
        f"{referral.terms.reached}. Once you take it, it counts as handed over by you."
    )
    if referral.state is State.HANDED_OVER:
        text = f"{referral.number} was {referral.in_words}; here it is once more."
    text += f" Then note what they answer: {PREFIX} handover {referral.number} RECEIPT"
    await services.referrals.send(asked.tx, asked.sender, referral, text)
    return ""


async def postpone(services: Services, asked: Asked) -> str:
    """Propose that a person is told still later."""
    if apart := _apart(asked):
        return apart
    referral, words = await _find(services, asked), asked.words
    return await services.objections.postpone(
        asked.tx, asked.sender, referral, words["GROUND"], words["TIME"], words["REASON"]
    )


async def queue(services: Services, asked: Asked, limit: int) -> list[str]:
    """List the referrals that wait for somebody; to somebody alone."""
    if not (_alone(asked) and any(allowed(asked.roles, one) for one in _SEES)):
        return []
    return [
        f"{one.number} to {one.terms.name}: "
        + ("an objection waits for an answer" if one.objected_at and not one.answer else one.in_words)
        + f". Next: {PREFIX} show {one.number}"
        for one in await services.referrals.waiting(asked.tx, asked.sender, limit)
    ]


async def of_case(asked: Asked, case: Case) -> list[str]:
    """Say to somebody alone what was referred of a case."""
    if not (_alone(asked) and any(allowed(asked.roles, one) for one in _SEES)):
        return []
    return [
        f"{one.number} to {one.terms.name}: {one.in_words}"
        for one in await referrals.of_case(asked.tx, case.id)
    ]


async def status(services: Services, asked: Asked) -> str:
    """Say to its person where a referral stands."""
    text = asked.words["NUMBER"]
    own = await services.objections.own(asked.tx, asked.sender, number.parse_referral(text), text)
    return (
        f"{own.number}, about C-{own.case_id}: handed over to {own.terms.name} ({own.terms.what}) on "
        f"{day(own.handed_over_at or own.proposed_at)}{said_to(own)}."
    )


async def object_to(services: Services, asked: Asked) -> str:
    """Take in an objection to a referral."""
    text = asked.words["NUMBER"]
    own = await services.objections.own(asked.tx, asked.sender, number.parse_referral(text), text)
    taken = await services.objections.object(asked.tx, asked.sender, own, asked.words["TEXT"])
    due = day(taken.answer_due) if taken.answer_due else ""
    return (
        f"Your objection to {taken.number} is in. Somebody who had no part in it answers by {due}, "
        "with reasons."
    )


async def uphold(services: Services, asked: Asked) -> str:
    """Let a referral stand."""
    referral, reasons = await _find(services, asked), asked.words["REASONS"]
    await services.objections.answer(asked.tx, asked.sender, referral, Answer.UPHELD, reasons)
    return f"{referral.number} stands, and the person is told why."


async def overturn(services: Services, asked: Asked) -> str:
    """Take a referral back."""
    referral, reasons = await _find(services, asked), asked.words["REASONS"]
    await services.objections.answer(asked.tx, asked.sender, referral, Answer.OVERTURNED, reasons)
    return (
        f"{referral.number} does not hold; the person is told. Whoever can hand over the correction to "
        "the recipient is asked to."
    )
