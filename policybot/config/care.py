"""What is configured about care for moderators: from how much in a day they are told to rest."""

from pydantic import Field

from policybot.config.types import Section
from policybot.domain.care import Limits


class CareSection(Section):
    """From how much in a day a moderator reads that somebody else might go on; nothing is forbidden."""

    cases_a_day: int = Field(
        40, ge=1, description="How many cases a moderator opens in a day before they read that hint."
    )
    looks_a_day: int = Field(
        12,
        ge=1,
        description="How many blurred pictures one looks at clearly in a day before they read it.",
    )

    def limits(self) -> Limits:
        """Give them as the hint needs them."""
        return Limits(self.cases_a_day, self.looks_a_day)
