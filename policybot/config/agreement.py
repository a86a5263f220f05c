"""The text that everybody signs: its version, its languages, its promises, the notice it gives."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Self

from pydantic import Field, model_validator

from policybot.config.types import Section, Time, Word
from policybot.domain.agreement import Agreement, Commitment, Notice

Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[a-z0-9]{2,8})*$")]
Days = Annotated[int, Field(ge=1, le=365)]


class CommitmentSection(Section):
    """One promise in the agreement."""

    id: Word = Field(description="A short name; a reworded promise keeps it.")
    text: dict[Language, Word] = Field(description="What is promised, in each language of the text.")


class AgreementSection(Section):
    """The text that everybody signs before publishing."""

    version: str = Field(
        pattern=r"^[A-Za-z0-9._-]{1,40}$",
        description="Its version, as people type it; a changed text needs a new one.",
    )
    effective_from: Time = Field(
        description="From when it binds. A changed text binds a day after policybot first saw it at the "
        "earliest, a stricter one after notice_days."
    )
    stricter: bool = Field(
        default=False, description="Whether it asks more of people than the version before."
    )
    notice_days: Days = Field(
        14, description="For how many days people are told before a stricter version binds them."
    )
    remind_days: tuple[Days, ...] = Field(
        (7, 1), description="How many days before it binds those who have not signed are reminded."
    )
    default_language: Language = Field(
        "en", description="The language for those who have not chosen one."
    )
    texts: dict[Language, Word] = Field(min_length=1, description="The text, by language.")
    commitments: tuple[CommitmentSection, ...] = Field(
        (), description="The promises that are shown one by one."
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        languages = set(self.texts)
        if self.default_language not in languages:
            message = f"default_language: there is no text in «{self.default_language}»"
            raise ValueError(message)
        if self.version in languages:
            message = f"version: «{self.version}» is a language of the text; name the version otherwise"
            raise ValueError(message)
        for place, commitment in enumerate(self.commitments):
            if missing := languages - set(commitment.text):
                message = f"commitments.{place}.text: is missing in «{min(missing)}»"
                raise ValueError(message)
            if more := set(commitment.text) - languages:
                message = f"texts: is missing in «{min(more)}», which the commitments have"
                raise ValueError(message)
            if commitment.id in [c.id for c in self.commitments[:place]]:
                message = f"commitments.{place}.id: «{commitment.id}» is there twice"
                raise ValueError(message)
        return self

    def agreement(self) -> Agreement:
        """Give the agreement as the domain knows it."""
        return Agreement(
            version=self.version,
            effective_from=self.effective_from,
            texts=_stripped(self.texts),
            commitments=tuple(Commitment(c.id, _stripped(c.text)) for c in self.commitments),
            default_language=self.default_language,
            stricter=self.stricter,
        )

    def notice(self) -> Notice:
        """Give the times of notice as the domain knows them."""
        reminders = tuple(timedelta(days=days) for days in sorted(set(self.remind_days), reverse=True))
        return Notice(timedelta(days=self.notice_days), reminders)


def _stripped(texts: Mapping[str, str]) -> dict[str, str]:
    return {language: text.strip() for language, text in texts.items()}
