"""How many cases moderators decide at once, and for how long that can be undone."""

from datetime import timedelta

from pydantic import Field

from policybot.config.types import Section, Span
from policybot.domain.batch import CEILING


class BulkSection(Section):
    """Deciding several cases at once."""

    most: int = Field(
        CEILING, ge=1, le=CEILING, description="How many cases may be decided at once; 20 at the most."
    )
    undo_within: Span = Field(
        timedelta(hours=24), description="For how long a moderator can undo them all at once."
    )
