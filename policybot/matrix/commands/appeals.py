"""The commands about appeals: of those who appeal, and of those who review them and objections."""

import re
from collections.abc import Awaitable
from typing import TypeVar

from policybot.domain import appeal as rules
from policybot.domain import notice, number
from policybot.domain.appeal import Said, Verdict
from policybot.domain.case import Case
from policybot.domain.complaint import AGAINST, About
from policybot.domain.errors import Incomplete, NotFound
from policybot.domain.filing_appeal import AGAINST as FILED
from policybot.domain.filing_appeal import FilingAppeal, Matter
from policybot.domain.ladder import Scope
from policybot.domain.name import one_line
from policybot.domain.party import hidden
from policybot.domain.permission import Permission, Role, allowed
from policybot.domain.report import Report
from policybot.matrix.commands import referrals, reports, subject
from policybot.matrix.commands.command import PREFIX, Asked, Services
from policybot.store import appeals

T = TypeVar("T")

FOUNDED = "founded"
"""What is written in place of a measure where a report was without a breach, and not unfounded."""
_EXCERPT = 80
_FILING = re.compile(r"F-[1-9]\d{0,11}", re.ASCII)
_SAID = {
    Said.QUESTION: "Asked",
    Said.ANSWER: "The person answers",
    Said.ADDITION: "The person adds",
    Said.JOINED: "Another account of that server joins",
}


# Of those who appeal -----------------------------------------------------------------------------


async def appeal(services: Services, asked: Asked) -> str:
    """Take an objection in."""
    text = asked.words["CASE"]
    if reports.meant(text):
        message = f"That is a report. To object to its answer: !policy object {text} YOUR REASONS"
        raise NotFound(message)
    if of_filing(text):
        return await _about_filing(services, asked)
    taken = await services.appeals.submit(
        asked.tx, asked.sender, subject.case_id(text), asked.words["TEXT"]
    )
    if taken.appellant != asked.sender:
        return (
            f"The appeal on {taken.number} is in already, and is good for all accounts of your server. "
            "What you write is put before whoever decides it, and I tell you the outcome. Where it "
            f"stands: {PREFIX} status {taken.number}"
        )
    urgent = f"It is urgent, for {rules.URGENT[taken.urgent]}. " if taken.urgent else ""
    n = taken.number
    may = await services.appeals.retractable(asked.tx, taken)
    back = f" · to take it back: {PREFIX} withdraw {n}" if may else ""
    return (
        f"Your appeal on {n} is in. Somebody who had no part in the decision will look at it, and I "
        f"will tell you the outcome with the reasons. {urgent}It should be answered by "
        f"{taken.due_at:%-d %B %Y}. To add something: {PREFIX} add {n} TEXT · where it stands: "
        f"{PREFIX} status {n}{back}"
    )


async def _about_filing(services: Services, asked: Asked) -> str:
    """Take in an objection to a refusal or a revocation."""
    text = asked.words["CASE"]
    made = await services.filing_appeals.submit(asked.tx, asked.sender, text, asked.words["TEXT"])
    shown = "The label shows it" if made.qualification_id else "Your room is shown"
    rests = f" {shown} again meanwhile." if made.rests else ""
    return (
        f"Your appeal against {FILED[made.about]} of {text.upper()} is in. Somebody who had no part in "
        "it will look at it, and I will tell you the outcome with the reasons. It should be answered "
        f"by {made.due_at:%-d %B %Y}.{rests} Where it stands: {PREFIX} status {text.upper()}"
    )


def of_filing(text: str) -> bool:
    """Say whether a number is that of a filing, or of a qualification."""
    if number.parse_qualification(text) is not None:
        return True
    return _FILING.fullmatch(text.upper()) is not None or number.looks_like_record(text.upper())


def meant(text: str) -> bool:
    """Say whether a number is that of a case, and so of an appeal in it."""
    return subject.case_id(text) is not None


async def add(services: Services, asked: Asked) -> str:
    """Take in what somebody adds to their appeal, or answers."""
    text = asked.words["CASE"]
    found = await services.appeals.mine(asked.tx, asked.sender, subject.case_id(text))
    asked_before = found.asked_at is not None
    after = await services.appeals.add(asked.tx, asked.sender, found, asked.words["TEXT"])
    if asked_before:
        return (
            f"Thank you: your answer on {after.number} is with those who decide. It should be answered "
            f"by {after.due_at:%-d %B %Y}."
        )
    return f"That is added to your appeal on {after.number}."


async def status(services: Services, asked: Asked) -> str:
    """Say where an appeal of one's own stands; without one, what it could be about and until when."""
    case_id = subject.case_id(asked.words["NUMBER"])
    try:
        found = await services.appeals.mine(asked.tx, asked.sender, case_id)
    except NotFound:
        return await services.appeals.appealable(asked.tx, asked.sender, case_id)
    return "\n".join(await services.appeals.course(asked.tx, found))


async def withdraw(services: Services, asked: Asked) -> str:
    """Take an appeal back."""
    text = asked.words["NUMBER"]
    found = await services.appeals.mine(asked.tx, asked.sender, subject.case_id(text))
    await services.appeals.withdraw(asked.tx, asked.sender, found)
    return f"Your appeal on {found.number} is taken back, and the decision stands."


# Of those who review them ------------------------------------------------------------------------


async def queue(services: Services, asked: Asked, limit: int) -> list[str]:
    """List the appeals and objections that wait, but those in which the asker has a part."""
    now, lines = services.setting.now(), []
    for one in await services.queues.appeals(asked.tx, asked.sender, limit):
        marks = [f"urgent: {rules.URGENT[one.urgent]}"] if one.urgent else []
        marks += ["says that it is urgent"] if one.pleads else []
        marks += ["waits for the person"] if one.asked_at else []
        marks += ["OVERDUE"] if one.overdue(now) else [f"by {one.due_at:%-d %B %H:%M} UTC"]
        marks += [f"with {holder}"] if (holder := one.held_by(now)) else []
        marks += ["for somebody outside"] if one.outside else []
        lines.append(
            f"{one.number} appeal of {one.submitted_at:%-d %B} ({', '.join(marks)}): "
            f"{one_line(one.text, _EXCERPT)}"
        )
    for made, matter in await services.filing_appeals.waiting(asked.tx, asked.sender, limit):
        due = "OVERDUE" if made.due_at <= now else f"by {made.due_at:%-d %B %H:%M} UTC"
        what = f"{matter.number} appeal against {FILED[made.about]} ({due})"
        lines.append(f"{what}: {one_line(made.text, _EXCERPT)}")
    return lines + await reports.queue(services, asked, limit)


async def _case(services: Services, asked: Asked) -> Case:
    """Find the case of an appeal."""
    text = asked.words["NUMBER"]
    return await _shown(asked, services.cases.find(asked.tx, subject.case_id(text), text))


async def brief(services: Services, asked: Asked) -> str:
    """Show what an appeal is about, to whoever may decide it."""
    found = await services.appeal_reviews.brief(asked.tx, asked.sender, await _case(services, asked))
    one, decision, now = found.appeal, found.decision, services.setting.now()
    copy = await services.copies.with_context(asked.tx, found.case.subject.event_id)
    due = "waits for the person" if one.asked_at else f"to be answered by {one.due_at:%-d %B %H:%M} UTC"
    urgent = f"; urgent: {rules.URGENT[one.urgent]}" if one.urgent else ""
    pleads = "; its author says that it is urgent" if one.pleads else ""
    holder = f"; with {who}" if (who := one.held_by(now)) else ""
    ends = found.sanction.ends_at if found.sanction else None
    timed = found.sanction is not None and found.sanction.measure.kind.timed
    state = f", {found.sanction.state.value}" if found.sanction and timed else ""
    until = f", until {notice.day(ends)}" if ends else ""
    # Their homeserver reads what they read, and it is no business of it who decided.
    by = "" if Role.EXTERNAL in asked.roles else f" by {decision.decider}"
    decided = (
        f"Decided on {notice.day(decision.decided_at)}{by}: {decision.rule_id} "
        f"{decision.severity.value}, {decision.in_words}{state}{until}"
    )
    lines = [
        f"Appeal on {one.number} of {one.submitted_at:%-d %B %Y}: {due}{urgent}{pleads}{holder}",
        decided,
        f"The rule: {found.statement.rule}",
        f"The facts: {decision.facts}",
        *([f"Why this measure: {decision.why}"] if decision.why else []),
        *([f"The notice: {found.delivery}"] if found.delivery else []),
    ]
    if copy is not None:
        lines += [f"Said on {notice.day(copy.sent_at)}:", services.copies.text(copy)]
        if copy.context:
            lines += ["Around it (context, no evidence):", services.copies.around(copy)]
    if one.insisted:
        lines.append(f"Two people said that the measure cannot rest: {one.insisted}")
    lines.append(f"The person writes: {one_line(one.text, rules.MOST_TEXT)}")
    lines += [
        f"{_SAID[w.kind]} on {w.at:%-d %B}: {one_line(w.text, rules.MOST_TEXT)}" for w in found.words
    ]
    n = one.number
    if found.files:
        lines.append(f"Files that the person shows: {len(found.files)}. To look: {PREFIX} console")
    lines.append(
        f"Next: {PREFIX} weigh {n} uphold|overturn REASONS – what would happen, word by word; nothing "
        f"is done · {PREFIX} uphold|overturn {n} REASONS · {PREFIX} modify {n} MEASURE REASONS · "
        f"{PREFIX} ask {n} TEXT"
    )
    return "\n".join(lines)


async def weigh(services: Services, asked: Asked) -> str:
    """Show exactly what an end of an appeal would do."""
    case, said = await _case(services, asked), asked.words["REASONS"]
    try:
        verdict = Verdict(asked.words["VERDICT"].lower())
    except ValueError:
        message = "An appeal ends with «uphold», «modify» and a measure, or «overturn»."
        raise NotFound(message) from None
    measure = ""
    if verdict is Verdict.MODIFY:
        measure, _, said = said.partition(" ")
        if not said:
            message = f"Write it so: {PREFIX} weigh {case.number} modify MEASURE REASONS"
            raise Incomplete(message)
    seen = await services.rehearsals.play(asked.tx, asked.sender, case, verdict, measure, said)
    lines = [f"{case.number}, {verdict}: nothing is done yet. It would:"]
    lines += [f"– {effect}" for effect in seen.effects] or ["– change nothing on the homeserver"]
    lines += [f"– {line}" for line in seen.later]
    for user_id, text in seen.texts:
        lines.append(f"{user_id} would read:")
        lines += [f"> {line}" for line in text.splitlines()]
    lines.append(f"To do it: {PREFIX} {verdict} {case.number} {f'{measure} ' if measure else ''}REASONS")
    return "\n".join(lines)


async def ask(services: Services, asked: Asked) -> str:
    """Ask whoever appeals something."""
    case = await _case(services, asked)
    after = await services.appeal_reviews.ask(asked.tx, asked.sender, case, asked.words["TEXT"])
    return f"Asked. The appeal on {after.number} waits for the answer, and its time stands still."


async def hasten(services: Services, asked: Asked) -> str:
    """Put an appeal before others."""
    case = await _case(services, asked)
    after = await services.appeal_reviews.hasten(asked.tx, asked.sender, case, asked.words["REASON"])
    return (
        f"The appeal on {after.number} goes before others now, and should be answered by "
        f"{after.due_at:%-d %B %H:%M} UTC. The person is told."
    )


async def insist(services: Services, asked: Asked) -> str:
    """Propose that what rests during an appeal binds."""
    text, reason = asked.words["NUMBER"], asked.words["REASON"]
    approval = await services.insistence.propose(asked.tx, asked.sender, text, reason)
    return (
        f"{text.upper()}: what rests would bind while the appeal is decided, and the person would read: "
        f"{approval.binding}\nWho says so decides no more about the appeal. A second person has to "
        f"confirm it: {PREFIX} confirm {approval.code}"
    )


async def admit(services: Services, asked: Asked) -> str:
    """Let somebody appeal after the time for it."""
    case = await _case(services, asked)
    decision = await services.appeal_reviews.admit(asked.tx, asked.sender, case, asked.words["REASON"])
    told = "the person is told, with your reason."
    if decision.scope is Scope.SERVER:
        told = "please tell those who asked for it: nobody on another server is told by me."
    return f"{case.number} can be appealed for {rules.LATE_WINDOW.days} more days; {told}"


async def waits(services: Services, asked: Asked) -> Case | None:
    """Find the case of a number in which an appeal waits, for somebody who decides appeals."""
    case_id = subject.case_id(asked.words["NUMBER"])
    if case_id is None or not allowed(asked.roles, Permission.APPEAL_DECIDE):
        return None
    waiting = [a for a in await appeals.of_case(asked.tx, case_id) if a.state is rules.State.SUBMITTED]
    return await _case(services, asked) if waiting else None


async def claim(services: Services, asked: Asked, case: Case) -> str:
    """Take an appeal for a while."""
    taken = await services.appeal_reviews.claim(asked.tx, asked.sender, case)
    return (
        f"The appeal on {case.number} is yours until {taken.lease_until:%H:%M} UTC. To read it: "
        f"{PREFIX} brief {case.number}"
    )


async def release(services: Services, asked: Asked, case: Case) -> str:
    """Give an appeal back."""
    await services.appeal_reviews.release(asked.tx, asked.sender, case)
    return f"The appeal on {case.number} is anybody's again."


async def uphold(services: Services, asked: Asked) -> str:
    """Let a decision stand, or an answer to a reporter."""
    text, reasons = asked.words["NUMBER"], asked.words["REASONS"]
    if referrals.meant(text) and Role.EXTERNAL not in asked.roles:
        return await referrals.uphold(services, asked)
    if reports.meant(text):
        found = await _report(services, asked)
        done = await _shown(asked, services.complaints.uphold(asked.tx, asked.sender, found, reasons))
        return f"{done.receipt}: {AGAINST[done.about]} stands, and the reporter is told why."
    if of_filing(text):
        made, matter = await _decide_filing(services, asked, Verdict.UPHOLD)
        return f"{matter.number}: {FILED[made.about]} stands, and the applicant is told why."
    case = await _case(services, asked)
    await services.appeal_reviews.uphold(asked.tx, asked.sender, case, reasons)
    return f"{case.number}: the decision stands, and the person is told why."


async def overturn(services: Services, asked: Asked) -> str:
    """Void a decision, or take an answer to a reporter back."""
    text, reasons = asked.words["NUMBER"], asked.words["REASONS"]
    if referrals.meant(text) and Role.EXTERNAL not in asked.roles:
        return await referrals.overturn(services, asked)
    if reports.meant(text):
        found = await _report(services, asked)
        ended = services.complaints.overturn(asked.tx, asked.sender, found, reasons)
        done, anew = await _shown(asked, ended)
        if done.about is About.OUTCOME:
            return f"{done.receipt}: {anew.number} is open again; reporters and moderators are told."
        return f"{done.receipt}: {AGAINST[done.about]} is taken back, and the reporter is told."
    if of_filing(text):
        made, matter = await _decide_filing(services, asked, Verdict.OVERTURN)
        return f"{matter.number}: {FILED[made.about]} is void; it is {matter.in_words} now."
    case = await _case(services, asked)
    later = await services.appeal_reviews.overturn(asked.tx, asked.sender, case, reasons)
    lines = [one.in_words for one in later]
    more = "\nLater decisions to look at again:\n" + "\n".join(lines) if lines else ""
    return (
        f"{case.number}: the decision is void from the beginning. What it did is being undone, and "
        f"everybody who was told of it is told of this.{more}"
    )


async def modify(services: Services, asked: Asked) -> str:
    """Put a milder measure in the place of a decided one."""
    text, reasons = asked.words["NUMBER"], asked.words["REASONS"]
    if reports.meant(text) and asked.words["MEASURE"].lower() == FOUNDED:
        found = await _report(services, asked)
        done = await _shown(asked, services.complaints.modify(asked.tx, asked.sender, found, reasons))
        return f"{done.receipt}: no breach, but not unfounded either; the reporter is told."
    case, measure = await _case(services, asked), asked.words["MEASURE"]
    milder = await services.appeal_reviews.modify(asked.tx, asked.sender, case, measure, reasons)
    return f"{case.number}: the measure is now {milder.measure.in_words(milder.scope.value)}."


async def recheck(services: Services, asked: Asked) -> str:
    """Say what becomes of a later decision that counted one that is void."""
    text, reason = asked.words["CASE"], asked.words["REASON"]
    case = await services.cases.find(asked.tx, subject.case_id(text), text)
    done = await services.rechecks.close(asked.tx, asked.sender, case, reason)
    return f"{done[0].in_words}. It is on record that you looked at it, and what you found."


async def _decide_filing(
    services: Services, asked: Asked, verdict: Verdict
) -> tuple[FilingAppeal, Matter]:
    """End an appeal about a filing or a qualification."""
    text, reasons = asked.words["NUMBER"], asked.words["REASONS"]
    decide = services.filing_appeals.decide
    return await _shown(asked, decide(asked.tx, asked.sender, text, verdict, reasons))


async def _report(services: Services, asked: Asked) -> Report:
    """Find a report by its receipt."""
    text = asked.words["NUMBER"]
    find = services.reporters.find(asked.tx, asked.sender, number.parse_receipt(text), text)
    found, _ = await _shown(asked, find)
    return found


async def _shown(asked: Asked, act: Awaitable[T]) -> T:
    """Act on what may not be there; to somebody outside there is only what is theirs to decide."""
    try:
        return await act
    except NotFound:
        if Role.EXTERNAL in asked.roles:
            raise hidden() from None
        raise
