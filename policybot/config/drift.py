"""What happens where a filed room differs from its filing."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from policybot.config.types import Section, Span

_LEAST = timedelta(minutes=15)
Mended = Literal["measures", "label", "directory", "alias", "topic", "notice"]
"""The kinds of drift (`policybot.domain.drift.Kind`) that an effect sets right."""


def _seldom(value: timedelta) -> timedelta:
    if value < _LEAST:
        message = "must be PT15M or more"
        raise ValueError(message)
    return value


class DriftSection(Section):
    """What happens where a filed room differs from its filing and its measures."""

    every: Annotated[Span, AfterValidator(_seldom)] = Field(
        timedelta(hours=6),
        description="How often each room is looked at, PT15M or more; what changes is seen at once.",
    )
    repair: tuple[Mended, ...] = Field(
        ("measures", "label", "directory", "alias", "topic", "notice"),
        description="What is set right by itself, up to three times a day: measures, label, directory, "
        "alias, topic, notice. What is left out is only told, as everything else is.",
    )
