"""A closure: what a ladder may ask to be tried before a room is closed for good."""

from collections.abc import Iterable
from enum import StrEnum


class Earlier(StrEnum):
    """What may be asked to be tried before."""

    REPLACE_OWNER = "replace_owner"
    SUSPEND = "suspend"

    @property
    def in_words(self) -> str:
        """What it is, as one says it."""
        return "another owner" if self is Earlier.REPLACE_OWNER else "a suspension of the room"


def in_words(earlier: Iterable[Earlier]) -> str:
    """Name what is tried before a closure."""
    return " and ".join(one.in_words for one in earlier)
