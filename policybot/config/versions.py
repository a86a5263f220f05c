"""How a changed ladder comes into force, as operators set it up."""

from datetime import timedelta
from typing import Self

from pydantic import Field, model_validator

from policybot.config.types import Section, Span

_LEAST_COOLING = timedelta(days=1)


class VersionsSection(Section):
    """How a changed ladder comes into force."""

    test_within: Span = Field(
        timedelta(days=14),
        description="How old the backtest may be on which a changed ladder is proposed and approved.",
    )
    cooling_off: Span | None = Field(
        None,
        description="The delay that takes the place of the second approver where there is nobody else "
        "to approve a changed ladder, P1D or more; null to insist on two. The record says so.",
    )

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.test_within <= timedelta(0):
            message = "test_within: must be longer than no time"
            raise ValueError(message)
        if self.cooling_off is not None and self.cooling_off < _LEAST_COOLING:
            message = "cooling_off: must be P1D or longer: it stands in the place of a person"
            raise ValueError(message)
        return self
