"""An objection to a decision: until when, decided by whom, and how it can end."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from policybot.domain.errors import Incomplete, NotPermitted, OutOfOrder


class State(StrEnum):
    """Where an appeal stands."""

    SUBMITTED = "submitted"
    UPHELD = "upheld"
    """The decision stands."""
    MODIFIED = "modified"
    """A milder decision took its place."""
    OVERTURNED = "overturned"
    """The decision is void from the beginning."""


class Verdict(StrEnum):
    """How a reviewer ends an appeal."""

    UPHOLD = "uphold"
    MODIFY = "modify"
    OVERTURN = "overturn"


MOVES: dict[tuple[State, Verdict], State] = {
    (State.SUBMITTED, Verdict.UPHOLD): State.UPHELD,
    (State.SUBMITTED, Verdict.MODIFY): State.MODIFIED,
    (State.SUBMITTED, Verdict.OVERTURN): State.OVERTURNED,
}

MIN_TEXT = 5
"""Characters below which an appeal or its reasons say nothing."""
MOST_TEXT = 5_000
"""Characters of an appeal: as many as somebody reads who is to do it justice."""


@dataclass(frozen=True, slots=True)
class Appeal:
    """One person's objection to one decision."""

    id: int
    case_id: int
    decision_id: int
    appellant: str
    text: str
    state: State
    submitted_at: datetime
    reviewer: str | None = None
    reasons: str = ""
    version: int = 1


def admissible(text: str, *, decided_at: datetime, now: datetime, window: timedelta) -> None:
    """Check that an appeal can be taken in.

    Raises:
        Incomplete: it says nothing, or too much.
        OutOfOrder: the time for it is over.
    """
    if len(text.strip()) < MIN_TEXT:
        message = "Please say in a sentence why the decision is wrong."
        raise Incomplete(message)
    if len(text.strip()) > MOST_TEXT:
        message = f"Please say it in at most {MOST_TEXT:,} characters."
        raise Incomplete(message)
    if now > decided_at + window:
        message = f"The time to appeal ended on {decided_at + window:%-d %B %Y}."
        raise OutOfOrder(message)


def decidable_by(appeal: Appeal, reviewer: str, excluded: frozenset[str]) -> None:
    """Check that somebody may decide an appeal.

    Args:
        appeal: the appeal.
        reviewer: who wants to decide it.
        excluded: the decider, the approver, the proposer, the reporters, the subject, and those
            who answer for the room.

    Raises:
        NotPermitted: they had a part in the matter.
    """
    if reviewer in excluded:
        message = (
            "You had a part in this matter. An appeal is decided by somebody who had none: "
            "please leave it to another reviewer."
        )
        raise NotPermitted(message)
    if appeal.state is not State.SUBMITTED:
        message = f"This appeal has been decided already: {appeal.state.value}."
        raise OutOfOrder(message)


def decided(appeal: Appeal, verdict: Verdict, reasons: str) -> State:
    """Say how an appeal ends.

    Raises:
        Incomplete: no reasons were given.
        OutOfOrder: it was decided before.
    """
    if len(reasons.strip()) < MIN_TEXT:
        message = "Please give the reasons in a sentence: the person will read them."
        raise Incomplete(message)
    after = MOVES.get((appeal.state, verdict))
    if after is None:
        message = f"This appeal has been decided already: {appeal.state.value}."
        raise OutOfOrder(message)
    return after
