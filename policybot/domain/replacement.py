"""Replacing the owner of a room: somebody else answers for it, and has the owner's rank there.

proposed ─ confirmed ─→ asked ─ accepted ─→ carried out
    └ denied, expired     └ late, or the case was decided otherwise

Nothing changes before the last of them. What changed is given back exactly if an appeal overturns it.
"""

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import datetime

from policybot.domain import filing as filings
from policybot.domain.decision import Decision
from policybot.domain.errors import OutOfOrder
from policybot.domain.filing import Filing
from policybot.domain.rank import Levels
from policybot.domain.rank import hindrance as rank_hindrance
from policybot.domain.room_measure import GiveLevel

STATES = filings.HANDED_OVER | {filings.State.SUSPENDED}
"""States of a filing in which its owner can be replaced."""


@dataclass(frozen=True, slots=True)
class Replacement:
    """Who is to answer for a room in place of whom."""

    decision_id: int
    filing_id: int
    former: str
    successor: str
    level: int
    """The power level that the former owner has in the room, and the successor gets."""
    asked_at: datetime | None = None
    """When the successor was asked: once a second person has confirmed it."""


def binding(decision: Decision, wanted: Replacement) -> str:
    """Give the fingerprint of exactly what will happen, which a second person approves."""
    terms = [decision.binding, wanted.filing_id, wanted.former, wanted.successor, wanted.level]
    return hashlib.sha256(json.dumps(terms).encode()).hexdigest()


def effects(room_id: str, wanted: Replacement, case_number: str) -> tuple[GiveLevel, GiveLevel]:
    """Say what is changed in the room: a level given first, and then one taken."""
    return (
        GiveLevel(room_id, wanted.successor, wanted.level, case_number),
        GiveLevel(room_id, wanted.former, None, case_number),
    )


def hindrance(levels: Levels, bot: str, former: str, successor: str) -> str | None:
    """Say why rank forbids it, and the way round; None if it does not."""
    if levels.of(bot) < levels.needed_for_state("m.room.power_levels"):
        return rank_hindrance(levels, bot, former)
    if levels.of(former) >= levels.of(bot):
        return (
            f"{former} ranks as high as I do in this room, so I cannot take their level: they would "
            "still lead it. The way round: suspend or close the room, decide about the account, or have "
            "its owner file a new room, in which the rules rank above everybody."
        )
    return rank_hindrance(levels, bot, successor)


def taken_over(filing: Filing, former: str, successor: str) -> Filing:
    """Let somebody else answer for a room.

    Raises:
        OutOfOrder: who answered for it when that was proposed does so no more, or it is not in force.
    """
    if filing.applicant != former or filing.state not in STATES:
        message = (
            f"{filing.number} is {filing.in_words}, and {filing.applicant or 'nobody'} answers for it: "
            "its owner cannot be replaced now. Nothing was done."
        )
        raise OutOfOrder(message)
    return replace(filing, applicant=successor)
