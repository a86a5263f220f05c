"""Policy lists as operators set them up: the one of their own, and those of others that are watched."""

from datetime import timedelta
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from policybot.config.types import Room, Section, Span

_EVERY = timedelta(minutes=15), timedelta(days=7)
_MOST = 1000


def _often(value: timedelta) -> timedelta:
    if not _EVERY[0] <= value <= _EVERY[1]:
        message = "must be between PT15M and P7D"
        raise ValueError(message)
    return value


class WatchedSection(Section):
    """A list of another community that is read."""

    room: Room = Field(description="Its room, by alias or ID; the bot joins it, to read.")
    name: str = Field(
        pattern=r"^[a-z][a-z0-9-]{1,29}$",
        description="What your people know it by: small letters, digits and hyphens.",
    )


class PolicyListsSection(Section):
    """Lists by which communities tell each other of accounts and servers."""

    publish: Room | None = Field(
        None,
        description="A room of yours, by alias or ID, in which decisions about accounts of other "
        "servers can be published. The bot must be in it, and may send m.policy.rule.user there.",
    )
    watch: tuple[WatchedSection, ...] = Field(
        (),
        description="Lists of others. What they name in your governed rooms becomes a report that your "
        "people look at, and never a measure.",
    )
    every: Annotated[Span, AfterValidator(_often)] = Field(
        timedelta(hours=1),
        description="How often each list is read anew as a whole (PT15M to P7D); changes come at once.",
    )
    most_a_day: int = Field(
        20,
        ge=1,
        le=_MOST,
        description="Cases that one list may open within a day; of more your people are told once.",
    )

    @property
    def rooms(self) -> tuple[str, ...]:
        """Name all rooms that are lists, and so no rooms to be governed."""
        return (*((self.publish,) if self.publish else ()), *(one.room for one in self.watch))

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        names = [one.name for one in self.watch]
        for place, name in enumerate(names):
            if name in names[:place]:
                message = f"watch.{place}.name: «{name}» is there twice"
                raise ValueError(message)
        if len(set(self.rooms)) < len(self.rooms):
            message = "the same room is there twice"
            raise ValueError(message)
        return self
