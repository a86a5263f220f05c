"""Watches: accounts that are to stay suspended are looked at, and set right where they are free."""

import logging
from datetime import timedelta

from policybot.domain import watch as rules
from policybot.domain.deviation import Answer
from policybot.domain.effects import SuspendAccount
from policybot.domain.sanction import State
from policybot.domain.watch import Watch
from policybot.ports import Impossible, Later, RoomLook
from policybot.services.setting import Setting
from policybot.store import audit, decisions, outbox, sanctions, watches
from policybot.store.database import Database, Tx

log = logging.getLogger(__name__)

_AT_ONCE = 5
"""Accounts of one tick; each costs one request."""
_SOON = timedelta(minutes=1)
"""When an account is looked at again for which something is under way."""
_AFTER_FAILURE = timedelta(minutes=10)


class Watches:
    """The service that looks after suspended accounts."""

    def __init__(self, setting: Setting) -> None:
        """Work in a setting."""
        self._setting = setting

    async def some(self, database: Database, look: RoomLook) -> int:
        """Look at some accounts that are due; return how many there were."""
        now = self._setting.now()
        async with database.transaction() as tx:
            due = await watches.take_due(tx, now, now + _AFTER_FAILURE, _AT_ONCE)
            newest = await outbox.last(tx)
        for watch in due:
            try:
                suspended = await look.is_suspended(watch.user_id)
            except Later as error:
                log.info("Accounts are looked at later: %s", error)
                break
            except Impossible as error:
                log.warning("%s cannot be looked at: %s", watch.user_id, error)
                continue
            async with database.transaction() as tx:
                await self._note(tx, watch, newest, suspended=suspended)
        return len(due)

    async def _note(self, tx: Tx, watch: Watch, newest: int, *, suspended: bool) -> None:
        """Keep what a look has shown, unless something was done by us meanwhile."""
        now, config, user_id = self._setting.now(), self._setting.config, watch.user_id
        if not await outbox.is_quiet(tx, user_id, newest):
            await watches.save(tx, watch, now + _SOON)
            return
        wanted = SuspendAccount(user_id)
        binding = [s for s in await sanctions.binding_on(tx, user_id, None) if wanted in s.restraints]
        if not binding:
            await watches.end(tx, user_id)
            return
        active = next((s for s in binding if s.state is State.ACTIVE and not s.dry), None)
        if active is None:
            await watches.save(tx, watch, now + _SOON)
            return
        mend = config.measures.repair and not config.dry_run
        found, answer = rules.looked(watch, now, suspended=suspended, mend=mend)
        decision = await decisions.get(tx, active.decision_id)
        number = decision.number if decision else ""
        mends = answer in (Answer.MEND, Answer.MEND_AND_TELL)
        await watches.save(tx, found, now + (_SOON if mends else config.measures.look_every))
        if answer is not Answer.NOTHING:
            self._answer(tx, found, number, answer, named=user_id == active.user_id)

    def _answer(self, tx: Tx, watch: Watch, number: str, answer: Answer, *, named: bool) -> None:
        """Set right or tell what was found; another account of the person is not named."""
        who = watch.user_id if named else "another account of the same person"
        said = f"{number}: somebody has ended the suspension of {who} on the homeserver, and not by me."
        tag = "watch:find"
        if answer in (Answer.MEND, Answer.MEND_AND_TELL):
            tag = "watch:mend"
            self._setting.queue(tx, [SuspendAccount(watch.user_id)], cause=f"watch {watch.user_id}")
            said += " I set it right."
        if answer is Answer.GIVE_UP:
            said += (
                f" That is the {watch.count}th time within a day, so I leave it until the day is over."
            )
        if answer in (Answer.TELL, Answer.GIVE_UP):
            said += f" If that was meant: !policy lift {number} REASON. If not, ask your administrators."
        audit.append(tx, at=self._setting.now(), actor="system:clock", tag=tag, object=number)
        if answer is not Answer.MEND:
            self._setting.tell_staff(tx, said, cause=f"watch {watch.user_id}")
