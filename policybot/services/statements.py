"""Statements of reasons: what every one of them takes from the decision and the configuration."""

from dataclasses import replace

from policybot.domain import notice
from policybot.domain.decision import Decision
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
    written = notice.statement(
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
    if await quarantines.of_case(tx, decision.case_id):
        return replace(written, removed=f"{written.removed} {WITHHELD}")
    return written
