"""What a filed room can be qualified for, and what it shows of its filing."""

from datetime import timedelta
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from policybot.config.types import Section, Span, Word
from policybot.domain.label import PLACES, places
from policybot.domain.qualification import Right


def _template(value: str) -> str:
    if unknown := places(value) - set(PLACES):
        known = ", ".join(f"{{{place}}}" for place in PLACES)
        message = f"nothing is known of {{{min(unknown)}}}; what can be filled in: {known}"
        raise ValueError(message)
    if not value.strip():
        message = "is empty; write null if nothing is to be shown"
        raise ValueError(message)
    return value.strip()


def _one_line(value: str) -> str:
    if len(value.splitlines()) > 1:
        message = "must be one line"
        raise ValueError(message)
    return value


Template = Annotated[str, AfterValidator(_template)]


class QualificationSection(Section):
    """A subject on which only qualified rooms publish, by your own rules."""

    id: str = Field(
        pattern=r"^[a-z0-9_-]{1,40}$", description="A short name in small letters, as it is typed."
    )
    title: Word = Field(max_length=100, description="What it is called, as the label shows it.")
    needs: Word = Field(description="Which evidence you want to see, as owners read it.")
    verifier: Word = Field(description="Who checks the evidence, as everybody reads it.")
    valid_for: Span = Field(timedelta(days=365), description="How long it is good, such as P365D.")
    rights: tuple[Right, ...] = Field(
        (Right.PUBLISH, Right.REPUBLISH, Right.ANSWER),
        min_length=1,
        description="What it allows: publish (own texts), republish (those of others), answer "
        "(questions). Rights are shown; a machine looks at publish alone, and only where a rule of "
        "yours has unqualified.",
    )
    second_person: bool = Field(
        default=False, description="Whether a second reviewer has to confirm that it is granted."
    )

    @model_validator(mode="after")
    def _lasting(self) -> Self:
        if self.valid_for <= timedelta(0):
            message = "valid_for: must be more than nothing"
            raise ValueError(message)
        if len(set(self.rights)) != len(self.rights):
            message = "rights: one is there twice"
            raise ValueError(message)
        return self


class ShownSection(Section):
    """What a filed room shows in your words, besides its label; it is withdrawn with the approval."""

    topic_line: Annotated[Template, AfterValidator(_one_line)] | None = Field(
        None,
        max_length=200,
        description="A line that is appended to the room's topic; null for none. {number}, {categories} "
        "and {link} are filled in.",
    )
    notice: Template | None = Field(
        None,
        max_length=2000,
        description="A message that is pinned in the room; null for none. The same.",
    )
