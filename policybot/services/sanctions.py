"""Sanctions: carry out a decision, start its clock, end it on time, lift it, take it back."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from policybot.domain import filing as filing_rules
from policybot.domain import label as label_rules
from policybot.domain import notice
from policybot.domain import sanction as rules
from policybot.domain.case import Subject
from policybot.domain.decision import Decision, Nature
from policybot.domain.effects import Effect, RestrictMember
from policybot.domain.errors import Incomplete, NotFound, OutOfOrder
from policybot.domain.ladder import Scope
from policybot.domain.measure import Kind
from policybot.domain.rank import Control, control, hindrance
from policybot.domain.room_measure import GiveLevel
from policybot.domain.sanction import BINDING, Sanction, State, Step
from policybot.services import notices, statements
from policybot.services.filings import Filings, label_of
from policybot.services.setting import Setting
from policybot.store import (
    audit,
    decisions,
    deletions,
    filings,
    outbox,
    rooms,
    sanctions,
    standing,
)
from policybot.store.database import Tx
from policybot.store.rooms import Kind as RoomKind
from policybot.store.standing import How

_ROOM_MEASURES = (Kind.SUSPEND, Kind.CLOSE)
_SAID = {Step.VOID: "the suspension was overturned", Step.STAY: "the suspension rests for now"}
"""What everybody reads in the register where a suspension did not simply end."""
_HELD = "on hold while a report is looked at"
_NOTHING = timedelta(0)


def cause_of(decision: Decision) -> str:
    """Name what a decision's effects belong to in the outbox."""
    return f"decision {decision.id}"


class Sanctions:
    """The service for sanctions."""

    def __init__(self, setting: Setting, applications: Filings) -> None:
        """Work with the filings' service, which keeps a room's standing."""
        self._setting = setting
        self._filings = applications

    async def restraints(self, tx: Tx, decision: Decision) -> tuple[Effect, ...]:
        """Say which effects a decision needs.

        Raises:
            Incomplete: rank or distance forbids one of them; the message says the way round.
        """
        governed: Sequence[str] = ()
        label = None
        kind = decision.measure.kind
        if decision.scope is Scope.ACCOUNT and kind is Kind.RESTRICT:
            governed = await rooms.ids_of_kind(tx, RoomKind.GOVERNED)
            if not governed:
                message = "There is no governed room to restrict anybody in."
                raise Incomplete(message)
        if decision.scope is Scope.ACCOUNT and kind in _ROOM_MEASURES:
            self._check_local(decision)
        if decision.scope is Scope.ROOM and decision.room_id:
            filing = await filings.of_room(tx, decision.room_id)
            label = label_of(filing) if filing and filing.record_number else None
            await self._check_rank_in_room(tx, decision)
        if decision.scope is Scope.MEMBER and kind in (Kind.RESTRICT, *_ROOM_MEASURES):
            await self._check_rank(tx, decision)
        return rules.restraints(
            decision.scope,
            decision.measure,
            user_id=decision.user_id,
            room_id=decision.room_id,
            governed=governed,
            label=label,
            closing=self._setting.config.closing_notice,
        )

    def _check_local(self, decision: Decision) -> None:
        if decision.user_id and not self._setting.is_local(decision.user_id):
            message = (
                f"{decision.user_id} lives on another homeserver, so its account is not ours to "
                "suspend. Decide by a rule for members: they can be kept out of the room."
            )
            raise Incomplete(message)

    async def _check_rank(self, tx: Tx, decision: Decision) -> None:
        room = await rooms.get(tx, decision.room_id or "")
        if room is None or decision.user_id is None:
            return
        bot = self._setting.config.bot_user_id
        if (reason := hindrance(room.levels, bot, decision.user_id)) is not None:
            raise Incomplete(reason)

    async def _check_rank_in_room(self, tx: Tx, decision: Decision) -> None:
        room = await rooms.get(tx, decision.room_id or "")
        if room is None or decision.measure.kind not in (Kind.RESTRICT, *_ROOM_MEASURES):
            return
        if control(room.levels, self._setting.config.bot_user_id) is Control.NONE:
            message = (
                f"I have no rank in {room.room_id}, so I cannot keep anybody from writing there. Ask "
                f"its owner to give {self._setting.config.bot_user_id} power level 100, revoke the "
                "filing, or decide about the accounts."
            )
            raise Incomplete(message)

    async def impose(
        self,
        tx: Tx,
        decision: Decision,
        restraints: tuple[Effect, ...],
        *,
        remove: Sequence[Subject] = (),
        served: timedelta = timedelta(0),
    ) -> Sanction:
        """Queue what a final decision asks for: what protects people first, word of it after.

        Args:
            tx: the transaction of the decision.
            decision: the decision.
            restraints: the effects that carry its measure.
            remove: the messages to remove, if it is decided so.
            served: time of an earlier measure that is credited.
        """
        held = None if decision.interim else await self._held_in(tx, decision.case_id)
        span = decision.measure.duration
        sanction = Sanction(
            decision_id=decision.id,
            scope=decision.scope,
            measure=decision.measure,
            state=State.PLANNED,
            user_id=None if decision.scope is Scope.ROOM else decision.user_id,
            room_id=decision.room_id,
            ends_at=self._setting.now() + span - served if decision.interim and span else None,
            served=served + (rules.ran(held, self._setting.now()) if held else _NOTHING),
            restraints=restraints,
            interim=decision.interim,
            dry=self._setting.config.dry_run,
        )
        await _hold(tx, restraints)
        await sanctions.add(tx, sanction)
        self._setting.curbs_changed(tx, sanction.user_id or "")
        await statements.keep(tx, self._setting, decision)  # nothing is done without one
        title = next((r.title for r in self._setting.config.rules if r.id == decision.rule_id), "")
        said = notice.tombstone(case_number=decision.number, rule_id=decision.rule_id, title=title)
        effects = (*rules.removals(remove, said), *sanction.restraints)
        self._setting.queue(tx, effects, cause=cause_of(decision))
        if decision.scope is Scope.ROOM and decision.measure.kind in _ROOM_MEASURES:
            step, said = filing_rules.Step.SUSPEND, _HELD if decision.interim else ""
            await self._filings.restricted(tx, decision.decider, decision.room_id or "", step, said)
            await self._warn_of_rank(tx, decision)
        if held is not None:  # after what takes its place is queued, so that there is no gap
            await self._close(tx, held, Step.END, by=decision.approver or decision.decider)
        if not effects:
            await self.carried_out(tx, decision.id)
        return sanction

    async def credit(self, tx: Tx, case_id: int) -> timedelta:
        """Say how much time of a hold is credited to a measure in a case."""
        held = await self._held_in(tx, case_id)
        return rules.ran(held, self._setting.now()) if held else _NOTHING

    async def _held_in(self, tx: Tx, case_id: int) -> Sanction | None:
        """Find the hold that binds in a case."""
        for decision in await decisions.of_case(tx, case_id):
            sanction = await sanctions.of_decision(tx, decision.id) if decision.interim else None
            if sanction is not None and sanction.state in BINDING:
                return sanction
        return None

    async def end_hold(self, tx: Tx, case_id: int, by: str) -> None:
        """End the hold in a case that ends without a measure, if there is one; tell the owner."""
        held = await self._held_in(tx, case_id)
        if held is None:
            return
        await self._close(tx, held, Step.END, by=by)
        decision = await decisions.get(tx, held.decision_id)
        if decision is not None:
            await self._tell_end(tx, held, decision)

    async def _warn_of_rank(self, tx: Tx, decision: Decision) -> None:
        """Say whom a measure on a room does not reach, rather than let people believe that it does."""
        room = await rooms.get(tx, decision.room_id or "")
        bot = self._setting.config.bot_user_id
        if room is None or control(room.levels, bot) is not Control.SHARED:
            return
        mine = room.levels.of(bot)
        above = sorted(u for u in room.levels.ranked() - {bot} if room.levels.of(u) >= mine)
        self._setting.tell_staff(
            tx,
            f"{decision.number}: {', '.join(above[:5]) or 'everybody'} "
            f"{'rank' if len(above) > 1 else 'ranks'} as high as I do in {room.room_id}, and so can "
            "still write there and undo it; the directory and the label are out of reach. Where it is "
            "not respected, decide about the account.",
            cause=f"room {room.room_id}",
        )

    async def carried_out(self, tx: Tx, decision_id: int) -> None:
        """Start the clock and tell everybody, once the homeserver did all that was decided."""
        decision = await decisions.get(tx, decision_id)
        sanction = await sanctions.of_decision(tx, decision_id)
        if decision is None or sanction is None or sanction.state is not State.PLANNED:
            return
        now = self._setting.now()
        first = sanction.starts_at is None
        sanction = rules.enforced(sanction, now)
        if rules.bannered(sanction.scope, sanction.measure):
            sanction = await self._show_banner(tx, decision, sanction)
        if decision.measure.kind in (Kind.NONE, Kind.ADVISE, Kind.WARN):
            sanction = rules.moved(sanction, Step.END)
        await self._save(tx, sanction)
        audit.append(tx, at=now, actor="system:outbox", tag="sanction:enforce", object=decision.number)
        # The clock also starts anew after a stay; then the person knows all that.
        await notices.carried_out(tx, self._setting, decision, sanction, first=first)

    async def tell_late(self, tx: Tx) -> None:
        """Tell people what was decided where the homeserver is slow to carry it out, or refuses."""
        await notices.tell_late(tx, self._setting)

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
        found = await sanctions.due(tx, self._setting.now())
        for sanction in found:
            await self._close(tx, sanction, Step.END, by="system:clock")
            decision = await decisions.get(tx, sanction.decision_id)
            if decision is None:
                continue
            await self._tell_end(tx, sanction, decision)
            if decision.interim:
                self._setting.tell_staff(
                    tx,
                    f"{decision.number}: the hold on {decision.room_id} has ended by itself, and "
                    "everything is as it was. The case is not decided.",
                    cause=f"case {decision.case_id}",
                )
        return len(found)

    async def _tell_end(self, tx: Tx, sanction: Sanction, decision: Decision) -> None:
        text = notice.ended(case_number=decision.number, measure=decision.in_words)
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
        text = notice.lifted(case_number=decision.number, measure=decision.in_words, reason=reason)
        await self._tell_concerned(tx, sanction, text, decision)
        return lifted

    async def binding_in(self, tx: Tx, case_id: int) -> tuple[Decision, Sanction]:
        """Find the sanction of a case that binds now.

        Raises:
            NotFound: none does.
        """
        for decision in reversed(await decisions.of_case(tx, case_id)):
            sanction = await sanctions.of_decision(tx, decision.id)
            if sanction is not None and sanction.state in BINDING | {State.STAYED}:
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
        await _hold(tx, sanction.restraints)
        resumed = replace(rules.moved(sanction, Step.RESUME), dry=self._setting.config.dry_run)
        await self._save(tx, resumed)
        self._setting.queue(tx, sanction.restraints, cause=cause_of(decision))
        if sanction.scope is Scope.ROOM and sanction.measure.kind in _ROOM_MEASURES:
            again, room_id = filing_rules.Step.SUSPEND, sanction.room_id or ""
            await self._filings.restricted(tx, decision.decider, room_id, again, "it binds again")

    async def _close(
        self, tx: Tx, sanction: Sanction, step: Step, *, by: str, reason: str | None = None
    ) -> Sanction:
        """Let a sanction stop binding, and give back what no other sanction wants kept."""
        now = self._setting.now()
        was_binding = rules.to_release(sanction, step)
        await _hold(tx, sanction.restraints)
        closed = rules.stayed(sanction, now) if step is Step.STAY else rules.moved(sanction, step)
        await self._save(tx, closed, lifted_by=by, reason=reason)
        if was_binding:
            await outbox.drop(tx, f"decision {sanction.decision_id}")
            await outbox.drop(tx, f"banner {sanction.decision_id}")
            others = await sanctions.binding_on(tx, sanction.user_id, sanction.room_id)
            taken = await standing.of_account(tx, sanction.user_id or "")
            back = rules.release(
                sanction,
                [other for other in others if other.decision_id != sanction.decision_id],
                [RestrictMember(r.room_id, r.user_id) for r in taken if r.how is How.TAKEN],
            )
            self._setting.queue(tx, back, cause=f"sanction {sanction.decision_id}")
            still = any(
                o.decision_id != sanction.decision_id
                and o.state in BINDING
                and o.measure.kind in _ROOM_MEASURES
                for o in others
            )
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
        )
        return replace(closed, version=closed.version + 1)

    async def _save(
        self, tx: Tx, sanction: Sanction, *, lifted_by: str | None = None, reason: str | None = None
    ) -> None:
        await sanctions.save(tx, sanction, lifted_by=lifted_by, reason=reason)
        self._setting.curbs_changed(tx, sanction.user_id or "")

    async def _tell_concerned(self, tx: Tx, sanction: Sanction, text: str, decision: Decision) -> None:
        if concerned := sanction.user_id or await statements.concerned(tx, decision):
            self._setting.tell(tx, concerned, text, cause=f"notice {decision.id} after")


async def _hold(tx: Tx, restraints: Sequence[Effect]) -> None:
    """Keep others from taking and giving back rights in the same rooms until this is committed."""
    await rooms.hold(tx, {e.room_id for e in restraints if isinstance(e, RestrictMember)})
