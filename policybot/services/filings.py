"""Filings: find them, keep them true while they are in force, and end them."""

from dataclasses import replace

from policybot.domain import filing as rules
from policybot.domain import number, taking, validity
from policybot.domain import register as register_rules
from policybot.domain.errors import NotFound, NotPermitted, OutOfOrder
from policybot.domain.filing import Filing, State, Step
from policybot.domain.identity import Assurance
from policybot.domain.rank import Control, control
from policybot.domain.sanction import Label, hides_room
from policybot.services import labels
from policybot.services.agreements import Agreements
from policybot.services.members import Members
from policybot.services.register import Register, public_reason
from policybot.services.setting import Setting
from policybot.store import audit, deputies, filings, members, rooms, sanctions, vacancies
from policybot.store.database import Tx

_BATCH = 100


class Filings:
    """The service for filings."""

    def __init__(
        self, setting: Setting, people: Members, signatures: Agreements, register: Register
    ) -> None:
        """Work with the services that know who is verified and who has signed, and tell the register."""
        self._setting = setting
        self._register = register
        self._members = people
        self._agreements = signatures

    async def reach(self, tx: Tx, filing: Filing) -> str:
        """Say how far the bot's rank reaches in a room: as it is once it is governed, else as chosen."""
        room = await rooms.get(tx, filing.room_id)
        if room is None or room.kind is not rooms.Kind.GOVERNED:
            return taking.for_reviewer(filing.control)
        return taking.for_reviewer(control(room.levels, self._setting.config.bot_user_id))

    async def visible(self, tx: Tx, viewer: str, text: str, *, staff: bool) -> Filing:
        """Read a filing that the viewer may see.

        Raises:
            NotFound: there is none for them; a mistyped record number is told as such.
        """
        wanted = text.upper()
        filing = await filings.get(tx, wanted)
        mine = filing is not None and rules.owned_by(filing, viewer)
        if filing is not None and (mine or (staff and filing.state is not State.DRAFT)):
            return filing
        if filing is None and number.looks_like_record(wanted) and not number.is_record(wanted):
            message = f"{text} is not a record number: its check characters do not fit. A typo?"
            raise NotFound(message)
        message = f"There is no filing {text} that you can see."
        raise NotFound(message)

    async def lookup(self, tx: Tx, text: str) -> Filing:
        """Find the public record of a room by its number or by the room.

        Raises:
            NotFound: no room in force has it.
        """
        public = rules.IN_FORCE | {State.SUSPENDED, State.EXPIRED, State.REVOKED}
        found = await (filings.of_room(tx, text) if text[0] == "!" else filings.get(tx, text.upper()))
        if found is not None and found.state in public and found.record_number:
            return found
        if number.looks_like_record(text.upper()) and not number.is_record(text.upper()):
            message = f"{text} is not a record number: its check characters do not fit. A typo?"
            raise NotFound(message)
        message = f"Nothing is on record under {text}."
        raise NotFound(message)

    async def may_answer(self, tx: Tx, filing: Filing) -> None:
        """Check that the applicant may answer for the room today.

        Raises:
            OutOfOrder: they may not; the message says to them what to do.
        """
        config = self._setting.config.filing
        needed = [c.assurance for c in config.categories if c.id in filing.categories]
        level = max(needed, key=lambda a: a.level, default=Assurance.LOW)
        await self._members.may_publish(tx, filing.applicant, level)
        await self._agreements.require(tx, filing.applicant)

    async def shown(self, tx: Tx, filing_id: int) -> None:
        """Tell the owner once the room is labelled and in the directory."""
        filing = await filings.get(tx, f"F-{filing_id}")
        if filing is None or filing.state is not State.APPROVED:
            return
        self._setting.tell(
            tx,
            filing.applicant,
            f"Your room is approved under the record number {filing.number}. It is in the "
            f"directory now, and the approval is valid until {filing.valid_until:%-d %B %Y}. "
            f"{_TAKEN[filing.control].format(room=filing.room_id)}\n"
            "What everybody can read of it: "
            f"{self._setting.config.web.public_url}/register/{filing.number}\n"
            "I remind you before the approval ends.",
            cause=cause(filing),
        )

    async def renew(self, tx: Tx, applicant: str, text: str) -> Filing:
        """Prolong an approval whose time is nearly over, or bring everything back once it is."""
        filing = await self.visible(tx, applicant, text, staff=False)
        await self.may_answer(tx, filing)
        now, valid_for = self._setting.now(), self._setting.config.filing.valid_for
        was_hidden = filing.state is State.EXPIRED
        if filing.state is State.APPROVED and filing.valid_until is not None:
            begins = validity.first_reminder(filing.valid_until)
            message = (
                f"{filing.number} is approved until {filing.valid_until:%-d %B %Y}. It can be renewed "
                f"from {begins:%-d %B %Y} on; I remind you then."
            )
            raise OutOfOrder(message)
        filing = rules.renewed(filing, now=now, valid_for=valid_for)
        await filings.save(tx, filing)
        if was_hidden:
            back = [*labels.public(filing), *labels.ornaments(self._setting.config, filing)]
            self._setting.queue(tx, back, cause=cause(filing))
        self.remember(tx, applicant, "filing:renew", filing)
        return filing

    async def remind(self, tx: Tx) -> None:
        """Remind the owners 30, 7 and 1 days before their approval runs out, each once."""
        now = self._setting.now()
        for filing in await filings.running_out(tx, now, _BATCH):
            until = filing.valid_until
            days = validity.reminder(until, filing.reminded, now) if until else None
            if days is None:
                continue
            reminded = rules.reminded(filing, days)
            await filings.save(tx, reminded)
            self._setting.tell(
                tx,
                filing.applicant,
                f"The approval of your room {filing.number} ends {validity.in_words(days)}, on "
                f"{until:%-d %B %Y}. To keep it, write: !policy renew {filing.number}",
                cause=cause(filing),
            )
            self.remember(tx, "system:clock", "filing:remind", reminded)

    async def expire(self, tx: Tx) -> int:
        """Hide the rooms whose approval nobody has renewed; return how many there were."""
        due = await filings.run_out(tx, self._setting.now(), _BATCH)
        for filing in due:
            await self._expire(tx, filing)
        return len(due)

    async def _expire(self, tx: Tx, filing: Filing) -> Filing:
        expired = rules.moved(filing, Step.EXPIRE)
        await filings.save(tx, expired)
        self._setting.queue(tx, labels.hidden(filing), cause=cause(filing))
        self._setting.tell(
            tx,
            filing.applicant,
            f"The approval of your room {filing.number} has ended, because it was not renewed. The room "
            "stays yours, and is no longer in the directory; its label is withdrawn. Everything comes "
            f"back with: !policy renew {filing.number}",
            cause=cause(filing),
        )
        self.remember(tx, "system:clock", "filing:expire", expired)
        return expired

    @staticmethod
    async def check_revocable(tx: Tx, by: str, filing: Filing) -> None:
        """Check that a filing can be revoked by somebody, before it is proposed and again after.

        Raises:
            NotPermitted: it is their own.
            OutOfOrder: it is not in force.
        """
        if by in await members.accounts_of(tx, filing.applicant):
            message = f"{filing.number} is your own filing: somebody else decides about it."
            raise NotPermitted(message)
        rules.moved(filing, Step.REVOKE)

    async def revoked(
        self, tx: Tx, by: str, filing: Filing, reason: str, *, again: bool = False
    ) -> Filing:
        """Take an approval back, after a second person agreed; `again` after an appeal that failed."""
        reason, for_all = register_rules.marked(reason)
        public = " (It stands in the public register as well.)" if for_all else ""
        filing = replace(rules.moved(filing, Step.REVOKE), reason=reason)
        await filings.save(tx, filing)
        self._setting.queue(tx, labels.hidden(filing), cause=cause(filing))
        if not again:  # the answer to the appeal has told it
            self._setting.tell(
                tx,
                filing.applicant,
                f"The approval of your room {filing.number} was revoked. Reason: {reason}{public}\n"
                "The room stays yours, and is no longer in the directory.\n"
                f"{objecting(filing.number, self._setting.ladder.appeal_window.days)}",
                cause=cause(filing),
            )
        if for_all:
            self._register.moved(tx, filing, Step.REVOKE, public_reason(reason))
        self.remember(tx, by, "filing:revoke", filing, reason=reason)
        await self._setting.room_changed(tx, filing.room_id)
        return filing

    async def restored(self, tx: Tx, by: str, filing: Filing) -> Filing:
        """Let an approval hold again whose revocation was overturned, for the time that is left.

        What hides the room for another reason goes on, and shows it when it ends.
        """
        back = rules.moved(filing, Step.RESTORE)
        await filings.save(tx, back)
        self.remember(tx, by, "filing:restore", back)
        back = replace(back, version=back.version + 1)
        binding = await sanctions.binding_on(tx, None, back.room_id or None)
        if any(hides_room(one) for one in binding):
            back = rules.moved(back, Step.SUSPEND)
            await filings.save(tx, back)
            self.remember(tx, by, "filing:suspend", back)
        elif back.valid_until is not None and back.valid_until <= self._setting.now():
            back = await self._expire(tx, back)
        else:
            shown = [*labels.public(back), *labels.ornaments(self._setting.config, back)]
            self._setting.queue(tx, shown, cause=cause(back))
        await self._setting.room_changed(tx, back.room_id)
        return back

    async def hand_over(self, tx: Tx, by: str, filing: Filing, taken: Filing) -> None:
        """Let somebody else answer for a room; whatever was asked about that before is over."""
        owner = taken.applicant
        asked = await deputies.get(tx, filing.id)
        if asked is not None and asked.user_id == owner:
            await deputies.save(tx, replace(asked, user_id="", agreed_at=None))
        await filings.end_transfer(tx, filing.id)
        await vacancies.forget(tx, filing.id)
        await filings.save(tx, replace(taken, deputy=None if taken.deputy == owner else taken.deputy))
        self.remember(tx, by, "filing:transfer", taken, before=filing.applicant)
        self._register.noted(tx, taken, register_rules.HANDED_OVER)
        self._setting.name_changed(tx, owner)  # the register finds the room by whoever answers for it

    async def restricted(self, tx: Tx, by: str, room_id: str, step: Step, said: str = "") -> None:
        """Let the state of a room's filing follow a sanction on the room; everybody reads `said`."""
        filing = await filings.of_room(tx, room_id)
        if filing is None:
            return
        if (filing.state, step) not in rules.MOVES:
            if step is Step.SUSPEND and filing.state is State.SUSPENDED:  # a hold, until now
                self._register.noted(tx, filing, register_rules.why(step, said))
            return
        moved = rules.moved(filing, step)
        await filings.save(tx, moved)
        await self._setting.room_changed(tx, room_id)
        if said:
            self._register.moved(tx, moved, step, said)
        self.remember(tx, by, f"filing:{step}", moved)
        # The sanction itself takes the room out of the directory and its label, and gives them back.
        if step is Step.SUSPEND:
            self._setting.queue(tx, labels.stripped(filing), cause=cause(filing))
        elif filing.valid_until is not None and filing.valid_until <= self._setting.now():
            await self._expire(tx, replace(moved, version=moved.version + 1))
        else:
            back = labels.ornaments(self._setting.config, filing)
            self._setting.queue(tx, back, cause=cause(filing))

    def remember(self, tx: Tx, actor: str, tag: str, filing: Filing, **payload: str) -> None:
        """Write an audit entry about a filing, and tell the register."""
        audit.append(tx, at=self._setting.now(), actor=actor, tag=tag, object=filing.number, **payload)
        self._register.moved(tx, filing, tag.partition(":")[2])


def objecting(number: str, days: int) -> str:
    """Say how to object to what was decided about a filing."""
    return (
        f"If you think it is wrong, you can appeal within {days} days, and somebody who had no part in "
        f"it decides: !policy appeal {number} YOUR REASONS"
    )


_TAKEN = {
    Control.SHARED: "I have taken a moderator's rank in the room, as the agreement says.",
    Control.CREATED: "I have made it and invited you: https://matrix.to/#/{room}",
    Control.ADOPTED: "It goes on in a new room, to which the old one leads: https://matrix.to/#/{room} "
    "Please look whether everything is as you want it; members are being invited.",
}


def label_of(filing: Filing) -> Label:
    """Say what the label of a filed room reads."""
    return Label(filing.number, filing.categories)


def cause(filing: Filing) -> str:
    """Name a filing as the cause of effects."""
    return f"filing {filing.id}"
