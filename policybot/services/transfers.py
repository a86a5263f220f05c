"""Transfers: somebody is asked to answer for a room from now on, and does, or does not."""

from policybot.domain import filing as rules
from policybot.domain import taking
from policybot.domain.errors import NotFound, NotPermitted, OutOfOrder
from policybot.domain.filing import Filing
from policybot.domain.rank import TOP, Control
from policybot.domain.vacancy import Stage
from policybot.services.agreements import Agreements
from policybot.services.deputies import Deputies, asking
from policybot.services.filings import Filings, cause
from policybot.services.members import Members
from policybot.services.setting import Setting
from policybot.services.vacancies import Vacancies
from policybot.store import filings, members, rooms, vacancies
from policybot.store.database import Tx
from policybot.store.filings import Transfer

_OWNER_LEVELS = {
    Control.CREATED: taking.OWNERS,
    Control.ADOPTED: taking.HIGHEST,
    Control.SHARED: TOP,
    Control.NONE: TOP,
}
_BATCH = 100


class Transfers:
    """The service for who answers for a room."""

    def __init__(  # noqa: PLR0913, PLR0917 - whom a hand-over concerns
        self,
        setting: Setting,
        applied: Filings,
        people: Members,
        signatures: Agreements,
        named: Deputies,
        vacant: Vacancies,
    ) -> None:
        """Work with the services that know who has a room, who stands by, and who may answer for it."""
        self._setting = setting
        self._filings = applied
        self._deputies = named
        self._vacancies = vacant
        self._members = people
        self._agreements = signatures

    async def ask(self, tx: Tx, by: str, text: str, to: str, *, staff: bool) -> Filing:
        """Ask somebody to answer for a room.

        Raises:
            NotFound: the asker does not own such a room; staff can ask for one that needs an owner.
            NotPermitted: they asked a moment ago.
            OutOfOrder: the room cannot be handed over now, or not to them.
        """
        filing, now = await self._filings.visible(tx, by, text, staff=staff), self._setting.now()
        vacancy = await vacancies.get(tx, filing.id)
        if vacancy is not None and vacancy.stage is Stage.ASKED:
            message = (
                f"The deputy of {filing.number}, {filing.deputy}, is asked to take it over just now."
            )
            raise OutOfOrder(message)
        if not rules.owned_by(filing, by) and (vacancy is None or vacancy.stage is not Stage.OPEN):
            message = f"{filing.number} has an owner: {filing.applicant} can hand it over."
            raise NotPermitted(message)
        if not rules.owned_by(filing, by) and to in await members.accounts_of(tx, by):
            message = "You cannot give a room to yourself: another reviewer can."
            raise NotPermitted(message)
        if to in (filing.applicant, self._setting.config.bot_user_id):
            message = f"{to} cannot take {filing.number} over."
            raise OutOfOrder(message)
        rules.handed_over(filing, to)
        if await self._deputies.asked(tx, to, filing.number) is not None:
            message = (
                f"{to} is asked to be the deputy, and has not said yet: they cannot be both. To take "
                f"that back first: !policy deputy {filing.number} none"
            )
            raise OutOfOrder(message)
        before = await filings.transfer(tx, filing.id)
        if before is not None and now - before.asked_at < rules.TRANSFER_PAUSE:
            message = f"You have just asked {before.to}. Please give them an hour."
            raise NotPermitted(message)
        await self._deputies.check_asking(tx, by, to)
        await filings.ask_to_take(tx, Transfer(filing.id, by, to, now))
        self._setting.tell(
            tx,
            to,
            f"{by} asks you to answer for the public room {filing.number} "
            f"(https://matrix.to/#/{filing.room_id}) from now on. You would answer for what is "
            f"published there, and renew its approval. If you want that: "
            f"!policy accept {filing.number}\nIf not: !policy decline {filing.number}, or do nothing: "
            f"the question ends after {rules.TRANSFER_LIFE.days} days.",
            cause=asking(to),
        )
        self._remember(tx, by, "filing:offer", filing, to=to)
        return filing

    async def accept(self, tx: Tx, by: str, text: str) -> Filing:
        """Answer for a room from now on.

        Raises:
            NotFound: nobody has asked them.
            OutOfOrder: they are not verified, have not signed, or the room cannot be handed over; or
                its owner answers for it again.
            NotPermitted: they have as many rooms as one may.
        """
        filing, asked = await self._asked(tx, by, text)
        vacancy = await vacancies.get(tx, filing.id)
        if asked.asker != filing.applicant and (
            vacancy is None or await self._vacancies.answers(tx, filing, vacancy)
        ):
            message = f"{filing.applicant} answers for {filing.number} again. Thank you all the same."
            raise OutOfOrder(message)
        taken = rules.handed_over(filing, by)
        await self.may_take(tx, by, filing)
        await self._filings.hand_over(tx, by, filing, taken)
        text = f"{by} answers for the room {filing.number} now, in place of {filing.applicant}."
        self._setting.tell(tx, filing.applicant, text, cause=f"owner {filing.id}")
        self._setting.tell_staff(tx, text + await self._rank(tx, taken), cause=cause(filing))
        return taken

    async def may_take(self, tx: Tx, by: str, filing: Filing) -> None:
        """Check that somebody may answer for a room.

        Raises:
            OutOfOrder: they are not verified to the level that the room asks for, or have not signed.
            NotPermitted: they have as many rooms as one may.
        """
        config = self._setting.config.filing
        needed = [c.assurance for c in config.categories if c.id in filing.categories]
        for level in needed or [c.assurance for c in config.categories]:
            await self._members.may_publish(tx, by, level)
        await self._agreements.require(tx, by)
        accounts = await members.accounts_of(tx, by)
        mine = [f for account in accounts for f in await filings.of_applicant(tx, account)]
        others = [f for f in mine if f.state not in rules.NOT_COUNTED and f.id != filing.id]
        if len(others) >= config.rooms_per_person:
            message = f"One person can have {config.rooms_per_person} rooms, and you have as many."
            raise NotPermitted(message)

    async def _asked(self, tx: Tx, by: str, text: str) -> tuple[Filing, Transfer]:
        """Read what somebody is asked to take over.

        Raises:
            NotFound: nobody has asked them, or it was too long ago.
        """
        known = await filings.get(tx, text.upper())
        # Its owner may be coming back in this moment.
        filing = await filings.hold(tx, known.id) if known else None
        asked = await filings.transfer(tx, filing.id) if filing else None
        late = asked is not None and self._setting.now() - asked.asked_at >= rules.TRANSFER_LIFE
        if filing is None or asked is None or asked.to != by or late:
            message = f"Nobody has asked you to take over {text[:40]}."
            raise NotFound(message)
        return filing, asked

    async def decline(self, tx: Tx, by: str, text: str) -> Filing:
        """Not take a room over, and as its deputy not be that any more either.

        Raises:
            NotFound: nobody has asked them.
        """
        filing, asked = await self._asked(tx, by, text)
        await filings.end_transfer(tx, filing.id)
        self._remember(tx, by, "filing:decline", filing)
        if asked.asker == rules.SYSTEM:
            await self._deputies.strike(tx, filing)
        else:
            self._tell_asker(tx, asked, filing, f"{by} does not want to take over {filing.number}.")
        await self._vacancies.go_on(tx, filing.id)
        return filing

    async def _rank(self, tx: Tx, filing: Filing) -> str:
        room = await rooms.get(tx, filing.room_id)
        if room is None or room.levels.of(filing.applicant) >= _OWNER_LEVELS[filing.control]:
            return ""
        return f" Their power level in the room is {room.levels.of(filing.applicant):g} so far."

    async def forget_unanswered(self, tx: Tx) -> None:
        """Let go what nobody has accepted in time, and tell who asked."""
        before = self._setting.now() - rules.TRANSFER_LIFE
        for asked, filing in await filings.unanswered(tx, before, _BATCH):
            await filings.end_transfer(tx, filing.id)
            if asked.asker != rules.SYSTEM:  # of its deputy the next step tells
                self._tell_asker(tx, asked, filing, f"{asked.to} has not taken over {filing.number}.")

    def _tell_asker(self, tx: Tx, asked: Transfer, filing: Filing, said: str) -> None:
        again = f" Nothing has changed. To ask somebody else: !policy transfer {filing.number} USER"
        self._setting.tell(tx, asked.asker, said + again, cause=f"owner {filing.id}")

    def _remember(self, tx: Tx, actor: str, tag: str, filing: Filing, **payload: str) -> None:
        self._filings.remember(tx, actor, tag, filing, **payload)
