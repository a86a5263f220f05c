"""Intake: reports by the public form, by other programs, and by clients through a reverse proxy.

They become reports like all others (`services.reports`). Of a guest nothing is known: they hold a key
to their report, which nobody else has.
"""

import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from policybot.domain import intake as rules
from policybot.domain import label, number
from policybot.domain.case import Subject, SubjectKind
from policybot.domain.errors import NotFound, OutOfOrder, Refused
from policybot.domain.pointed import Pointed
from policybot.domain.press import Kind, Press
from policybot.domain.report import MOST_TEXT, UNSORTED, Report, Via
from policybot.ports import Later, RoomReader
from policybot.services.cases import Cases
from policybot.services.reports import Reports
from policybot.services.setting import Setting
from policybot.services.verifications import hashed
from policybot.store import filings, reports
from policybot.store import intake as store
from policybot.store.database import Database, Tx, from_ms, span_ms, to_ms

_HOUR = timedelta(hours=1)
_TWICE = timedelta(minutes=5)
"""How far the homeserver's clock may be from ours when it lists what came by the proxy."""
_JUST_NOW = timedelta(seconds=5)
"""The same where it listed a report before the proxy had taken it in."""
_REMEMBERED = timedelta(minutes=15)
"""How long it is remembered what came by the proxy; the lists are read every few seconds."""


class TooMany(Refused):
    """More came within the hour than is taken; the message says what to do."""

    def __init__(self, message: str, wait: timedelta) -> None:
        """Say until when."""
        super().__init__(message)
        self.wait = wait


class Spent(Refused):
    """A form that is too old, was sent before, or is none of ours."""


class Contradicted(Refused):
    """Something else was sent under the same reference before."""


@dataclass(frozen=True, slots=True)
class Told:
    """What somebody reports."""

    subject: Subject
    category: str
    text: str


class Intake:
    """The service for reports by other doors."""

    def __init__(self, setting: Setting, taken: Reports, casework: Cases) -> None:
        """Hand reports on to those who put them into cases."""
        self._setting = setting
        self._reports = taken
        self._cases = casework

    # What is meant -------------------------------------------------------------------------------

    async def locate(self, database: Database, reader: RoomReader, pointed: Pointed) -> Subject:
        """Find what somebody points at, outside any transaction.

        Raises:
            NotFound: we do not look after it, or there is no such thing: one answer for both.
            OutOfOrder: it cannot be looked up just now.
        """
        bot = self._setting.config.bot_user_id
        if pointed.kind is SubjectKind.USER:
            if pointed.name == bot:
                raise self._about_us()
            return Subject(SubjectKind.USER, user_id=pointed.name)
        if pointed.kind is SubjectKind.SERVER:
            self._cases.check_foreign(pointed.name)
            return Subject(SubjectKind.SERVER, server=pointed.name)
        room_id = await self._room(database, reader, pointed.name)
        if room_id is None or not await self.governs(database, room_id):
            raise self._unknown()
        if pointed.event_id is None:
            return Subject(SubjectKind.ROOM, room_id)
        try:
            author = await reader.author_of(room_id, pointed.event_id)
        except Later:
            author = ""  # what it is will be seen when a copy is fetched
        if author is None:
            raise self._unknown()
        if author == bot:
            raise self._about_us()
        return Subject(SubjectKind.EVENT, room_id, pointed.event_id, author or None)

    async def _room(self, database: Database, reader: RoomReader, name: str) -> str | None:
        """Find a room by its ID, an alias of our homeserver, or its record number."""
        server = self._setting.config.homeserver.server_name
        record = label.number_in(name, server) or name
        if number.is_record(record):
            async with database.transaction(reading=True) as tx:
                known = await filings.with_numbers(tx, [record])
            return known[0].room_id if known else None
        if name.startswith("!"):
            return name
        if not name.endswith(f":{server}"):
            return None  # to ask other homeservers is not for strangers to make us do
        try:
            return await reader.room_of(name)
        except Later:
            message = (
                "I cannot look up this room's address just now. Please try again in a minute, or give "
                "the room's record number."
            )
            raise OutOfOrder(message) from None

    async def governs(self, database: Database, room_id: str) -> bool:
        """Say whether a room is one that we look after."""
        async with database.transaction(reading=True) as tx:
            return await self._cases.looks_after(tx, room_id)

    def _unknown(self) -> NotFound:
        contact = self._setting.config.operator.contact
        return NotFound(
            "I do not find this among what we look after: filed public rooms, what is written in them, "
            f"accounts, and other servers. Please check it. For anything else, please turn to {contact}."
        )

    def _about_us(self) -> NotFound:
        return NotFound(f"To complain about me, please turn to {self._setting.config.operator.contact}.")

    # The public form -----------------------------------------------------------------------------

    def form(self) -> str:
        """Make a form that is good for some hours, once."""
        body = f"{secrets.token_hex(16)}.{to_ms(self._setting.now() + rules.LIFE)}"
        return f"{body}.{self._seal(body)}"

    def _seal(self, body: str) -> str:
        return self._setting.keyed("report form", body)

    async def admit(self, tx: Tx, form: str, answer: str) -> None:
        """Use a form up, and count it.

        Raises:
            Spent: it cannot be used.
            TooMany: too many came within this hour.
        """
        body, _, seal = form.rpartition(".")
        nonce, _, expires = body.partition(".")
        good = hmac.compare_digest(seal.encode(), self._seal(body).encode())
        if not good or from_ms(int(expires)) < self._setting.now():
            message = "This page has been open for too long. Please send it again."
            raise Spent(message)
        if not await store.use_form(tx, nonce, from_ms(int(expires))):
            message = "This was sent already. If you saw no receipt, please send it once more from here."
            raise Spent(message)
        limits, contact = self._setting.config.reports.form, self._setting.config.operator.contact
        else_ = f"or turn to {contact}. With a Matrix account you can report from it at any time."
        await self._count(
            tx,
            "form",
            limits.an_hour,
            "More reports have come in within this hour than we take this way. Please try again in the "
            f"next, {else_}",
        )
        if not rules.worked(form, answer, limits.work):
            await self._count(
                tx,
                "form without work",
                limits.unproved_an_hour,
                "We take only a few reports within an hour from browsers that run no JavaScript. Please "
                f"allow it for this page, try again in the next hour, {else_}",
            )

    async def _count(self, tx: Tx, name: str, most: int, message: str) -> None:
        hour, passed = divmod(to_ms(self._setting.now()), span_ms(_HOUR))
        if await store.count(tx, name, hour) > most:
            raise TooMany(message, _HOUR - timedelta(milliseconds=passed))

    async def from_guest(self, tx: Tx, told: Told) -> tuple[Report, str]:
        """Take a report in from somebody without an account; return it and the key to it."""
        token = self._setting.token()
        guest = f"guest:{secrets.token_hex(8)}"
        report, _ = await self._reports.receive(tx, self._made(guest, told, Via.WEB))
        await store.add_link(tx, hashed(token), report.id)
        return report, token

    async def by_key(self, tx: Tx, token: str) -> Report:
        """Read the report that a key opens.

        Raises:
            NotFound: it opens none.
        """
        report_id = await store.linked(tx, hashed(token))
        report = await reports.get(tx, report_id) if report_id is not None else None
        if report is None:
            message = "There is no report under this link. Is it complete?"
            raise NotFound(message)
        return report

    # Other programs ------------------------------------------------------------------------------

    async def again(self, tx: Tx, tool: str, reference: str, said: str) -> Report | None:
        """Read what a tool has sent under a reference before; None if it is new, and is now taken.

        Raises:
            Contradicted: it has sent something else under it.
        """
        known = await store.claim(tx, tool, self._reference(tool, reference), _fingerprint(said))
        if known is None:
            return None
        body_hash, report_id = known
        if body_hash != _fingerprint(said):
            message = "something else was reported under this reference before"
            raise Contradicted(message)
        return await reports.get(tx, report_id)

    async def from_tool(self, tx: Tx, tool: str, reference: str, told: Told) -> tuple[Report, bool]:
        """Take a report in from another program, as `Reports.receive` does.

        Raises:
            TooMany: it has sent too many within this hour.
        """
        most = self._setting.config.reports.tools_an_hour
        await self._count(tx, f"tool {tool}", most, f"at most {most} reports an hour")
        report, is_new = await self._reports.receive(tx, self._made(f"tool:{tool}", told, Via.TOOL))
        if reference:
            await store.refer(tx, tool, self._reference(tool, reference), report.id)
        return report, is_new

    def _reference(self, tool: str, reference: str) -> str:
        return self._setting.keyed("report reference", f"{tool} {reference}")

    async def of_tool(self, tx: Tx, tool: str, text: str) -> Report:
        """Read a report that a tool has made itself.

        Raises:
            NotFound: there is none.
        """
        return await self._reports.receipt(tx, f"tool:{tool}", number.parse_receipt(text), "such report")

    def _made(self, reporter: str, told: Told, via: Via) -> Report:
        text = told.text[:MOST_TEXT]
        return Report(0, reporter, told.subject, told.category, text, 0, self._setting.now(), via)

    # Clients, through a reverse proxy ------------------------------------------------------------

    async def relayed(self, tx: Tx, reporter: str, told: Told, at: datetime) -> None:
        """Take in what a client has reported, and the homeserver has accepted, at some time.

        The lists of the client's button bring most of it a second time, before or after this.
        """
        subject = told.subject
        in_a_list = subject.kind is SubjectKind.EVENT or (
            subject.kind is SubjectKind.USER and self._setting.is_local(str(subject.user_id))
        )
        if in_a_list:
            await store.hold_relayed(tx)
            if await store.listed(tx, reporter, subject.key, at - _JUST_NOW):
                return
            await store.relayed(tx, reporter, subject.key, at)
        # It stands in no list yet, so it has no number; what has none is not looked up by it.
        kind = Kind.USERS if subject.kind is SubjectKind.USER else Kind.EVENTS
        await self._reports.pressed(tx, Press(kind, 0, at, reporter, subject, told.text))

    async def sweep(self, tx: Tx) -> None:
        """Forget what cannot come again."""
        now = self._setting.now()
        await store.forget(tx, now, now - _REMEMBERED)


async def came_by_proxy(tx: Tx, press: Press) -> bool:
    """Say whether a report of a list was taken in already, when it came by the reverse proxy."""
    if press.subject is None:
        return False
    await store.hold_relayed(tx)
    return await store.was_relayed(tx, press.reporter, press.subject.key, press.at, _TWICE)


def unsorted(subject: Subject, text: object) -> Told:
    """Make what a client's button says: it names no rule, and its words may be anything."""
    return Told(subject, UNSORTED, text if isinstance(text, str) else "")


def said(body: dict[str, object]) -> str:
    """Write what a tool has sent, the same for the same contents."""
    return json.dumps(body, sort_keys=True, ensure_ascii=True)


def _fingerprint(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
