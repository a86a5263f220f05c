"""Drafts: forms of filings that are being filled in, by a link that its account was sent.

A draft is a filing that nobody but its owner sees. It keeps what was typed, right or wrong, until it is
handed in; so does the form of a filing about which a reviewer asks something.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from policybot.domain import application
from policybot.domain import filing as rules
from policybot.domain.application import DRAFT_LIFE, FIELDS, LINK_LIFE, LONGEST_TYPED, MOST_DRAFTS
from policybot.domain.errors import NotFound, NotPermitted, OutOfOrder
from policybot.domain.evidence import File
from policybot.domain.filing import Filing, State
from policybot.domain.particulars import Mistaken
from policybot.domain.rank import Control
from policybot.services.evidence import Evidence
from policybot.services.setting import Setting
from policybot.services.verifications import hashed
from policybot.store import audit, drafts, filings, members, privacy
from policybot.store.database import Tx, next_number
from policybot.store.drafts import Draft, Link
from policybot.store.members import Span

_BATCH = 100
_OPEN = (State.DRAFT, State.NEEDS_INFO)
"""States in which the form can be filled in."""
_DEAD_LINK = (
    "This link is too old, or a newer one was sent. Write !policy file and the number of your draft to "
    "the bot for another; what was saved is there."
)


@dataclass(frozen=True, slots=True)
class Page:
    """A form as it stands."""

    filing: Filing
    typed: Mapping[str, str]
    saved_at: datetime | None
    """When something was saved last; None if nothing was yet."""
    files: Sequence[File]
    earlier: Filing | None
    """The ended filing that this one follows."""

    @property
    def can_change(self) -> bool:
        """Whether the form can still be filled in."""
        return self.filing.state in _OPEN


class Drafts:
    """The service for drafts."""

    def __init__(self, setting: Setting, proofs: Evidence) -> None:
        """Keep files with the evidence service."""
        self._setting = setting
        self._evidence = proofs

    # From the chat to the form --------------------------------------------------------------------

    async def begin(
        self, tx: Tx, applicant: str, *, room_id: str, typed: Mapping[str, str] | None = None
    ) -> Filing:
        """Find somebody's form for a room, or make one; `room_id` is empty if it is to be made.

        Raises:
            OutOfOrder: the room is filed, and nothing about it waits for the applicant.
            NotPermitted: they have as many drafts as one may have.
        """
        mine = await filings.of_applicant(tx, applicant)
        for filing in mine:
            if room_id and filing.room_id == room_id and filing.state in _OPEN:
                return filing
        filed = await filings.of_room(tx, room_id) if room_id else None
        if filed is not None:
            own = f"You have filed this room already: {filed.number}, {filed.in_words}."
            mine_it_is = rules.owned_by(filed, applicant)
            raise OutOfOrder(own if mine_it_is else "This room has been filed by somebody else.")
        return await self._make(tx, applicant, room_id, typed or {})

    async def reopen(self, tx: Tx, filing: Filing) -> Filing:
        """Open the form of a filing again; after it has ended, that of a new one with the same words.

        Raises:
            OutOfOrder: nothing about it waits for its applicant.
            NotPermitted: they have as many drafts as one may have.
        """
        if filing.state in _OPEN:
            return filing
        if filing.state not in rules.ENDED:
            message = f"{filing.number} is {filing.in_words}: its form is closed."
            raise OutOfOrder(message)
        typed = application.typed_of(filing.purpose, filing.categories, filing.about, filing.deputy)
        typed["control"] = "" if filing.control is Control.CREATED else filing.control.value
        for draft in await drafts.of_account(tx, filing.applicant):
            known = await filings.by_id(tx, draft.filing_id)
            if draft.earlier == filing.id and known is not None and known.state is State.DRAFT:
                return known
        filed = await filings.of_room(tx, filing.room_id) if filing.room_id else None
        if filed is not None:
            message = "The room has been filed again since."
            raise OutOfOrder(message)
        return await self._make(tx, filing.applicant, filing.room_id, typed, earlier=filing.id)

    async def _make(
        self,
        tx: Tx,
        applicant: str,
        room_id: str,
        typed: Mapping[str, str],
        earlier: int | None = None,
    ) -> Filing:
        mine = [f for f in await filings.of_applicant(tx, applicant) if f.state is State.DRAFT]
        if len(mine) >= MOST_DRAFTS:
            numbers = ", ".join(f.number for f in mine)
            message = (
                f"You have {len(mine)} drafts: {numbers}. Go on with one of them (!policy file "
                f"{mine[0].number}), or drop one: !policy withdraw {mine[0].number}"
            )
            raise NotPermitted(message)
        now = self._setting.now()
        filing = Filing(
            id=await next_number(tx, "filing"),
            room_id=room_id,
            control=Control.SHARED if room_id else Control.CREATED,
            applicant=applicant,
            purpose="",
            categories=(),
            state=State.DRAFT,
            submitted_at=now,
        )
        await filings.add(tx, filing)
        await drafts.save(tx, Draft(filing.id, applicant, typed, now, earlier))
        self._remember(tx, applicant, "filing:draft", filing)
        return filing

    async def send_link(self, tx: Tx, filing: Filing) -> None:
        """Send somebody the link to their form; an earlier one is void."""
        token, now = self._setting.token(), self._setting.now()
        link = Link(filing.id, filing.applicant, now)
        await drafts.add_link(tx, hashed(token), link, self._until(link))
        config = self._setting.config
        asks = "The reviewer's question stands on it. " if filing.state is State.NEEDS_INFO else ""
        self._setting.tell(
            tx,
            filing.applicant,
            f"The form of {filing.number}:\n{config.web.public_url}/file/{token}\n{asks}"
            f"It is for you alone and works for {config.identity.link_minutes} minutes, longer while "
            f"you write. What you write is saved; for a new link: !policy file {filing.number}",
            cause=f"link filing {filing.applicant}",
        )

    def _until(self, link: Link) -> datetime:
        """Say until when a link works, if it is used now."""
        minutes = timedelta(minutes=self._setting.config.identity.link_minutes)
        return min(self._setting.now() + minutes, link.made_at + LINK_LIFE)

    # The form ------------------------------------------------------------------------------------

    async def filing(self, tx: Tx, token: str) -> Filing:
        """Read the filing that a link is for, whatever has become of it.

        Raises:
            NotFound: the link is dead, or its holder no longer answers for it.
        """
        link = await drafts.link(tx, hashed(token), self._setting.now())
        filing = await filings.by_id(tx, link.filing_id) if link else None
        if link is None or filing is None or filing.applicant != link.user_id:
            raise NotFound(_DEAD_LINK)
        return filing

    async def open_filing(self, tx: Tx, token: str) -> Filing:
        """Read a filing whose form can be filled in.

        Raises:
            NotFound: the link is dead.
            OutOfOrder: it was handed in.
        """
        filing = await self.filing(tx, token)
        if filing.state not in _OPEN:
            message = (
                f"{filing.number} was handed in and is {filing.in_words}: nothing was changed. Where it "
                f"stands: !policy status {filing.number}"
            )
            raise OutOfOrder(message)
        return filing

    async def page(self, tx: Tx, token: str) -> Page:
        """Read a form.

        Raises:
            NotFound: the link is dead.
        """
        filing = await self.filing(tx, token)
        draft = await drafts.get(tx, filing.id)
        typed = application.typed_of(filing.purpose, filing.categories, filing.about, filing.deputy)
        typed["control"] = filing.control.value
        if filing.state is State.DRAFT:
            typed = {}
        return Page(
            filing=filing,
            typed=draft.typed if draft else typed,
            saved_at=draft.changed_at if draft and draft.typed else None,
            files=await self._evidence.files(tx, filing.id),
            earlier=await filings.by_id(tx, draft.earlier) if draft and draft.earlier else None,
        )

    async def save(self, tx: Tx, token: str, typed: Mapping[str, str]) -> datetime:
        """Save what was typed, right or wrong; return when.

        Raises:
            NotFound: the link is dead.
            OutOfOrder: it was handed in.
            Mistaken: a field is longer than any draft keeps.
        """
        filing, now = await self.open_filing(tx, token), self._setting.now()
        faults = application.too_long(typed, dict.fromkeys(FIELDS, LONGEST_TYPED))
        if faults:
            raise Mistaken(faults)
        known = {name: typed[name] for name in FIELDS if typed.get(name)}
        await drafts.save(tx, Draft(filing.id, filing.applicant, known, now))
        link = await drafts.link(tx, hashed(token), now)
        assert link is not None
        await drafts.prolong(tx, hashed(token), self._until(link))
        return now

    async def handed_in(self, tx: Tx, filing: Filing) -> None:
        """Forget what was typed: it stands in the filing now, or is wanted no more."""
        await drafts.drop(tx, filing.id)

    # Being forgotten -----------------------------------------------------------------------------

    async def discard(self, tx: Tx, by: str, filing: Filing) -> None:
        """Forget a draft that its owner does not want any more.

        Raises:
            OutOfOrder: a legal hold lies on it.
        """
        if await privacy.is_held(tx, filing.applicant):
            message = f"A legal hold lies on {filing.number}: it cannot be dropped before that ends."
            raise OutOfOrder(message)
        await self._forget(tx, by, filing)

    async def sweep(self, tx: Tx) -> None:
        """Forget the drafts that nobody has changed for long, and links whose time is over."""
        now = self._setting.now()
        for draft in await drafts.unchanged(tx, now - DRAFT_LIFE, _BATCH):
            filing = await filings.by_id(tx, draft.filing_id)
            if filing is not None and filing.state is State.DRAFT:
                await self._forget(tx, "system:clock", filing)
            else:
                await drafts.drop(tx, draft.filing_id)
        await drafts.forget_links(tx, now)

    async def forget_of(self, tx: Tx, user_id: str, span: Span) -> None:
        """Forget the drafts and files that somebody sent from an account while it was theirs."""
        await drafts.drop_links(tx, user_id)
        for draft in await self._kept_within(tx, user_id, span):
            filing = await filings.by_id(tx, draft.filing_id)
            if filing is not None and filing.state is State.DRAFT:
                await self._forget(tx, "system:privacy", filing)
            else:
                await drafts.drop(tx, draft.filing_id)
        await self._evidence.forget_of(tx, user_id, span)

    @staticmethod
    async def _kept_within(tx: Tx, user_id: str, span: Span) -> list[Draft]:
        """List the drafts of somebody; what nobody known typed is of whoever has the account now."""
        found = []
        for draft in await drafts.of_account(tx, user_id):
            whose = await members.person_at(tx, user_id, draft.changed_at)
            if whose == span.person_id or (whose is None and span.until is None):
                found.append(draft)
        return found

    async def shown(
        self, tx: Tx, spans: Mapping[str, Span]
    ) -> tuple[dict[str, list[dict[str, str]]], dict[str, bytes]]:
        """Give what somebody has typed and not handed in, and their files, for themselves."""
        texts, pictures = await self._evidence.shown(tx, spans)
        for account, span in spans.items():
            for draft in await self._kept_within(tx, account, span):
                texts[f"F-{draft.filing_id}"] = [dict(draft.typed)]
        return texts, pictures

    async def _forget(self, tx: Tx, by: str, filing: Filing) -> None:
        await self._evidence.forget_filing(tx, by, filing.id)
        await drafts.forget_filing(tx, filing.id)
        self._remember(tx, by, "filing:drop", filing)

    def _remember(self, tx: Tx, actor: str, tag: str, filing: Filing) -> None:
        audit.append(tx, at=self._setting.now(), actor=actor, tag=tag, object=filing.number)
