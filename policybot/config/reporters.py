"""Those who report, as operators set it up: whose reports are taken whatever was decided about them."""

from pydantic import Field

from policybot.config.types import Section


class ReportersSection(Section):
    """What is done about reports that are manifestly unfounded: by people alone, never by itself."""

    never_paused: tuple[str, ...] = Field(
        (),
        description="Rules by their numbers: reports that name one are taken also from people whose "
        "reports are paused. Name those about people's safety.",
    )
