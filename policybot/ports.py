"""What the services need from outside: a homeserver, a source of real-name records, a clock."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from policybot.domain.effects import Effect
from policybot.domain.identity import Record

Clock = Callable[[], datetime]
"""Gives the present as an aware time."""

Result = Mapping[str, Any]
"""What an effect brought to light, as plain JSON values."""


class Later(Exception):  # noqa: N818 - a condition that passes
    """The homeserver could not do it now: it is away, busy, or asks to wait."""

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        """Say why, and after how many seconds the homeserver wants to be asked again."""
        super().__init__(reason)
        self.retry_after = retry_after


class Impossible(Exception):  # noqa: N818 - an answer
    """The homeserver will never do it: the bot lacks the rank, or the thing is gone."""


class SourceAway(Exception):  # noqa: N818 - a condition that passes
    """The source of real-name records cannot be read."""


@dataclass(frozen=True, slots=True)
class Errand:
    """One effect on its way, with what is known for carrying it out."""

    effect: Effect
    key: str
    """The Matrix transaction ID, the same at every try."""
    again: bool = False
    """Whether it was tried before, so that it may have been done already."""
    before: Result | None = None
    """What was there before a standing effect; None if nothing stands."""
    direct_room: str | None = None
    """The room in which the person to be told can be reached, if one is known."""
    evidence: Result | None = None
    """The kept copy (`sender`, `sent_at`, `content`) of the event that is restored."""


class Homeserver(Protocol):
    """The homeserver that effects are performed on."""

    async def observe(self, effect: Effect) -> Result:
        """Read what a standing effect is about to change.

        Raises:
            Later: ask again.
            Impossible: the effect cannot be carried out at all.
        """
        ...

    async def perform(self, errand: Errand) -> Result:
        """Carry out an effect; doing it twice under one key changes nothing more.

        Raises:
            Later: ask again.
            Impossible: it cannot be carried out.
        """
        ...


class IdentityProvider(Protocol):
    """A source of real-name records."""

    def check(self, code: str) -> Record | None:
        """Find the person whose code this is.

        Raises:
            SourceAway: the source cannot be read; the message says why.
        """
        ...
