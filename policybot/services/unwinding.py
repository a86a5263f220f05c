"""Unwinding: an overturned decision is void from the beginning, with all that was built on it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from policybot.domain import copy as rules
from policybot.domain import notice, referral
from policybot.domain.case import Case
from policybot.domain.decision import IN_FORCE, Decision, State
from policybot.domain.effects import Redact, Restore, Say
from policybot.domain.errors import NotFound, OutOfOrder
from policybot.domain.measure import Measure
from policybot.domain.recheck import Recheck
from policybot.domain.report import Outcome
from policybot.services import answers, places, statements
from policybot.services.cases import Cases
from policybot.services.copies import Copies
from policybot.services.rechecks import Rechecks
from policybot.services.referrals import Referrals
from policybot.services.sanctions import Sanctions, cause_of
from policybot.services.setting import Setting
from policybot.store import audit, decisions, moves, outbox, removals, rooms, sanctions
from policybot.store.copies import Copy
from policybot.store.database import Tx, next_number
from policybot.store.rooms import Kind

_RESTORED, _WHY = "Restored", "its removal was undone"


@dataclass(frozen=True, slots=True)
class Restored:
    """What came of the wish to have messages back."""

    posted: int
    gone: int
    """How many of them are not kept any more."""
    homeless: int
    """How many were in rooms that are not looked after any more."""


class Unwinding:
    """The service that undoes decisions."""

    def __init__(  # noqa: PLR0913, PLR0917 - what a decision may have led to
        self,
        setting: Setting,
        casework: Cases,
        measures: Sanctions,
        again: Rechecks,
        kept: Copies,
        referred: Referrals,
    ) -> None:
        """Work with the services of all that a decision may have led to."""
        self._referrals = referred
        self._setting = setting
        self._cases = casework
        self._sanctions = measures
        self._rechecks = again
        self._copies = kept

    async def lock(self, tx: Tx, decision: Decision) -> None:
        """Let others wait who change a decision that may be void, or what was decided after it."""
        await self._rechecks.lock(tx, decision)

    async def hold(self, tx: Tx, found: Sequence[Decision], case_ids: Collection[int]) -> None:
        """Let others wait who change several decisions that are to be void, or their cases."""
        await self._rechecks.hold(tx, found, reopening=case_ids)

    async def undo(
        self, tx: Tx, decision: Decision, case: Case, by: str, appellant: str
    ) -> list[Recheck]:
        """Void a decision after an appeal, take back what it did, and tell everybody who was told of it.

        The appellant is told by whoever decides the appeal. Returns the later decisions that would be
        others without it.
        """
        await self._rechecks.hold(tx, [decision])
        text = notice.void_for_others(case_number=decision.number)
        found = await self.void(tx, decision, by, text, but=appellant)
        await self._cases.overturned(tx, case)
        if (
            not decision.interim
        ):  # else the case is still to be decided, and nobody was told of an outcome
            await answers.give(tx, self._setting, case.number, case.id, Outcome.OVERTURNED)
        return found

    async def void(  # noqa: PLR0913 - who reads what of it
        self, tx: Tx, decision: Decision, by: str, text: str, *, but: str = "", untold: str = ""
    ) -> list[Recheck]:
        """Void a decision from the beginning; everybody who was told of it reads `text`, `but` one.

        Whom it concerns and nobody has told yet reads `untold`, if something of it was carried out.
        """
        told = await self._told(tx, decision)
        await decisions.save(tx, replace(decision, state=State.OVERTURNED))
        await self._sanctions.take_back(tx, decision, by)
        self._remember(tx, by, "decision:overturn", decision)
        for user_id in told:
            if user_id != but:
                self._setting.tell(tx, user_id, text, cause=f"notice {decision.id} after")
        concerned = await statements.concerned(tx, decision)
        if untold and concerned and concerned not in told and await self._felt(tx, decision):
            self._setting.tell(tx, concerned, untold, cause=f"notice {decision.id} after")
        await self._tell_rooms(tx, decision)
        await self._referrals.correct(tx, decision)
        await self._rechecks.end(tx, decision.id, decision.number, by, "the decision was overturned")
        return [] if decision.interim else await self._rechecks.flag(tx, decision)

    async def modify(
        self, tx: Tx, decision: Decision, measure: Measure, by: str, appellant: str
    ) -> Decision:
        """Put a milder measure in the place of a decision; the time served is credited.

        Raises:
            Incomplete: the measure cannot be carried.
        """
        await self._rechecks.hold(tx, [decision])
        told = await self._told(tx, decision)
        anew = await self._rechecks.anew(tx, decision)
        await decisions.save(tx, replace(decision, state=State.MODIFIED))
        milder = replace(
            decision,
            id=await next_number(tx, "decision"),
            state=State.FINAL,
            measure=measure,
            remove=False,
            span=None,
            publish=False,  # that takes two people
            decider=by,
            approver=None,
            supersedes=decision.id,
            decided_at=self._setting.now(),
            told_at=None,
            read_at=None,
            version=1,
        )
        said = statements.phrases(self._setting, decision.language)
        statement = notice.with_measure(
            await decisions.statement(tx, decision.id), measure, decision.scope, said
        )
        if anew is not None:
            milder = replace(milder, history=anew.band, explanation=anew.explain())
            statement = replace(statement, history=notice.history(len(anew.counted), said))
        await decisions.add(tx, milder, statement)
        place = await places.of(tx, self._setting, milder.room_id)
        restraints = await self._sanctions.reach.restraints(tx, milder, place)
        grounds = await statements.grounds_of(tx, self._setting, milder, statement)
        # Before the first is taken back, so that there is no gap.
        await self._sanctions.impose(tx, milder, grounds, restraints)
        await self._sanctions.take_back(tx, decision, by)
        self._remember(tx, by, "decision:modify", milder, instead_of=decision.id)
        reached = {await statements.concerned(tx, milder), *await sanctions.accounts(tx, milder.id)}
        words = statements.in_words(self._setting, milder)
        text = notice.milder_for_others(case_number=decision.number, measure=words)
        for user_id in told:
            if user_id != appellant and user_id not in reached:
                self._setting.tell(tx, user_id, text, cause=f"notice {decision.id} after")
        await self._referrals.correct(tx, decision, referral.CHANGED)
        await self._rechecks.end(tx, decision.id, decision.number, by, "the measure was made milder")
        await self._rechecks.flag(tx, decision)
        return milder

    async def _told(self, tx: Tx, decision: Decision) -> list[str]:
        """List who was told of a decision, or is about to be, by what was sent."""
        n = f"notice {decision.id}"
        return await outbox.addressed(tx, (n, f"{n} also", f"{n} after"))

    @staticmethod
    async def _felt(tx: Tx, decision: Decision) -> bool:
        """Say whether anything of a decision was carried out."""
        return await outbox.any_done(tx, cause_of(decision))

    async def _tell_rooms(self, tx: Tx, decision: Decision) -> None:
        """Say in the rooms in which messages are gone that the decision is void: all have seen that."""
        where = await outbox.done_in(tx, cause_of(decision), Redact.__name__)
        gone = await removals.of_decision(tx, decision.id) if where else []
        for room_id in where:
            senders = [one.sender for one in gone if one.room_id == room_id]
            named = decision.user_id in senders  # as in what stands in their place
            now_in = await moves.now(tx, room_id)
            room = await rooms.get(tx, now_in)
            if room is None or room.kind is not Kind.GOVERNED or decision.interim:
                continue
            number = decision.number if named else ""
            text = notice.void_in_room(case_number=number, removed=len(senders))
            self._setting.queue(tx, [Say(now_in, text)], cause=f"void {decision.id}")

    def _remember(self, tx: Tx, by: str, tag: str, decision: Decision, **payload: str | int) -> None:
        audit.append(
            tx,
            at=self._setting.now(),
            actor=by,
            tag=tag,
            object=decision.number,
            decision=decision.id,
            rule=decision.rule_id,
            severity=decision.severity.value,
            scope=decision.scope.value,
            measure=str(decision.measure),
            **payload,
        )

    # What was removed ------------------------------------------------------------------------------

    async def restorable(self, tx: Tx, decision: Decision) -> bool:
        """Say whether what a decision removed can be posted again, at its author's wish."""
        return (
            decision.remove
            and await self._undone(tx, decision)
            and await outbox.never_queued(tx, _cause(decision))
        )

    @staticmethod
    async def restored(tx: Tx, decision: Decision) -> bool:
        """Say whether what a decision removed is being posted again, or was."""
        return decision.remove and not await outbox.never_queued(tx, _cause(decision))

    @staticmethod
    async def _undone(tx: Tx, decision: Decision) -> bool:
        """Say whether what a decision removed is not to be gone: it is void, or a milder one is not."""
        if decision.state is not State.MODIFIED:
            return decision.state is State.OVERTURNED
        others = await decisions.of_case(tx, decision.case_id)
        return not any(one.remove and one.state in IN_FORCE for one in others)

    async def restore(self, tx: Tx, author: str, case_id: int | None) -> Restored:
        """Post removed messages again, at their author's wish, after the removal was undone.

        They come in the order of their time, each with its newest text, in the room that their room is
        now.

        Raises:
            NotFound: there is nothing of theirs to restore.
            OutOfOrder: it was restored before, or nothing can be.
        """
        found = await decisions.of_case(tx, case_id) if case_id is not None else []
        removed = [one for one in found if one.remove and await self._undone(tx, one)]
        decision = removed[-1] if removed else None
        gone = await removals.of_decision(tx, decision.id) if decision else []
        if decision is None or not gone or not await statements.is_about(tx, author, decision):
            message = "There is nothing to restore under this number."
            raise NotFound(message)
        await decisions.lock(tx, decision.id)  # of two who ask at once one does it
        if not await outbox.never_queued(tx, _cause(decision)):
            message = "It was put back already."
            raise OutOfOrder(message)
        theirs = {decision.user_id, *await sanctions.accounts(tx, decision.id)}
        theirs_gone = {one.event_id for one in gone if one.sender in theirs}
        kept = [await self._copies.get(tx, event_id) for event_id in theirs_gone]
        # An edit is in what it edited.
        there = [
            one for one in kept if one and one.content and rules.edited(one.content) not in theirs_gone
        ]
        there.sort(key=lambda one: (one.sent_at, one.event_id))
        number = decision.number
        back = [
            effect
            for one in there
            # As with its removal: a number would say whose account the other is.
            if (effect := await _post(tx, one, number if one.sender == decision.user_id else ""))
        ]
        lost = sum(one is None or not one.content for one in kept)
        restored = Restored(len(back), lost, len(there) - len(back))
        if not back:
            message = (
                "I keep the text no more, so I cannot post it again; its time was over."
                if restored.gone
                else "I look after that room no more, so I cannot post there again."
            )
            raise OutOfOrder(message)
        self._setting.queue(tx, back, cause=_cause(decision))
        audit.append(
            tx,
            at=self._setting.now(),
            actor=author,
            tag="message:restore",
            object=decision.number,
            posted=restored.posted,
            gone=restored.gone,
            homeless=restored.homeless,
        )
        return restored


def _cause(decision: Decision) -> str:
    return f"restore {decision.id}"


async def _post(tx: Tx, copy: Copy, number: str) -> Restore | None:
    """Say how a message is posted again where its room is now; None if that is none of ours."""
    room_id = await moves.now(tx, copy.room_id)
    room = await rooms.get(tx, room_id)
    if room is None or room.kind is not Kind.GOVERNED:
        return None
    said = f"{_RESTORED}, {number}: {_WHY}" if number else f"{_RESTORED}: {_WHY}"
    return Restore(room_id, copy.event_id, said)
