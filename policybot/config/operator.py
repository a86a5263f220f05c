"""The configuration of the operator itself: who runs this, by which licences, with enough people."""

from datetime import date, timedelta
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from policybot.config.types import Section, Span, Url, Word
from policybot.domain.licence import Licence


def _in_one_line(value: str) -> str:
    if not value.isprintable():
        message = "must be one line of plain text"
        raise ValueError(message)
    return value


Line = Annotated[Word, AfterValidator(_in_one_line), Field(max_length=200)]


class LicenceSection(Section):
    """A licence or registration under which you work."""

    title: Line = Field(description="What it is called.")
    number: Line = Field(description="Its number.")
    issuer: Line = Field(description="Who gave it.")
    valid_until: date | None = Field(
        None,
        description="Its last day, such as 2027-12-31; null if it has no end. Your people are reminded "
        "in the review room 90, 30 and 7 days before, and when it has ended.",
    )
    link: Url | None = Field(None, description="Where people can check it; null for nowhere.")

    def licence(self) -> Licence:
        """Give the licence as the domain knows it."""
        return Licence(self.title, self.number, self.issuer, self.valid_until, self.link)


class StaffingSection(Section):
    """From when on your people are too few; `policybot doctor` says so."""

    reports_per_moderator_and_day: float = Field(
        10.0,
        gt=0,
        allow_inf_nan=False,
        description="How many reports one moderator can look at in a day, on average over 30 days.",
    )
    oldest_case: Span = Field(
        timedelta(days=7), description="For how long the oldest case may be open, such as P7D."
    )


class Operator(Section):
    """Who runs this."""

    name: Word = Field(description="Who you are, as members read it.")
    contact: Word = Field(description="How people reach you when the bot cannot help.")
    appeal_body: str | None = Field(
        None, description="Somebody outside whom people can turn to after an appeal."
    )
    licences: tuple[LicenceSection, ...] = Field(
        (), description="The licences and registrations under which you work, for all to see."
    )
    staffing: StaffingSection = Field(
        default_factory=StaffingSection, description="From when on your people are too few."
    )

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        seen: set[tuple[str, str]] = set()
        for place, licence in enumerate(self.licences):
            if (licence.issuer, licence.number) in seen:
                message = f"licences.{place}.number: this licence is there twice"
                raise ValueError(message)
            seen.add((licence.issuer, licence.number))
        return self
