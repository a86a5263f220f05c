"""A removal: which messages go with a decision, the reported one or all of somebody's within a time.

`+remove` is the reported message; `+remove:P1D` all that its author wrote from a day before it on, in
the room or in all governed rooms, as the decision reaches. No more go than the operator allows at once.
"""

from datetime import datetime, timedelta

from policybot.domain.errors import Incomplete
from policybot.domain.ladder import Scope
from policybot.domain.measure import duration_in_words, parse_duration

WORD = "remove"
LONGEST = timedelta(days=30)
"""Floor in code: nobody's messages are removed further back at once."""
MOST = 200
"""Floor in code: no decision removes more messages, whatever the configuration says."""


def parse(text: str) -> tuple[bool, timedelta | None]:
    """Read what is added to a measure: `remove`, or `remove:P1D`; whether it is one, and how far back.

    Raises:
        Incomplete: the time is none, or too long.
    """
    word, colon, span = text.partition(":")
    if word != WORD:
        return False, None
    if not colon:
        return True, None
    try:
        found = parse_duration(span.upper())
    except ValueError as error:
        raise Incomplete(str(error)) from None
    if not timedelta(0) < found <= LONGEST:
        message = f"Messages can be removed from at most {LONGEST.days} days before the reported act on."
        raise Incomplete(message)
    return True, found


def in_words(scope: Scope, span: timedelta | None, most: int) -> str:
    """Say what is removed, as whoever decides reads it."""
    if span is None:
        return "remove the message"
    where = "all governed rooms" if scope is Scope.ACCOUNT else "the room"
    return (
        f"remove all that they wrote in {where} from {duration_in_words(span)} before the reported act "
        f"on, the newest {min(most, MOST)} at most"
    )


def told(scope: Scope, span: timedelta, occurred_at: datetime) -> str:
    """Say the same as the person reads it."""
    where = "all governed rooms" if scope is Scope.ACCOUNT else "the room"
    since = occurred_at - span
    return f"What you wrote in {where} since {since:%-d %B %Y, %H:%M} UTC was removed."
