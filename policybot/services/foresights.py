"""Foresights: what a decision would be, to the word, before anybody has decided anything."""

import hashlib
import json
from dataclasses import dataclass, replace

from policybot.domain import case as case_rules
from policybot.domain import notice
from policybot.domain.decision import Decision
from policybot.domain.effect_words import in_words
from policybot.domain.effects import Effect, Redact, inverse
from policybot.domain.sanction import bannered
from policybot.services.cases import File
from policybot.services.decisions import Choice, Decisions, Draft
from policybot.services.setting import Setting
from policybot.store import cases, decisions, filings
from policybot.store.database import Tx

_NO_FACTS = "(here stands what you write under «What happened»)"
"""Stands in a preview for facts that are still to be written."""


@dataclass(frozen=True, slots=True)
class Foresight:
    """What a decision would be: worked out by the server, as it would be carried out now."""

    draft: Draft
    told: str | None
    """Who would read the notice."""
    notice: str
    """Word for word; only the hour of the end moves with that of the effect."""
    reporters: str
    """What those who reported would read; empty if nobody did."""
    effects: tuple[tuple[str, str], ...]
    """What would change on the homeserver, each with its undo."""
    seen: str
    """The fingerprint of all of it, which comes back with the decision."""


class Foresights:
    """The service for what decisions would be."""

    def __init__(self, setting: Setting, resolutions: Decisions) -> None:
        """Ask the service that decides."""
        self._setting = setting
        self._decisions = resolutions

    async def foresee(self, tx: Tx, moderator: str, file: File, choice: Choice) -> Foresight:
        """Work out what a decision would be; facts that are still to be written are stood in for.

        Raises:
            Refused: it could not be decided; the text says why.
        """
        if len(choice.facts.strip()) < notice.MIN_FACTS:
            choice = replace(choice, facts=_NO_FACTS)
        return await self._of(tx, moderator, file, choice)

    async def proposed(self, tx: Tx, file: File, decision: Decision) -> Foresight:
        """Work out again what somebody has proposed.

        Raises:
            Refused: it could not be decided any more.
        """
        choice = Choice(
            rule=decision.rule_id,
            severity=decision.severity.value,
            measure=str(decision.measure),
            remove=decision.remove,
            facts=decision.facts,
        )
        return await self._of(tx, decision.decider, file, choice, key=decision.scope_key)

    async def _of(
        self, tx: Tx, by: str, file: File, choice: Choice, *, key: str | None = None
    ) -> Foresight:
        """Work out a decision with all that follows; the one place that asks the decisions for it."""
        case = file.case
        draft = await self._decisions.draft(tx, by, case, choice, key=key)
        decision, statement = draft.decision, draft.statement
        span = decision.measure.duration
        removed = await cases.subjects(tx, case) if decision.remove else []
        redactions: list[Effect] = [
            Redact(one.room_id, one.event_id, decision.number)
            for one in removed
            if one.room_id and one.event_id
        ]
        effects = [(in_words(one), _undone(one)) for one in (*redactions, *draft.restraints)]
        if bannered(decision.scope, decision.measure):
            effects.append(("pin a notice in the room", "take it away"))
        receipt = next((report.receipt for report in file.reports), "")
        filing = await filings.of_room(tx, decision.room_id) if decision.room_id else None
        told = notice.decided(
            statement,
            case_number=decision.number,
            ends_at=self._setting.now() + span if span else None,
        )
        bound = [
            decision.binding,
            [getattr(statement, part) for part in statement.__slots__],
            effects,
            draft.second_person,
            await stamp(tx, file),
        ]
        return Foresight(
            draft=draft,
            told=decision.user_id or (filing.applicant if filing else None),
            notice=told,
            reporters=notice.actioned(case_number=case.number, receipt=receipt) if receipt else "",
            effects=tuple(effects),
            seen=_fingerprint(bound),
        )


async def stamp(tx: Tx, file: File) -> str:
    """Give the fingerprint of what is known of a case; not of who has it."""
    known = [
        file.case.state in case_rules.UNDECIDED,
        [(r.id, r.text) for r in file.reports],
        [copy.sha256 if copy else None for copy in (file.copy, file.edited)],
        [finding.event_id for finding in file.findings],
        [(d.id, d.state.value) for d in await decisions.of_case(tx, file.case.id)],
    ]
    return _fingerprint(known)


def _undone(effect: Effect) -> str:
    back = inverse(effect)
    return in_words(back) if back is not None else "cannot be taken back"


def _fingerprint(parts: object) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
