"""The commands about appeals: of those who appeal, and of those who review them and objections."""

import re

from policybot.domain import appeal as rules
from policybot.domain import filing_appeal, notice, number
from policybot.domain.appeal import Appeal, Said, Verdict
from policybot.domain.errors import Incomplete, NotFound
from policybot.domain.name import one_line
from policybot.domain.permission import Permission, Role, allowed
from policybot.matrix.commands import appeal_words, referrals, reports, subject
from policybot.matrix.commands.command import PREFIX, Asked, Services
from policybot.services.briefs import Brief, Decided
from policybot.services.complaints import FOUNDED
from policybot.services.hearings import nearest

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
    text = asked.words["NUMBER"]
    if reports.meant(text):
        message = f"That is a report. To object to its answer: !policy object {text} YOUR REASONS"
        raise NotFound(message)
    if of_filing(text):
        return await _about_filing(services, asked)
    taken = await services.appeals.submit(
        asked.tx, asked.sender, subject.case_id(text), asked.words["TEXT"]
    )
    if taken.about is rules.About.SERVER and taken.appellant != asked.sender:
        return (
            f"The {taken.called} is in already, and is good for all accounts of your server. What you "
            "write is put before whoever decides it, and I tell you the outcome. Where it stands: "
            f"{PREFIX} status {taken.number}"
        )
    rests = await services.appeals.rests(asked.tx, taken)
    return appeal_words.taken(taken, "The measure rests meanwhile. " if rests else "")


async def _about_filing(services: Services, asked: Asked) -> str:
    """Take in an objection to a refusal or a revocation."""
    text = asked.words["NUMBER"]
    made = await services.filing_appeals.submit(asked.tx, asked.sender, text, asked.words["TEXT"])
    matter = await services.filing_appeals.matter(asked.tx, made)
    return appeal_words.taken(made, filing_appeal.meanwhile(matter) if made.rests else "")


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
    found = await services.hearings.mine(asked.tx, asked.sender, asked.words["NUMBER"])
    asked_before = found.asked_at is not None
    after = await services.hearings.add(asked.tx, asked.sender, found, asked.words["TEXT"])
    if asked_before:
        return (
            f"Thank you: your answer on {after.number} is with those who decide. It should be answered "
            f"by {after.due_at:%-d %B %Y}."
        )
    return f"That is added to your {after.called}."


async def status(services: Services, asked: Asked) -> str:
    """Say where an appeal of one's own stands; without one, what it could be about and until when."""
    text = asked.words["NUMBER"]
    made = await services.hearings.all_mine(asked.tx, asked.sender, text)
    lines: list[str] = []
    for one in made:
        lines += await services.appeal_records.course(asked.tx, one)
        if await services.appeals.rests(asked.tx, one):
            lines.append("The measure rests meanwhile.")
    if not made or made[-1].state is rules.State.WITHDRAWN:
        lines.append(await services.appeals.appealable(asked.tx, asked.sender, subject.case_id(text)))
    if made:
        lines += appeal_words.waits_for(nearest(made))
    return "\n".join(lines)


async def own(services: Services, asked: Asked) -> Appeal | None:
    """Read the appeal of one's own that waits under a number, if one does."""
    try:
        found = await services.hearings.mine(asked.tx, asked.sender, asked.words["NUMBER"])
    except NotFound:
        return None
    return found if found.state is rules.State.SUBMITTED else None


async def withdraw(services: Services, asked: Asked) -> str:
    """Take an appeal back."""
    found = await services.hearings.mine(asked.tx, asked.sender, asked.words["NUMBER"])
    rests = await services.appeals.rests(asked.tx, found)
    done = await services.hearings.withdraw(asked.tx, asked.sender, found)
    goes_on = f" {rules.GOES_ON}" if rests else ""
    return f"Your {done.called} is taken back, and {done.against} stands.{goes_on}"


# Of those who review them ------------------------------------------------------------------------


async def queue(services: Services, asked: Asked, limit: int) -> list[str]:
    """List the appeals and objections that wait, but those in which the asker has a part."""
    now, lines = services.setting.now(), []
    for one in await services.hearings.waiting(asked.tx, asked.sender, limit):
        marks = [f"urgent: {rules.URGENT[one.urgent]}"] if one.urgent else []
        marks += ["says that it is urgent"] if one.pleads and not one.urgent else []
        marks += ["waits for the person"] if one.asked_at else []
        marks += ["OVERDUE"] if one.overdue(now) else [f"by {one.due_at:%-d %B %H:%M} UTC"]
        marks += [f"with {holder}"] if (holder := one.held_by(now)) else []
        marks += ["for somebody outside"] if one.outside else []
        lines.append(
            f"{one.number} against {one.against}, of {one.submitted_at:%-d %B} ({', '.join(marks)}): "
            f"{one_line(one.text, _EXCERPT)}"
        )
    return lines


async def brief(services: Services, asked: Asked) -> str:
    """Show what an appeal is about, to whoever may decide it."""
    found = await services.hearings.brief(asked.tx, asked.sender, asked.words["NUMBER"])
    one, now = found.appeal, services.setting.now()
    copy = await services.copies.with_context(asked.tx, found.facts.event_id)
    due = "waits for the person" if one.asked_at else f"to be answered by {one.due_at:%-d %B %H:%M} UTC"
    urgent = f"; urgent: {rules.URGENT[one.urgent]}" if one.urgent else ""
    pleads = "; its author says that it is urgent" if one.pleads and not one.urgent else ""
    holder = f"; with {who}" if (who := one.held_by(now)) else ""
    called = f"{one.called[0].upper()}{one.called[1:]}, against {one.against}, of"
    lines = [f"{called} {one.submitted_at:%-d %B %Y}: {due}{urgent}{pleads}{holder}"]
    decided = found.facts.decided
    # Their homeserver reads what they read, and it is no business of it who decided.
    lines += _decided(decided, outside=Role.EXTERNAL in asked.roles) if decided else []
    lines += [f"{title}: {text}" for title, text in found.facts.known]
    if copy is not None:
        lines += [f"Said on {notice.day(copy.sent_at)}:", services.copies.text(copy)]
        if copy.context:
            lines += ["Around it (context, no evidence):", services.copies.around(copy)]
    written = _written(found, outside=Role.EXTERNAL in asked.roles)
    return "\n".join([*lines, *written, _next(found)])


def _decided(found: Decided, *, outside: bool) -> list[str]:
    """Tell of the decision that is appealed."""
    decision, sanction = found.decision, found.sanction
    ends = sanction.ends_at if sanction else None
    timed = sanction is not None and sanction.measure.kind.timed
    state = f", {sanction.state.value}" if sanction and timed else ""
    until = f", until {notice.day(ends)}" if ends else ""
    by = "" if outside else f" by {decision.decider}"
    what = f"{decision.rule_id} {decision.severity.value}, {decision.in_words}{state}{until}"
    return [
        f"Decided on {notice.day(decision.decided_at)}{by}: {what}",
        f"The rule: {found.statement.rule}",
        f"The facts: {decision.facts}",
        *([f"Why this measure: {decision.why}"] if decision.why else []),
        *([f"The notice: {found.delivery}"] if found.delivery else []),
    ]


def _written(found: Brief, *, outside: bool) -> list[str]:
    """Tell what was written to an appeal, and what is shown with it; no file goes to another server."""
    one = found.appeal
    lines = [f"Two people said that it cannot rest: {one.insisted}"] if one.insisted else []
    lines.append(f"The person writes: {one_line(one.text, rules.MOST_TEXT)}")
    lines += [
        f"{_SAID[w.kind]} on {w.at:%-d %B}: {one_line(w.text, rules.MOST_TEXT)}" for w in found.words
    ]
    if found.files:
        ask = f"You cannot see them; to ask what they show: {PREFIX} ask {one.number} TEXT"
        look = ask if outside else f"To look: {PREFIX} console"
        lines.append(f"Files that the person shows: {len(found.files)}. {look}")
    return lines


def _next(found: Brief) -> str:
    """Say what a reviewer can do."""
    one, can = found.appeal, found.can
    n = one.number
    placed = "MEASURE" if one.kind is rules.Kind.DECISION else FOUNDED
    modify = f"{PREFIX} modify {n} {placed} REASONS · " if Verdict.MODIFY in can else ""
    return (
        f"Next: {PREFIX} weigh {n} uphold|overturn REASONS – what would happen, word by word; nothing "
        f"is done · {PREFIX} uphold|overturn {n} REASONS · {modify}{PREFIX} ask {n} TEXT"
    )


async def weigh(services: Services, asked: Asked) -> str:
    """Show exactly what an end of an appeal would do."""
    n, said = asked.words["NUMBER"].upper(), asked.words["REASONS"]
    try:
        verdict = Verdict(asked.words["VERDICT"].lower())
    except ValueError:
        message = "An appeal ends with «uphold», «modify» and a measure, or «overturn»."
        raise NotFound(message) from None
    measure = ""
    if verdict is Verdict.MODIFY:
        measure, _, said = said.partition(" ")
        if not said:
            message = f"Write it so: {PREFIX} weigh {n} modify MEASURE REASONS"
            raise Incomplete(message)
    seen = await services.rehearsals.play(asked.tx, asked.sender, n, verdict, measure, said)
    lines = [f"{n}, {verdict}: nothing is done yet. It would:"]
    lines += [f"– {effect}" for effect in seen.effects] or ["– change nothing on the homeserver"]
    lines += [f"– {line}" for line in seen.later]
    for who, text in seen.texts:
        lines.append(f"{who[0].upper()}{who[1:]} would read:")
        lines += [f"> {line}" for line in text.splitlines()]
    lines.append(f"To do it: {PREFIX} {verdict} {n} {f'{measure} ' if measure else ''}REASONS")
    return "\n".join(lines)


async def ask(services: Services, asked: Asked) -> str:
    """Ask whoever appeals something."""
    n, question = asked.words["NUMBER"], asked.words["TEXT"]
    after = await services.hearings.ask(asked.tx, asked.sender, n, question)
    return f"Asked. The {after.called} waits for the answer, and its time stands still."


async def hasten(services: Services, asked: Asked) -> str:
    """Put an appeal before others."""
    n, reason = asked.words["NUMBER"], asked.words["REASON"]
    after = await services.hearings.hasten(asked.tx, asked.sender, n, reason)
    return (
        f"The {after.called} goes before others now, and should be answered by "
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
    n, reason = asked.words["NUMBER"], asked.words["REASON"]
    late = await services.hearings.admit(asked.tx, asked.sender, n, reason)
    told = "the person is told, with your reason."
    if not late.whom:
        told = "please tell those who asked for it: nobody on another server is told by me."
    return f"{late.number} can be appealed for {rules.LATE_WINDOW.days} more days; {told}"


async def waits(services: Services, asked: Asked) -> bool:
    """Say whether an appeal waits under a number, to somebody who decides appeals."""
    if not allowed(asked.roles, Permission.APPEAL_DECIDE):
        return False
    return await services.hearings.waits(asked.tx, asked.words["NUMBER"]) is not None


async def claim(services: Services, asked: Asked) -> str:
    """Take an appeal for a while."""
    taken = await services.hearings.claim(asked.tx, asked.sender, asked.words["NUMBER"])
    return (
        f"The {taken.called} is yours until {taken.lease_until:%H:%M} UTC. To read it: "
        f"{PREFIX} brief {taken.number}"
    )


async def release(services: Services, asked: Asked) -> str:
    """Give an appeal back."""
    given = await services.hearings.release(asked.tx, asked.sender, asked.words["NUMBER"])
    return f"The {given.called} is anybody's again."


async def uphold(services: Services, asked: Asked) -> str:
    """Let stand what was decided."""
    if referrals.meant(asked.words["NUMBER"]) and Role.EXTERNAL not in asked.roles:
        return await referrals.uphold(services, asked)
    return await _end(services, asked, Verdict.UPHOLD)


async def overturn(services: Services, asked: Asked) -> str:
    """Void what was decided."""
    if referrals.meant(asked.words["NUMBER"]) and Role.EXTERNAL not in asked.roles:
        return await referrals.overturn(services, asked)
    return await _end(services, asked, Verdict.OVERTURN)


async def modify(services: Services, asked: Asked) -> str:
    """Put a milder measure in the place of a decided one."""
    return await _end(services, asked, Verdict.MODIFY, asked.words["MEASURE"])


async def _end(services: Services, asked: Asked, verdict: Verdict, measure: str = "") -> str:
    n, reasons = asked.words["NUMBER"], asked.words["REASONS"]
    done = await services.hearings.end(asked.tx, asked.sender, n, verdict, measure, reasons)
    later = () if Role.EXTERNAL in asked.roles else done.later  # to them nothing else exists
    return "\n".join([done.said, *(["Later decisions to look at again:"] if later else []), *later])


async def recheck(services: Services, asked: Asked) -> str:
    """Say what becomes of a later decision that counted one that is void."""
    text, reason = asked.words["CASE"], asked.words["REASON"]
    case = await services.cases.find(asked.tx, subject.case_id(text), text)
    done = await services.rechecks.close(asked.tx, asked.sender, case, reason)
    return f"{done[0].in_words}. It is on record that you looked at it, and what you found."
