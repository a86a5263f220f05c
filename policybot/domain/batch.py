"""A batch: several cases that are decided alike at once, each with a decision of its own."""

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from policybot.domain.errors import Incomplete, NotFound, OutOfOrder
from policybot.domain.statement import MIN_FACTS

CEILING = 20
"""Cases in one batch at the most, whatever the configuration says."""
_ONE = re.compile(r"C-(\d{1,15})(?:-(\d{1,15}))?", re.ASCII | re.IGNORECASE)


class State(StrEnum):
    """Where a batch stands."""

    PROPOSED = "proposed"
    DONE = "done"
    UNDONE = "undone"
    DENIED = "denied"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Batch:
    """Cases with what is decided in all of them."""

    id: int
    code: str
    """Under which it is confirmed, and undone."""
    by: str
    typed: str
    """What was typed as decision: `R1 S2 warn FACTS`, or `dismiss REASON`."""
    case_ids: tuple[int, ...]
    state: State
    at: datetime
    """When it was proposed; once it is done, when that was."""


def read(text: str, most: int) -> tuple[int, ...]:
    """Read which cases are meant: `C-1,C-2,C-5-9`.

    Raises:
        NotFound: that names no cases.
        OutOfOrder: it names too many.
    """
    found: dict[int, None] = {}
    for part in text.split(","):
        match = _ONE.fullmatch(part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if last < first:
            message = f"«{part[:40]}» names no cases. Write them like C-1,C-2,C-5-9."
            raise NotFound(message)
        if last - first >= most or len(found.keys() | set(range(first, last + 1))) > most:
            message = f"These are too many: {most} cases at the most are decided at once."
            raise OutOfOrder(message)
        found.update(dict.fromkeys(range(first, last + 1)))
    return tuple(found)


def bound(batch: Batch, fingerprints: Iterable[str]) -> str:
    """Give the fingerprint of exactly what will happen in all cases together."""
    parts = [batch.typed, list(batch.case_ids), list(fingerprints)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def check_undoable(batch: Batch, reason: str, now: datetime, within: timedelta) -> None:
    """Check that a batch can be undone.

    Raises:
        OutOfOrder: it is not done, or it is too late.
        Incomplete: no reason is given.
    """
    if batch.state is not State.DONE:
        message = f"{batch.code} is {batch.state}: there is nothing to undo."
        raise OutOfOrder(message)
    if now > batch.at + within:
        message = (
            f"The time to undo {batch.code} at once is over. Lift each measure: !policy lift CASE REASON"
        )
        raise OutOfOrder(message)
    if len(reason.strip()) < MIN_FACTS:
        message = "Please say in a sentence why; everybody concerned will read it."
        raise Incomplete(message)
