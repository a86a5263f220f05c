"""Notices: who is concerned by a decision reads it once it is carried out, or when that takes too long.

What protects people goes first, and the end of a measure is counted from when it is carried out; so the
notice follows that. A homeserver that is slow or refuses holds it up by `LATE` at the most.
"""

from datetime import timedelta

from policybot.domain import notice
from policybot.domain.decision import Decision
from policybot.domain.ladder import Scope
from policybot.domain.report import Outcome
from policybot.domain.sanction import Sanction, State, locks, shut_out
from policybot.services import answers
from policybot.services import statements as written
from policybot.services.reach import ALSO
from policybot.services.setting import Setting
from policybot.store import decisions, sanctions, statements
from policybot.store.database import Tx

LATE = timedelta(seconds=30)
"""How long word of a decision waits for the homeserver to carry it out."""


async def carried_out(
    tx: Tx, setting: Setting, decision: Decision, sanction: Sanction, *, first: bool
) -> None:
    """Tell what was decided, or, to those who know it, that its clock runs for the `first` time."""
    kept = await statements.get(tx, decision.id)
    if decision.told_at is None and (kept is None or kept.sent_at is None):
        await _tell(tx, setting, decision, sanction)
    elif first and not locks(sanction):
        await _tell_begun(tx, setting, decision, sanction)
    if shut_out(sanction):  # the rooms have read it before that
        await written.arrived(tx, setting, decision.id)


async def tell_before(tx: Tx, setting: Setting, decision: Decision, sanction: Sanction) -> None:
    """Tell what was decided before it is carried out, for afterwards nobody reads anything there."""
    await _tell(tx, setting, decision, sanction, begins="locking")


async def tell_late(tx: Tx, setting: Setting) -> None:
    """Tell what was decided a while ago and is not carried out yet."""
    for decision_id in await statements.untold(tx, setting.now() - LATE):
        await decisions.lock(tx, decision_id)  # it may be carried out at this moment
        if (sanction := await sanctions.of_decision(tx, decision_id)) is not None:
            await tell_planned(tx, setting, sanction)


async def tell_planned(tx: Tx, setting: Setting, sanction: Sanction) -> None:
    """Tell what was decided and is not carried out, or never will be, unless that was told."""
    kept = await statements.get(tx, sanction.decision_id)
    decision = await decisions.get(tx, sanction.decision_id)
    if decision is None or kept is None or kept.sent_at is not None:
        return
    if sanction.state is State.PLANNED:
        await _tell(tx, setting, decision, sanction, begins="later")


async def _tell(
    tx: Tx, setting: Setting, decision: Decision, sanction: Sanction, *, begins: str = ""
) -> None:
    statement = await decisions.statement(tx, decision.id)
    if concerned := await written.concerned(tx, decision):
        ends_at = sanction.ends_at
        kept = written.rendered(setting, decision, statement, ends_at=ends_at, begins=begins)
        text = written.rendered(
            setting, decision, statement, ends_at=ends_at, begins=begins, link=notice.PLACE
        )
        setting.tell(tx, concerned, text, cause=f"notice {decision.id}")
        await written.sent(tx, setting, decision, sanction, kept)
        for user_id in await sanctions.accounts(tx, decision.id):
            setting.tell(tx, user_id, f"{text}\n\n{ALSO}", cause=f"notice {decision.id} also")
    if decision.scope is Scope.SERVER:
        await written.sent(tx, setting, decision, sanction)
    if decision.interim:
        return  # who reported hears when it is decided
    await answers.give(tx, setting, decision.number, decision.case_id, Outcome.ACTIONED)


async def _tell_begun(tx: Tx, setting: Setting, decision: Decision, sanction: Sanction) -> None:
    statement = await decisions.statement(tx, decision.id)
    if concerned := await written.concerned(tx, decision):
        text = notice.begun(
            case_number=decision.number,
            measure=statement.measure,
            ends_at=sanction.ends_at,
            phrases=written.phrases(setting, decision.language),
        )
        setting.tell(tx, concerned, text, cause=f"notice {decision.id} after")
        await written.sent(tx, setting, decision, sanction)
