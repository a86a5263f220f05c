"""Openings: how a reviewer gets to see a document, by one-time links that leave a trace first."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from policybot.domain.document import Document, State
from policybot.domain.errors import NotFound
from policybot.domain.permission import Permission, Role, allowed
from policybot.domain.private import Private
from policybot.domain.reveal import Kind, Look
from policybot.services.documents import Documents
from policybot.services.looks import Looks
from policybot.services.members import Members
from policybot.services.setting import Setting
from policybot.services.verifications import hashed
from policybot.store import audit, documents, members, openings
from policybot.store.database import Tx
from policybot.store.openings import Opening

MINUTES = 15
"""For how long a link works, and what it has opened."""
_OPEN, _DECIDE = "open", "decide"
_DEAD_LINK = "This link is used up or too old. Write !policy show and the number to the bot for another."


@dataclass(frozen=True, slots=True)
class Opened:
    """A document that is about to be looked at; that it is stands in the audit chain."""

    document: Document
    reviewer: str
    decide: str = field(repr=False)
    """The secret with which this page can decide; empty if nothing is left to decide."""
    pictures: tuple[str, ...] = field(repr=False)
    """The secrets of the pictures, each good once."""


class Openings:
    """The service for openings."""

    def __init__(self, setting: Setting, people: Members, papers: Documents, watch: Looks) -> None:
        """Open what the members' service keeps, to those whom the documents' service lets."""
        self._setting = setting
        self._members = people
        self._documents = papers
        self._looks = watch

    async def invite(self, tx: Tx, reviewer: str, document: Document) -> str:
        """Make a one-time link for a reviewer and return its token; their earlier ones are void."""
        await openings.drop(tx, document.id, reviewer)
        self._remember(tx, reviewer, "document:link", document)
        return await self._add(tx, document, reviewer, _OPEN)

    async def _add(self, tx: Tx, document: Document, reviewer: str, purpose: str) -> str:
        token = self._setting.token()
        until = self._setting.now() + timedelta(minutes=MINUTES)
        await openings.add(tx, hashed(token), Opening(document.id, reviewer, purpose), until)
        return token

    async def invited(self, tx: Tx, token: str) -> Document:
        """Say to what a link leads. Asking uses nothing up, so that a link preview does no harm.

        Raises:
            NotFound: the link is dead, or its holder is no reviewer any more.
        """
        opening = await openings.get(tx, hashed(token), self._setting.now())
        return await self._document(tx, opening, _OPEN)

    async def _document(self, tx: Tx, opening: Opening | None, purpose: str) -> Document:
        """Read the document of a link, if it is for this purpose and its holder may still see it."""
        if opening is None or opening.purpose != purpose:
            raise NotFound(_DEAD_LINK)
        roles = await self._setting.roles(tx, opening.reviewer)
        document = await documents.get(tx, opening.document_id)
        if document is None or not allowed(roles, Permission.DOCUMENT_REVIEW):
            raise NotFound(_DEAD_LINK)
        return await self._documents.find(tx, opening.reviewer, document.number)

    async def open(self, tx: Tx, token: str) -> Opened:
        """Use a link up and note who looks. Only once that is committed may anything be decrypted.

        Raises:
            NotFound: the link is dead, its holder is no reviewer any more, or all is forgotten.
        """
        now = self._setting.now()
        opening = await openings.get(tx, hashed(token), now)
        document = await self._document(tx, opening, _OPEN)
        if document.candidate is None:
            message = f"{document.number} is {document.state}, and what was sent is deleted."
            raise NotFound(message)
        opening = await openings.take(tx, hashed(token), now)
        if opening is None:
            raise NotFound(_DEAD_LINK)
        reviewer = opening.reviewer
        if reviewer not in document.seen_by:
            document = replace(document, seen_by=(*document.seen_by, reviewer))
            await documents.save_seen(tx, document.id, document.seen_by)
        assert document.candidate is not None
        count = await self._members.count_pictures(tx, document.candidate)
        pictures = [await self._add(tx, document, reviewer, str(n)) for n in range(1, count + 1)]
        waits = document.state is State.WAITING
        decide = await self._add(tx, document, reviewer, _DECIDE) if waits else ""
        self._remember(tx, reviewer, "document:open", document)
        await self._tell(tx, reviewer, document)
        return Opened(document, reviewer, decide, tuple(pictures))

    async def _tell(self, tx: Tx, reviewer: str, document: Document) -> None:
        """Put it on record that a document is looked at, and tell whose it is at once."""
        now = self._setting.now()
        person_id = document.person_id or await members.own_person(tx, document.user_id)
        accounts = await self._looks.whom_to_tell(tx, person_id) if person_id else (document.user_id,)
        look = Look(
            person_id=person_id or "",
            kind=Kind.DOCUMENT,
            viewer=reviewer,
            role=Role.REVIEWER.value,
            case=document.number,
            what="a document that you showed",
            reason="",
            at=now,
            due_at=now,
            accounts=accounts,
        )
        if person_id is not None:
            await self._looks.record(tx, look)
        else:
            self._looks.tell(tx, look, accounts, shown=True)

    async def paper(self, tx: Tx, opened: Opened) -> Mapping[str, Private]:
        """Decrypt what was typed beside a document, after its opening was committed."""
        assert opened.document.candidate is not None
        return await self._members.paper(tx, opened.document.candidate)

    async def take_picture(self, tx: Tx, token: str) -> tuple[str, int]:
        """Use the link of a picture up; return what `picture` needs.

        Raises:
            NotFound: the link is dead.
        """
        opening = await openings.take(tx, hashed(token), self._setting.now())
        if opening is None or not opening.purpose.isdecimal():
            raise NotFound(_DEAD_LINK)
        document = await self._document(tx, opening, opening.purpose)
        if document.candidate is None:
            raise NotFound(_DEAD_LINK)
        return document.candidate, int(opening.purpose)

    async def picture(self, tx: Tx, candidate: str, n: int) -> bytes:
        """Decrypt a picture.

        Raises:
            NotFound: it was forgotten meanwhile.
        """
        data = await self._members.picture(tx, candidate, n)
        if data is None:
            raise NotFound(_DEAD_LINK)
        return data

    async def decider(self, tx: Tx, token: str) -> tuple[str, Document]:
        """Say who decides on what by an opened page.

        Raises:
            NotFound: the page is too old, or its reader is no reviewer any more.
        """
        opening = await openings.get(tx, hashed(token), self._setting.now())
        document = await self._document(tx, opening, _DECIDE)
        assert opening is not None
        return opening.reviewer, document

    async def sweep(self, tx: Tx) -> None:
        """Forget links whose time is over."""
        await openings.forget_before(tx, self._setting.now())

    def _remember(self, tx: Tx, reviewer: str, tag: str, document: Document) -> None:
        now: datetime = self._setting.now()
        audit.append(tx, at=now, actor=reviewer, tag=tag, object=document.number)
