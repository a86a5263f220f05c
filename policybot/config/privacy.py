"""What is configured about privacy: why a name may be revealed, and how long what is kept stays."""

from datetime import timedelta
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, create_model, field_validator, model_validator

from policybot.config.types import Section, Span, Word
from policybot.domain.identity import Claim
from policybot.domain.retention import RULES
from policybot.domain.reveal import LONGEST_DELAY, Reason


class Delay(Section):
    """When the person is told."""

    after: Span = Field(description="How long after it: P30D; P90D at the most.")

    @field_validator("after")
    @classmethod
    def _not_too_long(cls, value: timedelta) -> timedelta:
        if not timedelta(0) <= value <= LONGEST_DELAY:
            message = f"the person is told after P{LONGEST_DELAY.days}D at the latest"
            raise ValueError(message)
        return value


def _notify(value: object) -> object:
    if value == "at_once":
        return {"after": "PT0S"}
    if isinstance(value, (dict, Delay)):
        return value
    message = "must be at_once, or after: P30D"
    raise ValueError(message)


class ReasonSection(Section):
    """A reason for which a name may be revealed."""

    id: str = Field(
        pattern=r"^[a-z0-9_]+$", description="A short name in small letters, as it is typed."
    )
    title: Word = Field(description="What it is called, as the person reads it.")
    fields: tuple[Claim, ...] = Field(
        min_length=1, description="What is shown, of what identity.keep keeps."
    )
    notify: Annotated[Delay, BeforeValidator(_notify)] = Field(
        Delay(after=timedelta(0)),
        description="When the person is told: at_once, or after a time, where telling them at once "
        "would defeat the reason.",
    )

    def reason(self) -> Reason:
        """Give the reason as the domain knows it."""
        return Reason(self.id, self.title, self.fields, self.notify.after)


class RevealSection(Section):
    """Learning who is behind an account; two people decide it."""

    reasons: tuple[ReasonSection, ...] = Field(
        (), description="The reasons for which it may happen; without any, it may not."
    )
    requests_a_day: int = Field(
        5, ge=1, le=100, description="How often a moderator may ask for it in a day."
    )
    questions_a_day: int = Field(
        10,
        ge=0,
        le=100,
        description="How many questions that are answered yes or no a moderator may ask in a day.",
    )

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        ids = [reason.id for reason in self.reasons]
        for place, id_ in enumerate(ids):
            if id_ in ids[:place]:
                message = f"reasons.{place}.id: «{id_}» is there twice"
                raise ValueError(message)
        return self

    @property
    def all_reasons(self) -> tuple[Reason, ...]:
        """The reasons as the domain knows them."""
        return tuple(section.reason() for section in self.reasons)


def _spans() -> dict[str, Any]:
    """Make one key for each rule of the domain, so that none is forgotten here."""
    return {
        rule.name: (
            Span,
            Field(rule.span, description=f"How long it stays: {rule.what}. Counted from {rule.since}."),
        )
        for rule in RULES
    }


RetentionSection = create_model("RetentionSection", __base__=Section, **_spans())
RetentionSection.__doc__ = "How long what is kept stays."


class PrivacySection(Section):
    """What is kept of people, and who may look."""

    reveal: RevealSection = Field(
        default_factory=RevealSection, description="Learning who is behind an account."
    )
    backup_retention: Span = Field(
        timedelta(days=30),
        description="How long you keep backups of the database: after it, an erasure is final.",
    )
    retention: RetentionSection = Field(
        default_factory=RetentionSection, description="How long what is kept stays."
    )

    def spans(self) -> dict[str, timedelta]:
        """Give the time of each rule by its name."""
        return {rule.name: getattr(self.retention, rule.name) for rule in RULES}
