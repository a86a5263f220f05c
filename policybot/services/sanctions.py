"""Sanctions: carry out a decision, start its clock, end it on time, lift it, take it back."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta

from policybot.domain import filing as filing_rules
from policybot.domain import label as label_rules
from policybot.domain import notice
from policybot.domain import sanction as rules
from policybot.domain import server as servers
from policybot.domain.case import Subject
from policybot.domain.decision import Decision, Nature
from policybot.domain.effects import Effect, FindMessages, RestrictMember, Say, SuspendAccount
from policybot.domain.errors import Incomplete, NotFound, OutOfOrder
from policybot.domain.ladder import Scope
from policybot.domain.measure import Kind
from policybot.domain.room_measure import AdmitServer, GiveLevel
from policybot.domain.sanction import BINDING, Sanction, State, Step
from policybot.ports import Result
from policybot.services import languages, notices, statements
from policybot.services.filings import Filings
from policybot.services.reach import BARRING, Reach, hold_rooms
from policybot.services.removals import Removals
from policybot.services.served import back_of, credit
from policybot.services.setting import Setting
from policybot.services.statements import Grounds
from policybot.store import (
    audit,
    decisions,
    deletions,
    filings,
    outbox,
    sanctions,
    standing,
    watches,
)
from policybot.store.database import Tx
from policybot.store.outbox import Queued
from policybot.store.standing import How

_SAID = {Step.VOID: "the suspension was overturned", Step.STAY: "the suspension rests for now"}
"""What everybody reads in the register where a suspension did not simply end."""
_HELD = "on hold while a report is looked at"


def cause_of(decision: Decision) -> str:
    """Name what a decision's effects belong to in the outbox."""
    return f"decision {decision.id}"


class Sanctions:
    """The service for sanctions."""

    def __init__(self, setting: Setting, applications: Filings) -> None:
        """Work with the filings' service, which keeps a room's standing."""
        self._setting = setting
        self._filings = applications
        self._removals = Removals(setting)
        self.reach = Reach(setting)

    async def impose(
        self,
        tx: Tx,
        decision: Decision,
        grounds: Grounds,
        restraints: tuple[Effect, ...],
        *,
        remove: Sequence[Subject] = (),
    ) -> Sanction:
        """Queue what a final decision asks for: what protects people first, word of it after.

        Args:
            tx: the transaction of the decision.
            decision: the decision.
            grounds: why it was decided.
            restraints: the effects that carry its measure.
            remove: the messages to remove, if it is decided so.
        """
        earlier = await sanctions.of_case(tx, decision.case_id)
        held = None if decision.interim else _held(earlier)
        span, served = decision.measure.duration, await credit(tx, self._setting, earlier)
        person_id = await self.reach.person(tx, decision)
        others = await self.reach.others_of(tx, person_id, decision)
        for user_id in others:
            restraints += await self.reach.on_account(tx, decision, user_id)
        now = self._setting.now()
        before = served if decision.supersedes is not None else timedelta(0)  # a hold has its own time
        sanction = Sanction(
            decision_id=decision.id,
            scope=decision.scope,
            measure=decision.measure,
            state=State.PLANNED,
            user_id=None if decision.scope is Scope.ROOM else decision.user_id,
            room_id=decision.room_id,
            ends_at=now + span - before if decision.interim and span else None,
            served=served,
            restraints=restraints,
            interim=decision.interim,
            dry=self._setting.config.dry_run,
            person_id=person_id,
        )
        if spent := rules.spent(sanction, now):
            restraints, sanction = (), replace(sanction, restraints=())
        await hold_rooms(tx, [*restraints, *(held.restraints if held else ())])
        await sanctions.add(tx, sanction)
        await sanctions.reach(tx, decision.id, others)
        await self._removals.remember(tx, decision, remove)
        for user_id in (sanction.user_id or "", *others):
            self._setting.curbs_changed(tx, user_id)
        await statements.keep(tx, self._setting, decision, grounds)  # nothing is done without one
        if rules.locks(sanction):
            await notices.tell_before(tx, self._setting, decision, sanction)
        said = statements.tombstone(self._setting, decision)
        effects = [*rules.removals(remove, said), *sanction.restraints]
        # Last, when nothing more is written meanwhile.
        bound = (decision.user_id, *others) if decision.user_id else ()
        effects += await self._removals.searches(tx, decision, bound)
        self._setting.queue(tx, effects, cause=cause_of(decision))
        if decision.scope is Scope.ROOM and decision.measure.kind in rules.HIDING and not spent:
            step, said = filing_rules.Step.SUSPEND, _HELD if decision.interim else ""
            await self._filings.restricted(tx, decision.decider, decision.room_id or "", step, said)
            await self._warn_of_rank(tx, decision)
        if held is not None:  # after what takes its place is queued, so that there is no gap
            await self._close(tx, held, Step.END, by=decision.approver or decision.decider)
        if not effects:
            await self.carried_out(tx, decision.id)
        return sanction

    async def end_hold(self, tx: Tx, case_id: int, by: str) -> None:
        """End the hold in a case that ends without a measure, if there is one; tell the owner."""
        held = _held(await sanctions.of_case(tx, case_id))
        if held is None:
            return
        await self._close(tx, held, Step.END, by=by)
        decision = await decisions.get(tx, held.decision_id)
        if decision is not None:
            await self._tell_end(tx, held, decision)

    async def _warn_of_rank(self, tx: Tx, decision: Decision) -> None:
        """Say whom a measure on a room does not reach, rather than let people believe that it does."""
        above = await self.reach.above(tx, decision.room_id or "")
        if not above:
            return
        self._setting.tell_staff(
            tx,
            f"{decision.number}: {', '.join(above[:5])} {'rank' if len(above) > 1 else 'ranks'} as high "
            f"as I do in {decision.room_id}, and so can still write there and undo it; the directory "
            "and the label are out of reach. Where it is not respected, decide about the account.",
            cause=f"room {decision.room_id}",
        )

    async def found(self, tx: Tx, queued: Queued, search: FindMessages, result: Result) -> None:
        """Remove what a search for somebody's messages has found."""
        await self._removals.found(tx, queued, search, result)

    async def carried_out(self, tx: Tx, decision_id: int) -> None:
        """Start the clock and tell everybody, once the homeserver did all that was decided."""
        decision = await decisions.get(tx, decision_id)
        sanction = await sanctions.of_decision(tx, decision_id)
        if decision is None or sanction is None or sanction.state is not State.PLANNED:
            return
        now = self._setting.now()
        first = sanction.starts_at is None
        if decision.measure.kind in BARRING:  # what it takes the place of may have bound until now
            earlier = await sanctions.of_case(tx, decision.case_id)
            served = max(sanction.served, await credit(tx, self._setting, earlier))
            sanction = replace(sanction, served=served)
        sanction = rules.enforced(sanction, now)
        over = rules.spent(sanction, now) and not sanction.restraints
        if rules.bannered(sanction.scope, sanction.measure) and not over:
            sanction = await self._show_banner(tx, decision, sanction)
        if decision.measure.kind in (Kind.NONE, Kind.ADVISE, Kind.WARN) or over:
            sanction = rules.moved(sanction, Step.END)
        await self._save(tx, sanction)
        kept = [e.user_id for e in sanction.restraints if isinstance(e, SuspendAccount)]
        await watches.begin(tx, kept, now + self._setting.config.measures.look_every)
        audit.append(
            tx,
            at=now,
            actor="system:outbox",
            tag="sanction:enforce",
            object=decision.number,
            decision=decision.id,
        )
        # The clock also starts anew after a stay; then the person knows all that.
        await notices.carried_out(tx, self._setting, decision, sanction, first=first)

    async def tell_late(self, tx: Tx) -> None:
        """Tell people what was decided where the homeserver is slow to carry it out, or refuses."""
        await notices.tell_late(tx, self._setting)

    async def failed(self, tx: Tx, queued: Queued) -> bool:
        """See to an effect of a measure that cannot be; True if people need not be called for it.

        A measure in many rooms does not stand without an end because one of them refuses it. Of another
        account of the person it is said that there is one, and not which.
        """
        noun, _, number = queued.cause.partition(" ")
        if noun != "decision":
            return False
        decision = await decisions.get(tx, int(number))
        if decision is None:
            return False
        also = getattr(queued.effect, "user_id", "") in await sanctions.accounts(tx, decision.id)
        if also:
            text = (
                f"{decision.number}: I could not carry the measure to another account of the same "
                "person. The homeserver refuses it; what was decided about this one stands."
            )
            self._setting.tell_staff(tx, text, cause=f"case {decision.case_id}")
            await outbox.settle(tx, queued)
        left = await outbox.tally(tx, queued.cause)
        far = decision.scope in (Scope.ACCOUNT, Scope.SERVER)
        if not left.get("waiting") and (left.get("done") or also) and (far or not left.get("dead")):
            await self.carried_out(tx, decision.id)
        return also

    async def _show_banner(self, tx: Tx, decision: Decision, sanction: Sanction) -> Sanction:
        """Say in a room until when it is suspended: now that the clock runs, that is known."""
        filing = await filings.of_room(tx, decision.room_id or "")
        values = {
            "number": filing.number if filing else decision.number,
            "measure": _HELD if decision.interim else "suspended",
            "until": notice.day(sanction.ends_at) if sanction.ends_at else "further notice",
        }
        text = label_rules.filled(self._setting.config.suspension_notice, values)
        shown = rules.with_banner(sanction, text)
        banner = [e for e in shown.restraints if e not in sanction.restraints]
        self._setting.queue(tx, banner, cause=f"banner {decision.id}")
        return shown

    async def end_due(self, tx: Tx) -> int:
        """End the sanctions whose time is over; return how many there were."""
        found = await self._held_due(tx)
        for sanction in found:
            await self._close(tx, sanction, Step.END, by="system:clock")
            decision = await decisions.get(tx, sanction.decision_id)
            if decision is None:
                continue
            await self._tell_end(tx, sanction, decision)
            if decision.interim:
                self._setting.tell_staff(
                    tx,
                    f"{decision.number}: the hold on {sanction.user_id or decision.room_id} has ended "
                    "by itself, and everything is as it was. The case is not decided.",
                    cause=f"case {decision.case_id}",
                )
        return len(found)

    async def _held_due(self, tx: Tx) -> list[Sanction]:
        """Find the sanctions whose time is over, once nobody else does anything with them."""
        now = self._setting.now()
        known = {one.decision_id for one in await sanctions.due(tx, now)}
        await decisions.lock(tx, *known)
        found = [one for one in await sanctions.due(tx, now) if one.decision_id in known]
        await hold_rooms(tx, [effect for one in found for effect in one.restraints])
        return found

    async def _tell_end(self, tx: Tx, sanction: Sanction, decision: Decision) -> None:
        text = notice.ended(
            case_number=decision.number, measure=statements.in_words(self._setting, decision)
        )
        await self._tell_concerned(tx, sanction, text, decision)

    async def lift(self, tx: Tx, by: str, case_id: int, reason: str) -> Sanction:
        """End a sanction early, by decision of a person.

        Raises:
            NotFound: nothing binds in that case.
            OutOfOrder: it closed a room that is deleted.
            Incomplete: no reason is given.
        """
        decision, sanction = await self.binding_in(tx, case_id)
        await decisions.lock(tx, decision.id)
        gone = await deletions.of_decision(tx, decision.id)
        if gone is not None and gone.gone:
            message = (
                f"The room of C-{case_id} is deleted, and I am in it no more: nothing is left to lift. "
                f"To let people in again: !policy unblock C-{case_id} REASON"
            )
            raise OutOfOrder(message)
        if len(reason.strip()) < notice.MIN_FACTS:
            message = "Please say in a sentence why; the person will read it."
            raise Incomplete(message)
        lifted = await self._close(tx, sanction, Step.LIFT, by=by, reason=reason)
        text = notice.lifted(
            case_number=decision.number,
            measure=statements.in_words(self._setting, decision),
            reason=reason,
        )
        await self._tell_concerned(tx, sanction, text, decision)
        return lifted

    async def binding_in(self, tx: Tx, case_id: int) -> tuple[Decision, Sanction]:
        """Find the sanction of a case that binds now.

        Raises:
            NotFound: none does.
        """
        for sanction in reversed(await sanctions.of_case(tx, case_id)):
            binds = sanction.state in BINDING | {State.STAYED}
            decision = await decisions.get(tx, sanction.decision_id) if binds else None
            if decision is not None:
                return decision, sanction
        message = f"No measure binds in C-{case_id}."
        raise NotFound(message)

    async def take_back(self, tx: Tx, decision: Decision, by: str) -> Sanction | None:
        """Void the sanction of a decision from the beginning."""
        sanction = await sanctions.of_decision(tx, decision.id)
        if sanction is None:
            return None
        if decision.nature is Nature.REPLACEMENT:
            await self._give_room_back(tx, decision, sanction, by)
        return await self._close(tx, sanction, Step.VOID, by=by)

    async def _give_room_back(self, tx: Tx, decision: Decision, sanction: Sanction, by: str) -> None:
        """Let whoever answered for a room before do so again, unless it has gone on to others."""
        filing = await filings.of_room(tx, decision.room_id or "")
        former = decision.user_id or ""
        successor = next((e.user_id for e in sanction.restraints if isinstance(e, GiveLevel)), "")
        if filing is None or filing.applicant != successor:
            text = (
                f"{decision.number}: {former} was to answer for {decision.room_id} again, but somebody "
                "else does by now. I left that so: please look at it."
            )
            self._setting.tell_staff(tx, text, cause=cause_of(decision))
            return
        handing = await filings.transfer(tx, filing.id)
        await self._filings.hand_over(tx, by, filing, replace(filing, applicant=former))
        if handing is not None and handing.to != former:
            said = f"{former} answers for {filing.number} again: you need not take it over. Thank you."
            self._setting.tell(tx, handing.to, said, cause=f"filing {filing.id}")
        text = (
            f"{former} answers for the room {filing.number} again: the decision by which you did was "
            "overturned after an appeal. Nothing is held against you."
        )
        self._setting.tell(tx, successor, text, cause=f"filing {filing.id}")

    async def stay(self, tx: Tx, decision: Decision) -> bool:
        """Let a sanction rest while an appeal is decided, if there is one to rest."""
        sanction = await sanctions.of_decision(tx, decision.id)
        if sanction is None or sanction.state not in BINDING:
            return False
        await self._close(tx, sanction, Step.STAY, by="system:appeal")
        return True

    async def resume(self, tx: Tx, decision: Decision) -> None:
        """Let a rested sanction go on, with the time served so far credited."""
        sanction = await sanctions.of_decision(tx, decision.id)
        if sanction is None or sanction.state is not State.STAYED:
            return
        sanction = rules.with_banner(sanction, None)  # it says another end once that is known
        sanction = replace(sanction, restraints=await self.reach.whole(tx, decision, sanction))
        await hold_rooms(tx, sanction.restraints)
        resumed = replace(rules.moved(sanction, Step.RESUME), dry=self._setting.config.dry_run)
        await self._save(tx, resumed)
        self._setting.queue(tx, sanction.restraints, cause=cause_of(decision))
        if sanction.scope is Scope.ROOM and sanction.measure.kind in rules.HIDING:
            again, room_id = filing_rules.Step.SUSPEND, sanction.room_id or ""
            await self._filings.restricted(tx, decision.decider, room_id, again, "it binds again")

    async def _close(
        self, tx: Tx, sanction: Sanction, step: Step, *, by: str, reason: str | None = None
    ) -> Sanction:
        """Let a sanction stop binding, and give back what no other sanction wants kept."""
        now = self._setting.now()
        was_binding = rules.to_release(sanction, step)
        await hold_rooms(tx, sanction.restraints)
        closed = rules.stopped(sanction, step, now)
        await self._save(tx, closed, lifted_by=by, reason=reason)
        if step in {Step.LIFT, Step.END}:
            # Of what ends they know the reasons; after the measure, as once it is carried out.
            await notices.tell_planned(tx, self._setting, sanction)
        if was_binding:
            await outbox.drop(tx, f"decision {sanction.decision_id}")
            await outbox.drop(tx, f"banner {sanction.decision_id}")
            others, taken = await self._also_wanted(tx, sanction)
            back = rules.release(sanction, others, taken)
            self._setting.queue(tx, back, cause=back_of(sanction.decision_id))
            await self._tell_rooms(tx, sanction, back)
            still = any(rules.hides_room(o) for o in others)
            if sanction.scope is Scope.ROOM and sanction.room_id and not still:
                step_back, said = filing_rules.Step.REINSTATE, _SAID.get(step, "")
                await self._filings.restricted(tx, by, sanction.room_id, step_back, said)
        audit.append(
            tx,
            at=now,
            actor=by,
            tag=f"sanction:{step}",
            object=f"sanction {sanction.decision_id}",
            reason=reason or "",
            was=sanction.state.value,
        )
        return replace(closed, version=closed.version + 1)

    async def _tell_rooms(self, tx: Tx, sanction: Sanction, back: Sequence[Effect]) -> None:
        """Say in the rooms that read that a server is shut out of them that it may take part again."""
        decision = await decisions.get(tx, sanction.decision_id)
        told = await outbox.done_in(tx, f"decision {sanction.decision_id}", Say.__name__)
        if sanction.scope is Scope.SERVER and decision is not None:
            all_told = sanction.starts_at is not None
            free = [
                e.room_id for e in back if isinstance(e, AdmitServer) and (all_told or e.room_id in told)
            ]
            spoken = await languages.of_rooms(self._setting, tx, free)
            for room_id in free:
                phrases = statements.phrases(self._setting, spoken[room_id])
                said = servers.over(decision.scope_key, decision.number, phrases)
                self._setting.queue(tx, [Say(room_id, said)], cause=back_of(decision.id))

    async def _also_wanted(
        self, tx: Tx, sanction: Sanction
    ) -> tuple[list[Sanction], list[RestrictMember]]:
        """List what else binds the same accounts or room, and what is taken there for another reason."""
        others: dict[int, Sanction] = {}
        taken: list[RestrictMember] = []
        for user_id in rules.accounts(sanction) or (None,):
            for other in await sanctions.binding_on(tx, user_id, sanction.room_id):
                others[other.decision_id] = other
            taken += [
                RestrictMember(right.room_id, right.user_id)
                for right in await standing.of_account(tx, user_id or "")
                if right.how is How.TAKEN
            ]
        if sanction.scope is Scope.SERVER:
            others |= {other.decision_id: other for other in await sanctions.on_servers(tx)}
        others.pop(sanction.decision_id, None)
        return list(others.values()), taken

    async def _save(
        self, tx: Tx, sanction: Sanction, *, lifted_by: str | None = None, reason: str | None = None
    ) -> None:
        await sanctions.save(tx, sanction, lifted_by=lifted_by, reason=reason)
        for user_id in (sanction.user_id or "", *await sanctions.accounts(tx, sanction.decision_id)):
            self._setting.curbs_changed(tx, user_id)

    async def _tell_concerned(self, tx: Tx, sanction: Sanction, text: str, decision: Decision) -> None:
        if concerned := sanction.user_id or await statements.concerned(tx, decision):
            self._setting.tell(tx, concerned, text, cause=f"notice {decision.id} after")
        for user_id in await sanctions.accounts(tx, decision.id):
            self._setting.tell(tx, user_id, text, cause=f"notice {decision.id} after")


def _held(earlier: Iterable[Sanction]) -> Sanction | None:
    """Find the hold that binds among the sanctions of a case."""
    return next((one for one in earlier if one.interim and one.state in BINDING), None)
