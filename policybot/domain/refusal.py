"""A refusal: why something is not accepted, in a sentence that says what to do, and where to turn.

The sentences are written here in English; an operator can give the same in other languages.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum


class Code(StrEnum):
    """Why something is refused, for machines, and the key of its sentence."""

    UNVERIFIED = "unverified"
    UNSIGNED = "unsigned"
    DUE = "due"
    LIMITED = "limited"
    """The room is suspended."""
    RULE = "rule"
    CURBED = "curbed"
    """A measure keeps somebody from writing."""
    EXCLUDED = "excluded"
    """A measure keeps somebody out of a room."""
    SLOW = "slow"
    ENTRY = "entry"
    """Only those enter who may publish there."""
    CREATION = "creation"
    """A public room is filed, not made."""
    VERIFIED_CREATION = "verified_creation"
    """Public rooms are made by verified persons."""
    DIRECTORY = "directory"
    """The list of public rooms is kept by the register."""
    ALIAS = "alias"
    """An address that looks like a record number."""
    UPLOAD = "upload"
    AWAY = "away"
    """Nothing is known at the moment, and then nothing is accepted."""


OF_A_RULE = ("id", "title", "text")
ALWAYS = ("bot", "contact")
"""Blanks that every sentence may have: whom people write to, and where they turn with questions."""
SENTENCES: Mapping[Code, str] = {
    Code.UNVERIFIED: "This was not accepted: please verify yourself first. Others go on seeing the name "
    "of your choice. To begin, send !policy verify to {bot}",
    Code.UNSIGNED: "This was not accepted: please read and sign the agreement first. To begin, send "
    "!policy agree to {bot}",
    Code.DUE: "This was not accepted: the agreement has a new version, which you have not signed yet. "
    "To read and sign it, send !policy agree to {bot}",
    Code.LIMITED: "This was not accepted: the room is suspended. Until when stands in its pinned "
    "notice; its owner was told why, and how to object. Questions: {contact}",
    Code.RULE: "This was not accepted. Rule {id} ({title}): {text} Please change it and send it again. "
    "If you think that this is a mistake, write to {contact}",
    Code.CURBED: "This was not accepted: by decision {number} you cannot write here {until}. You can "
    "read. To object, send !policy appeal {number} REASON to {bot}",
    Code.EXCLUDED: "You cannot enter this room {until}, by decision {number}. To object, send !policy "
    "appeal {number} REASON to {bot}",
    Code.SLOW: "This room takes one message every {every} from each person. Please send it again in "
    "{wait}.",
    Code.ENTRY: "Only verified persons who have signed the agreement enter this room. To begin, send "
    "!policy verify to {bot}",
    Code.CREATION: "Rooms that everybody can enter are filed here first, and then made for you. To "
    "begin, send !policy file new to {bot}",
    Code.VERIFIED_CREATION: "Rooms that everybody can enter are made by verified persons here. To "
    "verify yourself, send !policy verify to {bot}",
    Code.DIRECTORY: "The list of public rooms shows what is filed. To have a room shown, send !policy "
    "file ROOM to {bot}; to have it taken out, !policy withdraw NUMBER",
    Code.ALIAS: "This address looks like a record number of the register. Please choose another one.",
    Code.UPLOAD: "Files of this kind or size are not accepted on this homeserver. Questions: {contact}",
    Code.AWAY: "This cannot be checked at the moment, so it is not accepted. Please try again in a few "
    "minutes.",
}
"""What is said, with blanks."""

_BLANK = re.compile(r"\{(\w+)\}")
_LONGEST = 1_000
"""Characters of what is filled in; a rule is read whole where the rules are."""
_TURNING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control signs but for lines and tabs, those that change the direction, and halves of characters."""
UNTIL, OPEN_END = "until_time", "open_end"
"""The keys of the two ways to say how long: «until DATE», and where no end is known."""
PHRASES: Mapping[str, str] = {UNTIL: "until {time} UTC", OPEN_END: "until further notice"}


def blanks(template: str) -> set[str]:
    """Name the blanks of a sentence."""
    return set(_BLANK.findall(template))


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why something is not accepted, and what its sender can do."""

    code: Code
    sentence: str
    link: str
    rule_id: str | None = None
    wait: timedelta | None = None
    """After which time it would be accepted, where time is all that is missing."""

    def body(self) -> dict[str, str | int]:
        """Write what a client is told: an error of the Client-Server API ("Standard error response").

        The fields beside `errcode`, `error` and `retry_after_ms` are ours.
        """
        told: dict[str, str | int] = {
            "errcode": "M_LIMIT_EXCEEDED" if self.wait is not None else "M_FORBIDDEN",
            "error": self.sentence,
            "org.policybot.code": self.code.value,
            "org.policybot.link": self.link,
        }
        if self.rule_id is not None:
            told["org.policybot.rule"] = self.rule_id
        if self.wait is not None:
            told["retry_after_ms"] = int(self.wait.total_seconds() * 1000)
        return told


@dataclass(frozen=True, slots=True)
class Words:
    """The sentences, in the languages that the operator gives them in."""

    languages: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By a language's code, then by `Code` or the key of a phrase; what is missing is in English."""

    def say(self, code: Code, language: str, **blanks_: str) -> str:
        """Fill a sentence in."""
        return filled(self._of(language).get(code.value, SENTENCES[code]), blanks_)

    def until(self, language: str, time: str | None) -> str:
        """Say until when something lasts; `time` is None where no end is known or there is none.

        The clock of a measure runs once the homeserver has carried it out: who tries to write before
        that must not read that it is for ever.
        """
        key = OPEN_END if time is None else UNTIL
        return filled(self._of(language).get(key, PHRASES[key]), {"time": time or ""})

    def _of(self, language: str) -> Mapping[str, str]:
        return self.languages.get(language, {})


def filled(template: str, values: Mapping[str, str], longest: int = _LONGEST) -> str:
    """Fill the blanks of a sentence, each with so many characters at the most."""
    # Not str.format: a blank is a name and nothing else, whoever wrote the template.
    return _BLANK.sub(lambda found: _shown(values.get(found[1], found[0]), longest), template)


def _shown(text: str, longest: int) -> str:
    """Write what stands in a sentence so that it fits, and turns nothing round that comes after it."""
    text = _TURNING.sub("", text)
    return text if len(text) <= longest else f"{text[:longest].rstrip()} \u2026"


def in_words(span: timedelta) -> str:
    """Say a short time as one says it: «45 s», «3 min», «2 h»."""
    seconds = max(1, -(-int(span.total_seconds() * 1000) // 1000))
    if seconds < 120:  # noqa: PLR2004 - two minutes
        return f"{seconds} s"
    minutes = -(-seconds // 60)
    return f"{minutes} min" if minutes < 120 else f"{-(-minutes // 60)} h"  # noqa: PLR2004 - two hours
