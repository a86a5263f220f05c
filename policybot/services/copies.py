"""Copies: what was said in a kept event, sealed in the vault; what stood around it; what its files are.

Whoever reads the database sees who wrote in which room when, and a fingerprint of it. The words are
under a key of each copy's own, which is destroyed when the copy's time is over. Nothing that waits to
be sent holds them either: they are put into an answer when it leaves (`places` in `domain.copy`).
"""

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from policybot.domain import copy as rules
from policybot.domain.case import Case
from policybot.domain.copy import EXCERPT, File, Line
from policybot.domain.effects import KeepContext
from policybot.domain.errors import NotFound
from policybot.domain.name import one_line
from policybot.domain.permission import Permission, allowed
from policybot.domain.retention import Rule
from policybot.ports import Cleaner, Later, MediaReader, Unfit
from policybot.services.sealed import Sealed
from policybot.services.setting import Setting
from policybot.store import audit, copies, retention
from policybot.store.copies import Copy
from policybot.store.database import Tx

RULE = "evidence"
"""The rule of `domain.retention` that copies fall under."""
_SAID, _CONTEXT = "said", "context"
"""The groups in which the vault keeps what was said, and what stood around it."""
_CONTENT = "content"
_TEXT, _EDIT, _AROUND = "text", "edit", "around"
"""The parts of a copy that are put into an answer when it is sent."""
_GONE = "(the copy is gone)"
_LOOK = "copy:look"
_LONGEST_ID = 255
_LARGEST = 16 * 2**20
"""Bytes of a picture that is drawn."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that somebody may see now."""

    uri: str
    clear: bool
    """Whether without the blur."""


class _NoFiles:
    """Stands in for the files of the homeserver until it is attached."""

    async def file(self, uri: str, most: int) -> bytes | None:
        """Have nothing yet."""
        del uri, most
        message = "the homeserver is not attached yet"
        raise Later(message)


class Copies:
    """The service for kept copies; the only one that reads or writes what was said in them."""

    def __init__(self, setting: Setting, sealed: Sealed) -> None:
        """Keep what was said sealed."""
        self._setting = setting
        self._sealed = sealed
        self.source: MediaReader = _NoFiles()
        """Where files are read, once there is a homeserver."""

    async def keep(self, tx: Tx, copy: Copy) -> bool:
        """Keep a copy of an event; False if there was one: the first copy counts."""
        if not await copies.keep(tx, copy):
            return False
        said = {_CONTENT: json.dumps(copy.content, ensure_ascii=False)}
        await self._sealed.keep(tx, copy.event_id, _SAID, said)
        return True

    async def get(self, tx: Tx, event_id: str | None) -> Copy | None:
        """Read the kept copy of an event, with what was said."""
        kept = await copies.get(tx, event_id) if event_id else None
        if kept is None:
            return None
        said = await self._sealed.open(tx, kept.event_id, _SAID)
        return replace(kept, content=_content(said[_CONTENT].reveal()) if said else {})

    async def with_context(self, tx: Tx, event_id: str | None) -> Copy | None:
        """Read the kept copy of an event, with what was said in it and around it."""
        kept = await self.get(tx, event_id)
        return None if kept is None else replace(kept, context=await self.context(tx, kept.event_id))

    async def context(self, tx: Tx, event_id: str) -> tuple[Line, ...]:
        """Read what stood around an event."""
        lines = await copies.context(tx, event_id)
        texts = await self._sealed.open(tx, event_id, _CONTEXT) if lines else {}
        return tuple(
            replace(one, text=texts[str(one.place)].reveal()) if str(one.place) in texts else one
            for one in lines
        )

    async def page(self, tx: Tx, after: str, limit: int) -> list[tuple[str, Mapping[str, Any]]]:
        """Read what was said in the copies from one on, in the order of their events' IDs."""
        found = await self._sealed.page(tx, _SAID, after, limit)
        return [(event_id, _content(said[_CONTENT].reveal())) for event_id, said in found]

    # What is found out later: what failed here leaves the copy as it is ---------------------------

    async def ask_around(self, tx: Tx, copy: Copy) -> None:
        """Have it read what stands around a reported event, and what its files are."""
        most = self._setting.config.copies.context
        asked = [KeepContext(copy.room_id, copy.event_id, most)] if most else []
        if rules.files(copy.content):
            asked.append(KeepContext(copy.room_id, copy.event_id, 0))
        self._setting.queue(tx, asked, cause=f"copy {copy.event_id}")

    async def found_around(self, tx: Tx, event_id: str, result: Mapping[str, Any]) -> None:
        """Keep what was read around an event, once; the first that was seen counts."""
        kept = await copies.get(tx, event_id)
        if kept is None:
            return
        if "files" in result:
            files = [File(str(one["kind"]), int(one["size"])) for one in result["files"]]
            await copies.set_files(tx, event_id, files)
        now = self._setting.now()
        lines = [_line(one, now) for one in result.get("lines", ())]
        if lines and not await copies.context(tx, event_id):
            await copies.add_context(tx, event_id, lines)
            texts = {str(one.place): one.text for one in lines if one.text}
            await self._sealed.add(tx, event_id, _CONTEXT, texts)

    # In answers ----------------------------------------------------------------------------------

    def text(self, copy: Copy) -> str:
        """Stand in for what was said in a copy, in an answer that is queued."""
        return self._place(copy.event_id, _TEXT)

    def edit(self, copy: Copy) -> str:
        """Stand in for what the newest edit of a message says."""
        return self._place(copy.edit_id or "", _EDIT)

    def around(self, copy: Copy) -> str:
        """Stand in for what stood around a message, as several lines."""
        return self._place(copy.event_id, _AROUND)

    def _place(self, event_id: str, what: str) -> str:
        if len(event_id.split()) != 1 or not event_id.isprintable():
            return _GONE  # as no homeserver would call an event
        return rules.placeholder(event_id, what, self._mark(event_id, what))

    def _mark(self, event_id: str, what: str) -> str:
        """Mark a place as ours: a text of somebody else's must not have a copy put into it."""
        key = self._setting.config.identity.index_key.get_secret_value().encode()
        return hmac.digest(key, f"copy|{what}|{event_id}".encode(), "sha256")[:16].hex()

    async def fill(self, tx: Tx, text: str) -> str:
        """Put what was said into an answer that leaves."""
        found: dict[tuple[str, str], str] = {}
        for event_id, what, mark in rules.places(text):
            if hmac.compare_digest(mark, self._mark(event_id, what)):
                found[event_id, what] = await self._part(tx, event_id, what)
        return rules.filled(text, lambda event_id, what, _: found.get((event_id, what), ""))

    async def _part(self, tx: Tx, event_id: str, what: str) -> str:
        kept = await self.get(tx, event_id)
        if kept is None:
            return "> (being fetched, or gone)"
        if what == _AROUND:
            return "\n".join(in_words(one) for one in await self.context(tx, event_id))
        said: object = kept.body
        if what == _EDIT:
            new = kept.content.get("m.new_content")
            said = new.get("body") if isinstance(new, Mapping) else None
        return f"> {(one_line(said, EXCERPT) if isinstance(said, str) else '') or '(no text)'}"

    # Pictures ------------------------------------------------------------------------------------

    async def picture(self, tx: Tx, by: str, case: Case, n: int, *, clear: bool) -> Picture:
        """Let somebody look at the picture of a case, counted from 1; `draw` gives it, after the commit.

        That somebody looks at one without the blur is on record before they see it. Whoever calls this
        has read the case for them, and so knows that they are no party to it.

        Raises:
            NotFound: there is no such file that they can see.
        """
        kept = await self.get(tx, case.subject.event_id)
        found = rules.files(kept.content) if kept else ()
        if not (
            allowed(await self._setting.roles(tx, by), Permission.CASE_READ) and 1 <= n <= len(found)
        ):
            message = "There is no such file that you can see."
            raise NotFound(message)
        if clear:
            now = self._setting.now()
            audit.append(tx, at=now, actor=by, tag=_LOOK, object=case.number, file=n)
        return Picture(found[n - 1], clear)

    async def draw(self, picture: Picture, cleaner: Cleaner) -> bytes:
        """Fetch a picture and draw it anew, as JPEG; outside any transaction, for it takes a while.

        Raises:
            NotFound: it cannot be had any more, is too large, or is no picture.
            Later: the homeserver is away.
        """
        data = await self.source.file(picture.uri, _LARGEST)
        if data is None:
            message = "This file cannot be had any more, or is too large to be shown."
            raise NotFound(message)
        try:
            return await cleaner.draw(data, blurred=not picture.clear)
        except Unfit as unfit:
            raise NotFound(str(unfit)) from None

    async def clear_looks(self, tx: Tx, by: str, since: datetime) -> int:
        """Count how often somebody has looked at pictures without the blur since a time."""
        return await audit.count(tx, by, _LOOK, since)

    # The end -------------------------------------------------------------------------------------

    async def sweep(self, tx: Tx, rule: Rule, before: datetime, limit: int) -> int:
        """Forget copies whose time is over, and destroy their keys; return how many."""
        appealable = self._setting.now() - self._setting.ladder.appeal_window
        over = await retention.reached(tx, rule, before, appealable, limit)
        for event_id in over:
            await self._sealed.forget(tx, event_id)
            await copies.forget(tx, event_id)
        return len(over)

    # For the persons concerned -------------------------------------------------------------------

    async def told(self, tx: Tx, row: Mapping[str, Any]) -> dict[str, Any]:
        """Complete a row of an export with what its owner wrote: a kept message, or a line near one."""
        event_id = str(row["event_id"])
        if "copy_id" not in row:
            kept = await self.get(tx, event_id)
            return {**row, "content": dict(kept.content) if kept else {}}
        lines = {one.event_id: one.text for one in await self.context(tx, str(row["copy_id"]))}
        shown = {name: value for name, value in row.items() if name != "copy_id"}
        return {**shown, "text": lines.get(event_id, "")}


def in_words(line: Line) -> str:
    """Write a line of context."""
    said = one_line(line.text, EXCERPT) or ("(removed)" if line.redacted else "(no text)")
    where = f"{-line.place} before" if line.place < 0 else f"{line.place} after"
    return f"  {where}, {line.sent_at:%H:%M}, {one_line(line.sender, _LONGEST_ID)}: {said}"


def _content(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text)
    return found


def _line(found: Mapping[str, Any], now: datetime) -> Line:
    return Line(
        place=int(found["place"]),
        event_id=str(found["event_id"]),
        sender=str(found["sender"]),
        sent_at=copies.sent_at(found, now),
        redacted=bool(found.get("redacted")),
        text=one_line(str(found.get("text", "")), EXCERPT),
    )
