"""How accounts are linked to verified persons: the ways in, the keys, what is kept."""

from datetime import timedelta
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from policybot.config.document import DocumentSection
from policybot.config.types import Secret, Section, Span, Word
from policybot.domain.identity import Assurance, Claim


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


class Identity(Section):
    """How accounts are linked to verified persons."""

    index_key: Secret = Field(
        description="The secret under which persons are recognised without their names. If it "
        "changes, nobody is recognised any more: keep it, and keep it apart."
    )
    key_file: Path = Field(
        Path("vault.key"),
        description="The file of the keys under which names are encrypted. Without it nobody can read "
        "them any more: keep a copy, apart from the copies of the database.",
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
    roster: RosterSection | None = Field(
        None, description="The way in by a code from a list; null for none."
    )
    document: DocumentSection | None = Field(
        None, description="The way in by a document that your reviewers look at; null for none."
    )

    @model_validator(mode="after")
    def _some_way(self) -> Self:
        if self.roster is None and self.document is None:
            message = "name at least one way in, such as roster"
            raise ValueError(message)
        return self
