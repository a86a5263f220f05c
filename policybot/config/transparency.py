"""What is configured about the figures that everybody may read."""

from pydantic import Field

from policybot.config.types import Section
from policybot.domain.period import Grain
from policybot.domain.suppression import FEWEST


class TransparencySection(Section):
    """The figures at /transparency; what was published once is never changed."""

    finest: Grain = Field(
        Grain.QUARTER,
        description="The shortest span for which figures are published, once it is over: month, "
        "quarter or year. Where little happens a longer one shows more.",
    )
    fewest: int = Field(
        FEWEST,
        ge=FEWEST,
        description="Numbers below this are not shown, nor what would give them away; 5 or more.",
    )
    text: str = Field(
        "",
        max_length=20_000,
        description="What you say of your work in words: who moderates, in which languages, how they "
        "are trained, which machines help. Plain text; it stands in the report.",
    )
