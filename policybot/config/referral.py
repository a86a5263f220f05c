"""What is configured about referrals: to whom something may be handed over, what, and on which basis."""

from datetime import timedelta
from typing import Self

from pydantic import Field, field_validator, model_validator

from policybot.config.types import Section, Span, Word
from policybot.domain import referral as rules
from policybot.domain.referral import LONGEST_DELAY, Ground, Recipient

_ID = r"^[a-z0-9_]+$"


class RecipientSection(Section):
    """Somebody outside to whom something may be handed over."""

    id: str = Field(pattern=_ID, description="A short name in small letters, as it is typed; keep it.")
    name: Word = Field(description="Who they are, as the person reads it.")
    what: Word = Field(description="What kind of body they are, as the person reads it.")
    reached: Word = Field(description="How they are reached, for your people.")
    bases: dict[str, Word] = Field(
        min_length=1,
        description="The legal bases on which it may be, by short names in small letters; the person "
        "reads what stands behind the name.",
    )
    fields: tuple[rules.Field, ...] = Field(
        min_length=1,
        description="What may be handed over to them at the most: rule, facts, time, room, event (its "
        "ID), message (a copy of it), account, identity (the number of an approved reveal). Never a "
        "name.",
    )

    def recipient(self) -> Recipient:
        """Give the recipient as the domain knows it."""
        fields = frozenset(self.fields)
        return Recipient(self.id, self.name, self.what, self.reached, self.bases, fields)


class GroundSection(Section):
    """A ground for which a person is told later that something was handed over."""

    id: str = Field(pattern=_ID, description="A short name in small letters, as it is typed.")
    title: Word = Field(description="What it is called, as the person reads it once they are told.")
    longest: Span = Field(description="How long the person may wait for that; P90D at the most.")

    @field_validator("longest")
    @classmethod
    def _not_too_long(cls, value: timedelta) -> timedelta:
        if not timedelta(0) < value <= LONGEST_DELAY:
            message = f"must be P{LONGEST_DELAY.days}D at the most; two people can renew it"
            raise ValueError(message)
        return value

    def ground(self) -> Ground:
        """Give the ground as the domain knows it."""
        return Ground(self.id, self.title, self.longest)


class ReferralsSection(Section):
    """To whom something of a case may be handed over; two people decide each time."""

    recipients: tuple[RecipientSection, ...] = Field(
        (), description="To whom it may be; without any, nothing may."
    )
    delays: tuple[GroundSection, ...] = Field(
        (), description="The grounds for which a person is told later than at once."
    )
    answer_within: Span = Field(
        timedelta(days=14),
        description="Within which time an objection should be answered (P1D to P60D).",
    )

    @field_validator("answer_within")
    @classmethod
    def _in_time(cls, value: timedelta) -> timedelta:
        if not timedelta(days=1) <= value <= timedelta(days=60):
            message = "must be P1D to P60D"
            raise ValueError(message)
        return value

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        for name, ids in (
            ("recipients", [one.id for one in self.recipients]),
            ("delays", [one.id for one in self.delays]),
        ):
            for place, id_ in enumerate(ids):
                if id_ in ids[:place]:
                    message = f"{name}.{place}.id: «{id_}» is there twice"
                    raise ValueError(message)
        return self

    @property
    def all_recipients(self) -> tuple[Recipient, ...]:
        """The recipients as the domain knows them."""
        return tuple(section.recipient() for section in self.recipients)

    @property
    def grounds(self) -> tuple[Ground, ...]:
        """The grounds as the domain knows them."""
        return tuple(section.ground() for section in self.delays)
