"""The part of a rule that a machine can apply, as operators write it."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from policybot.config.types import Section, Span, Word
from policybot.domain import condition as conditions
from policybot.domain.condition import Condition
from policybot.domain.mechanism import LONGEST_HOLD, Then

_COMMENT = re.compile(r"(?:^|(?<=\s))#.*")
"""A # within a word is part of it, as in C#."""
_MAX_FILE = 16 * 1024 * 1024
_MAX_TERMS = 200_000
_LONGEST_TERM = 200
_LONGEST_NEW = timedelta(days=30)
"""How long it is remembered who entered a room, at the most."""


class TermsSection(Section):
    """Words and phrases; look-alikes and characters that are not seen make no difference."""

    words: tuple[Word, ...] = Field(
        (), description="Words and phrases. Those in scripts with spaces match as whole words."
    )
    file: Word | None = Field(
        None,
        description="A text file with more of them, one a line, beside this file; # at the beginning or "
        "after a space begins a comment.",
    )

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.words and self.file is None:
            message = "words: name some, or a file"
            raise ValueError(message)
        return self


class LinksSection(Section):
    """Links by domain: with both lists empty, every link."""

    deny: tuple[Word, ...] = Field(
        (), description="Domains that are meant, with everything below them: example.com."
    )
    allow: tuple[Word, ...] = Field((), description="Domains that are not meant; every other one is.")


class MediaSection(Section):
    """Files, by what libmagic finds in them; everything that is named must be so."""

    kinds: tuple[Word, ...] = Field((), description="MIME types: image/gif, or video/* for all of them.")
    larger_than: int | None = Field(None, ge=0, description="Bytes.")
    animated: bool | None = Field(None, description="Whether it moves.")

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.kinds and self.larger_than is None and self.animated is None:
            message = "kinds: name kinds, larger_than or animated"
            raise ValueError(message)
        return self


class RateSection(Section):
    """How often one person posts in one room."""

    more_than: int = Field(
        ge=1, le=1000, description="So many posts are not too many, 1000 at the most."
    )
    within: Span = Field(description="The time in which they are counted, PT1H at the most.")

    @model_validator(mode="after")
    def _short(self) -> Self:
        if not timedelta(0) < self.within <= timedelta(hours=1):
            message = "within: must be longer than nothing and PT1H at the most"
            raise ValueError(message)
        return self


class ConditionSection(Section):
    """What must be so; everything that is named here at once."""

    terms: TermsSection | None = Field(None, description="It contains one of your words.")
    patterns: tuple[Word, ...] = Field(
        (), description="It contains one of these patterns, in the syntax of RE2; (?i) ignores case."
    )
    links: LinksSection | None = Field(None, description="It links to such a domain.")
    media: MediaSection | None = Field(None, description="A file of it is of such a kind.")
    files_more_than: int | None = Field(None, ge=0, description="It carries more files than this.")
    mentions_more_than: int | None = Field(
        None, ge=0, description="It mentions more people than this; the whole room counts as one."
    )
    rate: RateSection | None = Field(None, description="Its sender posts too often in the room.")
    first_post: bool = Field(
        default=False,
        description="Its sender was seen to enter the room and has not posted there since.",
    )
    member_younger_than: Span | None = Field(
        None, description="Its sender was seen to enter the room less than this ago."
    )
    account_younger_than: Span | None = Field(
        None, description="Its sender's account was made less than this ago."
    )
    unverified: bool = Field(default=False, description="Its sender is not a verified person.")
    unqualified: tuple[str, ...] | None = Field(
        None,
        description="Its author declared it to be about one of these qualifications, and the room does "
        "not have it; [] for any of them, null not to ask.",
    )
    all: tuple["ConditionSection", ...] = Field((), description="Each of these holds.")
    any: tuple["ConditionSection", ...] = Field((), description="At least one of these holds.")
    none: tuple["ConditionSection", ...] = Field((), description="None of these holds.")

    @model_validator(mode="after")
    def _something(self) -> Self:
        fields = type(self).model_fields
        if all(getattr(self, name) == fields[name].get_default() for name in fields):
            message = "names no condition"
            raise ValueError(message)
        young = self.member_younger_than
        if young is not None and not timedelta(0) < young <= _LONGEST_NEW:
            message = "member_younger_than: must be longer than nothing and P30D at the most"
            raise ValueError(message)
        if self.account_younger_than is not None and self.account_younger_than <= timedelta(0):
            message = "account_younger_than: must be longer than nothing"
            raise ValueError(message)
        return self

    def kinds_of_qualification(self) -> Iterator[str]:
        """Name the qualifications that are asked for, here and further in."""
        yield from self.unqualified or ()
        for part in (*self.all, *self.any, *self.none):
            yield from part.kinds_of_qualification()

    def condition(self, folder: Path) -> Condition:
        """Give the condition as the domain knows it.

        Raises:
            ValueError: a file of words cannot be read.
        """
        parts = [*self._of_the_text(folder), *self._of_the_sender()]
        if self.all:
            parts.append(conditions.All(tuple(part.condition(folder) for part in self.all)))
        if self.any:
            parts.append(conditions.Any(tuple(part.condition(folder) for part in self.any)))
        if self.none:
            parts.append(conditions.NoneOf(tuple(part.condition(folder) for part in self.none)))
        return parts[0] if len(parts) == 1 else conditions.All(tuple(parts))

    def _of_the_text(self, folder: Path) -> Iterator[Condition]:
        if self.terms is not None:
            yield conditions.Terms(tuple(_words(self.terms, folder)))
        if self.patterns:
            yield conditions.Patterns(self.patterns)
        if self.links is not None:
            yield conditions.Links(self.links.allow, self.links.deny)
        if self.media is not None:
            yield conditions.Media(self.media.kinds, self.media.larger_than, self.media.animated)
        if self.files_more_than is not None:
            yield conditions.Files(self.files_more_than)
        if self.mentions_more_than is not None:
            yield conditions.Mentions(self.mentions_more_than)

    def _of_the_sender(self) -> Iterator[Condition]:
        if self.rate is not None:
            yield conditions.Rate(self.rate.more_than, self.rate.within)
        if self.first_post:
            yield conditions.FirstPost()
        if self.member_younger_than is not None:
            yield conditions.NewMember(self.member_younger_than)
        if self.account_younger_than is not None:
            yield conditions.NewAccount(self.account_younger_than)
        if self.unverified:
            yield conditions.Unverified()
        if self.unqualified is not None:
            yield conditions.Unqualified(self.unqualified)


def check_acts(then: tuple[Then, ...], *, automatic: bool, hold_for: timedelta) -> None:
    """Check that a rule does nothing by itself that must be done by people.

    Raises:
        ValueError: it does; the message names the key.
    """
    if not then:
        message = "then: is empty; write report, or state: draft"
        raise ValueError(message)
    for act in (Then.REDACT, Then.HOLD):
        if act in then and not automatic:
            message = f"automatic: must be true for {act.value}; without it, write report"
            raise ValueError(message)
    if not timedelta(0) < hold_for <= LONGEST_HOLD:
        message = "hold_for: must not be longer than PT72H without a person"
        raise ValueError(message)


def _words(section: TermsSection, folder: Path) -> Iterator[str]:
    """Give the words of the file here, then those of the other one."""
    words = dict.fromkeys(word.strip() for word in section.words)
    if section.file is not None:
        words |= dict.fromkeys(_read(folder / section.file, section.file))
    if not words:
        message = f"terms.file: {section.file} is empty"
        raise ValueError(message)
    if len(words) > _MAX_TERMS:
        message = f"terms: {len(words)} are too many; {_MAX_TERMS} are possible"
        raise ValueError(message)
    for word in words:
        if not word or len(word) > _LONGEST_TERM:
            message = f"terms: «{word[:40]}» must have 1 to {_LONGEST_TERM} characters"
            raise ValueError(message)
        yield word


def _read(path: Path, name: str) -> Iterator[str]:
    try:
        if path.exists() and not path.is_file():
            # What is read from a pipe or a device need never end.
            message = f"terms.file: {name} is no ordinary file"
            raise ValueError(message)
        if path.stat().st_size > _MAX_FILE:
            message = f"terms.file: {name} is larger than 16 MiB"
            raise ValueError(message)
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        message = f"terms.file: {name} is not UTF-8 text"
        raise ValueError(message) from None
    except OSError as error:
        message = f"terms.file: {name} cannot be read: {error.strerror}"
        raise ValueError(message) from None
    for line in text.splitlines():
        if (word := _COMMENT.sub("", line).strip()) != "":
            yield word
