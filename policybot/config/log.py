"""What is configured about the audit log: its key, how often it is signed, and where that is shown."""

from datetime import timedelta

from pydantic import Field

from policybot.config.types import Room, Section, Span, Word


class LogSection(Section):
    """Signed checkpoints of the audit log, by which everybody can check that it only grows."""

    key_file: Word = Field("log.key", description="The key that signs them; `policybot init` makes it.")
    entries: int = Field(
        1000, ge=1, description="After how many new entries the next checkpoint is signed."
    )
    every: Span = Field(
        timedelta(minutes=10),
        description="After how long it is signed with fewer, if there is anything new.",
    )
    file: Word = Field(
        "checkpoints.txt",
        description="The file to which each is added. Copy it to another machine: it shows if the "
        "database was rewritten, or an older copy was put in its place.",
    )
    room: Room | None = Field(
        None,
        description="The room in which each newest one is posted, for all to keep. If there is none of "
        "an alias that begins #_policybot_, policybot makes it: public, and nobody else writes there. "
        "Another one is yours to make: invite the bot, and let nobody else write. null for none.",
    )
