"""Removals: what somebody wrote within a time is found and removed, each message once, up to a cap."""

from collections.abc import Sequence

from policybot.domain import removal as rules
from policybot.domain.case import Subject
from policybot.domain.decision import Decision
from policybot.domain.effects import Effect, FindMessages, Redact
from policybot.domain.ladder import Scope
from policybot.ports import Result
from policybot.services import statements
from policybot.services.setting import Setting
from policybot.store import audit, decisions, removals, rooms
from policybot.store.database import Tx, to_ms
from policybot.store.outbox import Queued
from policybot.store.removals import Removed
from policybot.store.rooms import Kind


class Removals:
    """The service for messages that are removed together."""

    def __init__(self, setting: Setting) -> None:
        """Keep to the cap of the configuration."""
        self._setting = setting

    @property
    def most(self) -> int:
        """How many messages one decision removes at most."""
        return min(self._setting.config.measures.most_removed, rules.MOST)

    async def remember(self, tx: Tx, decision: Decision, remove: Sequence[Subject]) -> None:
        """Note which messages a decision removes, so that each comes back if it is overturned."""
        gone = [
            Removed(one.event_id, one.room_id, one.user_id or "")
            for one in remove
            if one.event_id and one.room_id
        ]
        await removals.add(tx, decision.id, gone)

    async def searches(self, tx: Tx, decision: Decision, accounts: Sequence[str]) -> tuple[Effect, ...]:
        """Say where to look for what a decision removes besides the reported message."""
        if not decision.remove or decision.span is None:
            return ()
        since = to_ms(decision.occurred_at - decision.span)
        places: Sequence[str] = [decision.room_id] if decision.room_id else []
        if decision.scope is Scope.ACCOUNT:
            places = await rooms.ids_of_kind(tx, Kind.GOVERNED)
        return tuple(
            # One more than allowed, to know whether something is left.
            FindMessages(room_id, user_id, since, self.most + 1)
            for room_id in places
            for user_id in accounts
        )

    async def found(self, tx: Tx, queued: Queued, search: FindMessages, result: Result) -> None:
        """Remove what a search has found, in the transaction that ends it."""
        _, _, number = queued.cause.partition(" ")
        decision = await decisions.get(tx, int(number))
        if decision is None:
            return
        known = {one.event_id for one in await removals.of_decision(tx, decision.id)}
        fresh = [e for e in map(str, result["found"]) if e not in known]
        taken, left = fresh[: self.most - len(known)], fresh[self.most - len(known) :]
        gone = [Removed(event_id, search.room_id, search.user_id) for event_id in taken]
        await removals.add(tx, decision.id, gone)
        # Everybody in the room reads it: the same number under two accounts would say whose they are.
        named = search.user_id == decision.user_id
        said = statements.tombstone(self._setting, decision, named=named)
        effects = [Redact(search.room_id, event_id, said) for event_id in taken]
        self._setting.queue(tx, effects, cause=queued.cause)
        audit.append(
            tx,
            at=self._setting.now(),
            actor="system:outbox",
            tag="message:find",
            object=decision.number,
            room=search.room_id,
            number=len(taken),
        )
        more = (
            f" There is more, and no decision removes over {self.most} messages: look at what is left."
            if left
            else ""
        )
        if taken or left:
            self._setting.tell_staff(
                tx,
                f"{decision.number}: {len(taken)} further message{'s' if len(taken) != 1 else ''} in "
                f"{search.room_id} {'are' if len(taken) != 1 else 'is'} being removed.{more}",
                cause=f"case {decision.case_id}",
            )
