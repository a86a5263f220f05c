"""Rechecks: later decisions are worked out anew without a void one, lowered, and left to a person."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from policybot.domain import recheck as rules
from policybot.domain.case import Case
from policybot.domain.decision import IN_FORCE, Decision, State
from policybot.domain.errors import NotFound, OutOfOrder
from policybot.domain.ladder import Ladder, Proposal, Scope
from policybot.domain.recheck import Recheck, Replay
from policybot.domain.sanction import BINDING
from policybot.domain.sanction import State as Course
from policybot.services import ledgers
from policybot.services.cases import Cases
from policybot.services.reach import hold_rooms
from policybot.services.sanctions import Sanctions
from policybot.services.setting import Setting
from policybot.store import audit, cases, decisions, members, policies, rechecks, sanctions
from policybot.store.database import Tx, hold_numbers

_BY = "system:appeal"


class Rechecks:
    """The service for later decisions that counted a void one."""

    def __init__(self, setting: Setting, casework: Cases, measures: Sanctions) -> None:
        """Ask the cases' service who is a party; lift by the sanctions' service."""
        self._setting = setting
        self._cases = casework
        self._sanctions = measures

    async def lock(self, tx: Tx, *found: Decision) -> set[int]:
        """Let others wait who change decisions, or what was decided after them; return all these."""
        held = {one.id for one in found}
        for void in found:
            held |= {one.id for one in await self._after(tx, void)}
        await decisions.lock(tx, *held)
        return held

    async def hold(self, tx: Tx, found: Sequence[Decision], *, reopening: Collection[int] = ()) -> None:
        """Let others wait who change decisions, what was decided after them, or rights in their rooms.

        And who open cases, or change those that are to be opened again. All in the order in which a
        decision is made, so that no two wait for each other.
        """
        held = await self.lock(tx, *found)
        if reopening:
            await cases.hold_opening(tx)
            await cases.lock(tx, *reopening)
        await hold_numbers(tx, "decision")
        bound = [await sanctions.of_decision(tx, one) for one in sorted(held)]
        await hold_rooms(tx, [effect for one in bound if one is not None for effect in one.restraints])

    async def foresee(self, tx: Tx, void: Decision) -> list[Recheck]:
        """Say which later decisions would be others without one; nothing is written.

        One that would count for nothing itself is left out where those after it are worked out.
        """
        gone, found = {void.id}, []
        for later in await self._after(tx, void):
            replay = await self._replay(tx, later, gone)
            if replay is None or not replay.differs:
                continue
            taken = await sanctions.of_decision(tx, later.id)
            binds = taken is not None and taken.state in BINDING | {Course.STAYED}
            found.append(
                Recheck(
                    decision_id=later.id,
                    case_id=later.case_id,
                    void_id=void.id,
                    void_case_id=void.case_id,
                    was=later.history,
                    now=replay.now.band,
                    cell=replay.now.cell,
                    lifted=replay.too_harsh and binds,
                    found_at=self._setting.now(),
                )
            )
            if replay.weightless:
                gone.add(later.id)
        return found

    async def anew(self, tx: Tx, later: Decision) -> Proposal | None:
        """Propose anew to a decision of which something that it counted is void; else None."""
        replay = await self._replay(tx, later, ())
        return replay.now if replay is not None and replay.now.band < later.history else None

    async def flag(self, tx: Tx, void: Decision) -> list[Recheck]:
        """Have people look at later decisions that are others without one; lift what is too harsh."""
        found = [await self._flagged(tx, void, one) for one in await self.foresee(tx, void)]
        if found:
            lines = "\n".join(one.in_words for one in found)
            text = (
                f"Without {void.number} these later decisions would be others:\n{lines}\n"
                f"Next, by somebody who had no part in them: !policy recheck {found[0].number} WHAT YOU "
                "FOUND · all that wait: !policy queue rechecks"
            )
            self._setting.tell_staff(tx, text, cause=f"case {void.case_id}")
        return found

    async def _flagged(self, tx: Tx, void: Decision, one: Recheck) -> Recheck:
        if one.lifted:
            because = (
                f"{void.number} counted when this was decided, and holds no longer as it was; without "
                "it the measure is too harsh."
            )
            try:
                await self._sanctions.lift(tx, _BY, one.case_id, because)
            except OutOfOrder:  # of a room that is deleted nothing can be lifted
                one = replace(one, lifted=False)
        await rechecks.add(tx, one)
        audit.append(
            tx,
            at=one.found_at,
            actor=_BY,
            tag="recheck:flag",
            object=one.number,
            decision=one.decision_id,
            without=one.void_id,
            was=one.was.value,
            now=one.now.value,
            proposed=str(one.cell),
            lifted=one.lifted,
        )
        return one

    async def waiting(self, tx: Tx, viewer: str, limit: int) -> list[Recheck]:
        """List those that wait, but those in cases in which the viewer has a part."""
        found = []
        for one in await rechecks.waiting(tx, limit):
            case = await cases.get(tx, one.case_id)
            if case is not None and viewer not in await self._cases.involved(tx, case):
                found.append(one)
        return found

    async def close(self, tx: Tx, by: str, case: Case, reason: str) -> list[Recheck]:
        """Say what becomes of the later decision of a case; return what it was about.

        Raises:
            NotFound: nothing waits there.
            NotPermitted: they had a part in it.
            Incomplete: they say nothing.
        """
        found = await rechecks.of_case(tx, case.id, waiting=True)
        later = await decisions.get(tx, found[0].decision_id) if found else None
        if later is None:
            message = f"No recheck waits in {case.number}."
            raise NotFound(message)
        deciders = {one for one in (later.decider, later.approver) if one}
        parties = await members.accounts_of_all(tx, deciders) | await self._cases.involved(tx, case)
        rules.closable(later, by, parties, reason)
        for decision_id in {one.decision_id for one in found}:
            await self.end(tx, decision_id, case.number, by, reason.strip())
        return found

    async def end(self, tx: Tx, decision_id: int, number: str, by: str, reason: str) -> None:
        """Close what waits about one decision, if anything does."""
        if await rechecks.close(tx, decision_id, by, reason, self._setting.now()):
            audit.append(
                tx,
                at=self._setting.now(),
                actor=by,
                tag="recheck:close",
                object=number,
                decision=decision_id,
                reason=reason,
            )

    # Working out ---------------------------------------------------------------------------------

    async def _after(self, tx: Tx, void: Decision) -> list[Decision]:
        """List the decisions that hold and were made after one in the ledgers in which it counts.

        Those of all accounts that are known by now to be the same person's, and, for what happened in
        one room, those about the account.
        """
        if void.automatic:
            return []
        found: dict[int, Decision] = {}
        for scope, key in await self._counted_in(tx, void):
            for at in (void.occurred_at, self._setting.now()):
                holder = await ledgers.holder(tx, scope, void.user_id, at)
                for one in await ledgers.entries(tx, scope, key, void.user_id, holder):
                    found[one.id] = one
        since = _since(void, found)
        later = [
            one
            for one in found.values()
            if one.state in IN_FORCE and not one.automatic and _since(one, found) > since
        ]
        return sorted(later, key=lambda one: _since(one, found))

    async def _counted_in(self, tx: Tx, void: Decision) -> list[tuple[Scope, str]]:
        places = [(void.scope, void.scope_key)]
        if void.scope is Scope.MEMBER and void.user_id:
            holder = await ledgers.holder(tx, Scope.ACCOUNT, void.user_id, void.occurred_at)
            places.append((Scope.ACCOUNT, holder or void.user_id))
        return places

    async def _replay(self, tx: Tx, later: Decision, gone: Collection[int]) -> Replay | None:
        """Work a later decision out anew, as when it was decided; None if its ladder is not known."""
        later = await _in_its_time(tx, later)
        asked = await self._laws(tx, later)
        spill = any(law.spill is not None for law in asked)
        holder = await ledgers.holder(tx, later.scope, later.user_id, later.occurred_at)
        about = later.scope, later.scope_key, later.user_id, holder
        entries = await ledgers.entries(tx, *about, spill=spill)
        known = {one.id: one for one in entries}
        since = _since(later, known)
        earlier = [one for one in entries if _since(one, known) < since]
        whole = [replace(one, state=State.FINAL) if one.id in gone else one for one in earlier]
        rest = [one for one in earlier if one.id not in gone]
        laws = [
            (
                law,
                tuple(ledgers.strikes_of(whole, law, later.scope_key)),
                tuple(ledgers.strikes_of(rest, law, later.scope_key)),
            )
            for law in asked
            if later.scope in law.scopes
        ]
        return rules.replayed(later, laws) if laws else None

    async def _laws(self, tx: Tx, later: Decision) -> Sequence[Ladder]:
        """Read the ladder of a decision, and those that were asked with it: the milder one counts."""
        asked = [
            await policies.get(tx, later.policy_hash),
            await policies.in_force_at(tx, later.occurred_at),
            await policies.in_force_at(tx, later.decided_at),
        ]
        return list({one.hash: one.ladder for one in asked if one is not None}.values())


async def _in_its_time(tx: Tx, decision: Decision) -> Decision:
    """Give a decision that took another's place with its time: it has the history of that day."""
    first = decision
    while first.supersedes is not None:
        before = await decisions.get(tx, first.supersedes)
        if before is None:
            break
        first = before
    return replace(decision, decided_at=first.decided_at)


def _since(decision: Decision, known: dict[int, Decision]) -> tuple[float, int]:
    """Order decisions: by when they were made, and what took another's place by when that was."""
    first = decision
    while first.supersedes is not None and first.supersedes in known:
        first = known[first.supersedes]
    return first.decided_at.timestamp(), first.id
