"""A quarantine: the files of a message that nobody can fetch, until it is decided or given up."""

from dataclasses import dataclass
from datetime import datetime

from policybot.domain.errors import Incomplete, OutOfOrder
from policybot.domain.name import one_line

LONGEST_REASON = 500
_SHORTEST_REASON = 10
WITHHELD = "Its files cannot be downloaded any more."
"""What the statement of reasons says of it."""


@dataclass(frozen=True, slots=True)
class QuarantineMedia:
    """Let nobody fetch a file any more, and keep it for those who decide."""

    uri: str


@dataclass(frozen=True, slots=True)
class UnquarantineMedia:
    """Let everybody fetch a file again who could before."""

    uri: str


MediaEffect = QuarantineMedia | UnquarantineMedia


@dataclass(frozen=True, slots=True)
class Quarantine:
    """One file that is in quarantine because of a case."""

    case_id: int
    uri: str
    by: str
    reason: str
    since: datetime


def inverse(effect: MediaEffect) -> MediaEffect:
    """Name the effect that takes this one back."""
    if isinstance(effect, QuarantineMedia):
        return UnquarantineMedia(effect.uri)
    return QuarantineMedia(effect.uri)


def target(effect: MediaEffect) -> str:
    """Name what both change."""
    return f"media {effect.uri}"


def in_words(effect: MediaEffect) -> str:
    """Say what an effect does."""
    if isinstance(effect, QuarantineMedia):
        return f"put the file {effect.uri} in quarantine"
    return f"take the file {effect.uri} out of quarantine"


def checked(reason: str) -> str:
    """Read a reason as it is kept.

    Raises:
        Incomplete: it says nothing.
    """
    said = one_line(reason, LONGEST_REASON)
    if len(said) < _SHORTEST_REASON:
        message = "Please give the reason in a sentence."
        raise Incomplete(message)
    return said


def check_open(number: str, *, undecided: bool, in_force: bool) -> None:
    """Check that a case is one in which files can be put in quarantine.

    Raises:
        OutOfOrder: it was closed without a decision that holds.
    """
    if not (undecided or in_force):
        message = (
            f"{number} is closed and no decision holds in it: there is nothing to withhold files for."
        )
        raise OutOfOrder(message)
