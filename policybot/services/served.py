"""Time served: for how long somebody was bound for an act already, by whatever it was."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from policybot.domain import sanction as rules
from policybot.domain.sanction import Sanction
from policybot.services.setting import Setting
from policybot.store import decisions, outbox, sanctions
from policybot.store.database import Tx
from policybot.store.outbox import Queued


def back_of(decision_id: int) -> str:
    """Name what takes a decision's effects back, in the outbox."""
    return f"sanction {decision_id}"


async def credit(tx: Tx, setting: Setting, earlier: Iterable[Sanction]) -> timedelta:
    """Say how much time is credited to a measure: all that those in its case served for the same act.

    Whatever binds is credited with what came before it, so the longest is all of it.
    """
    now, longest = setting.now(), timedelta(0)
    for sanction in earlier:
        if not sanction.dry:
            stopped_at = await outbox.waits_since(tx, back_of(sanction.decision_id))
            longest = max(longest, rules.ran(sanction, now) + rules.beyond(sanction, stopped_at, now))
    return longest


async def released(tx: Tx, setting: Setting, queued: Queued) -> None:
    """Credit what somebody was bound beyond the end, where the homeserver was away and is back."""
    now = setting.now()
    if now - queued.queued_at < rules.MOMENT or await outbox.unfinished(tx, queued.cause):
        return
    decision_id = int(queued.cause.partition(" ")[2])
    await decisions.lock(tx, decision_id)
    sanction = await sanctions.of_decision(tx, decision_id)
    if sanction is not None:
        more = rules.beyond(sanction, queued.queued_at, now)
        await sanctions.save(tx, replace(sanction, served=sanction.served + more))
