"""How accounts are linked to verified persons: the ways in, the keys, what is kept."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from policybot.config.callback import CallbackSection
from policybot.config.document import DocumentSection
from policybot.config.oidc import BindingSection, ProviderSection
from policybot.config.types import Secret, Section, Span, Word
from policybot.domain.identity import Assurance, Claim

_LONGEST_FIELD = 255
"""Bytes of a profile field's name, as Matrix has it."""
_OFTEN = timedelta(days=1)


def _seldom(value: timedelta) -> timedelta:
    if value < _OFTEN:
        message = "must be a day or more: P1D"
        raise ValueError(message)
    return value


class RosterSection(Section):
    """The way in by a code from a list of persons that you import."""

    title: Word = Field(
        "The code that you were given", description="What the code is called on the page."
    )
    assurance: Assurance = Field(
        Assurance.SUBSTANTIAL, description="How sure this list is: low, substantial or high."
    )
    grace: Span = Field(
        timedelta(days=14),
        description="For how long a verification is still good after its person left the list.",
    )


def _field(value: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_-]*(\.[a-z0-9_-]+)+", value) or value.startswith("m."):
        message = "must be a name of your own with a dot in it, such as org.example.verified"
        raise ValueError(message)
    if len(value) > _LONGEST_FIELD:
        message = f"must have {_LONGEST_FIELD} characters or fewer"
        raise ValueError(message)
    return value


class FrontSection(Section):
    """What others see of a verified person."""

    real_allowed: bool = Field(
        default=True, description="Whether a person may choose to show their verified name."
    )
    profile_field: Annotated[str, AfterValidator(_field)] | None = Field(
        "org.policybot.verified",
        description="The field of a member's profile that shows clients that they are verified; null "
        "for none. It is for display alone: its owner can overwrite it.",
    )


class Identity(Section):
    """How accounts are linked to verified persons."""

    index_key: Secret = Field(
        description="The secret under which persons are recognised without their names. If it "
        "changes, nobody is recognised any more: keep it, and keep it apart."
    )
    key_file: Path = Field(
        Path("vault.key"),
        description="The file of the keys under which names, and what kept copies of messages say, are "
        "encrypted. Without it nobody can read them any more: keep a copy, apart from the copies of the "
        "database.",
    )
    accounts_per_person: int = Field(
        1, ge=1, le=50, description="How many accounts one person may link."
    )
    link_minutes: int = Field(
        30, ge=5, le=1440, description="For how many minutes a verification link works."
    )
    valid_for: Span = Field(
        timedelta(days=730), description="For how long a verification is good at most."
    )
    keep: frozenset[Claim] = Field(
        frozenset({Claim.NAME}),
        description="What is kept of a person: name, given_name, family_name, birthdate. Whatever "
        "else a source sends is dropped at once.",
    )
    front: FrontSection = Field(
        default_factory=FrontSection, description="What others see of a verified person."
    )
    roster: RosterSection | None = Field(
        None, description="The way in by a code from a list; null for none."
    )
    oidc: tuple[ProviderSection, ...] = Field(
        (), description="The ways in by login at an OpenID provider."
    )
    binding: BindingSection = Field(
        default_factory=lambda: BindingSection.model_validate({}),
        description="How an account can be proved without sending the code by hand.",
    )

    callback: CallbackSection | None = Field(
        None,
        description="The way in by a verification service that posts a signed result; null for none.",
    )
    revalidate_every: Annotated[Span, AfterValidator(_seldom)] | None = Field(
        timedelta(days=30),
        description="How often a source is asked whether a verification still holds; null for never.",
    )
    revalidate_most: int = Field(
        20,
        ge=1,
        description="How many verifications may end in a day because their source no longer vouches for "
        "them. With the last one the review room is told, and the others wait.",
    )
    document: DocumentSection | None = Field(
        None, description="The way in by a document that your reviewers look at; null for none."
    )

    @model_validator(mode="after")
    def _some_way(self) -> Self:
        if not (self.roster or self.oidc or self.callback or self.document):
            message = "name at least one way in, such as roster"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        ids = [provider.id for provider in self.oidc]
        for place, id_ in enumerate(ids):
            if id_ in ids[:place]:
                message = f"oidc.{place}.id: «{id_}» is there twice"
                raise ValueError(message)
        return self
