"""Statements of reasons: what every one of them takes from the decision and the configuration."""

from dataclasses import replace

from policybot.domain import notice, removal
from policybot.domain.decision import Decision, Nature
from policybot.domain.ladder import Scope
from policybot.domain.notice import Origin, Statement
from policybot.domain.quarantine import WITHHELD
from policybot.domain.rules import Rule
from policybot.services.setting import Setting
from policybot.store import filings, quarantines
from policybot.store.database import Tx


async def written(  # noqa: PLR0913 - the rule, and what each kind of decision says for itself
    tx: Tx,
    setting: Setting,
    decision: Decision,
    rule: Rule,
    *,
    origin: Origin,
    severity: str = "-",
    history: str = "-",
) -> Statement:
    """Write the statement of a decision; a filed room is called by its number."""
    filing = await filings.of_room(tx, decision.room_id) if decision.room_id else None
    room = filing.number if filing else decision.room_id
    place = {
        Scope.MEMBER: f"the room {room}",
        Scope.ACCOUNT: f"the account {decision.user_id}",
        Scope.ROOM: f"the room {room}",
        Scope.SERVER: "the homeserver",
    }[decision.scope]
    config = setting.config
    statement = notice.statement(
        rule=rule,
        measure=decision.measure,
        scope=decision.scope,
        place=place,
        removed=decision.remove,
        facts=decision.facts,
        severity=severity,
        history=history,
        origin=origin,
        case_number=decision.number,
        appeal_window=config.ladder.appeal_window,
        appeal_body=config.operator.appeal_body,
    )
    if decision.remove and decision.span is not None:
        removed = removal.told(decision.scope, decision.span, decision.occurred_at)
        statement = replace(statement, removed=removed)
    if await quarantines.of_case(tx, decision.case_id):
        statement = replace(statement, removed=f"{statement.removed} {WITHHELD}")
    return replace(statement, measure=in_words(setting, decision))


def in_words(setting: Setting, decision: Decision) -> str:
    """Say what is done: of an account that is not ours to suspend, what is done instead."""
    abroad = decision.user_id is not None and not setting.is_local(decision.user_id)
    if decision.nature is Nature.DECISION and decision.scope is Scope.ACCOUNT and abroad:
        return decision.measure.in_words("remote")
    return decision.in_words
