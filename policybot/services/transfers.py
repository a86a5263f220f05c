"""Transfers: somebody else answers for a room from now on; and rooms that nobody answers for."""

from dataclasses import replace
from datetime import timedelta

from policybot.domain import filing as rules
from policybot.domain import taking
from policybot.domain.errors import NotFound, NotPermitted, OutOfOrder
from policybot.domain.filing import Filing
from policybot.domain.rank import TOP, Control
from policybot.services.agreements import Agreements
from policybot.services.filings import Filings
from policybot.services.members import Members
from policybot.services.setting import Setting
from policybot.store import filings, rooms
from policybot.store.database import Tx
from policybot.store.filings import Transfer

_OWNER_LEVELS = {
    Control.CREATED: taking.OWNERS,
    Control.ADOPTED: taking.HIGHEST,
    Control.SHARED: TOP,
    Control.NONE: TOP,
}
_BATCH = 100
_DAY = timedelta(days=1)
_LOOK_BACK = timedelta(days=30)
"""How long ago a link may have ended and still be told of: longer than the clock ever stands still."""


class Transfers:
    """The service for who answers for a room."""

    def __init__(
        self, setting: Setting, applications: Filings, people: Members, signatures: Agreements
    ) -> None:
        """Work with the services that know filings, and who is verified and has signed."""
        self._setting = setting
        self._filings = applications
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
        if not rules.owned_by(filing, by) and filing.ownerless_since is None:
            message = f"{filing.number} has an owner: {filing.applicant} can hand it over."
            raise NotPermitted(message)
        if to in (filing.applicant, self._setting.config.bot_user_id):
            message = f"{to} cannot take {filing.number} over."
            raise OutOfOrder(message)
        rules.handed_over(filing, to)
        before = await filings.transfer(tx, filing.id)
        if before is not None and now - before.asked_at < rules.TRANSFER_PAUSE:
            message = f"You have just asked {before.to}. Please give them an hour."
            raise NotPermitted(message)
        await filings.ask_to_take(tx, Transfer(filing.id, by, to, now))
        self._setting.tell(
            tx,
            to,
            f"{by} asks you to answer for the public room {filing.number} "
            f"(https://matrix.to/#/{filing.room_id}) from now on. You would answer for what is "
            f"published there, and renew its approval. If you want that: "
            f"!policy accept {filing.number}\nIf not, do nothing: the question ends after "
            f"{rules.TRANSFER_LIFE.days} days.",
            cause=_cause(filing),
        )
        self._remember(tx, by, "filing:offer", filing, to=to)
        return filing

    async def accept(self, tx: Tx, by: str, text: str) -> Filing:
        """Answer for a room from now on.

        Raises:
            NotFound: nobody has asked them.
            OutOfOrder: they are not verified, have not signed, or the room cannot be handed over.
            NotPermitted: they have as many rooms as one may.
        """
        filing = await filings.get(tx, text.upper())
        asked = await filings.transfer(tx, filing.id) if filing else None
        now = self._setting.now()
        late = asked is not None and now - asked.asked_at >= rules.TRANSFER_LIFE
        if filing is None or asked is None or asked.to != by or late:
            message = f"Nobody has asked you to take over {text[:40]}."
            raise NotFound(message)
        taken = rules.handed_over(filing, by)
        config = self._setting.config.filing
        needed = [c.assurance for c in config.categories if c.id in filing.categories]
        for level in needed or [c.assurance for c in config.categories]:
            await self._members.may_publish(tx, by, level)
        await self._agreements.require(tx, by)
        mine = await filings.of_applicant(tx, by)
        if sum(f.state not in rules.ENDED for f in mine) >= config.rooms_per_person:
            message = f"One person can have {config.rooms_per_person} rooms, and you have as many."
            raise NotPermitted(message)
        await filings.end_transfer(tx, filing.id)
        await filings.save(tx, taken)
        self._remember(tx, by, "filing:transfer", taken, before=filing.applicant)
        self._setting.name_changed(tx, by)  # the register finds the room by whoever answers for it
        text = f"{by} answers for the room {filing.number} now, in place of {filing.applicant}."
        self._setting.tell(tx, filing.applicant, text, cause=_cause(filing))
        self._setting.tell_staff(tx, text + await self._rank(tx, taken), cause=_cause(filing))
        return taken

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
            self._setting.tell(
                tx,
                asked.asker,
                f"{asked.to} has not taken over {filing.number}. Nothing has changed. To ask somebody "
                f"else: !policy transfer {filing.number} USER",
                cause=_cause(filing),
            )

    # A room without an owner ---------------------------------------------------------------------

    async def watch(self, tx: Tx) -> None:
        """Tell the review room of rooms whose owner is linked to nobody any more, once each."""
        now = self._setting.now()
        for filing in await filings.newly_ownerless(tx, now - _LOOK_BACK, _BATCH):
            await self._needs_owner(tx, filing, "their account is linked to no verified person any more")
        for filing in await filings.owned_again(tx, now - _DAY, _BATCH):
            await filings.save(tx, replace(filing, ownerless_since=None))

    async def is_owner(self, tx: Tx, room_id: str, user_id: str) -> bool:
        """Say whether somebody answers for a room of which that is not in doubt already."""
        filing = await filings.of_room(tx, room_id)
        if filing is None or filing.state in rules.WAITING:
            return False
        return rules.owned_by(filing, user_id) and filing.ownerless_since is None

    async def left(self, tx: Tx, room_id: str) -> None:
        """Note that the owner of a room has left it: an account that is closed leaves all its rooms."""
        filing = await filings.of_room(tx, room_id)
        if filing is not None and filing.state not in rules.WAITING:
            await self._needs_owner(tx, filing, "they have left the room, or their account is closed")

    async def _needs_owner(self, tx: Tx, filing: Filing, why: str) -> None:
        await filings.save(tx, replace(filing, ownerless_since=self._setting.now()))
        self._remember(tx, "system:clock", "filing:ownerless", filing)
        self._setting.tell_staff(
            tx,
            f"{filing.number} ({filing.place}) needs an owner: {filing.applicant} answered for it, "
            f"and {why}. Nothing else happens by itself. Next: find somebody who takes it over, then "
            f"!policy transfer {filing.number} USER",
            cause=_cause(filing),
        )

    def _remember(self, tx: Tx, actor: str, tag: str, filing: Filing, **payload: str) -> None:
        self._filings.remember(tx, actor, tag, filing, **payload)


def _cause(filing: Filing) -> str:
    return f"filing {filing.id}"
