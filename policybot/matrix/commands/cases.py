"""The commands by which moderators see what waits, and take a case."""

from policybot.domain import notice
from policybot.domain.case import Case, State, SubjectKind
from policybot.domain.cure import State as CureState
from policybot.domain.decision import Nature
from policybot.domain.errors import NotFound
from policybot.domain.permission import Permission, allowed
from policybot.matrix.commands import console, documents, qualifications, reviews, subject
from policybot.matrix.commands.command import Asked, Services
from policybot.services.cases import File
from policybot.store import appeals, cases, cures, decisions, deletions, filings, sanctions
from policybot.store.copies import Copy

_SHOWN = 20
_EXCERPT = 500
_REPORTS = 20
_OTHERS = 5


async def queue(services: Services, asked: Asked) -> str:
    """List what waits."""
    wanted = asked.words["WHAT"].lower()
    known = ("", "filings", "qualifications", "cases", "appeals", "documents")
    if wanted not in known:
        message = f"There is a queue of {', '.join(known[1:])}."
        raise NotFound(message)
    now, lines = services.setting.now(), []
    if wanted in ("", "cases"):
        for case in await cases.undecided(asked.tx, _SHOWN):
            if asked.sender in await services.cases.involved(asked.tx, case):
                continue
            holder = case.held_by(now)
            who = f", with {holder}" if holder else ""
            cure = await cures.of_case(asked.tx, case.id)
            if cure is not None and cure.state is CureState.RUNNING:
                who += f", its owner has until {notice.day(cure.until)}"
            lines.append(f"{case.number} {case.in_words}: {case.subject.in_words}{who}")
    if wanted in ("", "filings"):
        lines += await reviews.queue(services, asked, _SHOWN)
    if wanted in ("", "qualifications"):
        lines += await qualifications.queue(services, asked, _SHOWN)
    if wanted in ("", "appeals"):
        lines += [
            f"C-{appeal.case_id} appeal of {appeal.submitted_at:%-d %B}: {appeal.text[:80]}"
            for appeal in await appeals.waiting(asked.tx, _SHOWN)
        ]
    if wanted in ("", "documents"):
        lines += await documents.queue(services, asked, _SHOWN)
    return "\n".join(lines) or "Nothing waits. Well done."


async def show(services: Services, asked: Asked) -> str:
    """Show a case, a filing, a qualification or a document."""
    text = asked.words["NUMBER"]
    if documents.meant(text):
        return await documents.show(services, asked)
    if qualifications.meant(text):
        return await qualifications.show(services, asked)
    case_id = subject.case_id(text)
    if case_id is None:
        return await reviews.show(services, asked)
    case = await services.cases.find(asked.tx, case_id, text)
    file = await services.cases.file(asked.tx, asked.sender, case)
    lines = [*_facts(services, file), *await _course(asked, case)]
    if case.subject.kind is SubjectKind.ROOM and case.subject.room_id:
        filing = await filings.of_room(asked.tx, case.subject.room_id)
        if filing is not None:
            lines.insert(2, f"Filed as {filing.number} ({filing.in_words}), by {filing.applicant}")
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
    if file.copy is not None:
        kept = file.copy
        lines += [
            f"Said on {notice.day(kept.sent_at)} by {kept.sender}:",
            f"> {kept.body[:_EXCERPT]}" if kept.body else "> (no text)",
            *_marks(kept, file.edited),
            f"Fingerprint of the kept copy: {kept.sha256[:16]}…",
        ]
    elif case.subject.event_id:
        lines.append("(The message is still being fetched.)")
    lines += [
        f"{r.receipt} {r.named}: {r.text[:_EXCERPT] or '(no words)'}" for r in file.reports[:_REPORTS]
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


def _marks(kept: Copy, edited: Copy | None) -> list[str]:
    """Say what is special about a kept copy."""
    marks = []
    if kept.redacted and kept.content:
        marks.append("(It was removed before I saw it; this is the homeserver's own copy.)")
    elif kept.redacted:
        marks.append("(It was removed before I saw it, and the homeserver has no copy any more.)")
    if kept.encrypted:
        marks.append("(It is encrypted: I cannot read it, and only the reports say what was in it.)")
    if kept.edit_id is not None:
        new = edited.content.get("m.new_content") if edited else None
        said = new.get("body") if isinstance(new, dict) else None
        marks.append("It was edited before it was kept, and says since:")
        marks.append(
            f"> {said[:_EXCERPT]}" if isinstance(said, str) else "> (being fetched, or no text)"
        )
    return marks


async def _course(asked: Asked, case: Case) -> list[str]:
    """Tell what was asked of an owner and what was decided in a case so far."""
    lines = []
    if (cure := await cures.of_case(asked.tx, case.id)) is not None:
        lines.append(
            f"The owner was asked by {cure.asked_by} to put it right until {notice.day(cure.until)} "
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
        if (deletion := await deletions.of_decision(asked.tx, decision.id)) is not None:
            lines.append(f"Deletion of the room: {deletion.state} since {notice.day(deletion.at)}")
    lines += [
        f"Appeal ({appeal.state.value}): {appeal.text[:_EXCERPT]}"
        for appeal in await appeals.of_case(asked.tx, case.id)
    ]
    return lines


async def claim(services: Services, asked: Asked) -> str:
    """Take a case or a filing."""
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
    if reviews.meant(asked):
        return await reviews.release(services, asked)
    case = await _claimable(services, asked)
    await services.cases.release(asked.tx, asked.sender, case)
    return f"{case.number} is free again."


async def _claimable(services: Services, asked: Asked) -> Case:
    text = asked.words["NUMBER"]
    if not allowed(asked.roles, Permission.CASE_CLAIM):
        message = f"There is no case {text} that you can see."
        raise NotFound(message)
    return await case_of(services, asked, text)


async def case_of(services: Services, asked: Asked, text: str = "") -> Case:
    """Find the case that is meant, for somebody who is no party to it."""
    text = text or asked.words["CASE"]
    case = await services.cases.find(asked.tx, subject.case_id(text), text)
    if asked.sender in await services.cases.involved(asked.tx, case):
        message = f"There is no case {text} that you can see."
        raise NotFound(message)
    return case
