"""A trusted flagger: a body whose reports in its field are looked at before others.

Article 22 of Regulation (EU) 2022/2065. The mark orders the queue and is counted; it decides nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Flagger:
    """A body that was named a trusted flagger."""

    name: str
    """What the body is called; of who writes for it nothing is said."""
    reporters: frozenset[str]
    """By whom its reports come: accounts, and programs as `tool:NAME`."""
    rules: frozenset[str] = frozenset()
    """The numbers of the rules in its field; none for all, and for reports that name no rule."""
    paused: bool = False
    """Whether its status rests, so that its reports are like any other."""

    def speaks(self, reporter: str, category: str) -> bool:
        """Say whether a report that names a rule, or none, is one of this body in its field."""
        in_field = not self.rules or category in self.rules
        return not self.paused and in_field and reporter in self.reporters


def speaking(flaggers: Iterable[Flagger], reporter: str, category: str) -> str | None:
    """Name the body whose report it is in its field; None if it is a report like any other."""
    return next((one.name for one in flaggers if one.speaks(reporter, category)), None)


def called(name: str) -> str:
    """Call a body as moderators read it, also where its name is forgotten."""
    return f"the trusted flagger {name}" if name else "a trusted flagger"
