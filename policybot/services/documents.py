"""Documents: taken from the page, bound to an account, decided by a reviewer, forgotten in time."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

from policybot.config.document import DocumentSection
from policybot.domain import document as rules
from policybot.domain import number
from policybot.domain.document import Document, State, Step
from policybot.domain.errors import Incomplete, NotFound, NotPermitted, OutOfOrder
from policybot.domain.identity import Bound, Found, Record, Source
from policybot.domain.particulars import Particulars
from policybot.services.members import Members, NotLinked
from policybot.services.setting import Setting
from policybot.store import attempts, audit, documents, members
from policybot.store.database import Tx, next_number
from policybot.store.members import Span

NUMBER = "number"
"""The field of the document's number among what was typed."""
_BATCH = 100
_LONGEST_REASON = 1000


class Documents:
    """The service for documents."""

    def __init__(self, setting: Setting, people: Members) -> None:
        """Keep what is shown with the members' service."""
        self._setting = setting
        self._members = people

    @property
    def way(self) -> DocumentSection:
        """What the configuration says; where it offers no documents any more, the defaults."""
        return self._setting.config.identity.document or DocumentSection.model_construct(kinds=())

    def today(self) -> date:
        """Give the present day."""
        return self._setting.now().date()

    # From the page to the queue ------------------------------------------------------------------

    async def check_free(self, tx: Tx, user_id: str) -> None:
        """Check that an account may hand a document in, before anything is read.

        Raises:
            OutOfOrder: one of theirs is waiting.
            NotPermitted: they have uploaded too often.
        """
        if (waiting := await documents.waiting_of(tx, user_id)) is not None:
            raise OutOfOrder(_waits_already(waiting))
        if await documents.uploads_full(tx, user_id, self._setting.now()):
            raise NotPermitted(_TOO_OFTEN)

    async def count_upload(self, tx: Tx, user_id: str) -> None:
        """Count an upload before anything of it is read.

        Raises:
            NotPermitted: it is one too many within the hour.
        """
        if not await documents.count_upload(tx, user_id, self._setting.now()):
            raise NotPermitted(_TOO_OFTEN)

    def record(self, typed: Particulars) -> Record:
        """Say of whom a document speaks, if it is what it seems to be."""
        return Record(
            source=Source.DOCUMENT,
            realm=rules.realm(typed.kind, typed.country),
            reference=typed.number,
            claims=typed.claims,
            assurance=self.way.assurance,
            process="document reviewed by a person",
            verified_at=self._setting.now(),
        )

    async def enclose(
        self, tx: Tx, token_hash: str, typed: Particulars, pictures: Sequence[bytes]
    ) -> None:
        """Keep a document with what was found for an attempt."""
        candidate = await attempts.candidate_of(tx, token_hash)
        assert candidate is not None
        paper = {claim.value: value for claim, value in typed.claims.items()}
        await self._members.enclose(tx, candidate, paper | {NUMBER: typed.number}, pictures)

    async def bind(self, tx: Tx, found: Found, bound: Bound) -> str:
        """Put a document before the reviewers, now that its account has sent the code."""
        now = self._setting.now()
        await attempts.clear(tx, found.token_hash)
        if (earlier := await documents.waiting_of(tx, found.user_id)) is not None:
            await self._members.forget(tx, found.candidate)
            return f"{_waits_already(earlier)} What you have sent now was not kept."
        kind, _, country = found.realm.partition("|")
        document = Document(
            id=await next_number(tx, "document"),
            user_id=found.user_id,
            kind=kind,
            country=country,
            assurance=found.assurance,
            state=State.WAITING,
            submitted_at=now,
            candidate=found.candidate,
            blind=found.blind,
            likeness=found.likeness,
        )
        await documents.add(tx, document)
        self._remember(tx, found.user_id, "document:submit", document, bound=bound.value)
        self._setting.tell_staff(tx, self._card(document), cause=_cause(document))
        until = now + timedelta(days=self.way.wait_days)
        return (
            f"Thank you. Your document is with our reviewers as {document.number}. They see the "
            "document and not your account. I will tell you here what they say; if nobody decides "
            f"until {until:%-d %B %Y}, it is forgotten. Where it stands: !policy status "
            f"{document.number}"
        )

    def _card(self, document: Document) -> str:
        return (
            f"Document {document.number} waits\n{self.in_words(document)}\n"
            f"Next: write !policy show {document.number} to me alone for a link to look at it; then "
            f"!policy approve {document.number} · !policy reject {document.number} REASON"
        )

    def in_words(self, document: Document) -> str:
        """Say what there is to say of a document to the review room: no name, and no account."""
        age = (self._setting.now() - document.submitted_at).days
        ago = {0: "today", 1: "yesterday"}.get(age, f"{age} days ago")
        return f"{self.way.title_of(document.kind)}, issued by {document.country}, sent {ago}"

    # Review --------------------------------------------------------------------------------------

    async def waiting(self, tx: Tx, reviewer: str, limit: int) -> list[Document]:
        """List what waits for a reviewer: not their own."""
        found = await documents.waiting(tx, limit)
        return [document for document in found if not await self._is_own(tx, reviewer, document)]

    async def _is_own(self, tx: Tx, reviewer: str, document: Document) -> bool:
        other, realm, blind = document.user_id, document.realm, document.blind
        same = self._members.same_person
        return reviewer == other or await same(tx, reviewer, other, realm, blind)

    async def find(self, tx: Tx, reviewer: str, text: str) -> Document:
        """Read a document that somebody may review.

        Raises:
            NotFound: there is none of that number.
            NotPermitted: it is their own.
        """
        wanted = number.parse_document(text)
        document = await documents.get(tx, wanted) if wanted is not None else None
        if document is None:
            message = f"There is no {text} that you can see."
            raise NotFound(message)
        own = await self._is_own(tx, reviewer, document)
        rules.reviewable_by(document, reviewer, same_person=own)
        return document

    async def of_owner(self, tx: Tx, user_id: str, text: str) -> Document:
        """Read somebody's own document.

        Raises:
            NotFound: there is none of that number, or it is not theirs.
        """
        wanted = number.parse_document(text)
        document = await documents.get(tx, wanted) if wanted is not None else None
        if document is None or document.user_id != user_id:
            message = f"There is no {text} that you can see."
            raise NotFound(message)
        return document

    async def approve(self, tx: Tx, reviewer: str, text: str) -> Document:
        """Link the account to the person of the document.

        Where that person has no place free, the document is refused instead: see its state.

        Raises:
            OutOfOrder: it is decided, was not looked at, or bears another name than the account.
        """
        document = await self.find(tx, reviewer, text)
        approved = rules.moved(document, Step.APPROVE)
        rules.approvable_by(document, reviewer)
        found = self._found(document)
        if await self._members.is_another(tx, found):
            raise OutOfOrder(_ANOTHER_NAME.format(document.number))
        approved = await self._decided(tx, approved, reviewer)
        try:
            person_id = await self._members.link(tx, found, Bound.REVIEW)
        except NotLinked as no:
            refused = replace(approved, state=State.REFUSED)
            await self._save(tx, refused)
            self._remember(tx, reviewer, "document:refuse", refused, why=no.why.value)
            self._tell(tx, refused, "This could not be linked to your account.")
            return refused
        approved = await self._save(tx, replace(approved, person_id=person_id))
        assert approved.candidate is not None
        await self._members.forget_paper(tx, approved.candidate)
        self._remember(tx, reviewer, "document:approve", approved)
        self._setting.tell(
            tx,
            approved.user_id,
            f"Your document {approved.number} was accepted: you are verified, level "
            f"{approved.assurance}, until {found.valid_until:%-d %B %Y}. Others go on seeing the name "
            f"of your choice. The pictures are deleted on {self._forgotten_on(approved)}; the number "
            "is forgotten already.\n"
            "Next: read and sign the agreement with !policy agree\n"
            "If this was not you: !policy unlink",
            cause=_cause(approved),
        )
        return approved

    async def is_another(self, tx: Tx, document: Document) -> bool:
        """Say whether the account of a document is verified under another name."""
        if document.state is not State.WAITING:
            return False
        return await self._members.is_another(tx, self._found(document))

    def _found(self, document: Document) -> Found:
        """Say whom a waiting document has found, as of now."""
        assert document.candidate is not None
        assert document.blind is not None
        now = self._setting.now()
        return Found(
            token_hash="",
            user_id=document.user_id,
            candidate=document.candidate,
            blind=document.blind,
            likeness=document.likeness or "",
            source=Source.DOCUMENT,
            realm=document.realm,
            assurance=document.assurance,
            process="document reviewed by a person",
            verified_at=now,
            valid_until=now + self._setting.config.identity.valid_for,
        )

    async def refuse(self, tx: Tx, reviewer: str, text: str, reason: str) -> Document:
        """Refuse a document, with the reason that its person reads. It is written nowhere else."""
        document, reason = await self.find(tx, reviewer, text), reason.strip()
        refused = rules.moved(document, Step.REFUSE)
        if not reason:
            message = "Please write the reason as well: the person reads it."
            raise Incomplete(message)
        if len(reason) > _LONGEST_REASON:
            message = f"Please write the reason in at most {_LONGEST_REASON} characters."
            raise Incomplete(message)
        refused = await self._decided(tx, refused, reviewer)
        self._remember(tx, reviewer, "document:refuse", refused, why="by the reviewer")
        self._tell(tx, refused, f"Reason: {reason}")
        return refused

    def _tell(self, tx: Tx, document: Document, why: str) -> None:
        """Tell somebody that their document was not accepted, and what to do."""
        self._setting.tell(
            tx,
            document.user_id,
            f"Your document {document.number} was not accepted. {why}\n"
            "You can show another one, or better pictures: !policy verify\n"
            f"If you think this is wrong, ask {self._setting.config.operator.contact} before "
            f"{self._forgotten_on(document)}: then what you have sent is deleted.",
            cause=_cause(document),
        )

    def _forgotten_on(self, document: Document) -> str:
        assert document.decided_at is not None
        return f"{document.decided_at + timedelta(days=self.way.keep_days):%-d %B %Y}"

    async def _decided(self, tx: Tx, document: Document, reviewer: str | None) -> Document:
        """Note a decision first of all, so that a second one at the same time comes to nothing."""
        decided_at = self._setting.now()
        document = replace(document, reviewer=reviewer, decided_at=decided_at)
        document = replace(document, blind=None, likeness=None)
        return await self._save(tx, document)

    @staticmethod
    async def _save(tx: Tx, document: Document) -> Document:
        await documents.save(tx, document)
        return replace(document, version=document.version + 1)

    # By the clock --------------------------------------------------------------------------------

    async def expire(self, tx: Tx) -> None:
        """Forget the documents on which nobody has decided in time, and tell their people."""
        before = self._setting.now() - timedelta(days=self.way.wait_days)
        for document in await documents.overdue(tx, before, _BATCH):
            expired = await self._decided(tx, rules.moved(document, Step.EXPIRE), None)
            await self._forget(tx, expired)
            self._remember(tx, "system:clock", "document:expire", expired)
            self._setting.tell(
                tx,
                expired.user_id,
                f"Nobody has decided on your document {expired.number} in time, and what you have "
                "sent is deleted. We are sorry. You can show it again with !policy verify, or ask "
                f"{self._setting.config.operator.contact}.",
                cause=_cause(expired),
            )

    async def sweep(self, tx: Tx) -> None:
        """Forget the documents whose time after the decision is over."""
        now = self._setting.now()
        before = now - timedelta(days=self.way.keep_days)
        for document in await documents.decided_before(tx, before, _BATCH):
            await self._forget(tx, document)
            self._remember(tx, "system:clock", "document:forget", document)
        await documents.forget_uploads(tx, now)

    @staticmethod
    async def kept_within(tx: Tx, user_id: str, span: Span) -> list[Document]:
        """List what is kept of what somebody showed from an account while it was theirs.

        What nobody known showed is of whoever has the account now.
        """
        found = []
        for document in await documents.kept_of(tx, user_id):
            whose = document.person_id or await members.person_at(tx, user_id, document.submitted_at)
            if whose == span.person_id or (whose is None and span.until is None):
                found.append(document)
        return found

    async def forget_of(self, tx: Tx, user_id: str, span: Span) -> None:
        """Forget the documents that somebody showed from an account while it was theirs."""
        for document in await self.kept_within(tx, user_id, span):
            if document.state is State.WAITING:
                document = await self._decided(tx, rules.moved(document, Step.EXPIRE), None)  # noqa: PLW2901 - the same one
            await self._forget(tx, document)
            self._remember(tx, "system:privacy", "document:forget", document)

    async def take_back(self, tx: Tx, user_id: str, *, keep: bool) -> str:
        """End the document of an account that waits, as its owner unlinks; say so, if there is one."""
        document = await documents.waiting_of(tx, user_id)
        if document is None:
            return ""
        document = await self._decided(tx, rules.moved(document, Step.EXPIRE), None)
        self._remember(tx, user_id, "document:expire", document)
        if keep:
            return f" Your document {document.number} is taken back."
        await self._forget(tx, document)
        self._remember(tx, user_id, "document:forget", document)
        return f" Your document {document.number} is taken back and deleted."

    async def _forget(self, tx: Tx, document: Document) -> None:
        assert document.candidate is not None
        await self._members.forget_document(tx, document.candidate, document.person_id)
        await self._save(tx, replace(document, candidate=None))

    def _remember(self, tx: Tx, actor: str, tag: str, document: Document, **payload: str) -> None:
        audit.append(
            tx,
            at=self._setting.now(),
            actor=actor,
            tag=tag,
            object=document.number,
            kind=document.kind,
            country=document.country,
            **payload,
        )


def _waits_already(document: Document) -> str:
    return (
        f"Your document {document.number} is with our reviewers already. Where it stands: "
        f"!policy status {document.number}"
    )


def _cause(document: Document) -> str:
    return f"document {document.id}"


_ANOTHER_NAME = (
    "{} cannot be approved: its account is verified already, under another name than this. Refuse it "
    "and say so; a person whose name has changed has to ask the operator."
)
_TOO_OFTEN = (
    f"{rules.UPLOADS_AN_HOUR} uploads within an hour are the most. Please try again in an hour, with a "
    "new link: !policy verify"
)
