"""Deletions: closed rooms are proposed for it, two people order it, and the block can be lifted."""

from dataclasses import dataclass, replace

from policybot.domain import case as case_rules
from policybot.domain import decision as decision_rules
from policybot.domain import deletion as rules
from policybot.domain import notice, number
from policybot.domain.appeal import Kind as AppealKind
from policybot.domain.appeal import State as AppealState
from policybot.domain.case import Case
from policybot.domain.decision import Approval, Decision
from policybot.domain.deletion import Deletion, State
from policybot.domain.effects import Effect, Notify, Say
from policybot.domain.errors import Incomplete, NotFound, OutOfOrder
from policybot.domain.ladder import Scope
from policybot.domain.measure import Kind
from policybot.domain.permission import Permission
from policybot.domain.room_measure import DeleteRoom, UnblockRoom
from policybot.services import statements
from policybot.services.cases import Cases
from policybot.services.proposals import propose
from policybot.services.setting import Setting
from policybot.store import appeals, audit, cases, decisions, deletions, filings, rooms, sanctions
from policybot.store.database import Tx
from policybot.store.members import accounts_of
from policybot.store.rooms import Kind as RoomKind

_BATCH = 100


@dataclass(frozen=True, slots=True)
class Proposed:
    """A deletion that waits for a second person."""

    decision: Decision
    room_id: str
    approval: Approval


class Deletions:
    """The service for the deletion of closed rooms."""

    needs = Permission.CASE_DECIDE

    def __init__(self, setting: Setting, casework: Cases) -> None:
        """Work with the service that knows who is a party to a case."""
        self._setting = setting
        self._cases = casework

    async def _closure(self, tx: Tx, text: str) -> tuple[Decision, Case]:
        """Find the decision that closed a room, by its case or by the room's record number.

        Raises:
            NotFound: there is none.
        """
        case_id = number.parse_case(text)
        found = await decisions.of_case(tx, case_id) if case_id is not None else []
        filing = await filings.get(tx, text.upper()) if case_id is None else None
        if filing is not None and filing.room_id:
            for sanction in await sanctions.binding_on(tx, None, filing.room_id):
                decision = await decisions.get(tx, sanction.decision_id)
                found += [decision] if decision else []
        for decision in reversed(found):
            closes = decision.scope is Scope.ROOM and decision.measure.kind is Kind.CLOSE
            case = await cases.get(tx, decision.case_id) if closes else None
            if case is not None and decision.state in decision_rules.IN_FORCE:
                return decision, case
        message = f"No room was closed under {text[:40]}. Write its case, or its record number."
        raise NotFound(message)

    async def _check(self, tx: Tx, decision: Decision) -> str:
        """Check that a room may be deleted now; name it, for it may have been replaced since.

        Raises:
            OutOfOrder: it may not.
        """
        before = await deletions.of_decision(tx, decision.id)
        if before is not None and before.gone:
            message = f"{decision.number}: the room is deleted already, or about to be ({before.state})."
            raise OutOfOrder(message)
        sanction = await sanctions.of_decision(tx, decision.id)
        if sanction is None:
            message = f"{decision.number}: the room is not closed."
            raise OutOfOrder(message)
        made = await appeals.named(tx, AppealKind.DECISION, decision.case_id)
        rules.check(
            decision,
            sanction,
            appealed=any(a.state is AppealState.SUBMITTED for a in made),
            until=await statements.appealable_until(tx, self._setting, decision),
            now=self._setting.now(),
        )
        return str(sanction.room_id)

    async def propose(self, tx: Tx, by: str, text: str) -> Proposed:
        """Propose to delete a closed room; a second person always has to confirm it.

        Raises:
            NotFound: no room was closed under that number.
            NotPermitted: they are a party to it.
            OutOfOrder: the closure can still be overturned.
        """
        decision, case = await self._closure(tx, text)
        case_rules.impartial(case, by, await self._cases.involved(tx, case))
        room_id = await self._check(tx, decision)
        approval = await propose(
            tx,
            self._setting,
            by=by,
            subject=f"deletion {decision.id}",
            binding=rules.binding(decision, room_id),
        )
        self._remember(tx, by, "room:propose_delete", decision, room=room_id)
        return Proposed(decision, room_id, approval)

    # Confirming: `services.approvals.Act` --------------------------------------------------------

    async def _proposed(self, tx: Tx, approval: Approval) -> tuple[Decision, Case]:
        decision = await decisions.get(tx, int(approval.subject.partition(" ")[2]))
        case = await cases.get(tx, decision.case_id) if decision else None
        if decision is None or case is None:
            message = f"Nothing waits under the code {approval.code}."
            raise NotFound(message)
        return decision, case

    async def confirm(self, tx: Tx, by: str, approval: Approval) -> str:
        """Order the deletion, and tell who answers for the room."""
        decision, case = await self._proposed(tx, approval)
        parties = await self._cases.involved(tx, case)
        proposers = await accounts_of(tx, approval.proposer)
        decision_rules.confirmable(approval, by, self._setting.now(), parties, proposers)
        await decisions.lock(tx, decision.id)  # the closure may be lifted in this very moment
        room_id = await self._check(tx, decision)
        if rules.binding(decision, room_id) != approval.binding:
            message = f"What was proposed under {approval.code} has changed since. Propose it anew."
            raise OutOfOrder(message)
        await decisions.end_approval(tx, approval.code, "given", by)
        await deletions.save(tx, Deletion(decision.id, room_id, State.ORDERED, self._setting.now()))
        effects: list[Effect] = [
            Say(room_id, self._farewell()),
            DeleteRoom(room_id, self._setting.config.closing_notice),
        ]
        filing = await filings.of_room(tx, room_id)
        if filing is not None:
            text = (
                f"Your room {filing.number} has been closed since the decision {decision.number}, which "
                "cannot be appealed any more. It is being deleted now: everybody is let out, and nobody "
                "can enter it. What was written is kept with the homeserver. Questions: "
                f"{self._setting.config.operator.contact}"
            )
            effects.append(Notify(filing.applicant, text))
        self._setting.queue(tx, effects, cause=_cause(decision.id))
        self._remember(tx, by, "room:delete", decision, room=room_id)
        return f"{decision.number}: {room_id} is being deleted. I say so here when it is done."

    def _farewell(self) -> str:
        operator = self._setting.config.operator
        return (
            f"This room has long been closed, and is being deleted now by {operator.name}: everybody is "
            f"let out of it, and nobody is blamed by that. Questions: {operator.contact}"
        )

    async def check_denying(self, tx: Tx, by: str, approval: Approval) -> None:
        """Check that no party denies it."""
        _, case = await self._proposed(tx, approval)
        decision_rules.deniable(by, await self._cases.involved(tx, case))

    async def dropped(self, tx: Tx, by: str, approval: Approval, state: str) -> None:
        """Note that nobody confirmed it: the room stays closed."""
        decision, _ = await self._proposed(tx, approval)
        self._remember(tx, by, f"room:delete_{state}", decision)
        if state == "expired":
            said = f"The proposal {approval.code} has expired. Nothing was deleted."
            self._setting.tell_staff(tx, said, cause=approval.subject)

    # Afterwards ----------------------------------------------------------------------------------

    async def done(self, tx: Tx, room_id: str) -> None:
        """Note that a room is deleted: it is none of ours any more."""
        deletion, now = await deletions.of_room(tx, room_id), self._setting.now()
        if deletion is None or deletion.state is not State.ORDERED:
            return
        await deletions.save(tx, replace(deletion, state=State.DONE, at=now))
        room = await rooms.get(tx, room_id)
        if room is not None:
            await rooms.save(tx, replace(room, kind=RoomKind.OTHER), now)
            await self._setting.room_changed(tx, room_id)
        decision = await decisions.get(tx, deletion.decision_id)
        called = decision.number if decision else room_id
        audit.append(tx, at=now, actor="system:outbox", tag="room:deleted", object=called, room=room_id)
        self._setting.tell_staff(
            tx,
            f"{called}: {room_id} is deleted: nobody is in it, and nobody can enter it. What was "
            f"written is kept. To let people in again: !policy unblock {called} REASON. Its filing "
            "stays suspended until somebody revokes it.",
            cause=_cause(deletion.decision_id),
        )

    async def unblock(self, tx: Tx, by: str, text: str, reason: str) -> str:
        """Lift the block of a deleted room; name the room.

        Raises:
            NotFound: no room was closed under that number.
            NotPermitted: they are a party to it.
            Incomplete: no reason is given.
            OutOfOrder: it is not deleted.
        """
        decision, case = await self._closure(tx, text)
        case_rules.impartial(case, by, await self._cases.involved(tx, case))
        if len(reason.strip()) < notice.MIN_FACTS:
            message = "Please say in a sentence why."
            raise Incomplete(message)
        deletion = await deletions.of_decision(tx, decision.id)
        if deletion is None or deletion.state is not State.DONE:
            message = f"{decision.number}: the room is not deleted."
            raise OutOfOrder(message)
        now = self._setting.now()
        await deletions.save(tx, replace(deletion, state=State.UNBLOCKED, at=now))
        lifted = UnblockRoom(deletion.room_id, self._setting.config.closing_notice)
        self._setting.queue(tx, [lifted], cause=_cause(decision.id))
        self._remember(tx, by, "room:unblock", decision, reason=reason.strip())
        return deletion.room_id

    async def tick(self, tx: Tx) -> None:
        """Propose rooms that have been closed for long, each once."""
        after = self._setting.config.filing.delete_closed_after
        if after is None:
            return
        now, window = self._setting.now(), self._setting.ladder.appeal_window
        for decision_id in await deletions.to_propose(tx, now - after, now - window, _BATCH):
            decision = await decisions.get(tx, decision_id)
            sanction = await sanctions.of_decision(tx, decision_id)
            if decision is None or sanction is None or sanction.room_id is None:
                continue
            if await statements.appealable_until(tx, self._setting, decision) >= now:
                continue  # let in after its time
            await deletions.save(tx, Deletion(decision_id, sanction.room_id, State.PROPOSED, now))
            self._setting.tell_staff(
                tx,
                f"{decision.number}: {sanction.room_id} has been closed for {after.days} days, and that "
                "cannot be appealed any more. If it is to go, two of you can delete it: !policy delete "
                f"{decision.number}\n{rules.CONSEQUENCES}\nNothing happens by itself.",
                cause=_cause(decision_id),
            )

    def _remember(self, tx: Tx, actor: str, tag: str, decision: Decision, **payload: str) -> None:
        audit.append(
            tx,
            at=self._setting.now(),
            actor=actor,
            tag=tag,
            object=decision.number,
            decision=decision.id,
            **{"room": str(decision.room_id)} | payload,
        )


def _cause(decision_id: int) -> str:
    return f"deletion {decision_id}"
