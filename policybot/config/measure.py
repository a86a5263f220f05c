"""How measures are carried out, in the operator's words and within the operator's limits."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from policybot.config.types import Section, Span, Word
from policybot.domain.cure import LONGEST, SHORTEST
from policybot.domain.label import places
from policybot.domain.removal import MOST

_LEAST = timedelta(minutes=5)
BANNER_PLACES = ("number", "measure", "until")
"""What can be filled into the notice in a suspended room."""
BANNER = (
    "This room ({{number}}) is {{measure}}, by {operator}. Until {{until}} nobody can write here; what "
    "was written stays. Questions: {contact}"
)
"""What a suspended room says unless the operator writes something else."""


def _banner(value: str) -> str:
    if unknown := places(value) - set(BANNER_PLACES):
        known = ", ".join(f"{{{place}}}" for place in BANNER_PLACES)
        message = f"nothing is known of {{{min(unknown)}}}; what can be filled in: {known}"
        raise ValueError(message)
    return value


def _cure(value: timedelta) -> timedelta:
    if not SHORTEST <= value <= LONGEST:
        message = f"must be between {SHORTEST.days} and {LONGEST.days} days"
        raise ValueError(message)
    return value


def _seldom(value: timedelta) -> timedelta:
    if value < _LEAST:
        message = "must be PT5M or more"
        raise ValueError(message)
    return value


Banner = Annotated[Word, AfterValidator(_banner)]
CureSpan = Annotated[Span, AfterValidator(_cure)]


class MeasuresSection(Section):
    """How measures on people are carried out."""

    close: Literal["suspend", "lock"] = Field(
        "suspend",
        description="What closes an account: suspend (its owner can read, export and leave, and nothing "
        "else) or lock besides (nothing at all; they are told before, and appeal by the link).",
    )
    look_every: Annotated[Span, AfterValidator(_seldom)] = Field(
        timedelta(hours=1),
        description="How often each suspended account is looked at, PT5M or more.",
    )
    repair: bool = Field(
        default=True,
        description="Whether a suspension that somebody else has ended is set right by itself, up to "
        "three times a day; false only tells it.",
    )

    most_removed: int = Field(
        100,
        ge=1,
        le=MOST,
        description=f"How many messages one decision removes at the most; {MOST} is the limit.",
    )

    @property
    def locks(self) -> bool:
        """Whether an account that is closed is locked."""
        return self.close == "lock"
