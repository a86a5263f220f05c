"""Foresights: a decision before anybody has written its facts, and the fingerprint of what was shown."""

import hashlib
import json
from dataclasses import replace

from policybot.domain import case as case_rules
from policybot.domain import notice
from policybot.domain.decision import parted
from policybot.domain.errors import Incomplete
from policybot.domain.prepared import MARK
from policybot.services.cases import File
from policybot.services.decisions import Decisions
from policybot.services.previews import Choice, Preview
from policybot.store import decisions
from policybot.store.database import Tx

_NO_FACTS = "(here stands what you write under «What happened»)"
_NO_WHY = "(here stands what you write under «Why so»)"


async def foresee(
    tx: Tx, resolutions: Decisions, moderator: str, file: File, choice: Choice
) -> tuple[Preview, bool]:
    """Preview a decision; what is still to be written is stood in for.

    Returns the preview, and whether a sentence on why it is so is still lacking.

    Raises:
        Refused: it could not be decided; the text says why.
    """
    facts, why = parted(choice.facts)
    if len(facts) < notice.MIN_FACTS and not facts.startswith(MARK):
        facts = _NO_FACTS
    choice = replace(choice, facts=f"{facts} // {why}" if why else facts)
    try:
        return await resolutions.preview(tx, moderator, file.case, choice), False
    except Incomplete:
        if len(why) >= notice.MIN_FACTS:
            raise
    choice = replace(choice, facts=f"{facts} // {_NO_WHY}")
    return await resolutions.preview(tx, moderator, file.case, choice), True


async def stamp(tx: Tx, file: File) -> str:
    """Give the fingerprint of what is known of a case; not of who has it."""
    known = [
        file.case.state in case_rules.UNDECIDED,
        [(r.id, r.text) for r in file.reports],
        [copy.sha256 if copy else None for copy in (file.copy, file.edited)],
        [subject.key for subject, _ in file.also],
        [finding.event_id for finding in file.findings],
        [(note.author, note.text) for note in file.notes],
        [(d.id, d.state.value) for d in await decisions.of_case(tx, file.case.id)],
    ]
    return _fingerprint(known)


def seen(stamp_: str, preview: Preview) -> str:
    """Give the fingerprint of what was shown: what is known of a case, and exactly what will happen."""
    return _fingerprint([stamp_, preview.draft.binding])


def _fingerprint(parts: object) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
