"""The commands about public rooms that are not filed, for reviewers and moderators."""

from policybot.domain.errors import NotFound
from policybot.domain.unfiled import Action, Room
from policybot.matrix.commands import subject
from policybot.matrix.commands.command import Asked, Services
from policybot.store import unfiled as store
from policybot.store.unfiled import Phase, Scan

_SHOWN = 20
_UNPUBLISH = "unpublish"


async def unfiled(services: Services, asked: Asked) -> str:
    """List a page of them, or propose to take some out of the directory."""
    what = asked.words["WHAT"].lower() or "1"
    if what == _UNPUBLISH:
        return await _propose(services, asked)
    if not what.isascii() or not what.isdecimal() or not 0 < int(what[:9]) <= 10**6:
        message = f"WHAT is the number of a page, or «{_UNPUBLISH}»."
        raise NotFound(message)
    page = int(what[:9])
    scan = await store.scan(asked.tx)
    if scan is None:
        return "Nobody has looked for them yet. " + _how(services)
    counts = await store.counts(asked.tx, scan.started_at)
    rooms = await store.listed(asked.tx, (page - 1) * _SHOWN, _SHOWN)
    pages = -(-(counts.unfiled + counts.applied + counts.hidden) // _SHOWN) or 1
    if page > pages:
        message = f"There {'is one page' if pages == 1 else f'are {pages} pages'}."
        raise NotFound(message)
    head = (
        f"Not filed and in the directory: {counts.unfiled:,}; applied and waiting: {counts.applied:,}; "
        f"taken out: {counts.hidden:,}. {_looked(scan)}"
    )
    lines = [head, *(f"· {_line(room, services.delisting.action)}" for room in rooms)]
    if page < pages:
        lines.append(f"Page {page} of {pages}; the next: !policy unfiled {page + 1}")
    if scan.waiting:
        lines.append(f"{scan.waiting:,} wait for you: !policy unfiled {_UNPUBLISH}")
    if not services.unfiled.looked_for:
        lines.append(_how(services))
    return "\n".join(lines)


def _how(services: Services) -> str:
    if services.unfiled.looked_for:
        return "It begins by itself within a minute, if the homeserver is there."
    return (
        "Nobody looks by itself: the operator has not set filing.unfiled. On the command line: "
        "policybot rooms scan"
    )


def _looked(scan: Scan) -> str:
    if scan.problem:
        return f"I cannot look: {scan.problem}."
    if scan.phase is Phase.READING:
        return f"I am looking just now: {min(scan.cursor.start, scan.total):,} of {scan.total:,} rooms."
    at = scan.finished_at or scan.started_at
    return f"Looked through {scan.total:,} public rooms on {at:%-d %B %Y, %H:%M} UTC."


def _line(room: Room, action: Action) -> str:
    members = "1 member" if room.members == 1 else f"{room.members:,} members"
    facts = f"{room.in_words}, by {room.creator or 'somebody unknown'}, {members}"
    return f"{facts}, since {room.first_seen:%-d %B %Y}; {_due(room, action)}"


def _due(room: Room, action: Action) -> str:
    """Say what was done about a room, and what is due when."""
    if room.hidden_at is not None:
        back = f"back with !policy republish {room.room_id}"
        return f"taken out of the directory on {room.hidden_at:%-d %B %Y}, {back}"
    if room.applied:
        return f"it has applied ({room.applied}), nothing is done until that is decided"
    if room.told_at is None:
        return "nobody was told" if action is Action.NOTHING else "its creator is told next"
    who = "told" if room.heard else "nobody here to tell"
    if action is Action.UNPUBLISH and room.due_at is not None:
        return f"{who} on {room.told_at:%-d %B}; taken out on {room.due_at:%-d %B %Y} if not filed"
    return f"{who} on {room.told_at:%-d %B %Y}; nothing is due"


async def _propose(services: Services, asked: Asked) -> str:
    rooms, total, approval = await services.delisting.propose(asked.tx, asked.sender)
    shown = "\n".join(f"· {room.in_words}, by {room.creator or 'somebody unknown'}" for room in rooms)
    first = f", the first of {total:,}" if total > len(rooms) else ""
    return (
        f"This will take {len(rooms)} rooms out of the directory{first}:\n{shown}\n"
        "They stay as they are otherwise, and who made them is told. Each can be put back: "
        f"!policy republish ROOM\nPlease confirm it: !policy confirm {approval.code}"
    )


async def republish(services: Services, asked: Asked) -> str:
    """Put a room back into the directory."""
    room_id = subject.room_in(asked.aliases, asked.words["ROOM"])
    room = await services.delisting.republish(asked.tx, asked.sender, room_id)
    return (
        f"{room.in_words} is put back into the directory. It is still not filed, so it begins anew: its "
        "creator is told with the next look. To leave it alone for good, the operator names it in "
        "filing.unfiled.exempt."
    )
