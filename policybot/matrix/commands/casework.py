"""The commands by which moderators work on a case together: notes, merging, what there was before."""

from policybot.domain import number
from policybot.domain import server as servers
from policybot.domain.case import Case, SubjectKind
from policybot.domain.errors import NotFound
from policybot.domain.permission import Permission, allowed
from policybot.matrix.commands import subject
from policybot.matrix.commands.command import Asked, Services
from policybot.services.pasts import decided
from policybot.store.pasts import About, Moment

PAGE = 20
"""Lines of a page."""
_LAST_PAGE = 1000


async def open_case(services: Services, asked: Asked) -> str:
    """Open a case about an account, a room or another server, or find the one that waits."""
    text, by = asked.words["WHAT"], asked.sender
    if (name := servers.read(text)) is not None:
        found = await services.cases.about_server(asked.tx, by, name)
    elif (user_id := subject.account_in(text)) is not None:
        found = await services.holds.about_account(asked.tx, by, user_id)
    else:
        found = await services.cases.about_room(asked.tx, by, subject.room_in(asked.aliases, text))
    case = await services.cases.work_on(asked.tx, by, found.id, found.number)
    return (
        f"{case.number} is about {case.subject.in_words}, and {case.in_words}. Next: !policy show "
        f"{case.number} · !policy claim {case.number}"
    )


async def note(services: Services, asked: Asked) -> str:
    """Note something in a case."""
    case = await _case(services, asked, "CASE")
    await services.cases.note(asked.tx, asked.sender, case, asked.words["TEXT"])
    return f"Noted in {case.number}, for your own people alone."


async def merge(services: Services, asked: Asked) -> str:
    """Put a case into another one."""
    source, target = await _case(services, asked, "CASE"), await _case(services, asked, "INTO")
    await services.merges.merge(asked.tx, asked.sender, source, target, asked.words["REASON"])
    return (
        f"{source.number} is part of {target.number} now, and whoever reported it is told. To take "
        f"it out again: !policy split {target.number} REPORTS"
    )


async def split(services: Services, asked: Asked) -> str:
    """Take reports on something else out of a case."""
    case = await _case(services, asked, "CASE")
    named = {text: number.parse_receipt(text) for text in asked.words["REPORTS"].split()}
    if wrong := [text for text, found in named.items() if found is None]:
        message = f"«{wrong[0][:40]}» is no number of a report, such as R-5."
        raise NotFound(message)
    reports = {found for found in named.values() if found is not None}
    made = await services.merges.split(asked.tx, asked.sender, case, reports)
    return (
        f"{made.number} is about {made.subject.in_words} now, with all reports on it, and whoever made "
        f"them is told. Next: !policy show {made.number}"
    )


async def timeline(services: Services, asked: Asked) -> str:
    """Show what happened about an account or a room."""
    about, page = await _about(services, asked), page_of(asked.words["PAGE"])
    found, more = await services.pasts.timeline(asked.tx, asked.sender, about, page, PAGE)
    lines = [_line(moment) for moment in found]
    if more:
        lines.append(f"More: !policy timeline {asked.words['WHAT']} {page + 1}")
    return "\n".join(lines) or "Nothing is on record."


async def related(services: Services, asked: Asked, case: Case) -> list[str]:
    """Name other cases that somebody who decides this one wants to know of."""
    now = services.setting.now()
    may_decide = allowed(asked.roles, Permission.CASE_DECIDE)
    found = await services.pasts.related(asked.tx, asked.sender, case, counted=may_decide)
    lines = []
    if found.cases:
        said = (
            f"{other.number} ({decided(decision, now) if decision else other.in_words})"
            for other, decision in found.cases
        )
        lines.append(f"Related: {', '.join(said)}")
    if found.counted:
        said = (f"{d.number} ({decided(d, now)})" for d in found.counted)
        lines.append(f"Counts together with: {', '.join(said)}")
    return lines


def _line(moment: Moment) -> str:
    return f"{moment.at:%-d %B %Y %H:%M} C-{moment.case_id}: {moment.in_words}"


async def _about(services: Services, asked: Asked) -> About:
    text = asked.words["WHAT"]
    if (user_id := subject.account_in(text)) is not None:
        return About(user_id=user_id)
    if subject.case_id(text) is None:
        return About(room_id=subject.room_in(asked.aliases, text))
    meant = (await _case(services, asked, "WHAT")).subject
    if meant.kind is SubjectKind.ROOM:
        return About(room_id=meant.room_id)
    if meant.kind is SubjectKind.SERVER:
        message = "There is no timeline of a server. Its cases: !policy show and a number."
        raise NotFound(message)
    if meant.user_id is None:
        message = f"I am still fetching the message of {text}. Please try in a moment."
        raise NotFound(message)
    return About(user_id=meant.user_id)


def page_of(text: str) -> int:
    """Read which page is wanted; the first if none is named.

    Raises:
        NotFound: it is none.
    """
    if not text:
        return 1
    if not (text.isascii() and text.isdecimal() and 0 < int(text) <= _LAST_PAGE):
        message = f"«{text[:40]}» is no page."
        raise NotFound(message)
    return int(text)


async def _case(services: Services, asked: Asked, word: str) -> Case:
    text = asked.words[word]
    return await services.cases.work_on(asked.tx, asked.sender, subject.case_id(text), text)
