"""Cards: what the review room reads of an application, as it is at that moment."""

import hashlib
from datetime import datetime

from policybot.domain import name, taking
from policybot.domain import review as rules
from policybot.domain.application import in_lines
from policybot.domain.decision import Approval
from policybot.domain.effects import ShowCard
from policybot.domain.filing import Filing, State
from policybot.domain.review import NOUN, Deadline, Review, Said, Tick, Word
from policybot.ports import Result
from policybot.services.setting import Setting
from policybot.store import cards, decisions, evidence, filings, members, reviews
from policybot.store.database import Tx

_SUBJECT = "filing"
_PURPOSE, _WORD = 500, 300
"""Characters that a card shows of a purpose, and of a question or an answer."""
_UNTIL = {
    Deadline.CLAIM: "taken by",
    Deadline.DECIDE: "decided by",
    Deadline.ANSWER: "answered by",
}


def show(setting: Setting, tx: Tx, filing: Filing) -> None:
    """Let the card of an application say what is true once this transaction is committed."""
    subject = f"{_SUBJECT} {filing.id}"
    setting.queue(tx, [ShowCard(setting.review_room, subject)], cause=f"card {subject}")


async def to_show(tx: Tx, setting: Setting, room_id: str, subject: str) -> Result | None:
    """Say what a card has to say now; None if it says that already, or its subject is gone."""
    filing = await filings.by_id(tx, int(subject.removeprefix(f"{_SUBJECT} ")))
    if filing is None or filing.state is State.DRAFT or not filing.applicant:
        return None
    text = await _text(tx, setting, filing)
    shown = hashlib.sha256(text.encode()).hexdigest()
    stands = await cards.get(tx, room_id, subject)
    if stands is not None and stands.shown == shown:
        return None
    return {"text": text, "shown": shown, "event_id": stands.event_id if stands else None}


def points(setting: Setting, filing: Filing) -> list[str]:
    """List what has to be checked of an application: the points of all its categories, each once."""
    known = setting.config.filing.categories
    found = (point for c in known if c.id in filing.categories for point in c.checklist)
    return list(dict.fromkeys(found))


async def checklist(tx: Tx, setting: Setting, filing: Filing) -> list[tuple[str, Tick | None]]:
    """List the points of an application, each with its tick."""
    ticks = await reviews.ticks(tx, filing.id)
    return rules.standing(points(setting, filing), ticks, await binding(tx, filing))


async def binding(tx: Tx, filing: Filing) -> str:
    """Give the fingerprint of an application as it is, with the files that are shown with it."""
    return rules.binding(filing, [file.id for file in await evidence.of_filing(tx, filing.id)])


def needs_second(setting: Setting, filing: Filing) -> bool:
    """Say whether another reviewer has to confirm an approval."""
    known = setting.config.filing.categories
    return any(c.second_person for c in known if c.id in filing.categories)


async def proposal(tx: Tx, filing: Filing) -> Approval | None:
    """Read the approval of a filing that waits for a second person, if one does."""
    return await decisions.approval_on(tx, f"{NOUN} F-{filing.id}")


async def _text(tx: Tx, setting: Setting, filing: Filing) -> str:
    review = await reviews.get(tx, filing.id)
    lines = [_heading(filing), *_holding(filing, review, setting.now())]
    lines += [f"Room: {filing.place}", f"Control: {taking.for_reviewer(filing.control)}"]
    lines.append(f"Applicant: {filing.applicant} ({await standing(tx, filing.applicant)})")
    lines.append(f"Category: {titles(setting, filing)}")
    lines.append(f"Purpose: {name.one_line(filing.purpose, _PURPOSE)}")
    lines += in_lines(filing.about, filing.deputy)
    lines += _said(await reviews.words(tx, filing.id))
    if filing.state is State.REJECTED:
        lines.append(f"Reason: {name.one_line(filing.reason, _WORD)}")
    if filing.state in rules.OPEN:
        found = await checklist(tx, setting, filing)
        lines += [f"{'☑' if tick else '☐'} {n} {point}" for n, (point, tick) in enumerate(found, 1)]
        if (approval := await proposal(tx, filing)) is not None:
            lines.append(waits(approval))
        lines.append(until(setting, filing, review))
        lines.append(_next(filing, found, approval))
    return "\n".join(line for line in lines if line)


def _heading(filing: Filing) -> str:
    if filing.state is State.SUBMITTED:
        return f"New filing F-{filing.id}: {filing.in_words}"
    record = f" as {filing.record_number}" if filing.record_number else ""
    decided = filing.state not in rules.OPEN and filing.reviewer
    by = f", by {filing.reviewer}" if decided else ""
    return f"Filing F-{filing.id}: {filing.in_words}{record}{by}"


def _holding(filing: Filing, review: Review, now: datetime) -> list[str]:
    if filing.state not in rules.OPEN:
        return []
    holder = rules.holder(filing, review, now)
    if holder is None:
        return [f"With: nobody. To take it: !policy claim F-{filing.id}"]
    return [f"With: {holder} until {review.lease_until:%-d %B, %H:%M} UTC"]


async def standing(tx: Tx, user_id: str) -> str:
    """Say whether an account is verified now, and how surely; never under which name."""
    link = await members.link_of(tx, user_id)
    if link is None or link.assurance is None:
        return "not verified now"
    return f"verified, level {link.assurance}"


def titles(setting: Setting, filing: Filing) -> str:
    """Write the categories of an application, as they are called."""
    known = {c.id: c.title for c in setting.config.filing.categories}
    return ", ".join(known.get(id_, id_) for id_ in filing.categories)


def _said(words: list[Word]) -> list[str]:
    """Show the last question, and the answer to it."""
    called = {Said.QUESTION: "Asked", Said.ANSWER: "Answered"}
    last = max((n for n, word in enumerate(words) if word.kind is Said.QUESTION), default=len(words))
    return [
        f"{called[word.kind]} on {word.at:%-d %B} by {word.author}: {name.one_line(word.text, _WORD)}"
        for word in words[last:]
    ]


def waits(approval: Approval) -> str:
    """Say that an approval waits for a second person."""
    return (
        f"{approval.proposer} wants to approve it. Another reviewer has to confirm that by "
        f"{approval.expires_at:%-d %B, %H:%M} UTC: !policy confirm {approval.code}"
    )


def until(setting: Setting, filing: Filing, review: Review) -> str:
    """Say which times run."""
    spans, now = setting.config.filing.deadlines.spans, setting.now()
    said = [
        f"{_UNTIL[what]} {at:%-d %B}{' (overdue)' if at <= now and what in review.told else ''}"
        for at, what in rules.deadlines(filing, review, spans)
    ]
    return f"To be {', '.join(said)}" if said else ""


def _next(filing: Filing, found: list[tuple[str, Tick | None]], approval: Approval | None) -> str:
    n = f"F-{filing.id}"
    if filing.state is State.NEEDS_INFO:
        return f"Next: wait for the answer, or !policy reject {n} REASON"
    left = " ".join(str(place) for place, (_, tick) in enumerate(found, 1) if tick is None)
    decide = f"!policy check {n} {left}, and then approve" if left else f"!policy approve {n}"
    if approval is not None:
        decide = f"!policy confirm {approval.code} (another reviewer) or !policy deny {approval.code}"
    return (
        f"Next: !policy show {n} (to me alone: everything on one page) · {decide} · "
        f"!policy ask {n} QUESTION · !policy reject {n} REASON"
    )
