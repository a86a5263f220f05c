"""Deputies: whom an owner names for when they no longer answer for their room, and who agrees to it."""

from dataclasses import replace
from datetime import timedelta

from policybot.domain import filing as rules
from policybot.domain.deputy import A_DAY, AN_HOUR, BY_ONE_OWNER, TO_ONE_PERSON, Asked
from policybot.domain.errors import NotFound, NotPermitted, OutOfOrder
from policybot.domain.filing import Filing
from policybot.domain.vacancy import Stage
from policybot.services.filings import Filings, cause
from policybot.services.setting import Setting
from policybot.store import deputies, filings, members, outbox, vacancies
from policybot.store.database import Tx

_BATCH = 100
_LOOK_BACK = timedelta(days=30)
"""How long ago a link may have ended and still be noticed: longer than the clock ever stands still."""


class Deputies:
    """The service for deputies."""

    def __init__(self, setting: Setting, applied: Filings) -> None:
        """Name them in the filings that the filings' service finds."""
        self._setting = setting
        self._filings = applied

    # By people -----------------------------------------------------------------------------------

    async def name(self, tx: Tx, owner: str, text: str, user_id: str) -> Filing:
        """Name the deputy of one's own room; once it is approved, they are asked at once.

        Raises:
            NotFound: there is no such room of theirs.
            OutOfOrder: it is too late for it, or they cannot be the deputy.
            NotPermitted: somebody was asked a moment ago.
        """
        filing = await self._changeable(tx, owner, text)
        if user_id in (filing.applicant, self._setting.config.bot_user_id):
            message = f"{user_id} cannot be the deputy of {filing.number}."
            raise OutOfOrder(message)
        if user_id == filing.deputy:
            message = f"You have named {user_id} already."
            raise OutOfOrder(message)
        handing = await filings.transfer(tx, filing.id)
        if handing is not None and handing.to == user_id:
            message = f"You have asked {user_id} to take {filing.number} over: they cannot be both."
            raise OutOfOrder(message)
        asks_now = filing.state not in rules.WAITING
        before, now = await deputies.get(tx, filing.id), self._setting.now()
        if asks_now and before is not None and now - before.asked_at < rules.TRANSFER_PAUSE:
            message = "You have just asked somebody to be the deputy. Please wait an hour."
            raise NotPermitted(message)
        if asks_now:
            await self.check_asking(tx, owner, user_id)
        await self._tell_former(tx, filing, "You are not asked to be the deputy for")
        filing = await self._save(tx, filing, user_id)
        self._filings.remember(tx, owner, "filing:deputy", filing, deputy=user_id)
        if asks_now:
            await self._ask(tx, filing, user_id)
        return filing

    async def _changeable(self, tx: Tx, owner: str, text: str) -> Filing:
        filing = await self._filings.visible(tx, owner, text, staff=False)
        if filing.state in rules.ENDED:
            message = f"{filing.number} is {filing.in_words}: it needs no deputy."
            raise OutOfOrder(message)
        vacancy = await vacancies.get(tx, filing.id)
        if vacancy is not None and vacancy.stage is Stage.ASKED:
            message = f"{filing.deputy} is asked to take {filing.number} over just now."
            raise OutOfOrder(message)
        if vacancy is not None and vacancy.stage is Stage.OPEN:
            message = (
                f"{filing.number} needs an owner, and no deputy. To hand it over: "
                f"!policy transfer {filing.number} USER"
            )
            raise OutOfOrder(message)
        return filing

    async def check_asking(self, tx: Tx, owner: str, user_id: str) -> None:
        """Check that somebody may be asked something by an owner: it costs a stranger a message.

        Raises:
            NotPermitted: one of them has had enough of it.
        """
        now = self._setting.now()
        accounts = await members.accounts_of(tx, owner)
        asked = [await deputies.asked_by(tx, account, now - AN_HOUR) for account in sorted(accounts)]
        if sum(asked) >= BY_ONE_OWNER:
            message = f"You have asked {BY_ONE_OWNER} people within the hour. Please wait an hour."
            raise NotPermitted(message)
        if await self._had_enough(tx, user_id):
            message = (
                f"{user_id} has been asked about rooms {TO_ONE_PERSON} times today. Please talk to them "
                "first, and try again tomorrow."
            )
            raise NotPermitted(message)

    async def _had_enough(self, tx: Tx, user_id: str) -> bool:
        since = self._setting.now() - A_DAY
        return await outbox.queued_since(tx, asking(user_id), since) >= TO_ONE_PERSON

    async def _ask(self, tx: Tx, filing: Filing, user_id: str) -> None:
        await deputies.save(tx, Asked(filing.id, user_id, self._setting.now()))
        self._setting.tell(
            tx,
            user_id,
            f"{filing.applicant} asks you to be the deputy for the public room {filing.number} "
            f"(https://matrix.to/#/{filing.room_id}). You would have nothing to do as long as they "
            f"answer for it; if they no longer do, I would ask you to take it over.\nIf you agree: "
            f"!policy accept {filing.number}\nIf not: !policy decline {filing.number}, or do nothing: "
            f"the question ends after {rules.TRANSFER_LIFE.days} days.",
            cause=asking(user_id),
        )

    async def end(self, tx: Tx, owner: str, text: str) -> Filing:
        """Have no deputy for one's own room any more.

        Raises:
            NotFound: there is no such room of theirs.
            OutOfOrder: it has none, or they are asked to take it over just now.
        """
        filing = await self._changeable(tx, owner, text)
        if filing.deputy is None:
            message = f"{filing.number} has no deputy."
            raise OutOfOrder(message)
        filing = await self.dismiss(tx, filing, "You are not asked to be the deputy for")
        self._filings.remember(tx, owner, "filing:undeputy", filing)
        return filing

    async def dismiss(self, tx: Tx, filing: Filing, said: str) -> Filing:
        """Let a room have no deputy, and tell whoever was it, or was asked."""
        await self._tell_former(tx, filing, said)
        return await self.strike(tx, filing)

    async def _tell_former(self, tx: Tx, filing: Filing, said: str) -> None:
        asked = await deputies.get(tx, filing.id)
        if asked is not None and asked.user_id and asked.user_id == filing.deputy:
            text = f"{said} the room {filing.number} any more."
            self._setting.tell(tx, asked.user_id, text, cause=cause(filing))

    async def asked(self, tx: Tx, user_id: str, text: str) -> Filing | None:
        """Find a room whose deputy somebody is asked to be, and has not said yet."""
        filing = await filings.get(tx, text.upper())
        asked = await deputies.get(tx, filing.id) if filing else None
        if filing is None or asked is None or not user_id == asked.user_id == filing.deputy:
            return None
        late = self._setting.now() - asked.asked_at >= rules.TRANSFER_LIFE
        waits = asked.agreed_at is None and not late and filing.state not in rules.ENDED
        return filing if waits else None

    async def agree(self, tx: Tx, filing: Filing) -> None:
        """Be the deputy of a room that `asked` has found."""
        asked, now = await deputies.get(tx, filing.id), self._setting.now()
        assert asked is not None
        await deputies.save(tx, replace(asked, agreed_at=now))
        self._filings.remember(tx, asked.user_id, "filing:stand-by", filing)
        said = f"{asked.user_id} has agreed to be the deputy for your room {filing.number}."
        self._setting.tell(tx, filing.applicant, said, cause=cause(filing))

    async def decline(self, tx: Tx, by: str, text: str) -> Filing:
        """Not be the deputy of a room, or be it no longer.

        Raises:
            NotFound: they are not, and nobody has asked them.
        """
        filing = await filings.get(tx, text.upper())
        asked = await deputies.get(tx, filing.id) if filing else None
        if filing is None or asked is None or not by == asked.user_id == filing.deputy:
            message = f"Nobody has asked you to answer for {text[:40]}."
            raise NotFound(message)
        filing = await self.strike(tx, filing)
        self._filings.remember(tx, by, "filing:decline", filing)
        said = f"{by} does not want to be the deputy for your room {filing.number}."
        self._tell_owner(tx, filing, said)
        return filing

    async def in_words(self, tx: Tx, filing: Filing) -> str:
        """Say to its owner who is the deputy of a room, and whether they have agreed."""
        if filing.deputy is None:
            return ""
        asked = await deputies.get(tx, filing.id)
        if asked is None or asked.user_id != filing.deputy:
            how = "is asked once the room is approved"
        elif asked.agreed_at is None:
            how = "has not answered yet"
        else:
            how = "has agreed"
        return f"Deputy: {filing.deputy} ({how})"

    async def ready(self, tx: Tx, filing: Filing) -> str | None:
        """Name the deputy of a room, if they have agreed."""
        return filing.deputy if await deputies.has_agreed(tx, filing) else None

    # By the clock --------------------------------------------------------------------------------

    async def watch(self, tx: Tx) -> None:
        """Ask whom an approved application names, and strike out who is silent, gone or suspended."""
        now = self._setting.now()
        for filing in await self._held(tx, await deputies.unasked(tx, _BATCH)):
            await self._ask_named(tx, filing)
        gone = await deputies.unlinked(tx, now - _LOOK_BACK, _BATCH)
        for filing in await self._held(tx, [*gone, *await deputies.suspended(tx, _BATCH)]):
            await self._strike_out(tx, filing, f"{filing.deputy} cannot be the deputy for your room ")
        for filing in await self._held(tx, await deputies.silent(tx, now - rules.TRANSFER_LIFE, _BATCH)):
            await self._strike_out(
                tx, filing, f"{filing.deputy} has not said that they will be the deputy for your room "
            )
        await deputies.sweep(tx)

    @staticmethod
    async def _held(tx: Tx, ids: list[int]) -> list[Filing]:
        held = [await filings.hold(tx, filing_id) for filing_id in sorted(set(ids))]
        return [filing for filing in held if filing is not None and filing.deputy is not None]

    async def _ask_named(self, tx: Tx, filing: Filing) -> None:
        assert filing.deputy is not None
        if filing.deputy in (filing.applicant, self._setting.config.bot_user_id):
            await self._strike_out(tx, filing, f"{filing.deputy} cannot be the deputy for your room ")
            return
        if await self._had_enough(tx, filing.deputy):
            return  # it is their turn tomorrow
        await self._ask(tx, filing, filing.deputy)
        self._filings.remember(tx, "system:clock", "filing:deputy", filing, deputy=filing.deputy)

    async def _strike_out(self, tx: Tx, filing: Filing, said: str) -> None:
        # Why is between them and the reviewers: the owner reads that it is so.
        filing = await self.strike(tx, filing)
        self._filings.remember(tx, "system:clock", "filing:undeputy", filing)
        self._tell_owner(tx, filing, f"{said}{filing.number}, so it has none now.")

    def _tell_owner(self, tx: Tx, filing: Filing, said: str) -> None:
        again = f" To name somebody else: !policy deputy {filing.number} USER"
        self._setting.tell(tx, filing.applicant, said + again, cause=f"owner {filing.id}")

    async def strike(self, tx: Tx, filing: Filing) -> Filing:
        """Let a room have no deputy; what they were asked about it is asked no more."""
        asked, deputy = await deputies.get(tx, filing.id), filing.deputy
        if asked is not None:
            # That somebody was asked is kept: each time costs a stranger a message.
            await deputies.save(tx, replace(asked, user_id="", agreed_at=None))
        handing = await filings.transfer(tx, filing.id)
        if handing is not None and handing.asker == rules.SYSTEM and handing.to == deputy:
            await filings.end_transfer(tx, filing.id)
        return await self._save(tx, filing, None)

    @staticmethod
    async def _save(tx: Tx, filing: Filing, deputy: str | None) -> Filing:
        changed = replace(filing, deputy=deputy)
        await filings.save(tx, changed)
        return replace(changed, version=changed.version + 1)


def asking(user_id: str) -> str:
    """Name what somebody is asked in the outbox, by which it is counted."""
    return f"asking {user_id}"
