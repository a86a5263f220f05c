"""The gate as operators set it up: its secret, what it keeps, how slowly people write."""

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from policybot.config.types import Secret, Section, Span, Word, header_safe
from policybot.domain import notice_words
from policybot.domain.refusal import ALWAYS, OF_A_RULE, PHRASES, SENTENCES, Code, blanks
from policybot.domain.view import NONE, Creation, Slow, Upload

LanguageCode = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")]
"""A language's code (ISO 639): de, fr, gsw."""
_SLOWEST = timedelta(hours=24)


class TranslationSection(Section):
    """A rule in another language."""

    language: LanguageCode = Field(description="The language's code (ISO 639): de.")
    title: Word = Field(description="What it is about, in a few words.")
    text: Word = Field(description="The rule, as people read it.")


class SlowSection(Section):
    """How slowly people write in a room."""

    every: Span = Field(NONE, description="The time between two messages of one person; PT0S for none.")
    new_every: Span = Field(NONE, description="The same for those who have only just entered.")
    new_for: Span = Field(
        timedelta(days=1), description="How long somebody counts as one who has only just entered."
    )

    @model_validator(mode="after")
    def _within_reason(self) -> Self:
        for name in ("every", "new_every"):
            if not NONE <= getattr(self, name) <= _SLOWEST:
                message = f"{name}: must be PT24H at the most"
                raise ValueError(message)
        return self

    def slow(self) -> Slow:
        """Give it as the domain knows it."""
        return Slow(self.every, self.new_every, self.new_for)


class UploadsSection(Section):
    """Files that nobody may upload to the homeserver, for whichever room."""

    kinds: tuple[Word, ...] = Field(
        (), description="MIME types, by what libmagic finds: video/mp4, or video/* for all of them."
    )
    larger_than: int | None = Field(None, ge=0, description="Bytes.")

    def upload(self) -> Upload:
        """Give it as the domain knows it."""
        return Upload(self.kinds, self.larger_than)


class GateSection(Section):
    """The answer before something is accepted."""

    token: Annotated[Secret, AfterValidator(header_safe)] = Field(
        description="The secret by which policybot knows the homeserver's module, or its HTTP callbacks."
    )
    directory: Literal["register", "everybody"] = Field(
        "register",
        description="Who changes the homeserver's list of public rooms: register (nobody but the bot) "
        "or everybody.",
    )
    creation: Creation = Field(
        Creation.EVERYBODY,
        description="Who makes rooms that everybody can enter: everybody, verified (persons) or filed "
        "(nobody; the bot makes them once they are filed).",
    )
    uploads: UploadsSection | None = Field(
        None, description="Files that nobody may upload to the homeserver; null to look at none."
    )
    most_people: int = Field(
        50,
        ge=1,
        description="If a rule refuses something to more people than this within an hour, it is stopped "
        "for an hour and your people are called.",
    )


def check_languages(languages: dict[str, dict[str, str]]) -> None:
    """Check that what is said in other languages has a place, and no blanks that nothing fills.

    Raises:
        ValueError: it has none; the message names the key.
    """
    known = {code.value: sentence for code, sentence in SENTENCES.items()} | dict(PHRASES)
    known |= notice_words.SENTENCES
    for language, said in languages.items():
        for key, template in said.items():
            if key not in known:
                message = (
                    f"languages.{language}.{key}: there is no such sentence; there are: "
                    + ", ".join(known)
                )
                raise ValueError(message)
            of_gate = key not in PHRASES and key not in notice_words.SENTENCES
            allowed = blanks(known[key]) | ({*ALWAYS} if of_gate else set())
            allowed |= notice_words.MORE_BLANKS.get(key, frozenset())
            allowed |= {*OF_A_RULE} if key == Code.RULE.value else set()
            if unknown := blanks(template) - allowed:
                message = f"languages.{language}.{key}: nothing fills {{{min(unknown)}}}"
                raise ValueError(message)
