"""What an application says of a room, besides its purpose and categories."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class About:
    """What its owner says of a room; each is empty where they say nothing."""

    organisation: str = ""
    """The organisation in whose name the room is kept; empty for a person of their own."""
    audience: str = ""
    """For whom it is."""
    languages: tuple[str, ...] = ()
    """Which languages are spoken there, by their codes (BCP 47), in small letters."""
    contact: str = ""
    """How people reach its owner, as everybody may read it."""
    rules: str = ""
    """The room's own rules, beside the operator's."""


NOTHING_SAID = About()
