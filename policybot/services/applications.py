"""Applications: a room is filed, and its owner answers the reviewers, chooses, or takes it back."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from policybot.domain import application, taking
from policybot.domain import filing as rules
from policybot.domain.application import Form
from policybot.domain.errors import Incomplete, NotFound, NotPermitted, OutOfOrder, Refused
from policybot.domain.filing import Filing, State, Step
from policybot.domain.identity import Assurance
from policybot.domain.name import one_line
from policybot.domain.rank import Control
from policybot.domain.taking import View
from policybot.services.agreements import Agreements
from policybot.services.drafts import Drafts
from policybot.services.filings import Filings, cause
from policybot.services.members import Members
from policybot.services.reviews import Reviews, check_said
from policybot.services.setting import Setting
from policybot.store import filings, members, rooms
from policybot.store.database import Tx, next_number

Sight = View | str | None
"""A room as the bot sees it; or why it sees none, in a sentence; None if it is not there."""
NOT_IN = "I am not in that room yet, if it exists. Please invite {} to it, then try again."
_Check = Callable[[], Awaitable[None]]
_LONGEST_PURPOSE = 8000
"""Characters of a purpose that is given with the command, which can be as long as that."""


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that has to hold before a filing can be handed in."""

    text: str
    """That it does, or what to do."""
    holds: bool


class Applications:
    """The service for applications."""

    def __init__(  # noqa: PLR0913, PLR0917 - the services that know what has to come first
        self,
        setting: Setting,
        applied: Filings,
        reviews: Reviews,
        people: Members,
        signatures: Agreements,
        forms: Drafts,
    ) -> None:
        """Put applications before the reviewers; ask who is verified and who has signed."""
        self._drafts = forms
        self._setting = setting
        self._filings = applied
        self._reviews = reviews
        self._members = people
        self._agreements = signatures

    async def submit(
        self, tx: Tx, applicant: str, *, view: View | None, category: str, purpose: str
    ) -> Filing:
        """File a room as the bot sees it, or one that is to be made, without the form.

        Raises:
            NotFound: the operator has no such category.
            OutOfOrder: something has to come first; the message says what.
            NotPermitted: the room is not the applicant's, or they have filed as many as one may.
        """
        draft = Filing(
            id=0,
            room_id=view.room_id if view else "",
            control=Control.SHARED if view else Control.CREATED,
            applicant=applicant,
            purpose=one_line(purpose, _LONGEST_PURPOSE),
            categories=(self.category(category),),
            state=State.DRAFT,
            submitted_at=self._setting.now(),
        )
        await self._check(tx, draft, view)
        filing = replace(rules.submitted(draft), id=await next_number(tx, "filing"))
        if not await filings.add(tx, filing):
            message = "Somebody has filed this room in this very moment."
            raise OutOfOrder(message)
        self._opened(tx, filing)
        return filing

    def category(self, text: str) -> str:
        """Read a category.

        Raises:
            NotFound: the operator has none of that name.
        """
        known = [c.id for c in self._setting.config.filing.categories]
        if text.lower() not in known:
            message = f"There is no category «{text[:40]}». Categories: {', '.join(known)}."
            raise NotFound(message)
        return text.lower()

    def _opened(self, tx: Tx, filing: Filing) -> None:
        room, categories = filing.room_id, " ".join(filing.categories)
        remember = self._filings.remember
        remember(tx, filing.applicant, "filing:submit", filing, room=room, category=categories)
        self._reviews.opened(tx, filing)

    # By the form ---------------------------------------------------------------------------------

    def form(self, filing: Filing) -> Form:
        """Say what the form of a filing asks for."""
        return Form(
            applicant=filing.applicant,
            bot=self._setting.config.bot_user_id,
            categories=[c.id for c in self._setting.config.filing.categories],
            new=not filing.room_id,
            asked=filing.state is State.NEEDS_INFO,
        )

    async def hand_in(self, tx: Tx, token: str, typed: Mapping[str, str], sight: Sight) -> Filing:
        """Hand a form in: a draft goes to the reviewers, an answer back to the one who asked.

        Raises:
            Mistaken: with every mistake that is in it.
            NotFound: the link is dead.
            OutOfOrder: it was handed in already, or something has to come first.
            NotPermitted: the room is not the applicant's, or they have filed as many as one may.
        """
        filing = await self._drafts.open_filing(tx, token)
        applied = application.read(typed, self.form(filing))
        changed = replace(
            filing,
            purpose=applied.purpose,
            categories=applied.categories,
            about=applied.about,
            deputy=applied.deputy,
            control=applied.control,
        )
        await self._check(tx, changed, sight)
        self._confirm(tx, changed, sight)
        if filing.state is State.NEEDS_INFO:
            return await self._answered(tx, changed, applied.answer)
        handed_in = replace(rules.submitted(changed), submitted_at=self._setting.now())
        await filings.save(tx, handed_in)
        await self._drafts.handed_in(tx, handed_in)
        self._opened(tx, handed_in)
        return handed_in

    def _confirm(self, tx: Tx, filing: Filing, sight: Sight) -> None:
        """Tell the account that a form of its was handed in: whoever has the link could have done it."""
        number, levels = filing.number, sight.levels if isinstance(sight, View) else None
        said = f"Your answer about {number} is with the reviewer."
        if filing.state is State.DRAFT:
            said = (
                f"Your filing is in: {number}. A reviewer will look at it, and I will tell you what "
                f"they say. {taking.for_owner(filing.control, levels)}"
            )
        self._setting.tell(
            tx,
            filing.applicant,
            f"{said}\nWhere it stands: !policy status {number}. If it was not you: !policy withdraw "
            f"{number}",
            cause=cause(filing),
        )

    async def _check(self, tx: Tx, filing: Filing, sight: Sight) -> None:
        """Check that a room may be filed now; no two are while this looks.

        Raises:
            Refused: it may not; the message says what has to come first.
        """
        await filings.wait_for_turn(tx)
        for check in self._conditions(tx, filing, sight).values():
            await check()

    async def conditions(self, tx: Tx, filing: Filing, sight: Sight) -> list[Condition]:
        """Say what has to hold before a filing can be handed in, and whether it does."""
        found = []
        for met, check in self._conditions(tx, filing, sight).items():
            try:
                await check()
            except Refused as refusal:
                found.append(Condition(str(refusal), holds=False))
            else:
                found.append(Condition(met, holds=True))
        return found

    def _conditions(self, tx: Tx, filing: Filing, sight: Sight) -> dict[str, _Check]:
        """List what has to hold, by what is said where it does; each check raises where it does not."""
        found: dict[str, _Check] = {
            "You are verified well enough.": lambda: self._check_verified(tx, filing),
            "You have signed the agreement.": lambda: self._agreements.require(tx, filing.applicant),
        }
        if filing.room_id:
            room = "I am in your room, it can be public, and it is yours to file."
            found[room] = lambda: self._check_room(filing, sight)
            found["Nobody else has filed the room."] = lambda: self._check_free(tx, filing)
        found["You can have another room."] = lambda: self._check_caps(tx, filing)
        return found

    async def _check_verified(self, tx: Tx, filing: Filing) -> None:
        categories = self._setting.config.filing.categories
        needed = [c.assurance for c in categories if c.id in filing.categories]
        level = max(needed, key=lambda a: a.level, default=Assurance.LOW)
        await self._members.may_publish(tx, filing.applicant, level)

    async def _check_room(self, filing: Filing, sight: Sight) -> None:
        bot = self._setting.config.bot_user_id
        if not isinstance(sight, View):
            raise OutOfOrder(sight or NOT_IN.format(bot))
        server = self._setting.config.homeserver.server_name
        taking.check(sight, filing.applicant, bot=bot, server_name=server)
        if filing.control is Control.ADOPTED:
            taking.check_adoptable(sight.levels, bot)

    @staticmethod
    async def _check_free(tx: Tx, filing: Filing) -> None:
        existing = await filings.of_room(tx, filing.room_id)
        if existing is None or existing.id == filing.id:
            return
        if not rules.owned_by(existing, filing.applicant):
            message = "This room has been filed by somebody else."
            raise OutOfOrder(message)
        message = f"You have filed this room already: {existing.number}, {existing.in_words}."
        raise OutOfOrder(message)

    async def _check_caps(self, tx: Tx, filing: Filing) -> None:
        """Check how many rooms a person has filed, by all their accounts, and an organisation."""
        config = self._setting.config.filing
        accounts = await members.accounts_of(tx, filing.applicant)
        mine = [f for account in accounts for f in await filings.of_applicant(tx, account)]
        counted = [f for f in mine if f.state not in rules.NOT_COUNTED and f.id != filing.id]
        if len(counted) >= config.rooms_per_person:
            message = (
                f"One person can have {config.rooms_per_person} rooms filed at a time, and you have as "
                "many."
            )
            raise NotPermitted(message)
        name = application.key(filing.about.organisation)
        if name and await filings.of_organisation(tx, name, filing.id) >= config.rooms_per_organisation:
            message = (
                f"In the name of one organisation {config.rooms_per_organisation} rooms can be filed at "
                "a time, and there are as many in this name."
            )
            raise NotPermitted(message)

    # While it waits ------------------------------------------------------------------------------

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
        if faults := application.too_long({"answer": answer}, {"answer": application.LIMITS["answer"]}):
            raise Incomplete(faults["answer"])
        return await self._answered(tx, filing, one_line(answer, application.LIMITS["answer"]))

    async def _answered(self, tx: Tx, filing: Filing, answer: str) -> Filing:
        filing = replace(rules.moved(filing, Step.ANSWER), reason=answer)
        await filings.save(tx, filing)
        await self._drafts.handed_in(tx, filing)
        self._setting.tell_staff(
            tx,
            f"{filing.number}: the applicant answers: {answer}\n"
            f"Next: !policy show {filing.number} · !policy approve {filing.number} · "
            f"!policy ask {filing.number} QUESTION · !policy reject {filing.number} REASON",
            cause=cause(filing),
        )
        self._filings.remember(tx, filing.applicant, "filing:answer", filing, answer=answer)
        await self._reviews.changed(tx, filing)
        return filing

    async def withdraw(self, tx: Tx, applicant: str, text: str) -> Filing:
        """Take an application back before it is decided; of a draft nothing is left."""
        filing = await self._filings.visible(tx, applicant, text, staff=False)
        if filing.state is State.DRAFT:
            await self._drafts.discard(tx, applicant, filing)
            return filing
        filing = rules.moved(filing, Step.WITHDRAW)
        await filings.save(tx, filing)
        await self._drafts.handed_in(tx, filing)
        self._filings.remember(tx, applicant, "filing:withdraw", filing)
        await self._reviews.changed(tx, filing)
        return filing
