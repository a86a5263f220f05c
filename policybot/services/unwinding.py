"""Unwinding: an overturned decision is void from the beginning, with all that was built on it."""

from dataclasses import replace

from policybot.domain import ladder
from policybot.domain.case import Case
from policybot.domain.decision import IN_FORCE, Decision, State
from policybot.domain.effects import Restore
from policybot.domain.errors import NotFound, OutOfOrder
from policybot.domain.ladder import Act
from policybot.domain.report import Outcome
from policybot.domain.sanction import BINDING
from policybot.services import answers, ledgers
from policybot.services.cases import Cases
from policybot.services.referrals import Referrals
from policybot.services.sanctions import Sanctions
from policybot.services.setting import Setting
from policybot.store import audit, decisions, outbox, removals, sanctions
from policybot.store.database import Tx

_RESTORED = "Restored after appeal"


class Unwinding:
    """The service that undoes decisions."""

    def __init__(
        self, setting: Setting, casework: Cases, measures: Sanctions, referred: Referrals
    ) -> None:
        """Work with the services that hold cases and sanctions, and what was handed over of them."""
        self._referrals = referred
        self._setting = setting
        self._cases = casework
        self._sanctions = measures

    async def undo(self, tx: Tx, decision: Decision, case: Case, by: str) -> list[str]:
        """Void a decision and take back what it did; tell everybody who was told of it.

        Returns a line for each later decision that was made harsher by it.
        """
        await decisions.save(tx, replace(decision, state=State.OVERTURNED))
        await self._sanctions.take_back(tx, decision, by)
        await self._cases.overturned(tx, case)
        await self._referrals.correct(tx, decision)
        if decision.interim:
            return []  # the case is still to be decided, and nobody was told of an outcome
        await answers.give(tx, self._setting, case.number, case.id, Outcome.OVERTURNED)
        return await self.reconsider(tx, decision)

    async def reconsider(self, tx: Tx, void: Decision) -> list[str]:
        """Look at later decisions that counted the void one; lift at once what it made harsher."""
        policy = self._setting.ladder
        found = await ledgers.entries(
            tx, void.scope, void.scope_key, void.user_id, void.room_id, void.occurred_at
        )
        lines = []
        for later in found:
            if later.id == void.id or later.state not in IN_FORCE:
                continue
            if later.decided_at <= void.decided_at:
                continue
            act = Act(
                scope=later.scope,
                key=later.scope_key,
                severity=later.severity,
                occurred_at=later.occurred_at,
                decided_at=later.decided_at,
                incident=later.number,
            )
            strikes = ledgers.strikes_of((d for d in found if d.id < later.id), policy, later.scope_key)
            now = ladder.propose(policy, act, strikes)
            if now.band == later.history:
                continue
            line = f"{later.number}: history was {later.history.value}, is {now.band.value}"
            if now.cell < later.measure:
                taken = await sanctions.of_decision(tx, later.id)
                if taken is not None and taken.state in BINDING:
                    because = f"recalculated after {void.number} was overturned"
                    await self._sanctions.lift(tx, "system:appeal", later.case_id, because)
                    line += "; its measure was lifted"
            lines.append(line)
        if lines:
            text = "Please review these later decisions:\n" + "\n".join(lines)
            self._setting.tell_staff(tx, text, cause=f"decision {void.id}")
        return lines

    async def restore(self, tx: Tx, author: str, case_id: int | None) -> None:
        """Post a removed message again, at its author's wish, after the removal was overturned.

        Raises:
            NotFound: there is nothing of theirs to restore.
            OutOfOrder: it was restored before.
        """
        found = await decisions.of_case(tx, case_id) if case_id is not None else []
        removed = [d for d in found if d.remove and d.state is State.OVERTURNED]
        gone = await removals.of_decision(tx, removed[-1].id) if removed else []
        if not gone or removed[-1].user_id != author:
            message = "There is nothing to restore under this number."
            raise NotFound(message)
        await decisions.lock(tx, removed[-1].id)  # of two who ask at once one does it
        cause = f"restore {removed[-1].id}"
        if not await outbox.never_queued(tx, cause):
            message = "It was put back already."
            raise OutOfOrder(message)
        number = removed[-1].number
        reason = f"{_RESTORED}, {number}"
        back = [
            # As with its removal: a number would say whose account the other is.
            Restore(one.room_id, one.event_id, reason if one.sender == author else _RESTORED)
            for one in gone
        ]
        self._setting.queue(tx, back, cause=cause)
        audit.append(tx, at=self._setting.now(), actor=author, tag="message:restore", object=number)
