"""What is done about rooms that stand in the server's directory and that nobody has filed."""

from datetime import timedelta
from typing import Self

from pydantic import Field, model_validator

from policybot.config.types import Room, Section, Span
from policybot.domain.unfiled import REMIND_BEFORE, Action

_EVERY = timedelta(hours=1), timedelta(days=7)


class UnfiledSection(Section):
    """Rooms in your directory that nobody has filed; without this section nobody looks for them."""

    action: Action = Field(
        Action.TELL,
        description="nothing (list them for your people), tell (also write to who made them) or "
        "unpublish (also take them out of the directory after a time; the rooms stay as they are).",
    )
    grace: Span = Field(
        timedelta(days=14),
        description="How long after its creator was told a room is taken out of the directory "
        "(P3D or more).",
    )
    every: Span = Field(timedelta(days=1), description="How often is looked (PT1H to P7D).")
    exempt: tuple[Room, ...] = Field(
        (), description="Your own rooms that need no filing, by alias or ID: a lobby, a space."
    )

    @model_validator(mode="after")
    def _in_bounds(self) -> Self:
        if self.grace < REMIND_BEFORE:
            message = "grace: must be P3D or more"
            raise ValueError(message)
        if not _EVERY[0] <= self.every <= _EVERY[1]:
            message = "every: must be between PT1H and P7D"
            raise ValueError(message)
        return self
