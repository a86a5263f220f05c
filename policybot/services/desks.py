"""Desks: the page at which a reviewer works on an application, known by a one-time link."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from policybot.domain import review as rules
from policybot.domain.decision import Approval
from policybot.domain.errors import NotFound, NotPermitted, OutOfOrder
from policybot.domain.evidence import File
from policybot.domain.filing import Filing
from policybot.domain.identity import FrontClass
from policybot.domain.permission import Permission, allowed
from policybot.domain.review import Review, Tick, Word
from policybot.services import cards
from policybot.services.evidence import Evidence
from policybot.services.names import Names, View
from policybot.services.reviews import Reviews
from policybot.services.setting import Setting
from policybot.services.verifications import hashed
from policybot.store import members, reviews
from policybot.store.database import Tx
from policybot.store.reviews import Desk

MINUTES = 15
"""For how long a link waits to be opened; once it is, the page lasts as long as a claim."""
_OPEN, _WORK = "open", "work"
_DEAD_LINK = "This link is used up or too old. Write !policy show and the number to the bot for another."


@dataclass(frozen=True, slots=True)
class Sheet:
    """What lies on a reviewer's desk."""

    filing: Filing
    review: Review
    reviewer: str
    holder: str | None
    front: View
    """Under which name others see the applicant; never the verified one."""
    verified: str
    categories: str
    points: tuple[tuple[str, Tick | None], ...]
    words: tuple[Word, ...]
    files: tuple[File, ...]
    """What the applicant has shown, with names; empty once it is forgotten."""
    until: str
    binding: str
    """The fingerprint of what is shown, which comes back with a decision."""
    second_person: bool
    """Whether another reviewer has to confirm an approval."""
    approval: Approval | None
    """The approval that waits for a second person."""
    confirmable: bool
    """Whether this reviewer can be that person."""

    @property
    def is_open(self) -> bool:
        """Whether there is something to decide."""
        return self.filing.state in rules.OPEN

    @property
    def is_mine(self) -> bool:
        """Whether this reviewer has it."""
        return self.holder == self.reviewer


class Desks:
    """The service for desks."""

    def __init__(self, setting: Setting, looked_at: Reviews, fronts: Names, proofs: Evidence) -> None:
        """Lay out what the reviews' service knows, to those whom it lets."""
        self._setting = setting
        self._reviews = looked_at
        self._names = fronts
        self._evidence = proofs

    async def invite(self, tx: Tx, reviewer: str, filing: Filing) -> str:
        """Make a one-time link for a reviewer and return its token; their earlier ones are void.

        Raises:
            NotPermitted: they are no judge of it.
        """
        await self._reviews.check_impartial(tx, reviewer, filing)
        return await self._add(tx, filing, reviewer, _OPEN, timedelta(minutes=MINUTES))

    async def _add(self, tx: Tx, filing: Filing, by: str, purpose: str, life: timedelta) -> str:
        token = self._setting.token()
        until = self._setting.now() + life
        await reviews.add_desk(tx, hashed(token), Desk(filing.id, by, purpose), until)
        return token

    async def invited(self, tx: Tx, token: str) -> Filing:
        """Say to what a link leads. Asking uses nothing up, so that a link preview does no harm.

        Raises:
            NotFound: the link is dead, or its holder is no reviewer any more.
            NotPermitted: they are no judge of it.
        """
        _, filing = await self._at(tx, token, _OPEN)
        return filing

    async def _at(self, tx: Tx, token: str, purpose: str) -> tuple[str, Filing]:
        desk = await reviews.desk(tx, hashed(token), purpose, self._setting.now())
        roles = await self._setting.roles(tx, desk.reviewer) if desk else ()
        if desk is None or not allowed(roles, Permission.FILING_REVIEW):
            raise NotFound(_DEAD_LINK)
        filing = await self._reviews.find(tx, f"F-{desk.filing_id}")
        await self._reviews.check_impartial(tx, desk.reviewer, filing)
        return desk.reviewer, filing

    async def open(self, tx: Tx, token: str) -> str:
        """Use a link up, take the application if it is free, and return the token of the page.

        Raises:
            NotFound: the link is dead, or its holder is no reviewer any more.
            NotPermitted: they are no judge of it.
        """
        reviewer, filing = await self._at(tx, token, _OPEN)
        if not await reviews.take_desk(tx, hashed(token)):
            raise NotFound(_DEAD_LINK)
        if filing.state in rules.OPEN:
            with suppress(NotPermitted):  # with somebody else it is looked at, and the page says so
                await self._reviews.claim(tx, reviewer, filing.number)
        return await self._add(tx, filing, reviewer, _WORK, self._setting.config.filing.claim)

    async def reviewer(self, tx: Tx, token: str) -> tuple[str, Filing]:
        """Say who works on what at an opened page, for another while.

        Raises:
            NotFound: the page is too old, or its reader is no reviewer any more.
            NotPermitted: they are no judge of it.
        """
        reviewer, filing = await self._at(tx, token, _WORK)
        until = self._setting.now() + self._setting.config.filing.claim
        await reviews.prolong_desk(tx, hashed(token), until)
        return reviewer, filing

    async def check_alive(self, tx: Tx, token: str) -> None:
        """Check that an opened page can still be used; raises as `reviewer`."""
        await self._at(tx, token, _WORK)

    async def sheet(self, tx: Tx, token: str) -> Sheet:
        """Lay out an application for the reader of an opened page; raises as `reviewer`."""
        reviewer, filing = await self._at(tx, token, _WORK)
        review, now = await reviews.get(tx, filing.id), self._setting.now()
        approval = await cards.proposal(tx, filing)
        other = approval is not None and reviewer not in await members.accounts_of(tx, approval.proposer)
        return Sheet(
            filing=filing,
            review=review,
            reviewer=reviewer,
            holder=rules.holder(filing, review, now),
            front=await self._names.view(tx, filing.applicant, FrontClass.PSEUDONYM_ONLY),
            verified=await cards.standing(tx, filing.applicant),
            categories=cards.titles(self._setting, filing),
            points=tuple(await cards.checklist(tx, self._setting, filing)),
            words=tuple(await reviews.words(tx, filing.id)),
            files=tuple(await self._evidence.files(tx, filing.id)),
            until=cards.until(self._setting, filing, review),
            binding=await cards.binding(tx, filing),
            second_person=cards.needs_second(self._setting, filing),
            approval=approval,
            confirmable=other,
        )

    @staticmethod
    async def check_seen(tx: Tx, filing: Filing, seen: str) -> None:
        """Check that somebody decides about what they have seen, by the fingerprint of it.

        Raises:
            OutOfOrder: the application has changed meanwhile.
        """
        if seen != await cards.binding(tx, filing):
            message = "The application has changed since you opened this page: please look at it again."
            raise OutOfOrder(message)

    async def pictures(self, tx: Tx, token: str, file_id: int) -> Sequence[bytes]:
        """Open the pictures of a file, as JPEG; that somebody looks is on record.

        Raises:
            NotFound: there is none, or as `reviewer`.
        """
        reviewer, filing = await self._at(tx, token, _WORK)
        return await self._evidence.pictures(tx, reviewer, filing.id, file_id)

    async def settle(self, tx: Tx, token: str, *, confirmed: bool) -> None:
        """Confirm, as the second person, that an application is approved; or deny it.

        Raises:
            OutOfOrder: nothing waits to be confirmed.
        """
        reviewer, filing = await self.reviewer(tx, token)
        approval = await cards.proposal(tx, filing)
        if approval is None:
            message = f"Nothing waits to be confirmed of {filing.number}."
            raise OutOfOrder(message)
        settle = self._reviews.confirm if confirmed else self._reviews.deny
        await settle(tx, reviewer, approval)

    async def sweep(self, tx: Tx) -> None:
        """Forget links whose time is over."""
        await reviews.forget_desks(tx, self._setting.now())
