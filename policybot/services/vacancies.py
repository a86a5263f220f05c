"""Vacancies: what is done, each step once, when an owner no longer answers for their room."""

from datetime import timedelta

from policybot.domain import filing as rules
from policybot.domain import vacancy as steps
from policybot.domain.filing import Filing
from policybot.domain.vacancy import Facts, Stage, Vacancy, Why
from policybot.services.deputies import Deputies
from policybot.services.filings import Filings, cause
from policybot.services.setting import Setting
from policybot.store import deletions, filings, vacancies
from policybot.store.database import Tx
from policybot.store.filings import Transfer

_BATCH = 100
_LOOK_BACK = timedelta(days=30)
"""How long ago something may have ended and still be noticed: the clock never stands still so long."""


class Vacancies:
    """The service for rooms whose owner no longer answers for them."""

    def __init__(self, setting: Setting, applied: Filings, named: Deputies) -> None:
        """Ask the deputies that the deputies' service knows."""
        self._setting = setting
        self._filings = applied
        self._deputies = named

    # What is seen in a room ----------------------------------------------------------------------

    async def is_leaving(self, tx: Tx, room_id: str, user_id: str) -> bool:
        """Say whether somebody who leaves a room answers for it, which is not known yet."""
        found = await vacancies.of_room(tx, room_id)
        if found is None or found[0].state in rules.WAITING or not rules.owned_by(found[0], user_id):
            return False
        return found[1] is None or not found[1].away

    async def is_back(self, tx: Tx, room_id: str, user_id: str) -> bool:
        """Say whether somebody who enters a room is its owner, who had left it."""
        found = await vacancies.of_room(tx, room_id)
        return (
            found is not None
            and found[1] is not None
            and rules.owned_by(found[0], user_id)
            and found[1].away
        )

    async def left(self, tx: Tx, room_id: str) -> None:
        """Note that the owner of a room has left it: an account that is closed leaves all its rooms."""
        filing = await filings.of_room(tx, room_id)
        deleted = await deletions.of_room(tx, room_id)
        if deleted is not None and deleted.gone:
            return  # everybody is let out of a room that is deleted
        if filing is not None:
            await self._note(tx, filing.id, Why.LEFT)

    async def back(self, tx: Tx, room_id: str) -> None:
        """Note that they are in it again."""
        filing = await filings.of_room(tx, room_id)
        held = await filings.hold(tx, filing.id) if filing else None
        vacancy = await vacancies.get(tx, held.id) if held else None
        if vacancy is not None and held is not None:
            await vacancies.save(tx, steps.returned(vacancy))
            await self.go_on(tx, held.id)

    # By the clock --------------------------------------------------------------------------------

    async def watch(self, tx: Tx) -> None:
        """Notice who no longer answers for their room, and take the steps that are due."""
        now = self._setting.now()
        for filing_id in await vacancies.unlinked(tx, now - _LOOK_BACK, _BATCH):
            await self._note(tx, filing_id, Why.UNLINKED)
        for filing_id in await vacancies.unverified(tx, now - _LOOK_BACK, _BATCH):
            await self._note(tx, filing_id, Why.UNVERIFIED)
        for filing_id in await vacancies.moving(tx, now - steps.PAUSE):
            await self.go_on(tx, filing_id)

    async def _note(self, tx: Tx, filing_id: int, why: Why) -> None:
        filing = await filings.hold(tx, filing_id)
        if filing is None:
            return
        before = await vacancies.get(tx, filing_id)
        noted = steps.found(before, filing_id, why, self._setting.now())
        if noted == before:
            return
        await vacancies.save(tx, noted)
        if before is None:
            self._filings.remember(tx, "system:clock", "filing:vacant", filing, why=why.value)
            if why is Why.UNVERIFIED:
                await self._tell_unverified(tx, filing, noted)
        await self.go_on(tx, filing_id)

    async def go_on(self, tx: Tx, filing_id: int) -> None:
        """Take the step that is due, if one is."""
        filing, vacancy = await filings.hold(tx, filing_id), await vacancies.get(tx, filing_id)
        if filing is None or vacancy is None:
            return
        if filing.state in rules.ENDED:
            await vacancies.forget(tx, filing_id)
            return
        now, grace = self._setting.now(), self._setting.config.filing.owner_grace
        deputy = await self._deputies.ready(tx, filing)
        facts = Facts(
            answers=await self.answers(tx, filing, vacancy),
            deputy=deputy is not None,
            asked=await filings.transfer(tx, filing_id) is not None,
            movable=filing.state in rules.HANDED_OVER,
        )
        after = steps.went_on(vacancy, facts, now=now, grace=grace)
        if after is None:
            await self._over(tx, filing, vacancy)
        elif after.stage is not vacancy.stage:
            await vacancies.save(tx, after)
            if after.stage is Stage.ASKED and deputy is not None:
                await self._ask(tx, filing, deputy, after)
            elif after.stage is Stage.OPEN:
                await self._open(tx, filing, vacancy)

    @staticmethod
    async def answers(tx: Tx, filing: Filing, vacancy: Vacancy) -> bool:
        """Say whether the owner answers for a room after all."""
        return not vacancy.away and await vacancies.verified(tx, filing)

    # Each step -----------------------------------------------------------------------------------

    async def _tell_unverified(self, tx: Tx, filing: Filing, noted: Vacancy) -> None:
        until = steps.due(noted, self._setting.config.filing.owner_grace)
        if until <= noted.since:
            return  # what follows at once says it all
        deputy = await self._deputies.ready(tx, filing)
        then = (
            f"I ask your deputy {deputy} to take it over"
            if deputy
            else "the reviewers look for somebody else"
        )
        stands = "public" if filing.state in rules.IN_FORCE else filing.in_words
        self._setting.tell(
            tx,
            filing.applicant,
            f"Your room {filing.number} is {stands}, and nobody verified answers for it any more. "
            "If it is to stay so, verify yourself anew: !policy verify. It cannot be renewed before, "
            f"and its approval may be revoked. If you have not by {until:%-d %B %Y}, {then}.",
            cause=_to_owner(filing),
        )
        self._setting.tell_staff(
            tx,
            f"{filing.number} ({filing.place}) is {stands}, and nobody verified answers for it any "
            f"more: the verification of {filing.applicant} has ended. I have asked them "
            f"to verify themselves anew by {until:%-d %B %Y}; then "
            f"{'I ask their deputy to take it over' if deputy else 'it needs another owner'}. Nothing "
            f"else happens by itself.\nNext, if that is too late: !policy revoke {filing.number} REASON",
            cause=cause(filing),
        )

    async def _ask(self, tx: Tx, filing: Filing, deputy: str, vacancy: Vacancy) -> None:
        now = self._setting.now()
        until = now + rules.TRANSFER_LIFE
        await filings.ask_to_take(tx, Transfer(filing.id, rules.SYSTEM, deputy, now))
        self._filings.remember(tx, "system:clock", "filing:offer", filing, to=deputy)
        self._setting.tell(
            tx,
            deputy,
            f"{filing.applicant} no longer answers for the public room {filing.number} "
            f"(https://matrix.to/#/{filing.room_id}), and you are its deputy: please take it over, if "
            "you can. You would answer for what is published there, and renew its approval; you have to "
            "be verified and to have signed the agreement.\n"
            f"To take it over: !policy accept {filing.number}\n"
            f"If you cannot: !policy decline {filing.number}. Without an answer the reviewers look for "
            f"somebody else from {until:%-d %B %Y} on.",
            cause=cause(filing),
        )
        self._setting.tell(
            tx,
            filing.applicant,
            f"I have asked your deputy {deputy} to take over your room {filing.number}, because "
            f"{_YOURS[vacancy.why]}. If you still answer for it: {self._way_back(filing, vacancy)}",
            cause=_to_owner(filing),
        )

    async def _open(self, tx: Tx, filing: Filing, before: Vacancy) -> None:
        filing = await self._deputies.dismiss(tx, filing, "You are not asked to answer for")
        self._filings.remember(tx, "system:clock", "filing:ownerless", filing)
        asked = before.stage is Stage.ASKED
        self._setting.tell_staff(
            tx,
            f"{filing.number} ({filing.place}) needs an owner: {filing.applicant} answered for it, "
            f"and {before.why.in_words}.{' Their deputy has not taken it over.' if asked else ''} "
            "Nothing else happens by itself. Next: find somebody who takes it over, then "
            f"!policy transfer {filing.number} USER",
            cause=cause(filing),
        )
        self._setting.tell(
            tx,
            filing.applicant,
            f"Nobody answers for your room {filing.number} any more, because {_YOURS[before.why]}"
            f"{', and your deputy has not taken it over' if asked else ''}. It stays as it is, and the "
            "reviewers look for somebody who takes it over. If you still answer for it: "
            f"{self._way_back(filing, before)}",
            cause=_to_owner(filing),
        )

    async def _over(self, tx: Tx, filing: Filing, vacancy: Vacancy) -> None:
        """Note that the owner answers for a room again."""
        await vacancies.forget(tx, filing.id)
        self._filings.remember(tx, "system:clock", "filing:owned", filing)
        again = f"{filing.applicant} answers for {filing.number} again"
        handing = await filings.transfer(tx, filing.id)
        if handing is not None and handing.asker != filing.applicant:
            await filings.end_transfer(tx, filing.id)
            said = f"{again}: you need not take it over. Thank you."
            self._setting.tell(tx, handing.to, said, cause=cause(filing))
        if vacancy.stage is Stage.OPEN:
            self._setting.tell_staff(tx, f"{again}: it needs no other owner.", cause=cause(filing))

    @staticmethod
    def _way_back(filing: Filing, vacancy: Vacancy) -> str:
        if vacancy.away:
            return f"enter it again, https://matrix.to/#/{filing.room_id}"
        return "!policy verify"


_YOURS = {
    Why.UNVERIFIED: "your verification has ended",
    Why.UNLINKED: "your account is linked to no verified person any more",
    Why.LEFT: "you have left it",
}


def _to_owner(filing: Filing) -> str:
    """Name the cause of what is told to somebody who may be gone: that they are is no alarm."""
    return f"owner {filing.id}"
