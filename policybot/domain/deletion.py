"""Deleting a room that is closed: everybody is let out of it for good, and what was written is kept.

proposed ─→ ordered (two people) ─→ done ─→ unblocked

That is not undone exactly, as all measures are: whoever was let out is not brought back. So it is for
rooms alone whose closure nobody can appeal any more, and people are told so before they confirm it.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from policybot.domain.decision import Decision
from policybot.domain.errors import OutOfOrder
from policybot.domain.ladder import Scope
from policybot.domain.measure import Kind
from policybot.domain.sanction import Sanction
from policybot.domain.sanction import State as SanctionState


class State(StrEnum):
    """Where a deletion stands."""

    PROPOSED = "proposed"
    ORDERED = "ordered"
    DONE = "done"
    UNBLOCKED = "unblocked"


@dataclass(frozen=True, slots=True)
class Deletion:
    """The deletion of one closed room."""

    decision_id: int
    """The decision that closed it."""
    room_id: str
    state: State
    at: datetime
    """Since when it stands there."""

    @property
    def gone(self) -> bool:
        """Whether its members are let out, or are about to be."""
        return self.state is not State.PROPOSED


CONSEQUENCES = (
    "Everybody on this homeserver is let out of the room, I included, and nobody can enter it. What was "
    "written stays in the homeserver's database, and is not purged; members cannot read it any more. "
    "This cannot be undone exactly: !policy unblock lets people in again, but brings nobody back."
)
"""What is said before somebody confirms it."""


def check(
    decision: Decision, sanction: Sanction, *, appealed: bool, until: datetime, now: datetime
) -> None:
    """Check that a room may be deleted: `until` when the closure can be appealed nothing is.

    Raises:
        OutOfOrder: it is not closed, or the closure can still be overturned.
    """
    if appealed:
        message = f"{decision.number}: an appeal waits. Nothing is deleted before it is decided."
        raise OutOfOrder(message)
    closes = decision.scope is Scope.ROOM and decision.measure.kind is Kind.CLOSE
    if not closes or sanction.state is not SanctionState.ACTIVE:
        message = f"{decision.number}: the room is not closed. Only a closed room can be deleted."
        raise OutOfOrder(message)
    if now <= until:
        message = (
            f"{decision.number}: the closure can be appealed until {until:%-d %B %Y, %H:%M} UTC. "
            "Nothing is deleted before."
        )
        raise OutOfOrder(message)


def binding(decision: Decision, room_id: str) -> str:
    """Give the fingerprint of exactly what will happen, which a second person approves."""
    terms = ["delete, and keep what was written", decision.binding, room_id]
    return hashlib.sha256(json.dumps(terms).encode()).hexdigest()
