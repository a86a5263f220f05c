"""A time to put something right: before a measure on a room, its owner gets a chance.

running → said (the owner says that it is done)
   ├────→ over (the time has run out)
   └────→ stopped (a moderator ends it, with a reason)

None of them decides anything: each puts the case in front of the moderators again.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from policybot.domain.errors import Incomplete, NotFound, OutOfOrder
from policybot.domain.measure import parse_duration
from policybot.domain.name import one_line

SHORTEST = timedelta(days=1)
LONGEST = timedelta(days=30)
"""Floor in code: a case does not rest longer than that."""
ONCE_IN = timedelta(days=180)
"""How long one time to put something right is the only one for the rules that were named in its case."""
REMINDED = timedelta(days=1)
"""How long before its end the owner is reminded, if it was longer than that."""
USUAL, NOW = "usual", "now"
"""What a moderator writes for the configured time, and to end one that runs."""
MIN_TEXT = 10
_SHOWN = 300
LONGEST_ANSWER = 5000
"""Characters of what an owner says when it is done."""


class State(StrEnum):
    """Where a time to put something right stands."""

    RUNNING = "running"
    SAID = "said"
    OVER = "over"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Cure:
    """What the owner of a room was asked to put right, until when, and what came of it."""

    case_id: int
    asked_by: str
    text: str
    asked_at: datetime
    until: datetime
    state: State = State.RUNNING
    answer: str = ""
    """What the owner says, or why it was stopped."""
    reminded: bool = False
    rules: frozenset[str] = frozenset()
    """Which were named in the case when it was given."""
    version: int = 1

    @property
    def number(self) -> str:
        """What the case is called."""
        return f"C-{self.case_id}"


def span_of(text: str, usual: timedelta) -> timedelta:
    """Read how long the owner shall have.

    Raises:
        NotFound: it is no duration, or too short or too long.
    """
    if text.lower() == USUAL:
        return usual
    try:
        span = parse_duration(text.upper())
    except ValueError as error:
        raise NotFound(str(error)) from None
    if not SHORTEST <= span <= LONGEST:
        message = f"Please give the owner between {SHORTEST.days} and {LONGEST.days} days, such as P7D."
        raise NotFound(message)
    return span


def explained(text: str) -> str:
    """Check that a text says something.

    Raises:
        Incomplete: it does not.
    """
    if len(text.strip()) < MIN_TEXT:
        message = "Please say in a sentence what it is about; the owner will read it."
        raise Incomplete(message)
    return text.strip()


def answered(text: str) -> str:
    """Read what an owner says of it, as one line: moderators read it between lines of ours.

    Raises:
        Incomplete: it is too long.
    """
    if len(text) > LONGEST_ANSWER:
        message = f"Please say it in at most {LONGEST_ANSWER:,} characters."
        raise Incomplete(message)
    return one_line(text, LONGEST_ANSWER)


def ended(cure: Cure, state: State, answer: str = "") -> Cure:
    """End a time that runs.

    Raises:
        OutOfOrder: it has ended.
    """
    if cure.state is not State.RUNNING:
        message = f"The time to put something right in {cure.number} has ended already."
        raise OutOfOrder(message)
    return replace(cure, state=state, answer=answer.strip())


def check_first(rules: frozenset[str], before: Iterable[Cure], case_id: int, unseen: set[int]) -> None:
    """Check that nothing of the same rules was put right in another case not long ago.

    Args:
        rules: which are named in the case.
        before: what was put right in the room within `ONCE_IN`.
        case_id: the case; in itself time may be given again.
        unseen: the cases of which whoever asks must not read.

    Raises:
        OutOfOrder: it was; the record is shown.
    """
    for cure in before:
        if cure.case_id == case_id or not (same := cure.rules & rules):
            continue
        asked = f" ({cure.number}, {cure.asked_at:%-d %B %Y}: {cure.text[:_SHOWN]})"
        answer = f" They wrote: {cure.answer[:_SHOWN]}" if cure.answer else ""
        record = "" if cure.case_id in unseen else f"{asked}.{answer}"
        message = (
            f"The owner put something under {', '.join(sorted(same))} right before{record or '.'}\nThat "
            f"counts for nothing, but such time is given once for a rule in {ONCE_IN.days} days. "
            f"Next: !policy preview C-{case_id} {min(same)} SEVERITY proposed FACTS, or !policy dismiss "
            f"C-{case_id} REASON"
        )
        raise OutOfOrder(message)


def check_over(cure: Cure | None) -> None:
    """Check that no time runs that was promised to an owner.

    Raises:
        OutOfOrder: one does.
    """
    if cure is not None and cure.state is State.RUNNING:
        message = (
            f"The owner has until {cure.until:%-d %B %Y, %H:%M} UTC to put it right. If it cannot wait: "
            f"!policy hold {cure.number} RULE REASON, or !policy cure {cure.number} now REASON and then "
            "decide."
        )
        raise OutOfOrder(message)
