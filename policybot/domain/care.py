"""Care for moderators: how much somebody looked at in a day, and when a rest may do them good.

Nothing is forbidden by it and nobody is ranked: a hint is all that follows.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Exposure:
    """What somebody had to look at in some time."""

    cases: int
    """Different cases that they opened, counted once a day."""
    looks: int
    """Pictures that they looked at clearly."""

    @property
    def in_words(self) -> str:
        """The two numbers, as one says them."""
        return f"{_counted(self.cases, 'case')} and {_counted(self.looks, 'blurred picture')}"


@dataclass(frozen=True, slots=True)
class Limits:
    """From how much on in a day a hint is given."""

    cases: int
    looks: int


def hint(seen: Exposure, limits: Limits) -> str:
    """Say that somebody else might go on; nothing while there is no need to."""
    if seen.looks >= limits.looks:
        what = _counted(seen.looks, "blurred picture")
    elif seen.cases >= limits.cases:
        what = _counted(seen.cases, "case")
    else:
        return ""
    return f"You have looked at {what} today. Perhaps somebody else takes the next ones."


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
