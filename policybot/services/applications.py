"""Applications: a room is filed, and its owner answers the reviewers, chooses, or takes it back."""

from dataclasses import replace

from policybot.domain import filing as rules
from policybot.domain import taking
from policybot.domain.errors import NotFound, NotPermitted, OutOfOrder
from policybot.domain.filing import Filing, State, Step
from policybot.domain.rank import Control
from policybot.domain.taking import View
from policybot.services.agreements import Agreements
from policybot.services.filings import Filings, cause
from policybot.services.members import Members
from policybot.services.reviews import Reviews, check_said
from policybot.services.setting import Setting
from policybot.store import filings, rooms
from policybot.store.database import Tx, next_number


class Applications:
    """The service for applications."""

    def __init__(
        self,
        setting: Setting,
        applied: Filings,
        reviews: Reviews,
        people: Members,
        signatures: Agreements,
    ) -> None:
        """Put applications before the reviewers; ask who is verified and who has signed."""
        self._setting = setting
        self._filings = applied
        self._reviews = reviews
        self._members = people
        self._agreements = signatures

    async def submit(
        self, tx: Tx, applicant: str, *, view: View | None, category: str, purpose: str
    ) -> Filing:
        """File a room as the bot sees it, or one that is to be made.

        Raises:
            NotFound: the operator has no such category.
            OutOfOrder: something has to come first; the message says what.
            NotPermitted: the room is not the applicant's, or they have filed as many as one may.
        """
        config, now = self._setting.config.filing, self._setting.now()
        found = next((c for c in config.categories if c.id == category.lower()), None)
        if found is None:
            known = ", ".join(c.id for c in config.categories)
            message = f"There is no category «{category}». Categories: {known}."
            raise NotFound(message)
        await self._members.may_publish(tx, applicant, found.assurance)
        await self._agreements.require(tx, applicant)
        room_id = view.room_id if view else ""
        if view is not None:
            server = self._setting.config.homeserver.server_name
            taking.check(view, applicant, bot=self._setting.config.bot_user_id, server_name=server)
        await self._check_free(tx, applicant, room_id)
        draft = Filing(
            id=0,
            room_id=room_id,
            control=Control.SHARED if view else Control.CREATED,
            applicant=applicant,
            purpose=purpose.strip(),
            categories=(found.id,),
            state=State.DRAFT,
            submitted_at=now,
        )
        filing = replace(rules.submitted(draft), id=await next_number(tx, "filing"))
        if not await filings.add(tx, filing):
            message = "Somebody has filed this room in this very moment."
            raise OutOfOrder(message)
        self._filings.remember(tx, applicant, "filing:submit", filing, room=room_id, category=found.id)
        self._reviews.opened(tx, filing)
        return filing

    async def _check_free(self, tx: Tx, applicant: str, room_id: str) -> None:
        existing = await filings.of_room(tx, room_id) if room_id else None
        if existing is not None:
            if not rules.owned_by(existing, applicant):
                message = "This room has been filed by somebody else."
                raise OutOfOrder(message)
            message = f"You have filed this room already: {existing.number}, {existing.in_words}."
            raise OutOfOrder(message)
        mine = await filings.of_applicant(tx, applicant)
        allowed = self._setting.config.filing.rooms_per_person
        if sum(f.state not in rules.ENDED for f in mine) >= allowed:
            message = f"One person can have {allowed} rooms filed at a time, and you have as many."
            raise NotPermitted(message)

    async def adopt(self, tx: Tx, applicant: str, text: str, *, really: bool) -> Filing:
        """Choose that a new room shall take an old one's place, or that it stays as it is.

        Raises:
            OutOfOrder: it is decided already, or the bot needs a rank first.
        """
        filing = await self._filings.visible(tx, applicant, text, staff=False)
        chosen = rules.controlled(filing, Control.ADOPTED if really else Control.SHARED)
        room = await rooms.get(tx, filing.room_id)
        if really and room is not None:
            taking.check_adoptable(room.levels, self._setting.config.bot_user_id)
        if chosen == filing:
            return filing
        await filings.save(tx, chosen)
        self._filings.remember(tx, applicant, "filing:control", chosen, control=chosen.control.value)
        said = (
            f"{filing.number}: the applicant chose another way.\n{taking.for_reviewer(chosen.control)}"
        )
        self._setting.tell_staff(tx, said, cause=f"filing {filing.id}")
        await self._reviews.changed(tx, chosen)
        return chosen

    async def answer(self, tx: Tx, applicant: str, text: str, answer: str) -> Filing:
        """Answer the reviewer's question."""
        filing = await self._filings.visible(tx, applicant, text, staff=False)
        await self._agreements.require(tx, applicant)
        check_said(answer, "your answer")
        filing = replace(rules.moved(filing, Step.ANSWER), reason=answer)
        await filings.save(tx, filing)
        self._setting.tell_staff(
            tx,
            f"{filing.number}: the applicant answers: {answer}\n"
            f"Next: !policy approve {filing.number} · !policy reject {filing.number} REASON",
            cause=cause(filing),
        )
        self._filings.remember(tx, applicant, "filing:answer", filing, answer=answer)
        await self._reviews.changed(tx, filing)
        return filing

    async def withdraw(self, tx: Tx, applicant: str, text: str) -> Filing:
        """Take an application back before it is decided."""
        filing = await self._filings.visible(tx, applicant, text, staff=False)
        filing = rules.moved(filing, Step.WITHDRAW)
        await filings.save(tx, filing)
        self._filings.remember(tx, applicant, "filing:withdraw", filing)
        await self._reviews.changed(tx, filing)
        return filing
