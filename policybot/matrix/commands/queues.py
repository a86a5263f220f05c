"""The command by which the operator's people see what waits for them."""

from policybot.domain import notice
from policybot.domain.case import SubjectKind
from policybot.domain.cure import State as CureState
from policybot.domain.errors import NotFound
from policybot.domain.permission import Permission, allowed
from policybot.domain.priority import in_short
from policybot.matrix.commands import appeals, documents, qualifications, referrals, reviews, subject
from policybot.matrix.commands.command import Asked, Services
from policybot.store import cases as case_store
from policybot.store import cures
from policybot.store.queues import Wanted

_SHOWN = 20
_KNOWN = ("filings", "qualifications", "cases", "appeals", "rechecks", "documents", "referrals")


async def queue(services: Services, asked: Asked) -> str:
    """List what waits."""
    what, *more = asked.words["WHAT"].split() or [""]
    wanted = what.lower()
    if wanted not in ("", *_KNOWN) or (more and wanted != "cases"):
        message = f"There is a queue of {', '.join(_KNOWN)}."
        raise NotFound(message)
    lines: list[str] = []
    if wanted in ("", "cases"):
        lines += await _cases(services, asked, more)
    if wanted in ("", "filings"):
        lines += await reviews.queue(services, asked, _SHOWN)
    if wanted in ("", "qualifications"):
        lines += await qualifications.queue(services, asked, _SHOWN)
    if wanted in ("", "appeals"):
        lines += await appeals.queue(services, asked, _SHOWN)
    if wanted in ("", "rechecks"):
        how = "decides appeals"
        if allowed(asked.roles, Permission.APPEAL_DECIDE):
            how = "had no part: !policy recheck {} WHAT YOU FOUND"
        lines += [
            f"{one.in_words} (C-{one.void_case_id} holds no longer as it was). Next, by somebody who "
            + how.format(one.number)
            for one in await services.rechecks.waiting(asked.tx, asked.sender, _SHOWN)
        ]
    if wanted in ("", "documents"):
        lines += await documents.queue(services, asked, _SHOWN)
    if wanted in ("", "referrals"):
        lines += await referrals.queue(services, asked, _SHOWN)
    return "\n".join(lines) or "Nothing waits. Well done."


async def _cases(services: Services, asked: Asked, words: list[str]) -> list[str]:
    now = services.setting.now()
    page = await services.queues.page(
        asked.tx, asked.sender, await _wanted(services, asked, words), _SHOWN
    )
    lines = []
    for case in page.cases:
        holder = case.held_by(now)
        who = f", with {holder}" if holder else ""
        if case.assignee and case.lease_until and holder is None:
            who = f", free again since {case.lease_until:%-d %B %H:%M} UTC"
        about_room = case.subject.kind is SubjectKind.ROOM
        cure = await cures.of_case(asked.tx, case.id) if about_room else None
        if cure is not None and cure.state is CureState.RUNNING:
            who += f", its owner has until {notice.day(cure.until)}"
        rank = case.rank or case.opened_at
        named = f"{', '.join(case.rules)}, " if case.rules else ""
        lines.append(
            f"{case.number} {case.in_words}: {case.subject.in_words}{who} · {named}"
            f"{in_short(rank, case.due_at or rank, now, flagged=case.id in page.flagged)}"
        )
    if page.next is not None:
        said = [word for word in words if word.lower() != "after" and subject.case_id(word) is None]
        lines.append(f"More: !policy queue {' '.join(('cases', *said))} after {page.next.number}")
    return lines


async def _wanted(services: Services, asked: Asked, words: list[str]) -> Wanted:
    """Read which cases are asked for: mine, overdue, a rule, a room, those behind another one.

    Raises:
        NotFound: a word is none of these.
    """
    rules = {rule.id for rule in services.setting.config.rules}
    rule = room_id = assignee = ""
    overdue_at = after = None
    for word in words:
        if word.lower() == "mine":
            assignee = asked.sender
        elif word.lower() == "overdue":
            overdue_at = services.setting.now()
        elif word.upper() in rules:
            rule = word.upper()
        elif (case_id := subject.case_id(word)) is not None:
            after = await case_store.get(asked.tx, case_id)
        elif word.startswith(("!", "#", "https://matrix.to/")):
            room_id = subject.room_in(asked.aliases, word)
        elif word.lower() != "after":
            message = (
                f"«{word[:40]}» is nothing that I can look for: «mine», «overdue», a rule, a room, or "
                "«after» and the number of a case."
            )
            raise NotFound(message)
    return Wanted(rule, room_id, assignee, overdue_at, after)
