"""The way in by a document that reviewers look at: what is taken, and how long it is kept."""

from typing import Self

from pydantic import Field, model_validator

from policybot.config.types import Section, Word
from policybot.domain.identity import Assurance


class DocumentKind(Section):
    """A kind of document."""

    id: str = Field(
        pattern=r"^[a-z0-9_-]+$",
        description="A short name in small letters. Persons are recognised by it: never change it.",
    )
    title: Word = Field(description="What it is called.")


class DocumentSection(Section):
    """The way in by a document that your reviewers look at."""

    title: Word = Field("Show a document", description="What this way is called on the page.")
    assurance: Assurance = Field(
        Assurance.SUBSTANTIAL, description="How sure a document makes you: low, substantial or high."
    )
    kinds: tuple[DocumentKind, ...] = Field(
        min_length=1, description="The kinds of document that you take."
    )
    reasons: tuple[Word, ...] = Field(
        (),
        description="Reasons for refusing that reviewers can choose from, as the person reads them.",
    )
    keep_days: int = Field(
        30, ge=1, le=365, description="For how many days the pictures are kept after the decision."
    )
    wait_days: int = Field(
        14, ge=1, le=90, description="After how many days without a decision a document is forgotten."
    )
    max_mib: int = Field(8, ge=1, le=32, description="How large one file may be, in MiB.")
    max_files: int = Field(3, ge=1, le=5, description="How many files may be sent.")

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        ids = [kind.id for kind in self.kinds]
        for place, id_ in enumerate(ids):
            if id_ in ids[:place]:
                message = f"kinds.{place}.id: «{id_}» is there twice"
                raise ValueError(message)
        return self

    def title_of(self, kind: str) -> str:
        """Say what a kind is called; one that is no longer taken has its short name left."""
        return next((known.title for known in self.kinds if known.id == kind), kind)
