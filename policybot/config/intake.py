"""What is configured about reports that come by other ways than a command or a client's button."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from policybot.config.types import Secret, Section, header_safe

ToolName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]


class FormSection(Section):
    """The public form, for people who have no account."""

    open: bool = Field(default=True, description="Whether there is a form at /report.")
    an_hour: int = Field(
        60, ge=1, le=10_000, description="How many reports it takes within an hour, from all together."
    )
    unproved_an_hour: int = Field(
        12,
        ge=0,
        le=10_000,
        description="How many of them may come without the work that a browser does for one (those "
        "without JavaScript); 0 for none.",
    )
    work: int = Field(
        16,
        ge=8,
        le=24,
        description="How much work that is, in bits: 16 are about a second of a browser and a few of an "
        "old phone; one more is twice as much.",
    )


class ToolSection(Section):
    """Another program that may report."""

    name: ToolName = Field(description="What it is called on cards, in small letters; keep it.")
    token: Annotated[Secret, AfterValidator(header_safe)] = Field(
        description="The secret by which it is known."
    )


class ReportsSection(Section):
    """Ways of reporting beside the command and the client's button."""

    form: FormSection = Field(
        default_factory=FormSection, description="The public form, which needs no account."
    )
    proxy: bool = Field(
        default=False,
        description="Whether your reverse proxy sends the clients' reports to appservice.listen; they "
        "are passed on to the homeserver from there.",
    )
    tools: tuple[ToolSection, ...] = Field((), description="Other programs that may report.")
    tools_an_hour: int = Field(
        600, ge=1, le=100_000, description="How many reports each of them may send within an hour."
    )

    @model_validator(mode="after")
    def _each_its_own(self) -> Self:
        for what in ("name", "token"):
            given = [getattr(tool, what) for tool in self.tools]
            for place, one in enumerate(given):
                if one in given[:place]:
                    message = f"tools.{place}.{what}: another tool has it already"
                    raise ValueError(message)
        return self
