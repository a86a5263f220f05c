"""What is configured about the copies of reported events."""

from pydantic import Field

from policybot.config.types import Section
from policybot.domain.copy import MOST_CONTEXT


class CopiesSection(Section):
    """Copies of reported messages, sealed in the vault."""

    context: int = Field(
        5,
        ge=0,
        le=MOST_CONTEXT,
        description="How many messages before and after a reported one are kept with it; 0 for none.",
    )
