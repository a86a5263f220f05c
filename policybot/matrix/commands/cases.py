"""The commands by which moderators look at a case, and take it."""

from policybot.domain import notice
from policybot.domain.appeal import Kind
from policybot.domain.case import UNDECIDED, Case, State, SubjectKind
from policybot.domain.decision import Decision, Nature
from policybot.domain.errors import NotFound
from policybot.domain.name import one_line
from policybot.domain.party import hidden
from policybot.domain.permission import Permission, Role, allowed
from policybot.matrix.commands import (
    appeals,
    console,
    documents,
    qualifications,
    referrals,
    reports,
    reviews,
    subject,
)
from policybot.matrix.commands.casework import related
from policybot.matrix.commands.command import Asked, Services
from policybot.services import statements
from policybot.services.cases import File
from policybot.store import appeals as appeal_store
from policybot.store import cures, decisions, deletions, filings, rechecks, sanctions
from policybot.store.copies import Copy

_EXCERPT = 500
_REPORTS = 20
_NO_COPY = "(No copy of the message is kept any more.)"
_OTHERS = 5
_NOTES = 10
_SUBJECTS = 10


async def show(services: Services, asked: Asked) -> str:
    """Show a case, a filing, a qualification or a document."""
    text = asked.words["NUMBER"]
    if documents.meant(text):
        return await documents.show(services, asked)
    if qualifications.meant(text):
        return await qualifications.show(services, asked)
    if referrals.meant(text):
        return await referrals.show(services, asked)
    case_id = subject.case_id(text)
    if case_id is None:
        return await reviews.show(services, asked)
    case = await services.cases.work_on(asked.tx, asked.sender, case_id, text)
    file = await services.cases.file(asked.tx, asked.sender, case)
    lines = [*_facts(services, file), *await reports.course(services, asked, case)]
    lines += await _course(asked, case)
    lines += await referrals.of_case(asked, case)
    lines += [
        f"Note of {n.author}, {n.at:%-d %B %H:%M}: {n.text[:_EXCERPT]}" for n in file.notes[-_NOTES:]
    ]
    lines += await related(services, asked, case)
    if case.subject.kind is SubjectKind.ROOM and case.subject.room_id:
        filing = await filings.of_room(asked.tx, case.subject.room_id)
        if filing is not None:
            lines.insert(2, f"Filed as {filing.number} ({filing.in_words}), by {filing.applicant}")
    lines += await _withheld(services, asked, case)
    if case.state in (State.OPEN, State.CLAIMED):
        lines.append(_next(case))
    return await console.linked(services, asked, "\n".join(lines), case)


def _next(case: Case) -> str:
    n, verb = case.number, "!policy"
    room = f" · {verb} cure {n} P7D TEXT · {verb} hold {n} RULE REASON"
    return (
        f"Next: {verb} propose {n} RULE SEVERITY · {verb} dismiss {n} REASON"
        f"{room if case.subject.kind is SubjectKind.ROOM else ''}"
    )


def _facts(services: Services, file: File) -> list[str]:
    case = file.case
    holder = case.held_by(services.setting.now())
    lines = [
        f"{case.number}: {case.in_words}" + (f", with {holder}" if holder else ""),
        f"About: {case.subject.in_words}",
    ]
    for other, copy in file.also[:_SUBJECTS]:
        link = f": https://matrix.to/#/{other.room_id}/{other.event_id}" if other.event_id else ""
        lines.append(f"And about: {other.in_words}{link}")
        lines += [services.copies.text(copy)] if copy is not None else []
    if left := file.also[_SUBJECTS:]:
        lines.append(f"… and about {len(left)} more")
    if file.priority is not None and case.state in UNDECIDED:
        lines.append(f"{file.priority.explained(services.setting.now())}.")
    if file.others:
        looking = ", ".join(f"{w.user_id} (since {w.since:%H:%M} UTC)" for w in file.others)
        lines.append(f"Also looking: {looking}")
    if file.copy is not None:
        kept = file.copy
        lines += [
            f"Said on {notice.day(kept.sent_at)} by {kept.sender}:",
            services.copies.text(kept),
            *_marks(services, kept),
            *(f"File {n}: {one.in_words}" for n, one in enumerate(kept.files or (), 1)),
            f"Fingerprint of the kept copy: {kept.sha256[:16]}…",
        ]
    elif case.subject.event_id:
        over = case.state is State.CLOSED
        lines.append(_NO_COPY if over else "(The message is still being fetched.)")
    if file.copy is not None and file.copy.context:
        lines += ["Around it (context, no evidence against its authors):"]
        lines += [services.copies.around(file.copy)]
    lines += [
        f"{r.receipt} {r.named}: {r.text[:_EXCERPT] or '(no words)'}"
        + ("" if r.subject.key == case.subject.key else f" (about {r.subject.in_words})")
        for r in file.reports[:_REPORTS]
    ]
    if further := file.reports[_REPORTS:]:
        lines.append(f"… and {len(further)} more reports")
    for rule_id in dict.fromkeys(finding.rule_id for finding in file.findings):
        found = [finding for finding in file.findings if finding.rule_id == rule_id]
        more = f" in {len(found)} messages" if len(found) > 1 else ""
        lines.append(f"Rule {rule_id} found it by machine{more} (rules {found[-1].rule_set}).")
        others = [one for one in found if one.event_id != case.subject.event_id][:_OTHERS]
        lines += [f"Also: https://matrix.to/#/{one.room_id}/{one.event_id}" for one in others]
    return lines


def _marks(services: Services, kept: Copy) -> list[str]:
    """Say what is special about a kept copy."""
    marks = []
    if kept.redacted and kept.content:
        marks.append("(It was removed before I saw it; this is the homeserver's own copy.)")
    elif kept.redacted:
        marks.append("(It was removed before I saw it, and the homeserver has no copy any more.)")
    if kept.encrypted:
        marks.append("(It is encrypted: I cannot read it, and only the reports say what was in it.)")
    if kept.edit_id is not None:
        marks.append("It was edited before it was kept, and says since:")
        marks.append(services.copies.edit(kept))
    return marks


async def _course(asked: Asked, case: Case) -> list[str]:
    """Tell what was asked of an owner and what was decided in a case so far."""
    lines = []
    if (cure := await cures.of_case(asked.tx, case.id)) is not None:
        lines.append(
            f"The owner was asked by {cure.asked_by} to put it right by {notice.day(cure.until)} "
            f"({cure.state}): {cure.text[:_EXCERPT]}"
        )
        lines += [f"> {cure.answer[:_EXCERPT]}"] if cure.answer else []
    for decision in await decisions.of_case(asked.tx, case.id):
        sanction = await sanctions.of_decision(asked.tx, decision.id)
        state = f", {sanction.state.value}" if sanction else ""
        until = f" until {notice.day(sanction.ends_at)}" if sanction and sanction.ends_at else ""
        what = f"{decision.rule_id} {decision.severity.value} → {decision.measure}"
        if decision.nature is not Nature.DECISION:
            what = f"{decision.rule_id} → {decision.in_words}"
        lines.append(
            f"Decision of {decision.decider}: {what} ({decision.state.replace('_', ' ')}{state}{until})"
        )
        if case.subject.event_id:
            lines.append(_rests_on(decision))
        if told := await statements.delivery(asked.tx, decision):
            lines.append(f"Notice: {told}")
        if (deletion := await deletions.of_decision(asked.tx, decision.id)) is not None:
            lines.append(f"Deletion of the room: {deletion.state} since {notice.day(deletion.at)}")
    lines += [
        f"Appeal ({appeal.state.value}): {one_line(appeal.text, _EXCERPT)}"
        for appeal in await appeal_store.named(asked.tx, Kind.DECISION, case.id)
    ]
    lines += [
        f"Without C-{one.void_case_id}, which is void, {one.in_words}. Next: !policy recheck "
        f"{one.number} WHAT YOU FOUND"
        for one in await rechecks.of_case(asked.tx, case.id, waiting=True)
    ]
    return lines


async def _withheld(services: Services, asked: Asked, case: Case) -> list[str]:
    """Say which files are in quarantine because of a case, and what is to be done about it."""
    held = await services.quarantines.of(asked.tx, case)
    if not held:
        return []
    first, number = held[0], len(held)
    lines = [
        f"In quarantine since {notice.day(first.since)} by {first.by}: {first.reason}. Files: {number}"
    ]
    if case.state in UNDECIDED:
        lines.append("This is interim and has to be decided; a dismissal ends it.")
    return [*lines, f"To give them free: !policy release-media {case.number} REASON"]


def _rests_on(decision: Decision) -> str:
    if not decision.evidence:
        return "  It rests on no kept copy: none was there, or none could be had."
    prints = " and ".join(f"{one[:16]}…" for one in decision.evidence.split())
    return f"  It rests on the kept copy {prints}"


async def claim(services: Services, asked: Asked) -> str:
    """Take a case or a filing."""
    if await appeals.waits(services, asked):
        return await appeals.claim(services, asked)
    if reviews.meant(asked):
        return await reviews.claim(services, asked)
    case = await _claimable(services, asked)
    claimed = await services.cases.claim(asked.tx, asked.sender, case)
    return (
        f"{case.number} is yours until {claimed.lease_until:%H:%M} UTC. Next:\n"
        f"!policy propose {case.number} RULE SEVERITY – what the ladder says\n"
        f"!policy decide {case.number} RULE SEVERITY MEASURE FACTS – MEASURE: proposed, warn, "
        "restrict:P3D …; add +remove to remove the message\n"
        f"!policy dismiss {case.number} REASON – no breach"
    )


async def release(services: Services, asked: Asked) -> str:
    """Give a case or a filing back."""
    if await appeals.waits(services, asked):
        return await appeals.release(services, asked)
    if reviews.meant(asked):
        return await reviews.release(services, asked)
    case = await _claimable(services, asked)
    await services.cases.release(asked.tx, asked.sender, case)
    return f"{case.number} is free again."


async def _claimable(services: Services, asked: Asked) -> Case:
    text = asked.words["NUMBER"]
    if Role.EXTERNAL in asked.roles:
        raise hidden()
    if not allowed(asked.roles, Permission.CASE_CLAIM):
        message = f"There is no case {text} that you can see."
        raise NotFound(message)
    return await case_of(services, asked, text)


async def case_of(services: Services, asked: Asked, text: str = "") -> Case:
    """Find the case that is meant, for somebody who is no party to it."""
    text = text or asked.words["CASE"]
    return await services.cases.work_on(asked.tx, asked.sender, subject.case_id(text), text)
