"""From a message to a command: who asks, from where, which row, and the answer in words.

Commands come from the body of a plain text message alone: not from edits, notices or quotes. What
belongs to staff does not exist for others: the answer is that of an unknown word.
"""

import unicodedata
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from policybot.domain.errors import NotFound, OutOfOrder
from policybot.domain.name import one_line
from policybot.domain.permission import Permission, Role, allowed, holders, of_staff
from policybot.domain.taking import View
from policybot.matrix.appservice import Event
from policybot.matrix.commands.command import PREFIX, Asked, Command, Services
from policybot.matrix.commands.filings import NEW
from policybot.matrix.commands.subject import aliases_in, room_in
from policybot.matrix.commands.table import COMMANDS
from policybot.ports import Later, RoomReader
from policybot.store import decisions
from policybot.store.database import Tx
from policybot.store.rooms import Kind, Room

Resolve = Callable[[str], Awaitable[str | None]]
"""Looks a room alias up; None if nobody knows it."""

_HEADINGS = {
    "about": "You:",
    "report": "When something is wrong:",
    "lookup": "Rooms and people:",
    "file": "A public room of your own:",
    "confirm": "What waits under a code:",
}
"""What help writes before a command, for it and those that follow."""
_WORK = "Your work here:"
_LOOKALIKES = str.maketrans("рοсуіӏІ|¡ǃ！", "pocyillI!!!")
_MAX_ALIASES = 3
_ROOM = 2
"""Where the room stands in `!policy file ROOM …`."""
_LONGEST = 8000
"""Characters of a command: what it says is written on to others, and must fit into an event there."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message that may be a command."""

    room_id: str
    event_id: str
    sender: str
    body: str
    reply_to: str | None
    room: Room | None

    @classmethod
    def of(cls, event: Event, room: Room | None) -> "Message":
        """Read an event that `is_command` has let through."""
        relation = event["content"].get("m.relates_to")
        reply = relation.get("m.in_reply_to") if isinstance(relation, dict) else None
        target = reply.get("event_id") if isinstance(reply, dict) else None
        return cls(
            room_id=event["room_id"],
            event_id=event["event_id"],
            sender=event["sender"],
            body=_readable(_without_quote(event["content"]["body"])),
            reply_to=target if isinstance(target, str) else None,
            room=room,
        )

    @property
    def is_private(self) -> bool:
        """Whether it was written where nobody reads along who should not."""
        room = self.room
        return room is not None and (room.kind is Kind.REVIEW or room.alone_with(self.sender))


def _readable(body: str) -> str:
    """Leave out what hides, turns round or stands for something else; lines stay lines."""
    # One character more than is taken: what is too long must still be seen to be.
    return "\n".join(one_line(line, _LONGEST + 1) for line in body.splitlines())


def is_command(event: Event) -> bool:
    """Say whether a message may be a command; asked of every message, so it looks at little."""
    content: Any = event.get("content")
    if not isinstance(content, dict) or content.get("msgtype") != "m.text":
        return False
    body = content.get("body")
    if not isinstance(body, str) or not body:
        return False
    if body[0] == ">":
        body = _without_quote(body)
    if not _begins_like_prefix(body):
        return False
    relation = content.get("m.relates_to")
    edited = isinstance(relation, dict) and relation.get("rel_type") == "m.replace"
    return not edited and isinstance(event.get("sender"), str)


def verb_of(event: Event) -> str:
    """Read which command a message is, that `is_command` has let through."""
    words = _readable(_without_quote(event["content"]["body"])).split(maxsplit=2)
    return words[1].lower() if len(words) > 1 else ""


def _without_quote(body: str) -> str:
    """Drop the quote that older clients put before a reply."""
    lines = body.split("\n")
    first = next((n for n, line in enumerate(lines) if not line.startswith(">")), len(lines))
    return "\n".join(lines[first:]).strip()


def _begins_like_prefix(body: str) -> bool:
    first = body.split(maxsplit=1)[0] if body.strip() else ""
    if first == PREFIX:
        return True
    return not first.isascii() and len(first) < 2 * len(PREFIX) and _skeleton(first) == PREFIX


def _skeleton(text: str) -> str:
    """Fold letters that only look like ASCII ones, to recognise what somebody meant or feigns."""
    folded = unicodedata.normalize("NFKC", text).translate(_LOOKALIKES)
    return "".join(c for c in folded if unicodedata.category(c) != "Cf").lower()


def _grave(command: Command) -> bool:
    """Say whether a command is nothing to be given where others read."""
    return of_staff(command.needs) or command.needs in (
        Permission.ACT_CONFIRM,
        Permission.DATA_ERASE,
        Permission.DATA_EXPORT,
    )


def _line(command: Command) -> str:
    """Say in one line what a command is for: the first sentence of its help."""
    first, dot, _ = command.help.partition(". ")
    return f"{PREFIX} {command.usage} – {first}{'.' if dot else ''}"


class Dispatch:
    """Finds the command, checks the asker, and answers."""

    def __init__(self, services: Services, resolve: Resolve, reader: RoomReader) -> None:
        """Call these services; look aliases up with `resolve`, and at rooms with `reader`."""
        self._services = services
        self._resolve = resolve
        self._reader = reader

    async def aliases(self, message: Event) -> dict[str, str]:
        """Look up the aliases in a message, before a transaction is opened."""
        found = {}
        for alias in aliases_in(str(message["content"]["body"]))[:_MAX_ALIASES]:
            if (room_id := await self._resolve(alias)) is not None:
                found[alias] = room_id
        return found

    async def views(self, message: Event, aliases: Mapping[str, str]) -> dict[str, View]:
        """Look at the room that somebody files, before a transaction is opened.

        Raises:
            OutOfOrder: the homeserver does not answer.
        """
        words = _without_quote(str(message["content"]["body"])).split(maxsplit=3)
        if len(words) <= _ROOM or words[1].lower() != "file" or words[_ROOM].lower() == NEW:
            return {}
        try:
            room_id = room_in(aliases, words[_ROOM])
            view = await self._reader.view(room_id)
        except NotFound:
            return {}
        except Later:
            answer = "The homeserver does not answer me just now. Please try again in a minute."
            raise OutOfOrder(answer) from None
        return {room_id: view} if view else {}

    async def answer(
        self,
        tx: Tx,
        message: Message,
        aliases: Mapping[str, str],
        views: Mapping[str, View],
    ) -> str:
        """Carry a command out and say what came of it.

        Raises:
            Refused: it was not carried out; the message says why.
        """
        if not message.body.startswith(PREFIX):
            return (
                "This looks like a command but is written with other letters. "
                f"Please type it with plain ones: {PREFIX} help"
            )
        if len(message.body) > _LONGEST:
            return f"That is too long for me: {_LONGEST} characters are the most."
        await decisions.mark_read(tx, message.sender, self._services.setting.now())
        roles = await self._services.setting.roles(tx, message.sender)
        verb, _, rest = message.body.removeprefix(PREFIX).strip().partition(" ")
        verb = verb.lower()
        known = self.known_to(roles)
        if verb in ("", "help"):
            return self._help(roles, known, rest.strip().lower())
        command = known.get(verb)
        if command is None:
            return self._unknown(roles, verb, known)
        if _grave(command) and not message.is_private:
            where = "in the review room or to me alone" if len(roles) > 1 else "to me alone"
            return f"Please write `{PREFIX} {verb}` {where}."
        asked = Asked(
            tx=tx,
            sender=message.sender,
            roles=roles,
            room=message.room,
            room_id=message.room_id,
            event_id=message.event_id,
            reply_to=message.reply_to,
            words=command.read(rest),
            aliases=aliases,
            views=views,
        )
        return await command.run(self._services, asked)

    @staticmethod
    def known_to(roles: frozenset[Role]) -> dict[str, Command]:
        """List the commands that exist for somebody."""
        return {c.verb: c for c in COMMANDS if allowed(roles, c.needs)}

    def _help(self, roles: frozenset[Role], known: dict[str, Command], verb: str) -> str:
        if verb and verb not in known:
            return self._unknown(roles, verb, known)
        if verb:
            command = known[verb]
            more = command.more(self._services) if command.more else ""
            lines = [f"{PREFIX} {command.usage}", command.help, more]
            return "\n".join(line for line in lines if line)
        work = [c for c in known.values() if of_staff(c.needs)]
        lines = [_WORK, *map(_line, work)] if work else []
        for command in known.values():
            if command in work:
                continue
            if heading := _HEADINGS.get(command.verb):
                lines.append(f"\n{heading}" if lines else heading)
            lines.append(_line(command))
        return "\n".join([*lines, f"\nMore on one of them: {PREFIX} help VERB"])

    @staticmethod
    def _unknown(roles: frozenset[Role], verb: str, known: dict[str, Command]) -> str:
        others = [c.needs for c in COMMANDS if c.verb == verb]
        if others and roles - {Role.EVERYBODY, Role.EXTERNAL}:  # to strangers it does not exist
            whose = " or ".join(f"«{role}»" for role in holders(others[0]))
            return f"«{verb}» is for people with the role {whose}, which you do not have."
        near = get_close_matches(verb, known, n=1)
        if near:
            return f"I do not know «{verb[:40]}». Did you mean: {PREFIX} {known[near[0]].usage}"
        return f"I do not know «{verb[:40]}». What I know: {PREFIX} help"
