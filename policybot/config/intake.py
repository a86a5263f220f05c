"""What is configured about reports that come by other ways than a command or a client's button."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from policybot.config.types import Secret, Section, UserId, header_safe
from policybot.domain.flagger import Flagger

ToolName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
BodyName = Annotated[str, StringConstraints(pattern=r"^[^\s\x00-\x1f\x7f]([^\x00-\x1f\x7f]{0,98}\S)?$")]


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


class FlaggerSection(Section):
    """A body that was named a trusted flagger (article 22 of the DSA)."""

    name: BodyName = Field(
        description="What the body is called; moderators read it, so name no person. Keep it."
    )
    accounts: tuple[UserId, ...] = Field((), description="The accounts that report for it.")
    tools: tuple[ToolName, ...] = Field((), description="The programs of `tools` that report for it.")
    rules: tuple[str, ...] = Field(
        (),
        description="The rules in its field, by their numbers; [] for all. A report that names another, "
        "or none, is then like any other.",
    )
    paused: bool = Field(
        default=False,
        description="Whether its status rests: its reports are like any other then. Those that came "
        "before stay marked.",
    )

    def flagger(self) -> Flagger:
        """Give the body as the domain knows it."""
        reporters = frozenset({*self.accounts, *(f"tool:{one}" for one in self.tools)})
        return Flagger(self.name, reporters, frozenset(self.rules), self.paused)


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

    trusted_flaggers: tuple[FlaggerSection, ...] = Field(
        (),
        description="Bodies that were named trusted flaggers. Their reports are looked at before "
        "others, and counted apart; nothing is decided by it.",
    )

    @property
    def flaggers(self) -> tuple[Flagger, ...]:
        """The trusted flaggers as the domain knows them."""
        return tuple(section.flagger() for section in self.trusted_flaggers)

    @model_validator(mode="after")
    def _known_flaggers(self) -> Self:
        tools, taken, names = {tool.name for tool in self.tools}, set[str](), set[str]()
        for place, one in enumerate(self.trusted_flaggers):
            where = f"trusted_flaggers.{place}"
            if one.name.casefold() in names:
                message = f"{where}.name: another has this name already"
                raise ValueError(message)
            reporters = one.flagger().reporters
            if not reporters:
                message = f"{where}: name an account or a program by which its reports come"
                raise ValueError(message)
            if unknown := set(one.tools) - tools:
                message = f"{where}.tools: there is no program «{min(unknown)}» among reports.tools"
                raise ValueError(message)
            if both := taken & reporters:
                message = f"{where}: «{min(both).removeprefix('tool:')}» reports for another already"
                raise ValueError(message)
            names.add(one.name.casefold())
            taken |= reporters
        return self

    @model_validator(mode="after")
    def _each_its_own(self) -> Self:
        for what in ("name", "token"):
            given = [getattr(tool, what) for tool in self.tools]
            for place, one in enumerate(given):
                if one in given[:place]:
                    message = f"tools.{place}.{what}: another tool has it already"
                    raise ValueError(message)
        return self
